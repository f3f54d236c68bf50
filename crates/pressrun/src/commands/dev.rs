//! `pressrun dev`: all services in this process until they are told to stop.

use std::path::{Path, PathBuf};

use anyhow::Context;
use model::library::Content;
use serde::Serialize;
use service::signal::stop_on_signal;
use tokio_util::sync::CancellationToken;
use wire::campaign::v1::{Options, SubmitRequest};

use super::keep;
use crate::{
    Failure,
    args::{Dev, Output},
    brief,
    client::Client,
    output,
    stack::{self, Listen, Stack},
};

/// The key that makes the sample one run for a data directory.
const SAMPLE_RUN: &str = "dev-sample";

/// Where everything is, as `--output json` prints it.
#[derive(Serialize)]
struct Ready<'a> {
    console: String,
    grpc: &'a str,
    gateway: &'a str,
    data_dir: &'a Path,
    samples: &'a [PathBuf],
    /// The page of the sample's run, when one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// The model; `offline` for the built-in writer.
    model: &'a str,
    started_in_ms: u128,
}

pub(super) async fn dev(options: Dev, format: Output) -> Result<(), Failure> {
    let started = std::time::Instant::now();
    let stop = CancellationToken::new();
    let signals = stop_on_signal(stop.clone()).context("signals cannot be caught")?;
    let dir = options
        .data_dir
        .clone()
        .unwrap_or_else(|| stack::default_dir("dev"));
    let listen = Listen::local(options.grpc_port, options.port);
    let mut stack = Stack::start(&dir, &options.settings, listen)
        .await
        .map_err(with_ports)?;
    let samples = write_samples(&dir.join("samples"))?;
    keep_samples(&stack.client).await?;
    let run = if options.sample {
        let id = submit_sample(&stack.client).await?;
        Some(format!("{}/runs/{id}", stack.gateway_url))
    } else {
        None
    };
    let ready = Ready {
        console: format!("{}/", stack.gateway_url),
        grpc: &stack.orchestrator_url,
        gateway: &stack.gateway_url,
        data_dir: &dir,
        samples: &samples,
        run,
        model: options.settings.model.name().unwrap_or(llm::offline::MODEL),
        started_in_ms: started.elapsed().as_millis(),
    };
    match format {
        Output::Json => output::json(&ready)?,
        Output::Text => output::talk(&welcome(&ready))?,
    }
    let broken = tokio::select! {
        biased;
        caught = signals => { caught?; None }
        failure = stack.broken() => Some(failure),
    };
    if let Some(failure) = broken {
        return Err(failure);
    }
    output::talk("stopping: running jobs end or are kept for the next start …")?;
    stack.stop().await?;
    output::talk("stopped; the same command goes on where this one was")
}

/// A port that is taken is the likeliest reason why it does not start.
fn with_ports(failure: Failure) -> Failure {
    match failure {
        Failure::Broken(error)
            if error.chain().any(|cause| {
                cause
                    .downcast_ref::<std::io::Error>()
                    .is_some_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
            }) =>
        {
            Failure::Refused(
                format!(
                    "{error}; name other ports with --port and --grpc-port, or 0 for free ones"
                ),
                Vec::new(),
            )
        }
        other => other,
    }
}

/// Puts the sample briefs where they can be read and changed; what is there already stays.
fn write_samples(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    std::fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    let mut paths = Vec::new();
    for (name, text) in brief::SAMPLES {
        let path = dir.join(name);
        if !path.exists() {
            std::fs::write(&path, text)
                .with_context(|| format!("{} cannot be written", path.display()))?;
        }
        paths.push(path);
    }
    Ok(paths)
}

/// Puts a brand, a template and a resource into the library; what is or was there under their names stays.
async fn keep_samples(client: &Client) -> Result<(), Failure> {
    let (brand, template, resource) = (
        brief::SAMPLE_BRAND,
        brief::SAMPLE_TEMPLATE,
        brief::SAMPLE_RESOURCE,
    );
    let title = resource.1.lines().next().unwrap_or_default();
    let title = title.trim_start_matches(['#', ' ']).to_owned();
    let samples = [
        (
            brand.0,
            Content::Brand(brief::parse_brand(brand.0, brand.1)?),
        ),
        (
            template.0,
            Content::Template(brief::parse_template(template.0, template.1)?),
        ),
        (
            resource.0,
            keep::resource(title, true, resource.1.to_owned()),
        ),
    ];
    for (name, content) in samples {
        keep::keep_sample(client, name, content).await?;
    }
    Ok(())
}

/// Submits the sample brief, the first time; the run's id.
async fn submit_sample(client: &Client) -> Result<String, Failure> {
    let request = SubmitRequest {
        brief: Some(brief::parse("the sample brief", brief::SAMPLE)?.into()),
        options: Some(Options {
            idempotency_key: SAMPLE_RUN.to_owned(),
            ..Options::default()
        }),
        ..SubmitRequest::default()
    };
    Ok(client
        .campaigns()
        .submit(request)
        .await?
        .into_inner()
        .run_id)
}

fn welcome(ready: &Ready<'_>) -> String {
    let run = ready.run.as_ref();
    let run = run.map(|page| format!("\n  Sample run {page}"));
    let mut text = format!(
        "Pressrun is up ({} ms), writing with {}.\n\n  \
           Console    {}\n  \
           gRPC       {}  (runs, campaigns, artifacts)\n  \
           Streams    {}/v1/events  (Server-Sent Events; gRPC on the same port)\n  \
           Data       {}{}\n\n\
         Sample briefs:\n",
        ready.started_in_ms,
        match ready.model {
            "offline" => "the built-in offline writer, which is no model",
            model => model,
        },
        ready.console,
        ready.grpc,
        ready.gateway,
        ready.data_dir.display(),
        run.unwrap_or_default(),
    );
    for sample in ready.samples {
        text.push_str(&format!("  {}\n", sample.display()));
    }
    // The client finds its services at their default addresses; elsewhere it has to be told.
    let at = format!(
        " --orchestrator-url {} --gateway-url {}",
        ready.grpc, ready.gateway
    );
    let at = if at.contains(":7400 ") && at.ends_with(":3131") {
        ""
    } else {
        &at
    };
    let first = ready.samples.first().map(|path| path.display().to_string());
    text.push_str(&format!(
        "\nTry, in another terminal:\n  \
           pressrun{at} submit {} --watch\n  \
           pressrun{at} template show {}\n  \
           curl -N {}/v1/events\n\
         Ctrl-C stops it in order. Killed at any moment, it goes on where it was.",
        first.unwrap_or_default(),
        brief::SAMPLE_TEMPLATE.0,
        ready.gateway,
    ));
    text
}
