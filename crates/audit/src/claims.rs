//! What counts as the assertion of a fact, and what the brief gives to assert.

use std::{collections::BTreeSet, ops::Range, sync::LazyLock};

use model::brief::CampaignBrief;
use regex::{Captures, Regex};

use crate::{fold::Folded, personal, prose, rule::overlaps};

/// What a number says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A bare number, or one with a unit.
    Plain,
    /// A share of a hundred.
    Percent,
    /// A multiple.
    Times,
    /// An amount, by its currency.
    Money(&'static str),
}

/// A number in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) range: Range<usize>,
    kind: Kind,
    value: Value,
}

/// Digits without leading or trailing zeros, and the power of ten of the last one: `1,500` and
/// `1.5 thousand` are the same.
type Value = (String, i32);

/// Everything in the brief that a text may repeat.
pub(crate) struct Support {
    raw: String,
    text: Folded,
    personal: BTreeSet<(personal::Kind, String)>,
    numbers: BTreeSet<(Value, Kind)>,
}

impl Support {
    /// Of what the marketer wrote to be said: not of what must be avoided, and not of the background
    /// resources, which nobody has vouched for.
    pub(crate) fn of(brief: &CampaignBrief) -> Self {
        let mut texts = vec![
            &brief.name,
            &brief.objective,
            &brief.audience,
            &brief.offer,
            &brief.brand.name,
            &brief.call_to_action.label,
        ];
        texts.extend(&brief.key_messages);
        for point in &brief.proof_points {
            texts.push(&point.claim);
            texts.extend(&point.source);
        }
        texts.extend(&brief.must_include);
        texts.extend(&brief.disclaimers);
        texts.extend(&brief.brand.required_disclosures);
        let numbers = texts
            .iter()
            .flat_map(|text| numbers(text, &personal::find(text)))
            .map(|number| (number.value, number.kind))
            .collect();
        // The sign between texts keeps a phrase from being found across two of them.
        let all = texts
            .iter()
            .flat_map(|text| [text.as_str(), " ¶ "])
            .collect::<String>();
        let personal = personal::find(&all)
            .into_iter()
            .map(|(kind, range)| (kind, personal::essence(kind, &all[range])))
            .collect();
        Self {
            text: Folded::new(&all),
            raw: all,
            personal,
            numbers,
        }
    }

    /// Whether the brief has `phrase` letter by letter.
    pub(crate) fn spells(&self, phrase: &str) -> bool {
        self.raw.contains(phrase)
    }

    /// All that the brief says.
    pub(crate) fn words(&self) -> &str {
        &self.raw
    }

    /// Whether the brief itself gives these data.
    pub(crate) fn publishes(&self, kind: personal::Kind, data: &str) -> bool {
        self.personal
            .contains(&(kind, personal::essence(kind, data)))
    }

    /// Whether the brief says `phrase` itself.
    pub(crate) fn says(&self, phrase: &str) -> bool {
        self.text.contains(&Folded::term(phrase))
    }

    /// Whether the brief has the number: of the same kind, or of any kind when it stands bare.
    pub(crate) fn has(&self, number: &Number) -> bool {
        self.numbers.iter().any(|(value, kind)| {
            *value == number.value && (number.kind == Kind::Plain || *kind == number.kind)
        })
    }
}

/// The numbers of `text`, which holds these personal data, that assert something: not those in names (`B2B`, `5G`), addresses, telephone numbers and the like, list
/// markers or counts of what the text itself lists (`3 reasons`).
pub(crate) fn numbers<'a>(
    text: &'a str,
    personal: &[(personal::Kind, Range<usize>)],
) -> impl Iterator<Item = Number> + use<'a> {
    let mut others = prose::addresses(text);
    others.extend(personal.iter().map(|(_, range)| range.clone()));
    NUMBER
        .captures_iter(text)
        .filter_map(move |found| number(text, &found))
        .filter(move |number| !overlaps(&number.range, &others))
}

fn number(text: &str, found: &Captures<'_>) -> Option<Number> {
    let get = |name: &str| found.name(name).map(|m| m.as_str());
    let whole = found.get(0)?;
    let range = whole.start()..whole.end();
    let before = text[..range.start].chars().next_back();
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    if get("always").is_some() {
        return Some(Number {
            range,
            kind: Kind::Plain,
            value: ("24/7".to_owned(), 0),
        });
    }
    let after = &text[range.end..];
    let multiple = get("times").or(get("fold")).is_some();
    let currency = currency(get("before").or(get("after")).unwrap_or_default());
    let kind = match currency {
        Some(name) => Kind::Money(name),
        None if get("percent").is_some() => Kind::Percent,
        None if multiple => Kind::Times,
        None => Kind::Plain,
    };
    let power = get("power").map_or(0, power);
    let value = match get("digits") {
        Some(digits) => value(digits, power),
        // A spelled-out number asserts only with what it counts in.
        None if kind == Kind::Plain && power == 0 => return None,
        None => value(spelled(get("word")?)?, power),
    };
    let is_plain = kind == Kind::Plain && power == 0;
    let ranked = get("rank").is_some() && value == ("1".to_owned(), 0);
    if ranked
        || is_plain
            && (is_name(after) || is_marker(&text[..range.start], after) || LISTED.is_match(after))
    {
        return None;
    }
    Some(Number { range, kind, value })
}

/// `5G`, `3D`, `1080p`.
fn is_name(after: &str) -> bool {
    let mut chars = after.chars();
    matches!(chars.next(), Some('G' | 'D' | 'p'))
        && !chars.next().is_some_and(char::is_alphanumeric)
}

/// The marker of an ordered list in Markdown.
fn is_marker(before: &str, after: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default();
    line.trim_matches([' ', '\t', '>', '*', '-']).is_empty()
        && (after.starts_with(". ") || after.starts_with(") "))
}

fn value(digits: &str, power: i32) -> Value {
    let groups: Vec<&str> = digits.split(|c: char| !c.is_ascii_digit()).collect();
    let (first, rest) = groups.split_first().map_or(("", &[][..]), |(f, r)| (*f, r));
    // Separators before groups of three are of thousands; else the last one is the decimal point.
    let thousands = first.len() <= 3 && rest.iter().all(|group| group.len() == 3);
    let decimals = match rest.last() {
        Some(last) if !thousands => last.len(),
        _ => 0,
    };
    let all: String = groups.concat();
    let significant = all.trim_start_matches('0');
    let short = significant.trim_end_matches('0');
    if short.is_empty() {
        return ("0".to_owned(), 0);
    }
    // Digits are at most as many as the text has bytes, far below 2^31.
    let shift = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let scale = shift(significant.len() - short.len())
        .saturating_sub(shift(decimals))
        .saturating_add(power);
    (short.to_owned(), scale)
}

fn power(word: &str) -> i32 {
    match word.to_lowercase().as_str() {
        "hundred" => 2,
        "k" | "thousand" => 3,
        "bn" | "billion" => 9,
        _ => 6,
    }
}

fn currency(sign: &str) -> Option<&'static str> {
    Some(match sign.to_lowercase().as_str() {
        "$" | "us$" | "usd" | "dollar" | "dollars" => "USD",
        "€" | "eur" | "euro" | "euros" => "EUR",
        "£" | "gbp" | "pound" | "pounds" => "GBP",
        "¥" | "jpy" | "yen" => "JPY",
        "chf" | "francs" => "CHF",
        _ => return None,
    })
}

fn spelled(word: &str) -> Option<&'static str> {
    Some(match word.to_lowercase().as_str() {
        "two" => "2",
        "three" => "3",
        "four" => "4",
        "five" => "5",
        "six" => "6",
        "seven" => "7",
        "eight" => "8",
        "nine" => "9",
        "ten" => "10",
        "twenty" => "20",
        "thirty" => "30",
        "fifty" => "50",
        _ => return None,
    })
}

static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)
        (?P<always> 24/7 )
        | (?: (?P<rank> [\#＃] | \b no\. | \b nr\. ) \s? )?
          (?: (?P<before> us\$ | [$€£¥] | \b(?: usd | eur | gbp | chf )\b ) \s? )?
          (?: (?P<digits> [0-9]+ (?: [.,'’\u{A0}\u{202F}] [0-9]+ )* )
            | \b (?P<word> two | three | four | five | six | seven | eight | nine | ten | twenty | thirty | fifty ) \b )
          (?: [\s\u{A0}-]? (?P<power> k | m | bn | mio | hundred | thousand | million | billion ) \b )?
          (?: [\s\u{A0}\u{202F}]? (?: (?P<percent> % | ％ | percent\b | per\ cent\b | prozent\b )
            | (?P<after> [$€£¥] | (?: usd | eur | gbp | chf | jpy | dollars? | euros? | pounds? | yen | francs )\b )
            | (?P<times> x\b | × | times\b ) )
            | (?P<fold> -?fold\b ) )?",
    )
});

static LISTED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)^\s+(?:\w+\s+)?(?:reasons|ways|tips|things|ideas|questions)\b"));

/// A pattern of this crate. Each is a constant, and a test compiles it.
pub(crate) fn pattern(text: &'static str) -> Regex {
    Regex::new(text).unwrap_or_else(|fault| unreachable!("a constant pattern is wrong: {fault}"))
}

#[cfg(test)]
mod tests;
