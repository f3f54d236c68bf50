//! Bugs that the simulator plants, so that it shows whether it would find them. No configuration reaches
//! this: only [`Core::start_planted`](super::Core::start_planted) does, and only the simulator calls it.

/// Makes the bugs, each with its name; a new one is one entry here, and where it bites.
macro_rules! bugs {
    ($($(#[$doc:meta])+ $bug:ident = $name:literal,)+) => {
        /// A planted bug.
        #[doc(hidden)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum Planted {
            /// None: the program as it is.
            #[default]
            None,
            $($(#[$doc])+ $bug,)+
        }

        impl Planted {
            /// All of them, by name.
            pub const ALL: &[(&str, Self)] = &[$(($name, Self::$bug)),+];
        }
    };
}

bugs! {
    /// An outcome is acked before its commit.
    AckBeforeCommit = "ack-before-commit",
    /// The token of an outcome is replaced by the current one of its job: it is fenced by attempt alone.
    LateOutcomeApplied = "late-outcome-applied",
    /// A job that is driven again goes out under its old message id.
    RedriveUnderOldId = "redrive-under-old-id",
    /// Only jobs sent since this process started are driven again.
    StateFromMemory = "state-from-memory",
    /// An outcome that comes again is taken again.
    OutcomeTakenTwice = "outcome-taken-twice",
    /// Jobs and events go out before their commit.
    SendBeforeCommit = "send-before-commit",
    /// A commit whose answer was lost is taken for done.
    UnknownTakenAsDone = "unknown-taken-as-done",
    /// A command is refused for what memory holds of its run.
    RefusedFromMemory = "refused-from-memory",
    /// A changed run is broadcast once.
    HeadsOnce = "heads-once",
    /// Only timers that became due since this process started are fired.
    TimersFromMemory = "timers-from-memory",
    /// A lease by the wall clock: a job in no list is silent 12 s after the time at which it was sent.
    SilenceByWallClock = "silence-by-wall-clock",
    /// A job in no list is silent as soon as one look does not find it on the bus.
    SilentAfterOneLook = "silent-after-one-look",
    /// Events are published again from a cursor in memory, which starts at the end.
    RelayByCursor = "relay-by-cursor",
    /// What nobody wants any more is not called back.
    NotCalledBack = "not-called-back",
}
