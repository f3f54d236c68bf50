//! Posts that their platform would refuse for their length.

use model::report::{Category, Severity};

use crate::{
    piece::{Piece, Post},
    rule::{Brief, Hits, Rule},
};

/// The whole post (text, hashtags and link) keeps to the platform's length, by the platform's own count.
pub(crate) struct PlatformLength;

/// Most bytes of the text's end that are quoted.
const QUOTED_BYTES: usize = 80;

impl Rule for PlatformLength {
    fn id(&self) -> &str {
        "platform.length"
    }

    fn category(&self) -> Category {
        Category::PlatformRules
    }

    fn severity(&self) -> Severity {
        Severity::Violation
    }

    fn rationale(&self) -> &str {
        "The platform refuses or cuts what is longer."
    }

    fn source(&self) -> &str {
        "The networks' limits as `crates/model/src/platform.rs` counts them, with their sources"
    }

    fn check(&self, _brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        for Post {
            platform,
            text,
            whole: post,
            ..
        } in piece.posts()
        {
            let limit = platform.limit();
            let length = platform.count(&post);
            let what = if length > limit.length {
                format!(
                    "The post has {length} {} for {platform}, which takes {}.",
                    limit.unit, limit.length
                )
            } else if let Some(max) = limit.bytes.filter(|max| post.len() > *max as usize) {
                format!(
                    "The post has {} bytes for {platform}, which takes {max}.",
                    post.len()
                )
            } else {
                continue;
            };
            let end = text.text.len();
            let start = text
                .text
                .ceil_char_boundary(end.saturating_sub(QUOTED_BYTES));
            hits.at(text, start..end, what, "Shorten the text or drop hashtags.");
        }
    }
}
