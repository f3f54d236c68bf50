//! Folding one event into a run.

use model::{Failure, RunStatus, StepName, Timestamp, usage::Usage};
use workflow::Plan;

use crate::{
    event::{Event, Kind},
    run::{Phase, Run, Step, StepResult},
};

/// Folds `event` into `run`. Total: an event that names an unknown step changes only the run's number,
/// time and state, so that a newer event never breaks an older reader.
pub fn apply(plan: &Plan, run: &mut Run, event: &Event) {
    run.sequence = event.sequence;
    run.time = event.time;
    run.state.clone_from(&event.state);
    match &event.kind {
        Kind::Submitted { deadline } => {
            run.submitted = event.time;
            run.deadline = *deadline;
        }
        Kind::StepStarted {
            step,
            job,
            token,
            attempt,
            ..
        } => {
            run.issued.insert(*token, job.clone());
            if let Some(state) = run.steps.get_mut(step) {
                state.attempt = *attempt;
                state.started.get_or_insert(event.time);
                state.phase = Phase::Running {
                    job: job.clone(),
                    token: *token,
                    lost: 0,
                    since: event.time,
                };
            }
        }
        Kind::StepSkipped { step, .. } => {
            if let Some(state) = end(run, step, event.time) {
                state.phase = Phase::Skipped;
            }
        }
        Kind::StepFinished {
            step,
            token,
            version,
            hash,
            facts,
            usage,
            duration_ms,
            ..
        } => {
            settle(run, *token, *usage);
            if let Some(state) = end(run, step, event.time) {
                state.phase = Phase::Done;
                state.failure = None;
                state.usage = state.usage.plus(*usage);
                state.duration_ms = *duration_ms;
                state.result = Some(StepResult {
                    version: *version,
                    hash: hash.clone(),
                    facts: facts.clone(),
                });
            }
        }
        Kind::StepRetrying {
            step,
            token,
            usage,
            at,
            failure,
            ..
        } => {
            settle(run, *token, *usage);
            if let Some(state) = run.steps.get_mut(step) {
                state.phase = Phase::Backoff { until: *at };
                state.failure = Some((failure.clone(), event.time));
                state.usage = state.usage.plus(*usage);
            }
        }
        Kind::StepFailed {
            step,
            job,
            failure,
            usage,
            ..
        } => {
            if let Some((_, token)) = job {
                settle(run, *token, *usage);
            }
            fail(run, step, failure, *usage, event.time);
        }
        Kind::JobRedriven {
            step,
            job,
            token,
            lost,
        } => {
            run.issued.insert(*token, job.clone());
            if let Some(state) = run.steps.get_mut(step) {
                state.phase = Phase::Running {
                    job: job.clone(),
                    token: *token,
                    lost: *lost,
                    since: event.time,
                };
            }
        }
        Kind::MilestoneReached { milestone } => {
            run.milestones.insert(milestone.clone());
        }
        Kind::OutcomeLate { token, usage, .. } => settle(run, *token, *usage),
        Kind::Reopened { step, note, .. } => reopen(plan, run, step, note.as_ref()),
        Kind::Ended { status } => {
            run.status = *status;
            run.ended = Some(event.time);
        }
        Kind::Cancelled { .. } => {
            run.status = RunStatus::Cancelled;
            run.ended = Some(event.time);
        }
    }
}

fn settle(run: &mut Run, token: u64, usage: Usage) {
    run.settled.insert(token);
    run.usage = run.usage.plus(usage);
}

fn end<'a>(run: &'a mut Run, step: &StepName, now: Timestamp) -> Option<&'a mut Step> {
    let state = run.steps.get_mut(step)?;
    state.ended = Some(now);
    Some(state)
}

/// A failed revision leaves an older result in its place, so the step stays done.
fn fail(run: &mut Run, step: &StepName, failure: &Failure, usage: Usage, now: Timestamp) {
    if let Some(state) = end(run, step, now) {
        state.phase = if state.result.is_some() {
            Phase::Done
        } else {
            Phase::Failed
        };
        state.failure = Some((failure.clone(), now));
        state.usage = state.usage.plus(usage);
    }
}

fn reopen(plan: &Plan, run: &mut Run, step: &StepName, note: Option<&model::ContentHash>) {
    run.status = RunStatus::Running;
    run.ended = None;
    for planned in &plan.steps {
        let again = planned.name == *step || planned.kind.of().contains(step);
        if let (true, Some(state)) = (again, run.steps.get_mut(&planned.name)) {
            state.revision += 1;
            state.attempt = 0;
            state.phase = Phase::Waiting;
            state.failure = None;
            state.note = if planned.name == *step {
                note.cloned()
            } else {
                None
            };
            state.started = None;
            state.ended = None;
        }
    }
    for milestone in plan
        .milestones
        .iter()
        .filter(|milestone| milestone.of.contains(step))
    {
        run.milestones.remove(&milestone.state);
    }
}
