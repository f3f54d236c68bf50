//! A worker on the in-memory bus, under paused time: what the world sees of it.

mod drain;
mod failures;
mod live;
mod refusals;
mod rig;
mod serving;
