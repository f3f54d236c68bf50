//! Counts that are not true.

use model::report::{Category, Severity};

use crate::{
    piece::Piece,
    rule::{Brief, Hits, Rule},
};

/// Each `character_count` is the length of the whole post by the platform's own count.
pub(crate) struct CharacterCount;

impl Rule for CharacterCount {
    fn id(&self) -> &str {
        "platform.character_count"
    }

    fn category(&self) -> Category {
        Category::PlatformRules
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn rationale(&self) -> &str {
        "Whoever plans with the count must be able to trust it."
    }

    fn source(&self) -> &str {
        "The networks' limits as `crates/model/src/platform.rs` counts them, with their sources"
    }

    fn check(&self, _brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        for post in piece.posts() {
            let length = post.platform.count(&post.whole);
            if let Some(stated) = post.stated_length.filter(|stated| *stated != length) {
                let place = post.text.path.trim_end_matches("/text");
                hits.whole(
                    format!("`{place}/character_count` says {stated}, the post has {length}."),
                    "Count again.",
                );
            }
        }
    }
}
