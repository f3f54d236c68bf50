//! The cases that hold for every store.

pub(crate) mod commits;
pub(crate) mod library;
pub(crate) mod queries;
pub(crate) mod queue;
pub(crate) mod races;
pub(crate) mod scans;
