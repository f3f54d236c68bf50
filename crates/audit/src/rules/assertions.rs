//! Words that assert proof or rank. English only: for other languages these rules find nothing.

use std::sync::LazyLock;

use model::report::{Category, Severity};
use regex::Regex;

use crate::{
    claims::pattern,
    piece::{Piece, Role},
    rule::{Brief, Hits, Rule},
};

/// `proven`, `#1`, `guaranteed` and the like without such words in the brief.
pub(crate) struct Assertions;

/// `best`, `fastest`, `leading` and the like without such words in the brief.
pub(crate) struct Superlatives;

/// What is caught is the group `hit`; the other branches pass over everyday uses.
static ASSERTION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)
        \b no \s guarantees? \b
        | (?P<hit>
            [\#＃] \s? 1 \b
          | \b (?: no\. | nr\. ) \s? 1 \b
          | \b number [\s-] one \b
          | \b (?: (?: clinically | scientifically | medically | dermatologically | laboratory | lab ) [\s-] )?
            (?: proven | tested ) \b
          | \b (?: doctor | dentist | expert ) s? [\s-] (?: recommended | approved ) \b
          | \b guarantee [ds]? \b
          | \b certified \b
          | \b patented \b
          | \b award [\s-] winning \b
          | \b risk [\s-] free \b
          | \b (?: studies | study | research | science | tests? | experts? ) \s
            (?: shows? | proves? | confirms? | agrees? | says? ) \b
          | \b trusted \s by \s (?: hundreds | thousands | millions ) \b
          | \b (?: twice | half ) \s (?: as | the ) \s \w+ \b
          )",
    )
});

static SUPERLATIVE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)
        \b (?: your | my | our | their | its | his | her ) \s best \b
        | \b (?: like | likes | love | know | knows | works? | suits? | fits? | it | you | us | them
            | themselves | itself | as | had ) \s best \b
        | \b best \s (?: regards | wishes | practices? | man | before ) \b
        | \b at \s (?: best | least | most | its \s best ) \b
        | \b most \s (?: of | people | days | likely | often | importantly ) \b
        | (?P<hit>
            \b (?: the \s )? (?: world | market | industry | class | country | europe | nation ) (?: ['’]s | [\s-] )
            \s? (?: first | only | leading | best | largest | biggest | fastest | class ) \b
          | \b the \s only \b
          | \b (?: the \s )? leading \s (?: brand | provider | maker | manufacturer | company | choice | supplier | expert ) \b
          | \b the \s most \s \w+ \b
          | \b (?: best | greatest | finest | fastest | quickest | cheapest | lowest | highest | safest | strongest
            | lightest | largest | biggest | smallest | easiest | simplest | smartest | toughest | freshest
            | cleanest | healthiest | softest | thinnest | longest | richest | purest | greenest ) \b
          | \b (?: unbeatable | unrivall?ed | unmatched | unparalleled | unsurpassed | ultimate ) \b
          | \b second \s to \s none \b
          )",
    )
});

impl Rule for Assertions {
    fn id(&self) -> &'static str {
        "claims.assertion"
    }

    fn category(&self) -> Category {
        Category::UnsupportedClaims
    }

    fn severity(&self) -> Severity {
        Severity::Violation
    }

    fn rationale(&self) -> &'static str {
        "Proof, rank and guarantees are facts that someone must be able to show."
    }

    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        check(&ASSERTION, brief, piece, hits);
    }
}

impl Rule for Superlatives {
    fn id(&self) -> &'static str {
        "claims.superlative"
    }

    fn category(&self) -> Category {
        Category::UnsupportedClaims
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn rationale(&self) -> &'static str {
        "A superlative compares with all others; some are mere praise, so a person decides."
    }

    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        check(&SUPERLATIVE, brief, piece, hits);
    }
}

fn check(pattern: &Regex, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
    for text in piece.texts(&[Role::Shown, Role::Search, Role::Picture]) {
        for found in pattern.captures_iter(&text.text) {
            if hits.is_full() {
                return;
            }
            let Some(hit) = found.name("hit") else {
                continue;
            };
            if !brief.support.says(hit.as_str()) {
                hits.at(
                    text,
                    hit.range(),
                    "The brief says nothing of the kind.",
                    "Leave it out, or add a proof point with its source to the brief.",
                );
            }
        }
    }
}
