//! The poster of a visual concept.

use std::sync::Arc;

use llm::{Offline, Provider, Request, offline::Work};
use model::{
    ContentHash,
    artifact::{PosterRefusal, Swatch, Typography, VisualConceptArtifact},
    job::Product,
    media::MediaType,
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use render::{Field, Layout, Rect, limits};
use serde_json::{Value, json};

use super::*;
use crate::{TASKS, poster};

fn concept() -> VisualConceptArtifact {
    let swatch = |hex: &str, role: &str| Swatch {
        hex: hex.into(),
        role: role.into(),
    };
    VisualConceptArtifact {
        title: "The path".into(),
        rationale: "It leads.".into(),
        composition: "A line.".into(),
        palette: vec![
            swatch("#ffffff", "background"),
            swatch("#102030", "text"),
            swatch("#e4572e", "accent"),
        ],
        typography: Typography {
            headline: "Inter".into(),
            body: "Inter".into(),
            notes: "Large.".into(),
        },
        image_prompt: "a path".into(),
        alt_text: "A path".into(),
        poster: None,
        poster_refusal: None,
    }
}

async fn made(brief: &CampaignBrief) -> (Product, VisualConceptArtifact) {
    let agent = agent("visual_concept", Arc::new(Offline));
    let product = agent
        .perform(&assignment("visual_concept", brief))
        .await
        .unwrap();
    let value: Value = serde_json::from_str(&product.content).unwrap();
    assert!(jsonschema::is_valid(&agent.card().output_schema, &value));
    let concept = serde_json::from_value(value).unwrap();
    (product, concept)
}

#[tokio::test]
async fn a_concept_names_its_pictures_by_hash() {
    let mut brief = brief();
    brief.disclaimers = vec!["Terms apply.".into()];
    let (product, concept) = made(&brief).await;
    assert_eq!(concept.poster_refusal, None);
    let poster = concept.poster.unwrap();
    for (named, media) in [&poster.png, &poster.svg].into_iter().zip(&product.media) {
        assert_eq!(named.hash, ContentHash::of(&media.content));
        assert_eq!(named.bytes, media.content.len() as u64);
        assert!(media.media_type.begins(&media.content));
    }
    assert_eq!(
        (poster.png.media_type, poster.svg.media_type),
        (MediaType::Png, MediaType::Svg)
    );
    assert_eq!((poster.png.width, poster.png.height), (1080, 1350));
    assert!(brief.key_messages.contains(&poster.text.headline));
    assert_eq!(poster.text.subhead, brief.offer);
    assert_eq!(poster.text.address, "harbor.example/trial");
    assert_eq!(poster.text.small_print, "Terms apply.");
}

#[tokio::test]
async fn a_concept_whose_words_no_font_has_is_kept_and_says_why() {
    let mut brief = brief();
    brief.brand.name = "東京".into();
    let (product, concept) = made(&brief).await;
    assert!(product.media.is_empty() && concept.poster.is_none());
    let PosterRefusal { code, message } = concept.poster_refusal.unwrap();
    assert_eq!(code, "not_covered");
    assert!(message.contains("brand: U+6771, U+4EAC"), "{message}");
    assert!(!concept.title.is_empty() && !concept.palette.is_empty());
}

#[test]
fn what_was_drawn_is_not_a_models_to_say() {
    let task = TASKS
        .into_iter()
        .find(|task| task.kind() == "visual_concept")
        .unwrap();
    let written: Value = serde_json::from_str(task.schema()).unwrap();
    let mut answer = json!(concept());
    answer["poster_refusal"] = json!({ "code": "empty", "message": "m" });
    assert!(!jsonschema::is_valid(&written, &answer));
    let settled = task.settle(&brief(), &answer).ok().unwrap();
    assert!(!settled.content.contains("poster"), "{}", settled.content);
}

#[test]
fn a_term_to_avoid_does_not_stand_on_the_poster() {
    let mut brief = brief();
    brief.must_avoid = vec!["One LIST".into(), "any month".into()];
    let poster = poster::poster(&brief, &concept());
    assert_eq!(poster.headline, brief.offer);
    assert_eq!(poster.subhead, "");
    brief.brand.banned_terms = vec!["half".into()];
    let poster = poster::poster(&brief, &concept());
    assert_eq!(
        (poster.headline.as_str(), poster.subhead.as_str()),
        ("The path", "")
    );
}

#[test]
fn another_concept_gives_another_poster_and_the_same_one_the_same() {
    let (brief, one) = (brief(), concept());
    assert_eq!(poster::poster(&brief, &one), poster::poster(&brief, &one));
    let other = VisualConceptArtifact {
        title: "Two halves".into(),
        ..concept()
    };
    assert_ne!(
        poster::poster(&brief, &one).seed,
        poster::poster(&brief, &other).seed
    );
}

#[test]
fn the_message_that_the_concept_names_is_the_headline() {
    let brief = brief();
    for message in &brief.key_messages {
        let mut concept = concept();
        concept.alt_text = format!("A path. It says: {message}.");
        assert_eq!(&poster::poster(&brief, &concept).headline, message);
    }
}

#[test]
fn a_face_with_serifs_is_known_by_its_name() {
    for (face, serifs) in [
        ("Playfair Display", true),
        ("Source Serif 4", true),
        ("Georgia, serif", true),
        ("Inter", false),
        ("Helvetica, sans-serif", false),
    ] {
        let mut concept = concept();
        concept.typography.headline = face.into();
        assert_eq!(poster::poster(&brief(), &concept).serifs, serifs, "{face}");
    }
}

/// Words of some length out of an alphabet that the fonts have.
fn words(dice: &mut ChaCha8Rng, alphabet: &[char], most: usize) -> String {
    let count = 1 + dice.next_u32() as usize % most;
    let word = |dice: &mut ChaCha8Rng| -> String {
        let length = 1 + dice.next_u32() as usize % 12;
        (0..length)
            .map(|_| alphabet[dice.next_u32() as usize % alphabet.len()])
            .collect()
    };
    let words: Vec<String> = (0..count).map(|_| word(dice)).collect();
    words.join(" ")
}

fn any_brief(dice: &mut ChaCha8Rng) -> CampaignBrief {
    let alphabets: [Vec<char>; 4] = [
        ('a'..='z')
            .chain("ABCÄÖÜäöüßéñ0123456789%&<>\"'".chars())
            .collect(),
        ('а'..='я').collect(),
        ('ا'..='غ').collect(),
        ('א'..='ת').collect(),
    ];
    let alphabet = &alphabets[dice.next_u32() as usize % alphabets.len()];
    let mut brief = brief();
    brief.offer = words(dice, alphabet, 30);
    brief.brand.name = words(dice, alphabet, 4);
    brief.call_to_action.label = words(dice, alphabet, 5);
    let messages = 1 + dice.next_u32() % 4;
    brief.key_messages = (0..messages).map(|_| words(dice, alphabet, 20)).collect();
    let disclaimers = dice.next_u32() % 3;
    brief.disclaimers = (0..disclaimers)
        .map(|_| words(dice, alphabet, 15))
        .collect();
    let colours = dice.next_u32() % 5;
    brief.brand.palette = (0..colours)
        .map(|_| format!("#{:06x}", dice.next_u32() % 0x0100_0000))
        .collect();
    brief.language = ["en", "de", "ru", "ar"][dice.next_u32() as usize % 4].into();
    brief
}

/// From the brief through the built-in writer to the boxes on the sheet; the PNG of a few is drawn in the other tests.
#[tokio::test]
async fn a_thousand_briefs_become_posters_that_can_be_read() {
    const CANVAS: Rect = Rect::new(0.0, 0.0, limits::WIDTH as f32, limits::HEIGHT as f32);
    let mut dice = ChaCha8Rng::seed_from_u64(1);
    let mut layouts = [0; 3];
    for number in 0..1_000 {
        let brief = any_brief(&mut dice);
        assert_eq!(brief.problems(), []);
        let work = Work {
            brief: brief.clone(),
            seed: format!("job {number}"),
            revision: 1,
            note: None,
            said: Vec::new(),
        };
        let request = Request {
            task: "visual_concept".into(),
            input: json!(work),
            system: String::new(),
            prompt: String::new(),
            schema: Value::Null,
            schema_name: "visual_concept".into(),
            max_output_tokens: 2_000,
            temperature: None,
            repair: None,
        };
        let answer = Offline.complete(&request).await.unwrap();
        let concept: VisualConceptArtifact = serde_json::from_str(&answer.text).unwrap();
        let drawing = render::draw(&poster::poster(&brief, &concept)).unwrap();
        layouts[Layout::ALL
            .iter()
            .position(|l| *l == drawing.layout)
            .unwrap()] += 1;
        for (i, text) in drawing.texts.iter().enumerate() {
            assert!(CANVAS.holds(text.rect, 0.0), "{number}: {text:?}");
            let contrast = text.colour.contrast(text.ground);
            assert!(contrast >= limits::MIN_TEXT_CONTRAST, "{number}: {text:?}");
            let others = &drawing.texts[..i];
            assert!(
                others.iter().all(|o| !o.rect.overlaps(text.rect)),
                "{number}: {text:?}"
            );
        }
        let shown = |field: Field| drawing.texts.iter().any(|text| text.field == field);
        assert!(shown(Field::Headline) && shown(Field::CallToAction) && shown(Field::Brand));
    }
    assert!(layouts.iter().all(|count| *count > 150), "{layouts:?}");
}
