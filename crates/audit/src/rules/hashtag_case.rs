//! Hashtags of several words in small letters.

use std::{cell::LazyCell, collections::BTreeSet, ops::Range, sync::LazyLock};

use model::report::{Category, Severity};
use regex::Regex;

use crate::{
    claims::pattern,
    limits::MAX_TAG_LETTERS,
    piece::{Piece, Role},
    rule::{Brief, Hits, Rule},
};

/// Each word of a hashtag has a capital.
pub(crate) struct HashtagCase;

/// Words of which hashtags are made. Our own list.
static COMMON: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    include_str!("hashtag_words.txt")
        .split_whitespace()
        .collect()
});

static TAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[^\p{L}\p{N}&/])[#＃]([a-z]{6,})\b"));

/// Shortest word that a hashtag is taken apart into.
const MIN_WORD: usize = 3;

impl Rule for HashtagCase {
    fn id(&self) -> &str {
        "accessibility.hashtag_case"
    }

    fn category(&self) -> Category {
        Category::Accessibility
    }

    fn severity(&self) -> Severity {
        Severity::Info
    }

    fn rationale(&self) -> &str {
        "Screen readers and tired eyes take words apart at their capitals."
    }

    fn source(&self) -> &str {
        "RNIB, Making your social media accessible (use camel case in hashtags); the words are those of the text, the brief and `crates/audit/src/rules/hashtag_words.txt`"
    }

    fn languages(&self) -> Vec<&str> {
        vec!["en"]
    }

    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        // Most tags have capitals, or are no words, and need none of this.
        let known = LazyCell::new(|| {
            let mut known: BTreeSet<String> = words(brief.support.words());
            for text in piece.texts(&[Role::Shown]) {
                known.extend(words(&TAG.replace_all(&text.text, " ")));
            }
            known
        });
        for text in piece.texts(&[Role::Shown, Role::Hashtag]) {
            let tags: Vec<Range<usize>> = match text.role {
                Role::Hashtag => std::iter::once(0..text.text.len()).collect(),
                _ => TAG
                    .captures_iter(&text.text)
                    .filter_map(|found| Some(found.get(1)?.range()))
                    .collect(),
            };
            for range in tags {
                if hits.is_full() {
                    return;
                }
                let tag = &text.text[range.clone()];
                let small = tag.bytes().all(|b| b.is_ascii_lowercase());
                let Some(parts) = (small && !known.contains(tag))
                    .then(|| apart(tag, &known))
                    .flatten()
                else {
                    continue;
                };
                let better: String = parts
                    .iter()
                    .map(|part| format!("{}{}", part[..1].to_uppercase(), &part[1..]))
                    .collect();
                let from = match text.role {
                    Role::Hashtag => range.start,
                    _ => {
                        range.start
                            - text.text[..range.start]
                                .chars()
                                .next_back()
                                .map_or(0, char::len_utf8)
                    }
                };
                hits.at(
                    text,
                    from..range.end,
                    "Its words run together.",
                    format!("Write #{better}."),
                );
            }
        }
    }
}

fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() >= MIN_WORD && word.is_ascii())
        .map(str::to_ascii_lowercase)
        .collect()
}

/// The tag as two words or more, the longest first ones that work; `None` when it is one word, or none
/// that we know.
fn apart<'a>(tag: &'a str, known: &BTreeSet<String>) -> Option<Vec<&'a str>> {
    if tag.len() > MAX_TAG_LETTERS || COMMON.contains(tag) {
        return None;
    }
    let is_word =
        |part: &str| part.len() >= MIN_WORD && (COMMON.contains(part) || known.contains(part));
    // `best[n]`: the first `n` letters as words.
    let mut best: Vec<Option<Vec<&str>>> = vec![None; tag.len() + 1];
    best[0] = Some(Vec::new());
    for end in MIN_WORD..=tag.len() {
        for start in 0..=end - MIN_WORD {
            let part = &tag[start..end];
            if best[end].is_none()
                && is_word(part)
                && let Some(before) = &best[start]
            {
                let mut parts = before.clone();
                parts.push(part);
                best[end] = Some(parts);
            }
        }
    }
    best.pop().flatten().filter(|parts| parts.len() > 1)
}
