//! Items of content plans.

use model::{
    content_plan::{Canvas, ContentType, PlanItem, PlanTemplate, Slot, Workspace},
    publication::{
        CarouselArtifact, MAX_SLIDES, MIN_SLIDES, TextImageArtifact, TextOnlyArtifact,
        TextTemplateArtifact,
    },
};

use super::*;

const TEXT: &str = "Harbor keeps orders from every channel in one list. Returns are sorted by reason, so \
    patterns show early. A shop of three needs an afternoon to set it up. See https://harbor.example/docs for \
    more. The list can be exported at any time. Ask Dr. Weber, our analyst, about the yearly report.";

fn item_work(kind: ContentType, platform: Platform, language: &str, seed: &str) -> ItemWork {
    ItemWork {
        item: PlanItem {
            id: "1".into(),
            title: "The afternoon set-up".into(),
            content_type: kind.as_str().into(),
            platform: platform.as_str().into(),
            topic: "How a small shop brings all of its orders into one list".into(),
            objective: Some("300 sign-ups for the newsletter: subscribe".into()),
            ..PlanItem::default()
        },
        workspace: Workspace {
            brand: demo(language).brand,
            language: language.into(),
            audience: "Small retailers".into(),
        },
        texts: vec![TEXT.into()],
        link: Some("https://harbor.example/trial".into()),
        template: Some(PlanTemplate {
            id: "card".into(),
            name: "Card".into(),
            slots: [
                ("headline", 60, false),
                ("body", 180, false),
                ("point", 120, true),
                ("cta", 30, false),
            ]
            .map(|(name, max_chars, optional)| Slot {
                name: name.into(),
                max_chars,
                optional,
            })
            .into(),
            canvas: Canvas {
                width: 1080,
                height: 1080,
            },
            layout: "stack".into(),
        }),
        seed: seed.into(),
        revision: 1,
        note: None,
        said: Vec::new(),
        simple: false,
        rewrite: None,
        limit_chars: None,
    }
}

fn made<T: DeserializeOwned>(kind: ContentType, work: &ItemWork) -> T {
    let json = publication::write(kind, work).unwrap();
    assert_eq!(json, publication::write(kind, work).unwrap());
    serde_json::from_str(&json).unwrap()
}

fn once(texts: &[String], what: &str) {
    let mut seen = BTreeSet::new();
    for sentence in texts.iter().flat_map(|text| sentences(text)) {
        assert!(
            seen.insert(sentence.clone()),
            "{what}: `{sentence}` stands twice"
        );
    }
}

#[test]
fn an_item_says_no_sentence_twice_and_something_of_its_resources() {
    for language in ["en", "de", "ja"] {
        for seed in ["a", "b", "c", "d", "e", "f"] {
            for platform in Platform::ALL {
                let work = item_work(ContentType::TextOnly, platform, language, seed);
                let post = made::<TextOnlyArtifact>(ContentType::TextOnly, &work).post;
                assert!(platform.fits(&post.whole()), "{}", post.whole());
                assert!(post.text.contains("one list"), "{}", post.text);
                assert!(post.text.contains("Advertisement."), "{}", post.text);
                once(
                    &[post.text.clone(), post.call_to_action],
                    &format!("{language} {seed}"),
                );
            }
            let work = item_work(ContentType::Carousel, Platform::Linkedin, language, seed);
            let carousel: CarouselArtifact = made(ContentType::Carousel, &work);
            assert!((MIN_SLIDES..=MAX_SLIDES).contains(&carousel.slides.len()));
            let slides = carousel.slides.iter();
            let texts: Vec<String> = slides
                .flat_map(|s| [s.title.clone(), s.body.clone()])
                .collect();
            once(&texts, &format!("{language} {seed}"));
            assert!(
                texts.iter().any(|text| text.contains("sorted by reason")),
                "{texts:?}"
            );
            assert!(!texts.concat().contains("https://"));

            let work = item_work(ContentType::TextTemplate, Platform::X, language, seed);
            let card: TextTemplateArtifact = made(ContentType::TextTemplate, &work);
            once(&card.values.values().cloned().collect::<Vec<_>>(), seed);
            assert_eq!(card.values["headline"], "The afternoon set-up");
            for slot in &work.template.unwrap().slots {
                let length = card.values[&slot.name].chars().count();
                assert!((1..=slot.max_chars as usize).contains(&length), "{card:?}");
            }
        }
    }
}

#[test]
fn an_objective_chooses_what_the_reader_is_asked_for() {
    let asked = |objective: Option<&str>, language: &str| {
        let mut work = item_work(ContentType::TextOnly, Platform::X, language, "a");
        work.item.objective = objective.map(str::to_owned);
        made::<TextOnlyArtifact>(ContentType::TextOnly, &work)
            .post
            .call_to_action
    };
    let of = |posts: &phrases::Posts, number: usize| posts.actions[number].1;
    let english = &phrases::of("en").posts;
    assert!(of(english, 0).contains(&asked(Some("Subscribe to the newsletter"), "en").as_str()));
    assert!(of(english, 3).contains(&asked(Some("A discussion among shops"), "en").as_str()));
    assert!(of(english, 6).contains(&asked(None, "en").as_str()));
    let german = &phrases::of("de").posts;
    assert!(of(german, 5).contains(&asked(Some("20 Anfragen"), "de").as_str()));
}

#[test]
fn a_picture_is_described_as_what_it_is() {
    let work = item_work(ContentType::TextImage, Platform::Instagram, "en", "a");
    let made: TextImageArtifact = made(ContentType::TextImage, &work);
    assert!(
        made.alt_text.contains("The afternoon set-up"),
        "{}",
        made.alt_text
    );
    assert!(
        made.image_prompt.contains("no lettering"),
        "{}",
        made.image_prompt
    );
    assert!(made.image.is_none());
}

#[test]
fn less_is_asked_for_without_resources() {
    let mut work = item_work(ContentType::Carousel, Platform::Linkedin, "en", "a");
    work.simple = true;
    work.texts.clear();
    work.link = None;
    let carousel: CarouselArtifact = made(ContentType::Carousel, &work);
    assert_eq!(carousel.slides.len(), MIN_SLIDES);
    let long = item_work(ContentType::TextOnly, Platform::Linkedin, "en", "a");
    let long: TextOnlyArtifact = made(ContentType::TextOnly, &long);
    let short: TextOnlyArtifact = made(ContentType::TextOnly, &work);
    assert!(short.post.character_count < long.post.character_count / 2);
}

#[test]
fn a_text_that_is_too_long_loses_whole_sentences_and_never_part_of_a_word() {
    let before =
        "One list holds every order. It is sorted by reason. Nobody types a number twice any more.";
    let mut work = item_work(ContentType::TextOnly, Platform::X, "en", "a");
    work.workspace.brand.required_disclosures.clear();
    work.link = None;
    work.rewrite = Some(serde_json::json!({ "post": { "text": before } }));
    for limit in [60, 80, 100, 140] {
        work.limit_chars = Some(limit);
        let post = made::<TextOnlyArtifact>(ContentType::TextOnly, &work).post;
        assert!(post.character_count <= limit, "{limit}: {}", post.whole());
        let mut left = before;
        for sentence in text::sentences(&post.text) {
            assert!(left.contains(&sentence), "{limit}: `{sentence}`");
            left = &left[left.find(&sentence).unwrap()..];
        }
    }
    // No sentence fits: a new one is shortened between its words.
    work.limit_chars = Some(48);
    work.rewrite = Some(serde_json::json!({ "post": { "text": "word ".repeat(40) } }));
    let post = made::<TextOnlyArtifact>(ContentType::TextOnly, &work).post;
    assert!(post.character_count <= 48, "{}", post.whole());
    let words = "Today's topic On our mind this week Worth a minute of your day Something for Small retailers \
        One topic, a few lines puts it on the table Let us start here A subject that deserves a closer look This \
        one is about single thing From our notebook at Harbor How small shop brings all its orders into one list";
    let known: BTreeSet<String> = words.split(' ').map(text::fold).collect();
    for word in text::fold(&post.text).split(' ') {
        assert!(
            known.contains(word) || "today s".contains(word),
            "`{word}` in {}",
            post.text
        );
    }
}
