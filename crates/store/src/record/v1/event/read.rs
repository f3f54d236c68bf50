//! From a record to an event.

use std::borrow::Cow;

use engine::{
    event::{Kind, LoopEnd},
    recovery::Strategy,
    review,
    schedule::Score,
};
use model::Timestamp;

use super::{super::facts_of, What};

impl What<'_> {
    pub(super) fn into_engine(self) -> Kind {
        match self {
            Self::Submitted { deadline, by } => Kind::Submitted {
                deadline: deadline.map(Timestamp),
                by: by.into_owned(),
            },
            Self::StepStarted {
                step,
                agent,
                job,
                token,
                attempt,
                revision,
                score: (weight, behind, attempts),
            } => Kind::StepStarted {
                step: step.into_owned(),
                agent: agent.into_owned(),
                job: job.into_owned(),
                token,
                attempt,
                revision,
                score: Score {
                    weight,
                    behind,
                    attempts,
                },
            },
            Self::FannedOut { step, keys } => Kind::FannedOut {
                step: step.into_owned(),
                keys: keys.into_owned(),
            },
            Self::Gathered { step, done, failed } => Kind::Gathered {
                step: step.into_owned(),
                done,
                failed,
            },
            Self::LoopRepeated { step, pass, value } => Kind::LoopRepeated {
                step: step.into_owned(),
                pass,
                value,
            },
            Self::LoopEnded {
                step,
                passes,
                reason,
            } => Kind::LoopEnded {
                step: step.into_owned(),
                passes,
                // A reason that this program does not know was one of its bounds.
                reason: LoopEnd::parse(&reason).unwrap_or(LoopEnd::Passes),
            },
            Self::StepSkipped { step, condition } => Kind::StepSkipped {
                step: step.into_owned(),
                condition: condition.into_owned(),
            },
            Self::StepFinished {
                step,
                agent,
                job,
                token,
                attempt,
                version,
                hash,
                facts,
                usage,
                duration_ms,
            } => Kind::StepFinished {
                step: step.into_owned(),
                agent: agent.into_owned(),
                job: job.into_owned(),
                token,
                attempt,
                version,
                hash: hash.into_owned(),
                facts: facts_of(facts),
                usage: usage.into_model(),
                duration_ms,
            },
            Self::StepRetrying {
                step,
                job,
                token,
                attempt,
                failure,
                usage,
                at,
                strategy,
            } => Kind::StepRetrying {
                step: step.into_owned(),
                job: job.into_owned(),
                token,
                attempt,
                failure: failure.into_model(),
                usage: usage.into_model(),
                at: Timestamp(at),
                // One that this program does not know is tried as the plain retry.
                strategy: strategy
                    .map(|name| Strategy::parse(&name).unwrap_or(Strategy::StandardRetry)),
            },
            Self::StepFailed {
                step,
                job,
                attempt,
                failure,
                usage,
            } => Kind::StepFailed {
                step: step.into_owned(),
                job: job.map(|(job, token)| (job.into_owned(), token)),
                attempt,
                failure: failure.into_model(),
                usage: usage.into_model(),
            },
            Self::JobRedriven {
                step,
                job,
                token,
                lost,
            } => Kind::JobRedriven {
                step: step.into_owned(),
                job: job.into_owned(),
                token,
                lost,
            },
            Self::MilestoneReached { milestone } => Kind::MilestoneReached {
                milestone: milestone.into_owned(),
            },
            Self::OutcomeLate { job, token, usage } => Kind::OutcomeLate {
                job: job.into_owned(),
                token,
                usage: usage.into_model(),
            },
            Self::Reopened {
                step,
                note,
                by,
                through,
            } => Kind::Reopened {
                step: step.into_owned(),
                note: note.map(Cow::into_owned),
                by: by.into_owned(),
                through: through.into_owned(),
            },
            Self::StepEdited {
                step,
                version,
                hash,
                by,
            } => Kind::StepEdited {
                step: step.into_owned(),
                version,
                hash: hash.into_owned(),
                by: by.into_owned(),
            },
            Self::ReviewAsked {
                step,
                subject,
                of,
                role,
                approvals,
                deadline,
            } => Kind::ReviewAsked {
                step: step.into_owned(),
                subject: subject.into_owned(),
                of: of.into_owned(),
                role: role.into_owned(),
                approvals,
                deadline: deadline.map(Timestamp),
            },
            Self::ReviewDecided {
                step,
                subject,
                verdict,
                by,
                note,
            } => Kind::ReviewDecided {
                step: step.into_owned(),
                subject: subject.into_owned(),
                verdict: verdict_of(&verdict),
                by: by.into_owned(),
                note: note.map(Cow::into_owned),
            },
            Self::ReviewEscalated { step, role } => Kind::ReviewEscalated {
                step: step.into_owned(),
                role: role.into_owned(),
            },
            Self::ReviewEnded { step, subject, end } => Kind::ReviewEnded {
                step: step.into_owned(),
                subject: subject.into_owned(),
                end: end_of(&end),
            },
            Self::Paused { reason, by, step } => Kind::Paused {
                reason: reason.into_owned(),
                by: by.into_owned(),
                step: step.map(Cow::into_owned),
            },
            Self::Resumed { by } => Kind::Resumed {
                by: by.into_owned(),
            },
            Self::Ended { status } => Kind::Ended {
                status: status.into_model(),
            },
            Self::Cancelled { reason, by } => Kind::Cancelled {
                reason: reason.into_owned(),
                by: by.into_owned(),
            },
        }
    }
}

/// A verdict that this program does not know approves of nothing.
pub(in crate::record::v1) fn verdict_of(name: &str) -> review::Verdict {
    review::Verdict::parse(name).unwrap_or(review::Verdict::Reject)
}

/// An end that this program does not know lets nothing through.
pub(in crate::record::v1) fn end_of(name: &str) -> review::End {
    review::End::parse(name).unwrap_or(review::End::Rejected)
}
