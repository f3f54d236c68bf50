//! From a run, a command and its events to what the store is asked to keep.

use std::sync::Arc;

use ::service::trace::Place;
use engine::{
    Event, Outstanding, Run,
    event::Kind,
    outstanding,
    schedule::{self, Asked},
};
use model::{AgentKind, JobId, StepName, Timestamp, fact::Fact};
use store::{
    port::{Active, Blob, JobRow, NewVersion, ReportRow, Rest, ReviewRow, Standing, Transition},
    ready::{Limits, Pace, ReadyRow, Share},
    record,
};
use workflow::{Plan, StepKind};

use super::Content;
use crate::core::{
    held::Held,
    limits::MAX_FOLDED_EVENTS,
    places::{Key, Places},
};

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
    ///
    /// A job goes out with the commit when there is a place and its step asks for no limit; else it stays ready.
    /// One that is driven again has its place already, and goes out, unless a limit counts its starts.
    pub(crate) fn finish(self, now: Timestamp, places: &Places) -> (Transition, Sealed) {
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
        let (sent, ready) = outgoing(&held, &before, &after, now, places);
        let again = |job: &JobId| after.jobs.keys().any(|(other, _)| other == job);
        let (ended, given_up): (Vec<_>, Vec<_>) = before
            .jobs
            .iter()
            .filter(|(key, _)| !after.jobs.contains_key(*key))
            // Only what was sent is answered, handed back or lost.
            .partition(|((job, token), _)| held.run.settled.contains(token) || again(job));
        let ended: Vec<(Key, AgentKind)> = ended
            .into_iter()
            .map(|(key, job_ref)| (key.clone(), job_ref.agent.clone()))
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
        let given_up: Vec<Key> = given_up.into_iter().map(|(key, _)| key.clone()).collect();
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
            withdrawn: ended.iter().map(|(key, _)| key.clone()).collect(),
            given_up: given_up.clone(),
            versions,
            blobs,
            ready: ready.clone(),
            rest: run.status.at_rest().then(|| rest(&held.plan, run)),
            events: events.clone(),
        };
        // An outcome takes its job off the bus by its ack; only what ended otherwise must be called back.
        let settled = |token: &u64| held.run.settled.contains(token);
        let called_back = before
            .jobs
            .iter()
            .filter(|((job, token), _)| !settled(token) && !again(job))
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
                queues: !ready.is_empty(),
                ended,
                given_up,
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
    /// Whether it leaves jobs that are ready and not sent.
    pub queues: bool,
    /// Jobs that were sent and are not under way any more.
    ended: Vec<(Key, AgentKind)>,
    /// Jobs that are not under way any more, sent or not.
    given_up: Vec<Key>,
}

impl Sealed {
    /// Nothing but jobs to send.
    pub(crate) fn of_jobs(held: Arc<Held>, sent: Vec<JobRow>, place: Place) -> Self {
        Self {
            held,
            events: Vec::new(),
            sent,
            called_back: Vec::new(),
            place,
            queues: false,
            ended: Vec::new(),
            given_up: Vec::new(),
        }
    }

    /// It is durable: counts what has ended, and has what waits looked at.
    pub(crate) fn count(&self, places: &Places) {
        let tenant = &self.held.run.tenant;
        for (key, agent) in &self.ended {
            places.ended(key.clone(), &(agent.clone(), tenant.clone()));
        }
        for key in &self.given_up {
            places.given_up(key.clone());
        }
        if self.queues {
            places.wake();
        }
    }

    /// It came to nothing: the places of what it would have sent are free.
    pub(crate) fn give_back(&self, places: &Places) {
        for row in &self.sent {
            let of = (row.agent.clone(), self.held.run.tenant.clone());
            places.back((row.job.clone(), row.token), &of);
        }
    }
}

/// The new jobs, the highest score first: those that go out now, and those that are ready.
fn outgoing(
    held: &Held,
    before: &Outstanding,
    after: &Outstanding,
    now: Timestamp,
    places: &Places,
) -> (Vec<JobRow>, Vec<ReadyRow>) {
    let new = |key: &&Key| !before.jobs.contains_key(*key);
    let mut keys: Vec<&Key> = after.jobs.keys().filter(new).collect();
    if keys.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let (plan, run) = (&held.plan, &held.run);
    let ways = schedule::ways(plan);
    let score = |key: &Key| {
        let step = after.jobs.get(key).map(|job_ref| &job_ref.step);
        step.map_or(0, |step| schedule::score_of(plan, &ways, run, step).total())
    };
    keys.sort_by_cached_key(|key| std::cmp::Reverse(score(key)));
    let (mut sent, mut ready) = (Vec::new(), Vec::new());
    for key in keys {
        let Some(job_ref) = after.jobs.get(key) else {
            continue;
        };
        let limits = limits(schedule::asked(plan, run, &job_ref.step));
        let of = || (job_ref.agent.clone(), run.tenant.clone());
        let again = before.jobs.keys().any(|(job, _)| *job == key.0);
        let goes = limits.is_empty() && (again || places.take(key.clone(), of()));
        if goes && again {
            places.sent(key.clone(), of());
        }
        let (job, token) = key.clone();
        let (step, agent) = (job_ref.step.clone(), job_ref.agent.clone());
        if goes {
            sent.push(JobRow {
                job,
                token,
                step,
                agent,
                sent_at: now,
            });
        } else {
            ready.push(ReadyRow {
                job,
                token,
                step,
                agent,
                priority: held.birth.priority,
                score: score(key),
                ready_at: now,
                limits,
            });
        }
    }
    (sent, ready)
}

fn limits(asked: Asked) -> Limits {
    let paces = asked.paces.into_iter().map(|pace| Pace {
        key: pace.key,
        every_us: pace.every_us,
        burst: pace.burst,
    });
    Limits {
        paces: paces.collect(),
        share: asked.share.map(|(key, at_once)| Share { key, at_once }),
    }
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
