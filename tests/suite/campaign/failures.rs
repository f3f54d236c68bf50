//! Failing agents and a failing audit: the rest goes on.

use std::sync::Arc;

use async_trait::async_trait;
use bus::signature::Verifier;
use futures::future::try_join_all;
use model::{AgentKind, ErrorClass, Failure, fact::FactType, job::Product};
use system_tests::{
    fake_model::{Act, Rule},
    stack::{Layout, Stack},
};
use tokio_util::sync::CancellationToken;
use worker::{Agent, AgentCard, Assignment, Options, Ports, Worker, door};

use super::{AGENTS, MODES, artifacts, submit};
use crate::{shared, workers_heard};

#[tokio::test]
async fn every_combination_of_failing_agents() -> anyhow::Result<()> {
    let stack = shared().await?;
    let all = MODES
        .into_iter()
        .flat_map(|mode| (0..8_u32).map(move |failing| combination(stack, mode, failing)));
    try_join_all(all).await?;
    Ok(())
}

/// Agent i fails when bit i of `failing` is set.
async fn combination(stack: &Stack, mode: &str, failing: u32) -> anyhow::Result<()> {
    let clients = stack.clients()?;
    let name = format!("{mode}, failing {failing:03b}");
    let (failed, good): (Vec<_>, Vec<_>) = AGENTS
        .into_iter()
        .enumerate()
        .partition(|(number, _)| failing & (1 << number) != 0);
    let names = |list: Vec<(usize, &'static str)>| -> Vec<_> {
        list.into_iter().map(|(_, agent)| agent).collect()
    };
    let (failed, good) = (names(failed), names(good));
    for task in &failed {
        stack
            .rule(&Rule {
                brief: Some(name.clone()),
                task: Some((*task).to_owned()),
                times: None,
                act: Act::Status(400),
            })
            .await?;
    }
    let run_id = submit(&clients, &name, mode).await?;
    let result = clients.at_rest(&run_id).await?;
    stack.unrule(&name).await?;

    let wanted = match failed.len() {
        0 => "success",
        3 => "failed",
        _ => "partial_success",
    };
    assert_eq!(result.status, wanted, "{name}");
    assert_eq!(artifacts(&result), good, "{name}");
    let errors: Vec<_> = result
        .errors
        .iter()
        .map(|error| (error.step.as_str(), error.code.as_str()))
        .collect();
    let wanted: Vec<_> = failed
        .iter()
        .map(|agent| (*agent, "invalid_input"))
        .collect();
    assert_eq!(errors, wanted, "{name}");
    assert_eq!(result.audit_report.is_some(), !good.is_empty(), "{name}");
    // What another attempt cannot mend is not tried again.
    assert_eq!(stack.calls_for(&name)?.len(), 3, "{name}");

    let events = clients.stored_events(&run_id).await?;
    let audits = events
        .iter()
        .filter(|event| event.r#type == "step_started" && event.step.starts_with("audit"))
        .count();
    let wanted = match mode {
        "parallel" => usize::from(!good.is_empty()),
        _ => good.len(),
    };
    assert_eq!(audits, wanted, "{name}");
    Ok(())
}

#[tokio::test]
async fn a_failure_that_may_pass_is_tried_again() -> anyhow::Result<()> {
    let stack = shared().await?;
    let clients = stack.clients()?;
    let name = "a provider that stumbles";
    stack
        .rule(&Rule {
            brief: Some(name.to_owned()),
            task: Some("copy".to_owned()),
            times: Some(2),
            act: Act::Status(503),
        })
        .await?;
    let run_id = submit(&clients, name, "parallel").await?;
    let result = clients.at_rest(&run_id).await?;
    assert_eq!(result.status, "success");
    let calls = stack.calls_for(name)?;
    assert_eq!(calls.iter().filter(|call| call.task == "copy").count(), 3);
    let run = clients.run(&run_id).await?;
    let copy = run.steps.iter().find(|step| step.name == "copy");
    assert_eq!(copy.map(|step| (step.attempt, step.version)), Some((3, 1)));
    Ok(())
}

#[tokio::test]
async fn an_audit_that_breaks_leaves_the_artifacts() -> anyhow::Result<()> {
    let layout = Layout {
        audit_workers: 0,
        gateways: 0,
        ..Layout::default()
    };
    let stack = Stack::start(&layout).await?;
    let ports = Ports {
        bus: Arc::new(stack.bus().await?),
        verifier: Arc::new(Verifier::new([stack.signer.public_key().clone()])),
        door: Arc::new(door::None),
        clock: Arc::new(service::clock::now),
    };
    let auditor = Arc::new(Broken::new()?) as Arc<dyn Agent>;
    let worker = Worker::new(Options::new("broken-auditor"), ports, vec![auditor])?;
    let stop = CancellationToken::new();
    let running = tokio::spawn(worker.run(stop.clone()));

    workers_heard(&stack).await?;
    let clients = stack.clients()?;
    for (mode, audits) in [
        ("parallel", &["audit"][..]),
        (
            "sequential",
            &["audit_copy", "audit_short_copy", "audit_visual_concept"],
        ),
    ] {
        let run_id = submit(&clients, &format!("unjudged {mode}"), mode).await?;
        let result = clients.at_rest(&run_id).await?;
        assert_eq!(
            (result.status.as_str(), result.state.as_str()),
            ("partial_success", "partially_completed")
        );
        assert_eq!(artifacts(&result), AGENTS);
        assert_eq!(result.audit_report, None);
        let steps: Vec<_> = result
            .errors
            .iter()
            .map(|error| error.step.as_str())
            .collect();
        assert_eq!(steps, audits);
        assert!(
            result.errors.iter().all(|error| error.code == "internal"),
            "{:?}",
            result.errors
        );
    }
    stop.cancel();
    running.await?;
    Ok(())
}

/// An auditor that can judge nothing.
struct Broken(AgentCard);

impl Broken {
    fn new() -> anyhow::Result<Self> {
        Ok(Self(AgentCard {
            kind: AgentKind::new("audit_campaign")?,
            output_schema: serde_json::json!({"type": "object"}),
            facts: [("score".to_owned(), FactType::Number)].into(),
            model: "rules".to_owned(),
            version: "broken".to_owned(),
            max_output_bytes: 1_024,
            input_price_microusd: 0,
            output_price_microusd: 0,
        }))
    }
}

#[async_trait]
impl Agent for Broken {
    fn card(&self) -> &AgentCard {
        &self.0
    }

    async fn perform(&self, _assignment: &Assignment) -> Result<Product, Failure> {
        Err(Failure::new(ErrorClass::Internal, "the rules broke"))
    }
}
