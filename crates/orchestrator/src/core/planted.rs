//! Bugs that the simulator plants, so that it shows whether it would find them. No configuration reaches
//! this: only [`Core::start_planted`](super::Core::start_planted) does, and only the simulator calls it.

/// A planted bug.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Planted {
    /// None: the program as it is.
    #[default]
    None,
    /// An outcome is acked before its commit.
    AckBeforeCommit,
    /// The token of an outcome is replaced by the current one.
    LateOutcomeApplied,
    /// A job that is driven again goes out under its old message id.
    RedriveUnderOldId,
    /// Only jobs sent since this process started are driven again.
    StateFromMemory,
}
