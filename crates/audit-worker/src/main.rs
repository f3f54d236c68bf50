//! The audit worker's process.

use anyhow::Context;
use audit_worker::{Options, Service};
use clap::Parser;
use service::{crypto::install_crypto, telemetry};
use worker::process::Role;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    install_crypto();
    let options = Options::parse();
    telemetry::Logs::from_env("info")?.start()?;
    telemetry::metrics()?;
    let ports = options.connection.ports(Role::AuditWorker).await?;
    let service = Service::build(&options.hosting, &options.model, ports)?;
    service
        .serve(&options.connection)
        .await
        .context("the audit worker did not end well")
}
