//! Every rule, in one list.

use std::sync::LazyLock;

use model::report::{Category, Severity};

use crate::{personal::Kind, rule::Rule, rules, word_list};

/// Version of the rules as a whole; changes whenever a report could.
pub const RULES_VERSION: &str = "campaign-2";

/// All rules, by category: those in code, then the lists of words.
pub(crate) static RULES: LazyLock<Vec<Box<dyn Rule>>> = LazyLock::new(|| {
    let mut all: Vec<Box<dyn Rule>> = vec![
        Box::new(rules::Donts),
        Box::new(rules::Address),
        Box::new(rules::BannedTerms),
        Box::new(rules::RequiredTerms),
        Box::new(rules::RequiredTermsInPosts),
        Box::new(rules::Numbers),
        Box::new(rules::UnlistedClaims),
        Box::new(rules::Disclosures),
        Box::new(rules::Disclaimers),
        Box::new(rules::PlatformLength),
        Box::new(rules::CharacterCount),
        Box::new(rules::Variants),
        Box::new(rules::Hashtags),
        Box::new(rules::MissingPlatform),
        Box::new(rules::Markup),
        Box::new(rules::AltMissing),
        Box::new(rules::AltText),
        Box::new(rules::Capitals),
        Box::new(rules::EmojiRun),
        Box::new(rules::FancyLetters),
        Box::new(rules::LinkText),
        Box::new(rules::HashtagCase),
        Box::new(rules::ReadingEase),
        Box::new(rules::SentenceLength),
        Box::new(rules::Scheme),
        Box::new(rules::Credentials),
        Box::new(rules::Shortener),
        Box::new(rules::ForeignHost),
        Box::new(rules::Language),
    ];
    all.extend(personal_data().map(|rule| Box::new(rule) as Box<dyn Rule>));
    all.extend(
        word_list::all()
            .into_iter()
            .map(|list| Box::new(list) as Box<dyn Rule>),
    );
    all.sort_by_key(|rule| rule.category());
    all
});

fn personal_data() -> [rules::PersonalData; 5] {
    let rule = |kind, id, noun, source, severity| rules::PersonalData {
        kind,
        id,
        noun,
        source,
        severity,
    };
    let gdpr = "Regulation (EU) 2016/679 (GDPR), Articles 4(1) and 6";
    [
        rule(
            Kind::Email,
            "personal_data.email",
            "somebody's e-mail address",
            gdpr,
            Severity::Violation,
        ),
        rule(
            Kind::Phone,
            "personal_data.phone",
            "somebody's telephone number",
            gdpr,
            Severity::Violation,
        ),
        rule(
            Kind::Iban,
            "personal_data.iban",
            "the number of an account (its check digits are right)",
            "GDPR, Articles 4(1) and 6; ISO 13616-1, ISO 7064 MOD 97-10",
            Severity::Blocker,
        ),
        rule(
            Kind::Card,
            "personal_data.card",
            "the number of a payment card (its check digit is right)",
            "PCI DSS 4.0, requirement 3.4; ISO/IEC 7812-1, annex B (Luhn)",
            Severity::Blocker,
        ),
        rule(
            Kind::NationalId,
            "personal_data.national_id",
            "a number by which a state knows a person",
            "GDPR, Article 87; § 139b AO, § 147 SGB VI (Germany), 20 CFR 422.103 (United States), HMRC NIM39110 (United Kingdom), and the check rules of CH, ES, FR, IT in `crates/audit/src/personal/ids.rs`",
            Severity::Blocker,
        ),
    ]
}

/// A rule as documents and consoles show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name for ever; findings carry it.
    pub id: &'static str,
    /// What it is about.
    pub category: Category,
    /// How bad each of its findings is.
    pub severity: Severity,
    /// Why it exists.
    pub rationale: &'static str,
    /// The law, standard or guide that it follows, or whose word it holds the text to.
    pub source: &'static str,
    /// The languages that it knows, as primary subtags of BCP 47; every language when empty.
    pub languages: Vec<&'static str>,
    /// Whether it compares with a whole brief, so that a brand alone is not enough.
    pub needs_brief: bool,
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
            source: rule.source(),
            languages: rule.languages(),
            needs_brief: rule.needs_brief(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_every_rule_says_why_and_by_whose_word() {
        let all = catalogue();
        let ids: BTreeSet<_> = all.iter().map(|entry| entry.id).collect();
        assert_eq!(ids.len(), all.len());
        for entry in all {
            assert!(entry.rationale.ends_with('.'), "{}", entry.id);
            assert!(entry.id.contains('.'), "{}", entry.id);
            assert!(!entry.source.is_empty(), "{}", entry.id);
        }
    }
}
