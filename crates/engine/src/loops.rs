//! Loops: a part of the plan is repeated until its end holds.

use model::{Timestamp, fact::Fact};
use workflow::{Path, Plateau, Repeat, plan};

use crate::{
    advance::Scratch,
    event::{Kind, LoopEnd},
    run::{Phase, Run, Step},
    scope::Facts,
};

impl Scratch<'_> {
    /// The body has ended: the loop ends, or its next pass begins.
    pub(crate) fn turn(&mut self, step: &plan::Step, own: &Repeat) {
        let Some(state) = self.run.steps.get(&step.name) else {
            return;
        };
        let value = own
            .plateau
            .as_ref()
            .and_then(|watched| number(&self.run, &watched.of));
        let pass = state.pass;
        let kind = match end(&self.run, state, own, value, self.now()) {
            Some(reason) => Kind::LoopEnded {
                step: step.name.clone(),
                passes: pass,
                reason,
            },
            None => Kind::LoopRepeated {
                step: step.name.clone(),
                pass: pass + 1,
                value,
            },
        };
        self.emit(kind);
    }
}

/// Why the loop ends after this pass; none when it goes on.
fn end(
    run: &Run,
    state: &Step,
    own: &Repeat,
    value: Option<f64>,
    now: Timestamp,
) -> Option<LoopEnd> {
    let body = || own.steps.iter().filter_map(|name| run.steps.get(name));
    // A condition that cannot be read, because a step of the body failed, does not hold: the passes are
    // bounded.
    let holds = own
        .until
        .as_ref()
        .is_some_and(|until| until.eval(&Facts(run)) == Ok(true));
    if holds {
        return Some(LoopEnd::Condition);
    }
    if body().all(|step| step.phase == Phase::Skipped) {
        return Some(LoopEnd::Idle);
    }
    if let (Some(watched), Some(value)) = (&own.plateau, value)
        && watch(state.plateau, value, watched).1 >= watched.passes
    {
        return Some(LoopEnd::Plateau);
    }
    if state.pass >= own.max_passes {
        return Some(LoopEnd::Passes);
    }
    let lasted = state.started.map(|since| now.since(since).as_millis());
    if let (Some(most), Some(lasted)) = (own.time_ms, lasted)
        && lasted >= u128::from(most)
    {
        return Some(LoopEnd::Time);
    }
    let cost: u64 = run
        .steps
        .iter()
        .filter(|(name, _)| own.steps.iter().any(|step| step.as_str() == name.planned()))
        .map(|(_, step)| step.usage.cost_microusd)
        .sum();
    if own.cost_micros.is_some_and(|most| cost >= most) {
        return Some(LoopEnd::Cost);
    }
    None
}

/// The best value so far and for how many passes it has not risen, after a pass that left `value`.
pub(crate) fn watch(before: Option<(f64, u32)>, value: f64, watched: &Plateau) -> (f64, u32) {
    match before {
        Some((best, flat)) if value <= best + watched.by => (best.max(value), flat + 1),
        Some(_) | None => (value, 0),
    }
}

fn number(run: &Run, path: &Path) -> Option<f64> {
    let Path::Fact(step, name) = path else {
        return None;
    };
    let state = run.steps.get(step).filter(|state| !state.kept)?;
    match state.result.as_ref()?.facts.get(name)? {
        Fact::Number(value) => Some(*value),
        Fact::Bool(_) | Fact::Text(_) | Fact::Keys(_) => None,
    }
}
