//! From a command to events.

use std::time::Duration;

use model::{
    ContentHash, ErrorClass, Failure, JobId, RunStatus, StepName, Timestamp, usage::Usage,
};
use workflow::{Plan, StepKind};

use crate::{
    advance::Scratch,
    command::{Command, JobEnd, Refusal},
    event::{Event, Kind},
    limits::{MAX_LOST, MAX_REVISIONS},
    outstanding::{Timer, outstanding},
    recovery::{self, Strategy},
    review::Ballot,
    run::{self, Phase, Run},
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
        Command::Submit { deadline, by } => submit(&mut scratch, *deadline, by)?,
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
                through: Vec::new(),
            });
        }
        Command::Retry { step, by } => retry(&mut scratch, step, by)?,
        Command::Edit {
            step,
            version,
            hash,
            by,
        } => edit(&mut scratch, step, *version, hash, by)?,
        Command::Review {
            step,
            subject,
            verdict,
            to,
            note,
            person,
        } => scratch.decided(Ballot {
            step,
            subject,
            verdict: *verdict,
            to: to.as_ref(),
            note: note.as_ref(),
            person,
        })?,
        Command::Pause { reason, by } => {
            if run.status.at_rest() {
                return Err(Refusal::Ended);
            }
            if run.paused.is_some() {
                return Err(Refusal::Paused);
            }
            scratch.emit(Kind::Paused {
                reason: reason.clone(),
                by: by.clone(),
                step: None,
            });
        }
        Command::Resume { by } => {
            if run.paused.is_none() {
                return Err(Refusal::NotPaused);
            }
            scratch.resume(by);
        }
    }
    scratch.advance();
    Ok(scratch.events)
}

fn submit(scratch: &mut Scratch<'_>, deadline: Option<Timestamp>, by: &str) -> Result<(), Refusal> {
    if scratch.run.sequence > 0 {
        return Err(Refusal::Exists);
    }
    scratch.emit(Kind::Submitted {
        deadline,
        by: by.to_owned(),
    });
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
            Some((name, scratch.plan.step(name)?, state, state.agent.as_ref()?))
        });
    let Some((name, step, state, agent)) = current else {
        scratch.emit(Kind::OutcomeLate {
            job: job.clone(),
            token,
            usage,
        });
        return Ok(());
    };
    let (name, attempt) = (name.clone(), state.attempt);
    let kind = match end {
        JobEnd::Done { hash, facts } => Kind::StepFinished {
            step: name,
            agent: agent.clone(),
            job: job.clone(),
            token,
            attempt,
            version: state.versions + 1,
            hash: hash.clone(),
            facts: facts.clone(),
            usage,
            duration_ms,
        },
        JobEnd::Failed(failure) => {
            let again = again(step, state, failure, jitter);
            match again {
                Some((wait, strategy)) => Kind::StepRetrying {
                    step: name,
                    job: job.clone(),
                    token,
                    attempt,
                    failure: failure.clone(),
                    usage,
                    at: scratch.now().after(wait),
                    strategy,
                },
                None => Kind::StepFailed {
                    step: name,
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

/// When the next attempt starts and what it does otherwise; none when there is none.
fn again(
    step: &workflow::Step,
    state: &run::Step,
    failure: &Failure,
    jitter: u64,
) -> Option<(Duration, Option<Strategy>)> {
    let wait = step
        .retry
        .wait(failure.class, state.attempt, failure.retry_after, jitter)?;
    if step.recover.is_none() {
        return Some((wait, None));
    }
    let strategy = recovery::next(step, state, failure.class)?;
    let wait = match strategy {
        Strategy::ExponentialBackoff | Strategy::RetryWithTimeout | Strategy::StandardRetry => wait,
        // Waiting would not help: the next attempt is another one.
        Strategy::FallbackAgent
        | Strategy::SimplifiedGeneration
        | Strategy::ContentOptimization
        | Strategy::Repair => Duration::ZERO,
    };
    Some((wait, Some(strategy)))
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
    let due: Vec<Timer> = outstanding(&scratch.run)
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
        match timer {
            Timer::Retry(name) => scratch.start(&name),
            Timer::Review(name) => scratch.review_overdue(&name),
            Timer::Deadline => {}
        }
    }
    Ok(())
}

/// The run's own time is over: what has not ended fails, what is there stays.
fn give_up(scratch: &mut Scratch<'_>) {
    scratch.giving_up = true;
    let limit = scratch
        .run
        .deadline
        .map_or(Duration::ZERO, |at| at.since(scratch.run.submitted));
    let open: Vec<_> = scratch
        .plan
        .steps
        .iter()
        .flat_map(|step| {
            let items: Vec<_> = scratch
                .run
                .items(&step.name)
                .map(|(name, _)| name)
                .collect();
            // A step with items ends with them.
            let own = items.is_empty().then(|| step.name.clone());
            items.into_iter().chain(own)
        })
        .filter_map(|name| {
            let state = scratch.run.steps.get(&name)?;
            (!state.phase.ended()).then_some((name, state.attempt))
        })
        .collect();
    for (step, attempt) in open {
        scratch.emit(Kind::StepFailed {
            step,
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
    may_reopen(run)?;
    if run.status == RunStatus::Running {
        return Err(Refusal::UnderWay);
    }
    scratch.can_be_made_again(name)
}

/// What is over for ever takes no further work.
fn may_reopen(run: &Run) -> Result<(), Refusal> {
    match run.status {
        RunStatus::Cancelled => Err(Refusal::Cancelled),
        RunStatus::Rejected => Err(Refusal::Rejected),
        RunStatus::Running
        | RunStatus::Completed
        | RunStatus::PartiallyCompleted
        | RunStatus::Failed => Ok(()),
    }
}

/// What failed is tried again; a run that paused for it goes on.
fn retry(scratch: &mut Scratch<'_>, name: &StepName, by: &str) -> Result<(), Refusal> {
    let run = &scratch.run;
    may_reopen(run)?;
    let Some(state) = run.steps.get(name) else {
        return Err(Refusal::UnknownStep(name.clone()));
    };
    // What people rejected has not failed.
    let is_failed = |state: &run::Step| {
        state.review.is_none()
            && (state.phase == Phase::Failed || state.phase.ended() && state.failure.is_some())
    };
    let failed: Vec<_> = if state.items > 0 {
        let items = run.items(name);
        let failed = items.filter(|(_, item)| is_failed(item));
        failed.map(|(name, _)| name).collect()
    } else {
        is_failed(state).then(|| name.clone()).into_iter().collect()
    };
    if failed.is_empty() {
        return Err(Refusal::NotFailed(name.clone()));
    }
    for name in &failed {
        if let Some(state) = scratch.run.steps.get(name) {
            bounded(name, state)?;
        }
    }
    let paused_for = scratch.run.paused.as_ref();
    let paused_for = paused_for.and_then(|paused| paused.step.clone());
    let resumes = paused_for.is_some_and(|step| failed.contains(&step));
    for step in failed {
        scratch.emit(Kind::Reopened {
            step,
            note: None,
            by: by.to_owned(),
            through: Vec::new(),
        });
    }
    if resumes {
        scratch.resume(by);
    }
    Ok(())
}

fn edit(
    scratch: &mut Scratch<'_>,
    name: &StepName,
    version: u32,
    hash: &ContentHash,
    by: &str,
) -> Result<(), Refusal> {
    may_reopen(&scratch.run)?;
    let (Some(step), Some(state)) = (scratch.plan.step(name), scratch.run.steps.get(name)) else {
        return Err(Refusal::UnknownStep(name.clone()));
    };
    if !matches!(step.kind, StepKind::Agent { .. }) {
        return Err(Refusal::NotAnAgent(name.clone()));
    }
    let Some(result) = state
        .result
        .as_ref()
        .filter(|_| state.phase == Phase::Done && !state.kept)
    else {
        return Err(Refusal::NoArtifact(name.clone()));
    };
    if result.version != version {
        return Err(Refusal::NotNewest {
            step: name.clone(),
            version: result.version,
        });
    }
    bounded(name, state)?;
    scratch.emit(Kind::StepEdited {
        step: name.clone(),
        version: state.versions + 1,
        hash: hash.clone(),
        by: by.to_owned(),
    });
    Ok(())
}

fn bounded(name: &StepName, state: &run::Step) -> Result<(), Refusal> {
    if state.revision >= MAX_REVISIONS {
        return Err(Refusal::TooManyRevisions {
            step: name.clone(),
            max: MAX_REVISIONS,
        });
    }
    Ok(())
}

impl Scratch<'_> {
    /// Whether a step or item can be asked for another version.
    pub(crate) fn can_be_made_again(&self, name: &StepName) -> Result<(), Refusal> {
        let (Some(step), Some(state)) = (self.plan.step(name), self.run.steps.get(name)) else {
            return Err(Refusal::UnknownStep(name.clone()));
        };
        if !matches!(step.kind, StepKind::Agent { .. }) {
            return Err(Refusal::NotAnAgent(name.clone()));
        }
        if state.items > 0 {
            return Err(Refusal::HasItems(name.clone()));
        }
        if state.phase == Phase::Skipped {
            return Err(Refusal::NotAskedFor(name.clone()));
        }
        bounded(name, state)
    }
}
