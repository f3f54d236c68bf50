//! `/health/ready` and `grpc.health.v1` follow the servers that a process needs, and `/health/live` does not.

use std::collections::BTreeMap;

use rig::Postgres;
use system_tests::stack::{Layout, Role, Stack, channel, until};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// What `/health/ready` answers.
#[derive(Debug, serde::Deserialize)]
struct Ready {
    ready: bool,
    parts: BTreeMap<String, String>,
}

async fn ready(url: &str) -> anyhow::Result<Ready> {
    let answer = reqwest::get(format!("{url}/health/ready")).await?;
    let status = answer.status();
    let ready: Ready = answer.json().await?;
    assert_eq!(status == 200, ready.ready, "{ready:?}");
    Ok(ready)
}

async fn assert_live(url: &str) -> anyhow::Result<()> {
    let answer = reqwest::get(format!("{url}/health/live")).await?;
    assert_eq!(answer.status(), 200);
    Ok(())
}

/// Waits until a process says that this part is away; what it says of it.
async fn away(url: &str, part: &str) -> anyhow::Result<String> {
    until(&format!("{url} without {part}"), async || {
        let look = ready(url).await?;
        let said = look.parts.get(part).cloned();
        let said = said.filter(|said| said != "ok");
        assert!(!(said.is_some() && look.ready), "{look:?}");
        Ok(said)
    })
    .await
}

async fn back(url: &str) -> anyhow::Result<()> {
    until(&format!("{url} ready again"), async || {
        Ok(ready(url).await?.ready.then_some(()))
    })
    .await
}

/// Waits for this status of `grpc.health.v1`.
async fn grpc_health(url: &str, wanted: ServingStatus) -> anyhow::Result<()> {
    until(&format!("{wanted:?} of {url}"), async || {
        let mut health = HealthClient::new(channel(url)?);
        let answer = health.check(HealthCheckRequest::default()).await?;
        let status = answer.into_inner().status();
        Ok((status == wanted).then_some(()))
    })
    .await
}

#[tokio::test]
async fn without_postgres_or_an_orchestrator_others_know_what_they_miss() -> anyhow::Result<()> {
    let mut postgres = Postgres::own().await?;
    let database = postgres.database().await?;
    let mut stack = Stack::start_on(&Layout::default(), database).await?;
    let orchestrator = stack.url(Role::Orchestrator)?.to_owned();
    let look = ready(&orchestrator).await?;
    let parts: Vec<_> = look.parts.keys().map(String::as_str).collect();
    assert_eq!(parts, ["nats", "postgres", "service"]);
    grpc_health(&orchestrator, ServingStatus::Serving).await?;
    let others = [Role::AgentWorker, Role::AuditWorker, Role::EventGateway];
    let others: Vec<String> = others
        .into_iter()
        .map(|role| Ok(stack.url(role)?.to_owned()))
        .collect::<anyhow::Result<_>>()?;

    postgres.stop_immediate().await?;
    let why = away(&orchestrator, "postgres").await?;
    for secret in ["postgres://", "rig_", "127.0.0.1"] {
        assert!(!why.contains(secret), "{why}");
    }
    assert_live(&orchestrator).await?;
    grpc_health(&orchestrator, ServingStatus::NotServing).await?;
    // They reach an orchestrator that is not ready, and need no database themselves.
    for url in &others {
        assert!(ready(url).await?.ready, "{url}");
    }
    postgres.restart().await?;
    back(&orchestrator).await?;
    grpc_health(&orchestrator, ServingStatus::Serving).await?;

    stack.process(Role::Orchestrator)?.kill9().await?;
    for url in &others {
        away(url, "orchestrator").await?;
        assert_live(url).await?;
        grpc_health(url, ServingStatus::NotServing).await?;
    }
    stack.process(Role::Orchestrator)?.restart().await?;
    for url in &others {
        back(url).await?;
    }
    Ok(())
}

#[tokio::test]
async fn nobody_is_ready_without_nats_or_its_streams() -> anyhow::Result<()> {
    let mut stack = Stack::start(&Layout::default()).await?;
    let urls: Vec<String> = stack
        .services
        .iter()
        .map(|service| service.url.clone())
        .collect();
    stack.nats.kill9().await?;
    for url in &urls {
        away(url, "nats").await?;
        assert_live(url).await?;
        grpc_health(url, ServingStatus::NotServing).await?;
    }
    stack.nats.restart().await?;
    for url in &urls {
        back(url).await?;
    }

    // A stream that is lost is made again, unless another one has its subjects.
    let client = async_nats::connect(stack.nats.url()).await?;
    let ask = async |subject: &str, body: String| {
        let answer = client
            .request(format!("$JS.API.{subject}"), body.into())
            .await?;
        let answer: serde_json::Value = serde_json::from_slice(&answer.payload)?;
        anyhow::ensure!(answer["error"].is_null(), "{subject}: {answer}");
        Ok(())
    };
    let squatter = serde_json::json!({"name": "SQUATTER", "subjects": ["outcomes.>"]});
    let orchestrator = stack.url(Role::Orchestrator)?;
    let why = until("the orchestrator without OUTCOMES", async || {
        // Its puller makes it again at once; and the server, which looks for overlaps before it makes a
        // stream, lets both be made when they are asked for together. So it goes until it stays away.
        ask("STREAM.DELETE.OUTCOMES", String::new()).await.ok();
        let taken = ask("STREAM.CREATE.SQUATTER", squatter.to_string()).await;
        let look = ready(orchestrator).await?;
        let said = look.parts.get("nats").filter(|said| *said != "ok");
        Ok(taken.ok().and(said).cloned())
    })
    .await?;
    assert!(why.contains("OUTCOMES"), "{why}");
    ask("STREAM.DELETE.SQUATTER", String::new()).await?;
    back(orchestrator).await?;
    Ok(())
}
