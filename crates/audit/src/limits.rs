//! Bounds of this crate.

use std::time::Duration;

/// Most findings of one report; the worst are kept.
pub(crate) const MAX_FINDINGS: usize = 200;
/// Most bytes of all quotes of one report, so that a report always fits its place.
pub(crate) const MAX_QUOTES_BYTES: usize = 128 * 1024;
/// Most hits of one rule in one piece.
pub(crate) const MAX_HITS: usize = 100;
/// Most bytes of texts that the second judge is shown.
pub(crate) const MAX_JUDGED_BYTES: usize = 96 * 1024;
/// Most remarks of the second judge.
pub(crate) const MAX_REMARKS: usize = 20;
/// Longest quote of the second judge, bytes.
pub(crate) const MAX_QUOTE_BYTES: usize = 500;
/// Most characters of a sentence of the second judge.
pub(crate) const MAX_REMARK_CHARS: usize = 300;
/// Most tokens that the second judge may write.
pub(crate) const MODEL_TOKENS: u32 = 3_000;
/// Longest time that the second judge may take, a repair included; then the rules' report goes without it.
pub(crate) const MODEL_LIMIT: Duration = Duration::from_secs(30);
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
