//! Judging artifacts by rules in code: what a campaign's pieces say against what its brief allows.
//!
//! Never calls a model, never changes an artifact, and never reads text as an instruction. The same
//! input gives the same report, byte for byte.
//!
//! Start with [`audit()`] (plain values in, a report out), then [`catalogue()`] (every rule) and one of
//! the rules; [`auditor`] is the same behind the job protocol.

mod agent;
mod catalogue;
mod claims;
mod fold;
mod judge;
mod limits;
mod piece;
mod rule;
mod rules;

pub use agent::{KIND, auditor};
pub use catalogue::{Entry, RULES_VERSION, catalogue};
pub use judge::audit;
pub use piece::{Piece, Unreadable};
