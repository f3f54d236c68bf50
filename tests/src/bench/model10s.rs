//! Five campaigns at once with a model that takes ten seconds for each answer, as a client sees them: the real
//! agents, the auditor with the model as second judge, and a gateway. Beside the model's time the product's own
//! must not show.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use bus::signature::{Seed, Signer};
use futures::future::try_join_all;
use rig::{Nats, Postgres, free_port};
use service::env;
use tempfile::TempDir;
use tokio::net::TcpListener;
use wire::events::v1::{Event, SubscribeRequest, subscribe_response::What};

use super::{Binaries, load::Latencies, results::Results};
use crate::{
    brief,
    fake_model::{self, MODEL},
    stack::{Clients, Events, channel},
};

/// How long the model takes.
const MODEL_TAKES: Duration = Duration::from_secs(10);
/// Campaigns at once.
const CAMPAIGNS: usize = 5;
/// The end of an attempt that made something.
const FINISHED: &str = "step_finished";

/// One campaign as its client saw it.
struct Seen {
    /// From its submit to the news of its first artifact.
    first_artifact: Duration,
    /// From its submit to the news of its end.
    total: Duration,
    /// From each event's time to its arrival.
    delays: Vec<Duration>,
}

/// `model10s.*`.
pub(super) async fn measure(binaries: &Binaries, results: &mut Results) -> anyhow::Result<()> {
    let (postgres, nats) = (Postgres::own().await?, Nats::own().await?);
    let files = TempDir::new()?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let model = format!("http://{}", listener.local_addr()?);
    let takes = u64::try_from(MODEL_TAKES.as_millis())?;
    let serving = tokio::spawn(fake_model::serve(
        listener,
        fake_model::Options {
            seed: 0,
            min_delay_ms: takes,
            max_delay_ms: takes,
            stream_ms: 0,
            world_log: files.path().join("world.log"),
            rules: Vec::new(),
        },
    ));

    let seed = Seed::generate()?;
    let key = files.path().join("signing.key");
    std::fs::write(&key, seed.reveal())?;
    let verify = Signer::new(&seed)?.public_key().to_string();
    let at = || anyhow::Ok(format!("127.0.0.1:{}", free_port()?));
    let (doors, streams) = (at()?, at()?);
    let url = format!("http://{doors}");
    let _orchestrator = binaries
        .get("orchestrator")
        .env(env::LISTEN, &doors)
        .env(env::DATABASE_URL, postgres.database().await?)
        .env(env::NATS_URL, nats.url())
        .env(env::SIGNING_KEY, &key)
        .arg("--migrate")
        .ready_at(format!("{url}/health/ready"))
        .start()
        .await?;
    let mut workers = Vec::new();
    for binary in ["agent-worker", "audit-worker"] {
        let listen = at()?;
        let worker = binaries
            .get(binary)
            .env(env::LISTEN, &listen)
            .env(env::NATS_URL, nats.url())
            .env(env::ORCHESTRATOR_URL, &url)
            .env(env::VERIFY_KEYS, &verify)
            .env(env::MODEL_URL, &model)
            .env(env::MODEL, MODEL)
            .ready_at(format!("http://{listen}/health/ready"));
        workers.push(worker.start().await?);
    }
    let _gateway = binaries
        .get("event-gateway")
        .env(env::LISTEN, &streams)
        .env(env::NATS_URL, nats.url())
        .env(env::ORCHESTRATOR_URL, &url)
        .ready_at(format!("http://{streams}/health/ready"))
        .start()
        .await?;

    let clients = Clients::new(&url, None)?;
    let gateway = Events::new(channel(&format!("http://{streams}"))?);
    // The workers may not have been heard yet: then submits are refused, and that is not what is measured.
    heard(&clients).await?;
    let all = (0..CAMPAIGNS).map(|number| campaign(&clients, &gateway, number));
    let all = try_join_all(all).await?;
    ensure!(!serving.is_finished(), "the model server has ended");
    let longest = |of: fn(&Seen) -> Duration| {
        let all = all.iter().map(of);
        all.max().unwrap_or_default().as_secs_f64()
    };
    results.set("model10s.total_s", longest(|seen| seen.total));
    results.set(
        "model10s.first_artifact_s",
        longest(|seen| seen.first_artifact),
    );
    let delays = all.iter().flat_map(|seen| &seen.delays).copied().collect();
    let p99_ms = Latencies::new(delays).within(0.99);
    results.set("model10s.event_p99_s", p99_ms / 1e3);
    Ok(())
}

/// Waits until a campaign would be taken, by one that is cancelled at once.
async fn heard(clients: &Clients) -> anyhow::Result<()> {
    let run_id = clients
        .submit(&brief::request("warm", "parallel"))
        .await?
        .run_id;
    let cancel = wire::run::v1::CancelRequest {
        run_id,
        reason: "it was only to see whether the workers are there".to_owned(),
    };
    clients.runs.clone().cancel(cancel).await?;
    Ok(())
}

async fn campaign(clients: &Clients, gateway: &Events, number: usize) -> anyhow::Result<Seen> {
    let begun = Instant::now();
    let request = brief::request(&format!("slow {number}"), "parallel");
    let submitted = clients.campaigns.clone().submit(request).await?;
    let run_id = submitted.into_inner().run_id;
    let request = SubscribeRequest {
        run_id: run_id.clone(),
        ..SubscribeRequest::default()
    };
    let mut stream = gateway.clone().subscribe(request).await?.into_inner();
    let (mut first_artifact, mut delays) = (None, Vec::new());
    loop {
        let response = stream.message().await?;
        let what = response.context("the stream ended before the run")?.what;
        let Some(What::Event(event)) = what else {
            continue;
        };
        delays.push(delay(&event)?);
        if event.r#type == FINISHED {
            first_artifact.get_or_insert_with(|| begun.elapsed());
        }
        if event.at_rest {
            break;
        }
    }
    let total = begun.elapsed();
    let result = clients.result(&run_id).await?;
    ensure!(result.status == "success", "a run ended {}", result.status);
    let report = result.audit_report.context("the result has no report")?;
    ensure!(
        report.auditor.contains(MODEL),
        "the auditor was {}, without the model",
        report.auditor
    );
    Ok(Seen {
        first_artifact: first_artifact.context("no artifact was made")?,
        total,
        delays,
    })
}

/// From the time that an event bears to now; both clocks are this machine's.
fn delay(event: &Event) -> anyhow::Result<Duration> {
    let time = event.time.context("an event has no time")?;
    let at = Duration::new(u64::try_from(time.seconds)?, u32::try_from(time.nanos)?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(now.saturating_sub(at))
}
