//! One seed: runs under way, one thing killed at a drawn moment and started again.

use std::{fmt, sync::Arc};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::{sync::watch, time::Instant};

use super::campaigns::{check_calls, check_store, run_all};
use crate::stack::{Layout, Role, Stack};

/// Fewest events of a whole run: the moment of a fault is drawn among those of all runs.
const EVENTS_PER_RUN: u64 = 11;

/// What is done to the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL of one service, which is started again.
    Kill(Role),
    /// SIGKILL of NATS, whose store is removed before it is started again.
    WipeNats,
}

impl Fault {
    /// What seed `seed` kills: binary `seed` mod 4.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        let roles = Role::ALL;
        let number = usize::try_from(seed % roles.len() as u64).unwrap_or_default();
        Self::Kill(roles[number])
    }

    /// A short name for files.
    fn slug(self) -> &'static str {
        match self {
            Self::Kill(role) => role.binary(),
            Self::WipeNats => "nats",
        }
    }

    /// How often the model may be asked for the same artifact. What a killed worker was at is asked for
    /// once more; a wiped bus may lose a job's start and its outcome, until the third loss parks the job.
    fn most_calls(self) -> u64 {
        match self {
            Self::Kill(_) => 2,
            Self::WipeNats => 3,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(role) => write!(f, "kill -9 {}", role.binary()),
            Self::WipeNats => f.write_str("kill -9 nats, store wiped"),
        }
    }
}

/// One trial.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// Draws the moment, the model's delays and when subscribers leave.
    pub seed: u64,
    /// Campaigns.
    pub runs: usize,
    /// What happens.
    pub fault: Fault,
}

/// What came of a trial in which everything held.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What happened.
    pub fault: Fault,
    /// Campaigns.
    pub runs: usize,
    /// It happened when this many events had been seen.
    pub at_event: u64,
    /// Events in all.
    pub events: u64,
    /// Jobs driven again.
    pub redriven: u64,
    /// Outcomes that came too late and were not applied.
    pub late: u64,
    /// Calls that the model accepted.
    pub calls: u64,
    /// Calls for something that had been asked for before.
    pub repeated_calls: u64,
    /// Times that a subscriber which wanted to stay had to come back.
    pub cut_off: u64,
    /// From the first submit to the last check, seconds.
    pub seconds: f64,
}

/// Runs a trial on a system of its own.
///
/// # Errors
/// With the first thing that does not hold.
pub async fn run(trial: Trial) -> anyhow::Result<Outcome> {
    let mut rng = ChaCha8Rng::seed_from_u64(trial.seed);
    let layout = Layout {
        seed: rng.random(),
        delay_ms: (50, 500),
        ..Layout::default()
    };
    let last = (trial.runs as u64 * EVENTS_PER_RUN * 3 / 4).max(1);
    let at_event = rng.random_range(1..=last);
    let mut stack = Stack::start(&layout).await?;
    match under_fault(&mut stack, trial, at_event).await {
        Ok(outcome) => Ok(outcome),
        Err(error) => {
            let kept = stack.keep_logs(&format!("seed-{}-{}", trial.seed, trial.fault.slug()))?;
            Err(error.context(format!(
                "seed {}, {}; logs are in {}",
                trial.seed,
                trial.fault,
                kept.display()
            )))
        }
    }
}

async fn under_fault(stack: &mut Stack, trial: Trial, at_event: u64) -> anyhow::Result<Outcome> {
    let start = Instant::now();
    let clients = [stack.clients()?];
    let gateway = stack.url(Role::EventGateway)?.to_owned();
    let (seen, mut watched) = watch::channel(0);
    let strike = async {
        watched.wait_for(|seen| *seen >= at_event).await?;
        strike(stack, trial.fault).await
    };
    let runs = run_all(&clients, &gateway, trial.seed, trial.runs, Arc::new(seen));
    let (totals, ()) = tokio::try_join!(runs, strike)?;
    check_store(stack, trial.runs).await?;
    let (calls, repeated_calls) = check_calls(stack, trial.runs, trial.fault.most_calls())?;
    Ok(Outcome {
        seed: trial.seed,
        fault: trial.fault,
        runs: trial.runs,
        at_event,
        events: totals.events,
        redriven: totals.redriven,
        late: totals.late,
        calls,
        repeated_calls,
        cut_off: totals.cut_off,
        seconds: start.elapsed().as_secs_f64(),
    })
}

async fn strike(stack: &mut Stack, fault: Fault) -> anyhow::Result<()> {
    match fault {
        Fault::Kill(role) => {
            let process = stack.process(role)?;
            process.kill9().await?;
            process.restart().await
        }
        Fault::WipeNats => {
            stack.nats.kill9().await?;
            stack.nats.wipe()?;
            stack.nats.restart().await
        }
    }
}
