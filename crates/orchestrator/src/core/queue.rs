//! Sending ready jobs as places come free: by fair share over tenants, then by priority and score, each within
//! its limits. Any replica may send any: what it claims is recorded as sent before it leaves.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ::service::metric::{self, label};
use ::service::trace::Place;
use lru::LruCache;
use model::{AgentKind, RunId, TenantId, Timestamp};
use store::{
    limits::{MAX_CLAIM, MAX_LANE_JOBS, MAX_LANES},
    port::JobRow,
    ready::{Claim, Lane, Pick, ReadyJob},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Core,
    commit::{Sealed, WorkError},
    held::Held,
    limits::{
        BEATEN_PAUSE, GATE_JOBS, HELD_READY, MAX_CLOSED, QUEUE_LOOKS, SHARE_RETRY, SHOWN_KINDS,
        WINDOW_REFRESH,
    },
    places::{Key, Of},
};

/// Runs with ready jobs, as they were committed: what their jobs work from. Only speed.
#[derive(Clone)]
pub(crate) struct Ready(Arc<Mutex<Runs>>);

type Runs = LruCache<(TenantId, RunId), Arc<Held>>;

impl Default for Ready {
    fn default() -> Self {
        let size = NonZeroUsize::new(HELD_READY).unwrap_or(NonZeroUsize::MIN);
        Self(Arc::new(Mutex::new(LruCache::new(size))))
    }
}

impl Ready {
    pub(crate) fn hold(&self, held: &Arc<Held>) {
        let key = (held.run.tenant.clone(), held.run.id.clone());
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        runs.put(key, held.clone());
    }

    fn get(&self, tenant: &TenantId, run: &RunId) -> Option<Arc<Held>> {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        runs.get(&(tenant.clone(), run.clone())).cloned()
    }
}

/// What keeps a lane back.
#[derive(Clone, Copy)]
struct Closed {
    until: Timestamp,
    /// By a share: the end of a job may open it before.
    share: bool,
}

/// What the looks so far have shown.
#[derive(Default)]
struct Seen {
    closed: BTreeMap<Lane, Closed>,
    /// Where the next look goes on when there are more lanes than one lists.
    cursor: Option<Lane>,
    /// Kinds whose jobs wait for a place, in the looks since the first lane.
    waiting: BTreeSet<AgentKind>,
    /// Kinds that metrics tell of: what is gone shows as 0.
    shown: BTreeSet<AgentKind>,
}

pub(crate) async fn run(core: Core, stop: CancellationToken) -> anyhow::Result<()> {
    let mut seen = Seen::default();
    let mut refresh = tokio::time::interval(WINDOW_REFRESH);
    refresh.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // Whatever waits since before the start.
    core.places.wake();
    let mut next: Option<Instant> = None;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            _ = refresh.tick() => {
                core.places.refresh(&core.workers.hosted(), core.peers.live());
                continue;
            }
            () = core.places.woken() => {}
            () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
        }
        next = match round(&core, &mut seen).await {
            Ok(wait) => wait.map(|wait| Instant::now() + wait),
            Err(error) => {
                tracing::warn!(%error, "ready jobs cannot be sent now");
                Some(Instant::now() + SHARE_RETRY)
            }
        };
    }
}

/// Sends what has a place. Says after which time something may go again without being woken.
async fn round(core: &Core, seen: &mut Seen) -> Result<Option<Duration>, WorkError> {
    seen.closed.retain(|_, closed| !closed.share);
    let mut beaten = 0;
    for _ in 0..QUEUE_LOOKS {
        let now = core.ports.store.now().await?;
        seen.closed.retain(|_, closed| closed.until > now);
        let (mut free, other) = core.places.free();
        let most = free.values().copied().max().unwrap_or(0).max(other);
        let jobs = core
            .ports
            .store
            .ready(
                seen.cursor.as_ref(),
                MAX_LANES,
                most.clamp(1, MAX_LANE_JOBS),
            )
            .await?;
        let first = seen.cursor.is_none();
        let lanes: BTreeSet<&Lane> = jobs.iter().map(|job| &job.lane).collect();
        let more = lanes.len() >= MAX_LANES;
        seen.cursor = lanes.last().filter(|_| more).map(|lane| (*lane).clone());
        if first {
            seen.waiting.clear();
        }
        // Lanes beyond those of one look have their turn even while these have jobs.
        for lane in &lanes {
            free.entry(lane.agent.clone()).or_insert(other);
        }
        let pick = Pick {
            under_way: core.places.under_way(),
            places: free,
            closed: seen.closed.keys().cloned().collect(),
            of_a_gate: GATE_JOBS,
        };
        let open: Vec<AgentKind> = jobs
            .iter()
            .filter(|job| !seen.closed.contains_key(&job.lane))
            .map(|job| job.lane.agent.clone())
            .collect();
        if first {
            show(&mut seen.shown, &jobs);
        }
        let chosen = pick.from(jobs, MAX_CLAIM);
        if chosen.is_empty() {
            seen.waiting.extend(open);
            core.places.queued(&seen.waiting, !more);
            if more {
                continue;
            }
            break;
        }
        // Until a look finds no more, who becomes ready meanwhile waits behind them.
        seen.waiting.extend(open);
        core.places.queued(&seen.waiting, false);
        if claim(core, seen, now, chosen).await? {
            beaten = 0;
        } else {
            beaten += 1;
        }
        if beaten > 2 {
            // Others claim the same at this moment.
            return Ok(Some(BEATEN_PAUSE));
        }
        if !core.places.wanted() {
            break;
        }
    }
    let shared = seen.closed.iter().filter(|(_, closed)| closed.share);
    core.places
        .shared(shared.map(|(lane, _)| lane.agent.clone()).collect());
    let now = core.ports.store.now().await?;
    let next = seen.closed.values().map(|closed| closed.until).min();
    Ok(next.map(|at| at.since(now)))
}

/// Shows how many are listed.
fn show(kinds: &mut BTreeSet<AgentKind>, jobs: &[ReadyJob]) {
    for job in jobs {
        if kinds.len() < SHOWN_KINDS {
            kinds.insert(job.lane.agent.clone());
        }
    }
    for kind in kinds.iter() {
        let count = jobs.iter().filter(|job| job.lane.agent == *kind).count();
        metrics::gauge!(metric::JOBS_READY, label::AGENT => kind.to_string()).set(count as f64);
    }
}

/// Claims and sends; false when others had claimed all of it.
async fn claim(
    core: &Core,
    seen: &mut Seen,
    now: Timestamp,
    chosen: Vec<ReadyJob>,
) -> Result<bool, WorkError> {
    let counted = |job: &ReadyJob| -> (Key, Of) {
        let Lane { agent, tenant, .. } = &job.lane;
        (
            (job.job.clone(), job.token),
            (agent.clone(), tenant.clone()),
        )
    };
    for job in &chosen {
        let (key, of) = counted(job);
        core.places.sent(key, of);
    }
    let claims = match core.ports.store.claim(now, &chosen).await {
        Ok(claims) => claims,
        Err(error) => {
            // What may be recorded as sent falls silent; the next count finds it.
            for job in &chosen {
                let (key, of) = counted(job);
                core.places.back(key, &of);
            }
            return Err(error.into());
        }
    };
    let mut runs: BTreeMap<(TenantId, RunId), Vec<ReadyJob>> = BTreeMap::new();
    let mut moved = false;
    for (job, claim) in chosen.into_iter().zip(claims) {
        let closed = match claim {
            Claim::Sent => {
                moved = true;
                let waited = now.since(job.ready_at).as_secs_f64();
                metrics::histogram!(metric::READY_SECONDS).record(waited);
                let run = (job.lane.tenant.clone(), job.run.clone());
                runs.entry(run).or_default().push(job);
                continue;
            }
            Claim::Gone => None,
            Claim::Until(until) => Some(Closed {
                until,
                share: false,
            }),
            Claim::Full => Some(Closed {
                until: now.after(SHARE_RETRY),
                share: true,
            }),
        };
        metrics::counter!(metric::CLAIMS, label::RESULT => result(claim)).increment(1);
        let (key, of) = counted(&job);
        core.places.back(key, &of);
        if let Some(closed) = closed {
            moved = true;
            if seen.closed.len() < MAX_CLOSED {
                seen.closed.insert(job.lane, closed);
            }
        }
    }
    for ((tenant, run), jobs) in runs {
        metrics::counter!(metric::CLAIMS, label::RESULT => result(Claim::Sent))
            .increment(jobs.len() as u64);
        if let Err(error) = send(core, &tenant, &run, now, &jobs).await {
            tracing::warn!(%run, %error, "claimed jobs cannot be made now; they go out once they are missed");
        }
    }
    Ok(moved)
}

fn result(claim: Claim) -> &'static str {
    match claim {
        Claim::Sent => "sent",
        Claim::Gone => "gone",
        Claim::Until(_) => "paced",
        Claim::Full => "full",
    }
}

/// Hands over the claimed jobs of a run.
async fn send(
    core: &Core,
    tenant: &TenantId,
    run: &RunId,
    now: Timestamp,
    jobs: &[ReadyJob],
) -> Result<(), WorkError> {
    let known = core.ready.get(tenant, run);
    let known = known.filter(|held| jobs.iter().all(|job| is_under_way(held, job)));
    let held = match known {
        Some(held) => held,
        None => Arc::new(core.committer.read(tenant, run).await?),
    };
    let mut sent = Vec::with_capacity(jobs.len());
    for job in jobs {
        let Lane { agent, .. } = &job.lane;
        if is_under_way(&held, job) {
            sent.push(JobRow {
                job: job.job.clone(),
                token: job.token,
                step: job.step.clone(),
                agent: agent.clone(),
                sent_at: now,
            });
        } else {
            // It was given up meanwhile, and its row with it.
            let of = (agent.clone(), tenant.clone());
            core.places.back((job.job.clone(), job.token), &of);
        }
    }
    let sealed = Sealed::of_jobs(held, sent, Place::default());
    core.committer.dispatcher().send(sealed).await;
    Ok(())
}

fn is_under_way(held: &Held, job: &ReadyJob) -> bool {
    engine::is_under_way(&held.run, &job.step, &job.job, job.token)
}
