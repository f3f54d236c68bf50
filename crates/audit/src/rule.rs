//! What a rule is.

use std::ops::Range;

use model::{
    brief::CampaignBrief,
    report::{Category, Severity, Span},
};

use crate::{
    claims::Support,
    limits::{MAX_HITS, MAX_SHOWN_CHARS},
    piece::{Piece, Text},
};

/// One thing that is looked for. A rule only reads; the judge makes findings of its hits.
pub(crate) trait Rule: Send + Sync {
    /// Its name for ever (`terms.banned`).
    fn id(&self) -> &'static str;
    /// What it is about.
    fn category(&self) -> Category;
    /// How bad a hit is.
    fn severity(&self) -> Severity;
    /// Why it exists, for people.
    fn rationale(&self) -> &'static str;
    /// Looks at one piece.
    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits);
}

/// The brief with what rules derive from it once.
pub(crate) struct Brief<'a> {
    pub(crate) brief: &'a CampaignBrief,
    pub(crate) support: Support,
}

/// What a rule found at one place.
pub(crate) struct Hit {
    pub(crate) span: Option<Span>,
    pub(crate) quote: String,
    /// What is wrong here, one sentence.
    pub(crate) what: String,
    /// What to do, one sentence.
    pub(crate) suggestion: String,
}

/// Hits of one rule in one piece; keeps the first [`MAX_HITS`].
#[derive(Default)]
pub(crate) struct Hits(Vec<Hit>);

impl Hits {
    /// Something wrong at `range` of `text`.
    pub(crate) fn at(
        &mut self,
        text: &Text,
        range: Range<usize>,
        what: impl Into<String>,
        suggestion: impl Into<String>,
    ) {
        let (Some(quote), Ok(start), Ok(end)) = (
            text.text.get(range.clone()),
            u32::try_from(range.start),
            u32::try_from(range.end),
        ) else {
            return;
        };
        self.push(Hit {
            span: Some(Span {
                path: text.path.clone(),
                start,
                end,
            }),
            quote: quote.to_owned(),
            what: what.into(),
            suggestion: suggestion.into(),
        });
    }

    /// Something wrong with the piece as a whole, or missing.
    pub(crate) fn whole(&mut self, what: impl Into<String>, suggestion: impl Into<String>) {
        self.push(Hit {
            span: None,
            quote: String::new(),
            what: what.into(),
            suggestion: suggestion.into(),
        });
    }

    /// Whether more would not be kept, so a rule can stop looking.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= MAX_HITS
    }

    fn push(&mut self, hit: Hit) {
        if !self.is_full() {
            self.0.push(hit);
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Hit> {
        self.0
    }
}

/// A text of the brief as messages repeat it: cut, on one line.
pub(crate) fn shown(text: &str) -> String {
    let mut chars = text
        .split_whitespace()
        .flat_map(|word| [" ", word])
        .skip(1)
        .flat_map(str::chars);
    let mut short: String = chars.by_ref().take(MAX_SHOWN_CHARS).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}
