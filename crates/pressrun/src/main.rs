//! The process of `pressrun`.

use std::process::ExitCode;

use clap::Parser;
use pressrun::{Args, Failure};
use service::{crypto, telemetry::Logs, trace::export};

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    crypto::install_crypto();
    let result = match begin() {
        Ok(spans) => {
            let ended = pressrun::run(args).await;
            spans.stop().await;
            ended
        }
        Err(error) => Err(Failure::Broken(error)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn begin() -> anyhow::Result<export::Exporting> {
    Logs::from_env("error")?.start()?;
    Ok(export::start(env!("CARGO_PKG_NAME"))?)
}
