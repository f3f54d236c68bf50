//! Workflow definitions: YAML in, and out comes either an immutable, hashed [`Plan`] or every problem
//! at once, each with its line and step.
//!
//! Pure: no IO, no clock, no randomness. It knows nothing of runs: what a plan means while it runs is
//! the engine's.
//!
//! Start with [`compile()`], then [`plan`] (what comes out), `check.rs` (the rules, one function each)
//! and [`condition`] (the language of `when`). The definitions that Pressrun brings along are in
//! [`builtin`] and `definitions/`.

pub mod builtin;
pub mod catalogue;
mod check;
mod compile;
pub mod condition;
mod definition;
mod duration;
pub mod graph;
pub mod limits;
mod parse;
pub mod path;
pub mod plan;
pub mod problem;
mod yaml;

#[cfg(test)]
mod tests;

pub use catalogue::{Catalogue, Shape};
pub use compile::compile;
pub use condition::Condition;
pub use path::Path;
pub use plan::{
    AtOnce, ForEach, Milestone, OnDeadline, OnFailure, People, Plan, Plateau, Recover, Repeat,
    Retry, Review, Step, StepKind,
};
pub use problem::Problem;
