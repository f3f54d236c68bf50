//! Words that the brand or the brief forbids.

use std::{collections::BTreeSet, ops::Range};

use model::{
    brief::CampaignBrief,
    report::{Category, Severity},
};

use crate::{
    fold::Folded,
    limits::MAX_HITS,
    piece::{Piece, Role, Text},
    rule::{Brief, Hits, Rule, shown, within},
};

/// Whole words, in any case; inflections are words of their own.
pub(crate) struct BannedTerms;

impl Rule for BannedTerms {
    fn id(&self) -> &str {
        "terms.banned"
    }

    fn category(&self) -> Category {
        Category::Terms
    }

    fn severity(&self) -> Severity {
        Severity::Violation
    }

    fn rationale(&self) -> &str {
        "What the brand never says must stand nowhere, not even in a hashtag or a description of a picture."
    }

    fn source(&self) -> &str {
        "The brand's `banned_terms`, the brief's `must_avoid`"
    }

    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        for text in piece.texts.iter().filter(|t| t.role != Role::Address) {
            let excused = brief.demanded(text);
            for (term, folded, source) in terms(brief.brief) {
                if hits.is_full() {
                    return;
                }
                for range in places(text, &folded) {
                    if within(&range, &excused) {
                        continue;
                    }
                    hits.at(
                        text,
                        range,
                        format!("`{}` is one of {source}.", shown(term)),
                        "Say it with another word.",
                    );
                }
            }
        }
    }
}

/// Each forbidden term once, with the list that it is from.
fn terms(brief: &CampaignBrief) -> impl Iterator<Item = (&str, Folded, &'static str)> {
    let mut seen = BTreeSet::new();
    let brand = brief
        .brand
        .banned_terms
        .iter()
        .map(|term| (term, "the brand's banned terms"));
    let own = brief
        .must_avoid
        .iter()
        .map(|term| (term, "the brief's terms to avoid"));
    brand.chain(own).filter_map(move |(term, source)| {
        let folded = Folded::term(term);
        let fresh = !folded.as_str().is_empty() && seen.insert(folded.as_str().to_owned());
        fresh.then_some((term.as_str(), folded, source))
    })
}

/// A hashtag has no spaces, so a term of several words is compared without them too.
fn places(text: &Text, term: &Folded) -> Vec<Range<usize>> {
    let mut found = text.folded.find(term, MAX_HITS);
    if found.is_empty()
        && text.role == Role::Hashtag
        && term.as_str().replace(' ', "") == text.folded.as_str()
    {
        found.push(0..text.text.len());
    }
    found
}
