//! The stream PARKED: what was given up, for people.

use bus::{Bus, Envelope, Subject};
use model::{JobId, RunId, StepName};
use system_tests::stack::{Stack, until};
use wire::job::v1::{Failure, Outcome, Parked, outcome};

use crate::shared;

/// An outcome of a run that does not exist, as after a database was restored to an older state.
#[tokio::test]
async fn an_outcome_of_nobody_is_parked_with_the_reason() -> anyhow::Result<()> {
    let stack = shared().await?;
    let bus = stack.bus().await?;
    let run = RunId::new("01900000-0000-7000-8000-000000000000")?;
    let job = JobId::derive(&run, &StepName::new("copy")?, "", 0, 1, 1);
    let outcome = Outcome {
        job_id: job.to_string(),
        token: 1,
        tenant: "local".to_owned(),
        run_id: run.to_string(),
        worker: "the-test".to_owned(),
        result: Some(outcome::Result::Failure(Failure {
            class: "internal".to_owned(),
            message: "secret words".to_owned(),
            retry_after_ms: None,
        })),
        usage: None,
        duration_ms: 1,
    };
    let message = Envelope {
        subject: Subject::outcome(Subject::partition(&run), &job),
        id: format!("{job}.1"),
        kind: "pressrun.job.v1.Outcome".to_owned(),
        traceparent: String::new(),
        signature: String::new(),
        body: wire::json::to_json(&outcome)?.into(),
    };
    for taken in bus.publish(vec![message]).await {
        taken?;
    }
    let parked = parked(stack, |parked| parked.run_id == run.as_str()).await?;
    assert_eq!(parked.job_id, job.as_str());
    assert_eq!(parked.tenant, "local");
    assert!(parked.reason.contains("there is no run"), "{parked:?}");
    assert!(!parked.reason.contains("secret"), "{parked:?}");
    Ok(())
}

/// What is not even an outcome may quote anything: nobody may read it here.
#[tokio::test]
async fn an_outcome_that_cannot_be_read_is_parked_without_its_content() -> anyhow::Result<()> {
    let stack = shared().await?;
    let run = RunId::new("01900000-0000-7000-8000-000000000001")?;
    let job = JobId::derive(&run, &StepName::new("copy")?, "", 0, 1, 1);
    let message = Envelope {
        subject: Subject::outcome(Subject::partition(&run), &job),
        id: format!("{job}.1"),
        kind: "pressrun.job.v1.Outcome".to_owned(),
        traceparent: String::new(),
        signature: String::new(),
        body: r#"{"product": "secret words"}"#.into(),
    };
    for taken in stack.bus().await?.publish(vec![message]).await {
        taken?;
    }
    let told = parked(stack, |parked| parked.reason.contains("it is no outcome")).await?;
    assert!(!told.reason.contains("secret"), "{told:?}");
    Ok(())
}

/// The first message of PARKED about an outcome that is wanted; others may be there too.
async fn parked(stack: &Stack, wanted: impl Fn(&Parked) -> bool) -> anyhow::Result<Parked> {
    let client = async_nats::connect(stack.nats.url()).await?;
    let number = std::cell::Cell::new(1_u64);
    until("the parked outcome", async || {
        let request = serde_json::json!({
            "seq": number.get(), "next_by_subj": Subject::parked_outcomes().as_str(),
        });
        let subject = "$JS.API.DIRECT.GET.PARKED";
        let answer = client.request(subject, request.to_string().into()).await?;
        let parked: Option<Parked> = serde_json::from_slice(&answer.payload).ok();
        number.set(number.get() + u64::from(parked.is_some()));
        Ok(parked.filter(&wanted))
    })
    .await
}
