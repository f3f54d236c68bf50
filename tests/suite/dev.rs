//! `pressrun dev`: the services in one process that is killed again and again.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rig::{Binary, Process, free_port};
use service::env;
use system_tests::{
    brief,
    fake_model::MODEL,
    follow::{Follower, Habit},
    stack::{Clients, Model, channel, until},
};
use tokio::sync::watch;
use wire::campaign::v1::OrchestrationResult;

const SEED: u64 = 20_261_121;
const RUNS: usize = 30;
const KILLS: usize = 10;
/// Fewest events of a whole run.
const EVENTS_PER_RUN: u64 = 11;
const AGENTS: [&str; 3] = ["copy", "short_copy", "visual_concept"];
/// Longer than any drain.
const STOPPED: Duration = Duration::from_secs(60);

pub(crate) struct Dev {
    process: Process,
    pub(crate) clients: Clients,
    pub(crate) orchestrator: String,
    gateway: String,
}

/// With the built-in writer.
pub(crate) async fn offline(data_dir: &Path) -> anyhow::Result<Dev> {
    start(data_dir, None).await
}

async fn start(data_dir: &Path, model: Option<&Model>) -> anyhow::Result<Dev> {
    start_with(data_dir, model, &[]).await
}

async fn start_with(data_dir: &Path, model: Option<&Model>, more: &[&str]) -> anyhow::Result<Dev> {
    service::crypto::install_crypto();
    let (port, grpc_port) = (free_port()?, free_port()?);
    let gateway = format!("http://127.0.0.1:{port}");
    let mut binary = Binary::new("pressrun")
        .arg("dev")
        .arg("--output")
        .arg("json")
        .arg("--data-dir")
        .arg(data_dir)
        .arg("--port")
        .arg(port.to_string())
        .arg("--grpc-port")
        .arg(grpc_port.to_string());
    for argument in more {
        binary = binary.arg(argument);
    }
    binary = binary.ready_at(format!("{gateway}/health/ready"));
    if let Some(model) = model {
        binary = binary
            .env(env::MODEL_URL, &model.url)
            .env(env::MODEL, MODEL);
    }
    let orchestrator = format!("http://127.0.0.1:{grpc_port}");
    Ok(Dev {
        process: binary.start().await?,
        clients: Clients::new(&orchestrator, Some(&gateway))?,
        orchestrator,
        gateway,
    })
}

/// One run: submitted whoever is killed meanwhile, followed without a gap to its rest.
async fn one(
    clients: &Clients,
    gateway: &str,
    number: usize,
    seen: Arc<watch::Sender<u64>>,
) -> anyhow::Result<(OrchestrationResult, Vec<String>)> {
    let mode = ["parallel", "sequential"][number % 2];
    let mut request = brief::request(&format!("run {number}"), mode);
    if let Some(options) = &mut request.options {
        options.idempotency_key = format!("dev-{number}");
    }
    let id = clients.submit(&request).await?.run_id;
    let events = wire::events::v1::event_service_client::EventServiceClient::new(channel(gateway)?);
    Follower::new(events, &id, Habit::Stays)
        .counted(seen)
        .to_rest()
        .await?;
    let versions = clients.versions(&id).await?;
    let mut versions: Vec<_> = versions
        .iter()
        .map(|version| format!("{} {}", version.step, version.version))
        .collect();
    versions.sort();
    Ok((clients.result(&id).await?, versions))
}

#[tokio::test]
async fn killed_ten_times_it_ends_every_run_right() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let model = Model::start(rng.random(), (50, 500)).await?;
    let Dev {
        mut process,
        clients,
        gateway,
        ..
    } = start(home.path(), Some(&model)).await?;

    let last = RUNS as u64 * EVENTS_PER_RUN * 9 / 10;
    let mut moments: Vec<u64> = (0..KILLS).map(|_| rng.random_range(1..=last)).collect();
    moments.sort_unstable();
    let (seen, mut watched) = watch::channel(0);
    let seen = Arc::new(seen);
    let kills = async {
        for moment in &moments {
            watched.wait_for(|seen| seen >= moment).await?;
            process.kill9().await?;
            process.restart().await?;
        }
        anyhow::Ok(())
    };
    let runs = futures::future::try_join_all(
        (0..RUNS).map(|number| one(&clients, &gateway, number, Arc::clone(&seen))),
    );
    let (runs, ()) =
        tokio::try_join!(runs, kills).with_context(|| format!("killed at events {moments:?}"))?;

    assert!(model.is_running());
    for (result, versions) in runs {
        let id = &result.run_id;
        assert_eq!(result.status, "success", "{id}: {:?}", result.errors);
        let artifacts = result.artifacts.context("artifacts")?;
        assert!(artifacts.copy.is_some() && artifacts.short_copy.is_some());
        assert!(artifacts.visual_concept.is_some());
        assert!(result.audit_report.is_some(), "{id} has no report");
        for agent in AGENTS {
            let version = artifacts.versions.get(agent).context(agent)?;
            assert_eq!((version.number, version.model.as_str()), (1, MODEL));
            assert!(versions.contains(&format!("{agent} 1")), "{versions:?}");
        }
        assert!(
            versions.iter().all(|version| version.ends_with(" 1")),
            "{id} has more than one version: {versions:?}"
        );
    }
    // Nothing is left for the next start, and asked in order the process ends in order.
    assert_eq!(process.terminate(STOPPED).await?, 0, "{}", process.log());
    Ok(())
}

/// The line that says where everything is, of the start with this number, from 0.
async fn ready(dev: &Dev, start: usize) -> anyhow::Result<serde_json::Value> {
    let line = until("the line that says where everything is", async || {
        let log = dev.process.log();
        let line = log
            .lines()
            .filter(|line| line.starts_with(r#"{"console""#))
            .nth(start);
        Ok(line.map(str::to_owned))
    })
    .await?;
    Ok(serde_json::from_str(&line)?)
}

#[tokio::test]
async fn it_says_where_everything_is_and_keeps_runs_over_a_stop() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let mut dev = start(home.path(), None).await?;
    let ready = ready(&dev, 0).await?;
    assert_eq!(ready["console"], format!("{}/", dev.gateway));
    assert_eq!(ready["model"], "offline");
    let samples = ready["samples"].as_array().context("samples")?;
    assert_eq!(samples.len(), 3);
    for sample in samples {
        assert!(Path::new(sample.as_str().context("a path")?).exists());
    }

    let id = dev
        .clients
        .submit(&brief::request("kept", "parallel"))
        .await?
        .run_id;
    let result = dev.clients.at_rest(&id).await?;
    assert_eq!(result.status, "success");
    assert_eq!(dev.process.terminate(STOPPED).await?, 0);
    dev.process.restart().await?;
    assert_eq!(dev.clients.result(&id).await?, result);
    Ok(())
}

/// One command from nothing to a finished campaign on the page, and not a second one at the next start.
#[tokio::test]
async fn with_the_sample_its_page_comes_to_show_a_finished_campaign() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let mut dev = start_with(home.path(), None, &["--sample"]).await?;
    let first = ready(&dev, 0).await?;
    let page = first["run"].as_str().context("a page")?;
    until("the finished campaign", async || {
        let html = reqwest::get(page).await?.error_for_status()?.text().await?;
        Ok(html.contains("s-completed\">Completed<").then_some(()))
    })
    .await?;
    assert_eq!(dev.process.terminate(STOPPED).await?, 0);
    dev.process.restart().await?;
    assert_eq!(ready(&dev, 1).await?["run"], first["run"]);
    Ok(())
}

/// Samples are put in once: what a user made of them stays, also that one is gone.
#[tokio::test]
async fn what_a_user_made_of_the_samples_stays() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let mut dev = start(home.path(), None).await?;
    let url = |kind: &str, name: &str| format!("{}/v1/library/{kind}/{name}", dev.gateway);
    let client = reqwest::Client::new();
    let all = [
        url("brand", "tern"),
        url("template", "product-launch"),
        url("resource", "tern-test-report"),
    ];
    until("the samples", async || {
        let last = client.get(&all[2]).send().await?;
        Ok(last.status().is_success().then_some(()))
    })
    .await?;
    let mine = serde_json::json!({ "brand": { "name": "mine" } });
    let put = client.put(&all[0]).json(&mine).send().await?;
    assert!(put.status().is_success());
    let gone = client.delete(&all[1]).send().await?;
    assert!(gone.status().is_success());

    assert_eq!(dev.process.terminate(STOPPED).await?, 0);
    dev.process.restart().await?;
    until("the second start", async || {
        let ready = dev.process.log();
        let lines = ready.lines().filter(|line| line.starts_with('{'));
        Ok((lines.count() == 2).then_some(()))
    })
    .await?;
    let found: serde_json::Value = client.get(&all[0]).send().await?.json().await?;
    assert_eq!(
        (&found["version"], &found["brand"]["name"]),
        (&serde_json::json!(2), &serde_json::json!("mine"))
    );
    assert_eq!(client.get(&all[1]).send().await?.status(), 404);
    assert_eq!(client.get(&all[2]).send().await?.status(), 200);
    Ok(())
}

#[tokio::test]
async fn a_taken_port_or_directory_is_refused_with_what_to_do() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let dev = start(home.path(), None).await?;
    let port = dev.gateway.rsplit_once(':').context("a port")?.1;
    let other = tempfile::tempdir()?;
    for (dir, port, advice) in [
        (home.path(), "0", "--data-dir"),
        (other.path(), port, "--port"),
    ] {
        let output = tokio::process::Command::new(Binary::path("pressrun").await?)
            .args(["dev", "--grpc-port", "0", "--port", port, "--data-dir"])
            .arg(dir)
            .kill_on_drop(true)
            .output()
            .await?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(said.contains(advice), "{said}");
    }
    Ok(())
}
