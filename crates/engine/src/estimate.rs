//! When a run will have ended, by what was measured. Nothing is invented: where a step that is left was never
//! measured, or how often a loop repeats is open, there is no estimate.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use model::{AgentKind, StepName, Timestamp};
use workflow::{ForEach, Path, Plan, StepKind, plan};

use crate::{
    items,
    run::{Phase, Run, Step},
};

/// How long an attempt of an agent kind takes that succeeds, milliseconds.
pub type Durations = BTreeMap<AgentKind, f64>;

/// What this run has measured itself.
pub fn measured(run: &Run) -> Durations {
    let mut sums: BTreeMap<&AgentKind, (f64, f64)> = BTreeMap::new();
    for step in run.steps.values() {
        if let (Phase::Done, Some(agent), Some(_)) = (&step.phase, &step.agent, &step.result) {
            let (sum, count) = sums.entry(agent).or_default();
            *sum += step.duration_ms as f64;
            *count += 1.0;
        }
    }
    sums.into_iter()
        .map(|(agent, (sum, count))| (agent.clone(), sum / count))
        .collect()
}

/// How much longer the run takes along the schedule that is left; `past` is what other runs have measured, and
/// counts where this one has nothing. None where it cannot be told.
pub fn estimate(plan: &Plan, run: &Run, past: &Durations, now: Timestamp) -> Option<Duration> {
    if run.status.at_rest() {
        return Some(Duration::ZERO);
    }
    if run.paused.is_some() {
        return None;
    }
    let own = measured(run);
    let known = |agent: &AgentKind| own.get(agent).or_else(|| past.get(agent)).copied();
    let mut finish: BTreeMap<&StepName, f64> = BTreeMap::new();
    for step in &plan.steps {
        let begins = step.needs.iter().filter_map(|need| finish.get(need));
        let begins = begins.copied().fold(0.0, f64::max);
        let left = left(run, step, &known, now)?;
        finish.insert(&step.name, begins + left);
    }
    let last = finish.into_values().fold(0.0, f64::max);
    Duration::try_from_secs_f64(last / 1_000.0).ok()
}

/// Milliseconds that a step still takes once it may run.
fn left(
    run: &Run,
    step: &plan::Step,
    known: &dyn Fn(&AgentKind) -> Option<f64>,
    now: Timestamp,
) -> Option<f64> {
    let state = run.steps.get(&step.name)?;
    if state.phase.ended() {
        return Some(0.0);
    }
    match (&step.kind, &step.for_each) {
        // How many passes there will be is what the loop is there to find out, and people take their time.
        (StepKind::Loop(_) | StepKind::Review(_), _) => None,
        (_, Some(each)) => of_items(run, step, each, state, known, now),
        (_, None) => of_one(step, state, step.kind.agent()?, known, now),
    }
}

fn of_one(
    step: &plan::Step,
    state: &Step,
    planned: &AgentKind,
    known: &dyn Fn(&AgentKind) -> Option<f64>,
    now: Timestamp,
) -> Option<f64> {
    let millis = |duration: Duration| duration.as_secs_f64() * 1_000.0;
    if state.phase.ended() {
        return Some(0.0);
    }
    let agent = match crate::recovery::fallback(step, state.fallbacks) {
        Some(other) => other,
        None => planned,
    };
    let whole = known(agent)?;
    Some(match &state.phase {
        Phase::Running { since, .. } => (whole - millis(now.since(*since))).max(0.0),
        Phase::Backoff { until } => millis(until.since(now)) + whole,
        _ => whole,
    })
}

/// The items that are left, on as many places as there are, in their order.
fn of_items(
    run: &Run,
    step: &plan::Step,
    each: &ForEach,
    state: &Step,
    known: &dyn Fn(&AgentKind) -> Option<f64>,
    now: Timestamp,
) -> Option<f64> {
    let fresh = Step::item(String::new(), 1);
    let count = if state.phase == Phase::Fanned {
        state.items
    } else if let Path::Fact(of, _) = &each.over
        && !run.steps.get(of)?.phase.ended()
    {
        return None;
    } else {
        u32::try_from(items::keys(run, &each.over).ok()?.len()).ok()?
    };
    let places = items::at_once(run, each);
    let mut busy: Vec<u64> = Vec::new();
    let mut waiting = Vec::new();
    for index in 0..count {
        let name = step.name.item(index);
        let item = match state.phase {
            Phase::Fanned => run.steps.get(&name)?,
            _ => &fresh,
        };
        // An item that no agent does ends at once.
        let Ok(planned) = items::agent(run, step, &name) else {
            continue;
        };
        let left = of_one(step, item, planned, known, now)?;
        match item.phase {
            Phase::Running { .. } | Phase::Backoff { .. } => busy.push(micros(left)),
            Phase::Waiting => waiting.push(micros(left)),
            _ => {}
        }
    }
    busy.resize(busy.len().max(usize::try_from(places).ok()?), 0);
    let mut free: std::collections::BinaryHeap<_> = busy.into_iter().map(Reverse).collect();
    for left in waiting {
        let Reverse(at) = free.pop()?;
        free.push(Reverse(at + left));
    }
    let last = free.into_iter().map(|Reverse(at)| at).max().unwrap_or(0);
    Some(last as f64 / 1_000.0)
}

/// Whole, so that they have an order.
fn micros(millis: f64) -> u64 {
    // Never negative, and durations are far below 2^53 µs.
    (millis.max(0.0) * 1_000.0) as u64
}
