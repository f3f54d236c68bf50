//! Platforms that were asked for and are not there.

use model::report::{Category, Severity};

use crate::{
    piece::{Artifact, Piece},
    rule::{Brief, Hits, Rule},
};

/// Every platform that the brief asks for is there.
pub(crate) struct MissingPlatform;

impl Rule for MissingPlatform {
    fn id(&self) -> &str {
        "platform.missing"
    }

    fn category(&self) -> Category {
        Category::PlatformRules
    }

    fn severity(&self) -> Severity {
        Severity::Violation
    }

    fn rationale(&self) -> &str {
        "The brief asks for posts on it."
    }

    fn source(&self) -> &str {
        "The brief's `platforms`"
    }

    fn needs_brief(&self) -> bool {
        true
    }

    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        let Artifact::ShortCopy(short) = &piece.artifact else {
            return;
        };
        for platform in brief.brief.known_platforms() {
            if !short.platforms.contains_key(&platform) {
                hits.whole(
                    format!("There is nothing for {platform}."),
                    "Write one to three variants for it.",
                );
            }
        }
    }
}
