//! Where events come from when the bus does not have them.

pub mod grpc;

use async_trait::async_trait;
use model::{RunId, Timestamp};
use tonic::Status;
use wire::events::v1::Event;

/// Why history cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such run for this caller.
    #[error("there is no run {0}")]
    NotFound(RunId),
    /// The caller may not read, or is not known.
    #[error("{0}")]
    Denied(String),
    /// No answer; try again.
    #[error("the orchestrator does not answer: {0}")]
    Unavailable(String),
    /// More has changed since than one stream may ask for.
    #[error(
        "too much has changed since {0}; subscribe anew, and list the runs for what came before"
    )]
    TooMuch(Timestamp),
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::NotFound(_) => Self::not_found(message),
            Error::Denied(_) => Self::permission_denied(message),
            Error::Unavailable(_) => Self::unavailable(message),
            Error::TooMuch(_) => Self::out_of_range(message),
        }
    }
}

/// Events of a run after a number.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Numbered on without a gap.
    pub events: Vec<Event>,
    /// The run's last number at that moment.
    pub head: u64,
    /// Whether the run was at rest at that moment.
    pub at_rest: bool,
}

/// A run that changed, with its last number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Which.
    pub run: RunId,
    /// Its last number.
    pub sequence: u64,
}

/// The orchestrator's store, seen as one caller.
#[async_trait]
pub trait History: Send + Sync {
    /// Events of a run with a number above `after`, oldest first, at most a page.
    async fn events(&self, run: &RunId, after: u64) -> Result<Page, Error>;

    /// Every run of the caller's tenant that changed at or after `since`.
    async fn changed(&self, since: Timestamp) -> Result<Vec<Changed>, Error>;
}
