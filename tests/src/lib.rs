//! The system under test: what the suite, the fault runs and the benches share.
//!
//! It must never reach into a crate's private state: it speaks to real processes over their public
//! APIs, and to the stores only to compare. The servers and processes come from the crate `rig`.
//!
//! Start with [`stack`] (everything that runs), then `suite/main.rs`; [`faults`] is what
//! `make test-faults` does, [`fake_model`] the model that all of it calls.

pub mod bench;
pub mod brief;
pub mod fake_model;
pub mod faults;
pub mod follow;
pub mod otlp;
pub mod stack;
