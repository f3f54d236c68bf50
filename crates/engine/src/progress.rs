//! How far a run is.

use workflow::Plan;

use crate::run::Run;

/// How far a run is, by the weights of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Weight of the steps that have ended.
    pub done: u32,
    /// Weight of all steps.
    pub total: u32,
}

impl Progress {
    /// 0 to 100, rounded down, so that 100 means all.
    pub fn percent(self) -> u32 {
        if self.total == 0 {
            100
        } else {
            u32::try_from(u64::from(self.done) * 100 / u64::from(self.total)).unwrap_or(100)
        }
    }
}

/// How far `run` is; a run at rest is all done.
pub fn progress(plan: &Plan, run: &Run) -> Progress {
    let total = plan.steps.iter().map(|step| step.weight).sum();
    let ended = |step: &&workflow::Step| {
        run.steps
            .get(&step.name)
            .is_some_and(|state| state.phase.ended())
    };
    let done = if run.status.at_rest() {
        total
    } else {
        plan.steps
            .iter()
            .filter(ended)
            .map(|step| step.weight)
            .sum()
    };
    Progress { done, total }
}
