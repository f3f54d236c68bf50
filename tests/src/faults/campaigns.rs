//! Many campaigns at once, each with its subscribers, and what must hold of each at its end.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, ensure};
use futures::future::try_join_all;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::sync::{Semaphore, watch};

use crate::{
    brief,
    follow::{Follower, Habit},
    stack::{Clients, Stack},
};

/// Submits at once.
const SUBMITS: usize = 8;
/// Runs whose streams share a connection to the gateway: two streams each, and a connection takes 128.
const RUNS_PER_CONNECTION: usize = 16;
/// The modes, in turn.
const MODES: [&str; 2] = ["parallel", "sequential"];
/// The steps of each mode.
const STEPS: [&[&str]; 2] = [
    &["audit", "copy", "short_copy", "visual_concept"],
    &[
        "audit_copy",
        "audit_short_copy",
        "audit_visual_concept",
        "copy",
        "short_copy",
        "visual_concept",
    ],
];

/// What came of all runs together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Events over all runs.
    pub(super) events: u64,
    /// Jobs that were driven again.
    pub(super) redriven: u64,
    /// Outcomes that came too late.
    pub(super) late: u64,
    /// Times that a subscriber which wanted to stay had to come back.
    pub(super) cut_off: u64,
}

struct Ended {
    mode: usize,
    stayed: Follower,
    left: Follower,
}

/// Sends `runs` campaigns through and checks each at its end. Every event that the staying subscribers
/// are sent counts in `seen`.
pub(super) async fn run_all(
    clients: &[Clients],
    gateway: &str,
    seed: u64,
    runs: usize,
    seen: Arc<watch::Sender<u64>>,
) -> anyhow::Result<Totals> {
    let places = Semaphore::new(SUBMITS);
    let streams = (0..runs.div_ceil(RUNS_PER_CONNECTION))
        .map(|_| Ok(crate::stack::Events::new(crate::stack::channel(gateway)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let one = async |number: usize| {
        let client = &clients[number % clients.len()];
        let name = name(seed, number);
        let mode = number % MODES.len();
        let mut request = brief::request(&name, MODES[mode]);
        request
            .options
            .get_or_insert_default()
            .idempotency_key
            .clone_from(&name);
        let place = places.acquire().await?;
        let run_id = client.submit(&request).await?.run_id;
        drop(place);
        let events = &streams[number / RUNS_PER_CONNECTION];
        let mut stayed = Follower::new(events.clone(), &run_id, Habit::Stays).counted(seen.clone());
        let habit = Habit::Leaves(Box::new(ChaCha8Rng::seed_from_u64(
            seed ^ ((number as u64) << 32),
        )));
        let mut left = Follower::new(events.clone(), &run_id, habit);
        let ended = tokio::try_join!(stayed.to_rest(), left.to_rest());
        if let Err(error) = ended {
            let why = client.explained(&run_id).await;
            return Err(error.context(format!("run {number} of seed {seed}: {why}")));
        }
        Ok(Ended { mode, stayed, left })
    };
    let ended = try_join_all((0..runs).map(one)).await?;

    let mut totals = Totals::default();
    for (number, ended) in ended.into_iter().enumerate() {
        let checked = check(&clients[number % clients.len()], ended, &mut totals).await;
        checked.with_context(|| format!("run {number} of seed {seed}"))?;
    }
    Ok(totals)
}

/// Three artifacts, one report, one version of each, and the same events at both subscribers and in the
/// store.
async fn check(client: &Clients, ended: Ended, totals: &mut Totals) -> anyhow::Result<()> {
    let Ended {
        mode,
        mut stayed,
        mut left,
    } = ended;
    let run_id = stayed.events[0].run_id.clone();
    let result = client.result(&run_id).await?;
    ensure!(
        result.status == "success",
        "it ended as {}: {:?}",
        result.status,
        result.errors
    );
    let artifacts = result.artifacts.context("it has no artifacts")?;
    ensure!(
        artifacts.copy.is_some()
            && artifacts.short_copy.is_some()
            && artifacts.visual_concept.is_some(),
        "an artifact is missing"
    );
    ensure!(result.audit_report.is_some(), "the report is missing");

    let versions = client.versions(&run_id).await?;
    let mut stored: Vec<_> = versions
        .iter()
        .map(|version| (version.step.as_str(), version.version))
        .collect();
    stored.sort_unstable();
    let wanted: Vec<_> = STEPS[mode].iter().map(|step| (*step, 1)).collect();
    ensure!(stored == wanted, "versions are {stored:?}, not {wanted:?}");

    let stored = client.stored_events(&run_id).await?;
    // An outcome that came late may have been recorded after the end.
    stayed.to(stored.len()).await?;
    left.to(stored.len()).await?;
    for (who, follower) in [("stayed", &stayed), ("came back", &left)] {
        ensure!(
            follower.events[..stored.len()] == stored,
            "the subscriber that {who} has other events than the store"
        );
    }
    let count = |name: &str| stored.iter().filter(|event| event.r#type == name).count() as u64;
    totals.events += stored.len() as u64;
    totals.redriven += count("job_redriven");
    totals.late += count("outcome_late");
    totals.cut_off += stayed.returns;
    Ok(())
}

/// Nothing is under way any more, and nothing is there twice.
pub(super) async fn check_store(stack: &Stack, runs: usize) -> anyhow::Result<()> {
    let counts = stack
        .query(
            "select (select count(*) from runs), (select count(*) from campaigns), \
             (select count(*) from jobs), (select count(*) from artifacts)",
        )
        .await?;
    let wanted = format!("{runs}|{runs}|0|{}", runs * 3);
    ensure!(
        counts == wanted,
        "runs, campaigns, jobs and artifacts in the store are {counts}, not {wanted}"
    );
    Ok(())
}

/// Calls of the model, and how many of them asked for the same a second time. `most` bounds how often the
/// same may be asked.
pub(super) fn check_calls(stack: &Stack, runs: usize, most: u64) -> anyhow::Result<(u64, u64)> {
    let mut asked = BTreeMap::<(String, String), u64>::new();
    for call in stack.calls()?.into_iter().filter(|call| !call.dropped) {
        *asked.entry((call.brief, call.task)).or_default() += 1;
    }
    ensure!(
        asked.len() == runs * 3,
        "the model was asked for {} artifacts, not {}",
        asked.len(),
        runs * 3
    );
    if let Some((what, times)) = asked.iter().find(|(_, times)| **times > most) {
        anyhow::bail!("the model was asked {times} times for {what:?}");
    }
    let calls: u64 = asked.values().sum();
    Ok((calls, calls - asked.len() as u64))
}

fn name(seed: u64, number: usize) -> String {
    format!("seed-{seed}-run-{number}")
}
