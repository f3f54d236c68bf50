//! A NATS server of its own, or the one that `NATS_URL` names.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use url::Url;

use crate::port::free_port;
use crate::supervisor::{Spec, Supervisor, new_home};
use crate::tools;

/// A start with streams on disk recovers them first.
const READY: Duration = Duration::from_secs(30);
/// For one greeting of a server.
const GREETING: Duration = Duration::from_secs(2);
const STOPPED: Duration = Duration::from_secs(20);
/// Another process may take the port between the look and the start.
const START_TRIES: u32 = 5;
const OLDEST: (u32, u32) = (2, 12);

/// A running server with JetStream. Dropping it kills the server and removes its files.
pub struct Nats {
    /// None when the server is not ours.
    server: Option<Supervisor>,
    url: String,
    version: String,
}

impl Nats {
    /// The server of `NATS_URL` when that is set, else one of its own. Tests that count on empty
    /// streams, or that kill it, use [`Nats::own`].
    ///
    /// # Errors
    /// When there is no nats-server ≥ 2.12 (the message says how to get one), or it does not start,
    /// or has no JetStream.
    pub async fn start() -> anyhow::Result<Self> {
        match std::env::var("NATS_URL") {
            Ok(url) if !url.is_empty() => {
                let version = greeting(&url).await.and_then(|hello| check(&hello));
                Ok(Self {
                    server: None,
                    version: version.with_context(|| "the server of NATS_URL")?,
                    url,
                })
            }
            _ => Self::own().await,
        }
    }

    /// A server of its own whatever the environment says: empty, 1 MB payloads, default sync.
    ///
    /// # Errors
    /// As [`Nats::start`].
    pub async fn own() -> anyhow::Result<Self> {
        Self::with_config("").await
    }

    /// A server of its own with more lines in its configuration file (users, limits).
    ///
    /// # Errors
    /// As [`Nats::start`], and when the server refuses the configuration.
    pub async fn with_config(lines: &str) -> anyhow::Result<Self> {
        for _ in 1..START_TRIES {
            match Self::on_port(free_port()?, lines).await {
                Err(error) if format!("{error:#}").contains("address already in use") => {}
                other => return other,
            }
        }
        Self::on_port(free_port()?, lines).await
    }

    /// The nats-server program, for tests that start it in another way.
    ///
    /// # Errors
    /// When there is none; the message says how to get one.
    pub fn program() -> anyhow::Result<PathBuf> {
        tools::nats_server()
    }

    /// `nats://host:port`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server's version, as it says itself.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The server's process id; none for a server of `NATS_URL`.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().and_then(Supervisor::pid)
    }

    /// All that the server has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.server
            .as_ref()
            .map(Supervisor::log)
            .unwrap_or_default()
    }

    /// SIGKILL; back when the process is gone.
    ///
    /// # Errors
    /// When the server is not ours.
    pub async fn kill9(&mut self) -> anyhow::Result<()> {
        self.ours()?.end("KILL", STOPPED).await?;
        Ok(())
    }

    /// Removes every stream and consumer of the killed server from the disk.
    ///
    /// # Errors
    /// When the server is not ours, or still runs.
    pub fn wipe(&mut self) -> anyhow::Result<()> {
        let server = self.ours()?;
        if server.is_running() {
            bail!("the server still runs: call kill9 first");
        }
        std::fs::remove_dir_all(server.home().join("store")).context("removing the store")
    }

    /// Starts the killed server again, on the same port, and waits until it greets.
    ///
    /// # Errors
    /// When the server is not ours, still runs, or does not start.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        let url = self.url.clone();
        start_and_wait(self.ours()?, &url).await?;
        Ok(())
    }

    fn ours(&mut self) -> anyhow::Result<&mut Supervisor> {
        self.server
            .as_mut()
            .context("the server of NATS_URL is not ours to stop: use Nats::own")
    }

    async fn on_port(port: u16, lines: &str) -> anyhow::Result<Self> {
        let program = tools::nats_server()?;
        let home = new_home(None)?;
        let config = home.join("nats.conf");
        let store = home.join("store");
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\nmax_payload: 1MB\njetstream {{ store_dir: {store:?}, max_file_store: 64GB }}\n{lines}\n"
        );
        std::fs::write(&config, text)?;
        let mut server = Supervisor::new(
            home,
            Spec {
                name: "nats".to_owned(),
                program,
                arguments: vec!["-c".into(), config.into_os_string()],
                environment: Vec::new(),
                owner: None,
                last_signal: "KILL",
            },
        )?;
        let url = format!("nats://127.0.0.1:{port}");
        let version = start_and_wait(&mut server, &url).await?;
        Ok(Self {
            server: Some(server),
            url,
            version,
        })
    }
}

async fn start_and_wait(server: &mut Supervisor, url: &str) -> anyhow::Result<String> {
    server.start().await?;
    let hello = server
        .until(READY, async || greeting(url).await.ok())
        .await?;
    check(&hello)
}

/// What a server says first to whoever connects, before any log-in.
async fn greeting(url: &str) -> anyhow::Result<Value> {
    let first = url.split(',').next().unwrap_or(url);
    let url = Url::parse(first).with_context(|| format!("{first} is no URL"))?;
    let host = url.host_str().context("the URL has no host")?;
    let port = url.port().unwrap_or(4222);
    let greet = async {
        let stream = TcpStream::connect((host, port)).await?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await?;
        let info = line.strip_prefix("INFO ").context("not a NATS server")?;
        anyhow::Ok(serde_json::from_str(info)?)
    };
    tokio::time::timeout(GREETING, greet)
        .await
        .with_context(|| format!("no greeting from {host}:{port} within {GREETING:?}"))?
}

/// The version, when it is new enough. Older servers drop newer options without a word.
fn check(hello: &Value) -> anyhow::Result<String> {
    let version = hello["version"].as_str().unwrap_or_default();
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found < OLDEST {
        bail!(
            "nats-server is {version}, needed is {}.{} or newer",
            OLDEST.0,
            OLDEST.1
        );
    }
    if hello["jetstream"] != Value::Bool(true) {
        bail!("nats-server {version} runs without JetStream");
    }
    Ok(version.to_owned())
}
