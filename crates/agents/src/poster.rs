//! The poster of a visual concept: the concept's colours, faces and chance; the brief's own words.
//!
//! The concept's title and composition speak to the team, so they do not stand on the poster. What does stands
//! in the brief word for word, and in the artifact as it is shown, so that the auditor reads it too.

use model::{
    artifact::{Poster as Drawn, PosterRefusal, PosterText, VisualConceptArtifact},
    brief::CampaignBrief,
    limits::MAX_MEDIA_BYTES,
    media::{Media, MediaRef, MediaType},
};
use render::{Drawing, Field, Layout, Poster, limits};
use sha2::{Digest, Sha256};
use url::Url;

/// Longest headline that is rather taken than a shorter message, characters.
const GOOD_HEADLINE: usize = 90;
/// Words in the name of a face with serifs.
const SERIFS: [&str; 16] = [
    "serif",
    "fraunces",
    "playfair",
    "georgia",
    "garamond",
    "times",
    "lora",
    "merriweather",
    "baskerville",
    "bodoni",
    "didot",
    "caslon",
    "palatino",
    "cambria",
    "crimson",
    "antiqua",
];

/// Draws the concept and says so in it: a poster, or why there is none.
pub(crate) fn illustrate(brief: &CampaignBrief, concept: &mut VisualConceptArtifact) -> Vec<Media> {
    match drawn(&poster(brief, concept)) {
        Ok((poster, media)) => {
            concept.poster = Some(poster);
            media
        }
        Err(refusal) => {
            concept.poster_refusal = Some(refusal);
            Vec::new()
        }
    }
}

fn drawn(poster: &Poster) -> Result<(Drawn, Vec<Media>), PosterRefusal> {
    let drawing = render::draw(poster).map_err(|refusal| PosterRefusal {
        code: refusal.code().to_owned(),
        message: refusal.to_string(),
    })?;
    let png = drawing.png().map_err(not_drawn)?;
    let text = text(&drawing);
    let layout = drawing.layout.as_str().to_owned();
    let media = [
        Media {
            media_type: MediaType::Png,
            content: png,
        },
        Media {
            media_type: MediaType::Svg,
            content: drawing.svg.into_bytes(),
        },
    ];
    media.iter().try_for_each(small_enough)?;
    let [png, svg] = media
        .each_ref()
        .map(|m| MediaRef::of(m, limits::WIDTH, limits::HEIGHT));
    let poster = Drawn {
        layout,
        text,
        png,
        svg,
    };
    Ok((poster, media.into()))
}

/// A picture that could not be made, by a defect or for its size.
pub(crate) fn not_drawn(error: impl std::fmt::Display) -> PosterRefusal {
    PosterRefusal {
        code: "not_drawn".to_owned(),
        message: error.to_string(),
    }
}

/// Larger pictures are not kept.
pub(crate) fn small_enough(media: &Media) -> Result<(), PosterRefusal> {
    if media.content.len() <= MAX_MEDIA_BYTES {
        return Ok(());
    }
    Err(not_drawn(format!(
        "the {} has {} bytes, at most {MAX_MEDIA_BYTES} are kept",
        media.media_type,
        media.content.len()
    )))
}

/// What the renderer is to draw for a concept.
pub(crate) fn poster(brief: &CampaignBrief, concept: &VisualConceptArtifact) -> Poster {
    let seed = seed(concept);
    let avoided = Avoided::of(brief.must_avoid.iter().chain(&brief.brand.banned_terms));
    let headline = headline(brief, &avoided, concept, &seed);
    let subhead = if headline != brief.offer && avoided.allow(&brief.offer) {
        brief.offer.clone()
    } else {
        String::new()
    };
    let small_print: Vec<&str> = brief
        .brand
        .required_disclosures
        .iter()
        .chain(&brief.disclaimers)
        .map(String::as_str)
        .collect();
    Poster {
        headline,
        subhead,
        call_to_action: brief.call_to_action.label.clone(),
        address: address(&brief.call_to_action.url),
        brand: brief.brand.name.clone(),
        small_print: small_print.join(" "),
        palette: concept
            .palette
            .iter()
            .map(|swatch| (swatch.hex.clone(), swatch.role.clone()))
            .collect(),
        serifs: has_serifs(&concept.typography.headline),
        layout: Layout::of_seed(&seed),
        seed,
    }
}

/// The same concept always gives the same poster.
fn seed(concept: &VisualConceptArtifact) -> [u8; 32] {
    let mut hash = Sha256::new();
    for text in [&concept.title, &concept.composition, &concept.image_prompt] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}

/// Terms to avoid.
pub(crate) struct Avoided(Vec<String>);

impl Avoided {
    pub(crate) fn of<'a>(terms: impl IntoIterator<Item = &'a String>) -> Self {
        let terms = terms.into_iter().map(|term| term.trim().to_lowercase());
        Self(terms.filter(|term| !term.is_empty()).collect())
    }

    pub(crate) fn allow(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        !text.trim().is_empty() && !self.0.iter().any(|term| text.contains(term))
    }
}

/// The key message that the concept itself names; else one of good length, another with another concept;
/// else any; else the offer.
fn headline(
    brief: &CampaignBrief,
    avoided: &Avoided,
    concept: &VisualConceptArtifact,
    seed: &[u8; 32],
) -> String {
    let messages = brief.key_messages.iter().filter(|text| avoided.allow(text));
    let messages: Vec<&String> = messages.collect();
    let good: Vec<&String> = messages
        .iter()
        .copied()
        .filter(|message| message.chars().count() <= GOOD_HEADLINE)
        .collect();
    let among = if good.is_empty() { messages } else { good };
    let named = |message: &&&String| {
        let text = message.as_str();
        concept.composition.contains(text) || concept.alt_text.contains(text)
    };
    let by_chance = among
        .get(usize::from(seed[1]) % among.len().max(1))
        .copied();
    let named = among.iter().find(named).copied();
    let chosen = named
        .or(by_chance)
        .or(Some(&brief.offer).filter(|offer| avoided.allow(offer)));
    chosen.unwrap_or(&concept.title).clone()
}

/// An address as people read it: without scheme, query and the last slash.
pub(crate) fn address(url: &str) -> String {
    let Ok(url) = Url::parse(url) else {
        return String::new();
    };
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_prefix("www.").unwrap_or(host);
    format!("{host}{}", url.path().trim_end_matches('/'))
}

pub(crate) fn has_serifs(face: &str) -> bool {
    let face = face.to_lowercase();
    !face.contains("sans") && SERIFS.iter().any(|name| face.contains(name))
}

fn text(drawing: &Drawing) -> PosterText {
    let shown = |field: Field| {
        let found = drawing.texts.iter().find(|text| text.field == field);
        found.map(|text| text.text.clone()).unwrap_or_default()
    };
    PosterText {
        headline: shown(Field::Headline),
        subhead: shown(Field::Subhead),
        call_to_action: shown(Field::CallToAction),
        address: shown(Field::Address),
        brand: shown(Field::Brand),
        small_print: shown(Field::SmallPrint),
    }
}
