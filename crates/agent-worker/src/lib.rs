//! The agent worker: hosts the agents that write.
//!
//! It reaches neither the database nor the engine, takes no work but what the orchestrator signed, and
//! keeps nothing: it may be killed at any moment. More of it is more throughput.
//!
//! Start with [`Service::build`]; what a worker does is in crate `worker`, what its agents do in crate
//! `agents`.

use std::sync::Arc;

use llm::{Offline, Provider};
use model::Failure;
use service::env;
use tokio_util::sync::CancellationToken;
use worker::{
    Ports, Worker, host,
    process::{self, Connection, Hosting},
};

/// The service's name.
pub const ROLE: &str = "agent-worker";

/// The command line.
#[derive(clap::Parser)]
#[command(name = ROLE, version, about = "Hosts the agents that write", after_help = EXAMPLES)]
pub struct Options {
    /// What it is connected to.
    #[command(flatten)]
    pub connection: Connection,
    /// What it hosts, and how.
    #[command(flatten)]
    pub settings: Settings,
}

const EXAMPLES: &str = "\
Examples:
  With the built-in writer, no model needed:
    agent-worker --nats-url nats://nats:4222 --orchestrator-url http://orchestrator:7400 \\
      --verify-keys \"$(cat orchestrator.pub)\"
  With a model behind an OpenAI-compatible address:
    PRESSRUN_MODEL_KEY=… agent-worker --verify-keys \"$(cat orchestrator.pub)\" \\
      --model-url https://api.openai.com/v1 --model gpt-4o-mini \\
      --model-input-price 150000 --model-output-price 600000
  With Anthropic or Gemini, the key in a file:
    agent-worker --verify-keys \"$(cat orchestrator.pub)\" --model-provider anthropic \\
      --model claude-sonnet-4-5 --model-key-file /run/secrets/model-key";

/// What is hosted, and how. The default hosts the built-in writer.
#[derive(Clone, Default, clap::Args)]
pub struct Settings {
    /// Name, places, benchmark.
    #[command(flatten)]
    pub hosting: Hosting,
    /// The model that writes. None: the built-in writer, which needs no model and says so in what it writes.
    #[command(flatten)]
    pub model: llm::Settings,
    /// Whether the text that agents write is told while they write it; true when absent.
    #[arg(long, env = env::LIVE_TEXT, value_name = "BOOL")]
    pub live_text: Option<bool>,
}

/// Why the service cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model's options are wrong.
    #[error("the model cannot be used: {0}")]
    Model(#[from] Failure),
    /// The worker's options are wrong.
    #[error(transparent)]
    Worker(#[from] host::Error),
}

/// The agent worker, not yet started.
pub struct Service {
    worker: Worker,
}

impl Service {
    /// The service on these ports. Connects to nothing yet.
    ///
    /// # Errors
    /// When an option is wrong.
    pub fn build(settings: &Settings, ports: Ports) -> Result<Self, Error> {
        let agents = match settings.hosting.noops() {
            Some(noops) => noops,
            None => agents::catalogue(settings.provider()?)?,
        };
        let options = host::Options {
            live: settings.live_text.unwrap_or(true),
            ..settings.hosting.options(ROLE)
        };
        let worker = Worker::new(options, ports, agents)?;
        Ok(Self { worker })
    }

    /// Works until `stop`, then drains.
    pub async fn run(self, stop: CancellationToken) {
        self.worker.run(stop).await;
    }

    /// Runs as a process of its own, with health and metrics at its own address, until a signal.
    ///
    /// # Errors
    /// When the address is taken, or a part of the process breaks.
    pub async fn serve(self, at: &Connection) -> Result<(), process::Error> {
        process::run(self.worker, at).await
    }
}

impl Settings {
    fn provider(&self) -> Result<Arc<dyn Provider>, Failure> {
        Ok(self.model.provider()?.unwrap_or_else(|| Arc::new(Offline)))
    }
}

#[cfg(test)]
mod tests;
