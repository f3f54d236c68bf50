//! The engine: what a run does next, as pure functions over plain values.
//!
//! No clock, randomness, IO, async or logging: `now` and jitter come in as data, maps are ordered, and
//! the same inputs always give the same events. [`decide`] turns a command into events, [`apply`] folds
//! an event into the run, [`outstanding`] says what should be under way, [`explain`] what is waited for.
//! What a commit sends and withdraws is the difference of `outstanding` before and after; nothing is
//! ever derived from memory.
//!
//! Start with [`command::Command`] and [`event::Kind`], then `decide.rs`.

mod advance;
mod apply;
pub mod command;
mod decide;
mod estimate;
pub mod event;
mod explain;
mod items;
pub mod limits;
mod loops;
mod outstanding;
mod progress;
pub mod recovery;
pub mod review;
pub mod run;
pub mod schedule;
mod scope;

pub use apply::apply;
pub use command::{Command, Refusal};
pub use decide::decide;
pub use estimate::{Durations, estimate, measured};
pub use event::Event;
pub use explain::{Waiting, WaitingFor, explain};
pub use items::item;
pub use outstanding::{JobRef, Outstanding, ReviewRef, Timer, is_under_way, outstanding};
pub use progress::{Progress, progress};
pub use run::Run;
pub use schedule::Score;

#[cfg(test)]
mod tests;
