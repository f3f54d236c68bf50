//! Handling texts that people wrote in any form.

use unicode_segmentation::UnicodeSegmentation;

use crate::structured::visible;

/// On one line, without list and heading marks at its front.
pub(super) fn one_line(text: &str) -> String {
    let text = visible(text);
    let mut words = text.split_whitespace().peekable();
    while words
        .next_if(|w| matches!(*w, "-" | "*" | "+" | ">") || w.bytes().all(|b| b == b'#'))
        .is_some()
    {}
    words.collect::<Vec<_>>().join(" ")
}

/// As part of a sentence: on one line, without the full stop at its end.
pub(super) fn phrase(text: &str) -> String {
    one_line(text)
        .trim_end_matches(['.', ',', ';', ':', ' '])
        .to_owned()
}

/// As one sentence: where another begins within it, a semicolon or a dash stands instead of the end of the
/// first. So a text of the brief that is said in several places gives no sentence that stands twice. What
/// may be an abbreviation (`Dr. Weber`) stays.
pub(super) fn one_sentence(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['.', '!', '?']) {
        let (before, after) = rest.split_at(at);
        let mark = &after[..1];
        let ends = after[1..]
            .strip_prefix(' ')
            .and_then(|next| next.chars().next())
            .is_some_and(|c| c.is_uppercase() || c.is_numeric());
        let word = before.rsplit(' ').next().unwrap_or_default();
        let is_word = word.chars().all(char::is_alphabetic)
            && word.chars().count() >= MIN_LAST_WORD
            && !ABBREVIATIONS.contains(&word.to_lowercase().as_str());
        joined.push_str(before);
        joined.push_str(match (ends, mark) {
            (true, ".") if is_word => ";",
            (true, "!" | "?") => " –",
            _ => mark,
        });
        rest = &after[1..];
    }
    joined.push_str(rest);
    joined
}

/// Shortest word that is hardly an abbreviation before a full stop, letters.
const MIN_LAST_WORD: usize = 4;
/// Abbreviations that are longer.
const ABBREVIATIONS: [&str; 6] = ["prof", "corp", "dept", "inst", "bros", "univ"];

/// With a capital first letter, unless a capital follows at once (`iPhone`) or it is an address.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), second) if !second.is_some_and(char::is_uppercase) && !is_address(text) => {
            first.to_uppercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// Whether the first word is an address: one that is changed or cut leads elsewhere.
fn is_address(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or_default();
    word.contains("://") || word.contains("](") || word.to_ascii_lowercase().contains("www.")
}

/// Letters and digits in small form, words apart: what two texts are compared by.
pub(super) fn fold(text: &str) -> String {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect::<Vec<_>>()
        .join(" ")
}

/// At most `max` characters, cut after a word.
pub(super) fn shorten(text: &str, max: usize) -> String {
    shorten_until(text, |t| t.chars().count() <= max).unwrap_or_default()
}

/// The longest beginning of `text` that `fits` takes, cut after a word (within one only when the first
/// word is too long itself) and closed by `…`. `None` when nothing fits.
pub(super) fn shorten_until(text: &str, fits: impl Fn(&str) -> bool) -> Option<String> {
    shorten_words(text, &fits).or_else(|| {
        if is_address(text) {
            return None;
        }
        let graphemes = text.grapheme_indices(true).map(|(at, _)| at);
        longest(text, &graphemes.collect::<Vec<_>>(), fits)
    })
}

/// The same, and never cut within a word: `None` when not even the first one fits.
pub(super) fn shorten_words(text: &str, fits: impl Fn(&str) -> bool) -> Option<String> {
    if fits(text) {
        return Some(text.to_owned());
    }
    let words = text
        .split_word_bound_indices()
        .filter(|(_, word)| word.chars().all(char::is_whitespace))
        .map(|(at, _)| at);
    longest(text, &words.collect::<Vec<_>>(), fits)
}

/// The longest beginning that ends at one of `ends` and, closed by `…`, is one that `fits` takes.
fn longest(text: &str, ends: &[usize], fits: impl Fn(&str) -> bool) -> Option<String> {
    let closed = |end: usize| {
        let kept = text[..end].trim_end_matches([' ', ',', ';', ':', '.', '–']);
        (!kept.is_empty()).then(|| format!("{kept}…"))
    };
    let fitting = ends.partition_point(|end| closed(*end).is_none_or(|t| fits(&t)));
    // A length by weights need not grow with the text: look once more from there down.
    ends[..fitting]
        .iter()
        .rev()
        .filter_map(|end| closed(*end))
        .find(|t| fits(t))
}

/// The sentences of a longer text, each on one line. What may be an abbreviation (`Dr. Weber`) ends none.
pub(super) fn sentences(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for line in text.lines() {
        let line = one_line(line);
        let mut open = String::new();
        for part in line.split_inclusive(['.', '!', '?']) {
            // Only what a blank and a capital follow begins anew; `3.5` and `a.example` go on.
            let begins = part
                .strip_prefix(' ')
                .and_then(|rest| rest.chars().next())
                .is_some_and(|c| c.is_uppercase() || c.is_numeric());
            if begins && ends_sentence(&open) {
                all.push(std::mem::take(&mut open));
            }
            open.push_str(part);
        }
        all.push(open);
    }
    all.retain(|sentence| !sentence.trim().is_empty());
    for sentence in &mut all {
        *sentence = sentence.trim().to_owned();
    }
    all
}

/// Abbreviations in small letters that a capital may follow.
const SMALL_ABBREVIATIONS: [&str; 12] = [
    "approx", "bzw", "ca", "etc", "evtl", "ggf", "inkl", "max", "min", "usw", "vgl", "vs",
];

/// Whether a text that ends with a mark ends a sentence. A short word with a capital may be a title or a name's
/// first letter.
fn ends_sentence(text: &str) -> bool {
    let Some(before) = text.strip_suffix('.') else {
        return text.ends_with(['!', '?']);
    };
    let word = before.rsplit(' ').next().unwrap_or_default();
    let letters = word.chars().count();
    let small = letters >= 2
        && word.chars().all(char::is_lowercase)
        && !SMALL_ABBREVIATIONS.contains(&word);
    let long = letters >= MIN_LAST_WORD && word.chars().all(char::is_alphabetic);
    (small || long) && !ABBREVIATIONS.contains(&word.to_lowercase().as_str())
}

/// Bytes that `text` takes within a JSON string.
pub(super) fn json_len(text: &str) -> usize {
    text.bytes()
        .map(|b| 1 + usize::from(matches!(b, b'"' | b'\\' | b'\n' | b'\r' | b'\t')))
        .sum()
}

/// Fills `template`: every `{name}` by what `value` gives. `None` when one is missing. A full stop
/// or question mark after a value that ends a sentence by itself is left out.
pub(super) fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}')?;
        out.push_str(before);
        out.push_str(&value(name).filter(|v| !v.is_empty())?);
        rest = match tail.strip_prefix(['.', '?']) {
            Some(tail) if out.ends_with(['.', '!', '?', '…', '。', '！', '？']) => tail,
            _ => tail,
        };
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_and_sentences() {
        assert_eq!(phrase("  - # Save\n time. "), "Save time");
        assert_eq!(phrase("-20 % on all"), "-20 % on all");
        assert_eq!(capital("save"), "Save");
        assert_eq!(capital("iPhone"), "iPhone");
        assert_eq!(capital("ß"), "SS");
        assert_eq!(capital("https://a.example"), "https://a.example");
        let fill_one = |v: &str| fill("Well: {a}.", |_| Some(v.to_owned())).unwrap();
        assert_eq!(fill_one("yes"), "Well: yes.");
        assert_eq!(fill_one("Really?"), "Well: Really?");
        assert_eq!(fill("{a}", |_| None), None);
    }

    #[test]
    fn sentences_within_a_text_are_joined() {
        for (text, expect) in [
            ("Half price. You can leave", "Half price; You can leave"),
            (
                "Tired of wet feet? Take a pair",
                "Tired of wet feet – Take a pair",
            ),
            ("By Dr. Weber, No. 5", "By Dr. Weber, No. 5"),
            ("With Prof. Weber", "With Prof. Weber"),
            ("see a.example. x", "see a.example. x"),
            ("Why wait?", "Why wait?"),
        ] {
            assert_eq!(one_sentence(text), expect);
        }
    }

    #[test]
    fn a_text_falls_into_its_sentences() {
        assert_eq!(
            sentences(
                "# One list\n\nSet it up. It is short. Ask Dr. Weber, No. 5! Why? See a.example. end"
            ),
            [
                "One list",
                "Set it up.",
                "It is short.",
                "Ask Dr. Weber, No. 5!",
                "Why?",
                "See a.example. end"
            ]
        );
        assert_eq!(sentences(" \n"), Vec::<String>::new());
        assert_eq!(shorten_words("incomprehensible", |t| t.len() < 9), None);
    }

    #[test]
    fn shortening_keeps_words_whole() {
        assert_eq!(shorten("one two three", 13), "one two three");
        assert_eq!(shorten("one two three", 12), "one two…");
        assert_eq!(shorten("one, two three", 6), "one…");
        assert_eq!(shorten("incomprehensible", 5), "inco…");
        assert_eq!(shorten("x", 0), "");
        assert_eq!(shorten("https://a.example/offer", 12), "");
        assert_eq!(
            shorten("see https://a.example/ and go", 24),
            "see https://a.example/…"
        );
        assert_eq!(shorten("👩‍👩‍👧👩‍👩‍👧 a", 7), "👩‍👩‍👧…");
    }
}
