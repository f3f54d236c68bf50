//! The audit worker's process.

use anyhow::Context;
use audit_worker::{Options, ROLE, Service};
use clap::Parser;
use service::{crypto::install_crypto, telemetry, trace::export};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    install_crypto();
    let options = Options::parse();
    telemetry::Logs::from_env("info")?.start()?;
    telemetry::metrics()?;
    let spans = export::start(env!("CARGO_PKG_NAME"))?;
    let ports = options.connection.ports(ROLE).await?;
    let service = Service::build(&options.hosting, &options.model, ports)?;
    let ended = service.serve(options.connection.listen).await;
    spans.stop().await;
    ended.context("the audit worker did not end well")
}
