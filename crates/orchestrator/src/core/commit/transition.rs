//! From a run, a command and its events to what the store is asked to keep.

use std::sync::Arc;

use ::service::trace::Place;
use engine::{Event, Outstanding, Run, event::Kind, outstanding};
use model::{StepName, Timestamp, fact::Fact};
use store::{
    port::{Active, Blob, JobRow, NewVersion, ReportRow, Rest, ReviewRow, Standing, Transition},
    record,
};
use workflow::{Plan, StepKind};

use super::Content;
use crate::core::{held::Held, limits::MAX_FOLDED_EVENTS};

/// A run while the commands of one batch are folded into it.
pub(crate) struct Draft {
    /// The run as folded so far.
    pub(crate) held: Held,
    expected: u64,
    before: Outstanding,
    events: Vec<Event>,
    versions: Vec<NewVersion>,
    blobs: Vec<Blob>,
    /// Of a new run: what it holds for itself alone.
    holds: Option<String>,
}

impl Draft {
    pub(crate) fn new(held: Held) -> Self {
        Self {
            expected: held.run.sequence,
            before: outstanding(&held.run),
            held,
            events: Vec::new(),
            versions: Vec::new(),
            blobs: Vec::new(),
            holds: None,
        }
    }

    /// A run that is not there yet.
    pub(crate) fn born(held: Held, holds: Option<String>) -> Self {
        Self {
            holds,
            ..Self::new(held)
        }
    }

    /// Folds the events of one command, with what it brought along.
    pub(crate) fn fold(&mut self, events: Vec<Event>, content: Option<&Content>, blobs: Vec<Blob>) {
        for event in &events {
            engine::apply(&self.held.plan, &mut self.held.run, event);
            if let (
                Kind::StepFinished {
                    step,
                    version,
                    hash,
                    ..
                }
                | Kind::StepEdited {
                    step,
                    version,
                    hash,
                    ..
                },
                Some(content),
            ) = (&event.kind, content)
                && *hash == content.hash
            {
                let report = self
                    .held
                    .plan
                    .step(step)
                    .is_some_and(|step| matches!(step.kind, StepKind::Audit { .. }));
                self.versions.push(NewVersion {
                    step: step.clone(),
                    version: *version,
                    hash: hash.clone(),
                    content: content.text.to_string(),
                    report,
                    provenance: content.provenance.clone(),
                    created: event.time,
                });
            }
        }
        self.events.extend(events);
        self.blobs.extend(blobs);
    }

    /// Whether no further command is to be folded: one alone may have several hundred events.
    pub(crate) fn is_full(&self) -> bool {
        self.events.len() >= MAX_FOLDED_EVENTS
    }

    /// Whether nothing has been folded.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// What the store is asked to keep, and what is to be sent once it has. What is sent is what is
    /// outstanding now and was not before; what is withdrawn the reverse.
    pub(crate) fn finish(self, now: Timestamp) -> (Transition, Sealed) {
        let Self {
            held,
            expected,
            before,
            events,
            versions,
            blobs,
            holds,
        } = self;
        let after = outstanding(&held.run);
        let sent: Vec<JobRow> = after
            .jobs
            .iter()
            .filter(|(key, _)| !before.jobs.contains_key(*key))
            .map(|((job, token), job_ref)| JobRow {
                job: job.clone(),
                token: *token,
                step: job_ref.step.clone(),
                agent: job_ref.agent.clone(),
                sent_at: now,
            })
            .collect();
        let withdrawn = before
            .jobs
            .keys()
            .filter(|key| !after.jobs.contains_key(*key))
            .cloned()
            .collect();
        let asked = after
            .reviews
            .iter()
            .filter(|(key, now)| before.reviews.get(*key) != Some(*now))
            .map(|((step, subject), review)| ReviewRow {
                step: step.clone(),
                subject: subject.clone(),
                role: review.role.clone(),
                since: review.since,
                deadline: review.deadline,
            })
            .collect();
        let answered = before
            .reviews
            .iter()
            .filter(|(key, was)| after.reviews.get(*key) != Some(*was))
            .map(|(key, _)| key.clone())
            .collect();
        let run = &held.run;
        let transition = Transition {
            asked,
            answered,
            tenant: run.tenant.clone(),
            run: run.id.clone(),
            expected,
            birth: (expected == 0).then(|| (*held.birth).clone()),
            holds,
            standing: Standing {
                status: run.status,
                state: run.state.clone(),
                updated: run.time,
                percent: engine::progress(&held.plan, run).percent(),
                wake_at: after.wake_at(),
            },
            sent: sent.clone(),
            withdrawn,
            versions,
            blobs,
            rest: run.status.at_rest().then(|| rest(&held.plan, run)),
            events: events.clone(),
        };
        // An outcome takes its job off the bus by its ack; only what ended otherwise must be called back.
        let settled = |token: &u64| held.run.settled.contains(token);
        let called_back = before
            .jobs
            .iter()
            .filter(|((job, token), _)| {
                !settled(token) && !after.jobs.keys().any(|(other, _)| other == job)
            })
            .map(|((job, _), job_ref)| (job.clone(), job_ref.agent.clone()))
            .collect();
        (
            transition,
            Sealed {
                held: Arc::new(held),
                events,
                sent,
                called_back,
                place: Place::default(),
            },
        )
    }
}

/// A transition's effects, to be performed once it is durable.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    /// The run after it.
    pub held: Arc<Held>,
    /// Its events.
    pub events: Vec<Event>,
    /// Jobs to send.
    pub sent: Vec<JobRow>,
    /// Jobs that nobody wants any more, with their agent kind.
    pub called_back: Vec<(model::JobId, model::AgentKind)>,
    /// The commit's span: what is sent hangs below it.
    pub place: Place,
}

fn rest(plan: &Plan, run: &Run) -> Rest {
    let active = run
        .in_order(plan)
        .filter_map(|(step, name, state)| {
            let result = state.result.as_ref()?;
            let report = match &step.kind {
                StepKind::Agent { .. } | StepKind::Loop(_) | StepKind::Review(_) => None,
                StepKind::Audit { of, .. } => Some(ReportRow {
                    verdict: match result.facts.get("verdict") {
                        Some(Fact::Text(verdict)) => verdict.clone(),
                        _ => String::new(),
                    },
                    score: match result.facts.get("score") {
                        Some(Fact::Number(score)) => *score,
                        _ => 0.0,
                    },
                    of: of
                        .iter()
                        .flat_map(|name| run.results(name))
                        .map(|(name, result)| (name, result.version))
                        .collect(),
                }),
            };
            Some(Active {
                place: place(step, &name),
                step: name,
                version: result.version,
                hash: result.hash.clone(),
                report,
            })
        })
        .collect();
    Rest {
        active,
        snapshot: record::encode_run(run),
    }
}

/// Where a result stands in the run's output: of an item, by its number below its step's place.
fn place(step: &workflow::Step, name: &StepName) -> String {
    let own = step.result.as_deref().unwrap_or(step.name.as_str());
    match name.index() {
        Some(index) => format!("{own}.{index}"),
        None => own.to_owned(),
    }
}
