//! What should be under way for a run, derived from its state alone.

use std::collections::BTreeMap;

use model::{AgentKind, ContentHash, JobId, StepName, Timestamp};

use crate::run::{Phase, Run};

/// Everything that should be under way. The store's rows equal it at all times.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outstanding {
    /// Jobs by id and lease token.
    pub jobs: BTreeMap<(JobId, u64), JobRef>,
    /// Timers with the time they are due.
    pub timers: BTreeMap<Timer, Timestamp>,
    /// Reviews that people are asked for, by step and the hash over what is asked about.
    pub reviews: BTreeMap<(StepName, ContentHash), ReviewRef>,
}

/// What a job is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRef {
    /// Of which step.
    pub step: StepName,
    /// Who is to do it.
    pub agent: AgentKind,
    /// Which attempt.
    pub attempt: u32,
    /// Which revision of the step.
    pub revision: u32,
}

/// What people are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewRef {
    /// Who may decide.
    pub role: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub deadline: Option<Timestamp>,
}

/// A timer's key within its run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// The run is given up.
    Deadline,
    /// The step's next attempt.
    Retry(StepName),
    /// People had until then to decide.
    Review(StepName),
}

impl Outstanding {
    /// When the run must be woken; `None` when no timer runs.
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.timers.values().min().copied()
    }
}

/// Every job, timer and review that should be under way; nothing for a run at rest.
pub fn outstanding(run: &Run) -> Outstanding {
    let mut all = Outstanding::default();
    if run.status.at_rest() || run.sequence == 0 {
        return all;
    }
    if let (Some(deadline), None) = (run.deadline, run.held_since) {
        all.timers.insert(Timer::Deadline, deadline);
    }
    for (name, state) in &run.steps {
        match &state.phase {
            Phase::Running { job, token, .. } => {
                if let Some(agent) = &state.agent {
                    let job_ref = JobRef {
                        step: name.clone(),
                        agent: agent.clone(),
                        attempt: state.attempt,
                        revision: state.revision,
                    };
                    all.jobs.insert((job.clone(), *token), job_ref);
                }
            }
            Phase::Backoff { until } => {
                if run.paused.is_none() {
                    all.timers.insert(Timer::Retry(name.clone()), *until);
                }
            }
            Phase::Reviewing => {
                if let Some(review) = &state.review {
                    if let (Some(deadline), None) = (review.deadline, &run.paused) {
                        all.timers.insert(Timer::Review(name.clone()), deadline);
                    }
                    let review_ref = ReviewRef {
                        role: review.role.clone(),
                        since: review.since,
                        deadline: review.deadline,
                    };
                    let key = (name.clone(), review.subject.clone());
                    all.reviews.insert(key, review_ref);
                }
            }
            Phase::Waiting | Phase::Fanned | Phase::Done | Phase::Skipped | Phase::Failed => {}
        }
    }
    all
}

/// Whether this job of a step or an item is under way under this lease token.
pub fn is_under_way(run: &Run, step: &StepName, job: &JobId, token: u64) -> bool {
    let phase = run.steps.get(step).map(|state| &state.phase);
    !run.status.at_rest()
        && matches!(phase, Some(Phase::Running { job: own, token: current, .. })
            if own == job && *current == token)
}
