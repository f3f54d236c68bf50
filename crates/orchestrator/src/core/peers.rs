//! Which replicas live, and which partitions of outcomes each of them takes. Only speed: a run usually
//! stays with one replica; safety is the version check of each commit.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bus::Subject;
use model::limits::MAX_REQUEST_BYTES;
use sha2::{Digest, Sha256};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use wire::job::v1 as proto;

use super::{
    Core,
    dispatch::{body, pause},
    limits::{PEER_ALIVE, PRESENCE_EVERY},
};

/// Replicas remembered; more than there can sensibly be.
const MAX_REPLICAS: usize = 1_024;

/// The replicas heard of late.
#[derive(Clone)]
pub(crate) struct Peers {
    replica: String,
    heard: Arc<Mutex<BTreeMap<String, Instant>>>,
    owned: watch::Sender<Vec<u32>>,
    /// Counts replicas that fell silent.
    lost: watch::Sender<u64>,
}

impl Peers {
    pub(crate) fn new(replica: &str) -> Self {
        let all = (0..Subject::PARTITIONS).collect();
        Self {
            replica: replica.to_owned(),
            heard: Arc::default(),
            owned: watch::channel(all).0,
            lost: watch::channel(0).0,
        }
    }

    /// The partitions that this replica takes, now and whenever that changes.
    pub(crate) fn owned(&self) -> watch::Receiver<Vec<u32>> {
        self.owned.subscribe()
    }

    /// Changes when a peer falls silent.
    pub(crate) fn lost(&self) -> watch::Receiver<u64> {
        self.lost.subscribe()
    }

    /// Whether this replica takes the partition.
    pub(crate) fn owns(&self, partition: u32) -> bool {
        self.owned.borrow().contains(&partition)
    }

    /// How many replicas live, this one included.
    pub(crate) fn live(&self) -> usize {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let others = heard.keys().filter(|replica| **replica != self.replica);
        others.count() + 1
    }

    /// Whether this replica hears its own presence: then the bus carries messages to it.
    pub(crate) fn hears_itself(&self) -> bool {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard
            .get(&self.replica)
            .is_some_and(|at| at.elapsed() < PEER_ALIVE)
    }

    fn note(&self, replica: String) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let before = heard.len();
        if before < MAX_REPLICAS || heard.contains_key(&replica) {
            heard.insert(replica, Instant::now());
        }
        let is_new = heard.len() > before;
        drop(heard);
        self.share(is_new);
    }

    /// Forgets the silent, and shares the partitions among the rest by rendezvous hash, if they are others
    /// than before.
    fn share(&self, is_new: bool) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let before = heard.len();
        heard.retain(|replica, at| *replica == self.replica || at.elapsed() < PEER_ALIVE);
        let fell_silent = before - heard.len();
        if !is_new && fell_silent == 0 {
            return;
        }
        let owned: Vec<u32> = (0..Subject::PARTITIONS)
            .filter(|partition| {
                let own = weight(&self.replica, *partition);
                heard
                    .keys()
                    .all(|other| *other == self.replica || weight(other, *partition) < own)
            })
            .collect();
        drop(heard);
        if fell_silent > 0 {
            self.lost.send_modify(|count| *count += 1);
        }
        self.owned.send_if_modified(|current| {
            let changed = *current != owned;
            *current = owned;
            changed
        });
    }
}

fn weight(replica: &str, partition: u32) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(partition.to_be_bytes());
    hash.update(replica);
    hash.finalize().into()
}

/// Says that this replica lives, and hears who else does.
pub(crate) async fn run(core: Core, stop: CancellationToken) -> anyhow::Result<()> {
    let body = body(&proto::OrchestratorPresence {
        replica: core.options.replica.clone(),
    });
    loop {
        let Ok(mut heard) = core
            .ports
            .bus
            .listen(&Subject::orchestrator_presence())
            .await
        else {
            if stop.is_cancelled() {
                return Ok(());
            }
            pause(&stop).await;
            continue;
        };
        let mut beat = tokio::time::interval(PRESENCE_EVERY);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                message = heard.next() => {
                    let Some((_, body)) = message else { break };
                    if let Ok(peer) = wire::json::from_json::<proto::OrchestratorPresence>(&body, MAX_REQUEST_BYTES) {
                        core.peers.note(peer.replica);
                    }
                }
                _ = beat.tick() => {
                    if let Err(error) = core.ports.bus.broadcast(&Subject::orchestrator_presence(), body.clone()).await {
                        tracing::debug!(%error, "presence was not sent");
                    }
                    core.peers.share(false);
                }
            }
        }
        pause(&stop).await;
    }
}
