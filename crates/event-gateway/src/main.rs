//! The event gateway's process.

use std::process::ExitCode;

use clap::Parser;
use event_gateway::Config;
use service::{crypto, signal, telemetry::Logs, trace::export};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> ExitCode {
    let config = Config::parse();
    crypto::install_crypto();
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the event gateway stopped");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> anyhow::Result<()> {
    Logs::from_env("info")?.start()?;
    let spans = export::start(env!("CARGO_PKG_NAME"))?;
    let stop = CancellationToken::new();
    let signals = signal::stop_on_signal(stop.clone())?;
    let mut service = config.build(stop).await?;
    service.watch("signals", signals);
    tracing::info!(addr = %service.addr(), "the event gateway is ready");
    let ended = service.run().await;
    spans.stop().await;
    ended
}
