//! What readers who hear, zoom or skim the text stumble over.

use std::{ops::Range, sync::LazyLock};

use model::report::{Category, Severity};
use regex::Regex;

use crate::{
    claims::pattern,
    limits::{MAX_ALT_CHARS, MAX_EMOJI_RUN, MIN_CAPITAL_LETTERS, MIN_CAPITAL_WORDS},
    piece::{Piece, Role},
    prose,
    rule::{Brief, Hits, Rule},
};

/// Every picture has a description.
pub(crate) struct AltMissing;

/// A description says what is to be seen, in few words.
pub(crate) struct AltText;

/// No sentences in capitals.
pub(crate) struct Capitals;

/// No rows of emoji.
pub(crate) struct EmojiRun;

/// No letters that are mathematical signs.
pub(crate) struct FancyLetters;

/// Words of a link say where it leads.
pub(crate) struct LinkText;

impl Rule for AltMissing {
    fn id(&self) -> &str {
        "accessibility.alt_missing"
    }

    fn category(&self) -> Category {
        Category::Accessibility
    }

    fn severity(&self) -> Severity {
        Severity::Violation
    }

    fn rationale(&self) -> &str {
        "Who does not see the picture gets nothing of it."
    }

    fn source(&self) -> &str {
        "WCAG 2.2, 1.1.1 Non-text Content; Directive (EU) 2019/882 (European Accessibility Act)"
    }

    fn check(&self, _brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        let suggestion = "Say in a sentence what the picture shows.";
        for text in piece.texts(&[Role::Picture]) {
            if text.text.trim().is_empty() {
                hits.whole("The picture has no description.", suggestion);
            }
        }
        for text in piece.texts(&[Role::Shown]) {
            for picture in prose::links(&text.text) {
                if picture.is_picture && picture.label.trim().is_empty() {
                    hits.at(
                        text,
                        picture.range,
                        "The picture has no description.",
                        suggestion,
                    );
                }
            }
        }
    }
}

/// Openings that every screen reader says already.
static IMAGE_OF: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\s*(?:an? |the |ein |eine |das )?(?:image|picture|photo|photograph|graphic|illustration|bild|foto|grafik|abbildung)\s(?:of|showing|that shows|von|eine[rs]?|mit|zeigt)\b",
    )
});

static FILE_NAME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\s*\S+\.(?:jpe?g|png|gif|webp|svg|avif|heic|tiff?|bmp)\s*$|^\s*(?:img|dsc|image|bild|foto|screenshot)[-_ ]?[0-9]+\s*$",
    )
});

impl Rule for AltText {
    fn id(&self) -> &str {
        "accessibility.alt_text"
    }

    fn category(&self) -> Category {
        Category::Accessibility
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn rationale(&self) -> &str {
        "A description stands for the picture: it is listened to at a stretch, without pause or return."
    }

    fn source(&self) -> &str {
        "W3C, Images Tutorial, Tips and Tricks (be succinct; no `image of`; no file names); WCAG 2.2, failure F30; the bound of 250 characters is our own"
    }

    fn check(&self, _brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        let pictures = piece
            .texts(&[Role::Picture])
            .map(|text| (text, 0..text.text.len(), text.text.clone()));
        let in_copy = piece.texts(&[Role::Shown]).flat_map(|text| {
            prose::links(&text.text)
                .into_iter()
                .filter(|link| link.is_picture)
                .map(move |link| (text, link.range, link.label))
        });
        for (text, range, label) in pictures
            .chain(in_copy)
            .filter(|(_, _, label)| !label.trim().is_empty())
        {
            let length = label.chars().count();
            let (range, what) = if FILE_NAME.is_match(&label) {
                (range, "It is the name of a file.".to_owned())
            } else if let Some(opening) = IMAGE_OF.find(&label) {
                let at = text.text[range.clone()]
                    .find(opening.as_str())
                    .map_or(range.clone(), |at| {
                        range.start + at..range.start + at + opening.len()
                    });
                (at, "That it is a picture is said anyway.".to_owned())
            } else if length > MAX_ALT_CHARS {
                (range, format!("It has {length} characters."))
            } else {
                continue;
            };
            hits.at(
                text,
                range,
                what,
                "Say in a sentence or two what the picture shows.",
            );
        }
    }
}

/// Words in capitals with nothing but white space, apostrophes or hyphens between them. A word of one
/// letter may stand among them.
static CAPITALS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\b\p{Lu}[\p{Lu}\p{N}’'&-]*(?:[ \u{A0}\n]+[\p{Lu}\p{N}][\p{Lu}\p{N}’'&-]*)+\b")
});

impl Rule for Capitals {
    fn id(&self) -> &str {
        "accessibility.capitals"
    }

    fn category(&self) -> Category {
        Category::Accessibility
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn rationale(&self) -> &str {
        "Capitals are slower to read, worst with dyslexia, and some screen readers spell them out."
    }

    fn source(&self) -> &str {
        "British Dyslexia Association, Dyslexia Style Guide; GOV.UK style guide, Capitalisation"
    }

    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        for text in piece.texts(&[Role::Shown, Role::Button, Role::Search, Role::Picture]) {
            if text.text.chars().filter(|c| c.is_uppercase()).count() < MIN_CAPITAL_LETTERS {
                continue;
            }
            let demanded = brief.demanded(text);
            for found in CAPITALS.find_iter(&text.text) {
                if hits.is_full() {
                    return;
                }
                let range = found.range();
                let words: Vec<usize> = found
                    .as_str()
                    .split_whitespace()
                    .map(|word| word.chars().filter(|c| c.is_uppercase()).count())
                    .collect();
                let shouted = words.iter().filter(|letters| **letters > 1).count();
                let letters: usize = words.iter().sum();
                // Half a word in capitals at the end of the run belongs to the next.
                let cut = text.text[range.end..].starts_with(char::is_lowercase);
                let named =
                    brief.support.spells(found.as_str()) || crate::rule::within(&range, &demanded);
                if shouted >= MIN_CAPITAL_WORDS && letters >= MIN_CAPITAL_LETTERS && !cut && !named
                {
                    hits.at(
                        text,
                        range,
                        "Several words stand in capitals.",
                        "Write them in small letters; let the layout stress them.",
                    );
                }
            }
        }
    }
}

/// Emoji side by side, spaces between them or not.
static EMOJI: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x) (?: (?: [\u{1F1E6}-\u{1F1FF}]{2} | [\p{Extended_Pictographic}--[©®™]] [\u{FE0F}\u{1F3FB}-\u{1F3FF}]? (?: \u{200D} \p{Extended_Pictographic} [\u{FE0F}\u{1F3FB}-\u{1F3FF}]? )* ) \s? )+",
    )
});

static ONE_EMOJI: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x) [\u{1F1E6}-\u{1F1FF}]{2} | \p{Extended_Pictographic} [\u{FE0F}\u{1F3FB}-\u{1F3FF}]? (?: \u{200D} \p{Extended_Pictographic} [\u{FE0F}\u{1F3FB}-\u{1F3FF}]? )*",
    )
});

impl Rule for EmojiRun {
    fn id(&self) -> &str {
        "accessibility.emoji_run"
    }

    fn category(&self) -> Category {
        Category::Accessibility
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn rationale(&self) -> &str {
        "Screen readers say the name of each, so that four of them are a sentence without sense."
    }

    fn source(&self) -> &str {
        "RNIB, Making your social media accessible; W3C, WCAG 2.2, technique H86; the bound of three is our own"
    }

    fn check(&self, _brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        for text in piece.texts(&[Role::Shown, Role::Button, Role::Search, Role::Picture]) {
            for found in EMOJI.find_iter(&text.text) {
                if hits.is_full() {
                    return;
                }
                let count = ONE_EMOJI.find_iter(found.as_str()).count();
                if count > MAX_EMOJI_RUN {
                    let range = found.start()..found.start() + found.as_str().trim_end().len();
                    hits.at(
                        text,
                        range,
                        format!("There are {count} emoji in a row."),
                        "Keep one or two, at the end of the text.",
                    );
                }
            }
        }
    }
}

/// Letters from the blocks of mathematical and enclosed signs, with what stands between them.
static FANCY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"[\u{1D400}-\u{1D7FF}\u{24B6}-\u{24E9}\u{1F130}-\u{1F189}](?:[\s'’.,-]*[\u{1D400}-\u{1D7FF}\u{24B6}-\u{24E9}\u{1F130}-\u{1F189}])+",
    )
});

impl Rule for FancyLetters {
    fn id(&self) -> &str {
        "accessibility.fancy_letters"
    }

    fn category(&self) -> Category {
        Category::Accessibility
    }

    fn severity(&self) -> Severity {
        Severity::Violation
    }

    fn rationale(&self) -> &str {
        "They are mathematical signs: screen readers say `mathematical bold capital s` for each, or nothing, and no search finds them."
    }

    fn source(&self) -> &str {
        "The Unicode Standard, 22.2 Letterlike Symbols; WCAG 2.2, 1.3.1 Info and Relationships"
    }

    fn check(&self, _brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        for text in piece.texts(&[Role::Shown, Role::Button, Role::Search, Role::Picture]) {
            for found in FANCY.find_iter(&text.text) {
                if hits.is_full() {
                    return;
                }
                hits.at(
                    text,
                    found.range(),
                    "These are signs, not letters.",
                    "Write plain letters.",
                );
            }
        }
    }
}

/// Link texts that say nothing by themselves, in English and German.
const VAGUE: &[&str] = &[
    "click",
    "here",
    "click here",
    "tap here",
    "read more",
    "learn more",
    "more",
    "more info",
    "more information",
    "this",
    "this link",
    "this page",
    "link",
    "details",
    "go",
    "see more",
    "find out more",
    "continue",
    "hier",
    "hier klicken",
    "klick",
    "klicken sie hier",
    "klick hier",
    "mehr",
    "mehr erfahren",
    "mehr infos",
    "mehr informationen",
    "weiter",
    "weiterlesen",
    "diese seite",
    "dieser link",
    "zum link",
    "infos",
    "da",
];

impl Rule for LinkText {
    fn id(&self) -> &str {
        "accessibility.link_text"
    }

    fn category(&self) -> Category {
        Category::Accessibility
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn rationale(&self) -> &str {
        "Many readers jump from link to link and hear nothing but the link's own words."
    }

    fn source(&self) -> &str {
        "WCAG 2.2, 2.4.4 Link Purpose (In Context), failure F84"
    }

    fn languages(&self) -> Vec<&str> {
        vec!["de", "en"]
    }

    fn check(&self, _brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        let what = "The words of the link do not say where it leads.";
        let suggestion = "Name what is behind the link.";
        for text in piece.texts(&[Role::Shown]) {
            for link in prose::links(&text.text)
                .into_iter()
                .filter(|link| !link.is_picture)
            {
                if hits.is_full() {
                    return;
                }
                if is_vague(&link.label) {
                    let range = label_of(&text.text, &link);
                    hits.at(text, range, what, suggestion);
                }
            }
        }
        for text in piece.texts(&[Role::Button]) {
            if is_vague(&text.text) {
                hits.at(text, 0..text.text.len(), what, suggestion);
            }
        }
    }
}

fn is_vague(label: &str) -> bool {
    let bare = label
        .trim()
        .trim_end_matches(['.', '!', '…', '>', '»', '→', ' '])
        .to_lowercase();
    VAGUE.contains(&bare.as_str())
}

fn label_of(text: &str, link: &prose::Link) -> Range<usize> {
    text[link.range.clone()]
        .find(&link.label)
        .map_or(link.range.clone(), |at| {
            let start = link.range.start + at;
            start..start + link.label.len()
        })
}
