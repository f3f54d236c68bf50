//! The brand's voice, as its own examples tell it.

use std::sync::LazyLock;

use model::report::{Category, Severity};
use regex::Regex;

use crate::{
    claims::pattern,
    fold::Folded,
    limits::MAX_HITS,
    piece::{Piece, Role},
    rule::{Brief, Hits, Rule, shown, within},
};

/// What the brand gives as an example of how it never speaks.
pub(crate) struct Donts;

/// German: one text says `du` or `Sie`, not both.
pub(crate) struct Address;

impl Rule for Donts {
    fn id(&self) -> &str {
        "voice.dont"
    }

    fn category(&self) -> Category {
        Category::BrandVoice
    }

    fn severity(&self) -> Severity {
        Severity::Violation
    }

    fn rationale(&self) -> &str {
        "The brand gives it as an example of how it never speaks."
    }

    fn source(&self) -> &str {
        "The brand's own voice (`brand.voice.dont`)"
    }

    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        for text in piece.texts(&[Role::Shown, Role::Button, Role::Search, Role::Picture]) {
            let demanded = brief.demanded(text);
            for dont in &brief.brief.brand.voice.donts {
                // The example's own full stop or exclamation mark is not what it is about.
                let example = Folded::term(dont.trim().trim_end_matches(['.', '!', '?', '…']));
                if example.as_str().is_empty() {
                    continue;
                }
                for range in text.folded.find(&example, MAX_HITS) {
                    if hits.is_full() {
                        return;
                    }
                    if !within(&range, &demanded) {
                        let what = format!("`{}` is no way for it to speak.", shown(dont));
                        hits.at(text, range, what, "Say it as the brand does.");
                    }
                }
            }
        }
    }
}

/// `du` and what goes with it; `dir` and the like in any place.
static FAMILIAR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\b(?:[Dd]u|[Dd]ich|[Dd]ir|[Dd]ein(?:e[mnrs]?)?|[Ee]uch|[Ee]uer|[Ee]ure[mnrs]?)\b")
});

/// `Sie` where it can only be the reader: within a sentence, or behind a verb that asks.
static FORMAL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?:[\p{L}\p{N},–—-][)»“”]?\s+)(?P<hit>Sie|Ihnen|Ihr(?:e[mnrs]?)?)\b")
});

impl Rule for Address {
    fn id(&self) -> &str {
        "voice.address"
    }

    fn category(&self) -> Category {
        Category::BrandVoice
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn rationale(&self) -> &str {
        "Whoever is `du` in one sentence and `Sie` in the next does not know how they stand with the brand."
    }

    fn source(&self) -> &str {
        "Duden, Anredepronomen"
    }

    fn languages(&self) -> Vec<&str> {
        vec!["de"]
    }

    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        for text in piece.texts(&[Role::Shown]) {
            let demanded = brief.demanded(text);
            let free = |range: &std::ops::Range<usize>| !within(range, &demanded);
            let familiar = FAMILIAR
                .find_iter(&text.text)
                .map(|found| found.range())
                .find(free);
            let formal = FORMAL
                .captures_iter(&text.text)
                .filter_map(|found| Some(found.name("hit")?.range()))
                .find(free);
            if let (Some(familiar), Some(formal)) = (familiar, formal) {
                let later = if familiar.start < formal.start {
                    formal
                } else {
                    familiar
                };
                let what = "The text says both `du` and `Sie`.";
                hits.at(
                    text,
                    later,
                    what,
                    "Speak to the reader in one way throughout.",
                );
            }
        }
    }
}
