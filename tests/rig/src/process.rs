//! Our own binaries as real processes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use url::Url;

use crate::supervisor::{Spec, Supervisor, new_home};

/// Debug builds beside a busy test run.
const READY: Duration = Duration::from_secs(60);
/// For one answer of a health endpoint.
const ANSWER: Duration = Duration::from_secs(2);
/// After SIGKILL.
const GONE: Duration = Duration::from_secs(20);

/// What to run: a binary of this workspace, or any program.
pub struct Binary {
    program: Program,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    health: Option<String>,
}

enum Program {
    Workspace(String),
    Path(PathBuf),
}

impl Binary {
    /// A binary of this workspace by its name, built in the profile of the running test or bench.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::of(Program::Workspace(name.to_owned()))
    }

    /// Where the binary of that name is, for what [`Process`] does not do.
    ///
    /// # Errors
    /// When it does not build.
    pub async fn path(name: &str) -> anyhow::Result<PathBuf> {
        built(name).await
    }

    /// Any program.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self::of(Program::Path(path.into()))
    }

    fn of(program: Program) -> Self {
        Self {
            program,
            arguments: Vec::new(),
            environment: Vec::new(),
            health: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, value: impl Into<OsString>) -> Self {
        self.arguments.push(value.into());
        self
    }

    /// Sets an environment variable; the rest is inherited.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The address that answers 200 once the process is ready: `http://127.0.0.1:1234/health/ready`.
    #[must_use]
    pub fn ready_at(mut self, url: impl Into<String>) -> Self {
        self.health = Some(url.into());
        self
    }

    /// Starts it, and waits until it is ready if it has a health address.
    ///
    /// # Errors
    /// When it does not build, ends early or is not ready within a minute; the message quotes its output.
    pub async fn start(self) -> anyhow::Result<Process> {
        let mut process = self.spawn().await?;
        process.start_again().await?;
        Ok(process)
    }

    async fn spawn(self) -> anyhow::Result<Process> {
        let program = match self.program {
            Program::Workspace(name) => built(&name).await?,
            Program::Path(path) => path,
        };
        let name = program
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let supervisor = Supervisor::new(
            new_home(None)?,
            Spec {
                name,
                program,
                arguments: self.arguments,
                environment: self.environment,
                owner: None,
                last_signal: "KILL",
            },
        )?;
        Ok(Process {
            supervisor,
            health: self.health,
        })
    }
}

/// A started process. Dropping it kills it; when a test fails its output is kept.
pub struct Process {
    supervisor: Supervisor,
    health: Option<String>,
}

impl Process {
    /// The process id of the last start.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.supervisor.pid()
    }

    /// Whether it has been started and has not ended.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.supervisor.is_running()
    }

    /// All that it has written to both outputs, over all starts.
    #[must_use]
    pub fn log(&self) -> String {
        self.supervisor.log()
    }

    /// SIGKILL; back when the process is gone.
    ///
    /// # Errors
    /// When the supervisor has been killed too.
    pub async fn kill9(&mut self) -> anyhow::Result<()> {
        self.supervisor.end("KILL", GONE).await?;
        Ok(())
    }

    /// SIGTERM; waits for the end and returns the exit status as a shell tells it.
    ///
    /// # Errors
    /// When it still runs after `limit`.
    pub async fn terminate(&mut self, limit: Duration) -> anyhow::Result<i32> {
        self.supervisor.end("TERM", limit).await
    }

    /// Waits for it to end by itself; the exit status as a shell tells it (128 + n for signal n).
    ///
    /// # Errors
    /// When it still runs after `limit`.
    pub async fn ended(&self, limit: Duration) -> anyhow::Result<i32> {
        self.supervisor.ended(limit).await
    }

    /// Starts the ended process again, same arguments and environment, and waits as the first time.
    ///
    /// # Errors
    /// As [`Binary::start`], and when it still runs.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.start_again().await
    }

    async fn start_again(&mut self) -> anyhow::Result<()> {
        self.supervisor.start().await?;
        let Some(health) = &self.health else {
            return Ok(());
        };
        let url = Url::parse(health).with_context(|| format!("{health} is no URL"))?;
        self.supervisor
            .until(READY, async || {
                let answer = tokio::time::timeout(ANSWER, answers_200(&url)).await;
                matches!(answer, Ok(Ok(true))).then_some(())
            })
            .await
    }
}

async fn answers_200(url: &Url) -> anyhow::Result<bool> {
    let host = url.host_str().context("the health URL has no host")?;
    let port = url.port_or_known_default().unwrap_or(80);
    let mut stream = TcpStream::connect((host, port)).await?;
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
        url.path()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut status = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut status).await?;
    Ok(&status == b"HTTP/1.1 200")
}

/// The path of a workspace binary, after making sure that it is up to date: `cargo test` builds the
/// binaries of other packages for nobody, and a test against yesterday's binary proves nothing.
async fn built(name: &str) -> anyhow::Result<PathBuf> {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    let folder = BUILT.get_or_try_init(build).await?;
    let path = folder.join(name);
    if !path.exists() {
        bail!("no binary {name} in {}", folder.display());
    }
    Ok(path)
}

async fn build() -> anyhow::Result<PathBuf> {
    let running = std::env::current_exe()?;
    let mut folder = running.parent().context("the test has no folder")?;
    if folder.ends_with("deps") {
        folder = folder.parent().context("the test has no profile folder")?;
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = tokio::process::Command::new(cargo);
    command
        .args(["build", "--workspace", "--bins", "--quiet"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let output = command.output().await.context("cargo does not start")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("cargo build --workspace --bins failed:\n{said}");
    }
    Ok(folder.to_owned())
}
