//! The fake model's process; what it does is in `system_tests::fake_model`.

use std::net::SocketAddr;

use anyhow::Context;
use clap::Parser;
use system_tests::fake_model;

/// A model provider for tests: OpenAI's chat completions, with artifacts that fit and faults on request.
#[derive(Parser)]
#[command(version)]
struct Command {
    /// Where to listen.
    #[arg(long)]
    listen: SocketAddr,
    #[command(flatten)]
    options: fake_model::Options,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let command = Command::parse();
    let listener = tokio::net::TcpListener::bind(command.listen)
        .await
        .with_context(|| format!("cannot listen on {}", command.listen))?;
    fake_model::serve(listener, command.options).await
}
