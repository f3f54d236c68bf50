//! The store as one node reaches it: a model of the commit path that is slow, away at times, and does
//! not always say whether a commit took effect.

mod queue;
mod tables;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use engine::event::Kind;
use model::{ContentHash, RunId, StepName, TenantId, Timestamp};
use store::port::{
    Blob, Changed, CommitError, CommitPath, Due, EventPage, SentJob, StoreError, StoredRun,
    Transition,
};
use store::ready::{Claim, Lane, ReadyJob};
use tokio::time::{Instant, sleep};

pub(crate) use self::tables::{Row, Tables};
use crate::{draws::Draws, invariants::Invariant, world::World};

/// How long a node trusts the offset of the store's clock that it measured.
const CLOCK_AGE: Duration = Duration::from_secs(30);

/// One node's way to the store.
pub(crate) struct Desk {
    world: Arc<World>,
    node: String,
    draws: Draws,
    alive: AtomicBool,
    /// How far the clock was moved when it was last measured, and when that was.
    measured: Mutex<(i64, Instant)>,
    /// By how much this node misjudges the store's clock, milliseconds.
    skew: i64,
}

impl Desk {
    pub(crate) fn new(world: &Arc<World>, node: &str, life: u32) -> Arc<Self> {
        let draws = world.draws(&format!("store {node} {life}"));
        let skew = i64::try_from(draws.between(0, 200)).unwrap_or(0) - 100;
        Arc::new(Self {
            world: world.clone(),
            node: node.to_owned(),
            alive: AtomicBool::new(true),
            measured: Mutex::new((world.moved(), Instant::now())),
            skew,
            draws,
        })
    }

    /// The node is gone: nothing of it reaches the store any more.
    pub(crate) fn close(&self) {
        self.alive.store(false, Ordering::Relaxed);
    }

    /// One way between node and store.
    async fn way(&self) {
        if !self.alive.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let way = self.draws.millis(0, self.world.weather.store_latency);
        if !way.is_zero() {
            sleep(way).await;
        }
    }

    fn is_away(&self) -> bool {
        self.world.stormy()
            && (self.world.store_is_out()
                || self.draws.chance(self.world.weather.store_unavailable))
    }

    async fn call<T>(&self, act: impl FnOnce(&mut Tables) -> T + Send) -> Result<T, StoreError>
    where
        T: Send,
    {
        self.way().await;
        if self.is_away() {
            return Err(StoreError::Unavailable("simulated".to_owned()));
        }
        let answer = act(&mut self.world.tables());
        self.way().await;
        Ok(answer)
    }
}

/// Commits what is in the store's hands, and looks at what it did.
fn take(world: &World, node: &str, batch: Vec<Transition>) -> Vec<Result<(), CommitError>> {
    let mut results = Vec::with_capacity(batch.len());
    for transition in batch {
        let line = format!(
            "{node} commits {} {}..{} {:?}",
            transition.run,
            transition.expected + 1,
            transition.version(),
            transition
                .events
                .iter()
                .map(|event| event.kind.name())
                .collect::<Vec<_>>(),
        );
        let finished: Vec<_> = transition
            .events
            .iter()
            .filter_map(|event| match &event.kind {
                Kind::StepFinished {
                    job, token, hash, ..
                } => Some((job.clone(), *token, hash.clone())),
                _ => None,
            })
            .collect();
        let settled = world.settled();
        let mut tables = world.tables();
        let result = tables.commit(transition, settled);
        let broken = tables.broken.pop();
        drop(tables);
        world.trace(format_args!(
            "{line}: {}",
            result
                .as_ref()
                .err()
                .map_or("done".to_owned(), ToString::to_string)
        ));
        if let Some(violation) = broken {
            world.violated(violation);
        }
        if result.is_ok() {
            for end in finished {
                if !world.log().made.contains(&end) {
                    let (job, token, _) = end;
                    let what = format!(
                        "the result of job {job} counted under token {token}, for which no worker made it"
                    );
                    world.violate(Invariant::Outcomes, what);
                }
            }
        }
        results.push(result);
    }
    results
}

fn all<E: Clone>(batch: usize, error: &E) -> Vec<Result<(), E>> {
    (0..batch).map(|_| Err(error.clone())).collect()
}

#[async_trait]
impl CommitPath for Desk {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        if !self.alive.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        if measured.1.elapsed() >= CLOCK_AGE {
            if self.is_away() {
                return Err(StoreError::Unavailable("simulated".to_owned()));
            }
            *measured = (self.world.moved(), Instant::now());
        }
        Ok(self.world.clock_moved(measured.0 + self.skew))
    }

    async fn save_plan(
        &self,
        tenant: &TenantId,
        hash: &ContentHash,
        plan: &str,
    ) -> Result<(), StoreError> {
        self.call(|tables| tables.save_plan(tenant, hash, plan))
            .await
    }

    async fn plan(
        &self,
        tenant: &TenantId,
        hash: &ContentHash,
    ) -> Result<Option<String>, StoreError> {
        self.call(|tables| tables.plan(tenant, hash)).await
    }

    async fn commit(&self, batch: Vec<Transition>) -> Vec<Result<(), CommitError>> {
        self.way().await;
        let count = batch.len();
        if self.is_away() {
            return all(count, &CommitError::Unavailable("simulated".to_owned()));
        }
        let weather = &self.world.weather;
        let unknown = self.world.stormy() && self.draws.chance(weather.commit_unknown);
        if unknown && self.draws.chance(0.5) {
            return all(count, &CommitError::Unknown("simulated".to_owned()));
        }
        let results = if self.draws.chance(0.5) {
            // On its way: it arrives even if the node dies meanwhile.
            let (world, node) = (self.world.clone(), self.node.clone());
            let way = self.draws.millis(0, weather.store_latency);
            let sent = tokio::spawn(async move {
                sleep(way).await;
                take(&world, &node, batch)
            });
            match sent.await {
                Ok(results) => results,
                Err(error) => all(count, &CommitError::Unknown(error.to_string())),
            }
        } else {
            take(&self.world, &self.node, batch)
        };
        self.way().await;
        if unknown {
            return all(count, &CommitError::Unknown("simulated".to_owned()));
        }
        results
    }

    async fn load(&self, tenant: &TenantId, run: &RunId) -> Result<Option<StoredRun>, StoreError> {
        self.call(|tables| tables.load(tenant, run)).await
    }

    async fn find_key(
        &self,
        tenant: &TenantId,
        key: &str,
    ) -> Result<Option<(RunId, ContentHash)>, StoreError> {
        self.call(|tables| tables.find_key(tenant, key)).await
    }

    async fn results(
        &self,
        tenant: &TenantId,
        run: &RunId,
        wanted: &[(StepName, u32)],
    ) -> Result<Vec<(StepName, u32, String)>, StoreError> {
        self.call(|tables| tables.results(tenant, run, wanted))
            .await
    }

    async fn blobs(
        &self,
        tenant: &TenantId,
        hashes: &[ContentHash],
    ) -> Result<Vec<Blob>, StoreError> {
        self.call(|tables| tables.blobs(tenant, hashes)).await
    }

    async fn save_blobs(&self, tenant: &TenantId, blobs: Vec<Blob>) -> Result<(), StoreError> {
        self.call(|tables| tables.save_blobs(tenant, blobs)).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Due, StoreError> {
        self.call(|tables| tables.due(now, limit)).await
    }

    async fn sent_before(
        &self,
        before: Timestamp,
        after: Option<&SentJob>,
        limit: usize,
    ) -> Result<Vec<SentJob>, StoreError> {
        self.call(|tables| tables.sent_before(before, after, limit))
            .await
    }

    async fn ready(
        &self,
        after: Option<&Lane>,
        lanes: usize,
        rows: usize,
    ) -> Result<Vec<ReadyJob>, StoreError> {
        self.call(|tables| tables.ready(after, lanes, rows)).await
    }

    async fn claim(&self, now: Timestamp, jobs: &[ReadyJob]) -> Result<Vec<Claim>, StoreError> {
        self.way().await;
        if self.is_away() {
            return Err(StoreError::Unavailable("simulated".to_owned()));
        }
        let (claims, broken) = {
            let mut tables = self.world.tables();
            let claims = tables.claim(now, jobs);
            (claims, tables.broken.pop())
        };
        let names: Vec<_> = jobs.iter().map(|job| job.job.as_str()).collect();
        self.world
            .trace(format_args!("{} claims {names:?}: {claims:?}", self.node));
        if let Some(violation) = broken {
            self.world.violated(violation);
        }
        // The answer may be lost on its way.
        let unknown = self.world.stormy() && self.draws.chance(self.world.weather.commit_unknown);
        self.way().await;
        if unknown {
            return Err(StoreError::Unavailable("simulated".to_owned()));
        }
        Ok(claims)
    }

    async fn changed_since(
        &self,
        of: Option<&TenantId>,
        since: Timestamp,
        after: Option<&(Timestamp, RunId)>,
        limit: usize,
    ) -> Result<Vec<Changed>, StoreError> {
        self.call(|tables| tables.changed_since(of, since, after, limit))
            .await
    }

    async fn last_change(&self) -> Result<Option<Timestamp>, StoreError> {
        self.call(|tables| tables.last_change()).await
    }

    async fn events(
        &self,
        tenant: &TenantId,
        run: &RunId,
        after: u64,
        _limit: usize,
    ) -> Result<Option<EventPage>, StoreError> {
        self.call(|tables| tables.events(tenant, run, after)).await
    }
}
