//! The process chassis: everything that the four services need to run, and nothing of what they do.
//! Telemetry, signals, supervised tasks with a drain, one port for gRPC and HTTP, API keys, correlation.
//!
//! It must never know a run, a job or a table, and never start a task that nobody watches.
//!
//! Start with [`http::App`] and [`supervise::Tasks`]: a service is an app on a port beside some tasks.

pub mod auth;
pub mod build_info;
pub mod clock;
pub mod correlation;
pub mod crypto;
mod deadline;
mod ending;
pub mod env;
pub mod http;
pub mod limits;
pub mod metric;
pub mod mode;
mod ready;
mod refuse;
pub mod secret;
pub mod serve;
pub mod signal;
pub mod supervise;
pub mod telemetry;
pub mod trace;
pub mod upstream;

/// Messages, rows and events are many small allocations of short life on many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
