//! Bounds of this crate.

/// Most findings of one report; the worst are kept.
pub(crate) const MAX_FINDINGS: usize = 200;
/// Most bytes of all quotes of one report, so that a report always fits its place.
pub(crate) const MAX_QUOTES_BYTES: usize = 128 * 1024;
/// Most hits of one rule in one piece.
pub(crate) const MAX_HITS: usize = 100;
/// Most characters of a brief's text repeated in a message.
pub(crate) const MAX_SHOWN_CHARS: usize = 120;
/// Fewest letters of a paragraph whose language can be told.
pub(crate) const MIN_LANGUAGE_LETTERS: usize = 80;
/// Fewest words of a text whose reading ease is measured (Flesch took samples of 100).
pub(crate) const MIN_READING_EASE_WORDS: usize = 100;
/// Least reading ease of a text.
pub(crate) const MIN_READING_EASE: f64 = 30.0;
/// Most words of a sentence.
pub(crate) const MAX_SENTENCE_WORDS: usize = 40;
/// Most characters of the description of a picture.
pub(crate) const MAX_ALT_CHARS: usize = 250;
/// Most emoji in a row.
pub(crate) const MAX_EMOJI_RUN: usize = 3;
/// Fewest words of two letters or more that are taken for shouting.
pub(crate) const MIN_CAPITAL_WORDS: usize = 3;
/// Fewest letters that are taken for shouting.
pub(crate) const MIN_CAPITAL_LETTERS: usize = 10;
/// Longest hashtag that is taken apart into words, letters.
pub(crate) const MAX_TAG_LETTERS: usize = 60;
