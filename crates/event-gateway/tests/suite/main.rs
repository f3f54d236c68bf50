//! The gateway over the in-memory bus and a history made of recorded events.

mod api;
mod fake;
mod follow;
mod many;
mod pace;
mod port;
mod world;
mod ws;
