//! Data about persons that the brief does not publish itself.

use model::report::{Category, Severity};

use crate::{
    personal::Kind,
    piece::{Piece, Role},
    rule::{Brief, Hits, Rule},
};

/// Data of one kind.
pub(crate) struct PersonalData {
    pub(crate) kind: Kind,
    pub(crate) id: &'static str,
    /// With its article.
    pub(crate) noun: &'static str,
    pub(crate) source: &'static str,
    pub(crate) severity: Severity,
}

impl Rule for PersonalData {
    fn id(&self) -> &str {
        self.id
    }

    fn category(&self) -> Category {
        Category::PersonalData
    }

    fn severity(&self) -> Severity {
        self.severity
    }

    fn rationale(&self) -> &str {
        "What identifies a person is published with a legal basis or not at all; the brief's own contacts are."
    }

    fn source(&self) -> &str {
        self.source
    }

    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        for text in piece.texts(&[Role::Shown, Role::Button, Role::Search, Role::Picture]) {
            for (kind, range) in text.personal().iter().cloned() {
                if hits.is_full() {
                    return;
                }
                let own = || brief.support.publishes(kind, &text.text[range.clone()]);
                if kind == self.kind && !own() {
                    hits.at(
                        text,
                        range,
                        format!(
                            "It looks like {}, and the brief does not give it.",
                            self.noun
                        ),
                        "Leave it out; if it is the brand's own, put it into the brief.",
                    );
                }
            }
        }
    }
}
