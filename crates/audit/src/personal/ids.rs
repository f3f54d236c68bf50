//! Numbers by which states know people; each with the check that its state prescribes.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use crate::claims::pattern;

type Check = fn(&str) -> bool;

/// The form of each number and its check, over letters and digits alone.
static FORMS: LazyLock<Vec<(Regex, Check)>> = LazyLock::new(|| {
    let form = |text, check: Check| (pattern(text), check);
    vec![
        // United States, social security number; 20 CFR 422.103 and SSA, POMS RM 10201.
        form(
            r"(?-u:\b)[0-9]{3}-[0-9]{2}-[0-9]{4}(?-u:\b)",
            social_security,
        ),
        // United Kingdom, national insurance number; HMRC, NIM39110.
        form(
            r"(?-u:\b)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D](?-u:\b)",
            national_insurance,
        ),
        // Germany, tax number; § 139b AO, ISO 7064 MOD 11,10.
        form(r"(?-u:\b)[1-9][0-9](?: ?[0-9]{3}){3}(?-u:\b)", tax_germany),
        // Germany, insurance number; § 147 SGB VI.
        form(
            r"(?-u:\b)[0-9]{2} ?[0-3][0-9][01][0-9]{3} ?[A-Z] ?[0-9]{3}(?-u:\b)",
            insurance_germany,
        ),
        // Switzerland, AHV number; EAN-13.
        form(
            r"(?-u:\b)756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}(?-u:\b)",
            insurance_switzerland,
        ),
        // France, NIR; key modulo 97.
        form(
            r"(?-u:\b)[12] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}(?-u:\b)",
            nir,
        ),
        // Spain, DNI and NIE; letter modulo 23.
        form(r"(?-u:\b)[0-9XYZ][0-9]{7}-?[A-Z](?-u:\b)", dni),
        // Italy, codice fiscale; DM 23 December 1976.
        form(
            r"(?-u:\b)[A-Z]{6}[0-9]{2}[ABCDEHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z](?-u:\b)",
            codice_fiscale,
        ),
    ]
});

pub(super) fn find(text: &str) -> impl Iterator<Item = Range<usize>> {
    FORMS.iter().flat_map(move |(form, check)| {
        form.find_iter(text)
            .filter(move |found| {
                let bare: String = found
                    .as_str()
                    .chars()
                    .filter(char::is_ascii_alphanumeric)
                    .collect();
                // Part of a longer number is none.
                let part = text[..found.start()].ends_with(['-', '.', ',', '/'])
                    || text[found.end()..].starts_with(['-', '/']);
                !part && check(&bare)
            })
            .map(|found| found.range())
    })
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

fn digits(text: &str) -> Vec<u32> {
    text.chars().filter_map(|c| c.to_digit(10)).collect()
}

fn social_security(text: &str) -> bool {
    let (area, group, serial) = (&text[..3], &text[3..5], &text[5..]);
    area != "000" && area != "666" && !area.starts_with('9') && group != "00" && serial != "0000"
}

fn national_insurance(text: &str) -> bool {
    !["BG", "GB", "NK", "KN", "TN", "NT", "ZZ"].contains(&&text[..2])
}

fn tax_germany(text: &str) -> bool {
    let all = digits(text);
    let Some((check, first)) = all.split_last() else {
        return false;
    };
    // Of the first ten digits one comes twice or three times, the others once at most.
    let mut counts = [0_u32; 10];
    for digit in first {
        counts[*digit as usize] += 1;
    }
    let repeated: Vec<_> = counts.iter().filter(|count| **count > 1).collect();
    let plausible = matches!(repeated[..], [2 | 3]);
    let product = first.iter().fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    plausible && (11 - product) % 10 == *check
}

fn insurance_germany(text: &str) -> bool {
    let letter = text
        .as_bytes()
        .get(8)
        .map_or(0, |b| u32::from(b.saturating_sub(b'A')) + 1);
    let mut all = digits(&text[..8]);
    all.extend([letter / 10, letter % 10]);
    all.extend(digits(&text[9..]));
    let Some((check, first)) = all.split_last() else {
        return false;
    };
    let weights = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
    let sum: u32 = first
        .iter()
        .zip(weights)
        .map(|(digit, weight)| digit * weight)
        .map(|product| product / 10 + product % 10)
        .sum();
    sum % 10 == *check
}

fn insurance_switzerland(text: &str) -> bool {
    let all = digits(text);
    let sum: u32 = all
        .iter()
        .zip([1, 3].iter().cycle())
        .map(|(digit, weight)| digit * weight)
        .sum();
    sum.is_multiple_of(10)
}

fn nir(text: &str) -> bool {
    let month = number(&text[3..5]).unwrap_or_default();
    let (Some(body), Some(key)) = (number(&text[..13]), number(&text[13..])) else {
        return false;
    };
    (1..=12).contains(&month) && 97 - body % 97 == key
}

fn dni(text: &str) -> bool {
    let first = match &text[..1] {
        "X" => "0",
        "Y" => "1",
        "Z" => "2",
        digit => digit,
    };
    let letters = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let letter = number(&format!("{first}{}", &text[1..8]))
        .and_then(|n| letters.get(usize::try_from(n % 23).ok()?));
    letter == text.as_bytes().last()
}

fn codice_fiscale(text: &str) -> bool {
    // The value of each character at an odd place; at an even place it is its own.
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let value = |c: char| c.to_digit(36).map_or(0, |v| if v > 9 { v - 10 } else { v });
    let sum: u32 = text
        .chars()
        .take(15)
        .enumerate()
        .map(|(at, c)| {
            if at % 2 == 0 {
                ODD[value(c) as usize]
            } else {
                value(c)
            }
        })
        .sum();
    text.chars()
        .last()
        .is_some_and(|last| value(last) == sum % 26)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        find(text).map(|range| &text[range]).collect()
    }

    #[test]
    fn real_forms_with_right_checks() {
        for id in [
            "536-22-8714",
            "AB 12 34 56 C",
            "86095742719",
            "86 095 742 719",
            "15 070649 C 103",
            "756.9217.0769.85",
            "2 55 08 14 168 025 38",
            "12345678Z",
            "X1234567L",
            "RSSMRA85T10A562S",
        ] {
            assert_eq!(found(&format!("It is {id}, he said.")), [id]);
        }
    }

    #[test]
    fn wrong_checks_and_other_numbers() {
        for text in [
            "000-22-8714",
            "666-22-8714",
            "GB 12 34 56 C",
            "86095742718",
            "11111111111",
            "15 070649 C 104",
            "756.9217.0769.86",
            "2 55 08 14 168 025 39",
            "12345678A",
            "X1234567A",
            "RSSMRA85T10A562T",
            "1-536-22-8714-9",
            "2026-10-01",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }
}
