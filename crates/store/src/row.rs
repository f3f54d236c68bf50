//! Rows as both databases return them, and the values that they stand for.

use model::{CampaignId, ContentHash, RunStatus, Timestamp};
use sqlx::FromRow;

use crate::{
    limits::MAX_PAGE,
    port::{
        self, Birth, Blob, Changed, DueRun, EventPage, JobRow, KeyOwner, OpenReview, ReviewRow,
        RunRow, SentJob, Standing, StoreError, StoredRun, VersionRow,
    },
    ready::{Kept, KeptBy, Lane, ReadyJob},
    record,
};

/// The columns of a [`Run`].
macro_rules! run_columns {
    () => {
        "runs.run, runs.version, runs.status, runs.state, runs.updated, runs.percent, runs.wake_at, \
         runs.submitted, runs.priority, runs.workflow_version, runs.workflow, runs.mode, runs.plan, \
         runs.input, runs.campaign, runs.title, runs.idempotency_key, runs.correlation_id, \
         runs.traceparent"
    };
}
pub(crate) use run_columns;

fn corrupt(what: &str, why: impl ToString) -> StoreError {
    StoreError::Corrupt {
        what: what.to_owned(),
        why: why.to_string(),
    }
}

/// An id or hash that was checked before it was stored.
pub(crate) fn id<T: std::str::FromStr<Err: ToString>>(
    what: &str,
    text: &str,
) -> Result<T, StoreError> {
    text.parse().map_err(|why: T::Err| corrupt(what, why))
}

pub(crate) fn number<T: TryFrom<i64>>(what: &str, number: i64) -> Result<T, StoreError> {
    T::try_from(number).map_err(|_| corrupt(what, format!("{number} is out of range")))
}

/// A page's size as the databases take it.
pub(crate) fn page(limit: usize) -> i64 {
    i64::try_from(limit.min(MAX_PAGE)).unwrap_or(0)
}

/// A number that [`crate::check`] has let pass.
pub(crate) fn big(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[derive(FromRow)]
pub(crate) struct Run {
    run: String,
    version: i64,
    status: String,
    state: String,
    updated: i64,
    percent: i32,
    wake_at: Option<i64>,
    submitted: i64,
    priority: i32,
    workflow_version: i64,
    workflow: String,
    mode: String,
    plan: String,
    input: String,
    campaign: String,
    title: String,
    idempotency_key: Option<String>,
    correlation_id: String,
    traceparent: String,
}

impl Run {
    pub(crate) fn input_hash(&self) -> &str {
        &self.input
    }

    fn birth(self) -> Result<Birth, StoreError> {
        Ok(Birth {
            workflow: self.workflow,
            mode: self.mode,
            workflow_version: number("a run's workflow version", self.workflow_version)?,
            plan: id("a run's plan", &self.plan)?,
            input: id("a run's input", &self.input)?,
            campaign: id::<CampaignId>("a run's campaign", &self.campaign)?,
            title: self.title,
            idempotency_key: self.idempotency_key,
            correlation_id: self.correlation_id,
            traceparent: self.traceparent,
            priority: number("a run's priority", self.priority.into())?,
            submitted: Timestamp(self.submitted),
        })
    }

    fn status(&self) -> Result<RunStatus, StoreError> {
        RunStatus::parse(&self.status)
            .ok_or_else(|| corrupt("a run's status", "the name is not known"))
    }

    pub(crate) fn into_row(self) -> Result<RunRow, StoreError> {
        Ok(RunRow {
            run: id("a run's id", &self.run)?,
            standing: Standing {
                status: self.status()?,
                state: self.state.clone(),
                updated: Timestamp(self.updated),
                percent: number("a run's percent", self.percent.into())?,
                wake_at: self.wake_at.map(Timestamp),
            },
            version: number("a run's version", self.version)?,
            birth: self.birth()?,
        })
    }

    /// The run with its history; `input` is the blob's content.
    pub(crate) fn into_stored(
        self,
        input: Option<String>,
        snapshot: Option<String>,
        bodies: &[String],
    ) -> Result<StoredRun, StoreError> {
        let input = input.ok_or_else(|| corrupt("a run's input", "the blob is missing"))?;
        Ok(StoredRun {
            version: number("a run's version", self.version)?,
            birth: self.birth()?,
            snapshot,
            events: events(bodies)?,
            input,
        })
    }

    pub(crate) fn into_page(self, after: u64, bodies: &[String]) -> Result<EventPage, StoreError> {
        let mut events = events(bodies)?;
        events.retain(|event| event.sequence > after);
        Ok(EventPage {
            head: number("a run's version", self.version)?,
            status: self.status()?,
            birth: self.birth()?,
            events,
        })
    }
}

fn events(bodies: &[String]) -> Result<Vec<engine::Event>, StoreError> {
    let mut all = Vec::new();
    for body in bodies {
        all.append(&mut record::decode_events(body)?);
    }
    Ok(all)
}

#[derive(FromRow)]
pub(crate) struct Due {
    tenant: Option<String>,
    run: Option<String>,
    wake_at: Option<i64>,
    ready: bool,
}

/// The timers of `rows` (ordered, one more than `limit` asked for) that are due, and the next one.
pub(crate) fn split_due(
    rows: Vec<Due>,
    now: Timestamp,
    limit: i64,
) -> Result<port::Due, StoreError> {
    let limit = usize::try_from(limit).unwrap_or(0);
    let ready = rows.first().is_some_and(|row| row.ready);
    let timers = rows
        .into_iter()
        .filter_map(|row| Some((row.tenant?, row.run?, row.wake_at?)));
    let mut runs = Vec::new();
    for (tenant, run, wake_at) in timers {
        let wake_at = Timestamp(wake_at);
        if runs.len() == limit || wake_at > now {
            let next = Some(wake_at);
            return Ok(port::Due { runs, next, ready });
        }
        runs.push(DueRun {
            tenant: id("a tenant", &tenant)?,
            run: id("a run's id", &run)?,
            wake_at,
        });
    }
    let next = None;
    Ok(port::Due { runs, next, ready })
}

#[derive(FromRow)]
pub(crate) struct LaneRow {
    agent: String,
    gate: String,
    tenant: String,
}

impl LaneRow {
    pub(crate) fn into_lane(self) -> Result<Lane, StoreError> {
        Ok(Lane {
            agent: id("a job's agent", &self.agent)?,
            gate: self.gate,
            tenant: id("a tenant", &self.tenant)?,
        })
    }
}

#[derive(FromRow)]
pub(crate) struct Ready {
    tenant: String,
    run: String,
    job: String,
    token: i64,
    step: String,
    agent: String,
    gate: String,
    priority: i64,
    score: i64,
    ready_at: i64,
}

impl Ready {
    pub(crate) fn into_job(self) -> Result<ReadyJob, StoreError> {
        Ok(ReadyJob {
            lane: Lane {
                agent: id("a job's agent", &self.agent)?,
                gate: self.gate,
                tenant: id("a tenant", &self.tenant)?,
            },
            run: id("a run's id", &self.run)?,
            job: id("a job", &self.job)?,
            token: number("a job's token", self.token)?,
            step: id("a job's step", &self.step)?,
            priority: number("a job's priority", self.priority)?,
            score: number("a job's score", self.score)?,
            ready_at: Timestamp(self.ready_at),
        })
    }
}

#[derive(FromRow)]
pub(crate) struct KeptRow {
    job: String,
    token: i64,
    agent: String,
    ready_at: i64,
    paces: Option<String>,
    share: Option<String>,
    at_once: Option<i64>,
    held: i64,
}

/// A pace as its row has it: its key, microseconds from one to the next, microseconds of slack.
pub(crate) type StoredPace = (String, u64, u64);

impl KeptRow {
    pub(crate) fn paces(&self) -> Result<Vec<StoredPace>, StoreError> {
        let Some(text) = &self.paces else {
            return Ok(Vec::new());
        };
        serde_json::from_str(text).map_err(|why| corrupt("a job's paces", why))
    }

    /// `paced` is the pace that keeps it back longest, if one does.
    pub(crate) fn into_kept(self, paced: Option<(String, Timestamp)>) -> Result<Kept, StoreError> {
        let held: u32 = number("a share's jobs", self.held)?;
        let at_once: u32 = number("a job's share", self.at_once.unwrap_or(i64::from(u32::MAX)))?;
        let by = match (paced, self.share) {
            (Some((key, until)), _) => KeptBy::Pace(key, until),
            (None, Some(key)) if held >= at_once => KeptBy::Share(key, held, at_once),
            (None, _) => KeptBy::Place,
        };
        Ok(Kept {
            job: id("a job", &self.job)?,
            token: number("a job's token", self.token)?,
            agent: id("a job's agent", &self.agent)?,
            ready_at: Timestamp(self.ready_at),
            by,
        })
    }
}

/// When a pace lets the next job go, if that is not now.
pub(crate) fn paced_until(ahead: Option<i64>, slack: u64, now: Timestamp) -> Option<Timestamp> {
    let free = ahead?.saturating_sub(big(slack));
    let at = free.saturating_add(999).div_euclid(1_000);
    (at > now.0).then_some(Timestamp(at))
}

#[derive(FromRow)]
pub(crate) struct Review {
    run: String,
    step: String,
    subject: String,
    role: String,
    since: i64,
    deadline: Option<i64>,
    workflow: String,
    campaign: String,
    title: String,
}

impl Review {
    pub(crate) fn into_open(self) -> Result<OpenReview, StoreError> {
        Ok(OpenReview {
            run: id("a run's id", &self.run)?,
            workflow: self.workflow,
            campaign: id("a campaign", &self.campaign)?,
            title: self.title,
            row: ReviewRow {
                step: id("a step", &self.step)?,
                subject: id("a hash", &self.subject)?,
                role: self.role,
                since: Timestamp(self.since),
                deadline: self.deadline.map(Timestamp),
            },
        })
    }
}

#[derive(FromRow)]
pub(crate) struct Sent {
    tenant: String,
    run: String,
    job: String,
    token: i64,
    step: String,
    agent: String,
    sent_at: i64,
}

impl Sent {
    pub(crate) fn into_job(self) -> Result<SentJob, StoreError> {
        Ok(SentJob {
            tenant: id("a tenant", &self.tenant)?,
            run: id("a run's id", &self.run)?,
            row: JobRow {
                job: id("a job", &self.job)?,
                token: number("a job's token", self.token)?,
                step: id("a job's step", &self.step)?,
                agent: id("a job's agent", &self.agent)?,
                sent_at: Timestamp(self.sent_at),
            },
        })
    }
}

#[derive(FromRow)]
pub(crate) struct ChangedRow {
    tenant: String,
    run: String,
    sequence: i64,
    updated: i64,
}

impl ChangedRow {
    pub(crate) fn into_changed(self) -> Result<Changed, StoreError> {
        Ok(Changed {
            tenant: id("a tenant", &self.tenant)?,
            run: id("a run's id", &self.run)?,
            sequence: number("a run's sequence", self.sequence)?,
            updated: Timestamp(self.updated),
        })
    }
}

#[derive(FromRow)]
pub(crate) struct Version {
    step: String,
    version: i64,
    hash: String,
    report: bool,
    active: bool,
    provenance: String,
    created: i64,
}

impl Version {
    pub(crate) fn into_row(self) -> Result<VersionRow, StoreError> {
        Ok(VersionRow {
            step: id("a version's step", &self.step)?,
            version: number("a version's number", self.version)?,
            hash: id("a version's hash", &self.hash)?,
            report: self.report,
            active: self.active,
            provenance: record::decode_provenance(&self.provenance)?,
            created: Timestamp(self.created),
        })
    }
}

/// A step's stored content.
pub(crate) fn result(
    (step, version, content): (String, i64, String),
) -> Result<(model::StepName, u32, String), StoreError> {
    Ok((
        id("a version's step", &step)?,
        number("a version's number", version)?,
        content,
    ))
}

/// A blob.
pub(crate) fn blob((hash, content): (String, String)) -> Result<Blob, StoreError> {
    Ok(Blob {
        hash: id::<ContentHash>("a blob's hash", &hash)?,
        content,
    })
}

/// A key's run and the hash of its input.
pub(crate) fn key_holder(
    (run, input): (String, String),
) -> Result<(model::RunId, ContentHash), StoreError> {
    Ok((id("a run's id", &run)?, id("a run's input", &input)?))
}

/// Whose a key is; one that two tenants have is nobody's.
pub(crate) fn key_owner(
    mut rows: Vec<(String, String, String)>,
) -> Result<Option<KeyOwner>, StoreError> {
    match (rows.pop(), rows.pop()) {
        (Some((tenant, role, label)), None) => Ok(Some(KeyOwner {
            tenant: id("a tenant", &tenant)?,
            role,
            label,
        })),
        _ => Ok(None),
    }
}

/// What a failed read means.
pub(crate) fn read_failed(error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::TypeNotFound { .. }
        | sqlx::Error::Decode(_) => corrupt("a row", error),
        _ => StoreError::Unavailable(error.to_string()),
    }
}
