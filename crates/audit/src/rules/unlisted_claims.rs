//! Entries of the copy's list of claims.

use model::report::{Category, Severity};

use crate::{
    fold::Folded,
    piece::{Artifact, Piece, Role},
    rule::{Brief, Hits, Rule},
};

/// Each listed claim is a proof point of the brief, with its source and no other.
pub(crate) struct UnlistedClaims;

impl Rule for UnlistedClaims {
    fn id(&self) -> &str {
        "claims.unlisted"
    }

    fn category(&self) -> Category {
        Category::UnsupportedClaims
    }

    fn severity(&self) -> Severity {
        Severity::Violation
    }

    fn rationale(&self) -> &str {
        "Proof points are the only facts that copy may assert, and their sources the only ones it may name."
    }

    fn source(&self) -> &str {
        "The brief's `proof_points`; Directive 2005/29/EC, Article 12"
    }

    fn needs_brief(&self) -> bool {
        true
    }

    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        let Artifact::Copy(copy) = &piece.artifact else {
            return;
        };
        let points = &brief.brief.proof_points;
        let known: Vec<_> = points.iter().map(|point| essence(&point.claim)).collect();
        for (text, claim) in piece.texts(&[Role::Claim]).zip(&copy.claims) {
            let wording = essence(&claim.text);
            let mut proofs = points
                .iter()
                .zip(&known)
                .filter(|(_, have)| **have == wording)
                .peekable();
            if proofs.peek().is_none() {
                hits.at(
                    text,
                    0..text.text.len(),
                    "It is no proof point of the brief.",
                    "Word it as the proof point does, or leave it out.",
                );
                continue;
            }
            let Some(source) = claim
                .source
                .as_deref()
                .map(essence)
                .filter(|s| !s.is_empty())
            else {
                continue;
            };
            let named = proofs
                .any(|(point, _)| point.source.as_deref().map(essence).as_ref() == Some(&source));
            if !named {
                hits.at(
                    text,
                    0..text.text.len(),
                    "Its source is not the one that the brief names.",
                    "Name the proof point's source, or none.",
                );
            }
        }
    }
}

/// The wording without what does not change it: case, spaces, closing punctuation.
fn essence(text: &str) -> String {
    let folded = Folded::term(text);
    folded
        .as_str()
        .trim_end_matches(['.', ',', ';', ':', '!', ' '])
        .to_owned()
}
