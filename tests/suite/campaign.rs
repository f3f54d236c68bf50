//! Workflow `campaign` through the real processes, Postgres and NATS.

mod cancel;
mod failures;
mod library;
mod modes;
mod preflight;
mod questions;
mod regenerate;
mod tenants;

use system_tests::{
    brief,
    stack::{Clients, Stack},
};
use wire::{
    campaign::v1::{CancelRequest, CancelResponse, OrchestrationResult},
    run::v1::Run,
};

const MODES: [&str; 2] = ["parallel", "sequential"];
const AGENTS: [&str; 3] = ["copy", "short_copy", "visual_concept"];

/// Submits a brief of this name; the run's id.
async fn submit(clients: &Clients, name: &str, mode: &str) -> anyhow::Result<String> {
    Ok(clients.submit(&brief::request(name, mode)).await?.run_id)
}

async fn cancel(clients: &Clients, run_id: &str) -> anyhow::Result<CancelResponse> {
    let request = CancelRequest {
        run_id: run_id.to_owned(),
        reason: "the test says so".to_owned(),
    };
    Ok(clients
        .campaigns
        .clone()
        .cancel(request)
        .await?
        .into_inner())
}

/// The artifacts that a result holds, by step.
fn artifacts(result: &OrchestrationResult) -> Vec<&'static str> {
    let Some(artifacts) = &result.artifacts else {
        return Vec::new();
    };
    let there = [
        artifacts.copy.is_some(),
        artifacts.short_copy.is_some(),
        artifacts.visual_concept.is_some(),
    ];
    let named = AGENTS.into_iter().zip(there);
    named
        .filter_map(|(name, there)| there.then_some(name))
        .collect()
}

fn phase<'a>(run: &'a Run, step: &str) -> &'a str {
    let step = run.steps.iter().find(|found| found.name == step);
    step.map_or("", |step| &step.phase)
}

/// Rows of one run that tell of what is under way.
async fn jobs_left(stack: &Stack, run_id: &str) -> anyhow::Result<String> {
    let sql = format!("select count(*) from jobs where run = '{run_id}'");
    stack.query(&sql).await
}
