//! The product: one orchestrator, one agent worker, one audit worker, each a process of its own, with
//! agents that do nothing. A campaign is submitted by gRPC and ends with the event that says so.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context, ensure};
use bus::signature::{Seed, Signer};
use rig::{Nats, Postgres, Process, free_port};
use service::env;
use tempfile::TempDir;

use super::{Binaries, IN_FLIGHT, rest::Rests};
use crate::{
    brief,
    stack::{Clients, until},
};

/// What the agent worker hosts.
const AGENTS: &str = "copy,short_copy,visual_concept";
const AUDITOR: &str = "audit_campaign";
/// Size of an artifact, bytes; the agents fill up to about this.
const ARTIFACT_BYTES: std::ops::Range<usize> = 1_900..2_200;

/// What runs of the product, beside one audit worker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) orchestrators: usize,
    pub(super) agent_workers: usize,
    /// Places of an agent worker for each of its agents.
    pub(super) slots: usize,
    /// How long an agent takes, milliseconds.
    pub(super) agents_take_ms: u64,
}

impl Default for Layout {
    /// One of each, and as many places as runs, so that no job waits for one.
    fn default() -> Self {
        Self {
            orchestrators: 1,
            agent_workers: 1,
            slots: IN_FLIGHT,
            agents_take_ms: 0,
        }
    }
}

/// The running product.
pub(super) struct Product {
    processes: Vec<(&'static str, Process)>,
    client: Client,
    orchestrator: String,
    /// The signing key is in it.
    _files: TempDir,
}

/// A caller; cheap to clone.
#[derive(Clone)]
pub(super) struct Client {
    /// Of the first orchestrator.
    pub(super) clients: Clients,
    pub(super) rests: Rests,
    /// Of every orchestrator; campaigns are spread over them.
    doors: Arc<[Clients]>,
    turn: Arc<AtomicUsize>,
}

impl Product {
    /// Starts everything on a fresh database.
    pub(super) async fn start(
        binaries: &Binaries,
        postgres: &Postgres,
        nats: &Nats,
    ) -> anyhow::Result<Self> {
        let database = postgres.database().await?;
        Self::start_as(Layout::default(), binaries, &database, nats).await
    }

    /// Starts this much of everything.
    pub(super) async fn start_as(
        layout: Layout,
        binaries: &Binaries,
        database: &str,
        nats: &Nats,
    ) -> anyhow::Result<Self> {
        let files = TempDir::new()?;
        let seed = Seed::generate()?;
        let key = files.path().join("signing.key");
        std::fs::write(&key, seed.reveal())?;
        let mut processes = Vec::new();
        let mut urls = Vec::new();
        for number in 0..layout.orchestrators {
            let listen = format!("127.0.0.1:{}", free_port()?);
            let url = format!("http://{listen}");
            let orchestrator = binaries
                .get("orchestrator")
                .env(env::LISTEN, &listen)
                .env(env::DATABASE_URL, database)
                .env(env::NATS_URL, nats.url())
                .env(env::SIGNING_KEY, &key)
                .env(env::INSTANCE, format!("orchestrator-{number}"))
                .arg("--migrate")
                .ready_at(format!("{url}/health/ready"))
                .start()
                .await?;
            processes.push(("orchestrator", orchestrator));
            urls.push(url);
        }
        let url = urls.first().context("no orchestrator is to run")?.clone();
        let signer = Signer::new(&seed)?;
        for _ in 0..layout.agent_workers {
            let agents = noops(
                binaries,
                "agent-worker",
                AGENTS,
                nats,
                &signer,
                &url,
                layout,
            );
            processes.push(("agent_worker", agents.await?));
        }
        let auditors = worker(binaries, "audit-worker", AUDITOR, nats, &signer, &url).await?;
        processes.push(("audit_worker", auditors));
        let doors = urls.iter().map(|url| Clients::new(url, None));
        Ok(Self {
            processes,
            client: Client {
                clients: Clients::new(&url, None)?,
                rests: Rests::listen(nats.url()).await?,
                doors: doors.collect::<anyhow::Result<_>>()?,
                turn: Arc::default(),
            },
            orchestrator: url,
            _files: files,
        })
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Adds an event gateway; says where it is.
    pub(super) async fn add_gateway(
        &mut self,
        binaries: &Binaries,
        nats: &Nats,
    ) -> anyhow::Result<String> {
        let listen = format!("127.0.0.1:{}", free_port()?);
        let url = format!("http://{listen}");
        let gateway = binaries
            .get("event-gateway")
            .env(env::LISTEN, &listen)
            .env(env::NATS_URL, nats.url())
            .env(env::ORCHESTRATOR_URL, &self.orchestrator)
            .ready_at(format!("{url}/health/ready"))
            .start()
            .await?;
        self.processes.push(("event_gateway", gateway));
        Ok(url)
    }

    /// The processes by name.
    pub(super) fn pids(&self) -> Vec<(&'static str, Option<u32>)> {
        let pids = self.processes.iter();
        pids.map(|(name, process)| (*name, process.pid())).collect()
    }

    /// Runs one campaign and looks at all of it: what is measured does what it should.
    pub(super) async fn check(&self) -> anyhow::Result<()> {
        let Client { clients, rests, .. } = &self.client;
        // Patient: the workers may not have been heard yet.
        let request = brief::request("checked", "parallel");
        let run = clients.submit(&request).await?.run_id;
        rests.of(&run).await?;
        let result = clients.result(&run).await?;
        ensure!(
            result.status == "success",
            "the run ended {}",
            result.status
        );
        let artifacts = result.artifacts.context("the result has no artifacts")?;
        let complete = artifacts.copy.is_some()
            && artifacts.short_copy.is_some()
            && artifacts.visual_concept.is_some()
            && result.audit_report.is_some();
        ensure!(complete, "an artifact or the report is missing");
        let body = artifacts.copy.map_or(0, |copy| copy.body.len());
        ensure!(
            body > ARTIFACT_BYTES.start / 2,
            "the copy holds {body} bytes"
        );
        let events = clients.stored_events(&run).await?;
        let numbers: Vec<u64> = events.iter().map(|event| event.sequence).collect();
        let wanted: Vec<u64> = (1..=numbers.len() as u64).collect();
        ensure!(numbers == wanted, "the events have a gap: {numbers:?}");
        Ok(())
    }
}

impl Client {
    /// One campaign, from its submit to the event of its end.
    pub(super) async fn campaign(&self) -> anyhow::Result<()> {
        let request = brief::request("bench", "parallel");
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let door = self.doors.get(turn % self.doors.len());
        let campaigns = &door.context("the product has no door")?.campaigns;
        let submitted = campaigns.clone().submit(request).await?;
        self.rests.of(&submitted.into_inner().run_id).await
    }
}

/// Starts a worker whose agents do nothing.
pub(super) async fn worker(
    binaries: &Binaries,
    binary: &str,
    agents: &str,
    nats: &Nats,
    signer: &Signer,
    orchestrator: &str,
) -> anyhow::Result<Process> {
    let layout = Layout::default();
    noops(binaries, binary, agents, nats, signer, orchestrator, layout).await
}

/// Starts a worker whose agents take a while and do nothing.
async fn noops(
    binaries: &Binaries,
    binary: &str,
    agents: &str,
    nats: &Nats,
    signer: &Signer,
    orchestrator: &str,
    layout: Layout,
) -> anyhow::Result<Process> {
    let listen = format!("127.0.0.1:{}", free_port()?);
    binaries
        .get(binary)
        .env(env::LISTEN, &listen)
        .env(env::NATS_URL, nats.url())
        .env(env::ORCHESTRATOR_URL, orchestrator)
        .env(env::VERIFY_KEYS, signer.public_key().to_string())
        .env(env::SLOTS, layout.slots.to_string())
        .arg("--noop")
        .arg(agents)
        .arg("--noop-delay-ms")
        .arg(layout.agents_take_ms.to_string())
        .ready_at(format!("http://{listen}/health/ready"))
        .start()
        .await
}

/// Waits until the agents are heard.
pub(super) async fn hosted(core: &orchestrator::core::Core, kind: &str) -> anyhow::Result<()> {
    until(&format!("a worker for {kind}"), async || {
        Ok(core.workers.hosted().contains_key(kind).then_some(()))
    })
    .await
}
