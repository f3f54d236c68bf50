//! A run's state: the fold of its events.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use model::{
    ContentHash, Failure, JobId, RunId, RunStatus, StepName, TenantId, Timestamp, fact::Facts,
    usage::Usage,
};
use workflow::Plan;

/// State of a run before its first event.
pub const STATE_NEW: &str = "new";

/// A run. Fields are public to be stored and shown; only [`crate::apply`] changes them.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: RunId,
    /// The submitted input, which conditions read. Not part of the stored state: it never changes.
    pub input: Arc<serde_json::Value>,
    /// The last event's number; 0 before the first. It is the version that commits are checked against.
    pub sequence: u64,
    /// The last event's time.
    pub time: Timestamp,
    /// When it was submitted.
    pub submitted: Timestamp,
    /// When it is given up.
    pub deadline: Option<Timestamp>,
    /// How it stands.
    pub status: RunStatus,
    /// The lifecycle state's name.
    pub state: String,
    /// When it last came to rest.
    pub ended: Option<Timestamp>,
    /// Every lease token ever issued, with its job.
    pub issued: BTreeMap<u64, JobId>,
    /// Tokens whose outcome is recorded, applied or late.
    pub settled: BTreeSet<u64>,
    /// The steps by name; every step of the plan is there from the first event.
    pub steps: BTreeMap<StepName, Step>,
    /// Milestones reached.
    pub milestones: BTreeSet<String>,
    /// Everything used so far, late outcomes included.
    pub usage: Usage,
}

/// A step's state.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// 1 for the first, + 1 with each reopening.
    pub revision: u32,
    /// The current revision's last attempt; 0 before the first.
    pub attempt: u32,
    /// Where it stands.
    pub phase: Phase,
    /// Its active result: the latest version.
    pub result: Option<StepResult>,
    /// Why the last attempt failed, until one succeeds; stays beside an older result.
    pub failure: Option<(Failure, Timestamp)>,
    /// Blob of the note that the current revision was asked for with.
    pub note: Option<ContentHash>,
    /// What all its attempts used.
    pub usage: Usage,
    /// When its first job of this revision went out.
    pub started: Option<Timestamp>,
    /// When it last ended.
    pub ended: Option<Timestamp>,
    /// How long its agent worked for the active result, milliseconds.
    pub duration_ms: u64,
}

/// A stored result of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepResult {
    /// 1, 2, 3 … within run and step.
    pub version: u32,
    /// Of its bytes.
    pub hash: ContentHash,
    /// What conditions read.
    pub facts: Facts,
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Its needs are not met yet.
    Waiting,
    /// A job is under way.
    Running {
        /// The job.
        job: JobId,
        /// Its current lease token.
        token: u64,
        /// How many times it was lost.
        lost: u32,
        /// When it last went out.
        since: Timestamp,
    },
    /// The next attempt starts at this time.
    Backoff {
        /// When.
        until: Timestamp,
    },
    /// It has its result.
    Done,
    /// Its condition was false.
    Skipped,
    /// It failed and has no result.
    Failed,
}

impl Phase {
    /// Whether nothing more happens to the step by itself.
    pub fn ended(&self) -> bool {
        matches!(self, Self::Done | Self::Skipped | Self::Failed)
    }
}

impl Step {
    fn new() -> Self {
        Self {
            revision: 1,
            attempt: 0,
            phase: Phase::Waiting,
            result: None,
            failure: None,
            note: None,
            usage: Usage::default(),
            started: None,
            ended: None,
            duration_ms: 0,
        }
    }
}

impl Run {
    /// A run before its first event.
    pub fn new(tenant: TenantId, id: RunId, input: Arc<serde_json::Value>, plan: &Plan) -> Self {
        Self {
            tenant,
            id,
            input,
            sequence: 0,
            time: Timestamp(0),
            submitted: Timestamp(0),
            deadline: None,
            status: RunStatus::Running,
            state: STATE_NEW.to_owned(),
            ended: None,
            issued: BTreeMap::new(),
            settled: BTreeSet::new(),
            steps: plan
                .steps
                .iter()
                .map(|step| (step.name.clone(), Step::new()))
                .collect(),
            milestones: BTreeSet::new(),
            usage: Usage::default(),
        }
    }

    /// The step whose current job this is, with the job's current token.
    pub fn under_way(&self, job: &JobId) -> Option<(&StepName, &Step, u64)> {
        self.steps
            .iter()
            .find_map(|(name, step)| match &step.phase {
                Phase::Running {
                    job: current,
                    token,
                    ..
                } if current == job => Some((name, step, *token)),
                _ => None,
            })
    }

    /// The token that the next job gets.
    pub fn next_token(&self) -> u64 {
        self.issued
            .last_key_value()
            .map_or(1, |(token, _)| token + 1)
    }
}
