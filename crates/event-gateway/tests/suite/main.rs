//! The gateway over the in-memory bus and a history made of recorded events.

mod follow;
mod many;
mod port;
mod world;
