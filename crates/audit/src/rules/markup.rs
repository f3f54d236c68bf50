//! Markdown in posts.

use model::report::{Category, Severity};

use crate::{
    piece::Piece,
    prose,
    rule::{Brief, Hits, Rule},
};

/// No Markdown in a post.
pub(crate) struct Markup;

impl Rule for Markup {
    fn id(&self) -> &str {
        "platform.markup"
    }

    fn category(&self) -> Category {
        Category::PlatformRules
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn rationale(&self) -> &str {
        "None of the networks reads Markdown in posts: readers see the asterisks and brackets."
    }

    fn source(&self) -> &str {
        "The networks' posting interfaces (docs: X API v2 `POST /2/tweets`, LinkedIn Posts API `commentary`, Graph API, `app.bsky.feed.post`, Mastodon `POST /api/v1/statuses`) take plain text"
    }

    fn check(&self, _brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        for post in piece.posts() {
            for range in prose::markup(&post.text.text) {
                if hits.is_full() {
                    return;
                }
                let what = format!("{} shows this as it stands.", post.platform);
                hits.at(
                    post.text,
                    range,
                    what,
                    "Write plain text; give a link as an address.",
                );
            }
        }
    }
}
