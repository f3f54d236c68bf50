//! What the store holds, and beside each run the reference that its commits must agree with.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use engine::{Event, Run, event::Kind, outstanding, run::Phase};
use model::{
    AgentKind, ContentHash, ErrorClass, JobId, RunId, RunStatus, StepName, TenantId, Timestamp,
};
use store::port::{
    Birth, Blob, Changed, CommitError, Due, DueRun, EventPage, JobRow, NewVersion, Rest, ReviewRow,
    SentJob, Standing, StoredRun, Transition,
};
use store::ready::ReadyRow;
use tokio::time::Instant;
use workflow::Plan;

use super::queue::Queue;
use crate::{
    invariants::{Invariant, Violation},
    plant::StoreBug,
};

type Key = (TenantId, RunId);

/// A run with all its rows.
pub(crate) struct Row {
    pub(crate) birth: Birth,
    pub(crate) holds: Option<String>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) standing: Standing,
    pub(crate) events: Vec<Event>,
    pub(crate) versions: BTreeMap<(StepName, u32), NewVersion>,
    pub(crate) rest: Option<Rest>,
    /// The run as its events make it.
    pub(crate) reference: Run,
    /// The agent kind of every job ever sent.
    pub(crate) kinds: BTreeMap<JobId, AgentKind>,
    /// Rows of jobs under way, with the moment of their commit.
    pub(super) jobs: BTreeMap<(JobId, u64), (JobRow, Instant)>,
    /// The shares of jobs that were claimed.
    pub(super) shares: BTreeMap<(JobId, u64), String>,
    /// Rows of jobs that are ready and not sent.
    pub(super) ready: BTreeMap<(JobId, u64), ReadyRow>,
    /// Rows of reviews that people are asked for.
    reviews: BTreeMap<(StepName, ContentHash), ReviewRow>,
    /// How many of the events the snapshot holds.
    snapped: usize,
    /// When its cancel was committed, and the jobs that were under way then.
    pub(crate) cancelled: Option<(Instant, BTreeSet<JobId>)>,
}

impl Row {
    fn version(&self) -> u64 {
        self.events.last().map_or(0, |event| event.sequence)
    }
}

/// All tables.
#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) runs: BTreeMap<Key, Row>,
    /// Rules that a commit broke.
    pub(crate) broken: Vec<Violation>,
    plans: BTreeMap<(TenantId, ContentHash), String>,
    blobs: BTreeMap<(TenantId, ContentHash), String>,
    keys: BTreeMap<(TenantId, String), RunId>,
    pub(super) queue: Queue,
    /// Every job that was ever to be sent, with its token.
    pub(super) sent: BTreeSet<(JobId, u64)>,
    planted: StoreBug,
}

impl Tables {
    pub(crate) fn new(planted: StoreBug) -> Self {
        Self {
            planted,
            queue: Queue::new(planted == StoreBug::PacesNotAsked),
            ..Self::default()
        }
    }

    /// Commits a transition whole, or not at all.
    pub(crate) fn commit(
        &mut self,
        transition: Transition,
        settled: Option<Instant>,
    ) -> Result<(), CommitError> {
        let key = (transition.tenant.clone(), transition.run.clone());
        let version = self.runs.get(&key).map_or(0, Row::version);
        let birth = transition.birth.is_some();
        let moved_on = version != transition.expected;
        if (moved_on && self.planted != StoreBug::NoVersionCheck) || (version > 0 && birth) {
            return Err(CommitError::Stale {
                run: transition.run,
                expected: transition.expected,
            });
        }
        if let Some(birth) = &transition.birth {
            self.bear(&key, &transition, birth)?;
        }
        self.save_blobs(&key.0, transition.blobs.clone());
        let sent = transition.sent.iter();
        self.sent
            .extend(sent.map(|job| (job.job.clone(), job.token)));
        if let Some(row) = self.runs.get_mut(&key)
            && let Err(violation) = write(row, transition, settled)
        {
            let what = format!("run {}: {}", key.1, violation.what);
            self.broken.push(Violation { what, ..violation });
        }
        Ok(())
    }

    fn bear(
        &mut self,
        key: &Key,
        transition: &Transition,
        birth: &Birth,
    ) -> Result<(), CommitError> {
        let refused = |why: &str| CommitError::Data {
            run: key.1.clone(),
            why: why.to_owned(),
        };
        let plan = self
            .plan(&key.0, &birth.plan)
            .and_then(|plan| serde_json::from_str::<Plan>(&plan).ok())
            .ok_or_else(|| refused("its plan is not there"))?;
        let input = transition
            .blobs
            .iter()
            .find(|blob| blob.hash == birth.input)
            .and_then(|blob| serde_json::from_str(&blob.content).ok())
            .ok_or_else(|| refused("its input is not there"))?;
        if let Some(text) = &birth.idempotency_key {
            let taken = self
                .keys
                .entry((key.0.clone(), text.clone()))
                .or_insert_with(|| key.1.clone());
            if *taken != key.1 && self.planted != StoreBug::NoKeyCheck {
                return Err(CommitError::KeyTaken(taken.clone()));
            }
        }
        if let Some(held) = &transition.holds {
            let holder = self.runs.iter().find(|((tenant, _), row)| {
                *tenant == key.0
                    && row.holds.as_ref() == Some(held)
                    && !row.reference.status.at_rest()
            });
            if let Some(((_, holder), _)) = holder {
                return Err(CommitError::KeyTaken(holder.clone()));
            }
        }
        let row = Row {
            birth: birth.clone(),
            holds: transition.holds.clone(),
            reference: Run::new(key.0.clone(), key.1.clone(), Arc::new(input), &plan),
            plan: Arc::new(plan),
            standing: transition.standing.clone(),
            events: Vec::new(),
            versions: BTreeMap::new(),
            rest: None,
            kinds: BTreeMap::new(),
            jobs: BTreeMap::new(),
            reviews: BTreeMap::new(),
            shares: BTreeMap::new(),
            ready: BTreeMap::new(),
            snapped: 0,
            cancelled: None,
        };
        self.runs.insert(key.clone(), row);
        Ok(())
    }

    /// The last number of a run; 0 when there is no such run.
    pub(crate) fn version(&self, tenant: &TenantId, run: &RunId) -> u64 {
        let key = (tenant.clone(), run.clone());
        self.runs.get(&key).map_or(0, Row::version)
    }

    /// A run by its id alone.
    pub(crate) fn of(&self, run: &RunId) -> Option<&Row> {
        self.runs
            .iter()
            .find_map(|((_, id), row)| (id == run).then_some(row))
    }

    pub(crate) fn load(&self, tenant: &TenantId, run: &RunId) -> Option<StoredRun> {
        let row = self.runs.get(&(tenant.clone(), run.clone()))?;
        Some(StoredRun {
            birth: row.birth.clone(),
            version: row.version(),
            snapshot: row.rest.as_ref().map(|rest| rest.snapshot.clone()),
            events: row.events.get(row.snapped..).unwrap_or_default().to_vec(),
            input: self
                .blobs
                .get(&(tenant.clone(), row.birth.input.clone()))?
                .clone(),
        })
    }

    pub(super) fn save_plan(&mut self, tenant: &TenantId, hash: &ContentHash, plan: &str) {
        self.plans
            .insert((tenant.clone(), hash.clone()), plan.to_owned());
    }

    pub(super) fn plan(&self, tenant: &TenantId, hash: &ContentHash) -> Option<String> {
        self.plans.get(&(tenant.clone(), hash.clone())).cloned()
    }

    pub(super) fn save_blobs(&mut self, tenant: &TenantId, blobs: Vec<Blob>) {
        for blob in blobs {
            self.blobs.insert((tenant.clone(), blob.hash), blob.content);
        }
    }

    pub(super) fn blobs(&self, tenant: &TenantId, hashes: &[ContentHash]) -> Vec<Blob> {
        let blob = |hash: &ContentHash| {
            let content = self.blobs.get(&(tenant.clone(), hash.clone()))?.clone();
            Some(Blob {
                hash: hash.clone(),
                content,
            })
        };
        hashes.iter().filter_map(blob).collect()
    }

    pub(super) fn find_key(&self, tenant: &TenantId, key: &str) -> Option<(RunId, ContentHash)> {
        let run = self.keys.get(&(tenant.clone(), key.to_owned()))?;
        let row = self.runs.get(&(tenant.clone(), run.clone()))?;
        Some((run.clone(), row.birth.input.clone()))
    }

    pub(super) fn results(
        &self,
        tenant: &TenantId,
        run: &RunId,
        wanted: &[(StepName, u32)],
    ) -> Vec<(StepName, u32, String)> {
        let Some(row) = self.runs.get(&(tenant.clone(), run.clone())) else {
            return Vec::new();
        };
        let found = |key: &(StepName, u32)| {
            let version = row.versions.get(key)?;
            Some((key.0.clone(), key.1, version.content.clone()))
        };
        wanted.iter().filter_map(found).collect()
    }

    pub(super) fn due(&self, now: Timestamp, limit: usize) -> Due {
        let mut timers: Vec<_> = self
            .runs
            .iter()
            .filter_map(|((tenant, run), row)| {
                Some(DueRun {
                    tenant: tenant.clone(),
                    run: run.clone(),
                    wake_at: row.standing.wake_at?,
                })
            })
            .collect();
        timers.sort_by_key(|timer| timer.wake_at);
        let due = timers
            .partition_point(|timer| timer.wake_at <= now)
            .min(limit);
        let next = timers.get(due).map(|timer| timer.wake_at);
        timers.truncate(due);
        let ready = self.runs.values().any(|row| !row.ready.is_empty());
        Due {
            runs: timers,
            next,
            ready,
        }
    }

    pub(super) fn sent_before(
        &self,
        before: Timestamp,
        after: Option<&SentJob>,
        limit: usize,
    ) -> Vec<SentJob> {
        let mut sent: Vec<_> = self
            .runs
            .iter()
            .flat_map(|((tenant, run), row)| {
                row.jobs.values().map(move |(job, _)| (tenant, run, job))
            })
            .filter(|(tenant, run, job)| {
                let last = after.map(|last| (&last.tenant, &last.run, &last.row.job));
                job.sent_at < before && last.is_none_or(|last| (*tenant, *run, &job.job) > last)
            })
            .collect();
        sent.sort_by_key(|(tenant, run, job)| (*tenant, *run, &job.job));
        sent.into_iter()
            .take(limit)
            .map(|(tenant, run, job)| SentJob {
                tenant: tenant.clone(),
                run: run.clone(),
                row: job.clone(),
            })
            .collect()
    }

    pub(super) fn changed_since(
        &self,
        of: Option<&TenantId>,
        since: Timestamp,
        after: Option<&(Timestamp, RunId)>,
        limit: usize,
    ) -> Vec<Changed> {
        let mut changed: Vec<_> = self
            .runs
            .iter()
            .filter(|((tenant, run), row)| {
                let updated = row.standing.updated;
                of.is_none_or(|of| of == tenant)
                    && updated >= since
                    && after.is_none_or(|(at, last)| (updated, run) > (*at, last))
            })
            .map(|((tenant, run), row)| Changed {
                tenant: tenant.clone(),
                run: run.clone(),
                sequence: row.version(),
                updated: row.standing.updated,
            })
            .collect();
        changed.sort_by(|a, b| (a.updated, &a.run).cmp(&(b.updated, &b.run)));
        changed.truncate(limit);
        changed
    }

    pub(super) fn last_change(&self) -> Option<Timestamp> {
        self.runs.values().map(|row| row.standing.updated).max()
    }

    /// Whether a commit sent the job under this token.
    pub(crate) fn has_sent(&self, job: &JobId, token: u64) -> bool {
        self.sent.contains(&(job.clone(), token))
    }

    pub(super) fn events(&self, tenant: &TenantId, run: &RunId, after: u64) -> Option<EventPage> {
        let row = if self.planted == StoreBug::TenantNotAsked {
            self.of(run)?
        } else {
            self.runs.get(&(tenant.clone(), run.clone()))?
        };
        let events = row.events.iter().filter(|event| event.sequence > after);
        Some(EventPage {
            birth: row.birth.clone(),
            events: events.cloned().collect(),
            head: row.version(),
            status: row.standing.status,
        })
    }
}

/// Writes the rows of a transition, and folds its events into the reference.
fn write(row: &mut Row, transition: Transition, settled: Option<Instant>) -> Result<(), Violation> {
    let now = Instant::now();
    let broken = |invariant, what: String| Err(Violation::new(invariant, what));
    let cancelled = row.reference.status == RunStatus::Cancelled;
    for event in &transition.events {
        let head = row.version();
        if event.sequence != head + 1 {
            return broken(
                Invariant::I4,
                format!("event {} follows {head}", event.sequence),
            );
        }
        if cancelled && !matches!(event.kind, Kind::OutcomeLate { .. }) {
            let what = format!("{} after a committed cancel", event.kind.name());
            return broken(Invariant::I10, what);
        }
        if let Some(token) = settles(&event.kind)
            && row.reference.settled.contains(&token)
        {
            let what = format!("the outcome under token {token} is recorded a second time");
            return broken(Invariant::Outcomes, what);
        }
        match &event.kind {
            Kind::Cancelled { .. } => {
                let jobs = row.jobs.keys().map(|(job, _)| job.clone());
                row.cancelled = Some((now, jobs.collect()));
            }
            Kind::JobRedriven { step, lost, .. } => lost_again(row, step, *lost, settled)?,
            Kind::StepFailed { step, failure, .. } if failure.class == ErrorClass::Parked => {
                lost_again(row, step, u32::MAX, settled)?;
            }
            _ => {}
        }
        engine::apply(&row.plan, &mut row.reference, event);
        row.events.push(event.clone());
    }
    for key in &transition.withdrawn {
        if row.jobs.remove(key).is_none() {
            let what = format!("job {} is withdrawn and was not under way", key.0);
            return broken(Invariant::OutstandingEqualsRows, what);
        }
    }
    for key in &transition.given_up {
        if row.jobs.remove(key).is_none() && row.ready.remove(key).is_none() {
            let what = format!("job {} is given up and was not under way", key.0);
            return broken(Invariant::OutstandingEqualsRows, what);
        }
    }
    for job in transition.ready {
        row.kinds.insert(job.job.clone(), job.agent.clone());
        row.ready.insert((job.job.clone(), job.token), job);
    }
    for job in transition.sent {
        let asked = engine::schedule::asked(&row.plan, &row.reference, &job.step);
        if asked != engine::schedule::Asked::default() {
            let what = format!("job {} was sent unasked though it has limits", job.job);
            return broken(Invariant::Limits, what);
        }
        row.kinds.insert(job.job.clone(), job.agent.clone());
        row.jobs.insert((job.job.clone(), job.token), (job, now));
    }
    for key in &transition.answered {
        if row.reviews.remove(key).is_none() {
            let what = format!("the review {} is answered and was not asked", key.0);
            return broken(Invariant::OutstandingEqualsRows, what);
        }
    }
    for review in transition.asked {
        let key = (review.step.clone(), review.subject.clone());
        row.reviews.insert(key, review);
    }
    for version in transition.versions {
        let key = (version.step.clone(), version.version);
        if ContentHash::of(version.content.as_bytes()) != version.hash {
            let what = format!("version {} of {} is not of its hash", key.1, key.0);
            return broken(Invariant::Versions, what);
        }
        if row.versions.insert(key.clone(), version).is_some() {
            let what = format!("version {} of {} was there before", key.1, key.0);
            return broken(Invariant::Versions, what);
        }
    }
    row.standing = transition.standing;
    if let Some(rest) = transition.rest {
        row.rest = Some(rest);
        row.snapped = row.events.len();
    }
    let wanted = outstanding(&row.reference);
    let mut rows: Vec<_> = row.jobs.keys().chain(row.ready.keys()).collect();
    rows.sort();
    if !wanted.jobs.keys().eq(rows.iter().copied())
        || !wanted.reviews.keys().eq(row.reviews.keys())
        || wanted.wake_at() != row.standing.wake_at
    {
        let what = format!(
            "rows {rows:?} and {:?} wake at {:?}, outstanding is {wanted:?}",
            row.reviews.keys(),
            row.standing.wake_at
        );
        return broken(Invariant::OutstandingEqualsRows, what);
    }
    Ok(())
}

/// The token whose outcome an event records.
fn settles(kind: &Kind) -> Option<u64> {
    match kind {
        Kind::StepFinished { token, .. }
        | Kind::StepRetrying { token, .. }
        | Kind::OutcomeLate { token, .. } => Some(*token),
        Kind::StepFailed { job, .. } => job.as_ref().map(|(_, token)| *token),
        _ => None,
    }
}

/// What goes out when nothing goes wrong any more is not lost any more.
fn lost_again(
    row: &Row,
    step: &StepName,
    lost: u32,
    settled: Option<Instant>,
) -> Result<(), Violation> {
    let Some(Phase::Running {
        job,
        token,
        lost: before,
        ..
    }) = row.reference.steps.get(step).map(|step| &step.phase)
    else {
        return Ok(());
    };
    let sent = row.jobs.get(&(job.clone(), *token)).map(|(_, at)| *at);
    match (sent, settled) {
        (Some(sent), Some(settled)) if lost > *before && sent > settled => {
            let what = format!("job {job} went out in calm weather and was lost");
            Err(Violation::new(Invariant::I8, what))
        }
        _ => Ok(()),
    }
}
