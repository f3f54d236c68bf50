//! Bugs that the simulator plants, so that it shows whether it would find them. No configuration reaches
//! this: only [`Follower::planted`](crate::follow::Follower::planted) does, and only the simulator calls it.

/// A planted bug.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Planted {
    /// None: the program as it is.
    #[default]
    None,
    /// What is heard is passed on, whether or not something before it is missing.
    HolesNotFilled,
    /// What other replicas and lost events say of a run's last number is not listened to.
    DeafToHeads,
}

impl Planted {
    /// All of them, by name.
    pub const ALL: &[(&str, Self)] = &[
        ("holes-not-filled", Self::HolesNotFilled),
        ("deaf-to-heads", Self::DeafToHeads),
    ];
}
