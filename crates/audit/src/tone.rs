//! What the adjectives of a brand's voice ask for.

use std::{collections::BTreeMap, sync::LazyLock};

use crate::fold::Folded;

/// Adjectives by tone, in the languages in which brands describe themselves.
static TONES: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| {
    serde_saphyr::from_str(include_str!("rules/tones.yaml"))
        .unwrap_or_else(|fault| unreachable!("the constant list of tones is wrong: {fault}"))
});

/// Whether one of `adjectives` belongs to `tone`.
pub(crate) fn sounds(adjectives: &[String], tone: &str) -> bool {
    let Some(known) = TONES.get(tone) else {
        return false;
    };
    adjectives.iter().any(|adjective| {
        let adjective = Folded::term(adjective);
        known
            .iter()
            .any(|word| Folded::term(word).as_str() == adjective.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjectives_belong_to_tones() {
        let voice = |adjective: &str| [adjective.to_owned()];
        assert!(sounds(&voice(" Präzise"), "sober"));
        assert!(sounds(&voice("plain"), "plain"));
        assert!(!sounds(&voice("loud"), "sober"));
        assert!(!sounds(&voice("plain"), "no such tone"));
    }
}
