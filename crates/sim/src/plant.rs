//! Bugs planted on purpose: a simulation that does not find them finds nothing.

use std::str::FromStr;

use orchestrator::core::Planted;

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// The intake acks an outcome before its commit.
    AckBeforeCommit,
    /// The store takes a transition whatever version the run has.
    NoVersionCheck,
    /// The token of an outcome is replaced by the current one.
    LateOutcomeApplied,
    /// A job that is driven again goes out under its old message id.
    RedriveUnderOldId,
    /// An orchestrator drives again only what it knows to have sent since it started.
    StateFromMemory,
    /// A claim takes jobs whose pace does not let them go yet.
    PacesNotAsked,
}

impl Plant {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::AckBeforeCommit,
        Self::NoVersionCheck,
        Self::LateOutcomeApplied,
        Self::RedriveUnderOldId,
        Self::StateFromMemory,
        Self::PacesNotAsked,
    ];

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AckBeforeCommit => "ack-before-commit",
            Self::NoVersionCheck => "no-version-check",
            Self::LateOutcomeApplied => "late-outcome-applied",
            Self::RedriveUnderOldId => "redrive-under-old-id",
            Self::StateFromMemory => "state-from-memory",
            Self::PacesNotAsked => "paces-not-asked",
        }
    }

    /// What the orchestrators are told.
    pub(crate) fn in_core(plant: Option<Self>) -> Planted {
        match plant {
            Some(Self::AckBeforeCommit) => Planted::AckBeforeCommit,
            Some(Self::LateOutcomeApplied) => Planted::LateOutcomeApplied,
            Some(Self::RedriveUnderOldId) => Planted::RedriveUnderOldId,
            Some(Self::StateFromMemory) => Planted::StateFromMemory,
            Some(Self::NoVersionCheck | Self::PacesNotAsked) | None => Planted::None,
        }
    }
}

impl FromStr for Plant {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|plant| plant.as_str() == name)
            .ok_or_else(|| {
                let known = Self::ALL.map(Self::as_str).join(", ");
                format!("no planted bug is called `{name}`; there are {known}")
            })
    }
}
