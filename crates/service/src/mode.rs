//! What a process was told about where it runs, said once at its start.

use crate::env;

/// Where a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// On one machine, in a network of its own: Postgres, NATS and the services speak plain text there.
    Local,
}

impl Mode {
    /// Says what follows from it.
    pub fn tell(self) {
        match self {
            Self::Local => tracing::warn!(
                "mode local ({}): what the services, NATS and Postgres say to each other is not encrypted, so \
                 keep their network on this machine; before it spans machines or a port leaves this one, see \
                 TLS in docs/operations.md",
                env::MODE
            ),
        }
    }
}
