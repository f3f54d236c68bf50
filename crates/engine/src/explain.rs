//! For each step that has not ended, the one thing that it waits for.

use model::{AgentKind, ErrorClass, JobId, StepName, Timestamp};
use workflow::{Plan, Step, StepKind};

use crate::{
    items::at_once,
    recovery::Strategy,
    review::{Verdict, people},
    run::{self, Phase, Run},
};

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
        /// What the next one does otherwise.
        strategy: Option<Strategy>,
    },
    /// People's decision.
    Review {
        /// The role that whoever decides must have.
        role: String,
        /// Whom it is left to; none for everyone with the role.
        from: Option<Vec<String>>,
        /// How many have approved.
        approved: u32,
        /// How many must.
        of: u32,
        /// Since when.
        since: Timestamp,
        /// Until when.
        deadline: Option<Timestamp>,
    },
    /// The paused run to be resumed.
    Resume {
        /// Since when.
        since: Timestamp,
        /// Why it was paused.
        reason: String,
    },
    /// Its items.
    Items {
        /// How many have ended.
        ended: u32,
        /// How many there are.
        of: u32,
    },
    /// A place among the items of its step that are under way at once.
    Turn {
        /// How many may be.
        at_once: u32,
    },
}

/// What each step and item waits for, in plan order, items after their step; empty for a run at rest.
pub fn explain(plan: &Plan, run: &Run) -> Vec<Waiting> {
    if run.status.at_rest() {
        return Vec::new();
    }
    let of_step = |step: &workflow::Step| {
        let own = run.steps.get(&step.name)?;
        Some(waiting(step, &step.name, own, run))
    };
    plan.steps
        .iter()
        .flat_map(|step| {
            let items = run
                .items(&step.name)
                .filter_map(|(name, item)| waiting(step, &name, item, run));
            of_step(step).flatten().into_iter().chain(items)
        })
        .collect()
}

/// What a step or an item waits for; none once it has ended.
fn waiting(step: &Step, name: &StepName, state: &run::Step, run: &Run) -> Option<Waiting> {
    let paused = run.paused.as_ref().map(|paused| WaitingFor::Resume {
        since: paused.since,
        reason: paused.reason.clone(),
    });
    let what = match &state.phase {
        Phase::Reviewing => review(step, state, run)?,
        Phase::Backoff { .. } if paused.is_some() => paused?,
        Phase::Waiting
            if paused.is_some()
                && (name.index().is_some()
                    || step.needs.iter().all(|need| has_ended(run, need))) =>
        {
            paused?
        }
        Phase::Waiting if name.index().is_some() => WaitingFor::Turn {
            at_once: step.for_each.as_ref().map_or(1, |each| at_once(run, each)),
        },
        Phase::Waiting => {
            let open = step.needs.iter().filter(|need| !has_ended(run, need));
            WaitingFor::Steps(open.cloned().collect())
        }
        Phase::Fanned => {
            let ended = run.items(name).filter(|(_, item)| item.phase.ended());
            WaitingFor::Items {
                ended: u32::try_from(ended.count()).unwrap_or(u32::MAX),
                of: state.items,
            }
        }
        Phase::Running {
            job,
            token,
            lost,
            since,
        } => WaitingFor::Outcome {
            agent: state.agent.clone()?,
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
            strategy: state.strategy,
        },
        Phase::Done | Phase::Skipped | Phase::Failed => return None,
    };
    Some(Waiting {
        step: name.clone(),
        what,
    })
}

fn has_ended(run: &Run, step: &StepName) -> bool {
    let state = run.steps.get(step);
    state.is_none_or(|state| state.phase.ended())
}

fn review(step: &Step, state: &run::Step, run: &Run) -> Option<WaitingFor> {
    let StepKind::Review(planned) = &step.kind else {
        return None;
    };
    let asked = state.review.as_ref()?;
    let approved = asked
        .decisions
        .iter()
        .filter(|decision| decision.verdict == Verdict::Approve);
    Some(WaitingFor::Review {
        role: asked.role.clone(),
        from: people(run, planned).filter(|_| asked.role == planned.role),
        approved: u32::try_from(approved.count()).unwrap_or(u32::MAX),
        of: asked.approvals,
        since: asked.since,
        deadline: asked.deadline,
    })
}
