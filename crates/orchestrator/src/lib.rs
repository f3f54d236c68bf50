//! The orchestrator: the only writer of run state.
//!
//! It takes commands by gRPC and outcomes from the bus, decides by the engine, commits to the store, and
//! only then sends. It never calls a model, and keeps nothing in memory that the store does not have.
//!
//! Start with [`mod@core`], then `core/commit.rs`; [`mod@service`] wires it.

pub mod api;
pub mod config;
pub mod core;
mod keys;
mod result;
pub mod service;

pub use self::{
    config::Config,
    service::{Options, Ports, Service},
};
