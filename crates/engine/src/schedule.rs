//! What a job's turn goes by once it is ready: its score among the jobs of its run, and the limits that its step
//! asks for. When it is sent is the store's and the orchestrator's matter.

use std::collections::BTreeMap;

use model::{ContentHash, StepName};
use serde_json::Value;
use workflow::{Path, Plan, graph, plan::Key};

use crate::{
    limits::{MAX_LIMIT_VALUE_BYTES, RETRY_SCORE},
    run::{Phase, Run},
};

/// What ranks a job among those of its run: the sum of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Score {
    /// Of its step.
    pub weight: u32,
    /// Of the heaviest way from its step to the end, without the step itself.
    pub behind: u32,
    /// For the attempts and the lost starts before it: what waits for it has waited longest.
    pub attempts: u32,
}

impl Score {
    /// The highest goes first.
    pub fn total(self) -> u32 {
        self.weight
            .saturating_add(self.behind)
            .saturating_add(self.attempts)
    }
}

/// The weight of the heaviest way from each step to the end.
pub type Ways<'a> = BTreeMap<&'a StepName, u64>;

/// The ways of a plan, for [`score`].
pub fn ways(plan: &Plan) -> Ways<'_> {
    graph::weight_behind(plan)
}

/// The score of a step's or an item's job, `before` starts after its first.
pub fn score(plan: &Plan, ways: &Ways<'_>, step: &StepName, before: u32) -> Score {
    let Some(planned) = plan.step(step) else {
        return Score::default();
    };
    let way = ways.get(&planned.name).copied().unwrap_or(0);
    let behind = way.saturating_sub(u64::from(planned.weight));
    Score {
        weight: planned.weight,
        behind: u32::try_from(behind).unwrap_or(u32::MAX),
        attempts: before.saturating_mul(RETRY_SCORE),
    }
}

/// The score of the job that is under way for a step or an item.
pub fn score_of(plan: &Plan, ways: &Ways<'_>, run: &Run, step: &StepName) -> Score {
    let before = run.steps.get(step).map_or(0, |state| {
        let lost = match state.phase {
            Phase::Running { lost, .. } => lost,
            _ => 0,
        };
        state.attempt.saturating_sub(1).saturating_add(lost)
    });
    score(plan, ways, step, before)
}

/// A limit on how fast jobs of one key follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paced {
    /// Of the tenant.
    pub key: String,
    /// From one to the next, microseconds.
    pub every_us: u64,
    /// How many may go at once after a quiet time.
    pub burst: u32,
}

/// What the jobs of a step wait for beside places.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// Its rate and its spacing.
    pub paces: Vec<Paced>,
    /// The key of its concurrency limit, and how many at once.
    pub share: Option<(String, u32)>,
}

/// Before the key of a rate: keys of rates, shares and spacings never meet.
pub const RATE: &str = "rate:";
/// Before the key of a concurrency limit.
pub const SHARE: &str = "share:";
/// Before the run and step of a spacing.
pub const SPACING: &str = "spacing:";

/// The limits of the jobs of a step or an item, their keys as the input has them.
pub fn asked(plan: &Plan, run: &Run, step: &StepName) -> Asked {
    let Some(planned) = plan.step(step) else {
        return Asked::default();
    };
    let rate = planned.rate.as_ref().map(|rate| Paced {
        key: format!("{RATE}{}", resolved(run, &rate.key)),
        every_us: rate.every_us,
        burst: rate.burst,
    });
    let spacing = planned.spacing_ms.map(|every| Paced {
        key: format!("{SPACING}{}.{}", run.id, planned.name),
        every_us: every.saturating_mul(1_000),
        burst: 1,
    });
    let share = planned.concurrency.as_ref().map(|limit| {
        let key = format!("{SHARE}{}", resolved(run, &limit.key));
        (key, limit.at_once)
    });
    Asked {
        paces: rate.into_iter().chain(spacing).collect(),
        share,
    }
}

/// A key as text. Where the input says nothing, all that say nothing there share one.
fn resolved(run: &Run, key: &Key) -> String {
    let Key::Input(path @ Path::Input(names)) = key else {
        return key.to_string();
    };
    let mut at = &*run.input;
    for name in names {
        match at.get(name) {
            Some(inner) => at = inner,
            None => return format!("{path}="),
        }
    }
    let value = match at {
        Value::String(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return format!("{path}="),
    };
    if value.len() > MAX_LIMIT_VALUE_BYTES {
        return ContentHash::of(value.as_bytes()).to_string();
    }
    value
}
