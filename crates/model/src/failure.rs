//! What can go wrong with a job, by class. The class alone decides whether and how it is tried again.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::usage::Usage;

/// Longest message kept with a failure, bytes.
pub const MAX_MESSAGE_BYTES: usize = 1_000;

/// Why a job failed, in the classes of `spec/publications.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The provider asked to slow down.
    RateLimited,
    /// The connection broke or was refused.
    Network,
    /// No answer within the time limit.
    Timeout,
    /// The provider is failing (5xx, outage).
    Provider,
    /// Context too long, out of memory.
    Resources,
    /// The output does not fit its place.
    TooLong,
    /// The output is not of the schema (empty, cut off, not JSON, another shape).
    Schema,
    /// Anything else that may go away by itself.
    Transient,
    /// The input cannot be worked with.
    InvalidInput,
    /// Credentials missing, wrong or without the right.
    Auth,
    /// The provider refuses the content.
    Policy,
    /// The job was lost three times before it came to an end: it may be what kills its worker.
    Parked,
    /// A defect of ours.
    Internal,
}

impl ErrorClass {
    /// Whether another attempt can help.
    pub fn retryable(self) -> bool {
        match self {
            Self::RateLimited
            | Self::Network
            | Self::Timeout
            | Self::Provider
            | Self::Resources
            | Self::TooLong
            | Self::Schema
            | Self::Transient => true,
            Self::InvalidInput | Self::Auth | Self::Policy | Self::Parked | Self::Internal => false,
        }
    }

    /// The name used in stored records, messages and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Network => "network",
            Self::Timeout => "timeout",
            Self::Provider => "provider",
            Self::Resources => "resources",
            Self::TooLong => "too_long",
            Self::Schema => "schema",
            Self::Transient => "transient",
            Self::InvalidInput => "invalid_input",
            Self::Auth => "auth",
            Self::Policy => "policy",
            Self::Parked => "parked",
            Self::Internal => "internal",
        }
    }

    /// The class of that name.
    pub fn parse(name: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One failure of one job. The message tells a person what failed and what to do; it carries neither
/// content nor secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{class}: {message}")]
pub struct Failure {
    /// What kind of failure.
    pub class: ErrorClass,
    /// What failed and what to do; at most [`MAX_MESSAGE_BYTES`].
    pub message: String,
    /// How long the provider asked to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
    /// What was used all the same. It travels beside the failure: an outcome has its usage, however it ends.
    #[serde(skip)]
    pub usage: Usage,
}

impl Failure {
    /// A failure of `class`; a message that is too long is cut at a character.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MAX_MESSAGE_BYTES {
            message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
        }
        Self {
            class,
            message,
            retry_after: None,
            usage: Usage::default(),
        }
    }

    /// The same with the wait that the provider asked for.
    #[must_use]
    pub fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// The same with what was used before it.
    #[must_use]
    pub fn used(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for class in [
            ErrorClass::RateLimited,
            ErrorClass::TooLong,
            ErrorClass::Internal,
            ErrorClass::Parked,
        ] {
            assert_eq!(ErrorClass::parse(class.as_str()), Some(class));
        }
        assert_eq!(ErrorClass::parse("nope"), None);
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let failure = Failure::new(ErrorClass::Network, "ä".repeat(2_000));
        assert!(failure.message.len() <= MAX_MESSAGE_BYTES);
    }
}
