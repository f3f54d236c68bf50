//! What a rule is.

use std::ops::Range;

use model::{
    brief::CampaignBrief,
    report::{Category, Severity, Span},
};

use crate::{
    claims::Support,
    fold::Folded,
    limits::{MAX_HITS, MAX_SHOWN_CHARS},
    piece::{Piece, Text},
    tone,
};

/// One thing that is looked for. A rule only reads; the judge makes findings of its hits.
pub(crate) trait Rule: Send + Sync {
    /// Its name for ever (`terms.banned`).
    fn id(&self) -> &str;
    /// What it is about.
    fn category(&self) -> Category;
    /// How bad a hit is.
    fn severity(&self) -> Severity;
    /// Why it exists, for people.
    fn rationale(&self) -> &str;
    /// The law, standard or guide that it follows, or whose word it holds the text to.
    fn source(&self) -> &str;
    /// The languages that it knows, as primary subtags of BCP 47; every language when empty.
    fn languages(&self) -> Vec<&str> {
        Vec::new()
    }
    /// Whether it compares with a whole brief, so that a brand alone is not enough.
    fn needs_brief(&self) -> bool {
        false
    }
    /// The category whose findings stand for its own where they are about the same words.
    fn yields_to(&self) -> Option<Category> {
        None
    }
    /// Looks at one piece.
    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits);
}

/// The brief with what rules derive from it once.
pub(crate) struct Brief<'a> {
    pub(crate) brief: &'a CampaignBrief,
    /// Whether there is a whole brief, or no more of it than the brand and the language.
    pub(crate) whole: bool,
    /// Primary subtag of its language, in small letters.
    pub(crate) language: String,
    pub(crate) support: Support,
    /// Texts that must stand word for word, whatever words they use.
    demanded: Vec<Folded>,
}

impl<'a> Brief<'a> {
    pub(crate) fn new(brief: &'a CampaignBrief, whole: bool) -> Self {
        // A brief without a language is English (`spec/campaign.md`).
        let primary = brief
            .language
            .split('-')
            .next()
            .filter(|tag| !tag.is_empty())
            .unwrap_or("en");
        let demanded = [
            &brief.brand.required_disclosures,
            &brief.disclaimers,
            &brief.must_include,
        ];
        Self {
            brief,
            whole,
            language: primary.to_ascii_lowercase(),
            support: Support::of(brief),
            demanded: demanded
                .into_iter()
                .flatten()
                .map(|text| Folded::term(text))
                .filter(|text| !text.as_str().is_empty())
                .collect(),
        }
    }

    /// Whether the rule has anything to say for this brief.
    pub(crate) fn is_for(&self, rule: &dyn Rule) -> bool {
        let languages = rule.languages();
        (languages.is_empty() || languages.contains(&self.language.as_str()))
            && (self.whole || !rule.needs_brief())
    }

    /// Whether the brand's voice has an adjective of that tone.
    pub(crate) fn sounds(&self, tone: &str) -> bool {
        tone::sounds(&self.brief.brand.voice.adjectives, tone)
    }

    /// The places of `text` where it says what it must.
    pub(crate) fn demanded(&self, text: &Text) -> Vec<Range<usize>> {
        self.demanded
            .iter()
            .flat_map(|term| text.folded.find(term, MAX_HITS))
            .collect()
    }
}

/// Whether `range` lies within one of `others`.
pub(crate) fn within(range: &Range<usize>, others: &[Range<usize>]) -> bool {
    others
        .iter()
        .any(|other| other.start <= range.start && range.end <= other.end)
}

/// Whether `range` shares a byte with one of `others`.
pub(crate) fn overlaps(range: &Range<usize>, others: &[Range<usize>]) -> bool {
    others
        .iter()
        .any(|other| other.start < range.end && range.start < other.end)
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
