//! What follows by itself from the state: milestones, steps that are ready, the end.

use model::{ErrorClass, Failure, JobId, RunStatus, StepName, Timestamp, usage::Usage};
use workflow::{
    OnFailure, Plan,
    condition::{Scope, Value},
    plan,
};

use crate::{
    apply::apply,
    event::{Event, Kind},
    run::{Phase, Run},
};

/// A run in the making: each event is numbered and applied at once, so that what follows sees it.
pub(crate) struct Scratch<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) run: Run,
    pub(crate) events: Vec<Event>,
    now: Timestamp,
}

impl<'a> Scratch<'a> {
    pub(crate) fn new(plan: &'a Plan, run: &Run, now: Timestamp) -> Self {
        Self {
            plan,
            run: run.clone(),
            events: Vec::new(),
            now: now.max(run.time),
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
            Kind::StepSkipped { .. }
            | Kind::StepFinished { .. }
            | Kind::StepRetrying { .. }
            | Kind::StepFailed { .. }
            | Kind::JobRedriven { .. }
            | Kind::OutcomeLate { .. } => self.run.state.clone(),
        }
    }

    /// Sends the next attempt of a step.
    pub(crate) fn start(&mut self, step: &plan::Step) {
        let Some(state) = self.run.steps.get(&step.name) else {
            return;
        };
        let (attempt, revision) = (state.attempt + 1, state.revision);
        self.emit(Kind::StepStarted {
            step: step.name.clone(),
            agent: step.kind.agent().clone(),
            job: JobId::derive(&self.run.id, &step.name, "", 0, revision, attempt),
            token: self.run.next_token(),
            attempt,
            revision,
        });
    }

    /// Everything that follows by itself, until nothing more does. Bounded: each round ends a step,
    /// starts one, or reaches a milestone.
    pub(crate) fn advance(&mut self) {
        loop {
            let before = self.events.len();
            if self.run.status.at_rest() {
                return;
            }
            if self.broken() {
                self.emit(Kind::Ended {
                    status: RunStatus::Failed,
                });
                return;
            }
            self.reach_milestones();
            self.start_ready();
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

    /// Whether a step failed whose failure is the run's.
    fn broken(&self) -> bool {
        self.plan.steps.iter().any(|step| {
            step.on_failure == OnFailure::Fail
                && self
                    .run
                    .steps
                    .get(&step.name)
                    .is_some_and(|state| state.phase == Phase::Failed)
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
            if !waiting || !step.needs.iter().all(|need| self.has_ended(need)) {
                continue;
            }
            match step
                .when
                .as_ref()
                .map(|when| (when, when.eval(&Facts(&self.run))))
            {
                None | Some((_, Ok(true))) => self.start(step),
                Some((when, Ok(false))) => {
                    self.emit(Kind::StepSkipped {
                        step: step.name.clone(),
                        condition: when.source().to_owned(),
                    });
                }
                Some((_, Err(error))) => self.emit(Kind::StepFailed {
                    step: step.name.clone(),
                    job: None,
                    attempt: 0,
                    failure: Failure::new(
                        ErrorClass::InvalidInput,
                        format!("the step's `when`: {error}"),
                    ),
                    usage: Usage::default(),
                }),
            }
        }
    }

    fn has_ended(&self, step: &StepName) -> bool {
        self.run
            .steps
            .get(step)
            .is_some_and(|state| state.phase.ended())
    }
}

/// How a run stands once all its steps have ended (`spec/campaign.md`, partial failure).
fn end_status(plan: &Plan, run: &Run) -> RunStatus {
    let failed = run.steps.values().any(|step| step.phase == Phase::Failed);
    let artifact = plan.steps.iter().any(|step| {
        matches!(step.kind, plan::StepKind::Agent { .. })
            && run
                .steps
                .get(&step.name)
                .is_some_and(|state| state.result.is_some())
    });
    match (failed, artifact) {
        (false, _) => RunStatus::Completed,
        (true, true) => RunStatus::PartiallyCompleted,
        (true, false) => RunStatus::Failed,
    }
}

/// What conditions may read: the input, declared facts, and how each step ended.
struct Facts<'a>(&'a Run);

impl Scope for Facts<'_> {
    fn input(&self, path: &[String]) -> Option<Value> {
        let mut at = &*self.0.input;
        for key in path {
            at = at.get(key)?;
        }
        match at {
            serde_json::Value::Bool(value) => Some(Value::Bool(*value)),
            serde_json::Value::Number(value) => value.as_f64().map(Value::Number),
            serde_json::Value::String(value) => Some(Value::Text(value.clone())),
            serde_json::Value::Array(list) => Some(Value::List(list.len())),
            serde_json::Value::Null | serde_json::Value::Object(_) => None,
        }
    }

    fn fact(&self, step: &StepName, name: &str) -> Option<Value> {
        let step = self.0.steps.get(step)?;
        match name {
            "done" => Some(Value::Bool(step.phase == Phase::Done)),
            "failed" => Some(Value::Bool(step.phase == Phase::Failed)),
            "skipped" => Some(Value::Bool(step.phase == Phase::Skipped)),
            _ => step
                .result
                .as_ref()?
                .facts
                .get(name)
                .map(|fact| match fact {
                    model::fact::Fact::Bool(value) => Value::Bool(*value),
                    model::fact::Fact::Number(value) => Value::Number(*value),
                    model::fact::Fact::Text(value) => Value::Text(value.clone()),
                    model::fact::Fact::Keys(keys) => Value::List(keys.len()),
                }),
        }
    }
}
