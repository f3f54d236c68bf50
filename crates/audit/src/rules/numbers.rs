//! Numbers that the brief does not give.

use model::report::{Category, Severity};

use crate::{
    claims::numbers,
    piece::{Piece, Role},
    rule::{Brief, Hits, Rule},
};

/// Percentages, amounts, multiples and other numbers that stand nowhere in the brief.
pub(crate) struct Numbers;

impl Rule for Numbers {
    fn id(&self) -> &str {
        "claims.number"
    }

    fn category(&self) -> Category {
        Category::UnsupportedClaims
    }

    fn severity(&self) -> Severity {
        Severity::Violation
    }

    fn rationale(&self) -> &str {
        "A number is read as a fact, and only the brief's facts may be asserted."
    }

    fn source(&self) -> &str {
        "The brief; Directive 2005/29/EC, Article 12; FTC, Policy Statement Regarding Advertising Substantiation (1983)"
    }

    fn needs_brief(&self) -> bool {
        true
    }

    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        for text in piece.texts(&[Role::Shown, Role::Button, Role::Search]) {
            for number in numbers(&text.text, text.personal()) {
                if hits.is_full() {
                    return;
                }
                if !brief.support.has(&number) {
                    hits.at(
                        text,
                        number.range,
                        "The brief gives no such number.",
                        "Leave it out, or add a proof point with its source to the brief.",
                    );
                }
            }
        }
    }
}
