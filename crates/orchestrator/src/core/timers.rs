//! Waking runs whose timer is due. Timers are the runs' `wake_at` in the store; memory only shortens the
//! wait.

use std::sync::Arc;

use engine::{Command, Refusal};
use futures::stream::{self, StreamExt};
use model::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Core, Planted,
    commit::{Work, WorkError},
    limits::{TIMER_POLL, WAKE_BATCH},
};

/// The earliest timer set by a commit of this replica.
#[derive(Clone)]
pub(crate) struct Alarm(Arc<watch::Sender<Option<Timestamp>>>);

impl Default for Alarm {
    fn default() -> Self {
        Self(Arc::new(watch::channel(None).0))
    }
}

impl Alarm {
    pub(crate) fn set(&self, at: Timestamp) {
        self.0.send_if_modified(|current| {
            let earlier = current.is_none_or(|known| at < known);
            if earlier {
                *current = Some(at);
            }
            earlier
        });
    }
}

/// Runs woken at once.
const AT_ONCE: usize = 64;

pub(crate) async fn run(core: Core, stop: CancellationToken) -> anyhow::Result<()> {
    let mut alarm = core.alarm.0.subscribe();
    // Only for the planted bug that forgets the timers of before.
    let mut started = None;
    loop {
        let mut wait = TIMER_POLL;
        core.alarm.0.send_replace(None);
        match round(&core, &mut started).await {
            Ok((now, next)) => wait = next.map_or(TIMER_POLL, |at| at.since(now).min(TIMER_POLL)),
            Err(error) => tracing::warn!(%error, "timers cannot be read now"),
        }
        let mut deadline = tokio::time::Instant::now() + wait;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep_until(deadline) => break,
                changed = alarm.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    let Some(at) = *alarm.borrow_and_update() else { continue };
                    let Ok(now) = core.ports.store.now().await else { break };
                    deadline = deadline.min(tokio::time::Instant::now() + at.since(now));
                }
            }
        }
    }
}

/// Wakes what is due; says when the next timer is.
async fn round(
    core: &Core,
    started: &mut Option<Timestamp>,
) -> Result<(Timestamp, Option<Timestamp>), WorkError> {
    let now = core.ports.store.now().await?;
    let started = *started.get_or_insert(now);
    let mut due = core.ports.store.due(now, WAKE_BATCH).await?;
    if due.ready {
        core.places.wake();
    }
    let full = due.runs.len() == WAKE_BATCH;
    if core.planted == Planted::TimersFromMemory {
        due.runs.retain(|due| due.wake_at >= started);
    }
    stream::iter(due.runs)
        .for_each_concurrent(AT_ONCE, |due| async move {
            let run = due.run.clone();
            match core
                .committer
                .run(Work::new(due.tenant, due.run, Command::Wake))
                .await
            {
                // Another replica was first, or the run came to rest.
                Ok(_) | Err(WorkError::Refused(Refusal::NothingDue)) => {}
                Err(error) => tracing::warn!(%run, %error, "a run cannot be woken now"),
            }
        })
        .await;
    Ok((now, if full { Some(now) } else { due.next }))
}
