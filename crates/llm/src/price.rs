//! What a model costs.

use model::usage::Usage;
use serde::{Deserialize, Serialize};

/// A model's price card, millionths of a US dollar per million tokens. A model at 2.50 $ per million
/// input tokens has 2,500,000 here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// For what is sent.
    pub input_microusd: u64,
    /// For what the model writes.
    pub output_microusd: u64,
}

impl Price {
    /// Tokens with their cost, rounded up to a whole millionth of a dollar.
    pub fn usage(&self, input_tokens: u64, output_tokens: u64) -> Usage {
        let cost = u128::from(input_tokens) * u128::from(self.input_microusd)
            + u128::from(output_tokens) * u128::from(self.output_microusd);
        Usage {
            input_tokens,
            output_tokens,
            cost_microusd: u64::try_from(cost.div_ceil(1_000_000)).unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_is_exact_and_rounded_up_once() {
        let price = Price {
            input_microusd: 2_500_000,
            output_microusd: 10_000_000,
        };
        assert_eq!(price.usage(1_000, 100).cost_microusd, 3_500);
        assert_eq!(price.usage(1, 0).cost_microusd, 3);
        assert_eq!(Price::default().usage(9, 9).cost_microusd, 0);
        assert_eq!(price.usage(u64::MAX, u64::MAX).cost_microusd, u64::MAX);
    }
}
