//! A brief with gaps. `{{name}}` in any of its texts stands for the value of that placeholder; a value is
//! put in as it is, and nothing in it is read as a gap again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Values;
use crate::{
    brief::{Brand, CampaignBrief, MAX_TEXT_CHARS},
    limits::MAX_REQUEST_BYTES,
    validate::{Problem, Problems},
};

/// Most placeholders of one template.
pub const MAX_PLACEHOLDERS: usize = 32;
/// Longest name of a placeholder, characters.
const MAX_NAME_CHARS: usize = 64;
/// Longest number or date.
const MAX_SHORT_CHARS: usize = 40;
/// Characters of a user's text that a fault shows.
const MAX_SHOWN_CHARS: usize = 40;

const OPEN: &str = "{{";
const CLOSE: &str = "}}";

/// A brief with gaps.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// What it is for.
    #[serde(default)]
    pub about: String,
    /// Its gaps.
    #[serde(default)]
    pub placeholders: Vec<Placeholder>,
    /// Whole but for its brand, which may be left to each use.
    pub brief: CampaignBrief,
}

/// A gap of a template.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placeholder {
    /// What stands between the braces: a-z, 0-9 and `_`.
    pub name: String,
    /// A name of [`ValueKind`]; `text` when empty.
    #[serde(default)]
    pub kind: String,
    /// What to fill in.
    #[serde(default)]
    pub about: String,
    /// Makes it optional.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// Any text of at most 2,000 characters.
    Text,
    /// Digits, grouped or not, in any country's way of writing.
    Number,
    /// A day, `2026-11-21`.
    Date,
    /// An http(s) address.
    Url,
}

impl ValueKind {
    const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Text, "text", "text"),
        (Self::Number, "number", "1"),
        (Self::Date, "date", "2026-11-21"),
        (Self::Url, "url", "https://example.com/"),
    ];

    /// The kind of that name; the empty one is text.
    pub fn parse(name: &str) -> Option<Self> {
        let name = if name.is_empty() { "text" } else { name };
        let found = Self::ALL.into_iter().find(|(_, known, _)| *known == name);
        found.map(|(kind, ..)| kind)
    }

    fn names() -> String {
        Self::ALL.map(|(_, name, _)| name).join(", ")
    }

    /// A value that every field of this kind takes.
    fn example(self) -> &'static str {
        let found = Self::ALL.into_iter().find(|(kind, ..)| *kind == self);
        found.map_or("text", |(.., example)| example)
    }

    pub(super) fn check(self, path: &str, value: &str, all: &mut Problems) {
        match self {
            Self::Text => all.text(path, value, MAX_TEXT_CHARS),
            Self::Number => all.check(path, is_number(value), "must be a number such as 1,200.50"),
            Self::Date => all.check(path, is_date(value), "must be a date such as 2026-11-21"),
            Self::Url => all.web_address(path, value),
        }
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    text.len() <= MAX_SHORT_CHARS
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && digits
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '\'' | '’' | ' '))
}

fn is_date(text: &str) -> bool {
    let form = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| match i {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u16>().ok();
    let date = || {
        let month = time::Month::try_from(u8::try_from(part(5, 7)?).ok()?).ok()?;
        let day = u8::try_from(part(8, 10)?).ok()?;
        time::Date::from_calendar_date(i32::from(part(0, 4)?), month, day).ok()
    };
    form && date().is_some()
}

/// A text in pieces.
enum Piece<'a> {
    Text(&'a str),
    /// The name between braces.
    Gap(&'a str),
    /// Braces that are not closed, or hold no name.
    Broken,
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    let mut gap = false;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if !gap {
            let at = rest.find(OPEN).unwrap_or(rest.len());
            let (before, after) = rest.split_at(at);
            (rest, gap) = (after, true);
            if !before.is_empty() {
                return Some(Piece::Text(before));
            }
        }
        gap = false;
        let inner = &rest[OPEN.len()..];
        match inner.split_once(CLOSE) {
            Some((name, after)) if is_name(name.trim()) => {
                rest = after;
                Some(Piece::Gap(name.trim()))
            }
            _ => {
                rest = inner;
                Some(Piece::Broken)
            }
        }
    })
}

fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME_CHARS
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

fn shown(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(MAX_SHOWN_CHARS)
        .collect()
}

impl Template {
    /// Every fault, by field path under `template`. A text with gaps is judged when it is filled.
    pub fn problems(&self) -> Vec<Problem> {
        let mut all = Problems::default();
        if !self.about.is_empty() {
            all.text("template.about", &self.about, MAX_TEXT_CHARS);
        }
        let declared = self.check_placeholders(&mut all);
        let mut brief = self.brief.clone();
        let mut with_gaps = BTreeSet::new();
        let mut used = BTreeSet::new();
        brief.each_text(&mut |path, text| {
            for piece in pieces(text) {
                match piece {
                    Piece::Text(_) => continue,
                    Piece::Gap(name) if declared.contains_key(name) => {
                        used.insert(name.to_owned());
                    }
                    Piece::Gap(name) => all.push(
                        format!("template.brief.{path}"),
                        format!("uses {{{{{name}}}}}, which `placeholders` does not declare"),
                    ),
                    Piece::Broken => all.push(
                        format!("template.brief.{path}"),
                        "has `{{` that opens no placeholder: write {{name}}, in a-z, 0-9 and `_`",
                    ),
                }
                with_gaps.insert(path.clone());
            }
        });
        for (i, placeholder) in self.placeholders.iter().enumerate() {
            all.check(
                format!("template.placeholders[{i}]"),
                used.contains(&placeholder.name)
                    || !declared.contains_key(placeholder.name.as_str()),
                format!("`{}` stands nowhere in the brief", shown(&placeholder.name)),
            );
        }
        let without_brand = brief.brand_ref.is_empty() && brief.brand == Brand::default();
        for problem in brief.problems() {
            let later = with_gaps.contains(&problem.path)
                || (without_brand && problem.path == "brand.name");
            if !later {
                all.push(format!("template.brief.{}", problem.path), problem.message);
            }
        }
        all.into_vec()
    }

    fn check_placeholders(&self, all: &mut Problems) -> BTreeMap<&str, ValueKind> {
        all.at_most(
            "template.placeholders",
            self.placeholders.len(),
            MAX_PLACEHOLDERS,
        );
        let mut declared = BTreeMap::new();
        for (i, placeholder) in self.placeholders.iter().enumerate().take(MAX_PLACEHOLDERS) {
            let path = format!("template.placeholders[{i}]");
            all.check(
                format!("{path}.name"),
                is_name(&placeholder.name),
                "must be 1 to 64 characters out of a-z, 0-9 and `_`, a letter first",
            );
            if !placeholder.about.is_empty() {
                all.text(&format!("{path}.about"), &placeholder.about, MAX_TEXT_CHARS);
            }
            let kind = ValueKind::parse(&placeholder.kind);
            match (kind, &placeholder.default) {
                (None, _) => all.push(
                    format!("{path}.kind"),
                    format!(
                        "`{}` is none of {}",
                        shown(&placeholder.kind),
                        ValueKind::names()
                    ),
                ),
                (Some(kind), Some(value)) => kind.check(&format!("{path}.default"), value, all),
                (Some(_), None) => {}
            }
            let kind = kind.unwrap_or(ValueKind::Text);
            if declared.insert(placeholder.name.as_str(), kind).is_some() {
                all.push(
                    format!("{path}.name"),
                    format!("`{}` is declared twice", shown(&placeholder.name)),
                );
            }
        }
        declared
    }

    /// The brief with its gaps filled. Whether it is fit for work is for [`CampaignBrief::problems`] to say.
    ///
    /// # Errors
    /// Every value that is missing, unknown or of the wrong kind, by its path (`values.product`).
    pub fn fill(&self, values: &Values) -> Result<CampaignBrief, Vec<Problem>> {
        let mut all = Problems::default();
        let mut given = BTreeMap::new();
        for placeholder in &self.placeholders {
            let path = format!("values.{}", placeholder.name);
            let kind = ValueKind::parse(&placeholder.kind).unwrap_or(ValueKind::Text);
            match (values.get(&placeholder.name), &placeholder.default) {
                (Some(value), _) => {
                    kind.check(&path, value, &mut all);
                    given.insert(placeholder.name.as_str(), value.as_str());
                }
                (None, Some(value)) => {
                    given.insert(placeholder.name.as_str(), value.as_str());
                }
                (None, None) => all.push(
                    path,
                    match placeholder.about.as_str() {
                        "" => format!("is missing, such as `{}`", kind.example()),
                        about => format!("is missing: {about}"),
                    },
                ),
            }
        }
        for name in values.keys() {
            if !self.placeholders.iter().any(|known| known.name == *name) {
                let known: Vec<_> = self.placeholders.iter().map(|p| p.name.as_str()).collect();
                all.push(
                    format!("values.{}", shown(name)),
                    match known.as_slice() {
                        [] => "is no placeholder; the template has none".to_owned(),
                        known => format!("is no placeholder; known are {}", known.join(", ")),
                    },
                );
            }
        }
        let problems = all.into_vec();
        if !problems.is_empty() {
            return Err(problems);
        }
        self.filled(&given)
    }

    fn filled(&self, given: &BTreeMap<&str, &str>) -> Result<CampaignBrief, Vec<Problem>> {
        let mut brief = self.brief.clone();
        let mut left = MAX_REQUEST_BYTES;
        let mut fits = true;
        brief.each_text(&mut |_, text| {
            let mut whole = String::with_capacity(text.len());
            for piece in pieces(text) {
                let next = match piece {
                    Piece::Text(text) => text,
                    Piece::Gap(name) => given.get(name).copied().unwrap_or_default(),
                    Piece::Broken => OPEN,
                };
                match left.checked_sub(next.len()) {
                    Some(rest) => left = rest,
                    None => {
                        fits = false;
                        break;
                    }
                }
                whole.push_str(next);
            }
            *text = whole;
        });
        if fits {
            return Ok(brief);
        }
        Err(vec![Problem {
            path: "values".to_owned(),
            message: format!("make a brief of more than {MAX_REQUEST_BYTES} bytes"),
        }])
    }
}
