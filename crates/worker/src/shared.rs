//! What the parts of one worker share.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bus::{Bus, signature::Verifier};
use model::{AgentKind, ErrorClass, JobId};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    agent::Agent,
    door::Door,
    host::{Clock, Options},
    limits::{FIRST_WAIT, LAST_WAIT},
    planted::Planted,
    roster::{NotTaken, Roster},
};

/// What the parts of one worker share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) door: Arc<dyn Door>,
    pub(crate) clock: Clock,
    pub(crate) agents: Vec<Arc<dyn Agent>>,
    pub(crate) started: Instant,
    /// Set when the worker takes no more.
    pub(crate) stop: CancellationToken,
    /// Set when what is not finished is given back.
    pub(crate) hand_back: CancellationToken,
    /// Rung when a job was listed.
    pub(crate) listed: Notify,
    pub(crate) planted: Planted,
    roster: Mutex<Roster>,
    ends: Mutex<BTreeMap<AgentKind, Ends>>,
}

/// How the last jobs of an agent ended here.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ends {
    /// When one last gave a product.
    pub(crate) done: Option<Instant>,
    /// When and how the last one failed; none when it ended well.
    pub(crate) failed: Option<(Instant, ErrorClass)>,
}

impl Shared {
    pub(crate) fn new(
        options: Options,
        ports: crate::host::Ports,
        agents: Vec<Arc<dyn Agent>>,
        stop: CancellationToken,
    ) -> Self {
        let roster = Roster::new(options.max_seen, crate::limits::REMEMBERED_FOR);
        Self {
            options,
            bus: ports.bus,
            verifier: ports.verifier,
            door: ports.door,
            clock: ports.clock,
            agents,
            started: Instant::now(),
            stop,
            hand_back: CancellationToken::new(),
            listed: Notify::new(),
            planted: Planted::None,
            roster: Mutex::new(roster),
            ends: Mutex::default(),
        }
    }

    /// Remembers how a job of this agent ended.
    pub(crate) fn end(&self, kind: &AgentKind, failed: Option<ErrorClass>) {
        let now = Instant::now();
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let end = ends.entry(kind.clone()).or_default();
        end.failed = failed.map(|class| (now, class));
        if failed.is_none() {
            end.done = Some(now);
        }
    }

    /// How the last jobs of this agent ended.
    pub(crate) fn ends(&self, kind: &AgentKind) -> Ends {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.get(kind).copied().unwrap_or_default()
    }

    /// The roster; never held over an await.
    pub(crate) fn roster(&self) -> MutexGuard<'_, Roster> {
        // Each change of the roster is complete before anything that could panic.
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists a job, unless it is known or not wanted.
    pub(crate) fn list(
        self: &Arc<Self>,
        job: &JobId,
        token: u64,
        timeout: Duration,
    ) -> Result<Listing, NotTaken> {
        let started = Instant::now();
        let stop = self.roster().list(job, token, timeout, started)?;
        self.listed.notify_one();
        Ok(Listing {
            shared: Arc::clone(self),
            job: job.clone(),
            token,
            started,
            stop,
        })
    }
}

/// A job's place on the list. It leaves the list when this is dropped, however its work ends.
pub(crate) struct Listing {
    shared: Arc<Shared>,
    job: JobId,
    token: u64,
    /// When the job was taken.
    pub(crate) started: Instant,
    /// Cancelled when the job is no longer wanted here.
    pub(crate) stop: CancellationToken,
}

impl Listing {
    /// Remembers that the job came to its end here.
    pub(crate) fn ended(&self) {
        self.shared
            .roster()
            .ended(&self.job, self.token, Instant::now());
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.shared.roster().unlist(&self.job, self.token);
    }
}

/// Waits between tries, doubling.
pub(crate) struct Backoff(Duration);

impl Backoff {
    pub(crate) fn new() -> Self {
        Self(FIRST_WAIT)
    }

    pub(crate) async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(LAST_WAIT);
    }
}
