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
    /// For what is sent and known to the provider from an earlier call; as any other input when absent.
    #[serde(default)]
    pub cached_microusd: Option<u64>,
    /// For what the model writes.
    pub output_microusd: u64,
}

impl Price {
    /// Tokens with their cost, rounded up to a whole millionth of a dollar. `cached_tokens` are those of
    /// the input that the provider had kept.
    pub fn usage(&self, input_tokens: u64, cached_tokens: u64, output_tokens: u64) -> Usage {
        let cached = cached_tokens.min(input_tokens);
        let cached_price = self.cached_microusd.unwrap_or(self.input_microusd);
        let cost = u128::from(input_tokens - cached) * u128::from(self.input_microusd)
            + u128::from(cached) * u128::from(cached_price)
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
            cached_microusd: None,
            output_microusd: 10_000_000,
        };
        assert_eq!(price.usage(1_000, 0, 100).cost_microusd, 3_500);
        assert_eq!(price.usage(1, 0, 0).cost_microusd, 3);
        assert_eq!(Price::default().usage(9, 0, 9).cost_microusd, 0);
        assert_eq!(price.usage(u64::MAX, 0, u64::MAX).cost_microusd, u64::MAX);
    }

    #[test]
    fn kept_input_has_its_own_price() {
        let mut price = Price {
            input_microusd: 2_000_000,
            cached_microusd: Some(200_000),
            output_microusd: 0,
        };
        assert_eq!(price.usage(1_000, 400, 0).cost_microusd, 1_280);
        assert_eq!(
            price.usage(1_000, 9_999, 0).cost_microusd,
            200,
            "never more than was sent"
        );
        price.cached_microusd = None;
        assert_eq!(price.usage(1_000, 400, 0).cost_microusd, 2_000);
    }
}
