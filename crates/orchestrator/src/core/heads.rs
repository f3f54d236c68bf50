//! Heads: which run has how many events. Broadcast three times, a second apart, so that even a lost last
//! event is noticed; heard from the other replicas, so that a caller here learns of a commit there.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bus::Subject;
use engine::Run;
use model::{RunId, TenantId, limits::MAX_REQUEST_BYTES};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use wire::job::v1 as proto;

use super::{
    Core, Planted,
    dispatch::{body, pause},
    limits::{HEAD_ROUNDS, HEADS_EVERY, HEADS_PER_MESSAGE, MAX_HEADS},
};

/// Changes that a slow waiter may be behind; beyond, it looks for itself.
const WAITER_QUEUE: usize = 1_024;

type Key = (TenantId, RunId);

/// Runs that changed, here or at another replica.
#[derive(Clone)]
pub struct Heads {
    changed: Arc<Mutex<BTreeMap<Key, Changed>>>,
    waiters: broadcast::Sender<(RunId, u64)>,
}

#[derive(Clone, Copy)]
struct Changed {
    sequence: u64,
    rounds: u32,
}

impl Default for Heads {
    fn default() -> Self {
        Self {
            changed: Arc::default(),
            waiters: broadcast::channel(WAITER_QUEUE).0,
        }
    }
}

impl Heads {
    /// Notes a commit of this replica.
    pub(crate) fn changed(&self, run: &Run) {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        if changed.len() < MAX_HEADS {
            changed.insert(
                (run.tenant.clone(), run.id.clone()),
                Changed {
                    sequence: run.sequence,
                    rounds: 0,
                },
            );
        }
        drop(changed);
        self.tell(run.id.clone(), run.sequence);
    }

    /// Hears of every change from now on, as (run, last sequence). A lagging receiver must look for itself.
    pub fn subscribe(&self) -> broadcast::Receiver<(RunId, u64)> {
        self.waiters.subscribe()
    }

    fn tell(&self, run: RunId, sequence: u64) {
        if self.waiters.receiver_count() > 0 {
            drop(self.waiters.send((run, sequence)));
        }
    }

    fn round(&self, rounds: u32) -> Vec<proto::Head> {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        let heads = changed
            .iter()
            .map(|((tenant, run), head)| proto::Head {
                tenant: tenant.to_string(),
                run_id: run.to_string(),
                sequence: head.sequence,
            })
            .collect();
        changed.retain(|_, head| {
            head.rounds += 1;
            head.rounds < rounds
        });
        heads
    }
}

/// Broadcasts the heads of changed runs.
pub(crate) async fn run(core: Core, stop: CancellationToken) -> anyhow::Result<()> {
    let rounds = if core.planted == Planted::HeadsOnce {
        1
    } else {
        HEAD_ROUNDS
    };
    let mut beat = tokio::time::interval(HEADS_EVERY);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            _ = beat.tick() => {}
        }
        for heads in core.heads.round(rounds).chunks(HEADS_PER_MESSAGE) {
            let body = body(&proto::Heads {
                heads: heads.to_vec(),
            });
            if let Err(error) = core.ports.bus.broadcast(&Subject::heads(), body).await {
                tracing::debug!(%error, "heads were not broadcast");
            }
        }
    }
}

/// Hears the heads of the other replicas.
pub(crate) async fn listen(core: Core, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        let Ok(mut heard) = core.ports.bus.listen(&Subject::heads()).await else {
            if stop.is_cancelled() {
                return Ok(());
            }
            pause(&stop).await;
            continue;
        };
        loop {
            let body = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                message = heard.next() => match message {
                    Some((_, body)) => body,
                    None => break,
                },
            };
            let Ok(heads) = wire::json::from_json::<proto::Heads>(&body, MAX_REQUEST_BYTES) else {
                continue;
            };
            for head in heads.heads {
                if let Ok(run) = RunId::new(head.run_id) {
                    core.heads.tell(run, head.sequence);
                }
            }
        }
        pause(&stop).await;
    }
}
