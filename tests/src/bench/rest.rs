//! Waiting for the end of runs by hearing their events on the bus, as any subscriber does. The event of
//! the end is sent after the last commit, so this time is never shorter than the run's.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use futures::StreamExt;
use tokio::sync::oneshot;

/// Only a failure takes so long.
const LIMIT: Duration = Duration::from_secs(30);
/// How an event says that its run is at rest. The message is our own, without spaces, so it need not be
/// read whole: the reader would take the CPU of what is measured.
const AT_REST: &[u8] = br#""at_rest":true"#;

/// Hears which runs are at rest; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Rests {
    runs: Arc<Mutex<HashMap<String, Rest>>>,
}

enum Rest {
    /// The run was at rest before anyone asked.
    Early,
    Awaited(oneshot::Sender<()>),
}

impl Rests {
    /// Listens on that server from now on.
    pub(super) async fn listen(nats: &str) -> anyhow::Result<Self> {
        let client = async_nats::connect(nats).await?;
        let mut events = client.subscribe("ev.>").await?;
        client.flush().await?;
        let rests = Self::default();
        let heard = rests.clone();
        tokio::spawn(async move {
            // The subscription lives as long as its client.
            let _client = client;
            while let Some(event) = events.next().await {
                let at_rest = event
                    .payload
                    .windows(AT_REST.len())
                    .rev()
                    .any(|part| part == AT_REST);
                if at_rest && let Some((_, run)) = event.subject.rsplit_once('.') {
                    heard.rested(run);
                }
            }
        });
        Ok(rests)
    }

    /// Says that a run is at rest.
    pub(super) fn rested(&self, run: &str) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        match runs.remove(run) {
            // A waiter that has gone away does not wait.
            Some(Rest::Awaited(waiter)) => drop(waiter.send(())),
            Some(Rest::Early) => {}
            None => drop(runs.insert(run.to_owned(), Rest::Early)),
        }
    }

    /// Waits until the run is at rest; to be called once for each run that is submitted.
    pub(super) async fn of(&self, run: &str) -> anyhow::Result<()> {
        let (waiter, rest) = oneshot::channel();
        {
            let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(Rest::Early) = runs.remove(run) {
                return Ok(());
            }
            runs.insert(run.to_owned(), Rest::Awaited(waiter));
        }
        let heard = tokio::time::timeout(LIMIT, rest).await;
        let heard = heard.with_context(|| format!("run {run} is not at rest after {LIMIT:?}"))?;
        heard.context("nobody hears events any more")
    }
}
