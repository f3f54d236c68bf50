//! From an accepted input to a stored run.

use std::sync::Arc;

use engine::{Command, Refusal};
use model::{CampaignId, ContentHash, RunId, TenantId, Timestamp};
use store::port::{Birth, Blob};
use workflow::Plan;

use super::{
    Core,
    commit::{Born, Committed, Work, WorkError},
};

/// A checked input on its way to become a run.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Whose.
    pub tenant: TenantId,
    /// The new run's id.
    pub run: RunId,
    /// Who submits.
    pub by: String,
    /// The campaign.
    pub campaign: CampaignId,
    /// The plan to follow.
    pub plan: Arc<Plan>,
    /// The input as JSON; what conditions and agents read.
    pub input: String,
    /// A short name for people.
    pub title: String,
    /// The caller's key: two submits of a tenant under one key are one run.
    pub idempotency_key: Option<String>,
    /// On every event, log line and span.
    pub correlation_id: String,
    /// W3C trace context of the caller.
    pub traceparent: String,
    /// 1 to 5.
    pub priority: u8,
    /// What the run holds for itself alone until it is at rest: a second run that would hold the same is refused.
    pub holds: Option<String>,
    /// How long the run may take.
    pub timeout: Option<std::time::Duration>,
}

/// A submit's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// The run; under a known key the one that was there.
    pub run: RunId,
    /// Whether it was there before.
    pub existing: bool,
}

/// Why nothing was submitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The key stands for another input.
    #[error(
        "the idempotency key was used for another input, by run {0}; use a new key for a new input"
    )]
    KeyReused(RunId),
    /// Another run, not at rest yet, holds what this one would.
    #[error(
        "run {0} is not at rest yet, and there may be only one at a time; wait for it, or cancel it"
    )]
    Held(RunId),
    /// See [`WorkError`].
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl Core {
    /// Stores a run and sends its first jobs. When it returns, the run is never lost.
    ///
    /// # Errors
    /// See [`SubmitError`]; repeating a submit under the same key is always safe.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, SubmitError> {
        let input_hash = ContentHash::of(submission.input.as_bytes());
        let tenant = submission.tenant.clone();
        let run = submission.run.clone();
        let plan_hash = self
            .committer
            .plans()
            .keep(&tenant, &submission.plan)
            .await
            .map_err(WorkError::from)?;
        let now = self.ports.store.now().await.map_err(WorkError::from)?;
        let key = submission.idempotency_key.clone();
        let holds = submission.holds.is_some();
        let work = work(submission, plan_hash, input_hash.clone(), now);
        match self.committer.run(work).await {
            Ok(Committed { .. }) | Err(WorkError::Refused(Refusal::Exists)) => Ok(Submitted {
                run,
                existing: false,
            }),
            Err(WorkError::KeyTaken(first)) => {
                let known = match &key {
                    Some(key) => self
                        .ports
                        .store
                        .find_key(&tenant, key)
                        .await
                        .map_err(WorkError::from)?,
                    None => None,
                };
                match known {
                    Some((first, hash)) if hash == input_hash => Ok(Submitted {
                        run: first,
                        existing: true,
                    }),
                    None if holds => Err(SubmitError::Held(first)),
                    _ => Err(SubmitError::KeyReused(first)),
                }
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn work(submission: Submission, plan: ContentHash, input: ContentHash, now: Timestamp) -> Work {
    let birth = Birth {
        workflow: submission.plan.workflow.clone(),
        mode: submission.plan.mode.clone(),
        workflow_version: submission.plan.version,
        plan,
        input: input.clone(),
        campaign: submission.campaign,
        title: submission.title,
        idempotency_key: submission.idempotency_key,
        correlation_id: submission.correlation_id,
        traceparent: submission.traceparent,
        priority: submission.priority,
        submitted: now,
    };
    let deadline = submission.timeout.map(|timeout| now.after(timeout));
    let mut work = Work::new(
        submission.tenant,
        submission.run,
        Command::Submit {
            deadline,
            by: submission.by,
        },
    );
    work.blobs = vec![Blob {
        hash: input,
        content: submission.input.clone(),
    }];
    work.born = Some(Born {
        birth: Arc::new(birth),
        plan: submission.plan,
        input: submission.input.into(),
        holds: submission.holds,
    });
    work
}
