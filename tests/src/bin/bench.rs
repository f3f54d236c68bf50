//! `make bench`: what it does is in `system_tests::bench`.

use std::process::ExitCode;

use clap::Parser;
use system_tests::bench::{self, Options};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    if let Some(nats) = &options.bare_worker {
        bench::bare_worker(nats).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let met = bench::run(&options, &mut std::io::stdout()).await?;
    Ok(if met || options.no_gates {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
