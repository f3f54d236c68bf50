//! The agent worker's process.

use agent_worker::{Options, Service};
use anyhow::Context;
use clap::Parser;
use service::{crypto::install_crypto, telemetry};
use worker::process::Role;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    install_crypto();
    let options = Options::parse();
    telemetry::Logs::from_env("info")?.start()?;
    telemetry::metrics()?;
    let ports = options.connection.ports(Role::AgentWorker).await?;
    let service = Service::build(&options.settings, ports)?;
    service
        .serve(&options.connection)
        .await
        .context("the agent worker did not end well")
}
