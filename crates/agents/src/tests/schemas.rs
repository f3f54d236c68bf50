//! The schema files say what the types are.

use std::{collections::BTreeSet, fmt::Debug};

use model::{
    artifact::{
        CallToAction, Claim, CopyArtifact, Seo, ShortCopyArtifact, ShortCopyVariant, Swatch,
        Typography, VisualConceptArtifact,
    },
    content_plan::ContentType,
    platform::Platform,
    publication::{
        CarouselArtifact, CarouselSlide, Post, TextImageArtifact, TextOnlyArtifact,
        TextTemplateArtifact,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{PUBLICATIONS, TASKS};

fn text() -> String {
    "text".into()
}

fn schema(kind: &str) -> Value {
    let campaign = TASKS.map(|task| (task.kind(), task.schema()));
    let publications = PUBLICATIONS.map(|task| (task.kind(), task.schema()));
    let mut all = campaign.into_iter().chain(publications);
    let (_, text) = all.find(|(name, _)| *name == kind).unwrap();
    serde_json::from_str(text).unwrap()
}

/// Each object of the schema names just the fields of its type, and each field is required; a field
/// that is too many or too few is refused by both.
fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(kind: &str, artifact: &T) {
    let schema = schema(kind);
    let validator = jsonschema::validator_for(&schema).unwrap();
    let value = serde_json::to_value(artifact).unwrap();
    validator
        .validate(&value)
        .map_err(|e| e.to_string())
        .unwrap();
    assert_eq!(
        &serde_json::from_value::<T>(value.clone()).unwrap(),
        artifact
    );
    compare(&schema, &schema, &value);
    let mut more = value;
    more["another"] = Value::Null;
    assert!(!validator.is_valid(&more));
    assert!(serde_json::from_value::<T>(more).is_err());
}

fn compare(root: &Value, schema: &Value, value: &Value) {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    match value {
        Value::Object(fields) => {
            let Some(properties) = schema["properties"].as_object() else {
                // A map with names of the users' own.
                let each = &schema["additionalProperties"];
                assert!(each.is_object());
                fields.values().for_each(|field| compare(root, each, field));
                return;
            };
            let named: BTreeSet<_> = properties.keys().collect();
            assert_eq!(named, fields.keys().collect());
            if let Some(required) = schema["required"].as_array() {
                let required: BTreeSet<_> = required.iter().filter_map(Value::as_str).collect();
                assert_eq!(required, fields.keys().map(String::as_str).collect());
            }
            assert_eq!(schema["additionalProperties"], false);
            for (name, field) in fields {
                compare(root, &properties[name], field);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|i| compare(root, &schema["items"], i)),
        _ => {}
    }
}

#[test]
fn copy() {
    same(
        "copy",
        &CopyArtifact {
            headline_options: vec![text(), text(), text()],
            subhead: text(),
            body: text(),
            key_benefits: vec![text()],
            call_to_action: CallToAction {
                label: text(),
                url: text(),
            },
            seo: Seo {
                title: text(),
                description: text(),
                keywords: vec![text()],
            },
            claims: vec![
                Claim {
                    text: text(),
                    source: Some(text()),
                },
                Claim {
                    text: text(),
                    source: None,
                },
            ],
        },
    );
}

#[test]
fn short_copy() {
    let variant = ShortCopyVariant {
        text: text(),
        hashtags: vec![text()],
        link: None,
        character_count: u32::MAX,
    };
    same(
        "short_copy",
        &ShortCopyArtifact {
            platforms: Platform::ALL.map(|p| (p, vec![variant.clone()])).into(),
        },
    );
}

#[test]
fn visual_concept() {
    let swatch = Swatch {
        hex: "#00ffAA".into(),
        role: text(),
    };
    same(
        "visual_concept",
        &VisualConceptArtifact {
            title: text(),
            rationale: text(),
            composition: text(),
            palette: vec![swatch.clone(), swatch],
            typography: Typography {
                headline: text(),
                body: text(),
                notes: text(),
            },
            image_prompt: text(),
            alt_text: text(),
            poster: None,
            poster_refusal: None,
        },
    );
}

fn post() -> Post {
    Post {
        platform: Platform::Mastodon,
        text: text(),
        hashtags: vec![text()],
        call_to_action: text(),
        link: None,
        character_count: u32::MAX,
    }
}

#[test]
fn publications() {
    same("text_only", &TextOnlyArtifact { post: post() });
    same(
        "text_image",
        &TextImageArtifact {
            post: post(),
            image_prompt: text(),
            alt_text: text(),
            image: None,
            image_refusal: None,
        },
    );
    same(
        "text_template",
        &TextTemplateArtifact {
            template_id: text(),
            values: [(text(), text())].into(),
            alt_text: text(),
            image: None,
            image_refusal: None,
        },
    );
    let slide = CarouselSlide {
        title: text(),
        body: text(),
        alt_text: text(),
    };
    same(
        "carousel",
        &CarouselArtifact {
            slides: vec![slide.clone(), slide.clone(), slide],
            call_to_action: text(),
            link: Some(text()),
            drawn: None,
            drawn_refusal: None,
        },
    );
}

#[test]
fn a_publishing_agent_is_named_as_its_content_type() {
    let kinds = ContentType::ALL.map(ContentType::as_str);
    assert_eq!(PUBLICATIONS.map(|t| t.kind()), kinds);
}

/// A plan is checked without the renderer, and drawn by it.
#[test]
fn layouts_and_canvases_of_plans_are_the_renderer_s() {
    use model::{content_plan, publication};
    use render::{TemplateLayout, limits};
    let layouts = TemplateLayout::ALL.map(TemplateLayout::as_str);
    assert_eq!(layouts, content_plan::TEMPLATE_LAYOUTS);
    let sides = (limits::MIN_CANVAS, limits::MAX_CANVAS);
    assert_eq!(sides, (content_plan::MIN_CANVAS, content_plan::MAX_CANVAS));
    assert_eq!(limits::MAX_SLOTS, content_plan::MAX_SLOTS);
    assert_eq!(limits::MAX_SLIDES, publication::MAX_SLIDES);
}

#[test]
fn an_agent_kind_is_named_as_its_deliverable() {
    assert_eq!(TASKS.map(|t| t.kind()), model::brief::DELIVERABLES);
}
