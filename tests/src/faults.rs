//! Fault trials over the real processes: runs under way, something is killed, every run must end whole.
//!
//! Start with [`trial`] (one seed), then [`share`] (two orchestrators, three agent workers); [`report`]
//! says what was done and what was not.

mod campaigns;
pub mod report;
pub mod share;
pub mod trial;
