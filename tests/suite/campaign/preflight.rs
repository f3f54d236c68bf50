//! Runs without workers: refused, or queued until there are some, and cancelled while they wait.

use system_tests::{
    brief,
    stack::{Layout, Role, Stack, until},
};
use tonic::Code;
use wire::{problem::problems_of, run::v1::ExplainRequest};

use super::{AGENTS, artifacts, cancel, jobs_left};
use crate::workers_heard;

#[tokio::test]
async fn a_run_waits_for_its_workers() -> anyhow::Result<()> {
    let layout = Layout {
        agent_workers: 0,
        audit_workers: 0,
        gateways: 0,
        ..Layout::default()
    };
    let mut stack = Stack::start(&layout).await?;
    let clients = stack.clients()?;

    let request = brief::request("nobody there", "parallel");
    let Err(refused) = clients.campaigns.clone().submit(request).await else {
        panic!("a run was accepted although nobody could work on it");
    };
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let missing: Vec<_> = problems_of(&refused)
        .into_iter()
        .map(|problem| problem.path)
        .collect();
    assert_eq!(
        missing,
        [
            "workers.audit_campaign",
            "workers.copy",
            "workers.short_copy",
            "workers.visual_concept"
        ]
    );

    let queue = async |name: &str| {
        let mut request = brief::request(name, "parallel");
        request.options.get_or_insert_default().wait_for_workers = true;
        let answer = clients.campaigns.clone().submit(request).await?;
        anyhow::Ok(answer.into_inner().run_id)
    };
    let explain = async |run_id: &str| {
        let request = ExplainRequest {
            run_id: run_id.to_owned(),
        };
        let answer = clients.runs.clone().explain(request).await?.into_inner();
        let waiting = answer.waiting.into_iter();
        anyhow::Ok(
            waiting
                .map(|wait| (wait.step, wait.what, wait.message))
                .collect::<Vec<_>>(),
        )
    };
    let (never, later, last) = (
        queue("never").await?,
        queue("later").await?,
        queue("last").await?,
    );
    let waiting = explain(&never).await?;
    assert_eq!(waiting.len(), 4, "{waiting:?}");
    for (step, what, message) in &waiting {
        match step.as_str() {
            "audit" => assert_eq!((what.as_str(), message.contains("copy")), ("steps", true)),
            step => assert_eq!(
                (what.as_str(), message.as_str()),
                (
                    "worker",
                    format!("no live worker hosts agent {step}; start one").as_str()
                )
            ),
        }
    }

    // Cancelled while it is queued: nothing of it is ever worked on.
    let answer = cancel(&clients, &never).await?;
    assert_eq!(
        (answer.status.as_str(), answer.cancelled),
        ("cancelled", true)
    );
    assert_eq!(jobs_left(&stack, &never).await?, "0");

    stack.add(Role::AgentWorker, 0, false).await?;
    for run_id in [&later, &last] {
        until("a run that waits for its audit", async || {
            let state = clients.run(run_id).await?.state;
            Ok((state == "auditing").then_some(()))
        })
        .await?;
    }
    let waiting = explain(&later).await?;
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!(
        (waiting[0].0.as_str(), waiting[0].1.as_str()),
        ("audit", "worker")
    );
    assert!(stack.calls_for("never")?.is_empty());

    // Cancelled while it is audited: what was made stays.
    let answer = cancel(&clients, &later).await?;
    assert_eq!(
        (answer.status.as_str(), answer.cancelled),
        ("cancelled", true)
    );
    let result = clients.result(&later).await?;
    assert_eq!(result.status, "cancelled");
    assert_eq!(artifacts(&result), AGENTS);
    assert_eq!(result.audit_report, None);

    stack.add(Role::AuditWorker, 0, false).await?;
    assert_eq!(clients.at_rest(&last).await?.status, "success");
    workers_heard(&stack).await?;
    assert_eq!(clients.result(&later).await?.audit_report, None);
    Ok(())
}
