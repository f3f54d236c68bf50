//! Rules that are lists of words: data in YAML beside the code, each list one rule with its source.

use std::{collections::BTreeMap, ops::Range, sync::OnceLock};

use model::{
    platform::Platform,
    report::{Category, Severity},
};
use regex::{Regex, RegexSet};
use serde::Deserialize;

use crate::{
    fold::Folded,
    negation,
    piece::{Piece, Role, Text},
    rule::{Brief, Hits, Rule, overlaps, within},
};

/// A list of phrases, by language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WordList {
    id: String,
    category: Category,
    severity: Severity,
    rationale: String,
    source: String,
    /// What is wrong, where a phrase does not say it itself.
    what: String,
    /// What to do, where a phrase does not say it itself.
    suggestion: String,
    /// What in a brief allows a phrase.
    #[serde(default)]
    excuse: Excuse,
    /// Only for brands that ask for inclusive language.
    #[serde(default)]
    inclusive: bool,
    /// Only for brands whose voice has one of the adjectives of this tone.
    tone: Option<String>,
    /// Only in posts on these.
    #[serde(default)]
    platforms: Vec<Platform>,
    /// Whether what is denied is fine (`it does not cure`).
    #[serde(default)]
    deniable: bool,
    yields_to: Option<Category>,
    languages: BTreeMap<String, Phrases>,
}

/// What in a brief allows a phrase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Excuse {
    /// Nothing.
    #[default]
    None,
    /// That the brief says the same.
    Said,
    /// That a proof point that names its source says the same.
    Proven,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Phrases {
    find: Vec<Phrase>,
    /// Wider phrases in which the words mean something else.
    #[serde(default)]
    except: Vec<String>,
    #[serde(skip)]
    compiled: OnceLock<Compiled>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Phrase {
    /// A regular expression, in any case, between word bounds; a space stands for any white space and `'`
    /// for each apostrophe.
    say: String,
    what: Option<String>,
    instead: Option<String>,
    /// Something anywhere in the text that makes it right.
    unless: Option<String>,
}

#[derive(Debug)]
struct Compiled {
    set: RegexSet,
    each: Vec<Regex>,
    unless: Vec<Option<Regex>>,
    except: Vec<Regex>,
}

/// The lists, by their files.
pub(crate) fn all() -> Vec<WordList> {
    [
        include_str!("rules/assertions.yaml"),
        include_str!("rules/superlatives.yaml"),
        include_str!("rules/health.yaml"),
        include_str!("rules/evidence.yaml"),
        include_str!("rules/finance.yaml"),
        include_str!("rules/guarantees.yaml"),
        include_str!("rules/environment.yaml"),
        include_str!("rules/children.yaml"),
        include_str!("rules/endorsement.yaml"),
        include_str!("rules/risk_warning.yaml"),
        include_str!("rules/free_trial.yaml"),
        include_str!("rules/engagement_bait.yaml"),
        include_str!("rules/inclusive.yaml"),
        include_str!("rules/hype.yaml"),
        include_str!("rules/jargon.yaml"),
        include_str!("rules/slang.yaml"),
        include_str!("rules/exclamation.yaml"),
        include_str!("rules/click_here.yaml"),
    ]
    .into_iter()
    .map(|yaml| {
        serde_saphyr::from_str(yaml)
            .unwrap_or_else(|fault| unreachable!("a constant word list is wrong: {fault}"))
    })
    .collect()
}

/// Where a list looks: at what is read, by people or search engines.
const ROLES: &[Role] = &[Role::Shown, Role::Button, Role::Search, Role::Picture];

impl Rule for WordList {
    fn id(&self) -> &str {
        &self.id
    }

    fn category(&self) -> Category {
        self.category
    }

    fn severity(&self) -> Severity {
        self.severity
    }

    fn rationale(&self) -> &str {
        &self.rationale
    }

    fn source(&self) -> &str {
        &self.source
    }

    fn languages(&self) -> Vec<&str> {
        self.languages
            .keys()
            .map(String::as_str)
            .filter(|language| *language != ANY)
            .collect()
    }

    fn yields_to(&self) -> Option<Category> {
        self.yields_to
    }

    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        if self.inclusive && !brief.brief.brand.inclusive_language {
            return;
        }
        if self.tone.as_ref().is_some_and(|tone| !brief.sounds(tone)) {
            return;
        }
        let language = brief.language.as_str();
        let Some(phrases) = self.languages.get(language).or(self.languages.get(ANY)) else {
            return;
        };
        for text in piece.texts(ROLES) {
            let here = |platform| self.platforms.contains(&platform);
            if self.platforms.is_empty() || text.platform.is_some_and(here) {
                self.check_text(phrases, brief, text, hits);
            }
        }
    }
}

/// The key of phrases that are the same in every language.
const ANY: &str = "any";

impl WordList {
    fn check_text(&self, phrases: &Phrases, brief: &Brief<'_>, text: &Text, hits: &mut Hits) {
        let compiled = phrases.compiled();
        let present = compiled.set.matches(&text.text);
        if !present.matched_any() {
            return;
        }
        let mut found: Vec<(Range<usize>, usize)> = present
            .into_iter()
            .filter(|at| {
                let unless = compiled.unless[*at].as_ref();
                !unless.is_some_and(|pattern| pattern.is_match(&text.text))
            })
            .flat_map(|at| places(&compiled.each[at], &text.text).map(move |range| (range, at)))
            .collect();
        let excepted: Vec<_> = compiled
            .except
            .iter()
            .flat_map(|pattern| places(pattern, &text.text))
            .collect();
        let demanded = brief.demanded(text);
        found.retain(|(range, _)| {
            let fine = overlaps(range, &excepted)
                || within(range, &demanded)
                || (self.deniable && negation::denied(&text.text, range))
                || self.excused(brief, &text.text[range.clone()]);
            !fine
        });
        // Of phrases about the same words the longest tells most.
        found.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut end = 0;
        for (range, at) in found {
            if hits.is_full() {
                return;
            }
            if range.start < end {
                continue;
            }
            end = range.end;
            let phrase = &phrases.find[at];
            hits.at(
                text,
                range,
                phrase.what.as_ref().unwrap_or(&self.what),
                phrase.instead.as_ref().unwrap_or(&self.suggestion),
            );
        }
    }

    fn excused(&self, brief: &Brief<'_>, words: &str) -> bool {
        match self.excuse {
            Excuse::None => false,
            Excuse::Said => brief.support.says(words),
            Excuse::Proven => {
                let words = Folded::term(words);
                brief.brief.proof_points.iter().any(|point| {
                    let named = point
                        .source
                        .as_deref()
                        .is_some_and(|s| !s.trim().is_empty());
                    named && Folded::new(&point.claim).contains(&words)
                })
            }
        }
    }
}

impl Phrases {
    fn compiled(&self) -> &Compiled {
        self.compiled.get_or_init(|| {
            let patterns: Vec<_> = self
                .find
                .iter()
                .map(|phrase| bounded(&phrase.say))
                .collect();
            Compiled {
                set: RegexSet::new(&patterns).unwrap_or_else(wrong),
                each: patterns.iter().map(|pattern| compile(pattern)).collect(),
                unless: self
                    .find
                    .iter()
                    .map(|phrase| phrase.unless.as_deref().map(|p| compile(&bounded(p))))
                    .collect(),
                except: self.except.iter().map(|p| compile(&bounded(p))).collect(),
            }
        })
    }
}

/// Between word bounds, where it begins and ends with letters; `_` is markup here, not part of a word.
fn bounded(phrase: &str) -> String {
    let mut pattern = String::with_capacity(phrase.len() * 2);
    let mut in_class = false;
    let mut chars = phrase.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                match (chars.next(), in_class) {
                    (Some('w'), true) => pattern.push_str(WORD),
                    (Some('w'), false) => pattern.extend(["[", WORD, "]"]),
                    (Some('d'), true) => pattern.push_str("0-9"),
                    (Some('d'), false) => pattern.push_str("[0-9]"),
                    (next, _) => pattern.extend([c].into_iter().chain(next)),
                }
                continue;
            }
            '[' => in_class = true,
            ']' => in_class = false,
            _ => {}
        }
        match c {
            ' ' if in_class => pattern.push_str(r"\s"),
            ' ' if chars.next_if_eq(&'?').is_some() => pattern.push_str(r"\s*"),
            ' ' => pattern.push_str(r"\s+"),
            '\'' if in_class => pattern.push_str("'’"),
            '\'' => pattern.push_str("['’]"),
            _ => pattern.push(c),
        }
    }
    // Unicode's own word bounds would keep the regex engine from its fast paths; `places` minds them.
    let bound = r"(?-u:\b)|[^a-zA-Z0-9]";
    format!("(?i)(?:^|{bound})({pattern})(?:$|{bound})")
}

/// What a word is made of in the languages that have lists: Latin letters and digits.
const WORD: &str = "a-zA-Z0-9À-ÖØ-öø-ɏ";

fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(wrong)
}

fn wrong<T>(fault: regex::Error) -> T {
    unreachable!("a constant pattern is wrong: {fault}")
}

/// Where the phrase itself stands, as whole words.
fn places<'a>(pattern: &'a Regex, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    pattern
        .captures_iter(text)
        .filter_map(|found| Some(found.get(1)?.range()))
        .filter(move |range| {
            let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            let found = &text[range.clone()];
            let begins_within =
                letter(text[..range.start].chars().next_back()) && letter(found.chars().next());
            let ends_within =
                letter(found.chars().next_back()) && letter(text[range.end..].chars().next());
            !begins_within && !ends_within
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_reads_compiles_and_has_what_a_person_needs() {
        for list in all() {
            for (language, phrases) in &list.languages {
                assert!(!phrases.find.is_empty(), "{} {language}", list.id);
                assert_eq!(phrases.compiled().each.len(), phrases.find.len());
                let many = list.languages.len() > 1;
                assert!(
                    !(many && language == ANY),
                    "{}: `any` stands alone",
                    list.id
                );
            }
            for text in [&list.source, &list.what, &list.suggestion, &list.rationale] {
                assert!(text.len() > 10, "{}", list.id);
            }
        }
    }

    #[test]
    fn phrases_are_whole_words() {
        let pattern = compile(&bounded("cures? (?:acne|flu)"));
        let found = |text: &str| places(&pattern, text).count();
        for text in [
            "cures acne",
            "It Cure\n flu.",
            "_cures acne_",
            "a cure\u{A0}acne",
        ] {
            assert_eq!(found(text), 1, "{text}");
        }
        for text in ["secures acne", "cures acnes", "manicures flu"] {
            assert_eq!(found(text), 0, "{text}");
        }
    }
}
