//! Every rule, in one list.

use model::report::{Category, Severity};

use crate::{rule::Rule, rules};

/// Version of the rules as a whole; changes whenever a report could.
pub const RULES_VERSION: &str = "campaign-1";

/// All rules, by category.
pub(crate) const RULES: &[&dyn Rule] = &[
    &rules::BannedTerms,
    &rules::RequiredTerms,
    &rules::RequiredTermsInPosts,
    &rules::Numbers,
    &rules::Assertions,
    &rules::Superlatives,
    &rules::UnlistedClaims,
    &rules::Disclosures,
    &rules::Disclaimers,
    &rules::PlatformLength,
    &rules::CharacterCount,
    &rules::Variants,
    &rules::Hashtags,
    &rules::MissingPlatform,
];

/// A rule as documents and consoles show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its name for ever; findings carry it.
    pub id: &'static str,
    /// What it is about.
    pub category: Category,
    /// How bad each of its findings is.
    pub severity: Severity,
    /// Why it exists.
    pub rationale: &'static str,
}

/// Every rule that [`audit()`](crate::audit()) applies.
pub fn catalogue() -> Vec<Entry> {
    RULES
        .iter()
        .map(|rule| Entry {
            id: rule.id(),
            category: rule.category(),
            severity: rule.severity(),
            rationale: rule.rationale(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_every_rule_says_why() {
        let all = catalogue();
        let ids: BTreeSet<_> = all.iter().map(|entry| entry.id).collect();
        assert_eq!(ids.len(), all.len());
        for entry in all {
            assert!(entry.rationale.ends_with('.'), "{}", entry.id);
            assert!(entry.id.contains('.'), "{}", entry.id);
        }
    }
}
