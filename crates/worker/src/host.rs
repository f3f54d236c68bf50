//! The life of a worker: start, serve, drain.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bus::{Bus, signature::Verifier};
use futures::stream::{FuturesUnordered, StreamExt};
use model::Timestamp;
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    agent::Agent,
    cancel,
    door::Door,
    limits::{FLUSH_LIMIT, MAX_PLACES, MAX_SLOTS},
    planted::Planted,
    presence,
    pull::{self, Jobs},
    shared::Shared,
};

/// The wall clock. Only a job's expiry is compared with it; durations run by the monotonic clock.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Places for each agent kind, unless asked otherwise.
pub const SLOTS: u32 = 8;

/// How a worker works.
#[derive(Debug, Clone)]
pub struct Options {
    /// The process's name, unique among all workers; 1 to 64 bytes.
    pub name: String,
    /// Places for jobs at once, for each agent kind; 1 to [`MAX_SLOTS`].
    pub slots: u32,
    /// Time between two presence messages.
    pub presence: Duration,
    /// How long running jobs may go on after a stop, before they are given back.
    pub drain: Duration,
    /// How many ended and how many cancelled job ids are remembered.
    pub max_seen: usize,
    /// Whether what agents write is told while they write it.
    pub live: bool,
}

impl Options {
    /// The usual ones for a worker of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            slots: SLOTS,
            presence: Duration::from_secs(3),
            drain: Duration::from_secs(20),
            max_seen: 65_536,
            live: true,
        }
    }
}

/// What a worker reaches the world through.
#[derive(Clone)]
pub struct Ports {
    /// Jobs, outcomes, presence, cancel broadcasts.
    pub bus: Arc<dyn Bus>,
    /// Knows the orchestrator's public keys.
    pub verifier: Arc<Verifier>,
    /// For what is too large for a message.
    pub door: Arc<dyn Door>,
    /// For the expiry of jobs.
    pub clock: Clock,
}

/// Why a worker cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing to do.
    #[error("the worker hosts no agent: give it at least one")]
    NoAgents,
    /// Two agents for one queue.
    #[error("the worker was given two agents of the kind `{0}`: give it one of each")]
    TwiceTheSame(String),
    /// An option out of its range.
    #[error("the worker's {option} is out of range: expected {expected}")]
    OutOfRange {
        /// Which option.
        option: &'static str,
        /// What is expected.
        expected: String,
    },
}

/// A worker that hosts agents.
pub struct Worker {
    options: Options,
    ports: Ports,
    agents: Vec<Arc<dyn Agent>>,
    planted: Planted,
}

impl Worker {
    /// A worker, not yet started.
    ///
    /// # Errors
    /// When there is no agent, two are of one kind, or an option is out of its range.
    pub fn new(options: Options, ports: Ports, agents: Vec<Arc<dyn Agent>>) -> Result<Self, Error> {
        let out_of_range = |option, expected: &str| {
            Err(Error::OutOfRange {
                option,
                expected: expected.to_owned(),
            })
        };
        if !(1..=model::id::MAX_ID_BYTES).contains(&options.name.len()) {
            return out_of_range("name", "1 to 64 bytes");
        }
        if !(1..=MAX_SLOTS).contains(&options.slots) {
            return out_of_range("slots", &format!("1 to {MAX_SLOTS}"));
        }
        if options.presence.is_zero() {
            return out_of_range("presence interval", "more than zero");
        }
        if agents.is_empty() {
            return Err(Error::NoAgents);
        }
        if agents.len().saturating_mul(options.slots as usize) > MAX_PLACES {
            return out_of_range(
                "slots",
                &format!("at most {MAX_PLACES} for all agents together"),
            );
        }
        let mut kinds = BTreeSet::new();
        for agent in &agents {
            if !kinds.insert(agent.card().kind.clone()) {
                return Err(Error::TwiceTheSame(agent.card().kind.to_string()));
            }
        }
        Ok(Self {
            options,
            ports,
            agents,
            planted: Planted::None,
        })
    }

    /// With a bug planted; for the simulator alone.
    #[doc(hidden)]
    #[must_use]
    pub fn planted(mut self, planted: Planted) -> Self {
        self.planted = planted;
        self
    }

    /// What it gets its jobs from.
    pub fn bus(&self) -> &Arc<dyn Bus> {
        &self.ports.bus
    }

    /// Works until `stop`, then drains: takes no more, lets running jobs end for [`Options::drain`], gives
    /// back the rest and waits a moment for the bus to have every outcome. Dropping the future instead is a
    /// crash: everything stops at once, and the orchestrator drives the jobs again.
    ///
    /// A bus that is away is waited for; it never ends the worker.
    pub async fn run(self, stop: CancellationToken) {
        let mut shared = Shared::new(self.options, self.ports, self.agents, stop);
        shared.planted = self.planted;
        let shared = Arc::new(shared);
        let jobs: Jobs = Mutex::new(JoinSet::new());
        info!(
            worker = shared.options.name,
            agents = shared.agents.len(),
            "the worker serves"
        );
        let serve = async {
            // Unlike a join, it looks only at the queue that has something.
            let mut pulls: FuturesUnordered<_> = shared
                .agents
                .iter()
                .map(|agent| pull::pull(&shared, agent, &jobs))
                .collect();
            while pulls.next().await.is_some() {}
            drain(&shared, &jobs).await;
        };
        let never: Infallible = tokio::select! {
            biased;
            never = presence::announce(&shared) => never,
            never = cancel::listen(&shared) => never,
            () = serve => return,
        };
        match never {}
    }
}

async fn drain(shared: &Shared, jobs: &Jobs) {
    let mut jobs = std::mem::take(&mut *jobs.lock().unwrap_or_else(PoisonError::into_inner));
    info!(running = shared.roster().len(), "the worker drains");
    presence::send(shared).await;
    if timeout(shared.options.drain, ended(&mut jobs))
        .await
        .is_err()
    {
        shared.hand_back.cancel();
        if timeout(FLUSH_LIMIT, ended(&mut jobs)).await.is_err() {
            let left = shared.roster().len();
            warn!(
                left,
                "jobs end without an outcome; they will be driven again"
            );
            jobs.shutdown().await;
        }
    }
    presence::send(shared).await;
}

async fn ended(jobs: &mut JoinSet<()>) {
    while let Some(done) = jobs.join_next().await {
        pull::log_end(done);
    }
}
