//! What the parts of one worker share.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bus::{Bus, signature::Verifier};
use model::JobId;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    agent::Agent,
    door::Door,
    host::{Clock, Options},
    limits::{FIRST_WAIT, LAST_WAIT},
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
    roster: Mutex<Roster>,
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
            roster: Mutex::new(roster),
        }
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
