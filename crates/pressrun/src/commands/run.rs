//! Commands on one run.

use std::path::Path;

use wire::{
    campaign::v1::{CancelRequest, GetRequest, OrchestrationResult, RegenerateRequest},
    run::v1::{self as run, ExplainRequest},
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
    ended_well(client, run).await
}

/// Fails unless the run was completed.
pub(super) async fn ended_well(client: &Client, run: &str) -> Result<(), Failure> {
    let run = client
        .runs()
        .get(run::GetRequest {
            run_id: run.to_owned(),
        })
        .await?
        .into_inner();
    match run.status.as_str() {
        "completed" => Ok(()),
        status => Err(Failure::NotCompleted(format!(
            "run {} ended: {status}",
            run.id
        ))),
    }
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
        Output::Text => output::line(&goes_on(&run, answer.sequence)),
    }
}

/// `pressrun pause`.
pub(super) async fn pause(
    client: &Client,
    run: String,
    reason: String,
    format: Output,
) -> Result<(), Failure> {
    let request = run::PauseRequest {
        run_id: run.clone(),
        reason,
    };
    let answer = client.runs().pause(request).await?.into_inner();
    told(
        &answer,
        format,
        &format!("paused; go on with: pressrun resume {run}"),
    )
}

/// `pressrun resume`.
pub(super) async fn resume(client: &Client, run: String, format: Output) -> Result<(), Failure> {
    let request = run::ResumeRequest {
        run_id: run.clone(),
    };
    let answer = client.runs().resume(request).await?.into_inner();
    told(&answer, format, &goes_on(&run, answer.sequence))
}

/// `pressrun retry`.
pub(super) async fn retry(
    client: &Client,
    run: String,
    step: String,
    format: Output,
) -> Result<(), Failure> {
    let request = run::RetryRequest {
        run_id: run.clone(),
        step,
    };
    let answer = client.runs().retry(request).await?.into_inner();
    told(&answer, format, &goes_on(&run, answer.sequence))
}

/// How to watch what comes of a command.
pub(super) fn goes_on(run: &str, sequence: u64) -> String {
    format!("on its way: pressrun watch {run} --after {sequence}")
}

fn told(answer: &run::CommandResponse, format: Output, text: &str) -> Result<(), Failure> {
    match format {
        Output::Json => output::json(answer),
        Output::Text => output::line(text),
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
