//! Personal data in a text, told from numbers that only look like it by their check digits.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use crate::{claims::pattern, prose, rule::overlaps};

mod ids;

/// What kind of data it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// An account, ISO 13616.
    Iban,
    /// A payment card, ISO/IEC 7812.
    Card,
    /// A number by which a state knows a person.
    NationalId,
    Email,
    Phone,
}

/// Fewest digits of any number that is looked for.
const MIN_DIGITS: usize = 5;

/// All personal data of `text`, in order. No two overlap: what has a check digit goes first.
pub(crate) fn find(text: &str) -> Vec<(Kind, Range<usize>)> {
    // Most texts hold nothing of the kind, and this says so many times faster.
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits < MIN_DIGITS && !text.contains('@') {
        return Vec::new();
    }
    let addresses = prose::addresses(text);
    let mut found: Vec<(Kind, Range<usize>)> = Vec::new();
    let candidates = ibans(text)
        .into_iter()
        .map(|range| (Kind::Iban, range))
        .chain(cards(text).map(|range| (Kind::Card, range)))
        .chain(ids::find(text).map(|range| (Kind::NationalId, range)))
        .chain(emails(text).map(|range| (Kind::Email, range)))
        .chain(phones(text).map(|range| (Kind::Phone, range)));
    for (kind, range) in candidates {
        let taken = found
            .iter()
            .any(|(_, have)| overlaps(&range, std::slice::from_ref(have)));
        if !taken && !overlaps(&range, &addresses) {
            found.push((kind, range));
        }
    }
    found.sort_by_key(|(_, range)| range.start);
    found
}

/// What two spellings of the same data have in common.
pub(crate) fn essence(kind: Kind, text: &str) -> String {
    let kept = text.chars().filter(|c| match kind {
        Kind::Email => true,
        Kind::Phone => c.is_ascii_digit(),
        Kind::Iban | Kind::Card | Kind::NationalId => c.is_ascii_alphanumeric(),
    });
    let essence: String = kept.flat_map(char::to_lowercase).collect();
    match kind {
        // `00` is `+`.
        Kind::Phone => essence.trim_start_matches("00").to_owned(),
        _ => essence,
    }
}

/// RFC 5322's everyday part; not a name on a network (`@me@host`).
static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"[\p{L}\p{N}][\p{L}\p{N}._%+-]{0,63}@[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?(?:\.[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?)+",
    )
});

fn emails(text: &str) -> impl Iterator<Item = Range<usize>> {
    EMAIL
        .find_iter(text)
        .filter(|found| !text[..found.start()].ends_with('@'))
        .map(|found| found.range())
}

/// With a country code, with a leading zero and a space or slash behind the area code, or as in North
/// America.
static PHONE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)
        \(? \+ [1-9][0-9]{0,2} \)? (?: [\s\u{A0}./-]{0,2} \(? [0-9]{1,12} \)? ){1,8}
        | (?-u:\b) 00 [1-9][0-9]{0,2} (?: [\s\u{A0}./-] \(? [0-9]{1,12} \)? ){1,8}
        | \(? (?-u:\b) 0 [1-9][0-9]{1,4} \)? (?: \s? [/-] \s? | [\s\u{A0}] ) [0-9]{2,9} (?: [\s\u{A0}-] [0-9]{2,6} ){0,4} (?-u:\b)
        | (?-u:\b) 01 [5-7][0-9]{8,10} (?-u:\b) | (?-u:\b) 07 [0-9]{9} (?-u:\b)
        | \( [2-9][0-9]{2} \) \s? [0-9]{3} [\s.-] [0-9]{4} (?-u:\b)
        | (?-u:\b) (?: 1 [\s.-] )? [2-9][0-9]{2} [.-] [0-9]{3} [.-] [0-9]{4} (?-u:\b)",
    )
});

/// Digits of a telephone number (E.164 takes 15).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

fn phones(text: &str) -> impl Iterator<Item = Range<usize>> {
    PHONE.find_iter(text).filter_map(|found| {
        let before = &text[..found.start()];
        let part = before
            .ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | ',' | '-' | '#'))
            || before.trim_end().ends_with(|c: char| c.is_ascii_digit());
        let digits = found.as_str().bytes().filter(u8::is_ascii_digit).count();
        let kept = found
            .as_str()
            .trim_end_matches(|c: char| !c.is_ascii_digit())
            .len();
        (!part && PHONE_DIGITS.contains(&digits)).then(|| found.start()..found.start() + kept)
    })
}

/// How long an account number is, by country; from the registry that SWIFT keeps for ISO 13616.
static LENGTHS: &str = include_str!("rules/iban_lengths.txt");

static IBAN_START: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?-u:\b)[A-Z]{2}[0-9]{2}"));

fn ibans(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for start in IBAN_START.find_iter(text) {
        let Some(length) = iban_length(&start.as_str()[..2]) else {
            continue;
        };
        let mut digits = String::new();
        let mut end = start.start();
        let mut gap = false;
        for (at, c) in text[start.start()..].char_indices() {
            match c {
                'A'..='Z' | '0'..='9' if digits.len() < length => {
                    digits.push(c);
                    end = start.start() + at + 1;
                    gap = false;
                }
                ' ' | '\u{A0}' | '\u{202F}' if !gap && digits.len() < length => gap = true,
                _ => break,
            }
        }
        let whole = !text[end..].starts_with(|c: char| c.is_alphanumeric());
        if digits.len() == length && whole && remainder_97(&digits) == 1 {
            found.push(start.start()..end);
        }
    }
    found
}

fn iban_length(country: &str) -> Option<usize> {
    LENGTHS
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(code, _)| *code == country)
        .and_then(|(_, length)| length.trim().parse().ok())
}

/// ISO 7064 MOD 97-10 with the first four characters moved to the end.
fn remainder_97(account: &str) -> u32 {
    let (head, tail) = account.split_at(4);
    tail.chars().chain(head.chars()).fold(0, |rest, c| {
        let value = c.to_digit(36).unwrap_or_default();
        (rest * if value > 9 { 100 } else { 10 } + value) % 97
    })
}

static CARD: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?-u:\b)[0-9](?:[ \u{A0}-]?[0-9]){11,18}(?-u:\b)"));

fn cards(text: &str) -> impl Iterator<Item = Range<usize>> {
    CARD.find_iter(text)
        .filter(|found| {
            let digits: Vec<u32> = found
                .as_str()
                .chars()
                .filter_map(|c| c.to_digit(10))
                .collect();
            is_issued(&digits) && luhn(&digits)
        })
        .map(|found| found.range())
}

/// The ranges and lengths in which cards are issued: Visa, Mastercard, American Express, Discover,
/// Diners Club, JCB, Maestro.
fn is_issued(digits: &[u32]) -> bool {
    let prefix = |n: usize| digits.iter().take(n).fold(0, |all, digit| all * 10 + digit);
    match digits.len() {
        13 => prefix(1) == 4,
        14 => matches!(prefix(2), 36 | 38) || (300..=305).contains(&prefix(3)),
        15 => matches!(prefix(2), 34 | 37),
        16 => {
            prefix(1) == 4
                || (51..=55).contains(&prefix(2))
                || (2221..=2720).contains(&prefix(4))
                || matches!(prefix(4), 6011 | 3528..=3589)
                || prefix(2) == 65
                || (644..=649).contains(&prefix(3))
                || matches!(prefix(4), 5018 | 5020 | 5038 | 6304 | 6759 | 6761..=6763)
        }
        19 => prefix(1) == 4 || matches!(prefix(4), 6304 | 6759 | 6761..=6763),
        _ => false,
    }
}

/// ISO/IEC 7812-1, annex B.
fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit * 2) {
            (0, _) => *digit,
            (_, twice) if twice > 9 => twice - 9,
            (_, twice) => twice,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(Kind, &str)> {
        find(text)
            .into_iter()
            .map(|(kind, range)| (kind, &text[range]))
            .collect()
    }

    #[test]
    fn what_is_personal_data() {
        for (text, kind, quote) in [
            (
                "Pay to DE89 3704 0044 0532 0130 00, please",
                Kind::Iban,
                "DE89 3704 0044 0532 0130 00",
            ),
            (
                "(GB29NWBK60161331926819)",
                Kind::Iban,
                "GB29NWBK60161331926819",
            ),
            (
                "to NL91 ABNA 0417 1643 00 TODAY",
                Kind::Iban,
                "NL91 ABNA 0417 1643 00",
            ),
            (
                "card 4111-1111-1111-1111.",
                Kind::Card,
                "4111-1111-1111-1111",
            ),
            ("378282246310005", Kind::Card, "378282246310005"),
            ("mail a.b+c@d-e.example!", Kind::Email, "a.b+c@d-e.example"),
            ("zoë@müller.example", Kind::Email, "zoë@müller.example"),
            ("ring +44 20 7946 0958 now", Kind::Phone, "+44 20 7946 0958"),
            ("(+49) 30 90 18 20.", Kind::Phone, "(+49) 30 90 18 20"),
            ("0049 30 901820", Kind::Phone, "0049 30 901820"),
            ("Tel. 0341/2228190", Kind::Phone, "0341/2228190"),
            ("(212) 555-0142", Kind::Phone, "(212) 555-0142"),
            ("mobil 015112345678", Kind::Phone, "015112345678"),
        ] {
            assert_eq!(found(text), [(kind, quote)], "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_it() {
        for text in [
            "DE88 3704 0044 0532 0130 00",
            "DE89 3704",
            "XX89 3704 0044 0532 0130 00",
            "4111 1111 1111 1112",
            "1234567890123456",
            "@me@social.example",
            "a@b",
            "https://user@host.example/x",
            "2026-10-01, 01.10.2026, 10:00-12:00",
            "ISBN 978-3-16-148410-0",
            "from 1,500 to 2,000",
            "0 30 days",
            "0.25 mm",
            "+5 % and +20 points",
            "",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn spellings_of_the_same_are_the_same() {
        assert_eq!(
            essence(Kind::Phone, "(+49) 30 90 18 20"),
            essence(Kind::Phone, "0049 30 901820")
        );
        assert_eq!(
            essence(Kind::Email, "Me@A.example"),
            essence(Kind::Email, "me@a.example")
        );
    }
}
