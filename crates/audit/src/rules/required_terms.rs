//! Words that the brief demands.

use model::{
    artifact::ShortCopyArtifact,
    report::{Category, Severity},
};

use crate::{
    fold::Folded,
    piece::{Artifact, Piece},
    rule::{Brief, Hits, Rule, shown},
};

/// Every term of `must_include` stands somewhere in the copy.
pub(crate) struct RequiredTerms;

impl Rule for RequiredTerms {
    fn id(&self) -> &str {
        "terms.required"
    }

    fn category(&self) -> Category {
        Category::Terms
    }

    fn severity(&self) -> Severity {
        Severity::Violation
    }

    fn rationale(&self) -> &str {
        "The brief says that the copy must contain it."
    }

    fn source(&self) -> &str {
        "The brief's `must_include`"
    }

    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        let noun = match piece.artifact {
            Artifact::Copy(_) => "copy",
            Artifact::Text(_) => "text",
            Artifact::ShortCopy(_) | Artifact::VisualConcept => return,
        };
        for term in &brief.brief.must_include {
            let folded = Folded::term(term);
            let stands = piece.shown().any(|text| text.folded.contains(&folded));
            if !stands && !folded.as_str().is_empty() {
                hits.whole(
                    format!("`{}` stands nowhere in the {noun}.", shown(term)),
                    "Work it into a headline or the body, word for word.",
                );
            }
        }
    }
}

/// Every term of `must_include` stands in a variant of each platform.
pub(crate) struct RequiredTermsInPosts;

impl Rule for RequiredTermsInPosts {
    fn id(&self) -> &str {
        "terms.required_in_posts"
    }

    fn category(&self) -> Category {
        Category::Terms
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn rationale(&self) -> &str {
        "The brief demands it of the copy; a post may have no room, so a person decides."
    }

    fn source(&self) -> &str {
        "The brief's `must_include`"
    }

    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        let Artifact::ShortCopy(ShortCopyArtifact { platforms }) = &piece.artifact else {
            return;
        };
        for (platform, variants) in platforms {
            let posts: Vec<_> = variants
                .iter()
                .map(|variant| Folded::new(&variant.post_text()))
                .collect();
            for term in &brief.brief.must_include {
                let folded = Folded::term(term);
                if !folded.as_str().is_empty() && !posts.iter().any(|post| post.contains(&folded)) {
                    hits.whole(
                        format!("`{}` stands in no variant for {platform}.", shown(term)),
                        "Work it into a variant if there is room.",
                    );
                }
            }
        }
    }
}
