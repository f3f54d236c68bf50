//! A post with a picture: [`TextImageArtifact`].
//!
//! No image model is connected yet, so the picture is a poster of the built-in renderer: the item's own words,
//! the brand's colours. An image model would be asked in [`picture`], by `image_prompt`, and named as the
//! [`ImageSource`].

use llm::structured::Fault;
use model::{
    Failure,
    artifact::PosterRefusal,
    content_plan::ContentType,
    fact::{Fact, FactType, FactTypes, Facts},
    media::{Media, MediaRef, MediaType},
    publication::{Image, ImageSource, MAX_ALT_CHARS, TextImageArtifact},
};
use render::{Layout, Poster, limits};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    post,
    poster::{Avoided, address, has_serifs, not_drawn, small_enough},
    publication::{Publication, expect},
    task::{Settled, Task, blanks, defect, parsed, written},
};

/// Longest topic that stands under the headline, characters.
const MAX_SUBHEAD: usize = 200;

pub(crate) struct TextImage;

impl Task<Publication> for TextImage {
    fn kind(&self) -> &'static str {
        "text_image"
    }

    fn schema(&self) -> &'static str {
        include_str!("../schemas/text_image.json")
    }

    fn max_output_tokens(&self) -> u32 {
        2_500
    }

    fn facts(&self) -> FactTypes {
        FactTypes::from([("chars".to_owned(), FactType::Number)])
    }

    fn schema_for(&self, schema: &Value, publication: &Publication) -> Result<Value, Failure> {
        expect(publication, ContentType::TextImage)?;
        Ok(schema.clone())
    }

    fn context(&self, publication: &Publication, attempt: u32) -> minijinja::Value {
        post::context(publication, attempt)
    }

    fn settle(&self, publication: &Publication, answer: &Value) -> Result<Settled, Vec<Fault>> {
        let mut artifact: TextImageArtifact = parsed(answer)?;
        // What was drawn is ours to say.
        artifact.image = None;
        artifact.image_refusal = None;
        let mut faults = Vec::new();
        post::settle(publication, &mut artifact.post, &mut faults);
        let texts = [
            ("image_prompt", artifact.image_prompt.as_str()),
            ("alt_text", &artifact.alt_text),
        ];
        blanks(texts, &mut faults);
        publication.addresses().check(texts, &mut faults);
        post::at_most("alt_text", &artifact.alt_text, MAX_ALT_CHARS, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let chars = f64::from(artifact.post.character_count);
        Ok(Settled {
            content: written(&artifact)?,
            facts: Facts::from([("chars".to_owned(), Fact::Number(chars))]),
        })
    }

    fn drawn(&self) -> Option<&'static str> {
        Some(include_str!("../schemas/image.json"))
    }

    fn illustrate(
        &self,
        publication: &Publication,
        settled: Settled,
    ) -> Result<(Settled, Vec<Media>), Failure> {
        let mut artifact: TextImageArtifact = serde_json::from_str(&settled.content)
            .map_err(|error| defect("a settled post cannot be read", error))?;
        let mut kept = Vec::new();
        match picture(publication, &artifact) {
            Ok((image, media)) => {
                artifact.image = Some(image);
                kept.push(media);
            }
            Err(refusal) => artifact.image_refusal = Some(refusal),
        }
        let content = serde_json::to_string(&artifact)
            .map_err(|error| defect("a post cannot be written", error))?;
        Ok((Settled { content, ..settled }, kept))
    }
}

/// The picture of a post. The renderer does not read `image_prompt`: it cannot paint.
fn picture(
    publication: &Publication,
    artifact: &TextImageArtifact,
) -> Result<(Image, Media), PosterRefusal> {
    let drawing =
        render::draw(&poster(publication, artifact)).map_err(|refusal| PosterRefusal {
            code: refusal.code().to_owned(),
            message: refusal.to_string(),
        })?;
    image(
        drawing.png().map_err(not_drawn)?,
        (limits::WIDTH, limits::HEIGHT),
    )
}

/// A PNG of the renderer as the artifact names it.
pub(crate) fn image(
    png: Vec<u8>,
    (width, height): (u32, u32),
) -> Result<(Image, Media), PosterRefusal> {
    let media = Media {
        media_type: MediaType::Png,
        content: png,
    };
    small_enough(&media)?;
    let image = Image {
        source: ImageSource::Renderer,
        png: MediaRef::of(&media, width, height),
    };
    Ok((image, media))
}

/// What the renderer is to draw.
pub(crate) fn poster(publication: &Publication, artifact: &TextImageArtifact) -> Poster {
    let item = &publication.item;
    let brand = &publication.workspace.brand;
    let avoided = Avoided::of(&brand.banned_terms);
    let headline = [&item.title, &item.topic, &brand.name]
        .into_iter()
        .find(|text| avoided.allow(text));
    let headline = headline.unwrap_or(&brand.name);
    let short = item.topic.chars().count() <= MAX_SUBHEAD;
    let subhead = if short && headline != &item.topic && avoided.allow(&item.topic) {
        item.topic.as_str()
    } else {
        ""
    };
    let seed = seed(&[&item.id, headline, &artifact.image_prompt]);
    Poster {
        headline: headline.clone(),
        subhead: subhead.to_owned(),
        call_to_action: artifact.post.call_to_action.clone(),
        address: artifact
            .post
            .link
            .as_deref()
            .map_or_else(String::new, address),
        brand: brand.name.clone(),
        small_print: brand.required_disclosures.join(" "),
        palette: palette(publication),
        serifs: serifs(publication),
        layout: Layout::of_seed(&seed),
        seed,
    }
}

/// The brand's colours with their roles; an item of a brand without any has colours of its own.
pub(crate) fn palette(publication: &Publication) -> Vec<(String, String)> {
    let brand = &publication.workspace.brand;
    let swatches = llm::offline::swatches(&brand.palette, &publication.item.id);
    let pairs = swatches.into_iter();
    pairs.map(|swatch| (swatch.hex, swatch.role)).collect()
}

/// Whether the brand's headlines have serifs.
pub(crate) fn serifs(publication: &Publication) -> bool {
    let fonts = &publication.workspace.brand.fonts;
    fonts.first().is_some_and(|face| has_serifs(face))
}

/// The same texts always give the same shapes.
pub(crate) fn seed(texts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}
