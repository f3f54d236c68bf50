//! Runs at rest.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use engine::{
    Run,
    recovery::Strategy,
    review::{Decision, Review},
    run::{Phase, Step, StepResult},
};
use model::{AgentKind, ContentHash, JobId, RunId, StepName, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    FactRecords, FailureRecord, StatusRecord, UsageRecord,
    event::read::{end_of, verdict_of},
    fact_records, facts_of,
};

#[derive(Serialize, Deserialize)]
pub(in crate::record) struct RunRecord<'a> {
    sequence: u64,
    time: i64,
    submitted: i64,
    deadline: Option<i64>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    by: Cow<'a, str>,
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
    recovered: Option<(FailureRecord<'a>, i64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Cow<'a, ContentHash>>,
    #[serde(default, skip_serializing_if = "UsageRecord::is_none")]
    usage: UsageRecord,
    started: Option<i64>,
    ended: Option<i64>,
    duration_ms: u64,
    #[serde(default, skip_serializing_if = "is_none")]
    versions: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    kept: bool,
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pass: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<Cow<'a, AgentKind>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "is_none")]
    items: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    strategy: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    failed_strategies: BTreeMap<Cow<'a, str>, u32>,
    #[serde(default, skip_serializing_if = "is_none")]
    fallbacks: u32,
    #[serde(default, skip_serializing_if = "is_none")]
    longer: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plateau: Option<(f64, u32)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    review: Option<ReviewRecord<'a>>,
}

#[derive(Serialize, Deserialize)]
struct ReviewRecord<'a> {
    subject: Cow<'a, ContentHash>,
    of: Cow<'a, [(StepName, u32)]>,
    role: Cow<'a, str>,
    approvals: u32,
    since: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline: Option<i64>,
    decisions: Vec<DecisionRecord<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
struct DecisionRecord<'a> {
    by: Cow<'a, str>,
    verdict: Cow<'a, str>,
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Cow<'a, ContentHash>>,
}

impl<'a> ReviewRecord<'a> {
    fn from_engine(review: &'a Review) -> Self {
        let decisions = review.decisions.iter().map(|decision| DecisionRecord {
            by: Cow::Borrowed(&decision.by),
            verdict: Cow::Borrowed(decision.verdict.as_str()),
            at: decision.at.0,
            note: decision.note.as_ref().map(Cow::Borrowed),
        });
        Self {
            subject: Cow::Borrowed(&review.subject),
            of: Cow::Borrowed(&review.of),
            role: Cow::Borrowed(&review.role),
            approvals: review.approvals,
            since: review.since.0,
            deadline: review.deadline.map(|at| at.0),
            decisions: decisions.collect(),
            end: review.end.map(|end| Cow::Borrowed(end.as_str())),
        }
    }

    fn into_engine(self) -> Review {
        let decisions = self.decisions.into_iter().map(|decision| Decision {
            by: decision.by.into_owned(),
            verdict: verdict_of(&decision.verdict),
            at: Timestamp(decision.at),
            note: decision.note.map(Cow::into_owned),
        });
        Review {
            subject: self.subject.into_owned(),
            of: self.of.into_owned(),
            role: self.role.into_owned(),
            approvals: self.approvals,
            since: Timestamp(self.since),
            deadline: self.deadline.map(Timestamp),
            decisions: decisions.collect(),
            end: self.end.map(|end| end_of(&end)),
        }
    }
}

fn first() -> u32 {
    1
}

// By reference: serde asks so.
#[expect(clippy::trivially_copy_pass_by_ref)]
fn is_first(pass: &u32) -> bool {
    *pass == first()
}

#[expect(clippy::trivially_copy_pass_by_ref)]
fn is_none(count: &u32) -> bool {
    *count == 0
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
    Fanned,
    Running {
        job: Cow<'a, JobId>,
        token: u64,
        lost: u32,
        since: i64,
    },
    Backoff {
        until: i64,
    },
    Reviewing,
    Done,
    Skipped,
    Failed,
}

impl<'a> RunRecord<'a> {
    pub(in crate::record) fn from_engine(run: &'a Run) -> Self {
        Self {
            sequence: run.sequence,
            time: run.time.0,
            submitted: run.submitted.0,
            deadline: run.deadline.map(|at| at.0),
            by: Cow::Borrowed(&run.by),
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

    pub(in crate::record) fn into_engine(
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
            by: self.by.into_owned(),
            // Only runs at rest are kept so: they are neither paused nor do they wait for anybody.
            paused: None,
            held_since: None,
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
                Phase::Fanned => PhaseRecord::Fanned,
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
                Phase::Reviewing => PhaseRecord::Reviewing,
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
            recovered: step
                .recovered
                .as_ref()
                .map(|(failure, at)| (FailureRecord::from_model(failure), at.0)),
            note: step.note.as_ref().map(Cow::Borrowed),
            usage: UsageRecord::from_model(step.usage),
            started: step.started.map(|at| at.0),
            ended: step.ended.map(|at| at.0),
            duration_ms: step.duration_ms,
            versions: step.versions,
            kept: step.kept,
            pass: step.pass,
            agent: step.agent.as_ref().map(Cow::Borrowed),
            key: step.key.as_deref().map(Cow::Borrowed),
            items: step.items,
            strategy: step
                .strategy
                .map(|strategy| Cow::Borrowed(strategy.as_str())),
            failed_strategies: step
                .failed_strategies
                .iter()
                .map(|(strategy, count)| (Cow::Borrowed(strategy.as_str()), *count))
                .collect(),
            fallbacks: step.fallbacks,
            longer: step.longer,
            plateau: step.plateau,
            review: step.review.as_ref().map(ReviewRecord::from_engine),
        }
    }

    fn into_engine(self) -> Step {
        Step {
            revision: self.revision,
            attempt: self.attempt,
            phase: match self.phase {
                PhaseRecord::Waiting => Phase::Waiting,
                PhaseRecord::Fanned => Phase::Fanned,
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
                PhaseRecord::Reviewing => Phase::Reviewing,
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
            recovered: self
                .recovered
                .map(|(failure, at)| (failure.into_model(), Timestamp(at))),
            note: self.note.map(Cow::into_owned),
            usage: self.usage.into_model(),
            started: self.started.map(Timestamp),
            ended: self.ended.map(Timestamp),
            duration_ms: self.duration_ms,
            versions: self.versions,
            kept: self.kept,
            pass: self.pass,
            agent: self.agent.map(Cow::into_owned),
            key: self.key.map(Cow::into_owned),
            items: self.items,
            strategy: self
                .strategy
                .map(|name| Strategy::parse(&name).unwrap_or(Strategy::StandardRetry)),
            failed_strategies: self
                .failed_strategies
                .into_iter()
                .filter_map(|(name, count)| Some((Strategy::parse(&name)?, count)))
                .collect(),
            fallbacks: self.fallbacks,
            longer: self.longer,
            plateau: self.plateau,
            review: self.review.map(ReviewRecord::into_engine),
        }
    }
}
