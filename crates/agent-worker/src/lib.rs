//! The agent worker: hosts the agents that write.
//!
//! It reaches neither the database nor the engine, takes no work but what the orchestrator signed, and
//! keeps nothing: it may be killed at any moment. More of it is more throughput.
//!
//! Start with [`Service::build`]; what a worker does is in crate `worker`, what its agents do in crate
//! `agents`.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use llm::{
    ApiKey, Offline, OpenAi, Price, Provider,
    openai::{Config, TokenLimit},
};
use model::Failure;
use service::env;
use tokio_util::sync::CancellationToken;
use worker::{
    Ports, Worker, host,
    process::{self, Connection, Hosting},
};

/// The service's name.
pub const ROLE: &str = "agent-worker";
/// Longest call of a model; a job's own time limit is mostly shorter.
pub const MODEL_TIMEOUT: Duration = Duration::from_secs(300);

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
      --model-input-price 150000 --model-output-price 600000";

/// What is hosted, and how. The default hosts the built-in writer.
#[derive(Clone, Default, clap::Args)]
pub struct Settings {
    /// Name, places, benchmark.
    #[command(flatten)]
    pub hosting: Hosting,
    /// Base URL of an OpenAI-compatible model provider. Absent or empty: the built-in writer, which needs
    /// no model and says so in what it writes.
    #[arg(long, env = env::MODEL_URL, value_name = "URL", requires = "model")]
    pub model_url: Option<String>,
    /// The model's name at the provider.
    #[arg(long, env = env::MODEL, value_name = "NAME")]
    pub model: Option<String>,
    /// The provider's API key; better given by its environment variable than here.
    #[arg(long, env = env::MODEL_KEY, value_name = "KEY", hide_env_values = true)]
    pub model_key: Option<String>,
    /// What a million input tokens cost, millionths of a US dollar.
    #[arg(long, value_name = "MICROUSD", default_value_t = 0)]
    pub model_input_price: u64,
    /// What a million output tokens cost, millionths of a US dollar.
    #[arg(long, value_name = "MICROUSD", default_value_t = 0)]
    pub model_output_price: u64,
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
        let worker = Worker::new(settings.hosting.options(ROLE), ports, agents)?;
        Ok(Self { worker })
    }

    /// Works until `stop`, then drains.
    pub async fn run(self, stop: CancellationToken) {
        self.worker.run(stop).await;
    }

    /// Runs as a process of its own, with health and metrics at `listen`, until a signal.
    ///
    /// # Errors
    /// When the address is taken, or a part of the process breaks.
    pub async fn serve(self, listen: SocketAddr) -> Result<(), process::Error> {
        process::run(self.worker, listen).await
    }
}

impl Settings {
    fn provider(&self) -> Result<Arc<dyn Provider>, Failure> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let Some(base_url) = given(&self.model_url) else {
            return Ok(Arc::new(Offline));
        };
        let key = given(&self.model_key)
            .map(|key| ApiKey::new(&key))
            .transpose()?;
        let config = Config {
            base_url,
            model: self.model.clone().unwrap_or_default(),
            key,
            price: Price {
                input_microusd: self.model_input_price,
                output_microusd: self.model_output_price,
            },
            timeout: MODEL_TIMEOUT,
            token_limit: TokenLimit::default(),
        };
        Ok(Arc::new(OpenAi::new(config)?))
    }
}

#[cfg(test)]
mod tests;
