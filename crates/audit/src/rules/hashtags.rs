//! How many hashtags a post has.

use model::{
    platform::count_hashtags,
    report::{Category, Severity},
};

use crate::{
    piece::{Piece, Post},
    rule::{Brief, Hits, Rule},
};

/// No more hashtags than the platform takes.
pub(crate) struct Hashtags;

impl Rule for Hashtags {
    fn id(&self) -> &str {
        "platform.hashtags"
    }

    fn category(&self) -> Category {
        Category::PlatformRules
    }

    fn severity(&self) -> Severity {
        Severity::Violation
    }

    fn rationale(&self) -> &str {
        "The platform refuses a post with more."
    }

    fn source(&self) -> &str {
        "Instagram Platform, Content Publishing, caption: at most 30 hashtags"
    }

    fn check(&self, _brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        for Post {
            platform,
            text,
            whole,
            ..
        } in piece.posts()
        {
            let Some(max) = platform.limit().hashtags else {
                continue;
            };
            let count = count_hashtags(&whole);
            if count > max {
                let place = text.path.trim_end_matches("/text");
                hits.whole(
                    format!(
                        "{} has {count} hashtags; {platform} takes {max}.",
                        named(place)
                    ),
                    "Keep the ones that people search for.",
                );
            }
        }
    }
}

fn named(place: &str) -> String {
    match place {
        "" => "The post".to_owned(),
        _ => format!("`{place}`"),
    }
}
