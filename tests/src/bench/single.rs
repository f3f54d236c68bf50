//! The one process: how soon `dev` is up, how many campaigns it gets through on SQLite, how long a stranger's
//! `demo` takes; and what the services cost while nobody asks anything of them.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use wire::events::v1::{SubscribeRequest, subscribe_response::What};

use super::{
    Binaries, IN_FLIGHT, WARM_UP,
    load::{Latencies, Load},
    meter::{Meter, STATISTICS_LAG, memory_mb},
    rest::Rests,
    results::Results,
};
use crate::{
    brief,
    stack::{Clients, Events, channel},
};

/// How long idle services are looked at.
const IDLE: Duration = Duration::from_secs(20);
/// Starts of `dev`, runs of `demo`; the medians count.
const STARTS: usize = 5;
const AGENTS: &str = "copy,short_copy,visual_concept";

/// `loaded.rss_mb.*`: what the services keep of memory after everything before.
pub(super) fn loaded(
    pids: &[(&'static str, Option<u32>)],
    results: &mut Results,
) -> anyhow::Result<()> {
    memory("loaded", pids, results).map(drop)
}

/// What each process has in memory, MB; the largest is told.
fn memory(
    when: &str,
    pids: &[(&'static str, Option<u32>)],
    results: &mut Results,
) -> anyhow::Result<f64> {
    let mut largest: f64 = 0.0;
    for (name, pid) in pids {
        let used = memory_mb(pid.context("a process has ended")?)?;
        results.set(&format!("{when}.rss_mb.{name}"), used);
        largest = largest.max(used);
    }
    Ok(largest)
}

/// `idle.*`: transactions of all services together, and memory of the largest, after one campaign.
pub(super) async fn idle(
    meter: &Meter,
    pids: &[(&'static str, Option<u32>)],
    results: &mut Results,
) -> anyhow::Result<()> {
    meter.autovacuum(false).await?;
    tokio::time::sleep(STATISTICS_LAG).await;
    let (before, begun) = (meter.counts().await?, Instant::now());
    tokio::time::sleep(IDLE.max(STATISTICS_LAG)).await;
    let counts = meter.counts().await?.since(&before);
    meter.autovacuum(true).await?;
    let rate = counts.transactions as f64 / begun.elapsed().as_secs_f64();
    results.set("idle.queries_per_s", rate);
    let largest = memory("idle", pids, results)?;
    results.set("idle.rss_mb", largest);
    Ok(())
}

/// `dev.*` and `demo.seconds`.
pub(super) async fn one_process(
    binaries: &Binaries,
    window: Duration,
    results: &mut Results,
) -> anyhow::Result<()> {
    let mut started = Vec::new();
    for _ in 0..STARTS {
        started.push(Dev::start(binaries).await?.took);
    }
    results.set("dev.start_ms", Latencies::new(started).within(0.5));

    let dev = Dev::start(binaries).await?;
    let rests = Rests::default();
    let listener = hear(channel(&dev.gateway).map(Events::new)?, rests.clone()).await?;
    let listener = tokio::spawn(listener);
    let clients = Clients::new(&dev.grpc, None)?;
    let load = Load::start(IN_FLIGHT, move || {
        let (clients, rests) = (clients.clone(), rests.clone());
        async move {
            let request = brief::request("bench", "parallel");
            let submitted = clients.campaigns.clone().submit(request).await?;
            rests.of(&submitted.into_inner().run_id).await
        }
    });
    tokio::time::sleep(WARM_UP).await;
    let before = load.mark();
    tokio::time::sleep(window).await;
    results.set("dev.runs_per_s", load.mark().since(&before).per_s());
    let stopped = load.stop().await;
    if listener.is_finished() {
        return listener.await?;
    }
    stopped?;
    listener.abort();

    let mut taken = Vec::new();
    for _ in 0..STARTS {
        let folder = TempDir::new()?;
        let begun = Instant::now();
        let status = command(binaries, "demo", &folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await?;
        ensure!(status.success(), "the demo ended with {status}");
        taken.push(begun.elapsed());
    }
    results.set("demo.seconds", Latencies::new(taken).within(0.5) / 1e3);
    Ok(())
}

/// Hears from a gateway which runs are at rest.
async fn hear(
    mut gateway: Events,
    rests: Rests,
) -> anyhow::Result<impl Future<Output = anyhow::Result<()>>> {
    let mut stream = gateway
        .subscribe(SubscribeRequest::default())
        .await?
        .into_inner();
    Ok(async move {
        while let Some(response) = stream.message().await? {
            if let Some(What::Event(event)) = response.what
                && event.at_rest
            {
                rests.rested(&event.run_id);
            }
        }
        anyhow::bail!("the gateway ended the stream of events")
    })
}

/// A running `dev` whose agents do nothing, on a folder of its own.
struct Dev {
    grpc: String,
    gateway: String,
    took: Duration,
    _process: Child,
    _folder: TempDir,
}

impl Dev {
    async fn start(binaries: &Binaries) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let slots = IN_FLIGHT.to_string();
        let begun = Instant::now();
        let mut process = command(binaries, "dev", &folder)
            .args([
                "--port",
                "0",
                "--grpc-port",
                "0",
                "--noop",
                AGENTS,
                "--slots",
                &slots,
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let output = process.stdout.take().context("dev has no output")?;
        let line = BufReader::new(output).lines().next_line().await?;
        let took = begun.elapsed();
        let ready: Value = serde_json::from_str(&line.context("dev ended at once")?)?;
        let field = |name: &str| {
            let value = ready[name].as_str().map(str::to_owned);
            value.with_context(|| format!("dev does not say its {name}"))
        };
        Ok(Self {
            grpc: field("grpc")?,
            gateway: field("gateway")?,
            took,
            _process: process,
            _folder: folder,
        })
    }
}

fn command(binaries: &Binaries, name: &str, folder: &TempDir) -> Command {
    let mut command = Command::new(binaries.folder.join("pressrun"));
    command
        .args([name, "--output", "json", "--data-dir"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}
