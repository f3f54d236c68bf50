//! What must hold, at all times and at the end, by the names of the reliability page.

use std::fmt;

use bus::{Bus, Envelope, Subject, subject::Stream};
use engine::{Run, event::Kind};
use model::{ContentHash, JobId, RunId};
use store::record;

use crate::{
    store::{Row, Tables},
    world::World,
};

/// A rule that must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invariant {
    /// Every acknowledged command stands, and every acknowledged submit comes to rest.
    I1,
    /// Numbers have no gap; replaying equals the projection; subscribers see each event once, in order.
    I4,
    /// Nothing of a foreign tenant at a subscriber.
    I7,
    /// Once faults stop, everything drains within a bound, and nothing is lost any more.
    I8,
    /// After a committed cancel nothing starts or finishes, and what is finished stays.
    I10,
    /// Nothing goes out before its commit, and every event goes out at least once.
    Sends,
    /// The rows of the store equal what the engine says is outstanding.
    OutstandingEqualsRows,
    /// One row per step and version, its content of the hash in the event.
    Versions,
    /// An outcome counts only under the token it was made for, and one that the bus kept is recorded.
    Outcomes,
    /// An agent is not called again for a job but for a message or a worker that was lost.
    Calls,
    /// Jobs of a limit's key follow each other no faster than it says, and never go but by a claim.
    Limits,
    /// No tenant with ready jobs waits while all places go to others.
    Fairness,
    /// Nothing of ours logs an error, panics, or ends unasked.
    NoErrors,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::I1 => "I1",
            Self::I4 => "I4",
            Self::I7 => "I7",
            Self::I8 => "I8",
            Self::I10 => "I10",
            Self::Sends => "sends",
            Self::OutstandingEqualsRows => "outstanding equals rows",
            Self::Versions => "versions",
            Self::Outcomes => "outcomes",
            Self::Calls => "calls",
            Self::Limits => "limits",
            Self::Fairness => "fairness",
            Self::NoErrors => "no errors",
        })
    }
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub invariant: Invariant,
    /// How.
    pub what: String,
}

impl Violation {
    pub(crate) fn new(invariant: Invariant, what: impl Into<String>) -> Self {
        Self {
            invariant,
            what: what.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// What the bus is given of a run must be in the store.
pub(crate) fn committed(world: &World, message: &Envelope) {
    let Some((of, number)) = message.id.rsplit_once('.') else {
        return;
    };
    let Ok(number) = number.parse() else { return };
    let tables = world.tables();
    let stored = match message.stream() {
        Ok(Stream::Jobs) => {
            let job = JobId::new(of);
            job.is_ok_and(|job| tables.has_sent(&job, number))
        }
        Ok(Stream::Events) => {
            let run = RunId::new(of).ok();
            let row = run.and_then(|run| tables.of(&run));
            row.is_some_and(|row| number <= row.events.len() as u64)
        }
        _ => true,
    };
    drop(tables);
    if !stored {
        let what = format!("{} went out and is not committed", message.id);
        world.violate(Invariant::Sends, what);
    }
}

/// Whether all has come to rest; else what has not.
pub(crate) async fn unrest(world: &World) -> Option<Violation> {
    let clients = world.log().clients;
    if clients > 0 {
        let what = format!("{clients} clients still wait for an answer");
        return Some(Violation::new(Invariant::I1, what));
    }
    let mut messages = Vec::new();
    {
        let tables = world.tables();
        for ((_, id), row) in &tables.runs {
            if !row.reference.status.at_rest() {
                let steps: Vec<_> = row
                    .reference
                    .steps
                    .iter()
                    .map(|(name, step)| format!("{name} {:?}", step.phase))
                    .collect();
                let what = format!("run {id} is not at rest: {}", steps.join(", "));
                return Some(Violation::new(Invariant::I1, what));
            }
            for job in row.reference.issued.values() {
                let partition = Subject::partition(id);
                messages.push(Subject::outcome(partition, job));
                if let Some(kind) = row.kinds.get(job) {
                    messages.push(Subject::job(kind, job));
                }
            }
        }
    }
    for subject in messages {
        if world.bus.holds(&subject).await != Ok(false) {
            let what = format!("the bus still holds {subject}");
            return Some(Violation::new(Invariant::I8, what));
        }
    }
    let tables = world.tables();
    let log = world.log();
    log.subscribers.iter().find_map(|subscriber| {
        let head = tables.version(&subscriber.tenant, &subscriber.run);
        let seen = subscriber.seen.len() as u64;
        (seen < head).then(|| {
            let what = format!(
                "subscriber {} has {seen} of {head} events of run {}",
                subscriber.name, subscriber.run
            );
            Violation::new(Invariant::I4, what)
        })
    })
}

/// What must hold once all is at rest.
pub(crate) fn at_end(world: &World) -> Option<Violation> {
    let tables = world.tables();
    let log = world.log();
    for (tenant, run) in &log.acknowledged {
        if tables.version(tenant, run) == 0 {
            let what = format!("run {run} was acknowledged and is gone");
            return Some(Violation::new(Invariant::I1, what));
        }
    }
    for (run, job, token) in &log.kept {
        let recorded = tables
            .of(run)
            .is_some_and(|row| row.reference.settled.contains(token));
        if !recorded {
            let what = format!(
                "the outcome of job {job} under token {token} was kept by the bus and is not in run {run}"
            );
            return Some(Violation::new(Invariant::Outcomes, what));
        }
    }
    for (job, calls) in &log.calls {
        let excuses = log.excuses.get(job).copied().unwrap_or(0) + log.wipes;
        if *calls > 1 + excuses {
            let what = format!("job {job} was performed {calls} times, {excuses} times excusably");
            return Some(Violation::new(Invariant::Calls, what));
        }
    }
    // A commit may be dated before the jump of a clock that not everyone has measured yet; what is published
    // again goes by these dates.
    if world.moved() == 0 {
        for ((_, run), row) in &tables.runs {
            let missing = row.events.iter().find(|event| {
                let id = format!("{run}.{}", event.sequence);
                !log.given.contains(&id)
            });
            if let Some(event) = missing {
                let what = format!(
                    "event {} of run {run} was never given to the bus",
                    event.sequence
                );
                return Some(Violation::new(Invariant::Sends, what));
            }
        }
    }
    tables
        .runs
        .keys()
        .find_map(|key| whole(&tables, key).err())
        .or_else(|| subscribed(&tables, &log))
}

/// The run read back from the store is the run that the commits made.
fn whole(tables: &Tables, key: &(model::TenantId, model::RunId)) -> Result<(), Violation> {
    let (tenant, run) = key;
    let Some(row) = tables.runs.get(key) else {
        return Ok(());
    };
    let i4 = |what: String| Violation::new(Invariant::I4, format!("run {run}: {what}"));
    let stored = tables
        .load(tenant, run)
        .ok_or_else(|| i4("it cannot be loaded".to_owned()))?;
    let folded = record::fold(&stored, tenant, run, &row.plan).map_err(|e| i4(e.to_string()))?;
    let mut replayed = Run::new(
        tenant.clone(),
        run.clone(),
        row.reference.input.clone(),
        &row.plan,
    );
    for (event, number) in row.events.iter().zip(1..) {
        if event.sequence != number {
            return Err(i4(format!("event {} stands at {number}", event.sequence)));
        }
        engine::apply(&row.plan, &mut replayed, event);
    }
    if folded != replayed || replayed != row.reference {
        return Err(i4("replaying its events gives another state".to_owned()));
    }
    if row.standing.status != replayed.status || row.standing.state != replayed.state {
        return Err(i4("its row stands otherwise than its events".to_owned()));
    }
    versions(row).map_err(|what| Violation::new(Invariant::Versions, format!("run {run}: {what}")))
}

fn versions(row: &Row) -> Result<(), String> {
    let mut finished = 0;
    for event in &row.events {
        if let Kind::StepFinished {
            step,
            version,
            hash,
            ..
        } = &event.kind
        {
            finished += 1;
            let found = row.versions.get(&(step.clone(), *version));
            let found = found.ok_or_else(|| format!("{step} has no version {version}"))?;
            if found.hash != *hash || ContentHash::of(found.content.as_bytes()) != *hash {
                return Err(format!("version {version} of {step} is not of its hash"));
            }
        }
    }
    if finished != row.versions.len() {
        return Err(format!(
            "{} versions for {finished} finished steps",
            row.versions.len()
        ));
    }
    let Some(rest) = &row.rest else {
        return Err("it is at rest without its final rows".to_owned());
    };
    for active in &rest.active {
        let result = row
            .reference
            .steps
            .get(&active.step)
            .and_then(|step| step.result.as_ref());
        if result.is_none_or(|result| result.version != active.version) {
            return Err(format!(
                "the active version of {} is not its last",
                active.step
            ));
        }
    }
    Ok(())
}

/// Every subscriber has seen exactly the events of the store.
fn subscribed(tables: &Tables, log: &crate::world::Log) -> Option<Violation> {
    log.subscribers.iter().find_map(|subscriber| {
        let row = tables
            .runs
            .get(&(subscriber.tenant.clone(), subscriber.run.clone()))?;
        let stored = row.events.iter().map(|event| {
            orchestrator::core::event::public(
                &subscriber.tenant,
                &subscriber.run,
                &row.birth,
                event,
            )
        });
        (!subscriber.seen.iter().cloned().eq(stored)).then(|| {
            let what = format!(
                "subscriber {} saw other events of run {} than are stored",
                subscriber.name, subscriber.run
            );
            Violation::new(Invariant::I4, what)
        })
    })
}
