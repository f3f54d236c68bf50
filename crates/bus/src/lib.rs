//! The bus: transport between the orchestrator and everyone else, over NATS JetStream, or in memory for
//! one process.
//!
//! The only user of async-nats. It keeps no truth and decides nothing: whatever it loses is driven again
//! from the store. Both implementations pass one suite (`tests/conformance`).
//!
//! Start with [`port::Bus`], then [`subject::Subject`]; [`Nats`] and [`Memory`] are the two buses.
//! [`signature`] is how workers know that a job is the orchestrator's.

pub mod envelope;
pub mod limits;
pub mod memory;
pub mod nats;
pub mod port;
pub mod signature;
pub mod subject;

pub use envelope::Envelope;
pub use memory::Memory;
pub use nats::Nats;
pub use port::{Bus, BusError};
pub use subject::Subject;
