//! Events.

pub(super) mod read;

use std::{borrow::Cow, collections::BTreeMap};

use engine::{Event, event::Kind};
use model::{AgentKind, ContentHash, JobId, StepName, Timestamp};
use serde::{Deserialize, Serialize};

use super::{FactRecords, FailureRecord, StatusRecord, UsageRecord, fact_records};

#[derive(Serialize, Deserialize)]
pub(in crate::record) struct Events<'a> {
    events: Vec<EventRecord<'a>>,
}

#[derive(Serialize, Deserialize)]
struct EventRecord<'a> {
    n: u64,
    at: i64,
    state: Cow<'a, str>,
    what: What<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What<'a> {
    Submitted {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<i64>,
        #[serde(default, skip_serializing_if = "str::is_empty")]
        by: Cow<'a, str>,
    },
    StepStarted {
        step: Cow<'a, StepName>,
        agent: Cow<'a, AgentKind>,
        job: Cow<'a, JobId>,
        token: u64,
        attempt: u32,
        revision: u32,
        /// Weight, weight behind, points for attempts.
        #[serde(default)]
        score: (u32, u32, u32),
    },
    FannedOut {
        step: Cow<'a, StepName>,
        keys: Cow<'a, [String]>,
    },
    Gathered {
        step: Cow<'a, StepName>,
        done: u32,
        failed: u32,
    },
    LoopRepeated {
        step: Cow<'a, StepName>,
        pass: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<f64>,
    },
    LoopEnded {
        step: Cow<'a, StepName>,
        passes: u32,
        reason: Cow<'a, str>,
    },
    StepSkipped {
        step: Cow<'a, StepName>,
        condition: Cow<'a, str>,
    },
    StepFinished {
        step: Cow<'a, StepName>,
        agent: Cow<'a, AgentKind>,
        job: Cow<'a, JobId>,
        token: u64,
        attempt: u32,
        version: u32,
        hash: Cow<'a, ContentHash>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        facts: FactRecords<'a>,
        #[serde(default, skip_serializing_if = "UsageRecord::is_none")]
        usage: UsageRecord,
        duration_ms: u64,
    },
    StepRetrying {
        step: Cow<'a, StepName>,
        job: Cow<'a, JobId>,
        token: u64,
        attempt: u32,
        failure: FailureRecord<'a>,
        #[serde(default, skip_serializing_if = "UsageRecord::is_none")]
        usage: UsageRecord,
        at: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        strategy: Option<Cow<'a, str>>,
    },
    StepFailed {
        step: Cow<'a, StepName>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        job: Option<(Cow<'a, JobId>, u64)>,
        attempt: u32,
        failure: FailureRecord<'a>,
        #[serde(default, skip_serializing_if = "UsageRecord::is_none")]
        usage: UsageRecord,
    },
    JobRedriven {
        step: Cow<'a, StepName>,
        job: Cow<'a, JobId>,
        token: u64,
        lost: u32,
    },
    MilestoneReached {
        milestone: Cow<'a, str>,
    },
    OutcomeLate {
        job: Cow<'a, JobId>,
        token: u64,
        #[serde(default, skip_serializing_if = "UsageRecord::is_none")]
        usage: UsageRecord,
    },
    Reopened {
        step: Cow<'a, StepName>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<Cow<'a, ContentHash>>,
        by: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
        through: Cow<'a, [StepName]>,
    },
    StepEdited {
        step: Cow<'a, StepName>,
        version: u32,
        hash: Cow<'a, ContentHash>,
        by: Cow<'a, str>,
    },
    ReviewAsked {
        step: Cow<'a, StepName>,
        subject: Cow<'a, ContentHash>,
        of: Cow<'a, [(StepName, u32)]>,
        role: Cow<'a, str>,
        approvals: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<i64>,
    },
    ReviewDecided {
        step: Cow<'a, StepName>,
        subject: Cow<'a, ContentHash>,
        verdict: Cow<'a, str>,
        by: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<Cow<'a, ContentHash>>,
    },
    ReviewEscalated {
        step: Cow<'a, StepName>,
        role: Cow<'a, str>,
    },
    ReviewEnded {
        step: Cow<'a, StepName>,
        subject: Cow<'a, ContentHash>,
        end: Cow<'a, str>,
    },
    Paused {
        reason: Cow<'a, str>,
        by: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<Cow<'a, StepName>>,
    },
    Resumed {
        by: Cow<'a, str>,
    },
    Ended {
        status: StatusRecord,
    },
    Cancelled {
        reason: Cow<'a, str>,
        by: Cow<'a, str>,
    },
}

impl<'a> Events<'a> {
    pub(in crate::record) fn from_engine(events: &'a [Event]) -> Self {
        Self {
            events: events
                .iter()
                .map(|event| EventRecord {
                    n: event.sequence,
                    at: event.time.0,
                    state: Cow::Borrowed(&event.state),
                    what: What::from_engine(&event.kind),
                })
                .collect(),
        }
    }

    pub(in crate::record) fn into_engine(self) -> Vec<Event> {
        self.events
            .into_iter()
            .map(|record| Event {
                sequence: record.n,
                time: Timestamp(record.at),
                state: record.state.into_owned(),
                kind: record.what.into_engine(),
            })
            .collect()
    }
}

impl<'a> What<'a> {
    fn from_engine(kind: &'a Kind) -> Self {
        match kind {
            Kind::Submitted { deadline, by } => Self::Submitted {
                deadline: deadline.map(|at| at.0),
                by: Cow::Borrowed(by),
            },
            Kind::StepStarted {
                step,
                agent,
                job,
                token,
                attempt,
                revision,
                score,
            } => Self::StepStarted {
                step: Cow::Borrowed(step),
                agent: Cow::Borrowed(agent),
                job: Cow::Borrowed(job),
                token: *token,
                attempt: *attempt,
                revision: *revision,
                score: (score.weight, score.behind, score.attempts),
            },
            Kind::FannedOut { step, keys } => Self::FannedOut {
                step: Cow::Borrowed(step),
                keys: Cow::Borrowed(keys),
            },
            Kind::Gathered { step, done, failed } => Self::Gathered {
                step: Cow::Borrowed(step),
                done: *done,
                failed: *failed,
            },
            Kind::LoopRepeated { step, pass, value } => Self::LoopRepeated {
                step: Cow::Borrowed(step),
                pass: *pass,
                // JSON has no other number; a value that is none is not watched.
                value: value.filter(|value| value.is_finite()),
            },
            Kind::LoopEnded {
                step,
                passes,
                reason,
            } => Self::LoopEnded {
                step: Cow::Borrowed(step),
                passes: *passes,
                reason: Cow::Borrowed(reason.as_str()),
            },
            Kind::StepSkipped { step, condition } => Self::StepSkipped {
                step: Cow::Borrowed(step),
                condition: Cow::Borrowed(condition),
            },
            Kind::StepFinished {
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
            } => Self::StepFinished {
                step: Cow::Borrowed(step),
                agent: Cow::Borrowed(agent),
                job: Cow::Borrowed(job),
                token: *token,
                attempt: *attempt,
                version: *version,
                hash: Cow::Borrowed(hash),
                facts: fact_records(facts),
                usage: UsageRecord::from_model(*usage),
                duration_ms: *duration_ms,
            },
            Kind::StepRetrying {
                step,
                job,
                token,
                attempt,
                failure,
                usage,
                at,
                strategy,
            } => Self::StepRetrying {
                step: Cow::Borrowed(step),
                job: Cow::Borrowed(job),
                token: *token,
                attempt: *attempt,
                failure: FailureRecord::from_model(failure),
                usage: UsageRecord::from_model(*usage),
                at: at.0,
                strategy: strategy.map(|strategy| Cow::Borrowed(strategy.as_str())),
            },
            Kind::StepFailed {
                step,
                job,
                attempt,
                failure,
                usage,
            } => Self::StepFailed {
                step: Cow::Borrowed(step),
                job: job
                    .as_ref()
                    .map(|(job, token)| (Cow::Borrowed(job), *token)),
                attempt: *attempt,
                failure: FailureRecord::from_model(failure),
                usage: UsageRecord::from_model(*usage),
            },
            Kind::JobRedriven {
                step,
                job,
                token,
                lost,
            } => Self::JobRedriven {
                step: Cow::Borrowed(step),
                job: Cow::Borrowed(job),
                token: *token,
                lost: *lost,
            },
            Kind::MilestoneReached { milestone } => Self::MilestoneReached {
                milestone: Cow::Borrowed(milestone),
            },
            Kind::OutcomeLate { job, token, usage } => Self::OutcomeLate {
                job: Cow::Borrowed(job),
                token: *token,
                usage: UsageRecord::from_model(*usage),
            },
            Kind::Reopened {
                step,
                note,
                by,
                through,
            } => Self::Reopened {
                step: Cow::Borrowed(step),
                note: note.as_ref().map(Cow::Borrowed),
                by: Cow::Borrowed(by),
                through: Cow::Borrowed(through),
            },
            Kind::StepEdited {
                step,
                version,
                hash,
                by,
            } => Self::StepEdited {
                step: Cow::Borrowed(step),
                version: *version,
                hash: Cow::Borrowed(hash),
                by: Cow::Borrowed(by),
            },
            Kind::ReviewAsked {
                step,
                subject,
                of,
                role,
                approvals,
                deadline,
            } => Self::ReviewAsked {
                step: Cow::Borrowed(step),
                subject: Cow::Borrowed(subject),
                of: Cow::Borrowed(of),
                role: Cow::Borrowed(role),
                approvals: *approvals,
                deadline: deadline.map(|at| at.0),
            },
            Kind::ReviewDecided {
                step,
                subject,
                verdict,
                by,
                note,
            } => Self::ReviewDecided {
                step: Cow::Borrowed(step),
                subject: Cow::Borrowed(subject),
                verdict: Cow::Borrowed(verdict.as_str()),
                by: Cow::Borrowed(by),
                note: note.as_ref().map(Cow::Borrowed),
            },
            Kind::ReviewEscalated { step, role } => Self::ReviewEscalated {
                step: Cow::Borrowed(step),
                role: Cow::Borrowed(role),
            },
            Kind::ReviewEnded { step, subject, end } => Self::ReviewEnded {
                step: Cow::Borrowed(step),
                subject: Cow::Borrowed(subject),
                end: Cow::Borrowed(end.as_str()),
            },
            Kind::Paused { reason, by, step } => Self::Paused {
                reason: Cow::Borrowed(reason),
                by: Cow::Borrowed(by),
                step: step.as_ref().map(Cow::Borrowed),
            },
            Kind::Resumed { by } => Self::Resumed {
                by: Cow::Borrowed(by),
            },
            Kind::Ended { status } => Self::Ended {
                status: StatusRecord::from_model(*status),
            },
            Kind::Cancelled { reason, by } => Self::Cancelled {
                reason: Cow::Borrowed(reason),
                by: Cow::Borrowed(by),
            },
        }
    }
}
