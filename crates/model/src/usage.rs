//! What a job used: tokens and money.

use serde::{Deserialize, Serialize};

/// Tokens and cost of one job or of many together. Money is counted in whole millionths of a US dollar,
/// so sums are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens sent to the model.
    pub input_tokens: u64,
    /// Tokens the model wrote.
    pub output_tokens: u64,
    /// Cost in millionths of a US dollar.
    pub cost_microusd: u64,
}

impl Usage {
    /// The sum of both; a sum that does not fit stays at the largest number.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cost_microusd: self.cost_microusd.saturating_add(other.cost_microusd),
        }
    }
}

/// Who made an artifact version and by what means.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Provenance {
    /// The agent's kind.
    pub agent: String,
    /// The model as the provider names it; `offline` for the built-in writer.
    pub model: String,
    /// The prompt's version, or the rules' version of an auditor.
    pub prompt_version: String,
    /// The worker process that did it.
    pub worker: String,
    /// What it used.
    pub usage: Usage,
    /// How long the agent worked, milliseconds.
    pub duration_ms: u64,
}
