//! Everything that runs: Postgres, NATS, the fake model and our four services, each a process of its
//! own on ports of its own.
//!
//! Start with [`Layout`] (what is to run), then [`Stack::start`]; `client` is how to talk to it.

mod client;
mod model;

use std::path::{Path, PathBuf};

use anyhow::Context;
use bus::signature::{Seed, Signer};
use rig::{Binary, Nats, Postgres, Process, free_port};
use service::env;
use tempfile::TempDir;

pub use self::{
    client::{Clients, Events, LIMIT, channel, until},
    model::Model,
};
use crate::fake_model::{Call, Rule};

/// One of our services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The only writer of run state.
    Orchestrator,
    /// Hosts the agents that write.
    AgentWorker,
    /// Hosts the auditors.
    AuditWorker,
    /// Streams events.
    EventGateway,
}

impl Role {
    /// All of them, in the order in which they are started.
    pub const ALL: [Self; 4] = [
        Self::Orchestrator,
        Self::AgentWorker,
        Self::AuditWorker,
        Self::EventGateway,
    ];

    /// The binary's name.
    #[must_use]
    pub fn binary(self) -> &'static str {
        match self {
            Self::Orchestrator => "orchestrator",
            Self::AgentWorker => "agent-worker",
            Self::AuditWorker => "audit-worker",
            Self::EventGateway => "event-gateway",
        }
    }
}

/// What is to run.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Replicas of the orchestrator.
    pub orchestrators: usize,
    /// Agent workers.
    pub agent_workers: usize,
    /// Audit workers.
    pub audit_workers: usize,
    /// Event gateways.
    pub gateways: usize,
    /// Whether the doors ask for API keys.
    pub api_keys: bool,
    /// Seed of the fake model's delays.
    pub seed: u64,
    /// Shortest and longest delay of the fake model, milliseconds.
    pub delay_ms: (u64, u64),
    /// The OTLP receiver that gets spans; none are made without.
    pub otlp: Option<String>,
}

impl Default for Layout {
    /// One of each, and a model that answers within 50 ms.
    fn default() -> Self {
        Self {
            orchestrators: 1,
            agent_workers: 1,
            audit_workers: 1,
            gateways: 1,
            api_keys: false,
            seed: 0,
            delay_ms: (5, 50),
            otlp: None,
        }
    }
}

/// A running service.
pub struct Service {
    /// Which.
    pub role: Role,
    /// `http://127.0.0.1:port`.
    pub url: String,
    /// Its process.
    pub process: Process,
}

/// The running system. Dropping it kills everything.
pub struct Stack {
    /// The bus; a server of its own.
    pub nats: Nats,
    /// The database, as its owner.
    pub database: String,
    /// Signs as the orchestrator does.
    pub signer: Signer,
    /// The services, in the order of [`Role::ALL`].
    pub services: Vec<Service>,
    model: Model,
    otlp: Option<String>,
    files: TempDir,
    http: reqwest::Client,
}

impl Stack {
    /// Starts everything on a fresh database and waits until all of it is ready.
    ///
    /// # Errors
    /// When a part does not start; the message quotes its output.
    pub async fn start(layout: &Layout) -> anyhow::Result<Self> {
        let database = Postgres::shared().await?.database().await?;
        Self::start_on(layout, database).await
    }

    /// The same on this empty database.
    ///
    /// # Errors
    /// As [`Stack::start`].
    pub async fn start_on(layout: &Layout, database: String) -> anyhow::Result<Self> {
        service::crypto::install_crypto();
        let files = TempDir::new()?;
        let seed = Seed::generate()?;
        let key = files.path().join("signing.key");
        std::fs::write(&key, seed.reveal())?;
        let signer = Signer::new(&seed)?;

        let (nats, model) =
            tokio::try_join!(Nats::own(), Model::start(layout.seed, layout.delay_ms))?;
        let mut stack = Self {
            nats,
            database,
            signer,
            services: Vec::new(),
            model,
            otlp: layout.otlp.clone(),
            files,
            // A kept connection would belong to the runtime that made it, and each test has its own.
            http: reqwest::Client::builder()
                .pool_max_idle_per_host(0)
                .build()?,
        };
        let counts = [
            layout.orchestrators,
            layout.agent_workers,
            layout.audit_workers,
            layout.gateways,
        ];
        for (role, count) in Role::ALL.into_iter().zip(counts) {
            for number in 0..count {
                stack.add(role, number, layout.api_keys).await?;
            }
        }
        Ok(stack)
    }

    /// Starts one more of a service.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn add(&mut self, role: Role, number: usize, api_keys: bool) -> anyhow::Result<()> {
        let listen = format!("127.0.0.1:{}", free_port()?);
        let url = format!("http://{listen}");
        let binary = Binary::new(role.binary())
            .env(env::LISTEN, &listen)
            .env(env::NATS_URL, self.nats.url())
            .env(env::INSTANCE, format!("{}-{number}", role.binary()))
            .ready_at(format!("{url}/health/ready"));
        let binary = match &self.otlp {
            Some(receiver) => binary.env(env::OTLP_ENDPOINT, receiver),
            None => binary,
        };
        let binary = match role {
            Role::Orchestrator => {
                let binary = binary
                    .env(env::DATABASE_URL, &self.database)
                    .env(env::SIGNING_KEY, self.files.path().join("signing.key"))
                    .env(env::VERIFY_KEYS, self.signer.public_key().to_string())
                    .arg("--migrate");
                if api_keys {
                    binary.arg("--api-keys")
                } else {
                    binary
                }
            }
            Role::AgentWorker => self
                .worker(binary)
                .env(env::MODEL_URL, &self.model.url)
                .env(env::MODEL, crate::fake_model::MODEL),
            Role::AuditWorker => self.worker(binary),
            Role::EventGateway => {
                let binary = binary.env(env::ORCHESTRATOR_URL, self.url(Role::Orchestrator)?);
                if api_keys {
                    binary.arg("--api-keys")
                } else {
                    binary
                }
            }
        };
        let process = binary
            .start()
            .await
            .with_context(|| format!("starting {}", role.binary()))?;
        self.services.push(Service { role, url, process });
        Ok(())
    }

    fn worker(&self, binary: Binary) -> Binary {
        // Without an orchestrator nothing is too large for a message either.
        let orchestrator = self.url(Role::Orchestrator).unwrap_or("http://127.0.0.1:1");
        binary
            .env(env::ORCHESTRATOR_URL, orchestrator)
            .env(env::VERIFY_KEYS, self.signer.public_key().to_string())
    }

    /// Gives the orchestrators another signing key, which they take up when they start again. Workers go on
    /// with the old one, which [`Stack::signer`] stays.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn change_signing_key(&self) -> anyhow::Result<()> {
        let key = self.files.path().join("signing.key");
        std::fs::write(key, Seed::generate()?.reveal()).context("the signing key")
    }

    /// The address of the first of a service.
    ///
    /// # Errors
    /// When none runs.
    pub fn url(&self, role: Role) -> anyhow::Result<&str> {
        let found = self.all(role).next();
        let found = found.with_context(|| format!("no {} is part of this stack", role.binary()))?;
        Ok(&found.url)
    }

    /// All of a service.
    pub fn all(&self, role: Role) -> impl Iterator<Item = &Service> {
        self.services
            .iter()
            .filter(move |service| service.role == role)
    }

    /// The process of the first of a service.
    ///
    /// # Errors
    /// When none runs.
    pub fn process(&mut self, role: Role) -> anyhow::Result<&mut Process> {
        let found = self
            .services
            .iter_mut()
            .find(|service| service.role == role);
        let found = found.with_context(|| format!("no {} is part of this stack", role.binary()))?;
        Ok(&mut found.process)
    }

    /// Clients of the first orchestrator and the first gateway.
    ///
    /// # Errors
    /// When an address is none.
    pub fn clients(&self) -> anyhow::Result<Clients> {
        let gateway = self.url(Role::EventGateway).ok();
        Clients::new(self.url(Role::Orchestrator)?, gateway)
    }

    /// A connection to the bus with all rights.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn bus(&self) -> anyhow::Result<bus::Nats> {
        let options = bus::nats::Options {
            url: self.nats.url().to_owned(),
            nkey_seed: None,
            inbox_prefix: None,
            role: None,
            name: "system-tests".to_owned(),
        };
        Ok(bus::Nats::connect(&options).await?)
    }

    /// Runs one statement on the database as its owner; rows come as lines, columns separated by `|`.
    ///
    /// # Errors
    /// With what the server said.
    pub async fn query(&self, sql: &str) -> anyhow::Result<String> {
        let server = Postgres::shared().await?;
        server.query_in(&self.database, sql).await
    }

    /// Has the fake model answer otherwise.
    ///
    /// # Errors
    /// When it does not take the rule.
    pub async fn rule(&self, rule: &Rule) -> anyhow::Result<()> {
        self.model.rule(rule).await
    }

    /// Takes back the rules for a brief; what hung for it goes on.
    ///
    /// # Errors
    /// When the fake model does not answer.
    pub async fn unrule(&self, brief: &str) -> anyhow::Result<()> {
        self.model.unrule(Some(brief)).await
    }

    /// The world log of the fake model.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn calls(&self) -> anyhow::Result<Vec<Call>> {
        self.model.calls()
    }

    /// The calls for one brief.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn calls_for(&self, brief: &str) -> anyhow::Result<Vec<Call>> {
        let mut calls = self.calls()?;
        calls.retain(|call| call.brief == brief);
        Ok(calls)
    }

    /// The sum of a metric of one service over all its labels that hold `with`; 0 when it was never
    /// recorded.
    ///
    /// # Errors
    /// When the service does not answer.
    pub async fn metric(&self, service: &Service, name: &str, with: &str) -> anyhow::Result<f64> {
        let url = format!("{}/metrics", service.url);
        let text = self.http.get(url).send().await?.error_for_status()?;
        let text = text.text().await?;
        let values = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let (labels, value) = rest.rsplit_once(' ')?;
            let is_it = labels.is_empty() || labels.starts_with('{');
            (is_it && labels.contains(with)).then(|| value.parse::<f64>().ok())?
        });
        Ok(values.sum())
    }

    /// Copies what every process has written to where it outlives the stack: a folder of this name below
    /// `target/rig/logs`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_logs(&self, name: &str) -> anyhow::Result<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/rig/logs");
        let folder = root.join(name);
        std::fs::create_dir_all(&folder)?;
        for (number, service) in self.services.iter().enumerate() {
            let file = format!("{number}-{}.log", service.role.binary());
            std::fs::write(folder.join(file), service.process.log())?;
        }
        std::fs::write(folder.join("nats.log"), self.nats.log())?;
        Ok(folder)
    }

    /// Whether the fake model still runs; a test may not blame others for its end.
    #[must_use]
    pub fn model_runs(&self) -> bool {
        self.model.is_running()
    }
}
