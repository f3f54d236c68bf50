//! Hosting agents: pull a job, list it, call its agent under a deadline, publish the outcome.
//!
//! The same code runs in both worker binaries, in `pressrun dev` and in the simulator. It must never
//! call an agent for a job whose signature it has not checked, never keep anything that a crash may not
//! take away, never spawn a task that outlives [`Worker::run`], and read no clock but tokio's and the
//! one it is given.
//!
//! Start with [`host`] (the life of a worker), then `pull` and `work` (the life of a job); [`process`] is
//! what the two binaries put around it.

pub mod agent;
pub mod door;
pub mod host;
pub mod limits;
pub mod live;
pub mod noop;
pub mod process;

mod cancel;
mod deliver;
mod intake;
mod planted;
mod presence;
mod product;
mod pull;
mod roster;
mod shared;
#[cfg(test)]
mod tests;
mod work;

pub use agent::{Agent, AgentCard, Assignment};
pub use door::Door;
pub use host::{Clock, Error, Options, Ports, Worker};
pub use live::Live;
#[doc(hidden)]
pub use planted::Planted;
