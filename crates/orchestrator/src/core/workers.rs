//! Who is alive, what it hosts, and which jobs it lists: heard on core NATS, kept in memory only.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bus::Subject;
use model::{AgentKind, JobId, limits::MAX_REQUEST_BYTES};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wire::job::v1 as proto;

use super::{
    Core,
    dispatch::pause,
    limits::{KNOWN_WORKERS, LISTED_JOBS, OVERDUE_AFTER, SILENT_AFTER, WORKER_ALIVE},
};

/// The workers heard of late.
#[derive(Clone, Default)]
pub struct Workers(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    workers: BTreeMap<String, Worker>,
    listed: BTreeMap<(JobId, u64), Listed>,
}

/// A job in a worker's list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed {
    /// When a worker listed it last.
    pub(crate) heard: Instant,
    /// When it began to work on it.
    pub(crate) began: Instant,
}

struct Worker {
    heard: Instant,
    draining: bool,
    jobs: usize,
    agents: Vec<proto::Agent>,
    version: String,
}

/// A worker as it was last heard.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Its instance name.
    pub name: String,
    /// Whether it stops.
    pub draining: bool,
    /// Since when nothing was heard.
    pub silent: Duration,
    /// Jobs that it lists.
    pub jobs: usize,
    /// What it hosts.
    pub agents: Vec<proto::Agent>,
    /// Of its program.
    pub version: String,
}

/// An agent kind with the workers that host it.
#[derive(Debug, Clone, Default)]
pub struct Hosted {
    /// The workers.
    pub workers: Vec<String>,
    /// Places in all.
    pub slots: u32,
    /// What the last heard of them announced.
    pub announced: proto::Agent,
}

impl Workers {
    fn note(&self, presence: proto::WorkerPresence) {
        let now = Instant::now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for job in &presence.jobs {
            let running = Duration::from_millis(job.running_ms);
            let overdue = running > Duration::from_millis(job.timeout_ms) + OVERDUE_AFTER;
            if let (false, Ok(id)) = (overdue, JobId::new(job.job_id.as_str()))
                && (known.listed.len() < LISTED_JOBS
                    || known.listed.contains_key(&(id.clone(), job.token)))
            {
                let began = now.checked_sub(running).unwrap_or(now);
                let listed = Listed { heard: now, began };
                known.listed.insert((id, job.token), listed);
            }
        }
        if known.workers.len() < KNOWN_WORKERS || known.workers.contains_key(&presence.worker) {
            known.workers.insert(
                presence.worker,
                Worker {
                    heard: now,
                    draining: presence.draining,
                    jobs: presence.jobs.len(),
                    agents: presence.agents,
                    version: presence.version,
                },
            );
        }
    }

    fn forget_silent(&self) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .workers
            .retain(|_, worker| worker.heard.elapsed() < WORKER_ALIVE);
        known
            .listed
            .retain(|_, listed| listed.heard.elapsed() < SILENT_AFTER * 2);
    }

    /// What a worker last said of the job under this lease token.
    pub(crate) fn listed(&self, job: &JobId, token: u64) -> Option<Listed> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .listed
            .get(&(job.clone(), token))
            .copied()
    }

    /// The live agents by kind; workers that are stopping do not count.
    pub fn hosted(&self) -> BTreeMap<String, Hosted> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hosted = BTreeMap::<String, Hosted>::new();
        let live = known
            .workers
            .iter()
            .filter(|(_, worker)| !worker.draining && worker.heard.elapsed() < WORKER_ALIVE);
        for (name, worker) in live {
            for agent in &worker.agents {
                let entry = hosted.entry(agent.kind.clone()).or_default();
                entry.workers.push(name.clone());
                entry.slots = entry.slots.saturating_add(agent.slots);
                entry.announced = agent.clone();
            }
        }
        hosted
    }

    /// The live workers by name, also those that are stopping.
    pub fn alive(&self) -> Vec<Heard> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = known.workers.iter().map(|(name, worker)| Heard {
            name: name.clone(),
            draining: worker.draining,
            silent: worker.heard.elapsed(),
            jobs: worker.jobs,
            agents: worker.agents.clone(),
            version: worker.version.clone(),
        });
        alive.filter(|heard| heard.silent < WORKER_ALIVE).collect()
    }

    /// Which of `kinds` no live worker hosts.
    pub fn missing<'a>(&self, kinds: impl IntoIterator<Item = &'a AgentKind>) -> Vec<AgentKind> {
        let hosted = self.hosted();
        let mut missing: Vec<_> = kinds
            .into_iter()
            .filter(|kind| !hosted.contains_key(kind.as_str()))
            .cloned()
            .collect();
        missing.sort();
        missing.dedup();
        missing
    }
}

/// Hears the workers.
pub(crate) async fn run(core: Core, stop: CancellationToken) -> anyhow::Result<()> {
    let mut sweep = tokio::time::interval(SILENT_AFTER);
    loop {
        let Ok(mut heard) = core.ports.bus.listen(&Subject::worker_presence()).await else {
            if stop.is_cancelled() {
                return Ok(());
            }
            pause(&stop).await;
            continue;
        };
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                message = heard.next() => {
                    let Some((_, body)) = message else { break };
                    match wire::json::from_json::<proto::WorkerPresence>(&body, MAX_REQUEST_BYTES) {
                        Ok(presence) => core.workers.note(presence),
                        Err(error) => tracing::debug!(%error, "a presence message cannot be read"),
                    }
                }
                _ = sweep.tick() => core.workers.forget_silent(),
            }
        }
        pause(&stop).await;
    }
}
