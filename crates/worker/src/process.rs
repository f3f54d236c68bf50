//! What the two worker binaries share: their options, the ports made of them, and the process around a
//! worker. Agents are the binary's own.

use std::{convert::Infallible, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

/// Whose rights a NATS user has.
pub use bus::nats::Role;
use bus::{
    BusError, Nats, nats,
    signature::{InvalidKey, PublicKey, Verifier},
};
use model::AgentKind;
use service::{
    auth::Guard,
    clock, env,
    http::{self, App, Readiness},
    metric,
    mode::Mode,
    secret,
    signal::stop_on_signal,
    supervise::{self, Tasks},
    upstream::Upstream,
};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{
    agent::Agent,
    door::{self, DoorError},
    host::{self, Ports, Worker},
    limits::PROCESS_DRAIN,
    noop::Noop,
};

/// What a worker is connected to.
#[derive(Clone, clap::Args)]
pub struct Connection {
    /// Where NATS is; more servers of one cluster after commas.
    #[arg(
        long,
        env = env::NATS_URL,
        value_name = "URL",
        default_value = "nats://127.0.0.1:4222",
        hide_env_values = true
    )]
    pub nats_url: String,
    /// File with the seed of the NATS user's nkey.
    #[arg(long, env = env::NATS_CREDENTIALS, value_name = "FILE")]
    pub nats_credentials: Option<PathBuf>,
    /// Where the orchestrator's gRPC is: for inputs and results that are too large for a message.
    #[arg(long, env = env::ORCHESTRATOR_URL, value_name = "URL", default_value = "http://127.0.0.1:7400")]
    pub orchestrator_url: String,
    /// Public keys of the orchestrator, by comma; one may begin with a hyphen. Jobs that none of them signed are refused.
    #[arg(long, env = env::VERIFY_KEYS, value_name = "KEYS", value_delimiter = ',', required_unless_present = "verify_keys_file", allow_hyphen_values = true)]
    pub verify_keys: Vec<PublicKey>,
    /// File with these keys, by comma.
    #[arg(long, env = env::VERIFY_KEYS_FILE, value_name = "FILE")]
    pub verify_keys_file: Option<PathBuf>,
    /// Where `/health/live`, `/health/ready` and `/metrics` are served; port 0 takes a free one, and the
    /// log says which.
    #[arg(long, env = env::LISTEN, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Where this process runs; the log says what follows from it.
    #[arg(long, env = env::MODE, value_enum)]
    pub mode: Option<Mode>,
}

/// How a worker works.
#[derive(Debug, Clone, clap::Args)]
pub struct Hosting {
    /// This worker's name, unique among all workers; made up when absent.
    #[arg(long, env = env::INSTANCE, value_name = "NAME")]
    pub instance: Option<String>,
    /// Jobs done at once, for each agent kind.
    #[arg(long, env = env::SLOTS, value_name = "N", default_value_t = host::SLOTS)]
    pub slots: u32,
    /// For the benchmark only: hosts agents of these kinds that do nothing, instead of the real ones.
    #[arg(
        long,
        value_name = "KINDS",
        value_delimiter = ',',
        hide_short_help = true
    )]
    pub noop: Vec<AgentKind>,
    /// For the benchmark only: how long the agents that do nothing take, milliseconds.
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 0,
        requires = "noop",
        hide_short_help = true
    )]
    pub noop_delay_ms: u64,
}

impl Default for Hosting {
    fn default() -> Self {
        Self {
            instance: None,
            slots: host::SLOTS,
            noop: Vec::new(),
            noop_delay_ms: 0,
        }
    }
}

/// Why a worker process cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The credentials cannot be read.
    #[error(transparent)]
    Credentials(#[from] nats::CredentialsError),
    /// A file cannot be read.
    #[error(transparent)]
    Secret(#[from] secret::Error),
    /// A file holds something else than public keys.
    #[error("{path}: {source}")]
    VerifyKeys {
        /// The file.
        path: PathBuf,
        /// Why.
        source: InvalidKey,
    },
    /// No connection to the bus.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The orchestrator's address is none.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// No port for health and metrics.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// Signals cannot be caught.
    #[error("signals cannot be caught: {0}")]
    Signals(#[source] io::Error),
    /// A part of the process broke.
    #[error(transparent)]
    Tasks(#[from] supervise::Error),
}

impl Connection {
    /// Connects: the bus, the orchestrator's keys and its door. `role` is whose rights its NATS user has.
    ///
    /// # Errors
    /// When the bus cannot be reached or used, or an option is wrong.
    pub async fn ports(&self, role: Role) -> Result<Ports, Error> {
        if let Some(mode) = self.mode {
            mode.tell();
        }
        let verify_keys = self.verify_keys()?;
        let options =
            nats::Options::of_service(&self.nats_url, self.nats_credentials.as_deref(), role)?;
        Ok(Ports {
            bus: Arc::new(Nats::connect(&options).await?),
            verifier: Arc::new(Verifier::new(verify_keys)),
            door: Arc::new(door::Grpc::new(&self.orchestrator_url)?),
            clock: Arc::new(clock::now),
        })
    }

    /// The keys that were given, and those of the file.
    fn verify_keys(&self) -> Result<Vec<PublicKey>, Error> {
        let mut keys = self.verify_keys.clone();
        if let Some(path) = &self.verify_keys_file {
            let listed = PublicKey::list(&secret::read("the verifying keys", path)?);
            keys.extend(listed.map_err(|source| Error::VerifyKeys {
                path: path.clone(),
                source,
            })?);
        }
        Ok(keys)
    }
}

impl Hosting {
    /// The options of a worker of this role.
    pub fn options(&self, role: &str) -> host::Options {
        let made_up = || format!("{role}-{}", uuid::Uuid::now_v7());
        host::Options {
            slots: self.slots,
            ..host::Options::new(self.instance.clone().unwrap_or_else(made_up))
        }
    }

    /// The agents that do nothing, when they are asked for instead of the real ones.
    pub fn noops(&self) -> Option<Vec<Arc<dyn Agent>>> {
        let delay = Duration::from_millis(self.noop_delay_ms);
        let agent = |kind: &AgentKind| Arc::new(Noop::new(kind.clone(), delay)) as Arc<dyn Agent>;
        (!self.noop.is_empty()).then(|| self.noop.iter().map(agent).collect())
    }
}

/// Runs a worker as a process of its own, beside health and metrics, until SIGTERM or SIGINT; then drains. It
/// is ready while it reaches the bus and the orchestrator.
///
/// # Errors
/// When an address is none or taken, or a part of the process breaks.
pub async fn run(worker: Worker, at: &Connection) -> Result<(), Error> {
    let stop = CancellationToken::new();
    let signals = stop_on_signal(stop.clone()).map_err(Error::Signals)?;
    let readiness = Readiness::default();
    let bus = worker.bus().clone();
    readiness.need(bus.name(), move || bus.trouble());
    let orchestrator = Upstream::at(&at.orchestrator_url).map_err(|error| {
        let address = &at.orchestrator_url;
        DoorError::Refused(format!(
            "`{address}` is no address of an orchestrator: {error}"
        ))
    })?;
    let door = orchestrator.clone();
    readiness.need("orchestrator", move || door.trouble());
    let server = App::new(Guard::Closed, readiness.clone())
        .bind(at.listen)
        .await?;
    metric::begin(&[metric::JOBS_REFUSED]);
    info!(address = %server.addr(), "health and metrics are served");
    let mut tasks = Tasks::new(stop.clone());
    tasks.spawn("signals", signals);
    tasks.spawn("http", server.run(stop.clone()));
    tasks.spawn("orchestrator", orchestrator.follow(stop.clone()));
    tasks.spawn("worker", async move {
        worker.run(stop).await;
        Ok::<(), Infallible>(())
    });
    readiness.set(true);
    Ok(tasks.run(PROCESS_DRAIN).await?)
}
