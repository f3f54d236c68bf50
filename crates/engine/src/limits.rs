//! Every bound of the engine.

/// Most revisions of a step.
pub const MAX_REVISIONS: u32 = 100;
/// A strategy that failed so often on a step is not picked for it again.
pub const MAX_STRATEGY_FAILURES: u32 = 2;
/// How much longer an attempt may take after one that took too long.
pub const TIMEOUT_FACTOR: u64 = 2;
/// What an attempt or a lost start adds to the score of the next: as much as two steps of the usual weight.
pub const RETRY_SCORE: u32 = 2;
/// Longest value of an input that names a limit's jobs, bytes; the hash stands for a longer one.
pub const MAX_LIMIT_VALUE_BYTES: usize = 128;
/// Most items of all lists of a run together: a transition may end or begin all of them.
pub const MAX_ITEMS: usize = 500;
/// Longest key of an item, bytes.
pub const MAX_KEY_BYTES: usize = 200;
/// The lost start that parks a job: its input may be what stops its worker.
pub const MAX_LOST: u32 = 3;
