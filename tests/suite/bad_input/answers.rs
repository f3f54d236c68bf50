//! What a model may answer instead of an artifact.

use futures::future::try_join_all;
use system_tests::{
    brief,
    fake_model::{Act, Rule},
    stack::Role,
};

use super::{assert_unharmed, peak_memory};
use crate::shared;

/// Most memory of a worker under any test, KiB.
const MAX_MEMORY: u64 = 256 * 1024;
/// Attempts of a step.
const ATTEMPTS: usize = 3;

async fn answered(name: &str, times: Option<u32>, act: Act) -> anyhow::Result<String> {
    let stack = shared().await?;
    stack
        .rule(&Rule {
            brief: Some(name.to_owned()),
            task: Some("copy".to_owned()),
            times,
            act,
        })
        .await?;
    let clients = stack.clients()?;
    let run_id = clients
        .submit(&brief::request(name, "parallel"))
        .await?
        .run_id;
    clients.at_rest(&run_id).await?;
    stack.unrule(name).await?;
    Ok(run_id)
}

#[tokio::test]
async fn an_answer_that_stays_faulty_is_a_typed_error() -> anyhow::Result<()> {
    let stack = shared().await?;
    let clients = stack.clients()?;
    let one = async |(act, code, calls): (Act, &str, usize)| {
        let name = format!("always {act:?}");
        let run_id = answered(&name, None, act).await?;
        let result = clients.result(&run_id).await?;
        assert_eq!(result.status, "partial_success", "{name}");
        let errors: Vec<_> = result
            .errors
            .iter()
            .map(|error| (error.step.as_str(), error.code.as_str()))
            .collect();
        assert_eq!(errors, [("copy", code)], "{name}");
        let asked: Vec<_> = stack
            .calls_for(&name)?
            .into_iter()
            .filter(|call| call.task == "copy" && !call.dropped)
            .collect();
        assert_eq!(asked.len(), calls * ATTEMPTS, "{name}");
        let repairs = asked.iter().filter(|call| call.repair).count();
        assert_eq!(repairs, (calls - 1) * ATTEMPTS, "{name}");
        anyhow::Ok(())
    };
    // The act, the class of the error, and the calls of one attempt: the second is the one repair.
    let all = [
        (Act::Empty, "schema", 2),
        (Act::Garbage, "schema", 2),
        (Act::Half, "schema", 2),
        (Act::OtherSchema, "schema", 2),
        (Act::Deep, "schema", 2),
        (Act::CutOff, "schema", 1),
        (Act::Huge, "schema", 1),
        (Act::NoCompletion, "provider", 1),
    ];
    try_join_all(all.into_iter().map(one)).await?;
    assert_unharmed(stack);
    let peak = peak_memory(stack, Role::AgentWorker)?;
    assert!(peak <= MAX_MEMORY, "the worker took {peak} KiB");
    Ok(())
}

#[tokio::test]
async fn one_repair_mends_a_faulty_answer() -> anyhow::Result<()> {
    let stack = shared().await?;
    let clients = stack.clients()?;
    let one = async |act: Act| {
        let name = format!("once {act:?}");
        let run_id = answered(&name, Some(1), act).await?;
        assert_eq!(clients.result(&run_id).await?.status, "success", "{name}");
        let asked: Vec<_> = stack
            .calls_for(&name)?
            .into_iter()
            .filter(|call| call.task == "copy")
            .map(|call| call.repair)
            .collect();
        assert_eq!(asked, [false, true], "{name}");
        let run = clients.run(&run_id).await?;
        let attempt = run.steps.iter().find(|step| step.name == "copy");
        assert_eq!(attempt.map(|step| step.attempt), Some(1), "{name}");
        anyhow::Ok(())
    };
    try_join_all([Act::Empty, Act::Garbage, Act::Half, Act::OtherSchema].map(one)).await?;
    Ok(())
}
