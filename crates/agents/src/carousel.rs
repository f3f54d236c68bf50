//! Slides: [`CarouselArtifact`].

use llm::structured::Fault;
use minijinja::context;
use model::{
    Failure,
    artifact::PosterRefusal,
    content_plan::ContentType,
    fact::{Fact, FactType, FactTypes, Facts},
    media::{Media, MediaRef, MediaType},
    publication::{
        CarouselArtifact, CarouselSlide, DrawnCarousel, MAX_ALT_CHARS, MAX_CALL_CHARS,
        MAX_SLIDE_BODY_CHARS, MAX_SLIDE_TITLE_CHARS, MAX_SLIDES, MIN_SLIDES,
    },
};
use render::{Deck, Slide, limits::SLIDE};
use serde_json::Value;

use crate::{
    addresses::Addresses,
    post,
    poster::{address, not_drawn, small_enough},
    publication::{Publication, expect},
    task::{Settled, Task, blanks, defect, parsed, written},
    text_image::{palette, seed, serifs},
};

pub(crate) struct Carousel;

impl Task<Publication> for Carousel {
    fn kind(&self) -> &'static str {
        "carousel"
    }

    fn schema(&self) -> &'static str {
        include_str!("../schemas/carousel.json")
    }

    fn max_output_tokens(&self) -> u32 {
        5_000
    }

    fn facts(&self) -> FactTypes {
        FactTypes::from([
            ("chars".to_owned(), FactType::Number),
            ("slides".to_owned(), FactType::Number),
        ])
    }

    fn schema_for(&self, schema: &Value, publication: &Publication) -> Result<Value, Failure> {
        expect(publication, ContentType::Carousel)?;
        Ok(schema.clone())
    }

    fn context(&self, publication: &Publication, _attempt: u32) -> minijinja::Value {
        context! { body => body_limit(publication) }
    }

    fn settle(&self, publication: &Publication, answer: &Value) -> Result<Settled, Vec<Fault>> {
        let mut artifact: CarouselArtifact = parsed(answer)?;
        artifact.drawn = None;
        artifact.drawn_refusal = None;
        let addresses = publication.addresses();
        let mut faults = Vec::new();

        let count = artifact.slides.len();
        if !(MIN_SLIDES..=MAX_SLIDES).contains(&count) {
            faults.push(Fault::schema(format!(
                "`slides` holds {count}; it needs {MIN_SLIDES} to {MAX_SLIDES}"
            )));
        }
        for (i, slide) in artifact.slides.iter_mut().enumerate() {
            let inner = i > 0 && i + 1 < count;
            check(publication, &addresses, slide, (i, inner), &mut faults);
        }
        artifact.call_to_action = artifact.call_to_action.trim().to_owned();
        let call = [("call_to_action", artifact.call_to_action.as_str())];
        blanks(call, &mut faults);
        addresses.check(call, &mut faults);
        post::at_most(call[0].0, call[0].1, MAX_CALL_CHARS, &mut faults);
        artifact.link = artifact.link.filter(|link| !link.trim().is_empty());
        if artifact
            .link
            .as_ref()
            .is_some_and(|link| !addresses.allow(link))
        {
            faults.push(Fault::schema("`link` is none of the item's addresses"));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Settled {
            content: written(&artifact)?,
            facts: facts(&artifact),
        })
    }

    fn drawn(&self) -> Option<&'static str> {
        Some(include_str!("../schemas/slides.json"))
    }

    fn illustrate(
        &self,
        publication: &Publication,
        settled: Settled,
    ) -> Result<(Settled, Vec<Media>), Failure> {
        let mut artifact: CarouselArtifact = serde_json::from_str(&settled.content)
            .map_err(|error| defect("a settled carousel cannot be read", error))?;
        let mut kept = Vec::new();
        match pictures(publication, &artifact) {
            Ok((drawn, media)) => {
                artifact.drawn = Some(drawn);
                kept = media;
            }
            Err(refusal) => artifact.drawn_refusal = Some(refusal),
        }
        let content = serde_json::to_string(&artifact)
            .map_err(|error| defect("a carousel cannot be written", error))?;
        Ok((Settled { content, ..settled }, kept))
    }
}

/// Trims one slide's texts and checks them; only the first and the last may go without a body.
fn check(
    publication: &Publication,
    addresses: &Addresses,
    slide: &mut CarouselSlide,
    (number, inner): (usize, bool),
    faults: &mut Vec<Fault>,
) {
    for text in [&mut slide.title, &mut slide.body, &mut slide.alt_text] {
        *text = text.trim().to_owned();
    }
    let path = |field: &str| format!("slides[{number}].{field}");
    let (title, body, alt) = (path("title"), path("body"), path("alt_text"));
    let texts = [
        (title.as_str(), slide.title.as_str()),
        (&alt, &slide.alt_text),
        (&body, &slide.body),
    ];
    blanks(texts.into_iter().take(if inner { 3 } else { 2 }), faults);
    addresses.check(texts, faults);
    post::at_most(&title, &slide.title, MAX_SLIDE_TITLE_CHARS, faults);
    post::at_most(&body, &slide.body, body_limit(publication), faults);
    post::at_most(&alt, &slide.alt_text, MAX_ALT_CHARS, faults);
}

/// Most characters of a slide's text.
fn body_limit(publication: &Publication) -> usize {
    let most = u32::try_from(MAX_SLIDE_BODY_CHARS).unwrap_or(u32::MAX);
    usize::try_from(publication.limit(most)).unwrap_or(MAX_SLIDE_BODY_CHARS)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "ten slides of a few hundred characters"
)]
fn facts(artifact: &CarouselArtifact) -> Facts {
    let texts = artifact.slides.iter().flat_map(|s| [&s.title, &s.body]);
    let chars: usize = texts.map(|text| text.chars().count()).sum();
    Facts::from([
        ("chars".to_owned(), Fact::Number(chars as f64)),
        (
            "slides".to_owned(),
            Fact::Number(artifact.slides.len() as f64),
        ),
    ])
}

/// A PNG of each slide, then the PDF of all.
fn pictures(
    publication: &Publication,
    artifact: &CarouselArtifact,
) -> Result<(DrawnCarousel, Vec<Media>), PosterRefusal> {
    let drawn =
        render::draw_slides(&deck(publication, artifact)).map_err(|refusal| PosterRefusal {
            code: refusal.code().to_owned(),
            message: refusal.to_string(),
        })?;
    let mut media = Vec::new();
    for slide in &drawn.slides {
        media.push(Media {
            media_type: MediaType::Png,
            content: slide.png().map_err(not_drawn)?,
        });
    }
    let slides = media
        .iter()
        .map(|png| MediaRef::of(png, SLIDE, SLIDE))
        .collect();
    let document = Media {
        media_type: MediaType::Pdf,
        content: drawn.pdf().map_err(not_drawn)?,
    };
    let pdf = MediaRef::of(&document, SLIDE, SLIDE);
    media.push(document);
    media.iter().try_for_each(small_enough)?;
    let cut = (1..)
        .zip(&drawn.slides)
        .filter(|(_, slide)| slide.texts.iter().any(|text| text.cut))
        .map(|(number, _)| number)
        .collect();
    Ok((DrawnCarousel { slides, pdf, cut }, media))
}

/// What the renderer is to draw.
pub(crate) fn deck(publication: &Publication, artifact: &CarouselArtifact) -> Deck {
    let brand = &publication.workspace.brand;
    let slides = artifact.slides.iter().map(|slide| Slide {
        headline: slide.title.clone(),
        body: slide.body.clone(),
    });
    Deck {
        slides: slides.collect(),
        call_to_action: artifact.call_to_action.clone(),
        address: artifact.link.as_deref().map_or_else(String::new, address),
        small_print: brand.required_disclosures.join(" "),
        brand: brand.name.clone(),
        palette: palette(publication),
        serifs: serifs(publication),
        seed: seed(&[&publication.item.id, &publication.item.title]),
    }
}
