//! Judging artifacts: what a campaign's pieces say against what its brief allows. By rules in code, and,
//! where one is given, by a model as second judge (`second`).
//!
//! Never changes an artifact, never reads text as an instruction, and never fails for what a model does. By
//! the rules alone the same input gives the same report, byte for byte.
//!
//! Start with [`audit()`] (plain values in, a report out), then [`catalogue()`] (every rule) and one of
//! the rules; [`audit_text()`] judges any text; [`auditor`] is the same behind the job protocol,
//! [`auditor_with`] with a model besides. Rules that are lists of words are data: `word_list.rs` and the YAML
//! files in `rules/`. What the rules are worth is measured over `corpus/`; `docs/reference/audit-rules.md` is
//! written from the catalogue.

mod agent;
mod catalogue;
mod claims;
#[cfg(test)]
mod corpus;
mod fold;
mod judge;
mod limits;
mod negation;
mod personal;
mod piece;
mod prose;
#[cfg(test)]
mod reference;
mod rule;
mod rules;
mod second;
mod tone;
mod word_list;

pub use agent::{KIND, auditor, auditor_with};
pub use catalogue::{Entry, RULES_VERSION, catalogue};
pub use judge::{Basis, audit, audit_text};
pub use piece::{Piece, Unreadable};
