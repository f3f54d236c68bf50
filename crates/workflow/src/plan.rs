//! The compiled form of a definition: immutable, checked and hashed. It is stored with the run, so a
//! later change of the definition never touches a run under way.

use std::time::Duration;

use model::{AgentKind, ContentHash, ErrorClass, StepName};
use serde::{Deserialize, Serialize};

use crate::condition::Condition;

/// Most steps of a plan.
pub const MAX_STEPS: usize = 256;

/// A compiled definition. Only [`crate::compile`] and reading a stored plan make one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Version of this stored form.
    pub format: u32,
    /// The workflow's name (`campaign`).
    pub workflow: String,
    /// The mode within the workflow (`parallel`); empty when it has only one.
    pub mode: String,
    /// The definition's version.
    pub version: u32,
    /// Name of the input's type.
    pub input: String,
    /// The steps in topological order; those that are ready together stand in the definition's order.
    pub steps: Vec<Step>,
    /// States that the run enters when some steps have all ended.
    pub milestones: Vec<Milestone>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name within the plan.
    pub name: StepName,
    /// What it does.
    pub kind: StepKind,
    /// Steps that must have ended (done, skipped, or failed with [`OnFailure::Continue`]) before.
    pub needs: Vec<StepName>,
    /// Runs only when this holds at the moment its needs are met; else it is skipped.
    pub when: Option<Condition>,
    /// Steps whose results its job carries, where they exist.
    pub with: Vec<StepName>,
    /// The lifecycle state that the run enters when the step starts.
    pub state: Option<String>,
    /// Its place in the run's output (`copy`, `audit_report`); several audits may share one and are joined.
    pub result: Option<String>,
    /// Longest time that the worker may take, from its start.
    pub timeout_ms: u64,
    /// How it is tried again.
    pub retry: Retry,
    /// What a final failure means for the run.
    pub on_failure: OnFailure,
    /// Weight in scheduling and progress, 1 by default.
    pub weight: u32,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum StepKind {
    /// An agent makes an artifact.
    Agent {
        /// Who.
        agent: AgentKind,
    },
    /// An auditor judges artifacts.
    Audit {
        /// Who: `audit_<name>`.
        agent: AgentKind,
        /// The steps whose artifacts it judges.
        of: Vec<StepName>,
    },
}

impl StepKind {
    /// The agent kind that does the work.
    pub fn agent(&self) -> &AgentKind {
        match self {
            Self::Agent { agent } | Self::Audit { agent, .. } => agent,
        }
    }

    /// The steps that an audit judges; none for an agent.
    pub fn of(&self) -> &[StepName] {
        match self {
            Self::Agent { .. } => &[],
            Self::Audit { of, .. } => of,
        }
    }
}

/// A state that the run enters when all of some steps have ended and at least one was not skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Milestone {
    /// The lifecycle state.
    pub state: String,
    /// The steps.
    pub of: Vec<StepName>,
}

/// What a final failure of a step means for its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The run fails.
    Fail,
    /// The run goes on without it.
    Continue,
}

/// How a failed step is tried again: exponential backoff with full jitter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Most attempts, the first included; 1 means never again.
    pub max_attempts: u32,
    /// Upper bound of the first wait.
    pub base_ms: u64,
    /// Upper bound of every wait.
    pub cap_ms: u64,
}

impl Retry {
    /// Named policy `standard`.
    pub const STANDARD: Self = Self {
        max_attempts: 3,
        base_ms: 500,
        cap_ms: 30_000,
    };
    /// Named policy `none`.
    pub const NONE: Self = Self {
        max_attempts: 1,
        base_ms: 0,
        cap_ms: 0,
    };

    /// The wait before attempt `failed + 1`, after `failed` attempts have failed, or `None` when the
    /// failure is final. Full jitter: uniform in `[0, min(cap, base · 2^(failed-1))]`, with `jitter` as
    /// the draw. A wait that the provider asked for is kept, up to the cap or one minute, whichever is more.
    pub fn wait(
        &self,
        class: ErrorClass,
        failed: u32,
        asked: Option<Duration>,
        jitter: u64,
    ) -> Option<Duration> {
        if failed >= self.max_attempts || !class.retryable() {
            return None;
        }
        if let Some(asked) = asked {
            return Some(asked.min(Duration::from_millis(self.cap_ms.max(60_000))));
        }
        let doubled = self.base_ms.saturating_mul(
            1_u64
                .checked_shl(failed.saturating_sub(1))
                .unwrap_or(u64::MAX),
        );
        let bound = doubled.min(self.cap_ms);
        Some(Duration::from_millis(jitter % bound.saturating_add(1)))
    }
}

impl Plan {
    /// The stored form's version that this code writes.
    pub const FORMAT: u32 = 1;

    /// SHA-256 over the plan's JSON: the same plan has the same hash everywhere.
    pub fn hash(&self) -> ContentHash {
        ContentHash::of(self.to_json().as_bytes())
    }

    /// The stored form.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The step of that name.
    pub fn step(&self, name: &StepName) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == *name)
    }
}
