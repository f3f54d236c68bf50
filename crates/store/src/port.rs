//! What the rest of the system may ask of a store, and what each call promises.

use async_trait::async_trait;
use engine::Event;
use model::{
    AgentKind, CampaignId, ContentHash, JobId, RunId, RunStatus, StepName, TenantId, Timestamp,
    usage::Provenance,
};

use crate::{
    library::Library,
    ready::{Claim, Kept, Lane, ReadyJob, ReadyRow},
};

/// Everything that one transition of one run changes. It is committed whole or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// Whose.
    pub tenant: TenantId,
    /// Which run.
    pub run: RunId,
    /// The version that the run must have: the sequence before `events`; 0 means that it must not exist.
    pub expected: u64,
    /// Present exactly when `expected` is 0.
    pub birth: Option<Birth>,
    /// With the birth: what the run holds for itself alone until it is at rest. A second run that would hold
    /// the same is refused with [`CommitError::KeyTaken`].
    pub holds: Option<String>,
    /// Numbered `expected + 1 ..`, never empty.
    pub events: Vec<Event>,
    /// How the run stands afterwards.
    pub standing: Standing,
    /// Jobs that go out with this commit.
    pub sent: Vec<JobRow>,
    /// Jobs that are under way from here on, and go out once they are claimed.
    pub ready: Vec<ReadyRow>,
    /// Jobs that are no longer under way, by id and lease token; each was sent.
    pub withdrawn: Vec<(JobId, u64)>,
    /// Reviews that people are asked for from this commit on.
    pub asked: Vec<ReviewRow>,
    /// Reviews that nobody is asked for any more, by step and subject.
    pub answered: Vec<(StepName, ContentHash)>,
    /// Jobs that are no longer under way, sent or not: another may claim them at this moment.
    pub given_up: Vec<(JobId, u64)>,
    /// Results that came with the outcomes of this transition.
    pub versions: Vec<NewVersion>,
    /// Contents kept by hash (inputs, notes); writing one that is there changes nothing.
    pub blobs: Vec<Blob>,
    /// Present exactly when the run comes to rest.
    pub rest: Option<Rest>,
}

impl Transition {
    /// The run's version after the commit.
    pub fn version(&self) -> u64 {
        self.events
            .last()
            .map_or(self.expected, |event| event.sequence)
    }
}

/// What never changes about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Birth {
    /// The workflow's name.
    pub workflow: String,
    /// The mode within it.
    pub mode: String,
    /// The definition's version.
    pub workflow_version: u32,
    /// The plan; stored by [`CommitPath::save_plan`] before.
    pub plan: ContentHash,
    /// Blob of the input; among [`Transition::blobs`].
    pub input: ContentHash,
    /// The campaign.
    pub campaign: CampaignId,
    /// A short name for people.
    pub title: String,
    /// The caller's key; unique per tenant.
    pub idempotency_key: Option<String>,
    /// The caller's correlation id, or the trace id.
    pub correlation_id: String,
    /// The caller's trace context (W3C `traceparent`), or empty.
    pub traceparent: String,
    /// 1 to 5.
    pub priority: u8,
    /// When it was submitted.
    pub submitted: Timestamp,
}

/// How a run stands: the fixed-size part of its row that changes with every transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its status.
    pub status: RunStatus,
    /// Its lifecycle state.
    pub state: String,
    /// The last event's time.
    pub updated: Timestamp,
    /// 0 to 100.
    pub percent: u32,
    /// When its first timer is due; none when no timer runs. This is all that is stored of timers.
    pub wake_at: Option<Timestamp>,
}

/// A job under way: the record that it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// Which.
    pub job: JobId,
    /// Its lease token.
    pub token: u64,
    /// Of which step.
    pub step: StepName,
    /// For whom.
    pub agent: AgentKind,
    /// When it was sent, by the clock of the commit's `now`.
    pub sent_at: Timestamp,
}

/// A review that people are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewRow {
    /// The review's step.
    pub step: StepName,
    /// The hash over all that is asked about.
    pub subject: ContentHash,
    /// The role that whoever decides must have.
    pub role: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub deadline: Option<Timestamp>,
}

/// A result to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    /// Of which step.
    pub step: StepName,
    /// 1, 2, 3 … within run and step.
    pub version: u32,
    /// Of `content`, or for a picture, kept as a data URL, of the bytes that this encodes.
    pub hash: ContentHash,
    /// The exact bytes.
    pub content: String,
    /// Whether it is an audit's report.
    pub report: bool,
    /// Who made it.
    pub provenance: Provenance,
    /// When.
    pub created: Timestamp,
}

/// Content kept by hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Of `content`.
    pub hash: ContentHash,
    /// The exact bytes.
    pub content: String,
}

/// What the final transaction writes: the campaign, the active versions, the reports.
#[derive(Debug, Clone, PartialEq)]
pub struct Rest {
    /// The active version of each step that has one.
    pub active: Vec<Active>,
    /// The run's state, so that reading a run at rest does not fold its events again; made and read by
    /// [`crate::record`].
    pub snapshot: String,
}

/// A step's active version at rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Active {
    /// The step.
    pub step: StepName,
    /// Its place in the run's output (`copy`, `audit_report`); the step's name when it has none.
    pub place: String,
    /// The version.
    pub version: u32,
    /// Of its bytes.
    pub hash: ContentHash,
    /// For an audit's report: verdict, score, and the versions that it judged.
    pub report: Option<ReportRow>,
}

/// An audit report's row.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportRow {
    /// The verdict's name.
    pub verdict: String,
    /// 0 to 1.
    pub score: f64,
    /// Steps judged, with the version of each.
    pub of: Vec<(StepName, u32)>,
}

/// Why a transition was not committed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The run has moved on (or does not exist, or exists already): load it again and decide anew.
    #[error("run {run} is not at version {expected} any more")]
    Stale {
        /// The run.
        run: RunId,
        /// The version that was expected.
        expected: u64,
    },
    /// Another run has the idempotency key, or holds what this one would.
    #[error("the idempotency key belongs to run {0}")]
    KeyTaken(RunId),
    /// This transition's own data was refused; others of the batch are not concerned.
    #[error("run {run}: the store refuses the data: {why}")]
    Data {
        /// The run.
        run: RunId,
        /// What the store said, without content.
        why: String,
    },
    /// Whether it was committed is not known: load the run and look.
    #[error("the commit's fate is unknown: {0}")]
    Unknown(String),
    /// Nothing was committed, and the store cannot be worked with now.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
}

/// Why a read failed, or a write outside a transition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be worked with now; try again.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A stored record cannot be read: it was written by a newer version, or damaged.
    #[error("{what} cannot be read: {why}")]
    Corrupt {
        /// Which record.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// The store does not take the data; trying again does not help.
    #[error("the store refuses the data: {0}")]
    Refused(String),
}

/// A run as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRun {
    /// What never changes.
    pub birth: Birth,
    /// The version that the events lead to.
    pub version: u64,
    /// The state at rest that the events start from, when there is one: its sequence and snapshot.
    pub snapshot: Option<String>,
    /// The events after the snapshot, or all.
    pub events: Vec<Event>,
    /// The input's exact bytes.
    pub input: String,
}

/// A run that needs attention: its timer is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRun {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub run: RunId,
    /// When it was due.
    pub wake_at: Timestamp,
}

/// A job that was sent before some time and is still under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentJob {
    /// Whose.
    pub tenant: TenantId,
    /// Of which run.
    pub run: RunId,
    /// The row.
    pub row: JobRow,
}

/// What [`CommitPath::due`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Due {
    /// Runs whose timer is due, earliest first, at most the limit.
    pub runs: Vec<DueRun>,
    /// When the next timer after these is due; none when no timer runs.
    pub next: Option<Timestamp>,
    /// Whether any job is ready and not sent.
    pub ready: bool,
}

/// The commit path: narrow, so that the simulator can model it. Implementations are safe to drop a call
/// of: a dropped future never leaves a transaction open, and never poisons a connection.
#[async_trait]
pub trait CommitPath: Send + Sync {
    /// The store's clock, which all replicas share.
    async fn now(&self) -> Result<Timestamp, StoreError>;

    /// What it is called where it is watched.
    fn name(&self) -> &'static str {
        "store"
    }

    /// Why the store cannot be worked with, as its last use showed, for anyone to read; none while it
    /// answers. Asks nothing.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Keeps a plan by its hash. Idempotent; durable when it returns.
    async fn save_plan(
        &self,
        tenant: &TenantId,
        hash: &ContentHash,
        plan: &str,
    ) -> Result<(), StoreError>;

    /// A plan by its hash.
    async fn plan(
        &self,
        tenant: &TenantId,
        hash: &ContentHash,
    ) -> Result<Option<String>, StoreError>;

    /// Commits many transitions of different runs in one durable transaction; at most one transition a
    /// run. Each stands for itself: a stale or bad one fails alone. The answers are in the order given.
    /// `Ok` means durable: the transition survives any crash after the return.
    async fn commit(&self, batch: Vec<Transition>) -> Vec<Result<(), CommitError>>;

    /// A run with its history.
    async fn load(&self, tenant: &TenantId, run: &RunId) -> Result<Option<StoredRun>, StoreError>;

    /// The run that an idempotency key of the tenant belongs to, with the hash of its input.
    async fn find_key(
        &self,
        tenant: &TenantId,
        key: &str,
    ) -> Result<Option<(RunId, ContentHash)>, StoreError>;

    /// Contents of versions of a run, those that are there, in no order.
    async fn results(
        &self,
        tenant: &TenantId,
        run: &RunId,
        wanted: &[(StepName, u32)],
    ) -> Result<Vec<(StepName, u32, String)>, StoreError>;

    /// Blobs by hash, those that are there, in no order.
    async fn blobs(
        &self,
        tenant: &TenantId,
        hashes: &[ContentHash],
    ) -> Result<Vec<Blob>, StoreError>;

    /// Keeps contents by hash outside a transition. Idempotent; durable when it returns.
    async fn save_blobs(&self, tenant: &TenantId, blobs: Vec<Blob>) -> Result<(), StoreError>;

    /// Over all tenants: runs whose timer is due at `now`, and when the next one is.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Due, StoreError>;

    /// Over all tenants: jobs under way that were sent before `before`, in the order of (tenant, run, job),
    /// after the cursor (the last row of the previous page).
    async fn sent_before(
        &self,
        before: Timestamp,
        after: Option<&SentJob>,
        limit: usize,
    ) -> Result<Vec<SentJob>, StoreError>;

    /// Over all tenants: ready jobs that were not sent, of each of at most `lanes` lanes the first `rows` in the
    /// order in which they go. Lanes come in their order, those after the cursor.
    async fn ready(
        &self,
        after: Option<&Lane>,
        lanes: usize,
        rows: usize,
    ) -> Result<Vec<ReadyJob>, StoreError>;

    /// Records ready jobs as sent at `now`, in the order given, in one durable transaction; at most
    /// [`crate::limits::MAX_CLAIM`]. Each stands for itself: what its limits keep back, what is gone and what
    /// another claims stays as it is. The answers are in the order given. After an error some may be recorded
    /// as sent.
    async fn claim(&self, now: Timestamp, jobs: &[ReadyJob]) -> Result<Vec<Claim>, StoreError>;

    /// Runs changed at or after `since`, with their last sequence, in the order of (`updated`, run), after
    /// the cursor: those of one tenant, or without one those of all.
    async fn changed_since(
        &self,
        of: Option<&TenantId>,
        since: Timestamp,
        after: Option<&(Timestamp, RunId)>,
        limit: usize,
    ) -> Result<Vec<Changed>, StoreError>;

    /// Over all tenants: when any run last changed; `None` for an empty store.
    async fn last_change(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Events of a run with a number above `after`, at most `limit` transitions' worth, with the run's
    /// birth and head; `None` when there is no such run.
    async fn events(
        &self,
        tenant: &TenantId,
        run: &RunId,
        after: u64,
        limit: usize,
    ) -> Result<Option<EventPage>, StoreError>;
}

/// A run that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub run: RunId,
    /// Its last sequence.
    pub sequence: u64,
    /// When it changed.
    pub updated: Timestamp,
}

/// Events of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPage {
    /// What never changes about the run.
    pub birth: Birth,
    /// Numbered without a gap.
    pub events: Vec<Event>,
    /// The run's last number.
    pub head: u64,
    /// Its status then.
    pub status: RunStatus,
}

/// What lists and views ask. Reads only; nothing here is on the hot path.
#[async_trait]
pub trait Queries: Send + Sync {
    /// Runs of a tenant, newest first: in the falling order of their ids, which sort by birth.
    async fn runs(&self, tenant: &TenantId, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError>;

    /// One run's row.
    async fn run(&self, tenant: &TenantId, run: &RunId) -> Result<Option<RunRow>, StoreError>;

    /// Versions of a run, without content, by step and number.
    async fn versions(
        &self,
        tenant: &TenantId,
        run: &RunId,
        step: Option<&StepName>,
    ) -> Result<Vec<VersionRow>, StoreError>;

    /// Reviews that people of a tenant are asked for, the longest first, after the cursor (the last row of the
    /// previous page).
    async fn reviews(
        &self,
        tenant: &TenantId,
        after: Option<&(Timestamp, RunId, StepName)>,
        limit: usize,
    ) -> Result<Vec<OpenReview>, StoreError>;
    /// The jobs of a run that are ready and were not sent, and what keeps each back, as of `now`.
    async fn kept(
        &self,
        tenant: &TenantId,
        run: &RunId,
        now: Timestamp,
    ) -> Result<Vec<Kept>, StoreError>;

    /// The schema's number as the database has it, and the one that this program was built for; none for a
    /// store that keeps no number.
    async fn schema(&self) -> Result<Option<Schema>, StoreError> {
        Ok(None)
    }

    /// Whose an API key is, by the SHA-256 of the key.
    async fn api_key(&self, key_hash: &ContentHash) -> Result<Option<KeyOwner>, StoreError>;

    /// Keeps an API key by its hash.
    async fn save_api_key(
        &self,
        tenant: &TenantId,
        key_hash: &ContentHash,
        role: &str,
        label: &str,
    ) -> Result<(), StoreError>;
}

/// A review that people are asked for, with its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReview {
    /// The run.
    pub run: RunId,
    /// Its workflow.
    pub workflow: String,
    /// Its campaign.
    pub campaign: CampaignId,
    /// Its short name.
    pub title: String,
    /// The review.
    pub row: ReviewRow,
}

/// Whose an API key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOwner {
    /// Whose data it opens.
    pub tenant: TenantId,
    /// What it may do.
    pub role: String,
    /// What it is called: its owner in records. May be empty.
    pub label: String,
}

/// The number of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// As the database has it; 0 when it cannot be read.
    pub found: u32,
    /// As this program was built for it.
    pub wanted: u32,
}

/// Which runs a list shows.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Only of this workflow.
    pub workflow: Option<String>,
    /// Only in this status.
    pub status: Option<RunStatus>,
    /// Only of this campaign.
    pub campaign: Option<CampaignId>,
    /// Older than this run (submitted, id): the last row of the previous page.
    pub before: Option<(Timestamp, RunId)>,
    /// At most this many.
    pub limit: usize,
}

/// A run's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Which.
    pub run: RunId,
    /// What never changes.
    pub birth: Birth,
    /// How it stands.
    pub standing: Standing,
    /// Its last sequence.
    pub version: u64,
}

/// A version's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    /// Of which step.
    pub step: StepName,
    /// 1, 2, 3 …
    pub version: u32,
    /// Of its bytes.
    pub hash: ContentHash,
    /// Whether it is an audit's report.
    pub report: bool,
    /// Whether it is the active one (known once the run has been at rest).
    pub active: bool,
    /// Who made it.
    pub provenance: Provenance,
    /// When.
    pub created: Timestamp,
}

/// All of a store.
pub trait Store: CommitPath + Queries + Library {}

impl<T: CommitPath + Queries + Library> Store for T {}
