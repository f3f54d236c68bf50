//! The gateway's door for browsers, and what it is asked in error.

use reqwest::{Client, StatusCode};
use serde_json::Value;
use system_tests::{brief, stack::Role};
use tonic::Code;
use wire::{
    events::v1::{Event, SubscribeRequest},
    problem::{MEDIA_TYPE, problems_of},
};

use super::assert_unharmed;
use crate::shared;

/// Largest event that is read, bytes.
const MAX_EVENT: usize = 64 * 1024;

#[tokio::test]
async fn a_stream_that_is_asked_for_in_error_is_refused_by_path() -> anyhow::Result<()> {
    let stack = shared().await?;
    let url = format!("{}/v1/events", stack.url(Role::EventGateway)?);
    let client = Client::new();
    let long = "x".repeat(65);
    for (query, last, path) in [
        ("run=a%00b", None, "run_id"),
        ("run=../../etc", None, "run_id"),
        ("run=r&after=many", None, "after"),
        ("run=r&until_rest=perhaps", None, "until_rest"),
        ("tenant=other", None, "query"),
        ("after=%F0%28%8C%28", None, "resume"),
        ("run=r", Some("another.7"), "Last-Event-ID"),
        (&format!("workflow={long}"), None, "filter.workflow"),
    ] {
        let mut request = client.get(format!("{url}?{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let answer = request.send().await?;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answer.headers()["content-type"], MEDIA_TYPE, "{query}");
        let details: Value = answer.json().await?;
        let first = details["errors"][0]["path"].as_str().unwrap_or("none");
        assert_eq!(first, path, "{query}: {details}");
    }
    let answer = client.get(format!("{url}?run=no-such-run")).send().await?;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);

    let mut events = stack.clients()?.events.expect("a gateway");
    let request = SubscribeRequest {
        run_id: "a\0b".to_owned(),
        resume: "[".repeat(10_000),
        ..SubscribeRequest::default()
    };
    let Err(status) = events.subscribe(request).await else {
        panic!("a stream over no run was opened");
    };
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        problems_of(&status)
            .iter()
            .any(|problem| problem.path == "run_id")
    );
    assert_unharmed(stack);
    Ok(())
}

#[tokio::test]
async fn a_browser_gets_what_the_store_has_and_goes_on_where_it_stopped() -> anyhow::Result<()> {
    let stack = shared().await?;
    let clients = stack.clients()?;
    let run_id = clients
        .submit(&brief::request("in a browser", "parallel"))
        .await?
        .run_id;
    clients.at_rest(&run_id).await?;
    let stored = clients.stored_events(&run_id).await?;
    let url = format!(
        "{}/v1/events?run={run_id}&until_rest=true",
        stack.url(Role::EventGateway)?
    );
    let client = Client::new();
    for after in [0, 4] {
        let last = format!("{run_id}.{after}");
        let mut request = client.get(&url);
        if after > 0 {
            request = request.header("last-event-id", &last);
        }
        let text = request.send().await?.error_for_status()?.text().await?;
        let events = text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| {
                let cloud: Value = serde_json::from_str(data)?;
                let data = cloud["data"].to_string();
                Ok(wire::json::from_json::<Event>(data.as_bytes(), MAX_EVENT)?)
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        assert_eq!(events, stored[after..]);
    }
    Ok(())
}
