//! A Postgres cluster of its own, or the one that `DATABASE_URL` names.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use url::Url;

use crate::port::free_port;
use crate::supervisor::{Owner, Spec, Supervisor, new_home};
use crate::tools;

/// A start after a crash replays the log first.
const READY: Duration = Duration::from_secs(60);
/// Postgres itself gives its processes 5 s to quit before it kills them.
const STOPPED: Duration = Duration::from_secs(30);
/// Another process may take the port between the look and the start.
const START_TRIES: u32 = 5;
const MAX_CONNECTIONS: u32 = 200;
const OLDEST: u32 = 150_000;

/// A running cluster. Dropping it kills the server and removes its files; databases made on a server
/// of `DATABASE_URL` are dropped too.
pub struct Postgres {
    /// None when the server is not ours.
    cluster: Option<Supervisor>,
    admin: Url,
    made: Mutex<Vec<String>>,
}

impl Postgres {
    /// The server of `DATABASE_URL` (an administrator's, allowed to create databases) when that is
    /// set, else a cluster of its own.
    ///
    /// # Errors
    /// When there is no Postgres ≥ 15 (the message says how to get one), or it does not start.
    pub async fn start() -> anyhow::Result<Self> {
        match std::env::var("DATABASE_URL") {
            Ok(url) if !url.is_empty() => Self::external(&url).await,
            _ => Self::own().await,
        }
    }

    /// A cluster of its own whatever the environment says, for tests that stop it. It flushes to
    /// disk as in production; default settings otherwise, for 200 connections.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub async fn own() -> anyhow::Result<Self> {
        for _ in 1..START_TRIES {
            match Self::on_port(free_port()?).await {
                Err(error) if format!("{error:#}").contains("Address already in use") => {}
                other => return other,
            }
        }
        Self::on_port(free_port()?).await
    }

    /// One server for all tests of this process; each test takes a [`database`](Self::database).
    /// On a server of `DATABASE_URL` these databases are left behind.
    ///
    /// # Errors
    /// As [`Postgres::start`]; the next call tries again.
    pub async fn shared() -> anyhow::Result<&'static Self> {
        static SHARED: tokio::sync::OnceCell<Postgres> = tokio::sync::OnceCell::const_new();
        SHARED.get_or_try_init(Self::start).await
    }

    /// The URL of a new, empty database.
    ///
    /// # Errors
    /// When the server refuses, or `psql` is missing.
    pub async fn database(&self) -> anyhow::Result<String> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        // Process ids come round again; this process's start time does not.
        let born = std::fs::metadata("/proc/self").map_or(0, |this| this.ctime());
        let name = format!("rig_{}_{born}_{number}", std::process::id());
        self.query(&format!("create database {name}")).await?;
        if let Ok(mut made) = self.made.lock() {
            made.push(name.clone());
        }
        let mut url = self.admin.clone();
        url.set_path(&name);
        Ok(url.into())
    }

    /// The URL of the administrator's database.
    #[must_use]
    pub fn admin_url(&self) -> &str {
        self.admin.as_str()
    }

    /// Runs one statement as administrator; rows come as lines, columns separated by `|`.
    ///
    /// # Errors
    /// With what `psql` said.
    pub async fn query(&self, sql: &str) -> anyhow::Result<String> {
        self.query_in(self.admin.as_str(), sql).await
    }

    /// The same on one of this server's databases, by its URL.
    ///
    /// # Errors
    /// With what `psql` said.
    pub async fn query_in(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let url = Url::parse(database).context("the database has no URL")?;
        let output = tokio::process::Command::from(psql(&url, sql))
            .kill_on_drop(true)
            .output()
            .await
            .context("psql does not start: install a Postgres client")?;
        if !output.status.success() {
            bail!("{sql}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The process id of the postmaster; none for a server of `DATABASE_URL`.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.cluster.as_ref().and_then(Supervisor::pid)
    }

    /// Stops at once and without a checkpoint, so that the next start recovers as after a crash.
    ///
    /// # Errors
    /// When the server is not ours or does not stop.
    pub async fn stop_immediate(&mut self) -> anyhow::Result<()> {
        self.ours()?.end("QUIT", STOPPED).await?;
        Ok(())
    }

    /// Starts the stopped server again, on the same port, and waits until it accepts connections.
    ///
    /// # Errors
    /// When the server is not ours, still runs, or does not start.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        start_and_wait(self.ours()?).await
    }

    fn ours(&mut self) -> anyhow::Result<&mut Supervisor> {
        self.cluster
            .as_mut()
            .context("the server of DATABASE_URL is not ours to stop: use Postgres::own")
    }

    async fn external(url: &str) -> anyhow::Result<Self> {
        let server = Self {
            cluster: None,
            admin: Url::parse(url).context("DATABASE_URL is no URL")?,
            made: Mutex::default(),
        };
        let version = server.query("show server_version_num").await?;
        if version.parse::<u32>().unwrap_or_default() < OLDEST {
            bail!("the server of DATABASE_URL is {version}, needed is {OLDEST} or newer");
        }
        Ok(server)
    }

    async fn on_port(port: u16) -> anyhow::Result<Self> {
        let bin = tools::postgres_bin()?;
        let owner = owner()?;
        let home = new_home(owner)?;
        let template = tokio::task::spawn_blocking({
            let bin = bin.clone();
            move || template(&bin, owner)
        })
        .await??;
        let data = home.join("data");
        let copied = tokio::process::Command::new("cp")
            .arg("-Rp")
            .args([&template, &data])
            .output()
            .await?;
        if !copied.status.success() {
            let said = String::from_utf8_lossy(&copied.stderr).into_owned();
            bail!(
                "copying {} to {}: {said}",
                template.display(),
                data.display()
            );
        }
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            format!("unix_socket_directories={}", home.display()),
            format!("max_connections={MAX_CONNECTIONS}"),
            "fsync=on".to_owned(),
        ];
        let mut arguments = vec!["-D".into(), data.into_os_string()];
        for setting in settings {
            arguments.extend(["-c".into(), setting.into()]);
        }
        let mut cluster = Supervisor::new(
            home,
            Spec {
                name: "postgres".to_owned(),
                program: bin.join("postgres"),
                arguments,
                environment: vec![("LC_ALL".into(), "C".into())],
                owner,
                last_signal: "QUIT",
            },
        )?;
        start_and_wait(&mut cluster).await?;
        Ok(Self {
            cluster: Some(cluster),
            admin: Url::parse(&format!("postgres://postgres@127.0.0.1:{port}/postgres"))?,
            made: Mutex::default(),
        })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.cluster.is_some() {
            return;
        }
        for name in self.made.get_mut().map(std::mem::take).unwrap_or_default() {
            let sql = format!("drop database if exists {name} with (force)");
            // A server that went away has nothing to clean up.
            drop(psql(&self.admin, &sql).output());
        }
    }
}

fn psql(url: &Url, sql: &str) -> Command {
    let mut command = Command::new(tools::psql());
    command
        .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"])
        .args(["--set", "ON_ERROR_STOP=1", "--no-password"])
        .args(["--dbname", url.as_str(), "--command", sql]);
    command
}

async fn start_and_wait(cluster: &mut Supervisor) -> anyhow::Result<()> {
    // A killed postmaster leaves this file behind, with the old `ready` in it.
    let lock = cluster.home().join("data/postmaster.pid");
    match std::fs::remove_file(&lock) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).context("removing postmaster.pid");
        }
        _ => {}
    }
    cluster.start().await?;
    // The last line of the file is the postmaster's word on its state; pg_ctl waits for it too.
    cluster
        .until(READY, async || {
            let text = std::fs::read_to_string(&lock).ok()?;
            (text.lines().nth(7)?.trim() == "ready").then_some(())
        })
        .await
}

/// Postgres refuses to run as root: then another user of the system.
fn owner() -> anyhow::Result<Option<Owner>> {
    let probe = tempfile::tempfile()?;
    if probe.metadata()?.uid() != 0 {
        return Ok(None);
    }
    let passwd = std::fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
    let user = |wanted: &str| {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            (name == wanted).then_some(Owner { uid, gid })
        })
    };
    let found = user("postgres").or_else(|| user("nobody"));
    Ok(Some(found.context(
        "postgres does not run as root, and there is no user postgres or nobody",
    )?))
}

/// A fresh data folder, made once per version and user, to be copied: ten times faster than initdb.
fn template(bin: &Path, owner: Option<Owner>) -> anyhow::Result<std::path::PathBuf> {
    // "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
    let said = run(Command::new(bin.join("postgres")).arg("--version"))?;
    let version = said
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        .with_context(|| format!("postgres tells no version: {said}"))?;
    let probe = tempfile::tempfile()?;
    let uid = owner.map_or(probe.metadata()?.uid(), |owner| owner.uid);
    let home = tools::home()?;
    let template = home.join(format!("template-{version}-{uid}"));

    let lock = std::fs::File::create(home.join(format!("template-{uid}.lock")))?;
    lock.lock().context("waiting for another initdb")?;
    if template.exists() {
        return Ok(template);
    }
    let work = new_home(owner)?;
    let made = initdb(bin, owner, &work).and_then(|()| {
        let fresh = home.join(format!("template-{version}-{uid}.new"));
        drop(std::fs::remove_dir_all(&fresh));
        run(Command::new("cp")
            .arg("-Rp")
            .arg(work.join("data"))
            .arg(&fresh))?;
        std::fs::rename(&fresh, &template)?;
        Ok(template)
    });
    std::fs::remove_dir_all(&work)?;
    made
}

fn initdb(bin: &Path, owner: Option<Owner>, work: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(bin.join("initdb"));
    command
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
        // One collation everywhere; the template itself can be made again, so it is not flushed.
        .args(["--locale=C", "--no-sync", "--pgdata"])
        .arg(work.join("data"))
        .current_dir(work);
    if let Some(owner) = owner {
        command.uid(owner.uid).gid(owner.gid);
    }
    run(&mut command).map(drop)
}

fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .output()
        .with_context(|| format!("{} does not start", command.get_program().display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        bail!("{} failed: {said}", command.get_program().display());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
