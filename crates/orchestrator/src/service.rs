//! The orchestrator as a service: its core, its doors, one port.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use ::service::{
    auth::Guard,
    http::{App, Readiness},
    metric,
    supervise::{BoxError, Tasks},
};
use bus::{
    Bus,
    signature::{PublicKey, Signer, Verifier},
};
use rand::RngCore;
use store::{
    Library,
    port::{CommitPath, Queries},
};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{self, Api},
    core::{self, Core},
    keys::StoredKeys,
};

/// How long running calls and commits get at a stop.
const DRAIN: Duration = Duration::from_secs(20);
/// Unary calls that wait by design.
const PATIENT: &[&str] = &["/pressrun.campaign.v1.CampaignService/Run"];

/// The workers' door: a call carries the signed job that it is made for.
const PROVEN: &[&str] = &[
    "/pressrun.artifact.v1.ArtifactService/GetJobInput",
    "/pressrun.artifact.v1.ArtifactService/PutResult",
    "/pressrun.artifact.v1.ArtifactService/PutMedia",
];

/// How an orchestrator is to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Its name among the replicas.
    pub replica: String,
    /// Whether callers need API keys. Without, only callers on this machine are served.
    pub api_keys: bool,
    /// The bus keeps nothing over a restart.
    pub bus_forgets: bool,
    /// Other orchestrators' public keys whose jobs the workers' door takes, beside the own: while the key is
    /// changed, the one before and the one after.
    pub verify_keys: Vec<PublicKey>,
}

/// What it is given; `dev`, tests and production differ in nothing else.
#[derive(Clone)]
pub struct Ports {
    /// The truth: the commit path.
    pub store: Arc<dyn CommitPath>,
    /// The truth: queries.
    pub queries: Arc<dyn Queries>,
    /// The truth: what is kept to be used again.
    pub library: Arc<dyn Library>,
    /// The transport.
    pub bus: Arc<dyn Bus>,
    /// Signs jobs.
    pub signer: Arc<Signer>,
}

/// A built orchestrator: its port is open.
pub struct Service {
    tasks: Tasks,
    addr: SocketAddr,
    core: Core,
}

impl Service {
    /// Opens the port and starts the core.
    ///
    /// # Errors
    /// When the port cannot be opened, or would be open to others without keys.
    pub async fn build(
        options: Options,
        ports: Ports,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let own = ports.signer.public_key().clone();
        let verifier = Arc::new(Verifier::new([own].into_iter().chain(options.verify_keys)));
        let guard = if options.api_keys {
            Guard::Keys(Arc::new(StoredKeys::new(ports.queries.clone())))
        } else {
            Guard::local_only()?
        };
        let readiness = Readiness::default();
        let (store, bus) = (ports.store.clone(), ports.bus.clone());
        readiness.need(store.name(), move || store.trouble());
        readiness.need(bus.name(), move || bus.trouble());
        let mut app = App::new(guard, readiness.clone());
        app.patient = PATIENT;
        app.proven = PROVEN;
        let mut tasks = Tasks::new(stop.clone());
        let core = Core::start(
            core::Ports {
                store: ports.store,
                bus: ports.bus,
                signer: ports.signer,
                entropy: Arc::new(|| rand::rng().next_u64()),
            },
            core::Options {
                replica: options.replica,
                bus_forgets: options.bus_forgets,
                windows: core::places::Windows::default(),
            },
            &mut tasks,
            &stop,
        );
        let (api, abandoned) = Api::new(
            core.clone(),
            ports.queries,
            ports.library,
            verifier,
            readiness.clone(),
        );
        api.add_to(&mut app.grpc);
        let server = app.bind(options.listen).await?;
        metric::begin(&[
            metric::OUTCOMES,
            metric::CLAIMS,
            metric::COMMITS,
            metric::MESSAGES,
            metric::REDRIVES,
        ]);
        let addr = server.addr();
        tasks.spawn(
            "abandoned runs",
            api::abandoned(core.clone(), abandoned, stop.clone()),
        );
        tasks.spawn("grpc", server.run(stop));
        readiness.set(true);
        Ok(Self { tasks, addr, core })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Adds a task that is watched with its own.
    pub fn watch<E: Into<BoxError>>(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        self.tasks.spawn(name, task);
    }

    /// Its core.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// Runs until the stop, then finishes what it has begun.
    ///
    /// # Errors
    /// When one of its tasks fails.
    pub async fn run(self) -> anyhow::Result<()> {
        Ok(self.tasks.run(DRAIN).await?)
    }
}
