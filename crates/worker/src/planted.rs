//! Bugs that the simulator plants, so that it shows whether it would find them. No configuration reaches
//! this: only [`Worker::planted`](crate::Worker::planted) does, and only the simulator calls it.

/// A planted bug.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Planted {
    /// None: the program as it is.
    #[default]
    None,
    /// An outcome is given to the bus once, whatever it answers.
    OutcomeSentOnce,
}

impl Planted {
    /// All of them, by name.
    pub const ALL: &[(&str, Self)] = &[("outcome-sent-once", Self::OutcomeSentOnce)];
}
