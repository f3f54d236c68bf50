//! What callers ask: the same submit again, and why a run waits.

use futures::future::try_join_all;
use system_tests::{
    brief,
    fake_model::{Act, Rule},
    stack::{Events, Role, channel, until},
};
use tonic::Code;
use wire::{events::v1::SubscribeRequest, problem::problems_of, run::v1::ExplainRequest};

use super::{cancel, submit};
use crate::shared;

#[tokio::test]
async fn a_key_stands_for_one_run() -> anyhow::Result<()> {
    let stack = shared().await?;
    let clients = stack.clients()?;
    let mut request = brief::request("only once", "parallel");
    request.options.get_or_insert_default().idempotency_key = "key-1".to_owned();
    let submit = async || {
        let answer = clients.campaigns.clone().submit(request.clone()).await?;
        anyhow::Ok(answer.into_inner())
    };
    // At the same moment, and again later.
    let (one, two) = tokio::try_join!(submit(), submit())?;
    assert_eq!(
        (&one.run_id, &one.campaign_id),
        (&two.run_id, &two.campaign_id)
    );
    assert_ne!(one.existing, two.existing);
    clients.at_rest(&one.run_id).await?;
    let three = submit().await?;
    assert_eq!((&three.run_id, three.existing), (&one.run_id, true));
    assert_eq!(stack.calls_for("only once")?.len(), 3);

    let mut other = request.clone();
    other.brief.get_or_insert_default().offer = "Another offer".to_owned();
    let Err(refused) = clients.campaigns.clone().submit(other).await else {
        panic!("another input was taken under the same key");
    };
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert_eq!(problems_of(&refused)[0].path, "options.idempotency_key");
    Ok(())
}

#[tokio::test]
async fn a_run_says_what_it_waits_for() -> anyhow::Result<()> {
    let stack = shared().await?;
    let clients = stack.clients()?;
    let name = "waiting";
    for (task, act) in [("copy", Act::Hang), ("short_copy", Act::Status(429))] {
        stack
            .rule(&Rule {
                brief: Some(name.to_owned()),
                task: Some(task.to_owned()),
                times: None,
                act,
            })
            .await?;
    }
    let run_id = submit(&clients, name, "parallel").await?;
    let wanted = [
        ("copy", "outcome", "a worker is on attempt 1 of agent copy"),
        (
            "short_copy",
            "retry",
            "attempt 1 of 3 failed (rate_limited)",
        ),
        ("audit", "steps", "waits for"),
    ];
    until("the reason of each step", async || {
        let request = ExplainRequest {
            run_id: run_id.clone(),
        };
        let answer = clients.runs.clone().explain(request).await?.into_inner();
        assert_eq!(answer.status, "running");
        let all = wanted.iter().all(|(step, what, message)| {
            answer.waiting.iter().any(|waiting| {
                waiting.step == *step && waiting.what == *what && waiting.message.contains(message)
            })
        });
        Ok((all && answer.waiting.len() == wanted.len()).then_some(()))
    })
    .await?;
    cancel(&clients, &run_id).await?;
    stack.unrule(name).await?;
    let request = ExplainRequest { run_id };
    let rested = clients.runs.clone().explain(request).await?.into_inner();
    assert_eq!(
        (rested.status.as_str(), rested.waiting.len()),
        ("cancelled", 0)
    );
    Ok(())
}

/// More at once than the gateway may ask the orchestrator at once.
#[tokio::test]
async fn a_crowd_that_comes_at_once_is_served() -> anyhow::Result<()> {
    let gateway = shared().await?.url(Role::EventGateway)?;
    let connections = (0..10)
        .map(|_| Ok(Events::new(channel(gateway)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let streams = try_join_all((0..150).map(|caller| {
        let mut events = connections[caller % connections.len()].clone();
        async move { events.subscribe(SubscribeRequest::default()).await }
    }));
    assert_eq!(streams.await?.len(), 150);
    Ok(())
}
