//! What the adjectives of a brand's voice ask for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use crate::fold::Folded;

/// Adjectives by tone, folded, in the languages in which brands describe themselves.
static TONES: LazyLock<BTreeMap<String, BTreeSet<String>>> = LazyLock::new(|| {
    let tones: BTreeMap<String, Vec<String>> =
        serde_saphyr::from_str(include_str!("rules/tones.yaml"))
            .unwrap_or_else(|fault| unreachable!("the constant list of tones is wrong: {fault}"));
    let folded = |words: Vec<String>| words.iter().map(|word| folded(word)).collect();
    tones
        .into_iter()
        .map(|(tone, words)| (tone, folded(words)))
        .collect()
});

fn folded(word: &str) -> String {
    Folded::term(word).as_str().to_owned()
}

/// Whether one of `adjectives` belongs to `tone`.
pub(crate) fn sounds(adjectives: &[String], tone: &str) -> bool {
    let Some(known) = TONES.get(tone) else {
        return false;
    };
    adjectives
        .iter()
        .any(|adjective| known.contains(&folded(adjective)))
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
