//! The compiled form of a definition: immutable, checked and hashed. It is stored with the run, so a
//! later change of the definition never touches a run under way.

use std::{collections::BTreeSet, time::Duration};

use model::{AgentKind, ContentHash, ErrorClass, StepName};
use serde::{Deserialize, Serialize};

use crate::{Shape, condition::Condition, limits::MAX_KEY_BYTES, path::Path};

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
    /// Name of the input's type; empty for one that the definition describes itself.
    pub input: String,
    /// The input as the definition describes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Shape>,
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
    /// Works off a list, one job for each of its items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<ForEach>,
    /// The loop that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<StepName>,
    /// How the class of a failure changes the next attempt; without, every attempt is like the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recover: Option<Recover>,
    /// How fast its jobs follow others of the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// How many of its jobs are sent at once, together with others of the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// Least time from one start of its jobs to the next within a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spacing_ms: Option<u64>,
}

/// A limit that all jobs of a tenant with the same key share, whatever their workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Which jobs.
    pub key: Key,
    /// The time from one to the next, microseconds.
    pub every_us: u64,
    /// How many may go at once after a quiet time.
    pub burst: u32,
}

/// A limit that all jobs of a tenant with the same key share, whatever their workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concurrency {
    /// Which jobs.
    pub key: Key,
    /// How many are sent at once.
    pub at_once: u32,
}

/// What jobs have in common. Stored as written: `linkedin`, or `input.account`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// This text.
    Text(String),
    /// What the input says there.
    Input(Path),
}

impl Key {
    /// Reads `text`; none when it is neither a short text nor a path of the input.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with("input.") || text.starts_with("steps.") {
            let path = Path::parse(text).ok();
            return path
                .filter(|path| matches!(path, Path::Input(_)))
                .map(Self::Input);
        }
        let printable = !text.trim().is_empty() && !text.contains(char::is_control);
        (printable && text.len() <= MAX_KEY_BYTES).then(|| Self::Text(text.to_owned()))
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Input(path) => path.fmt(f),
        }
    }
}

impl Serialize for Key {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no key of a limit"))
    }
}

/// A step that works off a list. Each item is a step of the run, `<step>.<index>`, in the list's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForEach {
    /// The list: objects or texts of the input, or a fact of keys.
    pub over: Path,
    /// Most items under way at once.
    pub max_parallel: AtOnce,
    /// The text field of an item that names its agent, one of the step's `agents`; without, the step's
    /// one agent does them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_by: Option<String>,
    /// The agents that `agent_by` may name, in the definition's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<AgentKind>,
}

/// How many at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AtOnce {
    /// So many.
    Number(u32),
    /// As many as the input says there; 1 where it says nothing.
    Input(Path),
}

/// Strategies beyond trying the same again (`spec/publications.md`, recovery).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recover {
    /// The agents that take over, in this order, while the one before them fails at its provider.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<AgentKind>,
}

/// When a loop ends. Its body runs at least once; a pass under way is never cut short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// Its body, in the definition's order.
    pub steps: Vec<StepName>,
    /// Ends when this holds after a pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Condition>,
    /// Most passes.
    pub max_passes: u32,
    /// Ends when a number no longer rises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plateau: Option<Plateau>,
    /// Ends after the pass that ends later than this after the loop's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<u64>,
    /// Ends after the pass with which the loop has cost this much, millionths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
}

/// A number that no longer rises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plateau {
    /// A number among the facts of the loop's body.
    pub of: Path,
    /// After so many passes in a row …
    pub passes: u32,
    /// … of which none was better than the best before by more than this.
    pub by: f64,
}

impl Step {
    /// Every agent kind that may be asked to do it: its own, or those that its items choose from, then those that
    /// may take over.
    pub fn agents(&self) -> impl Iterator<Item = &AgentKind> {
        let routed = self.for_each.iter().flat_map(|each| &each.agents);
        let fallback = self.recover.iter().flat_map(|recover| &recover.fallback);
        let own = self.kind.agent();
        let own = own.filter(|_| routed.clone().next().is_none());
        own.into_iter().chain(routed).chain(fallback)
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// A part of the plan is repeated.
    Loop(Repeat),
    /// People decide.
    Review(Review),
}

/// What people decide on, and who may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// The steps whose artifacts are judged.
    pub of: Vec<StepName>,
    /// The role that whoever decides must have.
    pub role: String,
    /// How many different people must approve. One who rejects is enough to reject.
    pub approvals: u32,
    /// Only these people may decide; without, everyone with the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<People>,
    /// How long they have; without, as long as it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// What happens then.
    pub on_deadline: OnDeadline,
}

/// People, by the names that their keys have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum People {
    /// These.
    Named(Vec<String>),
    /// Those whom the input names there.
    Input(Path),
}

/// What happens when nobody decided in time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDeadline {
    /// It counts as rejected.
    #[default]
    Reject,
    /// It counts as approved.
    Approve,
    /// Whoever has this role may decide, as long as it takes.
    Escalate(String),
}

impl StepKind {
    /// The agent kind that does the work; a loop and a review have none.
    pub fn agent(&self) -> Option<&AgentKind> {
        match self {
            Self::Agent { agent } | Self::Audit { agent, .. } => Some(agent),
            Self::Loop(_) | Self::Review(_) => None,
        }
    }

    /// The steps that an audit or a review judges; none for others.
    pub fn of(&self) -> &[StepName] {
        match self {
            Self::Agent { .. } | Self::Loop(_) => &[],
            Self::Audit { of, .. } | Self::Review(Review { of, .. }) => of,
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
    /// The run pauses and asks: a person retries the step, or has the run go on without it.
    Pause,
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

    /// The step of that name; of an item's name, the step that it is an item of.
    pub fn step(&self, name: &StepName) -> Option<&Step> {
        let planned = name.planned();
        self.steps.iter().find(|step| step.name.as_str() == planned)
    }

    /// Every agent kind that may be asked for work, each once.
    pub fn agents(&self) -> BTreeSet<&AgentKind> {
        self.steps.iter().flat_map(Step::agents).collect()
    }
}
