//! Version 1 of the stored records: mirrors of the engine's types, so that those may be renamed freely
//! while this form stays. Short texts are borrowed on the way out and owned on the way in.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use engine::{
    Event, Run,
    event::Kind,
    run::{Phase, Step, StepResult},
};
use model::{
    AgentKind, ContentHash, ErrorClass, Failure, JobId, RunId, RunStatus, StepName, TenantId,
    Timestamp, fact, usage,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct Events<'a> {
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
    },
    StepStarted {
        step: Cow<'a, StepName>,
        agent: Cow<'a, AgentKind>,
        job: Cow<'a, JobId>,
        token: u64,
        attempt: u32,
        revision: u32,
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
    pub(super) fn from_engine(events: &'a [Event]) -> Self {
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

    pub(super) fn into_engine(self) -> Vec<Event> {
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
            Kind::Submitted { deadline } => Self::Submitted {
                deadline: deadline.map(|at| at.0),
            },
            Kind::StepStarted {
                step,
                agent,
                job,
                token,
                attempt,
                revision,
            } => Self::StepStarted {
                step: Cow::Borrowed(step),
                agent: Cow::Borrowed(agent),
                job: Cow::Borrowed(job),
                token: *token,
                attempt: *attempt,
                revision: *revision,
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
            } => Self::StepRetrying {
                step: Cow::Borrowed(step),
                job: Cow::Borrowed(job),
                token: *token,
                attempt: *attempt,
                failure: FailureRecord::from_model(failure),
                usage: UsageRecord::from_model(*usage),
                at: at.0,
            },
            Kind::StepFailed {
                step,
                job,
                attempt,
                failure,
                usage,
            } => Self::StepFailed {
                step: Cow::Borrowed(step),
                job: job.as_ref().map(|(job, token)| (Cow::Borrowed(job), *token)),
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
            Kind::Reopened { step, note, by } => Self::Reopened {
                step: Cow::Borrowed(step),
                note: note.as_ref().map(Cow::Borrowed),
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

    fn into_engine(self) -> Kind {
        match self {
            Self::Submitted { deadline } => Kind::Submitted {
                deadline: deadline.map(Timestamp),
            },
            Self::StepStarted {
                step,
                agent,
                job,
                token,
                attempt,
                revision,
            } => Kind::StepStarted {
                step: step.into_owned(),
                agent: agent.into_owned(),
                job: job.into_owned(),
                token,
                attempt,
                revision,
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
            } => Kind::StepRetrying {
                step: step.into_owned(),
                job: job.into_owned(),
                token,
                attempt,
                failure: failure.into_model(),
                usage: usage.into_model(),
                at: Timestamp(at),
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
            Self::Reopened { step, note, by } => Kind::Reopened {
                step: step.into_owned(),
                note: note.map(Cow::into_owned),
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

/// A fact. JSON has no number that is not finite; such a fact is stored as null and read as NaN, which
/// every comparison refuses.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum FactRecord<'a> {
    Bool(bool),
    Number(f64),
    Text(Cow<'a, str>),
    Keys(Cow<'a, [String]>),
    NotFinite,
}

type FactRecords<'a> = BTreeMap<Cow<'a, str>, FactRecord<'a>>;

fn fact_records(facts: &fact::Facts) -> FactRecords<'_> {
    facts
        .iter()
        .map(|(name, fact)| {
            let record = match fact {
                fact::Fact::Bool(value) => FactRecord::Bool(*value),
                fact::Fact::Number(value) if value.is_finite() => FactRecord::Number(*value),
                fact::Fact::Number(_) => FactRecord::NotFinite,
                fact::Fact::Text(text) => FactRecord::Text(Cow::Borrowed(text)),
                fact::Fact::Keys(keys) => FactRecord::Keys(Cow::Borrowed(keys)),
            };
            (Cow::Borrowed(name.as_str()), record)
        })
        .collect()
}

fn facts_of(records: FactRecords<'_>) -> fact::Facts {
    records
        .into_iter()
        .map(|(name, record)| {
            let fact = match record {
                FactRecord::Bool(value) => fact::Fact::Bool(value),
                FactRecord::Number(value) => fact::Fact::Number(value),
                FactRecord::Text(text) => fact::Fact::Text(text.into_owned()),
                FactRecord::Keys(keys) => fact::Fact::Keys(keys.into_owned()),
                FactRecord::NotFinite => fact::Fact::Number(f64::NAN),
            };
            (name.into_owned(), fact)
        })
        .collect()
}

#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct UsageRecord {
    input_tokens: u64,
    output_tokens: u64,
    cost_microusd: u64,
}

impl UsageRecord {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }

    fn from_model(usage: usage::Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cost_microusd: usage.cost_microusd,
        }
    }

    fn into_model(self) -> usage::Usage {
        usage::Usage {
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
            cost_microusd: self.cost_microusd,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct FailureRecord<'a> {
    class: Cow<'a, str>,
    message: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<(u64, u32)>,
}

impl<'a> FailureRecord<'a> {
    fn from_model(failure: &'a Failure) -> Self {
        Self {
            class: Cow::Borrowed(failure.class.as_str()),
            message: Cow::Borrowed(&failure.message),
            retry_after: failure
                .retry_after
                .map(|wait| (wait.as_secs(), wait.subsec_nanos())),
        }
    }

    /// A class that this program does not know is a defect's: it is never tried again blindly.
    fn into_model(self) -> Failure {
        Failure {
            class: ErrorClass::parse(&self.class).unwrap_or(ErrorClass::Internal),
            message: self.message.into_owned(),
            retry_after: self
                .retry_after
                .map(|(seconds, nanos)| Duration::from_secs(seconds) + Duration::from_nanos(nanos.into())),
        }
    }
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StatusRecord {
    Running,
    Completed,
    PartiallyCompleted,
    Failed,
    Cancelled,
}

impl StatusRecord {
    fn from_model(status: RunStatus) -> Self {
        match status {
            RunStatus::Running => Self::Running,
            RunStatus::Completed => Self::Completed,
            RunStatus::PartiallyCompleted => Self::PartiallyCompleted,
            RunStatus::Failed => Self::Failed,
            RunStatus::Cancelled => Self::Cancelled,
        }
    }

    fn into_model(self) -> RunStatus {
        match self {
            Self::Running => RunStatus::Running,
            Self::Completed => RunStatus::Completed,
            Self::PartiallyCompleted => RunStatus::PartiallyCompleted,
            Self::Failed => RunStatus::Failed,
            Self::Cancelled => RunStatus::Cancelled,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct RunRecord<'a> {
    sequence: u64,
    time: i64,
    submitted: i64,
    deadline: Option<i64>,
    status: StatusRecord,
    state: Cow<'a, str>,
    ended: Option<i64>,
    issued: BTreeMap<u64, Cow<'a, JobId>>,
    settled: Cow<'a, BTreeSet<u64>>,
    steps: BTreeMap<Cow<'a, StepName>, StepRecord<'a>>,
    milestones: Cow<'a, BTreeSet<String>>,
    usage: UsageRecord,
}

#[derive(Serialize, Deserialize)]
struct StepRecord<'a> {
    revision: u32,
    attempt: u32,
    phase: PhaseRecord<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    result: Option<ResultRecord<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<(FailureRecord<'a>, i64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Cow<'a, ContentHash>>,
    #[serde(default, skip_serializing_if = "UsageRecord::is_none")]
    usage: UsageRecord,
    started: Option<i64>,
    ended: Option<i64>,
    duration_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct ResultRecord<'a> {
    version: u32,
    hash: Cow<'a, ContentHash>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    facts: FactRecords<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PhaseRecord<'a> {
    Waiting,
    Running {
        job: Cow<'a, JobId>,
        token: u64,
        lost: u32,
        since: i64,
    },
    Backoff {
        until: i64,
    },
    Done,
    Skipped,
    Failed,
}

impl<'a> RunRecord<'a> {
    pub(super) fn from_engine(run: &'a Run) -> Self {
        Self {
            sequence: run.sequence,
            time: run.time.0,
            submitted: run.submitted.0,
            deadline: run.deadline.map(|at| at.0),
            status: StatusRecord::from_model(run.status),
            state: Cow::Borrowed(&run.state),
            ended: run.ended.map(|at| at.0),
            issued: run
                .issued
                .iter()
                .map(|(token, job)| (*token, Cow::Borrowed(job)))
                .collect(),
            settled: Cow::Borrowed(&run.settled),
            steps: run
                .steps
                .iter()
                .map(|(name, step)| (Cow::Borrowed(name), StepRecord::from_engine(step)))
                .collect(),
            milestones: Cow::Borrowed(&run.milestones),
            usage: UsageRecord::from_model(run.usage),
        }
    }

    pub(super) fn into_engine(
        self,
        tenant: TenantId,
        id: RunId,
        input: Arc<serde_json::Value>,
    ) -> Run {
        Run {
            tenant,
            id,
            input,
            sequence: self.sequence,
            time: Timestamp(self.time),
            submitted: Timestamp(self.submitted),
            deadline: self.deadline.map(Timestamp),
            status: self.status.into_model(),
            state: self.state.into_owned(),
            ended: self.ended.map(Timestamp),
            issued: self
                .issued
                .into_iter()
                .map(|(token, job)| (token, job.into_owned()))
                .collect(),
            settled: self.settled.into_owned(),
            steps: self
                .steps
                .into_iter()
                .map(|(name, step)| (name.into_owned(), step.into_engine()))
                .collect(),
            milestones: self.milestones.into_owned(),
            usage: self.usage.into_model(),
        }
    }
}

impl<'a> StepRecord<'a> {
    fn from_engine(step: &'a Step) -> Self {
        Self {
            revision: step.revision,
            attempt: step.attempt,
            phase: match &step.phase {
                Phase::Waiting => PhaseRecord::Waiting,
                Phase::Running {
                    job,
                    token,
                    lost,
                    since,
                } => PhaseRecord::Running {
                    job: Cow::Borrowed(job),
                    token: *token,
                    lost: *lost,
                    since: since.0,
                },
                Phase::Backoff { until } => PhaseRecord::Backoff { until: until.0 },
                Phase::Done => PhaseRecord::Done,
                Phase::Skipped => PhaseRecord::Skipped,
                Phase::Failed => PhaseRecord::Failed,
            },
            result: step.result.as_ref().map(|result| ResultRecord {
                version: result.version,
                hash: Cow::Borrowed(&result.hash),
                facts: fact_records(&result.facts),
            }),
            failure: step
                .failure
                .as_ref()
                .map(|(failure, at)| (FailureRecord::from_model(failure), at.0)),
            note: step.note.as_ref().map(Cow::Borrowed),
            usage: UsageRecord::from_model(step.usage),
            started: step.started.map(|at| at.0),
            ended: step.ended.map(|at| at.0),
            duration_ms: step.duration_ms,
        }
    }

    fn into_engine(self) -> Step {
        Step {
            revision: self.revision,
            attempt: self.attempt,
            phase: match self.phase {
                PhaseRecord::Waiting => Phase::Waiting,
                PhaseRecord::Running {
                    job,
                    token,
                    lost,
                    since,
                } => Phase::Running {
                    job: job.into_owned(),
                    token,
                    lost,
                    since: Timestamp(since),
                },
                PhaseRecord::Backoff { until } => Phase::Backoff {
                    until: Timestamp(until),
                },
                PhaseRecord::Done => Phase::Done,
                PhaseRecord::Skipped => Phase::Skipped,
                PhaseRecord::Failed => Phase::Failed,
            },
            result: self.result.map(|result| StepResult {
                version: result.version,
                hash: result.hash.into_owned(),
                facts: facts_of(result.facts),
            }),
            failure: self
                .failure
                .map(|(failure, at)| (failure.into_model(), Timestamp(at))),
            note: self.note.map(Cow::into_owned),
            usage: self.usage.into_model(),
            started: self.started.map(Timestamp),
            ended: self.ended.map(Timestamp),
            duration_ms: self.duration_ms,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct ProvenanceRecord<'a> {
    agent: Cow<'a, str>,
    model: Cow<'a, str>,
    prompt_version: Cow<'a, str>,
    worker: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "UsageRecord::is_none")]
    usage: UsageRecord,
    duration_ms: u64,
}

impl<'a> ProvenanceRecord<'a> {
    pub(super) fn from_model(provenance: &'a usage::Provenance) -> Self {
        Self {
            agent: Cow::Borrowed(&provenance.agent),
            model: Cow::Borrowed(&provenance.model),
            prompt_version: Cow::Borrowed(&provenance.prompt_version),
            worker: Cow::Borrowed(&provenance.worker),
            usage: UsageRecord::from_model(provenance.usage),
            duration_ms: provenance.duration_ms,
        }
    }

    pub(super) fn into_model(self) -> usage::Provenance {
        usage::Provenance {
            agent: self.agent.into_owned(),
            model: self.model.into_owned(),
            prompt_version: self.prompt_version.into_owned(),
            worker: self.worker.into_owned(),
            usage: self.usage.into_model(),
            duration_ms: self.duration_ms,
        }
    }
}
