//! `GET /v1/events/ws`: streams over WebSocket. The first frame says what is wanted; then events come as
//! JSON text frames, with pings as heartbeats.

use std::sync::Arc;

use ::service::{
    auth::{Principal, Role},
    http::problem as problem_response,
};
use axum::{
    Router,
    extract::{
        FromRequestParts, Request, State,
        ws::{
            CloseFrame, Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection,
        },
    },
    response::{IntoResponse, Response},
    routing::get,
};
use futures::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use serde_json::json;
use tokio::{
    sync::Semaphore,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tonic::Status;
use wire::{events::v1::SubscribeRequest, problem::Details};

use crate::{
    api::{is_own_origin, read_message},
    limits::{CLOSE_WAIT, MAX_FRAME_BYTES, MAX_SILENT_PINGS, MAX_STREAMS},
    request::{Wish, key},
    service::Pace,
    sse::cloud_event,
    stream::{Item, Resume, Stream, Streams},
};

/// Where it is.
pub const PATH: &str = "/v1/events/ws";

/// How a connection ends.
pub mod close {
    /// The run is at rest, and the client wanted no more.
    pub const DONE: u16 = 1000;
    /// The gateway stops, or the connection is old.
    pub const GOING: u16 = 1001;
    /// A binary frame.
    pub const UNSUPPORTED: u16 = 1003;
    /// A second request, or no answer to pings.
    pub const POLICY: u16 = 1008;
    /// A frame beyond the bound.
    pub const TOO_BIG: u16 = 1009;
    /// The client read too slowly.
    pub const LAGGED: u16 = 4001;
    /// To this the HTTP status of a problem is added.
    pub const PROBLEM: u16 = 4000;
    /// No first frame in time.
    pub const NO_REQUEST: u16 = PROBLEM + 408;

    /// All of them, with what they mean.
    pub const ALL: [(u16, &str); 13] = [
        (DONE, "The run is at rest, and `until_rest` was asked for."),
        (
            GOING,
            "The gateway stops, or the connection is old; connect again and resume.",
        ),
        (UNSUPPORTED, "A binary frame; requests are text."),
        (
            POLICY,
            "A second request on one connection, or pings without an answer.",
        ),
        (TOO_BIG, "A frame is too large."),
        (
            LAGGED,
            "The client read too slowly; resume from the position of the last frame.",
        ),
        (
            PROBLEM + 400,
            "The request has faults; the last frame names them.",
        ),
        (PROBLEM + 403, "The key may not read this."),
        (PROBLEM + 404, "There is no such run for this caller."),
        (NO_REQUEST, "No first frame came in time."),
        (PROBLEM + 429, "Too many streams are open; try again later."),
        (PROBLEM + 500, "A defect; connect again and resume."),
        (
            PROBLEM + 503,
            "The orchestrator does not answer; connect again and resume.",
        ),
    ];
}

/// The streams, and room for connections that have not asked yet.
#[derive(Clone)]
struct Sockets {
    streams: Streams,
    places: Arc<Semaphore>,
    pace: Pace,
}

/// The route.
pub fn routes(streams: Streams, pace: Pace) -> Router {
    Router::new().route(PATH, get(upgrade)).with_state(Sockets {
        streams,
        places: Arc::new(Semaphore::new(MAX_STREAMS)),
        pace,
    })
}

async fn upgrade(State(sockets): State<Sockets>, request: Request) -> Response {
    match open(sockets, request).await {
        Ok(response) => response,
        Err(status) => problem_response(&status),
    }
}

async fn open(sockets: Sockets, request: Request) -> Result<Response, Status> {
    let (mut parts, _) = request.into_parts();
    let caller = Principal::with_role(&parts.extensions, &[Role::Viewer])?.clone();
    if !is_own_origin(&parts.uri, &parts.headers) {
        return Err(Status::permission_denied(
            "a page of another site may not connect here",
        ));
    }
    let key = key(&parts.headers);
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return refused_upgrade(rejection),
    };
    let place = Arc::clone(&sockets.places)
        .try_acquire_owned()
        .map_err(|_| {
            Status::resource_exhausted(format!(
                "{MAX_STREAMS} connections are open; try again later"
            ))
        })?;
    let tasks = sockets.streams.tasks();
    let upgrade = upgrade
        .max_message_size(MAX_FRAME_BYTES)
        .max_frame_size(MAX_FRAME_BYTES);
    Ok(upgrade.on_upgrade(move |socket| {
        tasks.track_future(async move {
            serve(socket, &sockets, &caller, key.as_deref()).await;
            drop(place);
        })
    }))
}

/// A request that does not ask for a WebSocket.
fn refused_upgrade(rejection: WebSocketUpgradeRejection) -> Result<Response, Status> {
    let response = rejection.into_response();
    if response.status().is_client_error() {
        return Err(Status::invalid_argument(
            "connect here as a WebSocket client: GET over HTTP/1.1 with `upgrade: websocket`",
        ));
    }
    Ok(response)
}

type Sink = SplitSink<WebSocket, Message>;
type Source = SplitStream<WebSocket>;

/// The client went away, or does not take what is sent.
struct Gone;

/// Why a connection ends: the last text frame, if any, and the close code.
struct End {
    last: Option<String>,
    code: u16,
    why: &'static str,
}

impl End {
    fn new(code: u16, why: &'static str) -> Self {
        Self {
            last: None,
            code,
            why,
        }
    }

    fn refused(status: &Status) -> Self {
        let details = Details::from(status);
        let code = close::PROBLEM + details.status;
        Self {
            last: Some(json!({ "error": details }).to_string()),
            code,
            why: "see the last frame",
        }
    }
}

async fn serve(socket: WebSocket, sockets: &Sockets, caller: &Principal, key: Option<&str>) {
    let (mut sink, mut source) = socket.split();
    let end = match begin(&mut source, sockets, caller, key).await {
        Ok(Ok(stream)) => follow(&mut sink, &mut source, stream, sockets.pace).await,
        Ok(Err(end)) => Ok(end),
        Err(gone) => Err(gone),
    };
    // Who went away is told nothing.
    let Ok(End { last, code, why }) = end else {
        return;
    };
    let farewell = async {
        if let Some(text) = last {
            send(&mut sink, Message::text(text), sockets.pace).await?;
        }
        let frame = CloseFrame {
            code,
            reason: why.into(),
        };
        send(&mut sink, Message::Close(Some(frame)), sockets.pace).await?;
        // The client's own close frame, so that what was sent last is not lost with the connection.
        while let Some(Ok(_)) = source.next().await {}
        Ok::<_, Gone>(())
    };
    if timeout(CLOSE_WAIT, farewell).await.is_err() {
        tracing::debug!("a WebSocket client did not close");
    }
}

/// Reads the first frame and opens the stream that it asks for.
async fn begin(
    source: &mut Source,
    sockets: &Sockets,
    caller: &Principal,
    key: Option<&str>,
) -> Result<Result<Stream, End>, Gone> {
    let first = async {
        loop {
            match source.next().await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => return other,
            }
        }
    };
    let text = match timeout(sockets.pace.first_frame, first).await {
        Err(_) => {
            let end = End::new(close::NO_REQUEST, "send the request first");
            return Ok(Err(end));
        }
        Ok(Some(Ok(Message::Text(text)))) => text,
        Ok(Some(Ok(Message::Binary(_)))) => {
            return Ok(Err(End::new(
                close::UNSUPPORTED,
                "send the request as text",
            )));
        }
        Ok(Some(Err(error))) => return too_big(&error).map(Err),
        Ok(Some(Ok(_)) | None) => return Err(Gone),
    };
    let opened = async {
        let request: SubscribeRequest = read_message(text.as_bytes(), MAX_FRAME_BYTES)?;
        let wish = Wish::new(request)?;
        sockets.streams.open(caller, key, wish, "ws").await
    };
    Ok(opened.await.map_err(|status| End::refused(&status)))
}

/// What a broken read means: a frame beyond the bound is told.
fn too_big(error: &axum::Error) -> Result<End, Gone> {
    let is_it = std::error::Error::source(error).is_some_and(|source| {
        let text = source.to_string();
        text.contains("too long") || text.contains("too big") || text.contains("exceed")
    });
    if is_it {
        Ok(End::new(close::TOO_BIG, "a frame is too large"))
    } else {
        Err(Gone)
    }
}

/// Sends what the stream gives until either side ends it.
async fn follow(
    sink: &mut Sink,
    source: &mut Source,
    mut stream: Stream,
    pace: Pace,
) -> Result<End, Gone> {
    let mut pings = interval(pace.heartbeat);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    let mut silent = 0;
    let old = sleep(pace.lifetime.most);
    tokio::pin!(old);
    loop {
        tokio::select! {
            biased;
            heard = source.next() => match heard {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => silent = 0,
                Some(Ok(Message::Text(_) | Message::Binary(_))) => {
                    return Ok(End::new(close::POLICY, "one request for each connection"));
                }
                Some(Ok(Message::Close(_))) | None => return Err(Gone),
                Some(Err(error)) => return too_big(&error),
            },
            _ = pings.tick() => {
                if silent >= MAX_SILENT_PINGS {
                    return Ok(End::new(close::POLICY, "pings were not answered"));
                }
                silent += 1;
                send(sink, Message::Ping(Default::default()), pace).await?;
            }
            () = &mut old => {
                let last = closing(&stream.resume());
                return Ok(End { last: Some(last), ..End::new(close::GOING, "the connection is old") });
            }
            item = stream.next() => {
                let Some(item) = item else {
                    return Ok(End::new(close::DONE, "the run is at rest"));
                };
                match frame(item) {
                    Frame::None => {}
                    Frame::Text(text) => send(sink, Message::text(text), pace).await?,
                    Frame::Last(end) => return Ok(end),
                }
            }
        }
    }
}

async fn send(sink: &mut Sink, message: Message, pace: Pace) -> Result<(), Gone> {
    match timeout(pace.send, sink.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}

enum Frame {
    None,
    Text(String),
    Last(End),
}

fn frame(item: Item) -> Frame {
    match item {
        Item::Event { event, resume } => {
            let cloud = cloud_event(&event);
            Frame::Text(match resume {
                None => format!("{{\"event\":{cloud}}}"),
                Some(token) => format!("{{\"event\":{cloud},\"resume\":{}}}", json!(token)),
            })
        }
        Item::Delta(delta) => Frame::Text(json!({ "delta": delta }).to_string()),
        // The ping is enough where there is no position to tell.
        Item::Heartbeat { resume: None } => Frame::None,
        Item::Heartbeat { resume } => {
            Frame::Text(json!({ "heartbeat": {}, "resume": resume }).to_string())
        }
        Item::Lagged(at) => Frame::Last(End {
            last: Some(json!({ "lagged": at.to_json() }).to_string()),
            ..End::new(close::LAGGED, "read faster; resume from the last frame")
        }),
        Item::Closing(at) => Frame::Last(End {
            last: Some(closing(&at)),
            ..End::new(close::GOING, "the gateway stops")
        }),
        Item::Failed(status) => Frame::Last(End::refused(&status)),
    }
}

fn closing(at: &Resume) -> String {
    json!({ "closing": at.to_json() }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_of_a_stream_has_a_documented_close_code() {
        for status in [
            Status::invalid_argument("x"),
            Status::permission_denied("x"),
            Status::not_found("x"),
            Status::resource_exhausted("x"),
            Status::internal("x"),
            Status::unavailable("x"),
            Status::out_of_range("x"),
        ] {
            let code = End::refused(&status).code;
            assert!(close::ALL.iter().any(|(known, _)| *known == code), "{code}");
        }
    }
}
