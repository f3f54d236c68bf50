//! The deployed gateway's flags and environment.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use ::service::{env, mode::Mode};
use bus::nats::{self, Nats};
use clap::Parser;
use tokio_util::sync::CancellationToken;

use crate::{
    history::grpc::Orchestrator,
    service::{Options, Ports, Service},
};

/// Runs the Pressrun event gateway: live events over gRPC and Server-Sent Events.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:\n  event-gateway --orchestrator-url http://127.0.0.1:7400\n  \
                  PRESSRUN_LISTEN=0.0.0.0:3131 event-gateway --api-keys\n  \
                  curl -N 'http://127.0.0.1:3131/v1/events?type=step_finished'"
)]
pub struct Config {
    /// Where to listen for gRPC, HTTP, health and metrics.
    #[arg(long, env = env::LISTEN, default_value = "127.0.0.1:3131")]
    pub listen: SocketAddr,
    /// NATS server.
    #[arg(long, env = env::NATS_URL, default_value = "nats://127.0.0.1:4222", hide_env_values = true)]
    pub nats_url: String,
    /// File with the seed of the NATS user's nkey.
    #[arg(long, env = env::NATS_CREDENTIALS, value_name = "FILE")]
    pub nats_credentials: Option<PathBuf>,
    /// Where the orchestrator's gRPC is.
    #[arg(long, env = env::ORCHESTRATOR_URL, default_value = "http://127.0.0.1:7400")]
    pub orchestrator_url: String,
    /// Serve only callers with an API key; must be on to listen beyond this machine.
    #[arg(long)]
    pub api_keys: bool,
    /// Where this process runs; the log says what follows from it.
    #[arg(long, env = env::MODE, value_enum)]
    pub mode: Option<Mode>,
}

impl Config {
    /// Connects to the bus and opens the port.
    ///
    /// # Errors
    /// When a part does not answer or refuses.
    pub async fn build(self, stop: CancellationToken) -> anyhow::Result<Service> {
        if let Some(mode) = self.mode {
            mode.tell();
        }
        let orchestrator = Orchestrator::new(&self.orchestrator_url)?;
        let nats = nats::Options::of_service(
            &self.nats_url,
            self.nats_credentials.as_deref(),
            nats::Role::EventGateway,
        )?;
        let bus = Arc::new(Nats::connect(&nats).await?);
        let options = Options {
            listen: self.listen,
            api_keys: self.api_keys,
        };
        Service::build(options, Ports { bus, orchestrator }, stop).await
    }
}
