//! Bounds of definitions and conditions. [`crate::plan::MAX_STEPS`] stands with the plan.

/// Longest definition, bytes.
pub const MAX_SOURCE_BYTES: usize = 256 * 1024;
/// Deepest nesting of a definition's YAML.
pub const MAX_YAML_DEPTH: usize = 32;
/// Most YAML nodes of a definition.
pub const MAX_YAML_NODES: usize = 20_000;
/// Most problems reported for one definition.
pub const MAX_PROBLEMS: usize = 100;
/// Most milestones of a definition.
pub const MAX_MILESTONES: usize = 64;
/// Longest condition, bytes.
pub const MAX_CONDITION_BYTES: usize = 512;
/// Deepest nesting of parentheses, `size(…)`, `!` and unary `-` in a condition.
pub const MAX_CONDITION_DEPTH: usize = 8;
/// Longest timeout of a step, milliseconds.
pub const MAX_TIMEOUT_MS: u64 = 24 * 3_600_000;
/// Most attempts of a step, the first included.
pub const MAX_ATTEMPTS: u32 = 20;
/// Longest wait between two attempts, milliseconds.
pub const MAX_RETRY_WAIT_MS: u64 = 3_600_000;
/// Most items of one step under way at once.
pub const MAX_PARALLEL: u32 = 1_000;
/// Most passes of a loop.
pub const MAX_PASSES: u32 = 100;
/// Most agents that an item may choose from, and most that may take over.
pub const MAX_CHOICE: usize = 32;
/// Largest weight of a step.
pub const MAX_WEIGHT: u32 = 1_000;
/// Most approvals that a review may ask for, and most people whom it may name.
pub const MAX_REVIEWERS: u32 = 32;
/// Longest name of a person, bytes.
pub const MAX_PERSON_BYTES: usize = 200;
/// Longest time that people may have for a review, milliseconds.
pub const MAX_REVIEW_MS: u64 = 365 * 24 * 3_600_000;
/// Longest key of a rate or a concurrency limit, as written, bytes.
pub const MAX_KEY_BYTES: usize = 128;
/// Fastest rate of a key, jobs a second.
pub const MAX_RATE: u32 = 1_000;
/// Slowest rate of a key, and longest spacing, milliseconds: a day.
pub const MAX_SPACING_MS: u64 = 24 * 3_600_000;
/// Of a rate that is faster than this, jobs may go together: as many as belong to this time, microseconds.
pub const BURST_US: u64 = 100_000;
/// Most jobs of one concurrency key sent at once.
pub const MAX_AT_ONCE: u32 = 1_000;
