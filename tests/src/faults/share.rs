//! Replicas share the work: two orchestrators, three agent workers, none does it alone.

use std::sync::Arc;

use anyhow::ensure;
use service::metric;
use tokio::{sync::watch, time::Instant};

use super::campaigns::{check_calls, check_store, run_all};
use crate::stack::{Clients, Layout, Role, Stack};

/// The least share of each.
pub const LEAST: f64 = 0.15;

/// How the work was shared.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Campaigns.
    pub runs: usize,
    /// Transitions that each orchestrator committed.
    pub commits: Vec<f64>,
    /// Jobs that each agent worker started.
    pub jobs: Vec<f64>,
    /// Calls that the model accepted; none was for something asked for before.
    pub calls: u64,
    /// Jobs that were driven again, without a fault.
    pub redriven: u64,
    /// From the first submit to the last check, seconds.
    pub seconds: f64,
}

/// Runs campaigns through two orchestrators and three agent workers, submitted to both in turn.
///
/// # Errors
/// When a run does not end whole, something was done twice, or a process had less than its share.
pub async fn run(seed: u64, runs: usize) -> anyhow::Result<Outcome> {
    let layout = Layout {
        orchestrators: 2,
        agent_workers: 3,
        seed,
        delay_ms: (50, 500),
        ..Layout::default()
    };
    let stack = Stack::start(&layout).await?;
    match shared(&stack, seed, runs).await {
        Ok(outcome) => Ok(outcome),
        Err(error) => {
            let kept = stack.keep_logs(&format!("seed-{seed}-shared"))?;
            Err(error.context(format!("logs are in {}", kept.display())))
        }
    }
}

async fn shared(stack: &Stack, seed: u64, runs: usize) -> anyhow::Result<Outcome> {
    let start = Instant::now();
    let clients = stack
        .all(Role::Orchestrator)
        .map(|service| Clients::new(&service.url, None))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let gateway = stack.url(Role::EventGateway)?.to_owned();
    let (seen, _watched) = watch::channel(0);
    let totals = run_all(&clients, &gateway, seed, runs, Arc::new(seen)).await?;
    check_store(stack, runs).await?;
    let (calls, _) = check_calls(stack, runs, 1)?;

    let commits = shares(stack, Role::Orchestrator, metric::COMMITS, "committed").await?;
    let jobs = shares(stack, Role::AgentWorker, metric::JOBS_STARTED, "").await?;
    Ok(Outcome {
        runs,
        commits,
        jobs,
        calls,
        redriven: totals.redriven,
        seconds: start.elapsed().as_secs_f64(),
    })
}

async fn shares(stack: &Stack, role: Role, name: &str, with: &str) -> anyhow::Result<Vec<f64>> {
    let mut counts = Vec::new();
    for service in stack.all(role) {
        counts.push(stack.metric(service, name, with).await?);
    }
    let all: f64 = counts.iter().sum();
    ensure!(
        counts.iter().all(|count| *count >= all * LEAST),
        "{} is shared unevenly among the {}s: {counts:?}",
        name,
        role.binary()
    );
    Ok(counts)
}
