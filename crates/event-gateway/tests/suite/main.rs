//! The gateway over the in-memory bus and a history made of recorded events.

mod api;
mod console;
mod fake;
mod follow;
mod live;
mod many;
mod pace;
mod port;
mod reviews;
mod world;
mod ws;
