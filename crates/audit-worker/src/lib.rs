//! The audit worker: hosts the auditors.
//!
//! It reaches neither the database nor the engine, takes no work but what the orchestrator signed, and
//! keeps nothing: it may be killed at any moment. An auditor only judges; what follows from its report is
//! the workflow's to say.
//!
//! Start with [`Service::build`]; what a worker does is in crate `worker`, the rules are in crate `audit`.

use std::sync::Arc;

use model::Failure;
use tokio_util::sync::CancellationToken;
use worker::{
    Agent, Ports, Worker, host,
    process::{self, Connection, Hosting},
};

/// The service's name.
pub const ROLE: &str = "audit-worker";

/// The command line.
#[derive(clap::Parser)]
#[command(name = ROLE, version, about = "Hosts the auditors", after_help = EXAMPLES)]
pub struct Options {
    /// What it is connected to.
    #[command(flatten)]
    pub connection: Connection,
    /// What it hosts, and how.
    #[command(flatten)]
    pub hosting: Hosting,
    /// The model that judges besides the rules. None: the rules alone.
    #[command(flatten)]
    pub model: Judge,
}

const EXAMPLES: &str = "\
Examples:
  audit-worker --nats-url nats://nats:4222 --orchestrator-url http://orchestrator:7400 \\
    --verify-keys \"$(cat orchestrator.pub)\"
  PRESSRUN_SLOTS=16 PRESSRUN_LISTEN=0.0.0.0:7500 audit-worker --verify-keys \"$(cat orchestrator.pub)\"
  With a model as second judge:
    audit-worker --verify-keys \"$(cat orchestrator.pub)\" --model-provider gemini --model gemini-2.5-flash \\
      --model-key-file /run/secrets/model-key";

/// The model that judges besides the rules; the default is none.
pub use llm::Settings as Judge;

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

/// The audit worker, not yet started.
pub struct Service {
    worker: Worker,
}

impl Service {
    /// The service on these ports. Connects to nothing yet.
    ///
    /// # Errors
    /// When an option is wrong.
    pub fn build(hosting: &Hosting, model: &Judge, ports: Ports) -> Result<Self, Error> {
        let agents = match (hosting.noops(), model.provider()?) {
            (Some(noops), _) => noops,
            (None, None) => vec![Arc::new(audit::auditor()) as Arc<dyn Agent>],
            (None, Some(model)) => vec![Arc::new(audit::auditor_with(model)) as Arc<dyn Agent>],
        };
        let worker = Worker::new(hosting.options(ROLE), ports, agents)?;
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

#[cfg(test)]
mod tests;
