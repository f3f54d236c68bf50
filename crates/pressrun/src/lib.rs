//! `pressrun`: the command-line client, and everything in one process for those who try it.
//!
//! It talks to the services by gRPC alone, also to those that it starts itself. It decides nothing: what it
//! shows is what the services say; `validate` and `audit` ask the libraries that the services ask.
//!
//! Start with [`args`], then the command in question under `commands/`.

pub mod args;
mod brief;
mod client;
mod commands;
mod failure;
mod live;
mod output;
mod prose;
mod setup;
mod stack;
mod text;

pub use self::{args::Args, commands::run, failure::Failure};
