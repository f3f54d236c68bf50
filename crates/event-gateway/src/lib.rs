//! The event gateway: live events for people and clients, history first, then live, without a gap.
//!
//! It keeps nothing that a restart could lose, and reaches neither the engine nor the store: history comes
//! from the orchestrator by gRPC, live events from the bus. A caller sees the events of its own tenant and
//! no others: whose it is says its key, never its request.
//!
//! Pages for people are in [`console`]; they show what the orchestrator says, to who may see it.
//!
//! Start with [`follow`], which is what a stream over one run does, then [`many`] for those over all runs;
//! [`stream`] is what both transports ([`grpc`], [`sse`]) carry.

pub mod api;
pub mod asyncapi;
pub(crate) mod client;
pub mod config;
pub mod console;
pub mod feed;
pub mod filter;
pub mod follow;
pub mod grpc;
pub mod history;
pub mod limits;
pub(crate) mod live;
pub mod many;
pub mod openapi;
pub mod outlet;
mod planted;
pub mod request;
pub mod resume;
pub mod service;
pub mod sse;
pub mod stream;
pub mod ws;

#[doc(hidden)]
pub use self::planted::Planted;
pub use self::{
    config::Config,
    service::{Options, Pace, Ports, Service},
};
