//! Cancel in each state. (Queued and auditing: see `preflight`, where no worker takes the job away.)

use system_tests::{
    fake_model::{Act, Rule},
    stack::until,
};
use tonic::Code;
use wire::campaign::v1::{CancelRequest, RegenerateRequest};

use super::{MODES, artifacts, cancel, jobs_left, phase, submit};
use crate::shared;

#[tokio::test]
async fn while_agents_work() -> anyhow::Result<()> {
    let stack = shared().await?;
    let clients = stack.clients()?;
    for mode in MODES {
        let name = format!("cancelled while {mode}");
        // Copy ends; in sequence the next hangs, side by side both others do.
        let hanging = match mode {
            "parallel" => &["short_copy", "visual_concept"][..],
            _ => &["short_copy"],
        };
        for task in hanging {
            stack
                .rule(&Rule {
                    brief: Some(name.clone()),
                    task: Some((*task).to_owned()),
                    times: None,
                    act: Act::Hang,
                })
                .await?;
        }
        let run_id = submit(&clients, &name, mode).await?;
        until("a finished copy and calls that hang", async || {
            let run = clients.run(&run_id).await?;
            let calls = stack.calls_for(&name)?;
            let there = phase(&run, "copy") == "done" && calls.len() == hanging.len() + 1;
            Ok(there.then_some(()))
        })
        .await?;

        let answer = cancel(&clients, &run_id).await?;
        assert_eq!(
            (answer.status.as_str(), answer.cancelled),
            ("cancelled", true)
        );
        let result = clients.result(&run_id).await?;
        assert_eq!(
            (result.status.as_str(), result.state.as_str()),
            ("cancelled", "cancelled")
        );
        assert_eq!(artifacts(&result), ["copy"]);
        assert_eq!(jobs_left(stack, &run_id).await?, "0");
        until("the end of the calls under way", async || {
            let dropped = stack
                .calls_for(&name)?
                .into_iter()
                .filter(|call| call.dropped);
            Ok((dropped.count() == hanging.len()).then_some(()))
        })
        .await?;
        stack.unrule(&name).await?;

        // Cancelling twice changes nothing, and nothing follows a cancelled run.
        let events = clients.stored_events(&run_id).await?;
        let again = cancel(&clients, &run_id).await?;
        assert_eq!(
            (again.status.as_str(), again.cancelled),
            ("cancelled", false)
        );
        let request = RegenerateRequest {
            run_id: run_id.clone(),
            step: "copy".to_owned(),
            note: String::new(),
        };
        let refused = clients.campaigns.clone().regenerate(request).await;
        assert_eq!(
            refused.map(drop).map_err(|status| status.code()),
            Err(Code::FailedPrecondition)
        );
        let started = |events: &[wire::events::v1::Event]| {
            events
                .iter()
                .filter(|event| event.r#type == "step_started")
                .count()
        };
        assert_eq!(
            started(&clients.stored_events(&run_id).await?),
            started(&events)
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_finished_run_stays_as_it_is() -> anyhow::Result<()> {
    let stack = shared().await?;
    let clients = stack.clients()?;
    let run_id = submit(&clients, "finished before", "parallel").await?;
    let before = clients.at_rest(&run_id).await?;
    let answer = cancel(&clients, &run_id).await?;
    assert_eq!(
        (answer.status.as_str(), answer.cancelled),
        ("completed", false)
    );
    assert_eq!(clients.result(&run_id).await?, before);
    Ok(())
}

#[tokio::test]
async fn an_unknown_run_is_not_found() -> anyhow::Result<()> {
    let clients = shared().await?.clients()?;
    let request = CancelRequest {
        run_id: "no-such-run".to_owned(),
        reason: String::new(),
    };
    let refused = clients.campaigns.clone().cancel(request).await;
    assert_eq!(
        refused.map(drop).map_err(|status| status.code()),
        Err(Code::NotFound)
    );
    Ok(())
}
