//! Folding one event into a run.

use std::collections::BTreeSet;

use model::{ContentHash, Failure, RunStatus, StepName, Timestamp, usage::Usage};
use workflow::{Plan, StepKind};

use crate::{
    event::{Event, Kind},
    loops,
    recovery::Strategy,
    review::{Decision, Review, ancestors},
    run::{Paused, Phase, Run, Step, StepResult},
};

/// Folds `event` into `run`. Total: an event that names an unknown step changes only the run's number,
/// time and state, so that a newer event never breaks an older reader.
pub fn apply(plan: &Plan, run: &mut Run, event: &Event) {
    run.sequence = event.sequence;
    run.time = event.time;
    run.state.clone_from(&event.state);
    match &event.kind {
        Kind::Submitted { deadline, by } => {
            run.submitted = event.time;
            run.deadline = *deadline;
            run.by.clone_from(by);
        }
        Kind::StepStarted {
            step,
            job,
            agent,
            token,
            attempt,
            ..
        } => {
            run.issued.insert(*token, job.clone());
            begun(plan, run, step, event.time);
            if let Some(state) = run.steps.get_mut(step) {
                state.attempt = *attempt;
                state.agent = Some(agent.clone());
                state.phase = Phase::Running {
                    job: job.clone(),
                    token: *token,
                    lost: 0,
                    since: event.time,
                };
            }
        }
        Kind::FannedOut { step, keys } => fan_out(run, step, keys),
        Kind::Gathered { step, done, failed } => {
            if let Some(state) = end(run, step, event.time) {
                state.phase = if *done == 0 && *failed > 0 {
                    Phase::Failed
                } else {
                    Phase::Done
                };
            }
        }
        Kind::LoopRepeated { step, pass, value } => repeat(plan, run, step, *pass, *value),
        Kind::LoopEnded { step, .. } => {
            if let Some(state) = end(run, step, event.time) {
                state.phase = Phase::Done;
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
                state.recovered = state.failure.take();
                state.usage = state.usage.plus(*usage);
                state.duration_ms = *duration_ms;
                state.versions = *version;
                state.kept = false;
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
            strategy,
            ..
        } => {
            settle(run, *token, *usage);
            if let Some(state) = run.steps.get_mut(step) {
                state.phase = Phase::Backoff { until: *at };
                if let Some(failed) = state.strategy {
                    *state.failed_strategies.entry(failed).or_insert(0) += 1;
                }
                state.strategy = *strategy;
                match strategy {
                    Some(Strategy::FallbackAgent) => state.fallbacks += 1,
                    Some(Strategy::RetryWithTimeout) => state.longer += 1,
                    _ => {}
                }
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
            if let Some(Phase::Running {
                token: current,
                lost: losses,
                since,
                ..
            }) = run.steps.get_mut(step).map(|state| &mut state.phase)
            {
                (*current, *losses, *since) = (*token, *lost, event.time);
            }
        }
        Kind::MilestoneReached { milestone } => {
            run.milestones.insert(milestone.clone());
        }
        Kind::OutcomeLate { token, usage, .. } => settle(run, *token, *usage),
        Kind::Reopened {
            step,
            note,
            through,
            ..
        } => reopen(plan, run, step, note.as_ref(), through),
        Kind::StepEdited {
            step,
            version,
            hash,
            ..
        } => edit(plan, run, step, *version, hash),
        Kind::ReviewAsked { .. } => ask(run, event),
        Kind::ReviewDecided {
            step,
            verdict,
            by,
            note,
            ..
        } => {
            if let Some(review) = review(run, step) {
                review.decisions.push(Decision {
                    by: by.clone(),
                    verdict: *verdict,
                    at: event.time,
                    note: note.clone(),
                });
            }
        }
        Kind::ReviewEscalated { step, role } => {
            if let Some(review) = review(run, step) {
                review.role.clone_from(role);
                review.deadline = None;
            }
        }
        Kind::ReviewEnded { step, end: how, .. } => {
            if let Some(review) = review(run, step) {
                review.end = Some(*how);
            }
            if let Some(state) = end(run, step, event.time) {
                state.phase = if how.approved() {
                    Phase::Done
                } else {
                    Phase::Failed
                };
            }
        }
        Kind::Paused { reason, by, step } => {
            run.paused = Some(Paused {
                since: event.time,
                reason: reason.clone(),
                by: by.clone(),
                step: step.clone(),
            });
        }
        Kind::Resumed { .. } => resume(run, event.time),
        Kind::Ended { status } => {
            run.status = *status;
            run.ended = Some(event.time);
            run.paused = None;
            stand_down(run);
        }
        Kind::Cancelled { .. } => {
            run.status = RunStatus::Cancelled;
            run.ended = Some(event.time);
            run.paused = None;
        }
    }
    hold(run, event);
}

/// People's time to decide stands still in a pause.
fn resume(run: &mut Run, now: Timestamp) {
    let Some(paused) = run.paused.take() else {
        return;
    };
    let open = run
        .steps
        .values_mut()
        .filter(|state| state.phase == Phase::Reviewing);
    for review in open.filter_map(|state| state.review.as_mut()) {
        let lost = now.since(paused.since.max(review.since));
        review.deadline = review.deadline.map(|deadline| deadline.after(lost));
    }
}

/// The time that a run waits for people is not its own.
fn hold(run: &mut Run, event: &Event) {
    if !matches!(
        event.kind,
        Kind::ReviewAsked { .. }
            | Kind::ReviewEnded { .. }
            | Kind::StepEdited { .. }
            | Kind::Reopened { .. }
            | Kind::LoopRepeated { .. }
            | Kind::Paused { .. }
            | Kind::Resumed { .. }
            | Kind::Ended { .. }
            | Kind::Cancelled { .. }
    ) {
        return;
    }
    let asked = || {
        run.steps
            .values()
            .any(|state| state.phase == Phase::Reviewing)
    };
    let held = !run.status.at_rest() && (run.paused.is_some() || asked());
    match run.held_since {
        None if held => run.held_since = Some(event.time),
        Some(since) if !held => {
            let waited = event.time.since(since);
            run.deadline = run.deadline.map(|deadline| deadline.after(waited));
            run.held_since = None;
        }
        _ => {}
    }
}

fn review<'a>(run: &'a mut Run, step: &StepName) -> Option<&'a mut Review> {
    run.steps.get_mut(step)?.review.as_mut()
}

fn ask(run: &mut Run, event: &Event) {
    let Kind::ReviewAsked {
        step,
        subject,
        of,
        role,
        approvals,
        deadline,
    } = &event.kind
    else {
        return;
    };
    if let Some(state) = run.steps.get_mut(step) {
        state.phase = Phase::Reviewing;
        state.started.get_or_insert(event.time);
        state.review = Some(Review {
            subject: subject.clone(),
            of: of.clone(),
            role: role.clone(),
            approvals: *approvals,
            since: event.time,
            deadline: *deadline,
            decisions: Vec::new(),
            end: None,
        });
    }
}

/// A person's version: what judges the step judges anew.
fn edit(plan: &Plan, run: &mut Run, step: &StepName, version: u32, hash: &ContentHash) {
    go_on(run);
    if let Some(state) = run.steps.get_mut(step) {
        state.versions = version;
        state.revision += 1;
        if let Some(result) = &mut state.result {
            result.version = version;
            result.hash = hash.clone();
        }
    }
    judge_anew(plan, run, step);
}

/// A run at rest has work again.
fn go_on(run: &mut Run) {
    if run.status.at_rest() {
        run.status = RunStatus::Running;
        run.ended = None;
        // It was for the run as submitted, and has been met or not.
        run.deadline = None;
    }
}

/// Whoever judges the step has work again, and so has whoever judges on what they say.
fn judge_anew(plan: &Plan, run: &mut Run, step: &StepName) {
    let mut stale = BTreeSet::from([step.planned().to_owned()]);
    // In the plan's order, what is needed comes first.
    for judge in &plan.steps {
        let concerned = match &judge.kind {
            StepKind::Audit { of, .. } => of.iter().any(|name| stale.contains(name.as_str())),
            StepKind::Review(_) => ancestors(plan, &judge.name)
                .iter()
                .any(|name| stale.contains(name.as_str())),
            StepKind::Agent { .. } | StepKind::Loop(_) => false,
        };
        if !concerned {
            continue;
        }
        stale.insert(judge.name.to_string());
        if let StepKind::Review(_) = judge.kind {
            hold_back(plan, run, &judge.name);
        }
        if let Some(state) = run.steps.get_mut(&judge.name)
            && state.phase != Phase::Waiting
        {
            state.reset();
            state.revision += 1;
        }
    }
    let concerned = |milestone: &&workflow::Milestone| {
        let mut of = milestone.of.iter();
        of.any(|name| stale.contains(name.as_str()))
    };
    for milestone in plan.milestones.iter().filter(concerned) {
        run.milestones.remove(&milestone.state);
    }
}

/// What is under way behind a review was let through by a decision that holds no longer.
fn hold_back(plan: &Plan, run: &mut Run, review: &StepName) {
    for behind in &plan.steps {
        let open = run.steps.get(&behind.name).is_some_and(|state| {
            !state.phase.ended() && !matches!(state.phase, Phase::Waiting | Phase::Reviewing)
        });
        if open && ancestors(plan, &behind.name).contains(review) {
            anew(plan, run, &behind.name);
        }
    }
}

fn settle(run: &mut Run, token: u64, usage: Usage) {
    run.settled.insert(token);
    run.usage = run.usage.plus(usage);
}

/// The first job of a step goes out: the step begins, and so does what it is a part of.
fn begun(plan: &Plan, run: &mut Run, step: &StepName, now: Timestamp) {
    let within = plan.step(step).and_then(|step| step.within.as_ref());
    let parent = step.parent();
    for name in [Some(step), parent.as_ref(), within].into_iter().flatten() {
        if let Some(state) = run.steps.get_mut(name) {
            state.started.get_or_insert(now);
        }
    }
}

fn fan_out(run: &mut Run, step: &StepName, keys: &[String]) {
    let count = u32::try_from(keys.len()).unwrap_or(u32::MAX);
    let Some(state) = run.steps.get_mut(step) else {
        return;
    };
    let (before, pass) = (state.items, state.pass);
    state.items = count;
    state.phase = Phase::Fanned;
    for (index, key) in (0..count).zip(keys) {
        let item = run
            .steps
            .entry(step.item(index))
            .or_insert_with(|| Step::item(key.clone(), pass));
        item.reset();
        item.pass = pass;
        item.kept = item.result.is_some();
        if item.key.as_ref() != Some(key) {
            item.result = None;
            item.key = Some(key.clone());
        }
    }
    // Their versions stay, and their numbers with them.
    for index in count..before {
        if let Some(item) = run.steps.get_mut(&step.item(index)) {
            item.reset();
            item.phase = Phase::Skipped;
        }
    }
}

/// A run at rest has nobody working for it, and asks nobody: what was under way begins anew when the run goes on.
fn stand_down(run: &mut Run) {
    for state in run.steps.values_mut() {
        match state.phase {
            Phase::Running { .. } => state.phase = Phase::Waiting,
            Phase::Reviewing => {
                state.phase = Phase::Waiting;
                state.review = None;
            }
            _ => {}
        }
    }
}

fn repeat(plan: &Plan, run: &mut Run, step: &StepName, pass: u32, value: Option<f64>) {
    let Some(StepKind::Loop(own)) = plan.step(step).map(|step| &step.kind) else {
        return;
    };
    if let Some(state) = run.steps.get_mut(step) {
        state.pass = pass;
        if let (Some(watched), Some(value)) = (&own.plateau, value) {
            state.plateau = Some(loops::watch(state.plateau, value, watched));
        }
    }
    for name in &own.steps {
        if let Some(state) = run.steps.get_mut(name) {
            state.reset();
            state.pass = pass;
            state.kept = state.result.is_some();
        }
    }
}

fn end<'a>(run: &'a mut Run, step: &StepName, now: Timestamp) -> Option<&'a mut Step> {
    let state = run.steps.get_mut(step)?;
    state.ended = Some(now);
    Some(state)
}

/// A failed revision leaves an older result in its place, so the step stays done.
fn fail(run: &mut Run, step: &StepName, failure: &Failure, usage: Usage, now: Timestamp) {
    if let Some(state) = end(run, step, now) {
        state.phase = if state.result.is_some() && !state.kept {
            Phase::Done
        } else {
            Phase::Failed
        };
        state.failure = Some((failure.clone(), now));
        state.usage = state.usage.plus(usage);
    }
}

fn reopen(
    plan: &Plan,
    run: &mut Run,
    step: &StepName,
    note: Option<&ContentHash>,
    through: &[StepName],
) {
    go_on(run);
    if let Some(state) = run.steps.get_mut(step) {
        state.reset();
        state.kept = false;
        state.revision += 1;
        state.note = note.cloned();
    }
    // The step that an item belongs to has work again.
    if let Some(parent) = step.parent()
        && let Some(state) = run.steps.get_mut(&parent)
    {
        state.phase = Phase::Fanned;
        state.ended = None;
    }
    for name in through {
        anew(plan, run, name);
    }
    judge_anew(plan, run, step);
    for name in through {
        judge_anew(plan, run, name);
    }
}

/// A step that follows one that is done again: it begins anew, with its items, and a loop with its first pass.
fn anew(plan: &Plan, run: &mut Run, step: &StepName) {
    let items: Vec<_> = run.items(step).map(|(name, _)| name).collect();
    for name in items.iter().chain([step]) {
        if let Some(state) = run.steps.get_mut(name)
            && state.phase != Phase::Waiting
        {
            state.reset();
            state.revision += 1;
            state.kept = state.result.is_some();
        }
    }
    if let Some(StepKind::Loop(own)) = plan.step(step).map(|step| &step.kind) {
        for name in own.steps.iter().chain([step]) {
            let items: Vec<_> = run.items(name).map(|(name, _)| name).collect();
            for name in items.iter().chain([name]) {
                if let Some(state) = run.steps.get_mut(name) {
                    state.pass = 1;
                    // Its passes are counted anew, and no job may be taken for one of before.
                    state.revision += 1;
                }
            }
        }
    }
}
