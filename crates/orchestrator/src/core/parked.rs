//! What was given up, told on the stream PARKED for people. Nothing reads it: the run's own events say the
//! same of a job, and an outcome that can never be applied is nobody's. So no run ever waits for it.

use bus::{Envelope, Subject};
use engine::{Event, event::Kind};
use model::{ErrorClass, RunId, TenantId, limits::MAX_REQUEST_BYTES};
use wire::job::v1 as proto;

use super::{Core, Ports, dispatch::body, limits::MAX_SHORT_TEXT};

/// CloudEvents type of the envelope.
const PARKED_TYPE: &str = "pressrun.job.v1.Parked";

/// The messages about jobs among a run's events that were lost too often.
pub(crate) fn jobs<'a>(
    tenant: &'a TenantId,
    run: &'a RunId,
    events: &'a [Event],
) -> impl Iterator<Item = Envelope> + 'a {
    events.iter().filter_map(move |event| match &event.kind {
        Kind::StepFailed { step, failure, .. } if failure.class == ErrorClass::Parked => {
            let parked = proto::Parked {
                tenant: tenant.to_string(),
                run_id: run.to_string(),
                step: step.to_string(),
                job_id: String::new(),
                reason: failure.message.clone(),
                time: Some(event.time.into()),
            };
            let id = format!("{run}.{}.parked", event.sequence);
            Some(envelope(Subject::parked_jobs(), id, &parked))
        }
        _ => None,
    })
}

/// Tells people, if the bus takes it; else the log alone does.
async fn tell(ports: &Ports, parked: Vec<Envelope>) {
    if parked.is_empty() {
        return;
    }
    let ids: Vec<_> = parked.iter().map(|message| message.id.clone()).collect();
    for (id, result) in ids.into_iter().zip(ports.bus.publish(parked).await) {
        if let Err(error) = result {
            tracing::error!(id, %error, "something was given up, and the bus does not take the word of it");
        }
    }
}

/// Tells of an outcome that can never be applied. Where the bus does not take it, the log alone has it.
pub(crate) async fn outcome(core: &Core, outcome: &Envelope, why: &str) {
    // What can be read of it names whose it is; the rest of it is content.
    let read: proto::Outcome =
        wire::json::from_json(&outcome.body, MAX_REQUEST_BYTES).unwrap_or_default();
    let parked = proto::Parked {
        tenant: short(&read.tenant),
        run_id: short(&read.run_id),
        step: String::new(),
        job_id: short(&read.job_id),
        reason: short(why),
        time: core.ports.store.now().await.ok().map(Into::into),
    };
    let id = format!("{}.parked", short(&outcome.id));
    tell(
        &core.ports,
        vec![envelope(Subject::parked_outcomes(), id, &parked)],
    )
    .await;
}

fn short(text: &str) -> String {
    let mut end = text.len().min(MAX_SHORT_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

fn envelope(subject: Subject, id: String, parked: &proto::Parked) -> Envelope {
    Envelope {
        subject,
        id,
        kind: PARKED_TYPE.to_owned(),
        traceparent: String::new(),
        signature: String::new(),
        body: body(parked),
    }
}

#[cfg(test)]
mod tests {
    use model::{Failure, StepName, Timestamp, usage::Usage};

    use super::*;

    #[test]
    fn a_job_that_was_lost_too_often_is_told_and_no_other_failure() {
        let (tenant, run) = (
            TenantId::new("acme").expect("a tenant"),
            RunId::new("run-1").expect("a run"),
        );
        let failed = |sequence, class, why: &str| Event {
            sequence,
            time: Timestamp(1_000),
            state: "failed".to_owned(),
            kind: Kind::StepFailed {
                step: StepName::new("copy").expect("a step"),
                job: None,
                attempt: 1,
                failure: Failure::new(class, why),
                usage: Usage::default(),
            },
        };
        let events = [
            failed(7, ErrorClass::Schema, "no JSON"),
            failed(8, ErrorClass::Parked, "lost 3 times"),
        ];
        let told: Vec<_> = jobs(&tenant, &run, &events).collect();
        assert_eq!(told.len(), 1);
        let Some(envelope) = told.first() else { return };
        assert_eq!(envelope.id, "run-1.8.parked");
        assert_eq!(envelope.stream(), Ok(bus::subject::Stream::Parked));
        let said: proto::Parked =
            serde_json::from_slice(&envelope.body).expect("the message's JSON");
        assert_eq!(
            (
                said.tenant.as_str(),
                said.run_id.as_str(),
                said.step.as_str()
            ),
            ("acme", "run-1", "copy")
        );
        assert_eq!(said.reason, "lost 3 times");
    }
}
