//! From a message of the queue to a job that may be worked on. The signature comes first: nothing of a
//! body that the orchestrator did not sign is read (security T5).

use std::time::Duration;

use bus::{Envelope, Subject, limits::MAX_MESSAGE_BYTES, signature::Verifier};
use model::{AgentKind, JobId, RunId, StepName, TenantId, Timestamp};
use wire::{artifact::v1::JobProof, job::v1 as pb, json};

use crate::limits::MAX_TIMEOUT;

/// A W3C trace context has 55 characters; what is longer is none and is not handed on.
const MAX_TRACEPARENT_BYTES: usize = 64;

/// A job that the orchestrator signed for an agent of this worker, and that may still be started.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) kind: AgentKind,
    pub(crate) job: JobId,
    pub(crate) token: u64,
    pub(crate) tenant: TenantId,
    pub(crate) run: RunId,
    pub(crate) step: StepName,
    pub(crate) attempt: u32,
    pub(crate) revision: u32,
    pub(crate) timeout: Duration,
    pub(crate) partition: u32,
    /// Empty when it is to be fetched through the door.
    pub(crate) input_json: String,
    pub(crate) traceparent: String,
    /// The message as it was signed: what the door asks for.
    pub(crate) proof: JobProof,
}

/// Why a job is not worked on. The agent is never called for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the message has {0} bytes, more than {MAX_MESSAGE_BYTES}")]
    TooLarge(usize),
    #[error("the signature does not hold: {0}")]
    Signature(String),
    #[error("the job cannot be read: {0}")]
    Malformed(String),
    #[error("it was signed for another queue")]
    Misdirected,
    #[error("it expired at {0}")]
    Expired(Timestamp),
}

impl Refusal {
    /// The value of the metric's label `reason`.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "too_large",
            Self::Signature(_) => "signature",
            Self::Malformed(_) => "malformed",
            Self::Misdirected => "misdirected",
            Self::Expired(_) => "expired",
        }
    }
}

/// Reads a message taken from the queue of `kind`.
pub(crate) fn read(
    envelope: &Envelope,
    kind: &AgentKind,
    verifier: &Verifier,
    now: Timestamp,
) -> Result<Ticket, Refusal> {
    if envelope.body.len() > MAX_MESSAGE_BYTES {
        return Err(Refusal::TooLarge(envelope.body.len()));
    }
    verifier
        .verify(envelope)
        .map_err(|error| Refusal::Signature(error.to_string()))?;
    let body: pb::Job = json::from_json(&envelope.body, MAX_MESSAGE_BYTES).map_err(malformed)?;
    let job = JobId::new(body.id).map_err(malformed)?;
    // A signed job that was copied to another queue or another subject is not for this agent.
    if body.agent != kind.as_str() || envelope.subject != Subject::job(kind, &job) {
        return Err(Refusal::Misdirected);
    }
    let expires = body
        .expires
        .map(Timestamp::from)
        .ok_or_else(|| malformed("it has no expiry"))?;
    if now >= expires {
        return Err(Refusal::Expired(expires));
    }
    let timeout = Duration::from_millis(body.timeout_ms);
    if timeout.is_zero() || timeout > MAX_TIMEOUT {
        return Err(malformed("its time limit is zero or longer than a day"));
    }
    if body.partition >= Subject::PARTITIONS {
        return Err(malformed("there is no such partition"));
    }
    Ok(Ticket {
        kind: kind.clone(),
        job,
        token: body.token,
        tenant: TenantId::new(body.tenant).map_err(malformed)?,
        run: RunId::new(body.run_id).map_err(malformed)?,
        step: StepName::new(body.step).map_err(malformed)?,
        attempt: body.attempt,
        revision: body.revision,
        timeout,
        partition: body.partition,
        input_json: body.input_json,
        traceparent: traceparent(envelope),
        proof: JobProof {
            signature: envelope.signature.clone(),
            job: envelope.body.clone().into(),
        },
    })
}

fn traceparent(envelope: &Envelope) -> String {
    let text = &envelope.traceparent;
    let fits = text.len() <= MAX_TRACEPARENT_BYTES;
    if fits { text.clone() } else { String::new() }
}

fn malformed(why: impl ToString) -> Refusal {
    Refusal::Malformed(why.to_string())
}
