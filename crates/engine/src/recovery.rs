//! What a failed attempt changes about the next one (`spec/publications.md`, recovery).

use model::{AgentKind, ErrorClass};
use workflow::Step;

use crate::{
    limits::{MAX_STRATEGY_FAILURES, TIMEOUT_FACTOR},
    run,
};

/// What an attempt does otherwise than the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strategy {
    /// Waits with full jitter, or as long as the provider said.
    ExponentialBackoff,
    /// Has a longer time limit.
    RetryWithTimeout,
    /// The next agent of the list does it.
    FallbackAgent,
    /// Fewer resources, a shorter request.
    SimplifiedGeneration,
    /// Rewrites to fit.
    ContentOptimization,
    /// Is told the faults of the output before.
    Repair,
    /// The same again.
    StandardRetry,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ExponentialBackoff,
        Self::RetryWithTimeout,
        Self::FallbackAgent,
        Self::SimplifiedGeneration,
        Self::ContentOptimization,
        Self::Repair,
        Self::StandardRetry,
    ];

    /// The name used in stored records, messages and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExponentialBackoff => "exponential_backoff",
            Self::RetryWithTimeout => "retry_with_timeout",
            Self::FallbackAgent => "fallback_agent",
            Self::SimplifiedGeneration => "simplified_generation",
            Self::ContentOptimization => "content_optimization",
            Self::Repair => "repair",
            Self::StandardRetry => "standard_retry",
        }
    }

    /// The strategy of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|strategy| strategy.as_str() == name)
    }

    /// What is meant to help against a class; none for classes that no further attempt can help.
    fn against(class: ErrorClass) -> Option<Self> {
        match class {
            ErrorClass::RateLimited => Some(Self::ExponentialBackoff),
            ErrorClass::Network | ErrorClass::Timeout => Some(Self::RetryWithTimeout),
            ErrorClass::Provider => Some(Self::FallbackAgent),
            ErrorClass::Resources => Some(Self::SimplifiedGeneration),
            ErrorClass::TooLong => Some(Self::ContentOptimization),
            ErrorClass::Schema => Some(Self::Repair),
            ErrorClass::Transient => Some(Self::StandardRetry),
            ErrorClass::InvalidInput
            | ErrorClass::Auth
            | ErrorClass::Policy
            | ErrorClass::Parked
            | ErrorClass::Internal => None,
        }
    }
}

/// What the next attempt of `state` does after a failure of `class`: the strategy of the class, unless that
/// failed twice here; then the plain retry, unless that did too. None when nothing is left to try.
pub(crate) fn next(step: &Step, state: &run::Step, class: ErrorClass) -> Option<Strategy> {
    let usable = |strategy: &Strategy| match strategy {
        Strategy::FallbackAgent => fallback(step, state.fallbacks + 1).is_some(),
        _ => true,
    };
    // The attempt that just failed is not in the state yet.
    let failures = |strategy: Strategy| {
        let now = u32::from(state.strategy == Some(strategy));
        state.failed_strategies.get(&strategy).copied().unwrap_or(0) + now
    };
    [Strategy::against(class)?, Strategy::StandardRetry]
        .into_iter()
        .filter(usable)
        .find(|strategy| failures(*strategy) < MAX_STRATEGY_FAILURES)
}

/// The agent that does the step after `taken` of those before it have failed; the planned one first.
pub(crate) fn fallback(step: &Step, taken: u32) -> Option<&AgentKind> {
    let at = usize::try_from(taken.checked_sub(1)?).ok()?;
    step.recover.as_ref()?.fallback.get(at)
}

/// The time limit of an attempt, milliseconds: the step's, longer with each attempt that was to have more.
pub fn timeout_ms(step: &Step, state: &run::Step) -> u64 {
    let longer = TIMEOUT_FACTOR.saturating_pow(state.longer);
    step.timeout_ms
        .saturating_mul(longer)
        .min(workflow::limits::MAX_TIMEOUT_MS)
}
