//! Real servers for tests: a Postgres cluster, a NATS server with JetStream, and our own binaries,
//! each on a free port of 127.0.0.1 with its files in a temporary folder.
//!
//! It must never depend on a crate of this workspace (the lowest of them test with it), never skip a
//! test because a server is missing (it fails and names the command that gets one), and never leave a
//! process or file behind: everything hangs on a pipe to the test process, so even SIGKILL cleans up.
//!
//! Start with [`Postgres::shared`] and [`Nats::start`]; [`Process`] runs our binaries. The servers are
//! found by `services.py`, the leash is `supervisor.sh`.

mod nats;
mod port;
mod postgres;
mod process;
mod supervisor;
mod tools;

pub use nats::Nats;
pub use port::free_port;
pub use postgres::Postgres;
pub use process::{Binary, Process};
