//! How hard a text is to read.

use std::ops::Range;

use model::report::{Category, Severity};

use crate::{
    limits::{MAX_SENTENCE_WORDS, MIN_READING_EASE, MIN_READING_EASE_WORDS},
    piece::{Piece, Role},
    prose::Sentence,
    rule::{Brief, Hits, Rule},
};

/// English texts reach a reading ease.
pub(crate) struct ReadingEase;

/// Sentences end before they are lost.
pub(crate) struct SentenceLength;

impl Rule for ReadingEase {
    fn id(&self) -> &str {
        "readability.reading_ease"
    }

    fn category(&self) -> Category {
        Category::Readability
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn rationale(&self) -> &str {
        "Below 30 Flesch calls a text very difficult, the prose of scientific papers; the measure wants 100 words or more."
    }

    fn source(&self) -> &str {
        "R. Flesch, A new readability yardstick, Journal of Applied Psychology 32 (1948): 206.835 - 1.015 x words per sentence - 84.6 x syllables per word; syllables are counted as groups of vowels"
    }

    fn languages(&self) -> Vec<&str> {
        vec!["en"]
    }

    fn check(&self, _brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        for text in piece.texts(&[Role::Shown]) {
            let Some(ease) = reading_ease(&text.text, text.sentences()) else {
                continue;
            };
            if ease < MIN_READING_EASE {
                let place = match text.path.as_str() {
                    "" => "The text".to_owned(),
                    path => format!("`{path}`"),
                };
                hits.whole(
                    format!("{place} has a reading ease of {ease:.0}; 60 is plain English, 100 the easiest."),
                    "Use shorter sentences and shorter words.",
                );
            }
        }
    }
}

impl Rule for SentenceLength {
    fn id(&self) -> &str {
        "readability.sentence_length"
    }

    fn category(&self) -> Category {
        Category::Readability
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn rationale(&self) -> &str {
        "Sentences of more than 40 words are read twice or not at all."
    }

    fn source(&self) -> &str {
        "GOV.UK, Writing guidelines (split sentences of more than 25 words); Wolf Schneider, Deutsch für Profis; the bound of 40 is our own, for what is surely too long"
    }

    fn check(&self, _brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        for text in piece.texts(&[Role::Shown, Role::Picture]) {
            for sentence in text.sentences() {
                if hits.is_full() {
                    return;
                }
                let words = sentence
                    .words
                    .iter()
                    .filter(|word| is_spaced(&text.text[(*word).clone()]))
                    .count();
                if words > MAX_SENTENCE_WORDS {
                    let what = format!("The sentence has {words} words.");
                    hits.at(
                        text,
                        sentence.range.clone(),
                        what,
                        "Make two or three of it.",
                    );
                }
            }
        }
    }
}

/// Flesch's measure; `None` for a text that is too short for it.
fn reading_ease(text: &str, sentences: &[Sentence]) -> Option<f64> {
    let words: Vec<&Range<usize>> = sentences
        .iter()
        .flat_map(|sentence| &sentence.words)
        .collect();
    if words.len() < MIN_READING_EASE_WORDS {
        return None;
    }
    let syllables: usize = words
        .iter()
        .map(|word| syllables(&text[(*word).clone()]))
        .sum();
    // Far below 2^52 each.
    #[expect(clippy::cast_precision_loss, reason = "counts of one text")]
    let (words, sentences, syllables) =
        (words.len() as f64, sentences.len() as f64, syllables as f64);
    Some(206.835 - 1.015 * words / sentences - 84.6 * syllables / words)
}

/// Groups of vowels; a silent `e` at the end counts none, `le` after a consonant does; one at least.
fn syllables(word: &str) -> usize {
    let word = word.to_lowercase();
    let letters: Vec<char> = word.chars().filter(|c| c.is_alphabetic()).collect();
    let vowel = |c: &char| {
        matches!(
            c,
            'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'á' | 'é' | 'í' | 'ó' | 'ú' | 'ä' | 'ö' | 'ü'
        )
    };
    let groups = letters
        .iter()
        .enumerate()
        .filter(|(at, c)| vowel(c) && (*at == 0 || !vowel(&letters[at - 1])))
        .count();
    let before = |back: usize| {
        letters
            .len()
            .checked_sub(back)
            .and_then(|at| letters.get(at))
    };
    let silent = match (before(3), before(2), before(1)) {
        (Some(third), Some('l'), Some('e')) => vowel(third),
        (_, Some(second), Some('e')) => !vowel(second),
        (Some(third), Some('e'), Some('d')) => !matches!(third, 't' | 'd'),
        _ => false,
    };
    groups
        .saturating_sub(usize::from(silent && groups > 1))
        .max(1)
}

/// Scripts without spaces have no words to count here.
fn is_spaced(word: &str) -> bool {
    !word.chars().any(|c| matches!(c, '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{2E80}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prose;

    #[test]
    fn syllables_of_words() {
        for (word, expect) in [
            ("the", 1),
            ("table", 2),
            ("make", 1),
            ("repaired", 2),
            ("wanted", 2),
            ("reading", 2),
            ("organisation", 5),
            ("x", 1),
            ("idea", 2),
        ] {
            assert_eq!(syllables(word), expect, "{word}");
        }
    }

    #[test]
    fn the_measure_knows_easy_from_hard() {
        let ease = |text: &str| {
            let text = text.repeat(20);
            reading_ease(&text, &prose::sentences(&text)).unwrap()
        };
        assert!(ease("The cat sat on the mat. ") > 100.0);
        assert!(
            ease("Organisational considerations necessitate comprehensive documentation. ") < 0.0
        );
        assert_eq!(reading_ease("Short.", &prose::sentences("Short.")), None);
    }
}
