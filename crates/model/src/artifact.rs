//! The artifacts of the workflow `campaign`. Their JSON form is the stored content, and its SHA-256
//! the version's hash.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{media::MediaRef, platform::Platform};

/// Long copy for the campaign's landing page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyArtifact {
    /// At least three alternatives.
    pub headline_options: Vec<String>,
    /// One sentence under the headline.
    pub subhead: String,
    /// The text, Markdown.
    pub body: String,
    /// What the audience gains, one sentence each.
    pub key_benefits: Vec<String>,
    /// Label and address of the button.
    pub call_to_action: CallToAction,
    /// What search engines show.
    pub seo: Seo,
    /// Every fact that the text asserts, with where it is from.
    pub claims: Vec<Claim>,
}

/// Label and address of what the reader shall do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallToAction {
    /// What stands on the button.
    pub label: String,
    /// An http(s) address.
    pub url: String,
}

/// What search engines show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seo {
    /// At most 60 characters are shown.
    pub title: String,
    /// At most 160 characters are shown.
    pub description: String,
    /// Words to be found by.
    pub keywords: Vec<String>,
}

/// A fact that a text asserts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The claim, as the brief's proof point words it.
    pub text: String,
    /// Where it is from, when the brief names it.
    #[serde(default)]
    pub source: Option<String>,
}

/// Short copy for each asked platform: one to three variants, each within the platform's limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShortCopyArtifact {
    /// Variants by platform.
    pub platforms: BTreeMap<Platform, Vec<ShortCopyVariant>>,
}

/// One way to say it on one platform. What is posted is [`ShortCopyVariant::post_text`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShortCopyVariant {
    /// The text without hashtags and link.
    pub text: String,
    /// Without `#`.
    pub hashtags: Vec<String>,
    /// The address that the post carries.
    #[serde(default)]
    pub link: Option<String>,
    /// Length of the whole post by the platform's own rule.
    pub character_count: u32,
}

impl ShortCopyVariant {
    /// The whole post as it would be sent: text, hashtags and link, each on a paragraph of its own.
    pub fn post_text(&self) -> String {
        let mut parts = vec![self.text.clone()];
        if !self.hashtags.is_empty() {
            let tags: Vec<String> = self.hashtags.iter().map(|tag| format!("#{tag}")).collect();
            parts.push(tags.join(" "));
        }
        parts.extend(self.link.clone());
        parts.join("\n\n")
    }
}

/// The concept of the campaign's picture, as data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisualConceptArtifact {
    /// The concept's name.
    pub title: String,
    /// Why it serves the objective.
    pub rationale: String,
    /// What is where in the picture.
    pub composition: String,
    /// Colours as `#rrggbb` with their role.
    pub palette: Vec<Swatch>,
    /// Faces and their use.
    pub typography: Typography,
    /// What to ask an image model for.
    pub image_prompt: String,
    /// What the picture shows, for those who do not see it.
    pub alt_text: String,
    /// The concept drawn; absent in older artifacts and where there is a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poster: Option<Poster>,
    /// Why there is no poster. The concept is whole without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poster_refusal: Option<PosterRefusal>,
}

/// A drawn poster: its pictures by hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poster {
    /// `tiles`, `horizon` or `diagonal`.
    pub layout: String,
    /// What stands on it.
    pub text: PosterText,
    /// As pixels.
    pub png: MediaRef,
    /// As SVG, its text as outlines.
    pub svg: MediaRef,
}

/// The words on a poster, as shown; empty where nothing stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PosterText {
    /// What is read first.
    pub headline: String,
    /// Under it.
    pub subhead: String,
    /// On the button.
    pub call_to_action: String,
    /// Where the button leads.
    pub address: String,
    /// Who speaks.
    pub brand: String,
    /// Disclosures, never cut.
    pub small_print: String,
}

/// Why a concept has no poster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PosterRefusal {
    /// `not_covered`, `too_long`, `too_tall`, `empty` or `not_drawn`.
    pub code: String,
    /// Which field and which characters.
    pub message: String,
}

/// A colour and what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Swatch {
    /// `#rrggbb`.
    pub hex: String,
    /// `background`, `text`, `accent` …
    pub role: String,
}

/// Faces and their use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Typography {
    /// The headline's face.
    pub headline: String,
    /// The text's face.
    pub body: String,
    /// How they are set.
    pub notes: String,
}
