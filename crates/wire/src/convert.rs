//! Messages to and from the nouns of `model`.
//!
//! Whatever comes in is checked here once; what has been converted can be worked with.

pub mod brief;
mod library;
pub mod outcome;
mod publication;
pub mod result;
