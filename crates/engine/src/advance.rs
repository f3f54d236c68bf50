//! What follows by itself from the state: milestones, steps that are ready, the end.

use std::cell::OnceCell;

use model::{ErrorClass, Failure, JobId, RunStatus, StepName, Timestamp, usage::Usage};
use workflow::{OnFailure, Plan, StepKind, plan};

use crate::{
    apply::apply,
    event::{Event, Kind},
    items, recovery,
    review::ancestors,
    run::{Phase, Run},
    schedule,
    scope::Facts,
};

/// A run in the making: each event is numbered and applied at once, so that what follows sees it.
pub(crate) struct Scratch<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) run: Run,
    pub(crate) events: Vec<Event>,
    /// The run's time is over: nobody is asked any more.
    pub(crate) giving_up: bool,
    now: Timestamp,
    ways: OnceCell<schedule::Ways<'a>>,
}

impl<'a> Scratch<'a> {
    pub(crate) fn new(plan: &'a Plan, run: &Run, now: Timestamp) -> Self {
        Self {
            plan,
            run: run.clone(),
            events: Vec::new(),
            giving_up: false,
            now: now.max(run.time),
            ways: OnceCell::new(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn emit(&mut self, kind: Kind) {
        let event = Event {
            sequence: self.run.sequence + 1,
            time: self.now,
            state: self.state_after(&kind),
            kind,
        };
        apply(self.plan, &mut self.run, &event);
        self.events.push(event);
        self.pause_for_failure();
    }

    /// The last event left a step failed of which the plan says that a person is to be asked.
    fn pause_for_failure(&mut self) {
        let Some(Kind::StepFailed { step, .. } | Kind::ReviewEnded { step, .. }) =
            self.events.last().map(|event| &event.kind)
        else {
            return;
        };
        let failed = self.run.steps.get(step);
        let pauses =
            failed.is_some_and(|state| state.phase == Phase::Failed) && asks(self.plan, step);
        if pauses && !self.giving_up && self.run.paused.is_none() {
            let step = step.clone();
            self.pause_for(step);
        }
    }

    fn pause_for(&mut self, step: StepName) {
        self.emit(Kind::Paused {
            reason: format!("step {step} failed; retry it, or resume without it"),
            by: String::new(),
            step: Some(step),
        });
    }

    /// Goes on after a pause, unless something else failed in it that is to be asked about.
    pub(crate) fn resume(&mut self, by: &str) {
        let Some(paused) = self.run.paused.clone() else {
            return;
        };
        self.emit(Kind::Resumed { by: by.to_owned() });
        let unseen = self.run.steps.iter().find(|(name, state)| {
            state.phase == Phase::Failed
                && state.ended.is_some_and(|ended| ended >= paused.since)
                && paused.step.as_ref() != Some(name)
                && asks(self.plan, name)
        });
        if let Some(step) = unseen.map(|(name, _)| name.clone()) {
            self.pause_for(step);
        }
    }

    fn state_after(&self, kind: &Kind) -> String {
        match kind {
            Kind::Submitted { .. } | Kind::Reopened { .. } => "queued".to_owned(),
            Kind::StepStarted { step, .. } => self
                .plan
                .step(step)
                .and_then(|step| step.state.clone())
                .unwrap_or_else(|| self.run.state.clone()),
            Kind::MilestoneReached { milestone } => milestone.clone(),
            Kind::Ended { status } => status.as_str().to_owned(),
            Kind::Cancelled { .. } => RunStatus::Cancelled.as_str().to_owned(),
            Kind::FannedOut { step, .. } => self
                .plan
                .step(step)
                .and_then(|step| step.state.clone())
                .unwrap_or_else(|| self.run.state.clone()),
            Kind::ReviewAsked { step, .. } => self
                .plan
                .step(step)
                .and_then(|step| step.state.clone())
                .unwrap_or_else(|| "in_review".to_owned()),
            Kind::Paused { .. } => "paused".to_owned(),
            Kind::Resumed { .. } | Kind::ReviewEnded { .. } => {
                RunStatus::Running.as_str().to_owned()
            }
            Kind::StepEdited { .. }
            | Kind::ReviewDecided { .. }
            | Kind::ReviewEscalated { .. }
            | Kind::Gathered { .. }
            | Kind::LoopRepeated { .. }
            | Kind::LoopEnded { .. }
            | Kind::StepSkipped { .. }
            | Kind::StepFinished { .. }
            | Kind::StepRetrying { .. }
            | Kind::StepFailed { .. }
            | Kind::JobRedriven { .. }
            | Kind::OutcomeLate { .. } => self.run.state.clone(),
        }
    }

    /// Sends the next attempt of a step or an item.
    pub(crate) fn start(&mut self, name: &StepName) {
        let (Some(step), Some(state)) = (self.plan.step(name), self.run.steps.get(name)) else {
            return;
        };
        let (attempt, revision) = (state.attempt + 1, state.revision);
        let agent = match recovery::fallback(step, state.fallbacks) {
            Some(other) => Ok(other),
            None => items::agent(&self.run, step, name),
        };
        let kind = match agent {
            Ok(agent) => Kind::StepStarted {
                step: name.clone(),
                agent: agent.clone(),
                job: JobId::derive(
                    &self.run.id,
                    name,
                    state.key.as_deref().unwrap_or_default(),
                    state.pass.saturating_sub(1),
                    revision,
                    attempt,
                ),
                token: self.run.next_token(),
                attempt,
                revision,
                score: schedule::score(
                    self.plan,
                    self.ways.get_or_init(|| schedule::ways(self.plan)),
                    name,
                    attempt - 1,
                ),
            },
            Err(why) => unworkable(name, why),
        };
        self.emit(kind);
    }

    /// Everything that follows by itself, until nothing more does. Bounded: each round ends a step,
    /// starts one, or reaches a milestone.
    pub(crate) fn advance(&mut self) {
        loop {
            let before = self.events.len();
            if self.run.status.at_rest() {
                return;
            }
            if let Some(status) = self.broken() {
                self.emit(Kind::Ended { status });
                return;
            }
            self.reach_milestones();
            if self.run.paused.is_some() {
                self.gather_items();
                return;
            }
            self.start_ready();
            self.go_on_with_items();
            if self.run.steps.values().all(|step| step.phase.ended()) {
                self.reach_milestones();
                let status = end_status(self.plan, &self.run);
                self.emit(Kind::Ended { status });
                return;
            }
            if self.events.len() == before {
                return;
            }
        }
    }

    /// What the run has become by a step or an item that failed and whose failure is the run's.
    fn broken(&self) -> Option<RunStatus> {
        let mut failed = self
            .run
            .steps
            .iter()
            .filter(|(_, state)| state.phase == Phase::Failed);
        failed.find_map(|(name, state)| {
            let step = self.plan.step(name)?;
            // A review that the run had no more time for was not rejected.
            let rejected = state
                .review
                .as_ref()
                .is_some_and(|asked| asked.end.is_some());
            (step.on_failure == OnFailure::Fail).then_some(if rejected {
                RunStatus::Rejected
            } else {
                RunStatus::Failed
            })
        })
    }

    fn reach_milestones(&mut self) {
        for milestone in &self.plan.milestones {
            let phases = || {
                milestone
                    .of
                    .iter()
                    .filter_map(|name| self.run.steps.get(name))
                    .map(|step| &step.phase)
            };
            let reached = !self.run.milestones.contains(&milestone.state)
                && phases().all(Phase::ended)
                && phases().any(|phase| *phase != Phase::Skipped);
            if reached {
                self.emit(Kind::MilestoneReached {
                    milestone: milestone.state.clone(),
                });
            }
        }
    }

    fn start_ready(&mut self) {
        let plan = self.plan;
        for step in &plan.steps {
            let waiting = self
                .run
                .steps
                .get(&step.name)
                .is_some_and(|state| state.phase == Phase::Waiting);
            if !waiting {
                continue;
            }
            let mut before = step.needs.iter().chain(step.kind.of());
            let mut ready = before.all(|need| self.has_ended(need));
            if let StepKind::Review(_) = step.kind {
                // All that led here: an audit far before may have to judge anew.
                ready &= ancestors(plan, &step.name)
                    .iter()
                    .all(|need| self.has_ended(need));
            }
            if !ready {
                continue;
            }
            match step
                .when
                .as_ref()
                .map(|when| (when, when.eval(&Facts(&self.run))))
            {
                None | Some((_, Ok(true))) => self.begin(step),
                Some((when, Ok(false))) => {
                    self.emit(Kind::StepSkipped {
                        step: step.name.clone(),
                        condition: when.source().to_owned(),
                    });
                }
                Some((_, Err(error))) => {
                    self.emit(unworkable(
                        &step.name,
                        format!("the step's `when`: {error}"),
                    ));
                }
            }
        }
    }

    fn begin(&mut self, step: &plan::Step) {
        match (&step.kind, &step.for_each) {
            (StepKind::Loop(own), _) => self.turn(step, own),
            (StepKind::Review(own), _) => self.ask(step, own),
            (_, Some(each)) => self.fan_out(step, each),
            (_, None) => self.start(&step.name),
        }
    }

    fn has_ended(&self, step: &StepName) -> bool {
        self.run
            .steps
            .get(step)
            .is_some_and(|state| state.phase.ended())
    }
}

/// Whether a person is to be asked when the step has failed.
fn asks(plan: &Plan, step: &StepName) -> bool {
    let planned = plan.step(step);
    planned.is_some_and(|step| step.on_failure == OnFailure::Pause)
}

/// How a run stands once all its steps have ended (`spec/campaign.md`, partial failure).
fn end_status(plan: &Plan, run: &Run) -> RunStatus {
    let failed = run.steps.values().any(|step| step.phase == Phase::Failed);
    let mut made = run.steps.iter().filter(|(_, state)| state.result.is_some());
    let artifact = made.any(|(name, _)| {
        let step = plan.step(name);
        step.is_some_and(|step| matches!(step.kind, StepKind::Agent { .. }))
    });
    match (failed, artifact) {
        (false, _) => RunStatus::Completed,
        (true, true) => RunStatus::PartiallyCompleted,
        (true, false) => RunStatus::Failed,
    }
}

/// The step or item cannot be worked on, whoever tries.
pub(crate) fn unworkable(step: &StepName, why: String) -> Kind {
    Kind::StepFailed {
        step: step.clone(),
        job: None,
        attempt: 0,
        failure: Failure::new(ErrorClass::InvalidInput, why),
        usage: Usage::default(),
    }
}
