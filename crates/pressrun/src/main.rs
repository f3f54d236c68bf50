//! The process of `pressrun`.

use std::process::ExitCode;

use clap::Parser;
use pressrun::{Args, Failure};
use service::{crypto, telemetry::Logs};

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    crypto::install_crypto();
    let result = match Logs::from_env("error").and_then(Logs::start) {
        Ok(()) => pressrun::run(args).await,
        Err(error) => Err(Failure::Broken(error.into())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
