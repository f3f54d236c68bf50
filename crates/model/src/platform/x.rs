//! X: weighted length by twitter-text 3.1.0, configuration v3.

use unicode_normalization::UnicodeNormalization;

use super::{emoji, urls};

/// Every address becomes a `t.co` link of this length (`transformedURLLength`).
const URL_LENGTH: usize = 23;
/// An emoji, and a character outside the light ranges (`defaultWeight` over `scale`).
const HEAVY: usize = 2;

/// The weighted length after NFC: 23 for each address, 2 for each emoji, 1 for Latin and its neighbours
/// and for common punctuation, 2 for all else.
pub(super) fn weighted_length(text: &str) -> usize {
    let text: String = text.nfc().collect();
    let mut length = 0;
    let mut at = 0;
    for url in urls::find(&text) {
        length += weight(&text[at..url.range.start]) + URL_LENGTH;
        at = url.range.end;
    }
    length + weight(&text[at..])
}

fn weight(text: &str) -> usize {
    let mut sum = 0;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (len, weight) = match emoji::len(rest) {
            Some(len) => (len, HEAVY),
            None if is_light(c) => (c.len_utf8(), 1),
            None => (c.len_utf8(), HEAVY),
        };
        sum += weight;
        rest = &rest[len..];
    }
    sum
}

/// The `ranges` of weight 100.
fn is_light(c: char) -> bool {
    matches!(u32::from(c), 0..=4351 | 8192..=8205 | 8208..=8223 | 8242..=8247)
}
