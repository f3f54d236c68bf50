//! `GET /v1/events`: streams as Server-Sent Events. Each event is a CloudEvent in structured JSON.

use std::convert::Infallible;

use ::service::{
    auth::{Principal, Role},
    http::problem as problem_response,
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Query, Request, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts},
    response::Response,
    routing::get,
};
use futures::{StreamExt, stream};
use model::validate::Problem;
use serde_json::json;
use tonic::Status;
use wire::{
    events::v1::{Event, Filter, SubscribeRequest},
    problem::{self, Details},
};

use crate::{
    request::{Wish, key},
    stream::{Item, Resume, Streams},
};

/// Where it is.
pub const PATH: &str = "/v1/events";
/// What the query may say.
pub const PARAMETERS: [(&str, &str); 8] = [
    ("run", "One run; without it, all runs of the tenant."),
    (
        "after",
        "With a run: events with a higher number. Without: the token to resume from.",
    ),
    ("workflow", "Only events of this workflow."),
    ("campaign", "Only events of this campaign."),
    (
        "state",
        "Only events after which the run is in one of these states.",
    ),
    (
        "type",
        "Only events of these types, such as `step_finished`.",
    ),
    (
        "until_rest",
        "With a run: the stream ends when the run is at rest.",
    ),
    (
        "live",
        "With a run: also what its agents write, while they write it.",
    ),
];
/// CloudEvents source of all events.
pub(crate) const SOURCE: &str = "pressrun";
/// CloudEvents types begin so.
pub(crate) const TYPE_PREFIX: &str = "pressrun.run.v1.";
/// Where a browser says what it got last.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Begins the body at once, so that a client knows that it is connected; and how soon it may come again.
const OPENING: &[u8] = b": open\nretry: 1000\n\n";

type Pairs = Vec<(String, String)>;

/// The route.
pub fn routes(streams: Streams) -> Router {
    Router::new().route(PATH, get(events)).with_state(streams)
}

async fn events(
    State(streams): State<Streams>,
    query: Result<Query<Pairs>, QueryRejection>,
    request: Request,
) -> Response {
    match open(&streams, query, &request.into_parts().0).await {
        Ok(response) => response,
        Err(status) => problem_response(&status),
    }
}

async fn open(
    streams: &Streams,
    query: Result<Query<Pairs>, QueryRejection>,
    request: &Parts,
) -> Result<Response, Status> {
    let caller = Principal::with_role(&request.extensions, &[Role::Viewer])?;
    let Query(pairs) = query.map_err(|error| invalid("query", &error.body_text()))?;
    let wish = Wish::new(asked(pairs, last_event_id(&request.headers)?)?)?;
    let key = key(&request.headers);
    let stream = streams.open(caller, key.as_deref(), wish, "sse").await?;
    let frames = stream.items().map(|item| frame(&item));
    let opening = stream::iter([Bytes::from_static(OPENING)]);
    let body = opening.chain(frames).map(Ok::<_, Infallible>);
    let mut response = Response::new(Body::from_stream(body));
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // A proxy that buffers would hold live events back.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

fn invalid(path: &str, message: &str) -> Status {
    problem::invalid(vec![Problem {
        path: path.to_owned(),
        message: message.to_owned(),
    }])
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<&str>, Status> {
    let Some(value) = headers.get(LAST_EVENT_ID) else {
        return Ok(None);
    };
    let text = value
        .to_str()
        .map_err(|_| invalid("Last-Event-ID", "is no id of ours"))?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// The query as a request. What the client got last counts more than what its address says, which stays the
/// same when a browser connects again.
fn asked(pairs: Pairs, last: Option<&str>) -> Result<SubscribeRequest, Status> {
    let mut request = SubscribeRequest::default();
    let mut filter = Filter::default();
    let mut after = String::new();
    let mut problems = Vec::new();
    let mut wrong = |path: &str, message: &str| {
        problems.push(Problem {
            path: path.to_owned(),
            message: message.to_owned(),
        });
    };
    for (name, value) in pairs {
        match name.as_str() {
            "run" => request.run_id = value,
            "after" => after = value,
            "workflow" => filter.workflow = value,
            "campaign" => filter.campaign_id = value,
            "state" => filter.states.push(value),
            "type" => filter.types.push(value),
            "until_rest" => match value.as_str() {
                "" | "true" | "1" => request.until_rest = true,
                "false" | "0" => request.until_rest = false,
                _ => wrong("until_rest", "must be true or false"),
            },
            "live" => match value.as_str() {
                "" | "true" | "1" => request.live = true,
                "false" | "0" => request.live = false,
                _ => wrong("live", "must be true or false"),
            },
            _ => wrong(
                "query",
                "knows run, after, workflow, campaign, state, type, until_rest and live only",
            ),
        }
    }
    if request.run_id.is_empty() {
        request.resume = last.map_or(after, str::to_owned);
    } else if let Some(last) = last {
        let number = last
            .rsplit_once('.')
            .filter(|(run, _)| *run == request.run_id);
        match number.and_then(|(_, number)| number.parse().ok()) {
            Some(number) => request.after = number,
            None => wrong("Last-Event-ID", "is of another run; connect without it"),
        }
    } else if !after.is_empty() {
        match after.parse() {
            Ok(number) => request.after = number,
            Err(_) => wrong("after", "must be a number: the last that you have"),
        }
    }
    request.filter = Some(filter);
    if problems.is_empty() {
        Ok(request)
    } else {
        Err(problem::invalid(problems))
    }
}

fn frame(item: &Item) -> Bytes {
    let text = match item {
        Item::Event { event, resume } => {
            let id = resume.as_deref().unwrap_or(&event.id);
            fields(id, &kind(event), &cloud_event(event))
        }
        // Without an id: it has no number, and a client that comes back must not ask for what follows it.
        Item::Delta(delta) => {
            let data = serde_json::to_string(delta).unwrap_or_default();
            format!("event: delta\ndata: {data}\n\n")
        }
        // An id without data moves the client on and shows it nothing.
        Item::Heartbeat {
            resume: Some(token),
        } => format!(": alive\nid: {token}\n\n"),
        Item::Heartbeat { resume: None } => ": alive\n\n".to_owned(),
        Item::Lagged(at) => position("lagged", at),
        Item::Closing(at) => position("closing", at),
        Item::Failed(status) => {
            let details = serde_json::to_string(&Details::from(status)).unwrap_or_default();
            format!("event: error\ndata: {details}\n\n")
        }
    };
    Bytes::from(text)
}

/// A last frame, with where to resume.
fn position(kind: &str, at: &Resume) -> String {
    let data = at.to_json().to_string();
    match at {
        Resume::After(_) => format!("event: {kind}\ndata: {data}\n\n"),
        Resume::Token(token) => fields(token, kind, &data),
    }
}

/// A frame; `data` is JSON on one line.
fn fields(id: &str, kind: &str, data: &str) -> String {
    format!(
        "id: {}\nevent: {}\ndata: {data}\n\n",
        one_line(id),
        one_line(kind)
    )
}

/// A line break would begin another field.
fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// CloudEvents type of an event.
fn kind(event: &Event) -> String {
    format!("{TYPE_PREFIX}{}", event.r#type)
}

/// The event in CloudEvents' structured JSON.
pub(crate) fn cloud_event(event: &Event) -> String {
    let mut cloud = json!({
        "specversion": "1.0",
        "id": event.id,
        "source": SOURCE,
        "type": kind(event),
        "subject": event.run_id,
        "datacontenttype": "application/json",
    });
    // A message that has no JSON form has a time outside the years 0 to 9999; the rest is still told.
    let data = serde_json::to_value(event)
        .or_else(|_| {
            serde_json::to_value(Event {
                time: None,
                ..event.clone()
            })
        })
        .unwrap_or_default();
    if let Some(time) = data.get("time") {
        cloud["time"] = time.clone();
    }
    cloud["data"] = data;
    cloud.to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wire::events::v1::{Delta, Piece};

    use super::*;

    fn pairs(query: &[(&str, &str)]) -> Pairs {
        query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_query_says_what_the_request_says() {
        let query = pairs(&[
            ("run", "r"),
            ("after", "3"),
            ("state", "a"),
            ("state", "b"),
            ("until_rest", "true"),
            ("live", "true"),
        ]);
        let request = asked(query, None).expect("understood");
        assert_eq!(
            (
                request.run_id.as_str(),
                request.after,
                request.until_rest,
                request.live
            ),
            ("r", 3, true, true)
        );
        assert_eq!(request.filter.expect("a filter").states, ["a", "b"]);
    }

    #[test]
    fn what_the_client_got_last_counts_more_than_its_address() {
        let request =
            asked(pairs(&[("run", "r.x"), ("after", "3")]), Some("r.x.7")).expect("understood");
        assert_eq!(request.after, 7);
        let request = asked(pairs(&[("after", "old")]), Some("new")).expect("understood");
        assert_eq!(request.resume, "new");
    }

    #[test]
    fn faults_name_their_field() {
        type Case = (
            &'static [(&'static str, &'static str)],
            Option<&'static str>,
            &'static str,
        );
        let cases: [Case; 6] = [
            (&[("run", "r"), ("after", "x")], None, "after"),
            (&[("run", "r")], Some("other.7"), "Last-Event-ID"),
            (&[("run", "r")], Some("r.-7"), "Last-Event-ID"),
            (&[("tenant", "other")], None, "query"),
            (&[("run", "r"), ("until_rest", "yes")], None, "until_rest"),
            (&[("run", "r"), ("live", "yes")], None, "live"),
        ];
        for (query, last, path) in cases {
            let status = asked(pairs(query), last).expect_err("refused");
            let faults = problem::problems_of(&status);
            assert_eq!(
                faults.first().map(|fault| fault.path.as_str()),
                Some(path),
                "{query:?}"
            );
        }
    }

    #[test]
    fn an_event_is_a_cloud_event() {
        let event = Event {
            id: "r.1".into(),
            run_id: "r".into(),
            sequence: 1,
            r#type: "submitted".into(),
            time: Some(model::Timestamp(1_795_239_000_250).into()),
            ..Event::default()
        };
        let cloud: serde_json::Value = serde_json::from_str(&cloud_event(&event)).expect("JSON");
        assert_eq!(
            cloud,
            json!({
                "specversion": "1.0", "id": "r.1", "source": "pressrun", "subject": "r",
                "type": "pressrun.run.v1.submitted", "datacontenttype": "application/json",
                "time": "2026-11-21T05:30:00.25Z",
                "data": { "id": "r.1", "run_id": "r", "sequence": "1", "type": "submitted",
                          "time": "2026-11-21T05:30:00.25Z" },
            })
        );
    }

    #[test]
    fn live_text_has_no_id_and_is_one_frame() {
        let delta = Delta {
            run_id: "r".into(),
            draft: 1,
            pieces: vec![Piece {
                path: "/body".into(),
                at: 7,
                text: "a\nb\r\u{2028}id: r.9".into(),
            }],
            ..Delta::default()
        };
        let frame = frame(&Item::Delta(Box::new(delta)));
        let text = std::str::from_utf8(&frame).expect("UTF-8");
        let lines: Vec<_> = text.split(['\n', '\r']).collect();
        assert_eq!((lines.len(), lines[0]), (4, "event: delta"));
        let data = lines[1].strip_prefix("data: ").expect("data");
        let data: serde_json::Value = serde_json::from_str(data).expect("JSON");
        assert_eq!(data["pieces"][0]["path"], "/body");
        assert_eq!(data["pieces"][0]["at"], "7");
    }

    #[test]
    fn every_documented_parameter_is_understood() {
        for (name, _) in PARAMETERS {
            let value = if name == "after" { "1" } else { "true" };
            let request = asked(pairs(&[("run", "r"), (name, value)]), None);
            assert!(request.is_ok(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_in_an_event_is_one_frame(text in any::<String>(), seconds: i64) {
            let event = Event {
                id: text.clone(),
                r#type: text.clone(),
                message: text,
                time: Some(wire::time::Timestamp { seconds, nanos: 0 }),
                ..Event::default()
            };
            let frame = frame(&Item::Event { event: Box::new(event), resume: None });
            let text = std::str::from_utf8(&frame).expect("UTF-8");
            let lines: Vec<_> = text.split(['\n', '\r']).collect();
            prop_assert_eq!(lines.len(), 5);
            prop_assert!(lines[0].starts_with("id: ") && lines[1].starts_with("event: pressrun.run.v1."));
            let data = lines[2].strip_prefix("data: ").expect("data");
            prop_assert!(serde_json::from_str::<serde_json::Value>(data).is_ok());
        }
    }
}
