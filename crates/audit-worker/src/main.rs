//! The audit worker's process.

use anyhow::Context;
use audit_worker::{Options, Service};
use clap::Parser;
use service::{crypto::install_crypto, telemetry, trace::export};
use worker::process::Role;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    install_crypto();
    let options = Options::parse();
    telemetry::Logs::from_env("info")?.start()?;
    telemetry::metrics()?;
    let spans = export::start(env!("CARGO_PKG_NAME"))?;
    let ports = options.connection.ports(Role::AuditWorker).await?;
    let service = Service::build(&options.hosting, &options.model, ports)?;
    let ended = service.serve(&options.connection).await;
    spans.stop().await;
    ended.context("the audit worker did not end well")
}
