//! What the writer keeps to, over briefs of every kind.

use std::collections::BTreeSet;

use model::{
    artifact::{CopyArtifact, ShortCopyArtifact, VisualConceptArtifact},
    brief::{Brand, CallToActionInput, ProofPoint, Voice},
    limits::MAX_INLINE_BYTES,
    platform::Platform,
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde::de::DeserializeOwned;

use super::{terms::Terms, *};

mod campaigns;
mod publications;

fn demo(language: &str) -> CampaignBrief {
    CampaignBrief {
        name: "Autumn launch".into(),
        objective: "500 sign-ups by the end of October".into(),
        audience: "Small retailers in Leipzig".into(),
        offer: "Three months of Harbor at half the price".into(),
        brand: Brand {
            name: "Harbor".into(),
            voice: Voice {
                adjectives: vec!["warm".into(), "clear".into()],
                ..Voice::default()
            },
            palette: vec!["#0b3954".into(), "#ff6663".into()],
            banned_terms: vec!["cheap".into(), "essentials".into()],
            required_disclosures: vec!["Advertisement.".into()],
            ..Brand::default()
        },
        key_messages: vec![
            "Orders from every channel in one list".into(),
            "Set up in an afternoon.".into(),
            "You can leave any month".into(),
        ],
        proof_points: vec![ProofPoint {
            claim: "1,200 shops use Harbor.".into(),
            source: Some("Annual report 2025".into()),
        }],
        call_to_action: CallToActionInput {
            label: "Start the trial".into(),
            url: "https://harbor.example/trial".into(),
        },
        platforms: Platform::ALL.map(|p| p.as_str().to_owned()).into(),
        language: language.into(),
        must_include: vec!["No credit card needed".into()],
        disclaimers: vec!["Prices plus VAT.".into()],
        ..CampaignBrief::default()
    }
}

fn work(brief: CampaignBrief, seed: &str) -> Work {
    Work {
        brief,
        seed: seed.into(),
        revision: 1,
        note: None,
        said: Vec::new(),
    }
}

fn artifact<T: DeserializeOwned>(task: &str, work: &Work) -> T {
    serde_json::from_str(&write(task, work).unwrap()).unwrap()
}

fn sentences(text: &str) -> Vec<String> {
    text.split(['.', '!', '?', '\n'])
        .map(text::fold)
        .filter(|s| s.split(' ').count() > 2)
        .collect()
}

#[test]
fn a_campaign_says_no_sentence_twice() {
    for language in ["en", "de"] {
        for seed in ["a", "b", "c", "d"] {
            let work = work(demo(language), seed);
            let copy: CopyArtifact = artifact("copy", &work);
            let short: ShortCopyArtifact = artifact("short_copy", &work);
            let mut texts = copy.headline_options.clone();
            texts.extend([copy.subhead, copy.body]);
            for variants in short.platforms.values() {
                assert_eq!(variants.len(), 2);
                texts.extend(variants.iter().map(|v| v.text.clone()));
            }
            let may_repeat: BTreeSet<String> = ["No credit card needed", "Start the trial"]
                .iter()
                .chain(&["Prices plus VAT"])
                .map(|t| text::fold(t))
                .collect();
            let mut seen = BTreeSet::new();
            for sentence in texts.iter().flat_map(|t| sentences(t)) {
                assert!(
                    may_repeat.contains(&sentence) || seen.insert(sentence.clone()),
                    "{language} {seed}: `{sentence}` stands twice"
                );
            }
        }
    }
}

#[test]
fn claims_are_proof_points_and_stand_in_the_body() {
    let copy: CopyArtifact = artifact("copy", &work(demo("en"), "a"));
    assert_eq!(copy.claims.len(), 1);
    assert_eq!(copy.claims[0].text, "1,200 shops use Harbor.");
    assert!(
        copy.body
            .contains("1,200 shops use Harbor (source: Annual report 2025).")
    );
    assert!(
        copy.body
            .contains("[Start the trial](https://harbor.example/trial)")
    );
    assert!(
        !copy.body.contains("500 sign-ups"),
        "the objective is not for the public"
    );
}

#[test]
fn another_seed_revision_or_note_words_it_differently() {
    let base = work(demo("en"), "a");
    for task in ["copy", "short_copy", "visual_concept"] {
        let first = write(task, &base).unwrap();
        assert_eq!(first, write(task, &base).unwrap());
        let mut revised = base.clone();
        revised.revision = 2;
        let mut noted = base.clone();
        noted.note = Some("shorter, please".into());
        for other in [work(demo("en"), "b"), revised, noted] {
            assert_ne!(first, write(task, &other).unwrap(), "{task}");
        }
    }
}

#[test]
fn what_was_said_is_not_said_again() {
    let mut work = work(demo("en"), "a");
    let first: CopyArtifact = artifact("copy", &work);
    work.said = first.headline_options.clone();
    work.said
        .extend([first.subhead.clone(), first.body.clone()]);
    let second: CopyArtifact = artifact("copy", &work);
    for headline in &second.headline_options {
        assert!(!first.headline_options.contains(headline), "{headline}");
    }
    assert_ne!(first.subhead, second.subhead);
    let before: VisualConceptArtifact = artifact("visual_concept", &work);
    work.said.extend([before.title.clone()]);
    let after: VisualConceptArtifact = artifact("visual_concept", &work);
    assert_ne!(before.title, after.title);
}

#[test]
fn without_phrases_the_brief_speaks_for_itself() {
    let mut brief = demo("fr");
    brief.audience = "Commerces".into();
    brief.offer = "Trois mois à moitié prix".into();
    brief.key_messages = vec!["Une seule liste".into()];
    brief.proof_points.clear();
    let copy: CopyArtifact = artifact("copy", &work(brief, "a"));
    for english in ["the", "with", "what", "from", "source"] {
        let words = text::fold(&format!("{} {:?}", copy.body, copy.headline_options));
        let own = "Advertisement Prices plus VAT No credit card needed Start the trial trial";
        assert!(
            !words.split(' ').any(|w| w == english) || text::fold(own).contains(english),
            "{english} in {words}"
        );
    }
}

#[test]
fn what_no_platform_holds_is_left_out_whole() {
    let mut brief = demo("en");
    brief.disclaimers = vec!["law ".repeat(400).trim().to_owned()];
    brief.platforms = vec!["x".into(), "facebook".into()];
    let short: ShortCopyArtifact = artifact("short_copy", &work(brief, "a"));
    for variant in &short.platforms[&Platform::X] {
        assert!(variant.text.contains("Advertisement.") && !variant.text.contains("law"));
    }
    for variant in &short.platforms[&Platform::Facebook] {
        assert!(variant.text.contains("law law"));
    }
}

#[test]
fn the_longest_brief_keeps_to_the_size_of_an_artifact() {
    let long = "🎉 \"ж\" ".repeat(333);
    let mut brief = demo("en");
    brief.key_messages = vec![long.clone(); 12];
    brief.offer = long.clone();
    brief.call_to_action.url = format!("https://a.example/{}", "x".repeat(1_900));
    brief.must_include = (0..64).map(|i| format!("{i}{}", &long[4..])).collect();
    brief.disclaimers = brief.must_include.iter().map(|t| format!("!{t}")).collect();
    for task in ["copy", "short_copy", "visual_concept"] {
        let json = write(task, &work(brief.clone(), "a")).unwrap();
        assert!(json.len() <= MAX_INLINE_BYTES, "{task}: {}", json.len());
    }
}

#[test]
fn what_it_cannot_do_is_said() {
    assert!(write("poem", &work(demo("en"), "a")).is_err());
    let mut brief = demo("en");
    brief.platforms.clear();
    assert!(write("short_copy", &work(brief, "a")).is_err());
}

/// Texts of people: words, other scripts, Markdown, emoji, long ones, odd ones.
fn any_text() -> impl Strategy<Value = String> {
    let word = select(vec![
        "save",
        "time",
        "Harbor",
        "cheap",
        "the",
        "offer",
        "für",
        "Straße",
        "完全免费",
        "東京",
        "سلام",
        "👩‍👩‍👧",
        "🎉",
        "#tag",
        "@you",
        "https://a.example/x?y=1",
        "example.com",
        "**bold**",
        "[x](y)",
        "50%",
        "e\u{301}",
        "-",
        "\"quoted\"",
        "a\\b",
        "\n",
        "\t",
        "end.",
        "really?",
        "iPhone",
        "\u{202e}rtl",
        "|",
        "{brand}",
    ]);
    vec(word, 1..12)
        .prop_map(|words| words.join(" "))
        .prop_filter("a required text", |t| t.chars().any(char::is_alphanumeric))
        .prop_flat_map(|t| prop_oneof![9 => Just(t.clone()), 1 => Just(long(&t))])
}

fn long(text: &str) -> String {
    text.chars().cycle().take(2_000).collect::<String>() + "x"
}

fn term() -> impl Strategy<Value = String> {
    select(vec![
        "cheap",
        "the",
        "offer",
        "save time",
        "brand",
        "for",
        "your",
        "it",
        "and",
        "für",
        "die",
        "免费",
        "Harbor",
        "50%",
        "a",
        "is",
        "one",
        "this",
        "to",
        "of",
        "you",
        "subject",
        "headline",
    ])
    .prop_map(str::to_owned)
}

prop_compose! {
    fn any_brief()(
        texts in vec(any_text(), 5..=5),
        key_messages in vec(any_text(), 1..12),
        proofs in vec((any_text(), option::of(any_text())), 0..4),
        required in vec(any_text(), 0..3),
        must_include in vec(any_text(), 0..3),
        banned in vec(term(), 0..6),
        avoid in vec(term(), 0..3),
        platforms in vec(select(Platform::ALL.to_vec()), 1..6),
        language in select(vec!["en", "de-AT", "fr", "ja"]),
        url in select(vec![
            "https://harbor.example/trial".to_owned(),
            "http://a.example/(b)?c=d&e".to_owned(),
            format!("https://a.example/{}", "x".repeat(1_900)),
        ]),
        palette in vec("#[0-9a-f]{6}", 0..4),
        adjectives in vec(select(vec!["warm", "precise", "klar", "odd\nthing"]), 0..3),
    ) -> CampaignBrief {
        CampaignBrief {
            name: texts[0].clone(),
            objective: texts[1].clone(),
            audience: texts[2].clone(),
            offer: texts[3].clone(),
            brand: Brand {
                name: texts[4].clone(),
                voice: Voice {
                    adjectives: adjectives.into_iter().map(str::to_owned).collect(),
                    ..Voice::default()
                },
                palette,
                banned_terms: banned,
                required_disclosures: required,
                ..Brand::default()
            },
            key_messages,
            proof_points: proofs
                .into_iter()
                .map(|(claim, source)| ProofPoint { claim, source })
                .collect(),
            call_to_action: CallToActionInput { label: "Go and see".into(), url },
            platforms: platforms.into_iter().map(|p| p.as_str().to_owned()).collect(),
            language: language.to_owned(),
            must_include,
            must_avoid: avoid,
            ..CampaignBrief::default()
        }
    }
}

/// `text` without what the brief demands word for word, and without its address.
fn own_words(brief: &CampaignBrief, text: &str) -> String {
    let mut required: Vec<String> = brief
        .brand
        .required_disclosures
        .iter()
        .chain(&brief.must_include)
        .map(|t| crate::structured::visible(t).trim().to_owned())
        .chain([brief.call_to_action.url.clone(), "Go and see".to_owned()])
        .collect();
    required.sort_by_key(|t| std::cmp::Reverse(t.len()));
    required
        .iter()
        .fold(text.to_owned(), |text, required| cut(&text, required))
}

/// `text` with a mark wherever `part` stands by itself; within a word it is the word's.
fn cut(text: &str, part: &str) -> String {
    if part.is_empty() {
        return text.to_owned();
    }
    let mut left = String::new();
    let mut from = 0;
    for (at, _) in text.match_indices(part) {
        let end = at + part.len();
        let before = text[..at].chars().next_back();
        let after = text[end..].chars().next();
        let in_word = |next: Option<char>| next.is_some_and(char::is_alphanumeric);
        if !in_word(before) && !in_word(after) {
            left.push_str(&text[from..at]);
            left.push_str(" ¶ ");
            from = end;
        }
    }
    left.push_str(&text[from..]);
    left
}

#[test]
fn a_required_word_within_another_is_left_there() {
    assert_eq!(
        cut("an offer, offere\u{301}", "e\u{301}"),
        "an offer, offere\u{301}"
    );
    assert_eq!(cut("so e\u{301}. e\u{301}", "e\u{301}"), "so  ¶ .  ¶ ");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_brief_gets_what_keeps_to_its_rules(brief in any_brief(), seed in "[a-f0-9]{32}") {
        let terms = Terms::of(&brief);
        let work = work(brief.clone(), &seed);

        let json = write("copy", &work).unwrap();
        prop_assert_eq!(&json, &write("copy", &work).unwrap());
        prop_assert!(json.len() <= MAX_INLINE_BYTES);
        let copy: CopyArtifact = serde_json::from_str(&json).unwrap();
        let distinct: BTreeSet<_> = copy.headline_options.iter().collect();
        prop_assert!(distinct.len() >= 3 && distinct.len() == copy.headline_options.len());
        for required in brief.brand.required_disclosures.iter().chain(&brief.must_include) {
            prop_assert!(copy.body.contains(crate::structured::visible(required).trim()));
        }
        for claim in &copy.claims {
            let known = brief.proof_points.iter().any(|p| p.claim == claim.text && p.source == claim.source);
            prop_assert!(known, "{claim:?} is no proof point");
        }
        let mut texts = copy.headline_options.clone();
        texts.extend(copy.key_benefits.clone());
        texts.extend(copy.seo.keywords.clone());
        texts.extend([copy.subhead, copy.body, copy.seo.title, copy.seo.description]);
        prop_assert!(!copy.key_benefits.is_empty());

        let json = write("short_copy", &work).unwrap();
        prop_assert_eq!(&json, &write("short_copy", &work).unwrap());
        prop_assert!(json.len() <= MAX_INLINE_BYTES);
        let short: ShortCopyArtifact = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(
            short.platforms.keys().copied().collect::<Vec<_>>(),
            brief.known_platforms()
        );
        for (platform, variants) in &short.platforms {
            prop_assert!((1..=3).contains(&variants.len()));
            for variant in variants {
                let post = variant.post_text();
                prop_assert!(platform.fits(&post), "{platform}: {post}");
                prop_assert_eq!(variant.character_count, platform.count(&post));
                prop_assert!(!variant.text.trim().is_empty());
                texts.push(variant.text.clone());
                texts.extend(variant.hashtags.clone());
            }
        }

        let json = write("visual_concept", &work).unwrap();
        prop_assert_eq!(&json, &write("visual_concept", &work).unwrap());
        let concept: VisualConceptArtifact = serde_json::from_str(&json).unwrap();
        prop_assert!(contrast(&concept.palette[0].hex, &concept.palette[1].hex).unwrap() >= 4.5);
        texts.extend([
            concept.title, concept.rationale, concept.composition, concept.image_prompt,
            concept.alt_text, concept.typography.notes,
        ]);

        for text in &texts {
            prop_assert!(!text.trim().is_empty());
            prop_assert!(!text.chars().any(crate::structured::is_hidden));
        }
        // When the button's own words are banned, the last resort has to use them.
        if terms.allow("Go and see") && terms.allow(&brief.call_to_action.url) {
            for text in &texts {
                let own = own_words(&brief, text);
                prop_assert!(terms.allow(&own), "`{own}` holds one of {:?} {:?}", brief.brand.banned_terms, brief.must_avoid);
            }
        }
    }
}
