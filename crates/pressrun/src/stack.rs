//! The services in one process, on parts that need no server: SQLite and the in-memory bus. They are the
//! deployed services; only the ports given to them differ.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow};
use bus::{
    Bus, Memory, Subject,
    signature::{Seed, Signer, Verifier},
};
use event_gateway::history::grpc::Orchestrator;
use service::{clock, supervise::Tasks};
use store::sqlite::Sqlite;
use tokio_util::sync::CancellationToken;
use worker::{door, process::Hosting};

use crate::{Failure, client::Client};

/// How long workers get to finish or hand back their jobs.
const DRAIN: Duration = Duration::from_secs(20);
/// How long the workers may take to be heard.
const WORKERS_HEARD: Duration = Duration::from_secs(10);

/// Where the services listen; port 0 takes a free one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listen {
    /// The orchestrator's gRPC.
    pub(crate) orchestrator: SocketAddr,
    /// The gateway: streams, JSON, console.
    pub(crate) gateway: SocketAddr,
}

impl Listen {
    /// On this machine alone, at these ports.
    pub(crate) fn local(orchestrator: u16, gateway: u16) -> Self {
        let at = |port| (Ipv4Addr::LOCALHOST, port).into();
        Self {
            orchestrator: at(orchestrator),
            gateway: at(gateway),
        }
    }
}

/// All services, running.
pub(crate) struct Stack {
    orchestrator: tokio::task::JoinHandle<anyhow::Result<()>>,
    gateway: tokio::task::JoinHandle<anyhow::Result<()>>,
    workers: tokio::task::JoinHandle<anyhow::Result<()>>,
    stop: CancellationToken,
    stop_workers: CancellationToken,
    pub(crate) client: Client,
    /// Where the orchestrator's gRPC is.
    pub(crate) orchestrator_url: String,
    /// Where the gateway is.
    pub(crate) gateway_url: String,
    /// Held while the process lives.
    _lock: File,
}

impl Stack {
    /// Starts everything on `data_dir`. When it returns, briefs are taken.
    pub(crate) async fn start(
        data_dir: &Path,
        settings: &agent_worker::Settings,
        listen: Listen,
    ) -> Result<Self, Failure> {
        make_dir(data_dir)?;
        let lock = lock(data_dir)?;
        let signer = Arc::new(signer(&data_dir.join("signing.key"))?);
        let verifier = Arc::new(Verifier::new([signer.public_key().clone()]));
        let store = Sqlite::open(data_dir.join("pressrun.sqlite"))
            .await
            .context("the store cannot be opened")?;
        let store = Arc::new(store);
        let bus: Arc<dyn Bus> = Arc::new(Memory::new());
        let stop = CancellationToken::new();
        let stop_workers = CancellationToken::new();

        // Listening before the workers speak for the first time.
        let mut heard = bus
            .listen(&Subject::worker_presence())
            .await
            .map_err(anyhow::Error::from)?;
        let orchestrator = orchestrator::Service::build(
            orchestrator::Options {
                listen: listen.orchestrator,
                replica: "local".to_owned(),
                api_keys: false,
                bus_forgets: true,
                verify_keys: Vec::new(),
            },
            orchestrator::Ports {
                store: store.clone(),
                queries: store.clone(),
                library: store,
                bus: bus.clone(),
                signer,
            },
            stop.clone(),
        )
        .await?;
        let orchestrator_url = format!("http://{}", orchestrator.addr());
        let gateway = event_gateway::Service::build(
            event_gateway::Options {
                listen: listen.gateway,
                api_keys: false,
                session_secrets: Default::default(),
            },
            event_gateway::Ports {
                bus: bus.clone(),
                orchestrator: Orchestrator::new(&orchestrator_url).map_err(anyhow::Error::from)?,
            },
            stop.clone(),
        )
        .await?;
        let gateway_url = format!("http://{}", gateway.addr());

        let ports = worker::host::Ports {
            bus,
            verifier,
            door: Arc::new(door::Grpc::new(&orchestrator_url).map_err(anyhow::Error::from)?),
            clock: Arc::new(clock::now),
        };
        let auditing = Hosting {
            instance: Some("auditors".to_owned()),
            slots: settings.hosting.slots,
            ..Hosting::default()
        };
        let settings = agent_worker::Settings {
            hosting: Hosting {
                instance: Some("agents".to_owned()),
                ..settings.hosting.clone()
            },
            ..settings.clone()
        };
        let agents =
            agent_worker::Service::build(&settings, ports.clone()).map_err(anyhow::Error::from)?;
        let rules_alone = audit_worker::Judge::default();
        let auditors = audit_worker::Service::build(&auditing, &rules_alone, ports)
            .map_err(anyhow::Error::from)?;
        let mut tasks = Tasks::new(stop_workers.clone());
        tasks.spawn("agent-worker", serve(agents.run(stop_workers.clone())));
        tasks.spawn("audit-worker", serve(auditors.run(stop_workers.clone())));

        let stack = Self {
            client: Client::new(&orchestrator_url, &gateway_url, None)?,
            orchestrator_url,
            gateway_url,
            orchestrator: tokio::spawn(orchestrator.run()),
            gateway: tokio::spawn(gateway.run()),
            workers: tokio::spawn(async move { Ok(tasks.run(DRAIN).await?) }),
            stop,
            stop_workers,
            _lock: lock,
        };
        // Both workers have spoken: the orchestrator, which listened before, knows all agents.
        let both = async {
            for _ in 0..2 {
                heard.next().await;
            }
        };
        tokio::time::timeout(WORKERS_HEARD, both)
            .await
            .context("the workers did not start")?;
        Ok(stack)
    }

    /// Back when a service ends by itself, which is a failure. The caller drops or stops the rest.
    pub(crate) async fn broken(&mut self) -> Failure {
        let (which, ended) = tokio::select! {
            ended = &mut self.orchestrator => ("orchestrator", ended),
            ended = &mut self.gateway => ("event gateway", ended),
            ended = &mut self.workers => ("workers", ended),
        };
        let why = match ended {
            Ok(Ok(())) => anyhow!("it ended by itself"),
            Ok(Err(error)) => error,
            Err(error) => error.into(),
        };
        Failure::Broken(why.context(format!("the {which} stopped")))
    }

    /// Stops the workers first, so that running jobs end or are handed back, then the rest.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        self.stop_workers.cancel();
        self.workers.await.context("the workers broke")??;
        self.stop.cancel();
        self.gateway.await.context("the gateway broke")??;
        self.orchestrator
            .await
            .context("the orchestrator broke")??;
        Ok(())
    }
}

async fn serve(worker: impl Future<Output = ()>) -> anyhow::Result<()> {
    worker.await;
    Ok(())
}

fn make_dir(dir: &Path) -> anyhow::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder
        .create(dir)
        .with_context(|| format!("the data directory {} cannot be made", dir.display()))
}

/// Two processes on one directory would each think that the bus in memory is theirs.
fn lock(dir: &Path) -> Result<File, Failure> {
    let path = dir.join("lock");
    let file =
        File::create(&path).with_context(|| format!("{} cannot be opened", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Failure::Refused(
            format!(
                "another pressrun works in {}; wait for it, or name another --data-dir",
                dir.display()
            ),
            Vec::new(),
        )),
        Err(TryLockError::Error(error)) => Err(Failure::Broken(error.into())),
    }
}

/// The key of this directory, made at the first start.
fn signer(path: &Path) -> anyhow::Result<Signer> {
    if !path.exists() {
        write_secret(path, &Seed::generate()?.reveal())?;
    }
    Ok(Signer::new(&Seed::load(path)?)?)
}

/// Writes a secret to a new file that only its owner may read.
pub(crate) fn write_secret(path: &Path, secret: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let mut file =
        file.map_err(|error| anyhow!("{} cannot be written: {error}", path.display()))?;
    writeln!(file, "{secret}")
        .and_then(|()| file.sync_all())
        .with_context(|| format!("{}", path.display()))
}

/// Where a command keeps its files when it is not told: a folder of its name in the user's data directory.
pub(crate) fn default_dir(command: &str) -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share"));
    let base = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|dir| dir.is_absolute())
        .or_else(home);
    base.unwrap_or_else(std::env::temp_dir)
        .join("pressrun")
        .join(command)
}
