//! Judging artifacts: what a campaign's pieces say against what its brief allows. By rules in code, and,
//! where one is given, by a model as second judge (`second`).
//!
//! Never changes an artifact, never reads text as an instruction, and never fails for what a model does. By
//! the rules alone the same input gives the same report, byte for byte.
//!
//! Start with [`audit()`] (plain values in, a report out), then [`catalogue()`] (every rule) and one of
//! the rules; [`auditor`] is the same behind the job protocol, [`auditor_with`] with a model besides.

mod agent;
mod catalogue;
mod claims;
mod fold;
mod judge;
mod limits;
mod piece;
mod rule;
mod rules;
mod second;

pub use agent::{KIND, auditor, auditor_with};
pub use catalogue::{Entry, RULES_VERSION, catalogue};
pub use judge::audit;
pub use piece::{Piece, Unreadable};
