//! Where the servers' programs are.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, bail};

const SERVICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/services.py");
const INSTALL: &str = "get the servers with `python3 tests/rig/services.py fetch`";

type Found = OnceLock<Result<BTreeMap<String, String>, String>>;

/// The nats-server program.
pub(crate) fn nats_server() -> anyhow::Result<PathBuf> {
    static FOUND: Found = OnceLock::new();
    look_up(&FOUND, "nats", "NATS_SERVER_BIN")
}

/// The folder of `postgres`, `initdb` and `psql`.
pub(crate) fn postgres_bin() -> anyhow::Result<PathBuf> {
    static FOUND: Found = OnceLock::new();
    look_up(&FOUND, "postgres", "PG_BIN")
}

/// A folder that outlives the tests: the template database and the logs of failed tests.
pub(crate) fn home() -> anyhow::Result<PathBuf> {
    static FOUND: Found = OnceLock::new();
    look_up(&FOUND, "home", "RIG_HOME")
}

/// `psql`: beside the server, else on PATH (with `DATABASE_URL` no server need be installed).
pub(crate) fn psql() -> PathBuf {
    match postgres_bin() {
        Ok(bin) => bin.join("psql"),
        Err(_) => PathBuf::from("psql"),
    }
}

fn look_up(found: &Found, server: &str, variable: &str) -> anyhow::Result<PathBuf> {
    let values = found.get_or_init(|| ask(server).map_err(|error| format!("{error:#}")));
    match values {
        Ok(values) => values
            .get(variable)
            .map(PathBuf::from)
            .with_context(|| format!("services.py printed no {variable}")),
        Err(problem) => bail!("{problem}"),
    }
}

/// The one place that knows where to look is `services.py`; it also refuses versions that are too old.
fn ask(server: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let output = Command::new("python3")
        .args([SERVICES, "plain", server])
        .output()
        .with_context(|| format!("python3 does not start: {INSTALL}"))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8(output.stdout).context("services.py did not print UTF-8")?;
    Ok(text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}
