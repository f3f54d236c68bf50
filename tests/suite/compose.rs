//! The deployment of `docker-compose.yml`: what the file promises, and its very commands as processes.

mod policy;
mod run;

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::root;

/// As much of the file as the tests look at.
#[derive(Deserialize)]
struct Compose {
    services: BTreeMap<String, Service>,
    networks: BTreeMap<String, Network>,
    volumes: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Service {
    image: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    restart: String,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    privileged: bool,
    #[serde(default)]
    cap_drop: Vec<String>,
    #[serde(default)]
    cap_add: Vec<String>,
    #[serde(default)]
    security_opt: Vec<String>,
    #[serde(default)]
    pids_limit: u32,
    #[serde(default)]
    mem_limit: String,
    #[serde(default)]
    stop_grace_period: String,
    #[serde(default)]
    entrypoint: Vec<String>,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    ports: Vec<String>,
    #[serde(default)]
    networks: Vec<String>,
    network_mode: Option<String>,
    #[serde(default)]
    profiles: Vec<String>,
    #[serde(default)]
    depends_on: BTreeMap<String, Condition>,
    healthcheck: Option<Healthcheck>,
    container_name: Option<String>,
}

#[derive(Deserialize)]
struct Condition {
    condition: String,
}

#[derive(Deserialize)]
struct Healthcheck {
    test: Vec<String>,
    interval: String,
    timeout: String,
    retries: u32,
}

#[derive(Deserialize)]
struct Network {
    #[serde(default)]
    internal: bool,
}

/// What a service has mounted: volume or folder, place in the container, whether it may only be read.
#[derive(Debug, PartialEq, Eq)]
struct Mount<'a> {
    source: &'a str,
    target: &'a str,
    read_only: bool,
}

fn compose() -> anyhow::Result<Compose> {
    let text = std::fs::read_to_string(root().join("docker-compose.yml"))?;
    serde_saphyr::from_str(&text).context("docker-compose.yml")
}

impl Service {
    /// Whether it is one of our programs.
    fn ours(&self) -> bool {
        self.image.starts_with("pressrun:")
    }

    /// Whether it does one thing and ends.
    fn once(&self) -> bool {
        self.restart == "no"
    }

    /// Program and arguments.
    fn line(&self) -> Vec<&str> {
        let all = self.entrypoint.iter().chain(&self.command);
        all.map(String::as_str).collect()
    }

    fn mounts(&self) -> anyhow::Result<Vec<Mount<'_>>> {
        self.volumes
            .iter()
            .map(|volume| {
                let mut parts = volume.split(':');
                let (source, target) = (parts.next(), parts.next());
                Ok(Mount {
                    source: source.unwrap_or_default(),
                    target: target.with_context(|| format!("{volume} is mounted nowhere"))?,
                    read_only: match parts.next() {
                        None => false,
                        Some("ro") => true,
                        Some(other) => bail!("{volume}: {other}?"),
                    },
                })
            })
            .collect()
    }
}

/// `40s`.
fn seconds(text: &str) -> anyhow::Result<Duration> {
    let number = text
        .strip_suffix('s')
        .with_context(|| format!("`{text}` is not in seconds"))?;
    Ok(Duration::from_secs(number.parse()?))
}
