//! From a command to events.

use std::time::Duration;

use model::{ErrorClass, Failure, JobId, RunStatus, StepName, Timestamp, usage::Usage};
use workflow::{Plan, StepKind};

use crate::{
    advance::Scratch,
    command::{Command, JobEnd, Refusal},
    event::{Event, Kind},
    limits::{MAX_LOST, MAX_REVISIONS},
    outstanding::{Timer, outstanding},
    run::{Phase, Run},
};

/// What follows from `command` for `run`, at the database-adjusted time `now`: the events, numbered on
/// from the run's last, never empty. `now` before the run's last event counts as that event's time.
///
/// # Errors
/// The [`Refusal`] says why nothing follows.
pub fn decide(
    plan: &Plan,
    run: &Run,
    command: &Command,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let mut scratch = Scratch::new(plan, run, now);
    match command {
        Command::Submit { deadline } => submit(&mut scratch, *deadline)?,
        Command::Outcome {
            job,
            token,
            end,
            usage,
            duration_ms,
            jitter,
        } => {
            let report = Report {
                job,
                token: *token,
                usage: *usage,
                duration_ms: *duration_ms,
            };
            settle(&mut scratch, &report, end, *jitter)?;
        }
        Command::HandBack { job, token } => redrive(&mut scratch, job, *token, 0)?,
        Command::Redrive { job, token } => redrive(&mut scratch, job, *token, 1)?,
        Command::Wake => wake(&mut scratch)?,
        Command::Cancel { reason, by } => {
            if run.status.at_rest() {
                return Err(Refusal::Ended);
            }
            scratch.emit(Kind::Cancelled {
                reason: reason.clone(),
                by: by.clone(),
            });
        }
        Command::Regenerate { step, note, by } => {
            regenerate(&scratch, step)?;
            scratch.emit(Kind::Reopened {
                step: step.clone(),
                note: note.clone(),
                by: by.clone(),
            });
        }
    }
    scratch.advance();
    Ok(scratch.events)
}

fn submit(scratch: &mut Scratch<'_>, deadline: Option<Timestamp>) -> Result<(), Refusal> {
    if scratch.run.sequence > 0 {
        return Err(Refusal::Exists);
    }
    scratch.emit(Kind::Submitted { deadline });
    Ok(())
}

struct Report<'a> {
    job: &'a JobId,
    token: u64,
    usage: Usage,
    duration_ms: u64,
}

/// The first outcome under the current lease token counts; all else is late: recorded once, paid for,
/// not applied.
fn settle(
    scratch: &mut Scratch<'_>,
    report: &Report<'_>,
    end: &JobEnd,
    jitter: u64,
) -> Result<(), Refusal> {
    let Report {
        job,
        token,
        usage,
        duration_ms,
    } = *report;
    if scratch.run.issued.get(&token) != Some(job) {
        return Err(Refusal::UnknownJob(job.clone()));
    }
    if scratch.run.settled.contains(&token) {
        return Err(Refusal::Repeated(job.clone()));
    }
    let current = scratch
        .run
        .under_way(job)
        .filter(|(_, _, current)| *current == token && !scratch.run.status.at_rest())
        .and_then(|(name, state, _)| {
            scratch
                .plan
                .step(name)
                .map(|step| (step, state.attempt, state.result.as_ref()))
        });
    let Some((step, attempt, result)) = current else {
        scratch.emit(Kind::OutcomeLate {
            job: job.clone(),
            token,
            usage,
        });
        return Ok(());
    };
    let kind = match end {
        JobEnd::Done { hash, facts } => Kind::StepFinished {
            step: step.name.clone(),
            agent: step.kind.agent().clone(),
            job: job.clone(),
            token,
            attempt,
            version: result.map_or(1, |result| result.version + 1),
            hash: hash.clone(),
            facts: facts.clone(),
            usage,
            duration_ms,
        },
        JobEnd::Failed(failure) => {
            match step
                .retry
                .wait(failure.class, attempt, failure.retry_after, jitter)
            {
                Some(wait) => Kind::StepRetrying {
                    step: step.name.clone(),
                    job: job.clone(),
                    token,
                    attempt,
                    failure: failure.clone(),
                    usage,
                    at: scratch.now().after(wait),
                },
                None => Kind::StepFailed {
                    step: step.name.clone(),
                    job: Some((job.clone(), token)),
                    attempt,
                    failure: failure.clone(),
                    usage,
                },
            }
        }
    };
    scratch.emit(kind);
    Ok(())
}

fn redrive(
    scratch: &mut Scratch<'_>,
    job: &JobId,
    token: u64,
    lost_now: u32,
) -> Result<(), Refusal> {
    let not_under_way = || Refusal::NotUnderWay(job.clone());
    if scratch.run.status.at_rest() {
        return Err(not_under_way());
    }
    let (name, state, current) = scratch.run.under_way(job).ok_or_else(not_under_way)?;
    if current != token {
        return Err(not_under_way());
    }
    let lost = lost_now
        + if let Phase::Running { lost, .. } = state.phase {
            lost
        } else {
            0
        };
    let (step, attempt) = (name.clone(), state.attempt);
    scratch.emit(if lost >= MAX_LOST {
        Kind::StepFailed {
            step,
            job: None,
            attempt,
            failure: Failure::new(
                ErrorClass::Parked,
                format!("the job was lost {lost} times before it ended; its input may be what stops its worker"),
            ),
            usage: Usage::default(),
        }
    } else {
        Kind::JobRedriven { step, job: job.clone(), token: scratch.run.next_token(), lost }
    });
    Ok(())
}

fn wake(scratch: &mut Scratch<'_>) -> Result<(), Refusal> {
    let now = scratch.now();
    let due: Vec<Timer> = outstanding(scratch.plan, &scratch.run)
        .timers
        .into_iter()
        .filter_map(|(timer, at)| (at <= now).then_some(timer))
        .collect();
    if due.is_empty() {
        return Err(Refusal::NothingDue);
    }
    if due.contains(&Timer::Deadline) {
        give_up(scratch);
        return Ok(());
    }
    for timer in due {
        if let Timer::Retry(name) = timer
            && let Some(step) = scratch.plan.step(&name)
        {
            scratch.start(step);
        }
    }
    Ok(())
}

/// The run's own time is over: what has not ended fails, what is there stays.
fn give_up(scratch: &mut Scratch<'_>) {
    let limit = scratch
        .run
        .deadline
        .map_or(Duration::ZERO, |at| at.since(scratch.run.submitted));
    let plan = scratch.plan;
    for step in &plan.steps {
        let Some(state) = scratch
            .run
            .steps
            .get(&step.name)
            .filter(|state| !state.phase.ended())
        else {
            continue;
        };
        let attempt = state.attempt;
        scratch.emit(Kind::StepFailed {
            step: step.name.clone(),
            job: None,
            attempt,
            failure: Failure::new(
                ErrorClass::Timeout,
                format!("the run reached its time limit of {} s", limit.as_secs()),
            ),
            usage: Usage::default(),
        });
    }
}

fn regenerate(scratch: &Scratch<'_>, name: &StepName) -> Result<(), Refusal> {
    let run = &scratch.run;
    match run.status {
        RunStatus::Running => return Err(Refusal::UnderWay),
        RunStatus::Cancelled => return Err(Refusal::Cancelled),
        RunStatus::Completed | RunStatus::PartiallyCompleted | RunStatus::Failed => {}
    }
    let (Some(step), Some(state)) = (scratch.plan.step(name), run.steps.get(name)) else {
        return Err(Refusal::UnknownStep(name.clone()));
    };
    if !matches!(step.kind, StepKind::Agent { .. }) {
        return Err(Refusal::NotAnAgent(name.clone()));
    }
    if state.phase == Phase::Skipped {
        return Err(Refusal::NotAskedFor(name.clone()));
    }
    if state.revision >= MAX_REVISIONS {
        return Err(Refusal::TooManyRevisions {
            step: name.clone(),
            max: MAX_REVISIONS,
        });
    }
    Ok(())
}
