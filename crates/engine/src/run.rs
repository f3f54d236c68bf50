//! A run's state: the fold of its events.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use model::{
    AgentKind, ContentHash, Failure, JobId, RunId, RunStatus, StepName, TenantId, Timestamp,
    fact::Facts, usage::Usage,
};
use workflow::Plan;

use crate::{recovery::Strategy, review::Review};

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
    /// Who submitted it; empty for nobody in particular.
    pub by: String,
    /// Since when it is paused, and why.
    pub paused: Option<Paused>,
    /// Since when it waits for people: that time does not count against its deadline.
    pub held_since: Option<Timestamp>,
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
    /// The steps by name; every step of the plan is there from the first event, items from the event that
    /// fans their step out.
    pub steps: BTreeMap<StepName, Step>,
    /// Milestones reached.
    pub milestones: BTreeSet<String>,
    /// Everything used so far, late outcomes included.
    pub usage: Usage,
}

/// Why a run begins nothing new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: String,
    /// Who asked; empty where a failure did.
    pub by: String,
    /// The step whose failure it was.
    pub step: Option<StepName>,
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
    /// The last version's number, whether or not it is the active one; 0 for none.
    pub versions: u32,
    /// The result is of an earlier pass: it is shown and carried, but says nothing of this one.
    pub kept: bool,
    /// Why the last attempt failed, until one succeeds; stays beside an older result.
    pub failure: Option<(Failure, Timestamp)>,
    /// What the last attempt before the active result failed of.
    pub recovered: Option<(Failure, Timestamp)>,
    /// Blob of the note that the current revision was asked for with.
    pub note: Option<ContentHash>,
    /// What all its attempts used.
    pub usage: Usage,
    /// Which pass of its loop; 1 outside of loops. Of a loop: how many passes have begun.
    pub pass: u32,
    /// Who does it, or did it last.
    pub agent: Option<AgentKind>,
    /// Its key in the list that it is an item of.
    pub key: Option<String>,
    /// Of a step that works off a list: how many items there are.
    pub items: u32,
    /// What the last attempt did otherwise than the first one.
    pub strategy: Option<Strategy>,
    /// How often each strategy has failed in this revision.
    pub failed_strategies: BTreeMap<Strategy, u32>,
    /// How many agents have failed at their provider and were replaced.
    pub fallbacks: u32,
    /// How many attempts were given more time than the one before.
    pub longer: u32,
    /// Of a loop that watches a number: its best so far, and for how many passes it has not risen.
    pub plateau: Option<(f64, u32)>,
    /// Of a review: what is asked, and what was decided; the last one, until people are asked anew.
    pub review: Option<Review>,
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
    /// Its items are under way.
    Fanned,
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
    /// People are asked.
    Reviewing,
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
    /// An item with this key, in the pass of its step.
    pub(crate) fn item(key: String, pass: u32) -> Self {
        Self {
            key: Some(key),
            pass,
            ..Self::new()
        }
    }

    /// Who does it, or did it last; before anyone has, whom the plan names. Empty for a loop.
    pub fn who<'a>(&'a self, planned: &'a workflow::Step) -> &'a str {
        let last = self.agent.as_ref().or_else(|| planned.kind.agent());
        last.map_or("", AgentKind::as_str)
    }

    /// Begins anew: another revision, another pass.
    pub(crate) fn reset(&mut self) {
        self.attempt = 0;
        self.phase = Phase::Waiting;
        self.failure = None;
        self.recovered = None;
        self.note = None;
        self.strategy = None;
        self.failed_strategies.clear();
        self.fallbacks = 0;
        self.longer = 0;
        self.plateau = None;
        self.review = None;
        self.started = None;
        self.ended = None;
    }

    fn new() -> Self {
        Self {
            revision: 1,
            attempt: 0,
            phase: Phase::Waiting,
            result: None,
            versions: 0,
            kept: false,
            failure: None,
            recovered: None,
            note: None,
            usage: Usage::default(),
            pass: 1,
            agent: None,
            key: None,
            items: 0,
            strategy: None,
            failed_strategies: BTreeMap::new(),
            fallbacks: 0,
            longer: 0,
            plateau: None,
            review: None,
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
            by: String::new(),
            paused: None,
            held_since: None,
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

    /// Every step with what is planned for it, in the plan's order, items after their step.
    pub fn in_order<'a>(
        &'a self,
        plan: &'a Plan,
    ) -> impl Iterator<Item = (&'a workflow::Step, StepName, &'a Step)> {
        plan.steps.iter().flat_map(|planned| {
            let own = self
                .steps
                .get(&planned.name)
                .map(|state| (planned.name.clone(), state));
            own.into_iter()
                .chain(self.items(&planned.name))
                .map(move |(name, state)| (planned, name, state))
        })
    }

    /// The items of a step that works off a list, in the list's order.
    pub fn items(&self, step: &StepName) -> impl Iterator<Item = (StepName, &Step)> {
        let count = self.steps.get(step).map_or(0, |state| state.items);
        let step = step.clone();
        (0..count).filter_map(move |index| {
            let name = step.item(index);
            let state = self.steps.get(&name)?;
            Some((name, state))
        })
    }

    /// The results of a step: its own, or those of its items in the list's order.
    pub fn results(&self, step: &StepName) -> Vec<(StepName, &StepResult)> {
        let own = self.steps.get(step).map(|state| (step.clone(), state));
        own.into_iter()
            .chain(self.items(step))
            .filter_map(|(name, state)| Some((name, state.result.as_ref()?)))
            .collect()
    }

    /// The token that the next job gets.
    pub fn next_token(&self) -> u64 {
        self.issued
            .last_key_value()
            .map_or(1, |(token, _)| token + 1)
    }
}
