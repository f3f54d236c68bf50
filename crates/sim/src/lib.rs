//! A seeded simulation of the whole system in one process: the orchestrators' real core, the real worker,
//! the real feed and follower of the gateway, over a model of the store and a bus with faults, in paused
//! time and on one thread. The same seed always gives the same run of the world.
//!
//! It must never copy what it checks: all that decides, commits, sends, drives again and fills is the
//! product's own code. Nothing of the product depends on this crate.
//!
//! Start with [`run`] and `world.rs`; what is checked stands in `invariants.rs`, what goes wrong in
//! `faults.rs`.

mod agent;
mod bus;
mod client;
mod draws;
mod faults;
mod invariants;
mod node;
mod plans;
mod plant;
mod report;
mod store;
mod subscriber;
mod world;

pub use self::{
    invariants::{Invariant, Violation},
    plant::{Plant, StoreBug},
    report::{Report, run},
};

/// Seeds that once failed; each is run by the tests for ever.
pub const SEEDS: &str = include_str!("../seeds.txt");
