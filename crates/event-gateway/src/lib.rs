//! The event gateway: live events for people and clients, history first, then live, without a gap.
//!
//! It keeps nothing that a restart could lose, and reaches neither the engine nor the store: history comes
//! from the orchestrator by gRPC, live events from the bus.
//!
//! Start with [`follow`], which is what every stream does.

pub mod feed;
pub mod follow;
pub mod history;
pub mod limits;
