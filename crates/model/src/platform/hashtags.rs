//! Hashtags in a text.

use super::urls;

/// How many hashtags `text` holds: `#` at the start of a word, outside addresses, before a letter, digit
/// or `_`.
pub fn count_hashtags(text: &str) -> u32 {
    let mut count = 0;
    let mut at = 0;
    for url in urls::find(text) {
        count += in_plain(&text[at..url.range.start]);
        at = url.range.end;
    }
    u32::try_from(count + in_plain(&text[at..])).unwrap_or(u32::MAX)
}

fn in_plain(text: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(['#', '＃'])
        .filter(|(at, sign)| {
            let before = text[..*at].chars().next_back();
            text[at + sign.len()..].starts_with(is_word)
                && before.is_none_or(|c| !is_word(c) && c != '&')
        })
        .count()
}
