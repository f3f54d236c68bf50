//! The store: the truth about runs, in Postgres, or in SQLite for one process.
//!
//! The only user of sqlx. It never talks to the bus or a model, and never decides anything: it keeps
//! what a transition says, whole or not at all. Both implementations pass one suite
//! (`tests/conformance`).
//!
//! Start with [`port::CommitPath`].

mod check;
pub mod library;
pub mod limits;
pub mod port;
pub mod postgres;
mod reads;
pub mod ready;
pub mod record;
mod row;
mod sql;
pub mod sqlite;

pub use library::Library;
pub use port::{CommitPath, Queries, Store, StoreError};
