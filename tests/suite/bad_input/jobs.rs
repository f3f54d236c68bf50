//! Jobs that the orchestrator did not sign.

use bus::{
    Bus, Envelope, Subject,
    signature::{Seed, Signer},
};
use model::{AgentKind, JobId, RunId, StepName, Timestamp, job::CampaignInput};
use service::metric;
use system_tests::{
    brief,
    stack::{Role, Stack, until},
};
use wire::job::v1::Job;

use super::assert_unharmed;
use crate::shared;

/// A job for agent `copy` as the orchestrator would send it, but for its signature.
fn job(run: &str, name: &str, change: impl FnOnce(&mut Job)) -> anyhow::Result<Envelope> {
    let run = RunId::new(run)?;
    let id = JobId::derive(&run, &StepName::new("copy")?, name, 0, 1, 1);
    let input = CampaignInput::new(brief::brief(name).into(), model::brief::Options::default());
    let mut job = Job {
        id: id.to_string(),
        token: 1,
        tenant: "local".to_owned(),
        run_id: run.to_string(),
        step: "copy".to_owned(),
        agent: "copy".to_owned(),
        attempt: 1,
        revision: 1,
        timeout_ms: 60_000,
        expires: Some(
            service::clock::now()
                .after(std::time::Duration::from_secs(600))
                .into(),
        ),
        partition: Subject::partition(&run),
        input_json: serde_json::json!({"input": input, "artifacts": {}, "of": []}).to_string(),
    };
    change(&mut job);
    Ok(Envelope {
        subject: Subject::job(&AgentKind::new("copy")?, &id),
        id: format!("{id}.1"),
        kind: "pressrun.job.v1.Job".to_owned(),
        traceparent: String::new(),
        signature: String::new(),
        body: wire::json::to_json(&job)?.into(),
    })
}

fn signed(signer: &Signer, mut envelope: Envelope) -> Envelope {
    signer.sign_batch(std::slice::from_mut(&mut envelope));
    envelope
}

async fn refused(stack: &Stack, reason: &str) -> anyhow::Result<f64> {
    let mut all = 0.0;
    for worker in stack.all(Role::AgentWorker) {
        let label = format!("reason=\"{reason}\"");
        all += stack.metric(worker, metric::JOBS_REFUSED, &label).await?;
    }
    Ok(all)
}

#[tokio::test]
async fn nobody_but_the_orchestrator_gives_an_agent_work() -> anyhow::Result<()> {
    let stack = shared().await?;
    let stranger = Signer::new(&Seed::generate()?)?;
    let own = &stack.signer;
    let name = "forged";

    let unsigned = job("run-1", "forged 1", |_| {})?;
    let foreign = signed(&stranger, job("run-2", "forged 2", |_| {})?);
    let mut tampered = signed(own, job("run-3", "forged 3", |_| {})?);
    tampered.body = job("run-3", "forged 3 other", |_| {})?.body;
    let mut moved = signed(own, job("run-4", "forged 4", |_| {})?);
    moved.subject = job("run-5", "forged 5", |_| {})?.subject;
    let mut nonsense = job("run-6", "forged 6", |_| {})?;
    nonsense.signature = "ä.1.%%%".to_owned();
    let bad_signatures = [unsigned, foreign, tampered, moved, nonsense];

    let before = refused(stack, "signature").await?;
    let (expired, malformed) = (
        refused(stack, "expired").await?,
        refused(stack, "malformed").await?,
    );
    let misdirected = refused(stack, "misdirected").await?;
    let count = bad_signatures.len() as f64;
    let mut messages = Vec::from(bad_signatures);
    // Signed by the right key, and still not to be worked on.
    messages.push(signed(
        own,
        job("run-7", "forged 7", |job| {
            job.expires = Some(Timestamp(1).into())
        })?,
    ));
    messages.push(signed(
        own,
        job("run-8", "forged 8", |job| job.timeout_ms = 0)?,
    ));
    let mut deep = job("run-9", "forged 9", |_| {})?;
    deep.body = ("[".repeat(10_000) + &"]".repeat(10_000)).into();
    messages.push(signed(own, deep));
    messages.push(signed(
        own,
        job("run-10", "forged 10", |job| {
            job.agent = "short_copy".to_owned()
        })?,
    ));
    let subjects: Vec<_> = messages
        .iter()
        .map(|message| message.subject.clone())
        .collect();

    let bus = stack.bus().await?;
    for taken in bus.publish(messages).await {
        taken?;
    }
    until("all refusals", async || {
        let all = refused(stack, "signature").await? >= before + count
            && refused(stack, "expired").await? >= expired + 1.0
            && refused(stack, "malformed").await? >= malformed + 2.0
            && refused(stack, "misdirected").await? >= misdirected + 1.0;
        Ok(all.then_some(()))
    })
    .await?;
    for subject in subjects {
        until("the end of a refused job", async || {
            Ok((!bus.holds(&subject).await?).then_some(()))
        })
        .await?;
    }

    // The same job with the right signature is worked on: nothing else was wrong with the others.
    let genuine = signed(own, job("run-11", "genuine", |_| {})?);
    for taken in bus.publish(vec![genuine]).await {
        taken?;
    }
    until("a call for the genuine job", async || {
        Ok((!stack.calls_for("genuine")?.is_empty()).then_some(()))
    })
    .await?;
    assert!(
        !stack
            .calls()?
            .iter()
            .any(|call| call.brief.starts_with(name))
    );
    assert_unharmed(stack);
    Ok(())
}
