//! How many variants a platform has.

use model::report::{Category, Severity};

use crate::{
    piece::{Artifact, Piece},
    rule::{Brief, Hits, Rule},
};

/// Most variants of one platform (`spec/campaign.md`).
const MAX_VARIANTS: usize = 3;

/// One to three variants for each platform.
pub(crate) struct Variants;

impl Rule for Variants {
    fn id(&self) -> &str {
        "platform.variants"
    }

    fn category(&self) -> Category {
        Category::PlatformRules
    }

    fn severity(&self) -> Severity {
        Severity::Violation
    }

    fn rationale(&self) -> &str {
        "A platform without a variant has nothing to post; more than three are no choice but a burden."
    }

    fn source(&self) -> &str {
        "The form of short copy (`docs/architecture.md`, crate `model`)"
    }

    fn check(&self, _brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        let Artifact::ShortCopy(short) = &piece.artifact else {
            return;
        };
        for (platform, variants) in &short.platforms {
            if !(1..=MAX_VARIANTS).contains(&variants.len()) {
                hits.whole(
                    format!("There are {} variants for {platform}.", variants.len()),
                    "Keep one to three.",
                );
            }
        }
    }
}
