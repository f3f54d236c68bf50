//! Items of content plans over the built-in writer.

use llm::{Provider, Request};
use model::{
    ErrorClass,
    fact::FactTypes,
    job::{Product, Recovery},
    media::MediaType,
    platform::Platform,
    publication::{
        CarouselArtifact, Post, TextImageArtifact, TextOnlyArtifact, TextTemplateArtifact,
    },
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use render::Rect;
use serde_json::Value;

use super::{
    over_offline::{any_text, block_on, offline},
    *,
};
use crate::{
    MAX_OUTPUT_BYTES, PUBLICATIONS, carousel,
    material::{Material, Subject},
    publication::Publication,
    task::{Settled, Task},
    text_image, text_template,
};

const KINDS: [&str; 4] = ["text_only", "text_image", "text_template", "carousel"];

fn made(assignment: &Assignment) -> Product {
    block_on(offline(assignment.step.as_str()).perform(assignment)).unwrap()
}

fn read<T: serde::de::DeserializeOwned>(product: &Product) -> T {
    serde_json::from_str(&product.content).unwrap()
}

#[test]
fn each_product_fits_its_schema_and_carries_its_facts_and_pictures() {
    for (index, kind) in KINDS.into_iter().enumerate() {
        let agent = offline(kind);
        let assignment = item_assignment(&plan(), index);
        let product = made(&assignment);
        assert_eq!(product, made(&assignment), "{kind}");
        let content: Value = read(&product);
        assert!(
            jsonschema::is_valid(&agent.card().output_schema, &content),
            "{content}"
        );
        let facts = product.facts.iter().map(|(n, f)| (n.clone(), f.kind()));
        assert_eq!(facts.collect::<FactTypes>(), agent.card().facts);
        assert_eq!(product.provenance.model, "offline");
        assert_eq!(product.provenance.agent, kind);
        assert!(!product.content.contains("Canary"), "{}", product.content);
        for media in &product.media {
            assert!(media.media_type.begins(&media.content));
            let hash = ContentHash::of(&media.content);
            assert!(product.content.contains(hash.as_str()), "{kind}");
        }
    }
}

#[test]
fn a_post_has_a_picture_and_a_template_its_canvas() {
    let product = made(&item_assignment(&plan(), 1));
    let image: TextImageArtifact = read(&product);
    assert_eq!(image.image_refusal, None);
    assert_eq!(product.media.len(), 1);
    assert!(image.post.link.is_some());

    let product = made(&item_assignment(&plan(), 2));
    let card: TextTemplateArtifact = read(&product);
    let png = card.image.unwrap().png;
    assert_eq!((png.width, png.height), (1200, 628));
    assert_eq!(card.template_id, "card");
}

#[test]
fn a_carousel_is_a_picture_of_each_slide_and_one_pdf() {
    let product = made(&item_assignment(&plan(), 3));
    let carousel: CarouselArtifact = read(&product);
    let drawn = carousel.drawn.unwrap();
    assert_eq!(drawn.slides.len(), carousel.slides.len());
    assert_eq!(drawn.cut, Vec::<u32>::new());
    let kinds: Vec<_> = product.media.iter().map(|m| m.media_type).collect();
    assert_eq!(kinds.last(), Some(&MediaType::Pdf));
    assert!(
        kinds[..kinds.len() - 1]
            .iter()
            .all(|k| *k == MediaType::Png)
    );
    assert!(
        carousel
            .slides
            .iter()
            .all(|slide| !slide.alt_text.is_empty())
    );
}

/// What no font has is said, and the texts stand.
#[test]
fn what_cannot_be_drawn_is_a_field_of_the_artifact() {
    for (index, kind) in KINDS.into_iter().enumerate().skip(1) {
        let mut plan = plan();
        plan.items[index].title = "Good morning 東京".into();
        let product = made(&item_assignment(&plan, index));
        assert!(product.media.is_empty());
        let content: Value = read(&product);
        let refusal = [&content["image_refusal"], &content["drawn_refusal"]]
            .into_iter()
            .find(|refusal| refusal.is_object())
            .unwrap();
        assert_eq!(refusal["code"], "not_covered");
        assert!(jsonschema::is_valid(
            &offline(kind).card().output_schema,
            &content
        ));
    }
}

#[test]
fn input_that_cannot_be_worked_with_is_refused() {
    let mut none = item_assignment(&plan(), 0);
    none.input.item = None;
    let mut no_plan = item_assignment(&plan(), 0);
    no_plan.input.input = raw(r#"{"campaign_id": 1}"#);
    let mut no_item = item_assignment(&plan(), 0);
    no_item.input.item.as_mut().unwrap().value = raw("[]");
    let mut unknown = plan();
    unknown.items[1].resource_ids = vec!["canary".into()];
    let unknown = item_assignment(&unknown, 1);
    let mut another = item_assignment(&plan(), 3);
    another.step = StepName::new("text_only").unwrap();
    for assignment in [&none, &no_plan, &no_item, &unknown, &another] {
        let agent = offline(assignment.step.as_str());
        let failure = block_on(agent.perform(assignment)).unwrap_err();
        assert_eq!(failure.class, ErrorClass::InvalidInput);
        assert!(!failure.message.contains("canary"), "{}", failure.message);
    }
    let failure = block_on(offline("text_image").perform(&unknown)).unwrap_err();
    assert!(
        failure.message.contains("items[1].resource_ids[0]"),
        "{}",
        failure.message
    );
}

fn recovering(index: usize, strategy: &str) -> Assignment {
    let mut assignment = item_assignment(&plan(), index);
    assignment.attempt = 2;
    assignment.input.recovery = Some(Recovery {
        strategy: strategy.to_owned(),
        ..Recovery::default()
    });
    assignment
}

#[test]
fn simplified_work_needs_no_resources_and_says_less() {
    let carousel: CarouselArtifact = read(&made(&recovering(3, Recovery::SIMPLIFIED)));
    assert_eq!(carousel.slides.len(), 3);
    assert_eq!(carousel.link, None);
    let post: TextOnlyArtifact = read(&made(&recovering(0, Recovery::SIMPLIFIED)));
    assert!(
        !post.post.text.contains("sorted by reason"),
        "{}",
        post.post.text
    );
}

#[test]
fn a_post_that_was_too_long_is_rewritten_to_its_limit() {
    let first: TextOnlyArtifact = read(&made(&item_assignment(&plan(), 0)));
    let mut again = recovering(0, Recovery::OPTIMIZATION);
    again.input.previous = Some(earlier(&serde_json::to_string(&first).unwrap()));
    let limit = first.post.character_count - 40;
    again.input.recovery.as_mut().unwrap().limit_chars = Some(limit);
    let second: TextOnlyArtifact = read(&made(&again));
    assert!(second.post.character_count <= limit);
    let sentence = |post: &Post| post.text.split(['.', '\n']).next().unwrap().to_owned();
    assert_eq!(sentence(&second.post), sentence(&first.post));
}

fn any_key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9]{1,12}", "[A-Zäß é-]{1,20}x"]
}

prop_compose! {
    fn any_plan()(
        texts in vec(any_text(), 4..=4),
        wishes in vec(option::of(any_text()), 2..=2),
        key in any_key(),
        bodies in vec(any_text(), 0..4),
        url: bool,
        disclosures in vec(any_text(), 0..2),
        banned in vec(select(vec!["the", "save time", "for", "https"]), 0..2),
        palette in vec("#[0-9a-f]{6}", 0..5),
        slots in vec((1_u32..400, any::<bool>()), 1..=8),
        (width, height) in (400_u32..=2160, 400_u32..=2160),
        layout in select(model::content_plan::TEMPLATE_LAYOUTS.to_vec()),
        kind in select(KINDS.to_vec()),
        platform in select(Platform::ALL.to_vec()),
        language in select(vec!["en", "de", "ja"]),
    ) -> ContentPlan {
        let mut plan = plan();
        let [title, topic, audience, brand] = texts.try_into().unwrap();
        let one_line = |text: &str| text.replace('\n', " ");
        plan.workspace.audience = audience;
        plan.workspace.language = language.to_owned();
        plan.workspace.brand.name = brand;
        plan.workspace.brand.palette = palette;
        plan.workspace.brand.banned_terms = banned.into_iter().map(str::to_owned).collect();
        plan.workspace.brand.required_disclosures = disclosures;
        plan.resources.truncate(1);
        plan.resources[0].kind = "url".into();
        plan.resources[0].body = Some("https://harbor.example/trial".into());
        plan.resources.extend(bodies.into_iter().enumerate().map(|(i, body)| PlanResource {
            id: format!("r{i}"),
            name: "notes".into(),
            kind: "document".into(),
            body: Some(body),
            blob: None,
        }));
        let template = &mut plan.templates[0];
        template.canvas = Canvas { width, height };
        template.layout = layout.to_owned();
        template.slots = slots
            .into_iter()
            .enumerate()
            .map(|(i, (max_chars, optional))| Slot { name: format!("slot{i}"), max_chars, optional })
            .collect();
        let mut item = plan.items.swap_remove(2);
        item.id = key;
        item.title = one_line(&title).chars().take(200).collect();
        item.topic = topic;
        item.content_type = kind.to_owned();
        item.platform = platform.as_str().to_owned();
        let [objective, instructions] = wishes.try_into().unwrap();
        item.objective = objective;
        item.instructions = instructions;
        let ids = plan.resources.iter().skip(usize::from(!url)).map(|r| r.id.clone());
        item.resource_ids = ids.collect();
        plan.items = vec![item];
        plan
    }
}

/// What the writer makes of an item, settled and not yet drawn.
fn settled(assignment: &Assignment) -> (Publication, Settled) {
    let material = Material::<Publication>::of(assignment).unwrap();
    let task: &dyn Task<Publication> = PUBLICATIONS
        .into_iter()
        .find(|task| task.kind() == assignment.step.as_str())
        .unwrap();
    let request = Request {
        task: task.kind().to_owned(),
        input: Publication::work(&material, assignment).unwrap(),
        system: String::new(),
        prompt: String::new(),
        schema: Value::Null,
        schema_name: String::new(),
        max_output_tokens: 1,
        temperature: None,
        repair: None,
    };
    let text = block_on(llm::Offline.complete(&request)).unwrap().text;
    let answer: Value = serde_json::from_str(&text).unwrap();
    match task.settle(&material.subject, &answer) {
        Ok(settled) => (material.subject, settled),
        Err(faults) => panic!("{faults:?} in {answer}"),
    }
}

/// Nothing leaves the canvas or stands on something else.
fn inside(texts: &[render::TextBox], width: u32, height: u32) -> Result<(), TestCaseError> {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand pixels")]
    let canvas = Rect::new(0.0, 0.0, width as f32, height as f32);
    for (i, text) in texts.iter().enumerate() {
        prop_assert!(canvas.holds(text.rect, 0.0), "{text:?}");
        for other in &texts[..i] {
            prop_assert!(!text.rect.overlaps(other.rect), "{text:?} {other:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_valid_plan_is_written_within_its_limits_and_drawn_within_its_canvas(plan in any_plan()) {
        prop_assert_eq!(plan.problems(), []);
        let assignment = item_assignment(&plan, 0);
        let (publication, made) = settled(&assignment);
        let (_, again) = settled(&assignment);
        prop_assert_eq!(&made.content, &again.content);
        prop_assert!(made.content.len() <= MAX_OUTPUT_BYTES);
        let fits = |post: &Post| publication.platform.fits(&post.whole());
        match plan.items[0].content_type.as_str() {
            "text_only" => {
                let made: TextOnlyArtifact = serde_json::from_str(&made.content).unwrap();
                prop_assert!(fits(&made.post));
            }
            "text_image" => {
                let made: TextImageArtifact = serde_json::from_str(&made.content).unwrap();
                prop_assert!(fits(&made.post));
                if let Ok(drawing) = render::draw(&text_image::poster(&publication, &made)) {
                    inside(&drawing.texts, render::limits::WIDTH, render::limits::HEIGHT)?;
                }
            }
            "text_template" => {
                let made: TextTemplateArtifact = serde_json::from_str(&made.content).unwrap();
                let template = &plan.templates[0];
                for slot in &template.slots {
                    let length = made.values.get(&slot.name).map_or(0, |v| v.chars().count());
                    prop_assert!(length <= slot.max_chars as usize);
                    prop_assert!(slot.optional || length > 0);
                }
                let filled = text_template::filled(&publication, template, &made).unwrap();
                if let Ok(drawing) = render::draw_template(&filled) {
                    inside(&drawing.texts, template.canvas.width, template.canvas.height)?;
                }
            }
            _ => {
                let made: CarouselArtifact = serde_json::from_str(&made.content).unwrap();
                prop_assert!((3..=10).contains(&made.slides.len()));
                if let Ok(drawn) = render::draw_slides(&carousel::deck(&publication, &made)) {
                    for slide in &drawn.slides {
                        inside(&slide.texts, render::limits::SLIDE, render::limits::SLIDE)?;
                    }
                    prop_assert!(drawn.pdf().unwrap().len() <= model::limits::MAX_MEDIA_BYTES);
                }
            }
        }
    }
}
