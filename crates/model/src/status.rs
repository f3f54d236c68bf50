//! How a run stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A run's status. `Completed`, `PartiallyCompleted` and `Failed` are at rest: a regenerate reopens
/// them. `Cancelled` and `Rejected` absorb.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Work is under way or waited for.
    #[default]
    Running,
    /// Every step that was to run has ended well.
    Completed,
    /// Something failed, and at least one artifact is there.
    PartiallyCompleted,
    /// Something failed, and nothing usable is there.
    Failed,
    /// Stopped by a person or a limit; for ever.
    Cancelled,
    /// A review said no; for ever.
    Rejected,
}

impl RunStatus {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Running,
        Self::Completed,
        Self::PartiallyCompleted,
        Self::Failed,
        Self::Cancelled,
        Self::Rejected,
    ];

    /// Whether nothing is under way.
    pub fn at_rest(self) -> bool {
        self != Self::Running
    }

    /// The name used in stored records, messages and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::PartiallyCompleted => "partially_completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
