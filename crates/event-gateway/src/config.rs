//! The deployed gateway's flags and environment.

use std::{io::Read, net::SocketAddr, path::PathBuf, sync::Arc};

use ::service::{env, mode::Mode};
use anyhow::Context;
use bus::nats::{self, Nats};
use clap::Parser;
use tokio_util::sync::CancellationToken;

use crate::{
    console::Secrets,
    history::grpc::Orchestrator,
    limits::MAX_SECRETS_BYTES,
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
    /// What the console's sessions are sealed with, alike for all replicas: 64 hexadecimal digits; the one
    /// before it behind a comma while it is replaced. Better given by its environment variable or a file.
    #[arg(long, env = env::SESSION_SECRETS, value_name = "SECRETS", hide_env_values = true, conflicts_with = "session_secrets_file")]
    pub session_secrets: Option<String>,
    /// File with them.
    #[arg(long, env = env::SESSION_SECRETS_FILE, value_name = "FILE")]
    pub session_secrets_file: Option<PathBuf>,
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
        let session_secrets = self.session_secrets()?;
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
            session_secrets,
        };
        Service::build(options, Ports { bus, orchestrator }, stop).await
    }

    /// What the sessions are sealed with; the default when nothing is said.
    fn session_secrets(&self) -> anyhow::Result<Secrets> {
        let text = match (&self.session_secrets_file, &self.session_secrets) {
            (Some(path), _) => {
                let mut text = String::new();
                std::fs::File::open(path)
                    .and_then(|file| file.take(MAX_SECRETS_BYTES).read_to_string(&mut text))
                    .with_context(|| {
                        format!(
                            "the secrets of sessions in {} cannot be read",
                            path.display()
                        )
                    })?;
                text
            }
            // A variable that is set to nothing is as good as none.
            (None, Some(text)) if !text.trim().is_empty() => text.clone(),
            (None, _) => return Ok(Secrets::default()),
        };
        Ok(text.parse()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(arguments: &[&str]) -> Config {
        Config::parse_from([&["event-gateway"], arguments].concat())
    }

    #[test]
    fn secrets_of_sessions_come_from_a_file_or_a_text_or_not_at_all() {
        let none = config(&[]).session_secrets().expect("nothing is right too");
        assert_eq!(none, Secrets::default());
        let empty = config(&["--session-secrets", " "]).session_secrets();
        assert_eq!(empty.expect("as good as none"), Secrets::default());
        let secret = "5a".repeat(32);
        let given = config(&["--session-secrets", &secret]).session_secrets();
        let given = given.expect("a secret");
        assert_ne!(given, Secrets::default());

        let path = std::env::temp_dir().join(format!("pressrun-secrets-{}", std::process::id()));
        let from = path.to_str().expect("a path");
        std::fs::write(&path, format!("{secret}\n")).expect("written");
        let read = config(&["--session-secrets-file", from]).session_secrets();
        assert_eq!(read.expect("a secret"), given);
        std::fs::write(&path, "").expect("written");
        let empty = config(&["--session-secrets-file", from]).session_secrets();
        assert!(empty.is_err(), "a file that holds none is a mistake");
        std::fs::remove_file(&path).expect("removed");
        let error = config(&["--session-secrets-file", from])
            .session_secrets()
            .expect_err("gone");
        assert!(error.to_string().contains(from), "{error}");
    }
}
