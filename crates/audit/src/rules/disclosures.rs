//! Texts that must stand in each piece that goes out.

use model::report::{Category, Severity};

use crate::{
    fold::Folded,
    piece::{Artifact, Piece},
    rule::{Brief, Hits, Rule, shown},
};

/// The brand's required disclosures.
pub(crate) struct Disclosures;

/// The brief's disclaimers.
pub(crate) struct Disclaimers;

impl Rule for Disclosures {
    fn id(&self) -> &str {
        "disclosures.required"
    }

    fn category(&self) -> Category {
        Category::Disclosures
    }

    fn severity(&self) -> Severity {
        Severity::Violation
    }

    fn rationale(&self) -> &str {
        "The brand requires it in everything that goes out: the copy, and each post by itself."
    }

    fn source(&self) -> &str {
        "The brand's `required_disclosures`; Directive 2005/29/EC, Article 7"
    }

    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        check(
            &brief.brief.brand.required_disclosures,
            "disclosure",
            piece,
            hits,
        );
    }
}

impl Rule for Disclaimers {
    fn id(&self) -> &str {
        "disclosures.disclaimer"
    }

    fn category(&self) -> Category {
        Category::Disclosures
    }

    fn severity(&self) -> Severity {
        Severity::Violation
    }

    fn rationale(&self) -> &str {
        "The brief's disclaimers stand under everything that goes out: the copy, and each post by itself."
    }

    fn source(&self) -> &str {
        "The brief's `disclaimers`; Directive 2005/29/EC, Article 7"
    }

    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        check(&brief.brief.disclaimers, "disclaimer", piece, hits);
    }
}

/// A visual concept is not asked: it is a plan of a picture, and what it says to readers stands beside it.
fn check(demanded: &[String], noun: &str, piece: &Piece, hits: &mut Hits) {
    let parts: Vec<(String, Vec<Folded>)> = match &piece.artifact {
        Artifact::Copy(_) => {
            let texts = piece.shown().map(|text| text.folded.clone());
            vec![("the copy".to_owned(), texts.collect())]
        }
        Artifact::ShortCopy(short) => short
            .platforms
            .iter()
            .flat_map(|(platform, variants)| {
                variants.iter().enumerate().map(move |v| (platform, v))
            })
            .map(|(platform, (i, variant))| {
                let name = format!("variant {} for {platform}", i + 1);
                (name, vec![Folded::new(&variant.post_text())])
            })
            .collect(),
        Artifact::Text(_) => {
            let texts = piece.shown().map(|text| text.folded.clone());
            vec![("the text".to_owned(), texts.collect())]
        }
        Artifact::VisualConcept => Vec::new(),
    };
    for text in demanded {
        let folded = Folded::term(text);
        for (name, texts) in &parts {
            if !folded.as_str().is_empty() && !texts.iter().any(|have| have.contains(&folded)) {
                hits.whole(
                    format!("The {noun} `{}` is missing from {name}.", shown(text)),
                    "Add it word for word.",
                );
            }
        }
    }
}
