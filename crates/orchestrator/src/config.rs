//! The deployed orchestrator's flags and environment.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use ::service::{env, mode::Mode, secret};
use anyhow::Context;
use bus::{
    nats::{self, Nats},
    signature::{PublicKey, Seed, Signer},
};
use clap::Parser;
use store::postgres::{self, Postgres};
use tokio_util::sync::CancellationToken;

use crate::service::{Options, Ports, Service};

/// Runs the Pressrun orchestrator on Postgres and NATS.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:\n  orchestrator --listen 127.0.0.1:7400\n  \
                  PRESSRUN_LISTEN=0.0.0.0:7400 orchestrator --api-keys --migrate"
)]
pub struct Config {
    /// Where to listen for gRPC, health and metrics.
    #[arg(long, env = env::LISTEN, default_value = "127.0.0.1:7400")]
    pub listen: SocketAddr,
    /// Postgres, as the role of the services.
    #[arg(long, env = env::DATABASE_URL, hide_env_values = true)]
    pub database_url: Option<String>,
    /// File with that address, as it holds a password.
    #[arg(long, env = env::DATABASE_URL_FILE, value_name = "FILE")]
    pub database_url_file: Option<PathBuf>,
    /// Postgres connections.
    #[arg(long, default_value_t = 8)]
    pub database_connections: u32,
    /// Bring the database's schema up to date first; takes an owner's URL.
    #[arg(long)]
    pub migrate: bool,
    /// NATS server.
    #[arg(long, env = env::NATS_URL, default_value = "nats://127.0.0.1:4222", hide_env_values = true)]
    pub nats_url: String,
    /// File with the seed of the NATS user's nkey.
    #[arg(long, env = env::NATS_CREDENTIALS, value_name = "FILE")]
    pub nats_credentials: Option<PathBuf>,
    /// File with the seed that jobs are signed with; `pressrun key signing` makes one.
    #[arg(long, env = env::SIGNING_KEY, value_name = "FILE")]
    pub signing_key: PathBuf,
    /// Public keys whose jobs are taken at the workers' door beside the own, by comma: the workers' list, while
    /// the signing key is changed.
    #[arg(long, env = env::VERIFY_KEYS, value_name = "KEYS", value_delimiter = ',', allow_hyphen_values = true)]
    pub verify_keys: Vec<PublicKey>,
    /// File with the same.
    #[arg(long, env = env::VERIFY_KEYS_FILE, value_name = "FILE")]
    pub verify_keys_file: Option<PathBuf>,
    /// Serve only callers with an API key; must be on to listen beyond this machine.
    #[arg(long)]
    pub api_keys: bool,
    /// This replica's name; by default made up at each start.
    #[arg(long, env = env::INSTANCE)]
    pub instance: Option<String>,
    /// Where this process runs; the log says what follows from it.
    #[arg(long, env = env::MODE, value_enum)]
    pub mode: Option<Mode>,
}

impl Config {
    /// Connects everything and opens the port.
    ///
    /// # Errors
    /// When a part does not answer or refuses.
    pub async fn build(self, stop: CancellationToken) -> anyhow::Result<Service> {
        if let Some(mode) = self.mode {
            mode.tell();
        }
        let mut verify_keys = self.verify_keys;
        if let Some(path) = &self.verify_keys_file {
            let listed = secret::read("the verifying keys", path)?;
            verify_keys
                .extend(PublicKey::list(&listed).with_context(|| path.display().to_string())?);
        }
        let signer = Arc::new(Signer::new(&Seed::load(&self.signing_key)?)?);
        let database_url = secret::required(
            "the database's address",
            env::DATABASE_URL,
            self.database_url,
            self.database_url_file.as_deref(),
        )?;
        if self.migrate {
            postgres::migrate(&database_url).await?;
        }
        let options = postgres::Options {
            max_connections: self.database_connections,
            ..postgres::Options::new(&database_url)
        };
        let store = Arc::new(Postgres::connect(&options).await?);
        let replica = self
            .instance
            .unwrap_or_else(|| format!("orchestrator-{}", uuid::Uuid::now_v7().simple()));
        let nats = nats::Options::of_service(
            &self.nats_url,
            self.nats_credentials.as_deref(),
            nats::Role::Orchestrator,
        )?;
        let bus = Arc::new(Nats::connect(&nats).await?);
        Service::build(
            Options {
                listen: self.listen,
                replica,
                api_keys: self.api_keys,
                bus_forgets: false,
                verify_keys,
            },
            Ports {
                store: store.clone(),
                queries: store.clone(),
                library: store,
                bus,
                signer,
            },
            stop,
        )
        .await
    }
}
