//! Paragraphs in another language than the brief's.

use std::sync::LazyLock;

use model::report::{Category, Severity};
use whatlang::{Detector, Lang};

use crate::{
    limits::MIN_LANGUAGE_LETTERS,
    piece::{Piece, Role},
    prose,
    rule::{Brief, Hits, Rule},
};

/// What the audience reads is in the language of the brief.
pub(crate) struct Language;

/// The languages that are told apart, by primary subtag. Close ones stand together: trigrams cannot tell
/// them apart in a paragraph.
const KNOWN: &[(&str, &[Lang])] = &[
    ("ar", &[Lang::Ara]),
    ("bg", &[Lang::Bul]),
    ("ca", &[Lang::Cat, Lang::Spa]),
    ("cs", &[Lang::Ces, Lang::Slk]),
    ("da", &[Lang::Dan, Lang::Nob]),
    ("de", &[Lang::Deu]),
    ("el", &[Lang::Ell]),
    ("en", &[Lang::Eng]),
    ("es", &[Lang::Spa, Lang::Cat]),
    ("et", &[Lang::Est]),
    ("fi", &[Lang::Fin]),
    ("fr", &[Lang::Fra]),
    ("he", &[Lang::Heb]),
    ("hi", &[Lang::Hin]),
    ("hr", &[Lang::Hrv]),
    ("hu", &[Lang::Hun]),
    ("id", &[Lang::Ind]),
    ("it", &[Lang::Ita]),
    ("ja", &[Lang::Jpn]),
    ("ko", &[Lang::Kor]),
    ("lt", &[Lang::Lit]),
    ("lv", &[Lang::Lav]),
    ("nb", &[Lang::Nob, Lang::Dan]),
    ("nl", &[Lang::Nld]),
    ("no", &[Lang::Nob, Lang::Dan]),
    ("pl", &[Lang::Pol]),
    ("pt", &[Lang::Por]),
    ("ro", &[Lang::Ron]),
    ("ru", &[Lang::Rus]),
    ("sk", &[Lang::Slk, Lang::Ces]),
    ("sl", &[Lang::Slv]),
    ("sv", &[Lang::Swe]),
    ("th", &[Lang::Tha]),
    ("tr", &[Lang::Tur]),
    ("uk", &[Lang::Ukr]),
    ("vi", &[Lang::Vie]),
    ("zh", &[Lang::Cmn]),
];

static DETECTOR: LazyLock<Detector> = LazyLock::new(|| {
    let mut all: Vec<Lang> = KNOWN
        .iter()
        .flat_map(|(_, langs)| *langs)
        .copied()
        .collect();
    all.sort_unstable_by_key(Lang::code);
    all.dedup();
    Detector::with_allowlist(all)
});

impl Rule for Language {
    fn id(&self) -> &str {
        "language.other"
    }

    fn category(&self) -> Category {
        Category::Language
    }

    fn severity(&self) -> Severity {
        Severity::Violation
    }

    fn rationale(&self) -> &str {
        "The brief names the language that its audience reads."
    }

    fn source(&self) -> &str {
        "The brief; WCAG 2.2, 3.1.2 Language of Parts; told by trigrams (crate whatlang), so only paragraphs of 80 letters or more"
    }

    fn languages(&self) -> Vec<&str> {
        KNOWN.iter().map(|(tag, _)| *tag).collect()
    }

    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        let Some((_, expected)) = KNOWN.iter().find(|(tag, _)| *tag == brief.language) else {
            return;
        };
        for text in piece.texts(&[Role::Shown, Role::Search, Role::Picture]) {
            let demanded = brief.demanded(text);
            for block in prose::blocks(&text.text) {
                if hits.is_full() {
                    return;
                }
                // What is demanded, and addresses, are in whatever language they are.
                let outside: String = text.text[block.clone()]
                    .char_indices()
                    .filter(|(at, _)| {
                        let at = block.start + at;
                        !demanded.iter().any(|range| range.contains(&at))
                    })
                    .map(|(_, c)| c)
                    .collect();
                let mut words = outside.clone();
                for address in prose::addresses(&outside).into_iter().rev() {
                    words.replace_range(address, " ");
                }
                if words.chars().filter(|c| c.is_alphabetic()).count() < MIN_LANGUAGE_LETTERS {
                    continue;
                }
                let Some(found) = DETECTOR.detect(&words) else {
                    continue;
                };
                if found.is_reliable() && !expected.contains(&found.lang()) {
                    hits.at(
                        text,
                        block,
                        format!(
                            "The paragraph is in {}, the brief asks for `{}`.",
                            found.lang().eng_name(),
                            brief.brief.language
                        ),
                        "Write it in the language of the brief.",
                    );
                }
            }
        }
    }
}
