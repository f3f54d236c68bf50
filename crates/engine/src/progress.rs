//! How far a run is.

use workflow::{Plan, Step, StepKind};

use crate::run::{Phase, Run};

/// Parts of one unit of weight.
const UNIT: u64 = 1_000_000;

/// How far a run is, by the weights of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Weight of what has ended, millionths.
    pub done: u64,
    /// Weight of all steps, millionths.
    pub total: u64,
}

impl Progress {
    /// 0 to 100, rounded down, so that 100 means all.
    pub fn percent(self) -> u32 {
        if self.total == 0 {
            100
        } else {
            let percent = u128::from(self.done) * 100 / u128::from(self.total);
            u32::try_from(percent).unwrap_or(100)
        }
    }
}

/// How far `run` is; a run at rest is all done. It does not fall while a run is under way: of a loop, the
/// passes that there may be count.
pub fn progress(plan: &Plan, run: &Run) -> Progress {
    let weight = |step: &Step| u64::from(step.weight) * UNIT;
    let total = plan.steps.iter().map(weight).sum();
    let done = if run.status.at_rest() {
        total
    } else {
        let done = plan.steps.iter().map(|step| {
            let (ended, of) = share(plan, run, step);
            weight(step) * ended / of.max(1)
        });
        done.sum()
    };
    Progress { done, total }
}

/// How much of a step has ended, and of how much.
fn share(plan: &Plan, run: &Run, step: &Step) -> (u64, u64) {
    let Some(state) = run.steps.get(&step.name) else {
        return (0, 1);
    };
    let (ended, of) = if state.phase == Phase::Fanned {
        let ended = run.items(&step.name).filter(|(_, item)| item.phase.ended());
        (ended.count() as u64, u64::from(state.items))
    } else {
        (u64::from(state.phase.ended()), 1)
    };
    let owner = step.within.as_ref().and_then(|name| plan.step(name));
    let Some(StepKind::Loop(own)) = owner.map(|owner| &owner.kind) else {
        return (ended, of);
    };
    let over = step
        .within
        .as_ref()
        .and_then(|name| run.steps.get(name))
        .is_some_and(|state| state.phase.ended());
    if over {
        return (ended, of);
    }
    let before = u64::from(state.pass.saturating_sub(1));
    (before * of + ended, of * u64::from(own.max_passes))
}
