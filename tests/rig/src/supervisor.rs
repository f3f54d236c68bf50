//! One program on a leash: see `supervisor.sh` for the other end of the pipe.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::Instant;

use crate::tools;

const SCRIPT: &str = include_str!("supervisor.sh");
/// Between two looks at something that announces itself in no other way.
const POLL: Duration = Duration::from_millis(5);
/// A shell that starts a program, or a killed program that goes away, takes milliseconds.
const HANDOVER: Duration = Duration::from_secs(20);
/// Lines of the program's output that a failure quotes.
const QUOTED_LINES: usize = 30;

/// The user to run as, when that is not the user of the tests.
#[derive(Clone, Copy)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// What to run.
pub(crate) struct Spec {
    /// Short, for messages and the names of kept logs.
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) owner: Option<Owner>,
    /// What the program gets when the leash ends.
    pub(crate) last_signal: &'static str,
}

/// A fresh temporary folder, which [`Supervisor`] removes.
pub(crate) fn new_home(owner: Option<Owner>) -> anyhow::Result<PathBuf> {
    let home = tempfile::Builder::new().prefix("rig-").tempdir()?;
    if let Some(owner) = owner {
        chown(home.path(), Some(owner.uid), Some(owner.gid))
            .with_context(|| format!("giving {} to uid {}", home.path().display(), owner.uid))?;
    }
    Ok(home.keep())
}

/// A program that can be started again and again, and that goes when this value or the process goes.
pub(crate) struct Supervisor {
    name: String,
    home: PathBuf,
    shell: Child,
    leash: Option<ChildStdin>,
}

impl Supervisor {
    /// Takes `home` over; starts nothing yet.
    pub(crate) fn new(home: PathBuf, spec: Spec) -> anyhow::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "supervisor"])
            .arg(&home)
            .arg(spec.last_signal)
            .arg(&spec.program)
            .args(spec.arguments)
            .envs(spec.environment)
            .current_dir(&home)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for the test process; the supervisor outlives it by the moment it takes to clean up.
            .process_group(0);
        if let Some(owner) = spec.owner {
            command.uid(owner.uid).gid(owner.gid);
        }
        let mut shell = command
            .spawn()
            .with_context(|| format!("starting a shell for {}", spec.name))?;
        let leash = shell.stdin.take();
        Ok(Self {
            name: spec.name,
            home,
            shell,
            leash,
        })
    }

    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    pub(crate) fn log_path(&self) -> PathBuf {
        self.home.join("log")
    }

    /// All that the program has written since the first start.
    pub(crate) fn log(&self) -> String {
        let bytes = std::fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Starts the program; it must not be running.
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        if self.is_running() {
            bail!("{} is already running", self.name);
        }
        for left_over in ["pid", "status"] {
            match std::fs::remove_file(self.home.join(left_over)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).context("removing what the last start left");
                }
                _ => {}
            }
        }
        self.say("start")?;
        let limit = Instant::now() + HANDOVER;
        while self.pid().is_none() {
            if Instant::now() > limit {
                bail!("{} was not started within {HANDOVER:?}", self.name);
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Sends a signal by its name without `SIG`; nothing happens when the program has ended.
    pub(crate) fn signal(&mut self, name: &str) -> anyhow::Result<()> {
        self.say(name)
    }

    /// Sends a signal and waits until the program has ended; the status as a shell tells it.
    pub(crate) async fn end(&mut self, signal: &str, limit: Duration) -> anyhow::Result<i32> {
        self.signal(signal)?;
        self.ended(limit).await
    }

    /// Waits until the program has ended; the status as a shell tells it (128 + n for signal n).
    pub(crate) async fn ended(&self, limit: Duration) -> anyhow::Result<i32> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.status() {
                return Ok(status);
            }
            if Instant::now() > end {
                bail!("{} still runs after {limit:?}{}", self.name, self.quote());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Asks `probe` until it answers; fails early when the program ends, and then quotes its output.
    pub(crate) async fn until<T>(
        &self,
        limit: Duration,
        mut probe: impl AsyncFnMut() -> Option<T>,
    ) -> anyhow::Result<T> {
        let end = Instant::now() + limit;
        loop {
            if let Some(answer) = probe().await {
                return Ok(answer);
            }
            if let Some(status) = self.status() {
                bail!("{} ended with status {status}{}", self.name, self.quote());
            }
            if Instant::now() > end {
                bail!("{} is not ready after {limit:?}{}", self.name, self.quote());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The program's process id, once it has been started.
    pub(crate) fn pid(&self) -> Option<u32> {
        read_number(&self.home.join("pid"))
    }

    pub(crate) fn is_running(&self) -> bool {
        self.pid().is_some() && self.status().is_none()
    }

    fn status(&self) -> Option<i32> {
        read_number(&self.home.join("status"))
    }

    fn say(&mut self, word: &str) -> anyhow::Result<()> {
        let leash = self.leash.as_mut().context("the leash has ended")?;
        writeln!(leash, "{word}")
            .with_context(|| format!("the supervisor of {} has gone", self.name))
    }

    fn quote(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines.len().saturating_sub(QUOTED_LINES);
        format!("; its output ends with:\n{}", lines[last..].join("\n"))
    }

    /// Copies the output to where it outlives the test.
    fn keep_log(&self) -> anyhow::Result<PathBuf> {
        let folder = tools::home()?.join("logs");
        std::fs::create_dir_all(&folder)?;
        let pid = std::process::id();
        let kept = folder.join(format!("{}-{pid}-{}.log", self.name, self.shell.id()));
        std::fs::copy(self.log_path(), &kept)?;
        Ok(kept)
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(kept) = self.keep_log()
        {
            #[expect(clippy::print_stderr, reason = "belongs to the failed test's output")]
            {
                eprintln!("the output of {} is kept in {}", self.name, kept.display());
            }
        }
        drop(self.leash.take());
        // The shell kills the program and removes the folder. Should the shell itself have been
        // killed there is nobody left to complain to.
        if self.shell.wait().is_err() || self.home.exists() {
            drop(std::fs::remove_dir_all(&self.home));
        }
    }
}

fn read_number<T: std::str::FromStr>(path: &Path) -> Option<T> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}
