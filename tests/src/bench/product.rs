//! The product: one orchestrator, one agent worker, one audit worker, each a process of its own, with
//! agents that do nothing. A campaign is submitted by gRPC and ends with the event that says so.

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
    pub(super) clients: Clients,
    pub(super) rests: Rests,
}

impl Product {
    /// Starts everything on a fresh database.
    pub(super) async fn start(
        binaries: &Binaries,
        postgres: &Postgres,
        nats: &Nats,
    ) -> anyhow::Result<Self> {
        let files = TempDir::new()?;
        let seed = Seed::generate()?;
        let key = files.path().join("signing.key");
        std::fs::write(&key, seed.reveal())?;
        let listen = format!("127.0.0.1:{}", free_port()?);
        let url = format!("http://{listen}");
        let orchestrator = binaries
            .get("orchestrator")
            .env(env::LISTEN, &listen)
            .env(env::DATABASE_URL, postgres.database().await?)
            .env(env::NATS_URL, nats.url())
            .env(env::SIGNING_KEY, &key)
            .arg("--migrate")
            .ready_at(format!("{url}/health/ready"))
            .start()
            .await?;
        let signer = Signer::new(&seed)?;
        let agents = worker(binaries, "agent-worker", AGENTS, nats, &signer, &url).await?;
        let auditors = worker(binaries, "audit-worker", AUDITOR, nats, &signer, &url).await?;
        Ok(Self {
            processes: vec![
                ("orchestrator", orchestrator),
                ("agent_worker", agents),
                ("audit_worker", auditors),
            ],
            client: Client {
                clients: Clients::new(&url, None)?,
                rests: Rests::listen(nats.url()).await?,
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
        let Client { clients, rests } = &self.client;
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
        let submitted = self.clients.campaigns.clone().submit(request).await?;
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
    let listen = format!("127.0.0.1:{}", free_port()?);
    binaries
        .get(binary)
        .env(env::LISTEN, &listen)
        .env(env::NATS_URL, nats.url())
        .env(env::ORCHESTRATOR_URL, orchestrator)
        .env(env::VERIFY_KEYS, signer.public_key().to_string())
        // As many places as runs, so that no job waits for one.
        .env(env::SLOTS, IN_FLIGHT.to_string())
        .arg("--noop")
        .arg(agents)
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
