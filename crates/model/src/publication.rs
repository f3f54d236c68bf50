//! The artifacts of the workflow `publications`. Their JSON form is the stored content, and its SHA-256 the
//! version's hash. What is drawn is named by hash, as a poster is; a refusal stands in its place where it
//! cannot be drawn.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{artifact::PosterRefusal, media::MediaRef, platform::Platform};

/// A post as it is sent: [`Post::whole`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Post {
    /// Where it goes.
    pub platform: Platform,
    /// The text without call to action, hashtags and link.
    pub text: String,
    /// Without `#`.
    pub hashtags: Vec<String>,
    /// What the reader shall do, in a few words.
    pub call_to_action: String,
    /// The address that the post carries.
    #[serde(default)]
    pub link: Option<String>,
    /// Length of the whole post by the platform's own rule.
    pub character_count: u32,
}

impl Post {
    /// Text, call to action, hashtags and link, each on a paragraph of its own.
    pub fn whole(&self) -> String {
        let tags: Vec<String> = self.hashtags.iter().map(|tag| format!("#{tag}")).collect();
        let parts = [
            self.text.clone(),
            self.call_to_action.clone(),
            tags.join(" "),
            self.link.clone().unwrap_or_default(),
        ];
        let parts: Vec<String> = parts.into_iter().filter(|p| !p.is_empty()).collect();
        parts.join("\n\n")
    }
}

/// What `text_only` makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextOnlyArtifact {
    /// The post.
    pub post: Post,
}

/// What `text_image` makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextImageArtifact {
    /// The post.
    pub post: Post,
    /// What to ask an image model for.
    pub image_prompt: String,
    /// What the picture shows, for those who do not see it.
    pub alt_text: String,
    /// The picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_refusal: Option<PosterRefusal>,
}

/// A picture and where it is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Who made it.
    pub source: ImageSource,
    /// As pixels.
    pub png: MediaRef,
}

/// Who makes pictures. An image model would be another of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageSource {
    /// The built-in renderer: type and shapes, not what the image prompt asks for.
    Renderer,
}

/// What `text_template` makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextTemplateArtifact {
    /// The template that is filled.
    pub template_id: String,
    /// Text by slot; an optional slot that stays empty is left out.
    pub values: BTreeMap<String, String>,
    /// What the picture shows, for those who do not see it.
    pub alt_text: String,
    /// The template with its texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_refusal: Option<PosterRefusal>,
}

/// Longest alternative text, characters.
pub const MAX_ALT_CHARS: usize = 480;
/// Longest call to action, characters.
pub const MAX_CALL_CHARS: usize = 60;
/// Longest title of a slide, characters.
pub const MAX_SLIDE_TITLE_CHARS: usize = 90;
/// Longest text of a slide, characters.
pub const MAX_SLIDE_BODY_CHARS: usize = 300;
/// Least slides of a carousel.
pub const MIN_SLIDES: usize = 3;
/// Most slides of a carousel.
pub const MAX_SLIDES: usize = 10;

/// What `carousel` makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CarouselArtifact {
    /// [`MIN_SLIDES`] to [`MAX_SLIDES`]: the first is the cover, the last closes with the call to action.
    pub slides: Vec<CarouselSlide>,
    /// What stands on the button of the last slide.
    pub call_to_action: String,
    /// The address under it.
    #[serde(default)]
    pub link: Option<String>,
    /// The slides as pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawn: Option<DrawnCarousel>,
    /// Why there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawn_refusal: Option<PosterRefusal>,
}

/// One slide's texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CarouselSlide {
    /// What is read first.
    pub title: String,
    /// Under it.
    pub body: String,
    /// What the slide shows, for those who do not see it.
    pub alt_text: String,
}

/// A carousel's pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawnCarousel {
    /// One PNG for each slide.
    pub slides: Vec<MediaRef>,
    /// All slides, one on each page.
    pub pdf: MediaRef,
    /// Numbers of the slides, from 1, on which a text is shown cut; the whole stands in the artifact.
    pub cut: Vec<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_is_its_parts_in_paragraphs() {
        let mut post = Post {
            platform: Platform::X,
            text: "One list.".into(),
            hashtags: vec!["Harbor".into(), "Lists".into()],
            call_to_action: "Have a look".into(),
            link: Some("https://harbor.example/".into()),
            character_count: 0,
        };
        assert_eq!(
            post.whole(),
            "One list.\n\nHave a look\n\n#Harbor #Lists\n\nhttps://harbor.example/"
        );
        post.hashtags.clear();
        post.link = None;
        assert_eq!(post.whole(), "One list.\n\nHave a look");
    }
}
