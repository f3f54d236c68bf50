//! Counts that are not true.

use model::report::{Category, Severity};

use crate::{
    piece::Piece,
    rule::{Brief, Hits, Rule},
};

/// Each `character_count` is the length of the whole post by the platform's own count.
pub(crate) struct CharacterCount;

impl Rule for CharacterCount {
    fn id(&self) -> &'static str {
        "platform.character_count"
    }

    fn category(&self) -> Category {
        Category::PlatformRules
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn rationale(&self) -> &'static str {
        "Whoever plans with the count must be able to trust it."
    }

    fn check(&self, _brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        for (platform, variant, text) in piece.posts() {
            let length = platform.count(&variant.post_text());
            if variant.character_count != length {
                let place = text.path.trim_end_matches("/text");
                hits.whole(
                    format!(
                        "`{place}/character_count` says {}, the post has {length}.",
                        variant.character_count
                    ),
                    "Count again.",
                );
            }
        }
    }
}
