//! The command line.

use clap::Parser;
use sim::Plant;

/// Simulates the whole system under faults, one world for each seed.
#[derive(Parser)]
pub(crate) struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 500)]
    pub(crate) seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    pub(crate) from: u64,
    /// Replay this one seed and show all that happens.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Plant a bug, which must be found.
    #[arg(long)]
    pub(crate) plant: Option<Plant>,
}
