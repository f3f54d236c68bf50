//! The visual concept. Its texts for the team are in the brief's language where there are phrases for
//! it, the prompt for an image model is English.

use model::{
    artifact::{Swatch, Typography, VisualConceptArtifact},
    brief::CampaignBrief,
};

use super::{
    palette,
    phrases::Concept,
    text::{one_line, phrase, shorten},
    writer::{About, Writer},
};

const MAX_HEADLINE: usize = 60;
const MAX_OBJECTIVE: usize = 240;
const MAX_SENTENCE: usize = 400;
const MAX_ALT: usize = 240;
const MAX_SUBJECT: usize = 120;
/// Faces for a brand that names none; each is open and widely had.
const FACES: [(&str, &str); 4] = [
    ("Inter", "Inter"),
    ("Source Serif 4", "Source Sans 3"),
    ("Space Grotesk", "Inter"),
    ("Playfair Display", "Source Sans 3"),
];

pub(super) fn write(w: &mut Writer, brief: &CampaignBrief) -> VisualConceptArtifact {
    let palette = palette::palette(&brief.brand.palette, &mut w.picks);
    let headline = shorten(
        w.messages.first().or(w.offer.as_ref()).unwrap_or(&w.label),
        MAX_HEADLINE,
    );
    let about = About {
        headline: w.allows(&headline).then_some(headline.as_str()),
        ..About::default()
    };
    let Some(concept) = concept(w) else {
        return bare(w, brief, palette);
    };
    let picture = &w.phrases.picture;

    let objective = shorten(&phrase(&brief.objective), MAX_OBJECTIVE);
    let objective = w.say(
        &[picture.objective],
        About {
            objective: w.allows(&objective).then_some(objective.as_str()),
            ..about
        },
        MAX_SENTENCE,
    );
    let reading = w.say(&[picture.headline], about, MAX_SENTENCE);
    let alt_text = w
        .say(
            picture.alts,
            About {
                alt: Some(concept.alt),
                ..about
            },
            MAX_ALT,
        )
        .unwrap_or_else(|| w.last_resort(MAX_ALT));
    let title = match &w.brand {
        Some(brand) => format!("{} – {brand}", concept.title),
        None => concept.title.to_owned(),
    };
    VisualConceptArtifact {
        title,
        rationale: joined(concept.rationale, objective),
        composition: joined(concept.composition, reading),
        typography: typography(w, brief),
        image_prompt: image_prompt(w, brief, &concept, &palette),
        palette,
        alt_text,
        poster: None,
        poster_refusal: None,
    }
}

fn joined(first: &str, second: Option<String>) -> String {
    match second {
        Some(second) => format!("{first} {second}"),
        None => first.to_owned(),
    }
}

/// One of the concepts that needs no term to avoid; rather one not proposed before.
pub(super) fn concept(w: &mut Writer) -> Option<Concept> {
    let titles: Vec<&'static str> = w
        .phrases
        .picture
        .concepts
        .iter()
        .filter(|c| {
            [c.title, c.rationale, c.composition, c.alt, c.image]
                .iter()
                .all(|text| w.allows(text))
        })
        .map(|c| c.title)
        .collect();
    let chosen = w.say(&titles, About::default(), usize::MAX)?;
    let concepts = w.phrases.picture.concepts.iter();
    concepts.copied().find(|c| c.title == chosen)
}

/// For a brief whose terms to avoid leave none of our concepts: its own words alone.
fn bare(w: &mut Writer, brief: &CampaignBrief, palette: Vec<Swatch>) -> VisualConceptArtifact {
    let text = w.last_resort(MAX_SENTENCE);
    VisualConceptArtifact {
        title: text.clone(),
        rationale: text.clone(),
        composition: text.clone(),
        typography: typography(w, brief),
        palette,
        image_prompt: text.clone(),
        alt_text: text,
        poster: None,
        poster_refusal: None,
    }
}

fn typography(w: &mut Writer, brief: &CampaignBrief) -> Typography {
    let own: Vec<String> = brief
        .brand
        .fonts
        .iter()
        .map(|f| shorten(&one_line(f), MAX_HEADLINE))
        .filter(|f| !f.is_empty() && w.allows(f))
        .collect();
    let (headline, body) = FACES[w.picks.below(FACES.len())];
    let headline = own.first().cloned().unwrap_or_else(|| headline.to_owned());
    let body = own
        .get(1)
        .or(own.first())
        .cloned()
        .unwrap_or_else(|| body.to_owned());
    let notes = w
        .say(w.phrases.picture.type_notes, About::default(), MAX_SENTENCE)
        .unwrap_or_else(|| format!("{headline} / {body}"));
    Typography {
        headline,
        body,
        notes,
    }
}

pub(super) fn image_prompt(
    w: &Writer,
    brief: &CampaignBrief,
    concept: &Concept,
    palette: &[Swatch],
) -> String {
    let colours: Vec<&str> = palette.iter().take(3).map(|s| s.hex.as_str()).collect();
    let mood: Vec<String> = brief
        .brand
        .voice
        .adjectives
        .iter()
        .take(3)
        .map(|a| shorten(&one_line(a), 30))
        .collect();
    let subject = w.offer.as_deref().or(w.brand.as_deref());
    let parts = [
        Some(format!("Portrait 4:5, {}", concept.image)),
        subject.map(|s| format!("subject: {}", shorten(s, MAX_SUBJECT))),
        Some(format!("colours {}", colours.join(", "))),
        (!mood.is_empty()).then(|| format!("mood: {}", mood.join(", "))),
        Some("plain ground where the headline will stand".to_owned()),
        Some("no lettering, no logos, no watermark".to_owned()),
    ];
    let kept: Vec<String> = parts
        .into_iter()
        .flatten()
        .filter(|p| w.allows(p))
        .collect();
    if kept.is_empty() {
        return w.last_resort(MAX_SENTENCE);
    }
    kept.join("; ") + "."
}
