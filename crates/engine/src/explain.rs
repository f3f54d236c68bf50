//! For each step that has not ended, the one thing that it waits for.

use model::{AgentKind, ErrorClass, JobId, StepName, Timestamp};
use workflow::Plan;

use crate::run::{Phase, Run};

/// A step that has not ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// The step.
    pub step: StepName,
    /// What it waits for.
    pub what: WaitingFor,
}

/// What a step waits for.
#[derive(Debug, Clone, PartialEq)]
pub enum WaitingFor {
    /// Other steps.
    Steps(Vec<StepName>),
    /// A worker's answer.
    Outcome {
        /// The agent kind.
        agent: AgentKind,
        /// The job.
        job: JobId,
        /// Its lease token.
        token: u64,
        /// Which attempt.
        attempt: u32,
        /// When the job last went out.
        since: Timestamp,
        /// How many times it was lost.
        lost: u32,
    },
    /// The time of its next attempt.
    Retry {
        /// When.
        at: Timestamp,
        /// How many attempts have failed.
        failed: u32,
        /// How many there may be.
        of: u32,
        /// Why the last one failed, when known.
        class: Option<ErrorClass>,
    },
}

/// What each step waits for, in plan order; empty for a run at rest.
pub fn explain(plan: &Plan, run: &Run) -> Vec<Waiting> {
    if run.status.at_rest() {
        return Vec::new();
    }
    let open = plan
        .steps
        .iter()
        .filter_map(|step| run.steps.get(&step.name).map(|state| (step, state)));
    open.filter_map(|(step, state)| {
        let what = match &state.phase {
            Phase::Waiting => WaitingFor::Steps(
                step.needs
                    .iter()
                    .filter(|need| {
                        run.steps
                            .get(*need)
                            .is_some_and(|state| !state.phase.ended())
                    })
                    .cloned()
                    .collect(),
            ),
            Phase::Running {
                job,
                token,
                lost,
                since,
            } => WaitingFor::Outcome {
                agent: step.kind.agent().clone(),
                job: job.clone(),
                token: *token,
                attempt: state.attempt,
                since: *since,
                lost: *lost,
            },
            Phase::Backoff { until } => WaitingFor::Retry {
                at: *until,
                failed: state.attempt,
                of: step.retry.max_attempts,
                class: state.failure.as_ref().map(|(failure, _)| failure.class),
            },
            Phase::Done | Phase::Skipped | Phase::Failed => return None,
        };
        Some(Waiting {
            step: step.name.clone(),
            what,
        })
    })
    .collect()
}
