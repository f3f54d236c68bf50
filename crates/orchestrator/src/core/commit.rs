//! The one way to change a run: decide, commit, and only then send.
//!
//! Transitions of many runs that are ready at the same moment go into one transaction; alone, a
//! transition does not wait. A replica has one transaction under way at a time: what becomes ready
//! meanwhile goes together into the next. Two at a time would each be half as large, and a transaction's
//! own cost is that of many rows. Other replicas are kept off by the version check alone.

mod lane;
mod traced;
mod transition;

use std::sync::Arc;

use ::service::trace::Place;
use engine::{Command, Refusal};
use model::{ContentHash, RunId, RunStatus, TenantId, usage::Provenance};
use store::port::{Birth, Blob, CommitPath};
use tokio::sync::{mpsc, oneshot};
use workflow::Plan;

pub(crate) use self::{lane::Lane, transition::Sealed};
use super::{
    Planted,
    contents::Contents,
    dispatch::Dispatcher,
    durations::Durations,
    heads::Heads,
    held::{Held, Plans},
    limits::LANE_QUEUE,
    places::Places,
    queue::Ready,
    timers::Alarm,
};

/// A command on its way to its run.
#[derive(Debug)]
pub struct Work {
    /// Whose.
    pub tenant: TenantId,
    /// Which run.
    pub run: RunId,
    /// What.
    pub command: Command,
    /// The result that an outcome brings.
    pub content: Option<Content>,
    /// Contents to be kept with the commit.
    pub blobs: Vec<Blob>,
    /// With [`Command::Submit`]: what the run is made of.
    pub born: Option<Born>,
    /// What led to the command: the call or the outcome under way.
    pub(crate) cause: Place,
}

impl Work {
    /// A command that brings nothing along.
    pub fn new(tenant: TenantId, run: RunId, command: Command) -> Self {
        Self {
            tenant,
            run,
            command,
            content: None,
            blobs: Vec::new(),
            born: None,
            cause: Place::current(),
        }
    }
}

/// A result's bytes.
#[derive(Debug, Clone)]
pub struct Content {
    /// Of `text`.
    pub hash: ContentHash,
    /// The exact bytes.
    pub text: Arc<str>,
    /// Who made it.
    pub provenance: Provenance,
}

/// What a new run is made of.
#[derive(Debug, Clone)]
pub struct Born {
    /// What never changes about it.
    pub birth: Arc<Birth>,
    /// Its plan, stored already.
    pub plan: Arc<Plan>,
    /// Its input's exact bytes.
    pub input: Arc<str>,
    /// What it holds for itself alone until it is at rest.
    pub holds: Option<String>,
}

/// A command took effect, durably.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The number of the command's first event.
    pub first: u64,
    /// The run's last event number after the commit.
    pub sequence: u64,
    /// The run's status after the command.
    pub status: RunStatus,
    /// False for an outcome that was late: recorded, not applied.
    pub applied: bool,
}

/// Why a command took no effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkError {
    /// The domain says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such run.
    #[error("there is no run {0}")]
    NotFound(RunId),
    /// The idempotency key belongs to another run.
    #[error("the idempotency key belongs to run {0}")]
    KeyTaken(RunId),
    /// The store refuses the data of this command.
    #[error("the store refuses the data: {0}")]
    Data(String),
    /// A stored record cannot be read.
    #[error("{0}")]
    Corrupt(String),
    /// The store does not answer, or the run is too contended; try again. Whether the command took effect
    /// may be unknown: repeating it is safe.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
}

pub(crate) type Reply = oneshot::Sender<Result<Committed, WorkError>>;

/// What the lane works with.
pub(crate) struct Parts {
    pub(crate) store: Arc<dyn CommitPath>,
    pub(crate) contents: Contents,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) heads: Heads,
    pub(crate) alarm: Alarm,
    pub(crate) durations: Durations,
    pub(crate) places: Places,
    pub(crate) ready: Ready,
    pub(crate) planted: Planted,
}

/// Takes commands; cheap to clone.
#[derive(Clone)]
pub struct Committer {
    lane: mpsc::Sender<(Work, Reply)>,
    plans: Plans,
    dispatcher: Dispatcher,
}

impl Committer {
    pub(crate) fn new(parts: Parts) -> (Self, Lane) {
        let plans = Plans::new(parts.store.clone());
        let (lane, queue) = mpsc::channel(LANE_QUEUE);
        let committer = Self {
            lane,
            plans: plans.clone(),
            dispatcher: parts.dispatcher.clone(),
        };
        (committer, Lane::new(Arc::new(parts), plans, queue))
    }

    /// Plans, and runs as the store has them.
    pub fn plans(&self) -> &Plans {
        &self.plans
    }

    /// What sends once a commit is durable.
    pub(crate) fn dispatcher(&self) -> &Dispatcher {
        &self.dispatcher
    }

    /// Decides and commits. When it returns `Ok`, the effect is durable and what it sends is on its way.
    ///
    /// # Errors
    /// See [`WorkError`].
    pub async fn run(&self, work: Work) -> Result<Committed, WorkError> {
        let stopping = || WorkError::Unavailable("the orchestrator is stopping".to_owned());
        let (reply, answer) = oneshot::channel();
        let sent = self.lane.send((work, reply)).await;
        sent.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }

    /// A run as the store has it now.
    ///
    /// # Errors
    /// When it does not exist, cannot be read, or the store does not answer.
    pub async fn read(&self, tenant: &TenantId, run: &RunId) -> Result<Held, WorkError> {
        self.plans
            .read_run(tenant, run)
            .await?
            .ok_or_else(|| WorkError::NotFound(run.clone()))
    }
}

impl From<store::port::StoreError> for WorkError {
    fn from(error: store::port::StoreError) -> Self {
        match error {
            store::port::StoreError::Unavailable(why) => Self::Unavailable(why),
            store::port::StoreError::Refused(why) => Self::Data(why),
            store::port::StoreError::Corrupt { .. } => Self::Corrupt(error.to_string()),
        }
    }
}
