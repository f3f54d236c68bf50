//! Every bound of the engine.

/// Most revisions of a step.
pub const MAX_REVISIONS: u32 = 100;
/// The lost start that parks a job: its input may be what stops its worker.
pub const MAX_LOST: u32 = 3;
