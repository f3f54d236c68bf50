//! The very commands and environment of the file, as processes: only addresses and folders are others.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use rig::{Binary, Nats, Postgres, Process, free_port};
use serde_json::Value;
use service::env;
use system_tests::stack::until;
use tempfile::TempDir;

use super::{Compose, Service, compose, seconds};
use crate::root;

/// Workers beside the one that the file names, as `--scale` starts them.
const SCALED: &str = "agent-worker";
const BRIEF: &str = "crates/pressrun/samples/tern-trail-shoe.yaml";

/// The deployment as processes of this machine.
struct Deployment {
    compose: Compose,
    /// Every volume is a folder in it.
    volumes: TempDir,
    /// Ports of the file (`nats:4222`) and where they are here.
    addresses: BTreeMap<String, String>,
    postgres: Postgres,
    processes: Vec<(String, Process)>,
}

impl Deployment {
    /// Nothing runs yet but an empty Postgres.
    async fn new() -> anyhow::Result<Self> {
        let postgres = Postgres::own().await?;
        let (_, address) = postgres
            .admin_url()
            .rsplit_once('@')
            .context("an address")?;
        let address = address.split('/').next().unwrap_or_default().to_owned();
        Ok(Self {
            compose: compose()?,
            volumes: TempDir::new()?,
            addresses: [("postgres:5432".to_owned(), address)].into(),
            postgres,
            processes: Vec::new(),
        })
    }

    fn service(&self, name: &str) -> anyhow::Result<&Service> {
        let found = self.compose.services.get(name);
        found.with_context(|| format!("the file has no {name}"))
    }

    fn volume(&self, name: &str) -> PathBuf {
        self.volumes.path().join(name)
    }

    /// A secret or another file of a volume.
    fn read(&self, volume: &str, file: &str) -> anyhow::Result<String> {
        let path = self.volume(volume).join(file);
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(text.trim().to_owned())
    }

    /// A value of the file with this machine's addresses and folders in it. `port` is where this service
    /// listens here.
    fn here(&self, service: &Service, value: &str, port: u16) -> anyhow::Result<String> {
        // What is taken from outside is empty: the policy allows no other default.
        if value.starts_with("${") {
            return Ok(String::new());
        }
        let mut value = value.to_owned();
        for mount in service.mounts()? {
            let folder = self.volume(mount.source).display().to_string();
            value = value.replace(mount.target, &folder);
        }
        // The folder above all mounts, as `--dir` names it.
        if value == "/pressrun" {
            value = self.volumes.path().display().to_string();
        }
        if let Some(listen) = service.environment.get(env::LISTEN) {
            let own = listen.rsplit_once(':').map_or("", |(_, port)| port);
            for host in ["0.0.0.0", "127.0.0.1"] {
                value = value.replace(&format!("{host}:{own}"), &format!("127.0.0.1:{port}"));
            }
        }
        for (there, here) in &self.addresses {
            value = value.replace(there, here);
        }
        Ok(value)
    }

    fn line(&self, service: &Service, port: u16) -> anyhow::Result<Vec<String>> {
        let words = service.line().into_iter();
        words.map(|word| self.here(service, word, port)).collect()
    }

    fn environment(&self, service: &Service, port: u16) -> anyhow::Result<Vec<(String, String)>> {
        let all = service.environment.iter();
        all.map(|(name, value)| Ok((name.clone(), self.here(service, value, port)?)))
            .collect()
    }

    /// Runs a program to its end, with the environment of a service.
    async fn output(&self, name: &str, line: &[String], port: u16) -> anyhow::Result<Output> {
        let (program, arguments) = line.split_first().context("no program")?;
        let output = tokio::process::Command::new(Binary::path(program).await?)
            .args(arguments)
            .envs(self.environment(self.service(name)?, port)?)
            .kill_on_drop(true)
            .output();
        Ok(output.await?)
    }

    /// Runs a service that ends by itself, with these words instead of its command's if there are any.
    async fn once(&self, name: &str, words: &[&str]) -> anyhow::Result<String> {
        let output = self.once_output(name, words).await?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{name}: {}: {told}", output.status);
        Ok(String::from_utf8(output.stdout)?)
    }

    async fn once_output(&self, name: &str, words: &[&str]) -> anyhow::Result<Output> {
        let service = self.service(name)?;
        let line = if words.is_empty() {
            self.line(service, 0)?
        } else {
            let all = service.entrypoint.iter().map(String::as_str);
            all.chain(words.iter().copied())
                .map(str::to_owned)
                .collect()
        };
        self.output(name, &line, 0).await
    }

    /// Starts everything that starts without a profile, each when what it waits for is there.
    async fn start(&mut self) -> anyhow::Result<()> {
        let mut waiting: BTreeSet<String> = self
            .compose
            .services
            .iter()
            .filter(|(_, service)| service.profiles.is_empty())
            .map(|(name, _)| name.clone())
            .collect();
        while !waiting.is_empty() {
            let free = |name: &&String| {
                let service = &self.compose.services[*name];
                service
                    .depends_on
                    .keys()
                    .all(|other| !waiting.contains(other))
            };
            let next = waiting.iter().find(free).context("they wait in a circle")?;
            let next = next.clone();
            self.start_one(&next).await.with_context(|| next.clone())?;
            waiting.remove(&next);
        }
        self.start_service(SCALED, 1).await
    }

    async fn start_one(&mut self, name: &str) -> anyhow::Result<()> {
        match name {
            "postgres" => self.start_postgres().await,
            "nats" => self.start_nats().await,
            _ if self.service(name)?.once() => self.once(name, &[]).await.map(drop),
            _ => self.start_service(name, 0).await,
        }
    }

    /// What the image makes of its environment at its first start: a superuser with that password and a
    /// database, and whoever comes over the network gives a password.
    async fn start_postgres(&mut self) -> anyhow::Result<()> {
        let environment = &self.service("postgres")?.environment;
        let value = |name: &str| environment.get(name).context("a variable is missing");
        let (owner, database) = (value("POSTGRES_USER")?, value("POSTGRES_DB")?);
        let password = self.here(
            self.service("postgres")?,
            value("POSTGRES_PASSWORD_FILE")?,
            0,
        )?;
        let password = std::fs::read_to_string(password)?;
        let password = password.trim();
        let server = &self.postgres;
        for statement in [
            format!("create role {owner} superuser login password '{password}'"),
            format!("create database {database} owner {owner}"),
        ] {
            server.query(&statement).await?;
        }
        let file = server.query("show hba_file").await?;
        // The rig's own superuser goes on without one.
        let rules = format!(
            "copy (select unnest(array['host all postgres 127.0.0.1/32 trust', \
             'host all all all scram-sha-256'])) to '{file}'"
        );
        server.query(&rules).await?;
        server.query("select pg_reload_conf()").await?;
        let address = &self.addresses["postgres:5432"];
        let stranger = format!("postgres://{owner}:wrong@{address}/{database}");
        until("passwords that are asked for", async || {
            let answer = server.query_in(&stranger, "select 1").await;
            Ok(answer.is_err().then_some(()))
        })
        .await
    }

    /// The file's command with the generated configuration; flags overrule its addresses.
    async fn start_nats(&mut self) -> anyhow::Result<()> {
        let service = self.service("nats")?;
        let line = self.line(service, 0)?;
        ensure!(line[0] == "nats-server", "{line:?}");
        let (port, monitor) = (free_port()?, free_port()?);
        let mut binary = Binary::at(Nats::program()?);
        for word in &line[1..] {
            binary = binary.arg(word);
        }
        for flag in [
            "--addr=127.0.0.1".to_owned(),
            format!("--port={port}"),
            format!("--http_port={monitor}"),
        ] {
            binary = binary.arg(flag);
        }
        let process = binary
            .ready_at(format!("http://127.0.0.1:{monitor}/healthz"))
            .start()
            .await?;
        self.addresses
            .insert("nats:4222".to_owned(), format!("127.0.0.1:{port}"));
        self.processes.push(("nats".to_owned(), process));
        Ok(())
    }

    /// Starts one of our services and waits until its own health check says that it is well.
    async fn start_service(&mut self, name: &str, number: u32) -> anyhow::Result<()> {
        let service = self.service(name)?;
        let port = free_port()?;
        let line = self.line(service, port)?;
        let mut binary = Binary::new(&line[0]);
        for word in &line[1..] {
            binary = binary.arg(word);
        }
        for (variable, value) in self.environment(service, port)? {
            binary = binary.env(variable, value);
        }
        let process = binary.start().await?;
        let health = service.healthcheck.as_ref().context("no health check")?;
        let check: Vec<String> = health.test[1..]
            .iter()
            .map(|word| self.here(service, word, port))
            .collect::<anyhow::Result<_>>()?;
        let well = until("its health", async || {
            if !process.is_running() {
                bail!("it ended:\n{}", process.log());
            }
            let answer = self.output(name, &check, port).await?;
            Ok(answer.status.success().then_some(()))
        });
        well.await?;
        if let (0, Some(listen)) = (number, service.environment.get(env::LISTEN)) {
            let own = listen.rsplit_once(':').map_or("", |(_, port)| port);
            let here = format!("127.0.0.1:{port}");
            self.addresses.insert(format!("{name}:{own}"), here);
        }
        self.processes.push((name.to_owned(), process));
        Ok(())
    }

    /// SIGTERM to each, clients of others first; every one ends by itself and well.
    async fn stop(&mut self) -> anyhow::Result<()> {
        let mut limits = BTreeMap::new();
        for (name, service) in &self.compose.services {
            limits.insert(name.clone(), service.stop_grace_period.clone());
        }
        for (name, process) in self.processes.iter_mut().rev() {
            let limit = seconds(&limits[name])?;
            let code = process
                .terminate(limit)
                .await
                .with_context(|| name.clone())?;
            ensure!(code == 0, "{name} ended with {code}:\n{}", process.log());
        }
        Ok(())
    }

    /// Every secret of the deployment.
    fn secrets(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut secrets = Vec::new();
        for file in std::fs::read_dir(self.volume("keys"))? {
            let name = file?.file_name().to_string_lossy().into_owned();
            let text = self.read("keys", &name)?;
            if !text.is_empty() && !name.ends_with(".pub") {
                secrets.push((name, text));
            }
        }
        Ok(secrets)
    }
}

fn names(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let entries = std::fs::read_dir(folder)?;
    entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

#[tokio::test]
async fn the_file_starts_a_system_that_does_a_campaign_and_stops() -> anyhow::Result<()> {
    service::crypto::install_crypto();
    let mut system = Deployment::new().await?;
    system.start().await?;

    // Only a volume that a service mounts says what it can read.
    assert_eq!(
        names(&system.volume("agent-worker"))?,
        ["nats.seed", "verify.keys"].map(str::to_owned).into()
    );

    let brief = root().join(BRIEF).display().to_string();
    let submit = [
        "submit",
        &brief,
        "--watch",
        "--output",
        "json",
        "--wait-for-workers",
    ];
    let result: Value = serde_json::from_str(&system.once("cli", &submit).await?)?;
    assert_eq!(result["status"], "success", "{result:#}");
    let runs = system.once("cli", &["runs", "--output", "json"]).await?;
    assert!(runs.contains("completed"), "{runs}");
    let workers = system.once("cli", &["workers"]).await?;
    assert!(workers.contains("audit_campaign"), "{workers}");
    let key = system.once("cli", &["key", "show"]).await?;
    assert_eq!(key.trim(), system.read("admin", "api.key")?);

    // Without the key nobody is let in.
    let stranger = system
        .once_output("cli", &["runs", "--api-key", "prk_not-a-key"])
        .await?;
    assert_eq!(stranger.status.code(), Some(4), "{stranger:?}");
    // The services' log-in is no owner's.
    let login = system.read("orchestrator", "database.url")?;
    let forbidden = system.postgres.query_in(&login, "select * from runs").await;
    assert!(forbidden.is_err(), "{forbidden:?}");

    // A second start makes nothing anew.
    let before = system.secrets()?;
    let said = system.once("init", &[]).await?;
    assert!(said.contains("every secret was there"), "{said}");
    assert_eq!(system.secrets()?, before);
    system.once("migrate", &[]).await?;

    system.stop().await?;
    for (name, process) in &system.processes {
        let log = process.log();
        if name == "nats" {
            assert!(!log.contains("iolation"), "{log}");
        } else {
            assert_eq!(log.matches("mode local").count(), 1, "{name}:\n{log}");
            assert!(!log.contains("ERROR"), "{name}:\n{log}");
        }
        for (secret, text) in &before {
            assert!(!log.contains(text), "{name} tells {secret}");
        }
    }
    Ok(())
}

/// The file's grace periods are what the test above waits for.
#[test]
fn a_grace_period_is_in_seconds() {
    assert_eq!(seconds("40s").ok(), Some(Duration::from_secs(40)));
    assert!(seconds("1m").is_err() && seconds("").is_err());
}
