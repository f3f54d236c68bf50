//! Driving again what nobody works on any more.
//!
//! A job is silent after 12 s in no worker's list and with no message of its own on the bus. The 12 s
//! start when this replica first misses it, and count only while this replica hears its own presence;
//! else it is the bus that is silent, not the worker. The new lease token fences what may yet come of
//! the old one.

mod gauges;

use std::collections::BTreeMap;

use ::service::metric;
use bus::Subject;
use engine::{Command, Refusal};
use model::{JobId, Timestamp};
use store::port::SentJob;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::gauges::Gauges;
use super::{
    Core, Planted,
    commit::{Work, WorkError},
    limits::{SILENCE_CHECK, SILENCE_LOOKUPS, SILENCE_PAGE, SILENT_AFTER},
    workers::Listed,
};

type Missed = BTreeMap<(JobId, u64), Miss>;

/// A job that no list names.
#[derive(Debug, Clone, Copy)]
struct Miss {
    since: Instant,
    /// The last look found no message of it on the bus. One look is not enough: a worker that has just
    /// taken a job off the bus lists it a moment later.
    absent: bool,
}

pub(crate) async fn run(core: Core, stop: CancellationToken) -> anyhow::Result<()> {
    if core.options.bus_forgets {
        drive_all(&core).await?;
    }
    let mut missed = Missed::new();
    let mut gauges = Gauges::default();
    let mut hearing_since = None;
    // Only for the planted bug that forgets what was sent before.
    let mut started = None;
    let mut beat = tokio::time::interval(SILENCE_CHECK);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            _ = beat.tick() => {}
        }
        let hears = core.peers.hears_itself();
        metrics::gauge!(metric::BUS_UP).set(if hears { 1.0 } else { 0.0 });
        let reads = core.ports.store.trouble().is_none();
        metrics::gauge!(metric::STORE_UP).set(if reads { 1.0 } else { 0.0 });
        if !hears {
            missed.clear();
            hearing_since = None;
            continue;
        }
        let hearing_since = *hearing_since.get_or_insert_with(Instant::now);
        let checked = check(&core, &mut missed, &mut gauges, hearing_since, &mut started).await;
        match checked {
            Ok(()) => gauges.show(core.workers.hosted()),
            Err(error) => {
                core.places.uncounted();
                metrics::gauge!(metric::STORE_UP).set(0.0);
                gauges.forget();
                tracing::warn!(%error, "jobs under way cannot be checked now");
            }
        }
    }
}

/// Everything under way goes out again: the bus has forgotten it all.
async fn drive_all(core: &Core) -> anyhow::Result<()> {
    let now = core.ports.store.now().await?;
    let mut after = None;
    loop {
        let page = core
            .ports
            .store
            .sent_before(now, after.as_ref(), SILENCE_PAGE)
            .await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.clone());
        for sent in page {
            // The process that held everything stopped, and most of this had not begun: no job is to blame,
            // so none is counted as lost, however often the process is stopped.
            drive(core, sent, |job, token| Command::HandBack { job, token }).await;
        }
    }
}

async fn check(
    core: &Core,
    missed: &mut Missed,
    gauges: &mut Gauges,
    hearing_since: Instant,
    started: &mut Option<Timestamp>,
) -> Result<(), WorkError> {
    let now = core.ports.store.now().await?;
    let started = *started.get_or_insert(now);
    let before = Timestamp(now.0 - i64::try_from(SILENCE_CHECK.as_millis()).unwrap_or(i64::MAX));
    core.places.count();
    let mut under_way = BTreeMap::new();
    let mut still = Missed::new();
    let mut lookups = 0;
    let mut after = None;
    loop {
        let page = core
            .ports
            .store
            // All of them, so that all are counted; of those just sent nothing else is asked.
            .sent_before(Timestamp(i64::MAX), after.as_ref(), SILENCE_PAGE)
            .await?;
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        for sent in page {
            if !core.peers.owns(Subject::partition(&sent.run)) {
                continue;
            }
            under_way.insert(
                (sent.row.job.clone(), sent.row.token),
                (sent.row.agent.clone(), sent.tenant.clone()),
            );
            if sent.row.sent_at >= before {
                continue;
            }
            if core.planted == Planted::StateFromMemory && sent.row.sent_at < started {
                continue;
            }
            let key = (sent.row.job.clone(), sent.row.token);
            let before = missed.get(&key).copied();
            // A list comes every three seconds: a job is missed from the first that does not name it.
            let listed = core.workers.listed(&key.0, key.1);
            gauges.count(&sent.row, listed, now);
            if core.planted == Planted::SilenceByWallClock
                && listed.is_none()
                && now.since(sent.row.sent_at) >= SILENT_AFTER
            {
                drive(core, sent, |job, token| Command::Redrive { job, token }).await;
                continue;
            }
            let since = match listed {
                Some(Listed { heard, .. }) => (heard + SILENCE_CHECK).max(hearing_since),
                None => before.map_or_else(Instant::now, |miss| miss.since),
            };
            let absent = before.is_some_and(|miss| miss.absent);
            let (since, absent) = match core.planted {
                Planted::SilentAfterOneLook if listed.is_none() => {
                    (since.checked_sub(SILENT_AFTER).unwrap_or(since), true)
                }
                _ => (since, absent),
            };
            if since.elapsed() + SILENCE_CHECK < SILENT_AFTER || lookups >= SILENCE_LOOKUPS {
                still.insert(key, Miss { since, absent });
                continue;
            }
            lookups += 1;
            match on_the_bus(core, &sent).await {
                // It waits for a worker, or its outcome for us.
                Some(true) => {}
                Some(false) if absent && since.elapsed() >= SILENT_AFTER => {
                    drive(core, sent, |job, token| Command::Redrive { job, token }).await;
                }
                Some(false) => {
                    still.insert(
                        key,
                        Miss {
                            since,
                            absent: true,
                        },
                    );
                }
                None => {
                    still.insert(key, Miss { since, absent });
                    // Each question that is not answered takes seconds: enough for this round.
                    lookups = SILENCE_LOOKUPS;
                }
            }
        }
    }
    *missed = still;
    core.places.counted(under_way);
    Ok(())
}

/// Whether the job or its outcome has a message on the bus; `None` when the bus does not answer.
async fn on_the_bus(core: &Core, sent: &SentJob) -> Option<bool> {
    let job = Subject::job(&sent.row.agent, &sent.row.job);
    let outcome = Subject::outcome(Subject::partition(&sent.run), &sent.row.job);
    for subject in [job, outcome] {
        match core.ports.bus.holds(&subject).await {
            Ok(true) => return Some(true),
            Ok(false) => {}
            Err(error) => {
                tracing::debug!(%subject, %error, "the bus cannot be asked now");
                return None;
            }
        }
    }
    Some(false)
}

async fn drive(core: &Core, sent: SentJob, command: impl FnOnce(JobId, u64) -> Command) {
    let SentJob { tenant, run, row } = sent;
    metrics::counter!(metric::REDRIVES).increment(1);
    let command = command(row.job.clone(), row.token);
    match core
        .committer
        .run(Work::new(tenant, run.clone(), command))
        .await
    {
        Ok(_) => {
            tracing::info!(%run, job = %row.job, step = %row.step, "a lost job goes out again")
        }
        Err(WorkError::Refused(Refusal::NotUnderWay(_))) => {}
        Err(error) => {
            tracing::warn!(%run, job = %row.job, %error, "a lost job cannot be driven again now")
        }
    }
}
