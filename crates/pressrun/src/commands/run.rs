//! Commands on one run.

use std::path::Path;

use wire::{
    campaign::v1::{CancelRequest, GetRequest, OrchestrationResult, RegenerateRequest},
    run::v1::ExplainRequest,
};

use super::poster;
use crate::{
    Failure,
    args::Output,
    client::Client,
    live::{self, Wanted},
    output, text,
};

/// `pressrun watch`.
pub(super) async fn watch(
    client: &Client,
    run: &str,
    wanted: Wanted,
    format: Output,
) -> Result<(), Failure> {
    live::watch(client, run, wanted, format).await?;
    completed(&result(client, run).await?)
}

/// `pressrun show`.
pub(super) async fn show(
    client: &Client,
    run: &str,
    save: Option<&Path>,
    format: Output,
) -> Result<(), Failure> {
    let result = result(client, run).await?;
    print(&result, format)?;
    match save {
        Some(dir) => poster::save(client, &result, dir).await,
        None => Ok(()),
    }
}

/// `pressrun cancel`.
pub(super) async fn cancel(
    client: &Client,
    run: String,
    reason: String,
    format: Output,
) -> Result<(), Failure> {
    let answer = client
        .campaigns()
        .cancel(CancelRequest {
            run_id: run,
            reason,
        })
        .await?
        .into_inner();
    match format {
        Output::Json => output::json(&answer),
        Output::Text if answer.cancelled => output::line("cancelled; what is finished stays"),
        Output::Text => output::line(&format!("it had ended before: {}", answer.status)),
    }
}

/// `pressrun regenerate`.
pub(super) async fn regenerate(
    client: &Client,
    run: String,
    step: String,
    note: String,
    watch: bool,
    format: Output,
) -> Result<(), Failure> {
    let request = RegenerateRequest {
        run_id: run.clone(),
        step,
        note,
    };
    let answer = client.campaigns().regenerate(request).await?.into_inner();
    if watch {
        // The talk of a watch must not mix with the result's JSON.
        let wanted = Wanted {
            after: answer.sequence.saturating_sub(1),
            live: false,
        };
        live::watch(client, &run, wanted, Output::Text).await?;
        let result = result(client, &run).await?;
        print(&result, format)?;
        return completed(&result);
    }
    match format {
        Output::Json => output::json(&answer),
        Output::Text => output::line(&format!(
            "on its way: pressrun watch {run} --after {}",
            answer.sequence
        )),
    }
}

/// `pressrun explain`.
pub(super) async fn explain(client: &Client, run: String, format: Output) -> Result<(), Failure> {
    let answer = client
        .runs()
        .explain(ExplainRequest { run_id: run })
        .await?
        .into_inner();
    if format == Output::Json {
        return output::json(&answer);
    }
    if answer.waiting.is_empty() {
        return output::line(&format!("it waits for nothing: {}", answer.status));
    }
    answer
        .waiting
        .iter()
        .try_for_each(|waiting| output::line(&format!("{:<20} {}", waiting.step, waiting.message)))
}

/// A run's result as it stands.
pub(super) async fn result(client: &Client, run: &str) -> Result<OrchestrationResult, Failure> {
    Ok(client
        .campaigns()
        .get(GetRequest {
            run_id: run.to_owned(),
        })
        .await?
        .into_inner())
}

/// Prints a result.
pub(super) fn print(result: &OrchestrationResult, format: Output) -> Result<(), Failure> {
    match format {
        Output::Json => output::json(result),
        Output::Text => output::line(&text::result(result)),
    }
}

/// Fails unless the run was completed.
pub(super) fn completed(result: &OrchestrationResult) -> Result<(), Failure> {
    match result.status.as_str() {
        "success" => Ok(()),
        status => Err(Failure::NotCompleted(format!(
            "run {} ended: {status}",
            result.run_id
        ))),
    }
}
