//! Streams over WebSocket: what SSE and gRPC show, and how a connection ends.

use std::time::Duration;

use event_gateway::{Pace, limits::MAX_FRAME_BYTES, ws::close};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use service::serve::Lifetime;
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, protocol::frame::coding::CloseCode},
};

use crate::{
    pace::{LARGE, MANY},
    port::{PATIENCE, Stack, past},
    world::{run, tenant},
};

/// What a client got.
#[derive(Debug, PartialEq)]
enum Got {
    Frame(Value),
    Ping,
    Closed(u16),
}

struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn connect(stack: &Stack, headers: &[(&'static str, String)]) -> Result<Self, Error> {
        let socket = TcpStream::connect(stack.gateway).await.expect("connected");
        let url = format!("ws://{}/v1/events/ws", stack.gateway);
        let mut request = url.into_client_request().expect("an address");
        for (name, value) in headers {
            let value = value.parse().expect("a header");
            request.headers_mut().insert(*name, value);
        }
        Ok(Self(client_async(request, socket).await?.0))
    }

    async fn open(stack: &Stack, request: Value) -> Self {
        let mut client = Self::of(stack, "one").await;
        client.send(Message::text(request.to_string())).await;
        client
    }

    async fn of(stack: &Stack, name: &str) -> Self {
        let key = format!("Bearer key-{name}");
        let client = Self::connect(stack, &[("authorization", key)]).await;
        client.expect("a WebSocket")
    }

    async fn send(&mut self, message: Message) {
        self.0.send(message).await.expect("sent");
    }

    async fn any(&mut self) -> Got {
        let next = timeout(PATIENCE, self.0.next()).await.expect("in time");
        match next.expect("a close frame first").expect("unbroken") {
            Message::Text(text) => Got::Frame(serde_json::from_str(&text).expect("JSON")),
            Message::Ping(_) => Got::Ping,
            Message::Close(frame) => {
                Got::Closed(frame.map_or(0, |frame| CloseCode::into(frame.code)))
            }
            other => panic!("{other:?}"),
        }
    }

    async fn next(&mut self) -> Got {
        loop {
            match self.any().await {
                Got::Ping => {}
                Got::Frame(frame) if frame.get("heartbeat").is_some() => {}
                other => return other,
            }
        }
    }

    async fn event(&mut self) -> (String, Value) {
        match self.next().await {
            Got::Frame(frame) => {
                let id = frame["event"]["id"].as_str().expect("an event").to_owned();
                (id, frame)
            }
            other => panic!("{other:?}"),
        }
    }

    async fn last(&mut self) -> (Value, u16) {
        match (self.next().await, self.next().await) {
            (Got::Frame(frame), Got::Closed(code)) => (frame, code),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn one_run_resumes_after_a_number_and_ends_at_rest() {
    let stack = Stack::start().await;
    let (one, r) = (tenant("one"), run("r"));
    past(&stack, &one, &r, &["submitted", "step_started"]).await;
    let mut client = Client::open(
        &stack,
        json!({ "run_id": "r", "after": 1, "until_rest": true }),
    )
    .await;
    let (id, frame) = client.event().await;
    assert_eq!(id, "r.2");
    assert_eq!(frame["event"]["specversion"], "1.0");
    assert_eq!(frame["event"]["data"]["sequence"], "2");
    assert_eq!(frame.get("resume"), None);
    past(&stack, &one, &r, &["ended"]).await;
    assert_eq!(client.event().await.0, "r.3");
    assert_eq!(client.next().await, Got::Closed(close::DONE));
    stack.end().await;
}

#[tokio::test]
async fn many_runs_begin_with_a_position_and_resume_by_token() {
    let stack = Stack::start().await;
    let one = tenant("one");
    let filter = json!({ "filter": { "types": ["ended"] } });
    let mut client = Client::open(&stack, filter).await;
    let Got::Frame(first) = client.any().await else {
        panic!("a position first")
    };
    let token = first["resume"].as_str().expect("a token").to_owned();
    past(&stack, &one, &run("a"), &["submitted", "ended"]).await;
    let (id, frame) = client.event().await;
    assert_eq!(id, "a.2");
    drop(client);
    past(&stack, &one, &run("b"), &["submitted"]).await;
    let mut client = Client::open(&stack, json!({ "resume": frame["resume"] })).await;
    assert_eq!(client.event().await.0, "b.1");
    // Who was cut before its first event misses nothing either.
    let mut client = Client::open(&stack, json!({ "resume": token })).await;
    assert_eq!(client.event().await.0, "a.1");
    stack.end().await;
}

#[tokio::test]
async fn what_is_wrong_is_told_in_the_last_frame() {
    let stack = Stack::start().await;
    past(&stack, &tenant("two"), &run("r"), &["submitted"]).await;
    for (request, code, path) in [
        (json!({ "run": "r" }), 4400, Some("run")),
        (json!({ "after": "x" }), 4400, Some("after")),
        (json!({ "run_id": "R!" }), 4400, Some("run_id")),
        (json!({ "resume": "other" }), 4400, Some("resume")),
        (
            json!({ "filter": { "types": vec![""; 33] } }),
            4400,
            Some("filter.types"),
        ),
        (json!([]), 4400, Some("body")),
        // Another tenant's.
        (json!({ "run_id": "r" }), 4404, None),
    ] {
        let mut client = Client::open(&stack, request.clone()).await;
        let (frame, closed) = client.last().await;
        assert_eq!(closed, code, "{request} {frame}");
        assert_eq!(frame["error"]["status"], code - close::PROBLEM);
        assert_eq!(
            frame["error"]["errors"][0]["path"].as_str(),
            path,
            "{frame}"
        );
    }
    let mut client = Client::of(&stack, "one").await;
    client.send(Message::binary(b"{}".to_vec())).await;
    assert_eq!(client.next().await, Got::Closed(close::UNSUPPORTED));
    let mut client = Client::open(&stack, json!({ "resume": "x".repeat(MAX_FRAME_BYTES) })).await;
    assert_eq!(client.next().await, Got::Closed(close::TOO_BIG));
    let mut client = Client::open(&stack, json!({})).await;
    client.send(Message::text("{}")).await;
    assert_eq!(client.next().await, Got::Closed(close::POLICY));
    stack.end().await;
}

#[tokio::test]
async fn pages_of_other_sites_and_callers_without_a_key_do_not_connect() {
    let stack = Stack::start().await;
    let key = || ("authorization", "Bearer key-one".to_owned());
    let origin = |text: String| ("origin", text);
    let refused = async |headers: &[(&'static str, String)]| match Client::connect(&stack, headers)
        .await
        .err()
    {
        Some(Error::Http(response)) => response.status().as_u16(),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&[]).await, 401);
    for site in ["http://evil.example", "null", "http://127.0.0.1:1"] {
        assert_eq!(
            refused(&[key(), origin(site.to_owned())]).await,
            403,
            "{site}"
        );
    }
    let ours = origin(format!("http://{}", stack.gateway));
    assert!(Client::connect(&stack, &[key(), ours]).await.is_ok());
    let plain = stack.get("/v1/events/ws").await;
    assert_eq!(plain.status(), 400);
    assert_eq!(plain.headers()["content-type"], "application/problem+json");
    stack.end().await;
}

fn hurried() -> Pace {
    Pace {
        heartbeat: Duration::from_millis(20),
        ..Pace::default()
    }
}

#[tokio::test]
async fn pings_show_that_it_lives_and_want_an_answer() {
    let stack = Stack::at(hurried()).await;
    let mut client = Client::open(&stack, json!({})).await;
    let (mut pings, mut positions) = (0, 0);
    // Reading answers pings.
    while pings < 5 || positions < 3 {
        match client.any().await {
            Got::Ping => pings += 1,
            Got::Frame(frame) if frame["resume"].is_string() => positions += 1,
            other => panic!("{other:?}"),
        }
    }
    // The bare connection answers none.
    let mut silent = Client::open(&stack, json!({})).await.0.into_inner();
    let mut bytes = Vec::new();
    let all = timeout(PATIENCE, silent.read_to_end(&mut bytes)).await;
    all.expect("in time").expect("unbroken");
    let close = bytes
        .iter()
        .rposition(|byte| *byte == 0x88)
        .expect("a close frame");
    assert_eq!(bytes[close + 2..close + 4], close::POLICY.to_be_bytes());
    stack.end().await;
}

#[tokio::test]
async fn who_says_nothing_is_closed_with_the_reason() {
    let pace = Pace {
        first_frame: Duration::from_millis(20),
        ..Pace::default()
    };
    let stack = Stack::at(pace).await;
    let mut client = Client::of(&stack, "one").await;
    assert_eq!(client.any().await, Got::Closed(close::NO_REQUEST));
    // A ping says nothing either.
    let mut client = Client::of(&stack, "one").await;
    client.send(Message::Ping(Default::default())).await;
    loop {
        match timeout(PATIENCE, client.0.next()).await.expect("in time") {
            Some(Ok(Message::Pong(_))) => {}
            Some(Ok(Message::Close(Some(frame)))) => {
                assert_eq!(u16::from(frame.code), close::NO_REQUEST);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    stack.end().await;
}

#[tokio::test]
async fn who_does_not_read_is_told_where_to_resume() {
    // Not to be taken for gone, however slow this machine is today.
    let pace = Pace {
        patience: Duration::ZERO,
        send: PATIENCE * 30,
        ..Pace::default()
    };
    let stack = Stack::at(pace).await;
    let (one, r) = (tenant("one"), run("r"));
    past(&stack, &one, &r, &["submitted"]).await;
    let mut slow = Client::open(&stack, json!({ "run_id": "r" })).await;
    let mut quick = Client::open(&stack, json!({ "run_id": "r" })).await;
    for client in [&mut slow, &mut quick] {
        assert_eq!(client.event().await.0, "r.1");
    }
    let large = "x".repeat(LARGE);
    for number in 2..=MANY {
        past(&stack, &one, &r, &[&large]).await;
        let (id, _) = quick.event().await;
        assert_eq!(id, format!("r.{number}"), "nobody else is held up");
    }
    let mut last = 1;
    let position = loop {
        let Got::Frame(frame) = slow.next().await else {
            panic!("it is told before it is closed")
        };
        if let Some(lagged) = frame.get("lagged") {
            break lagged["after"].as_u64().expect("a number");
        }
        last += 1;
        assert_eq!(frame["event"]["id"], format!("r.{last}"), "none missing");
    };
    assert_eq!(position, last);
    assert!(last < MANY as u64, "it was cut");
    assert_eq!(slow.next().await, Got::Closed(close::LAGGED));
    let request = json!({ "run_id": "r", "after": position });
    let mut back = Client::open(&stack, request).await;
    assert_eq!(back.event().await.0, format!("r.{}", last + 1));
    stack.end().await;
}

#[tokio::test]
async fn a_stop_and_an_old_connection_end_with_a_position() {
    let stack = Stack::start().await;
    past(&stack, &tenant("one"), &run("r"), &["submitted"]).await;
    let mut client = Client::open(&stack, json!({ "run_id": "r" })).await;
    assert_eq!(client.event().await.0, "r.1");
    stack.stop.cancel();
    let (frame, code) = client.last().await;
    assert_eq!(
        (&frame["closing"]["after"], code),
        (&json!(1), close::GOING)
    );
    let world = stack.world.clone();
    stack.end().await;

    let lifetime = Lifetime {
        most: Duration::from_millis(50),
        grace: Duration::ZERO,
    };
    let pace = Pace {
        lifetime,
        ..Pace::default()
    };
    let stack = Stack::over(world, pace).await;
    let mut client = Client::open(&stack, json!({})).await;
    let (frame, code) = client.last().await;
    assert_eq!(code, close::GOING);
    let mut token = frame["closing"]["resume"].clone();
    past(&stack, &tenant("one"), &run("s"), &["submitted"]).await;
    // A connection may be old before it has told anything; the next goes on from there.
    let mut told = None;
    for _ in 0..100 {
        let mut client = Client::open(&stack, json!({ "resume": token })).await;
        let Got::Frame(frame) = client.next().await else {
            panic!("a position first")
        };
        told = frame["event"]["id"].as_str().map(str::to_owned);
        if told.is_some() {
            break;
        }
        token = frame["closing"]["resume"].clone();
    }
    assert_eq!(told.as_deref(), Some("s.1"));
    stack.end().await;
}
