//! Over the built-in writer.

use std::{future::Future, sync::Arc};

use llm::Offline;
use model::{
    ErrorClass,
    artifact::{CopyArtifact, ShortCopyArtifact},
    brief::{CampaignBrief, ProofPoint},
    job::Product,
    platform::Platform,
    usage::Usage,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::MAX_OUTPUT_BYTES;

const KINDS: [&str; 3] = ["copy", "short_copy", "visual_concept"];

pub(super) fn offline(kind: &str) -> Arc<dyn Agent> {
    agent(kind, Arc::new(Offline))
}

pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

fn made(kind: &str, brief: &CampaignBrief) -> Product {
    block_on(offline(kind).perform(&assignment(kind, brief))).unwrap()
}

#[test]
fn a_product_says_who_made_it_and_carries_its_declared_facts() {
    for kind in KINDS {
        let agent = offline(kind);
        let product = made(kind, &brief());
        assert_eq!(product.provenance.model, "offline");
        assert_eq!(product.provenance.agent, kind);
        assert_eq!(product.provenance.prompt_version, agent.card().version);
        assert_eq!(product.provenance.usage, Usage::default());
        let facts = product.facts.iter().map(|(n, f)| (n.clone(), f.kind()));
        assert_eq!(
            facts.collect::<model::fact::FactTypes>(),
            agent.card().facts
        );
    }
}

#[test]
fn a_regenerate_says_it_differently() {
    let first: CopyArtifact = serde_json::from_str(&made("copy", &brief()).content).unwrap();
    let mut again = assignment("copy", &brief());
    again.revision = 2;
    again.input.note = Some("warmer".into());
    again.input.previous = Some(earlier(&serde_json::to_string(&first).unwrap()));
    let second = block_on(offline("copy").perform(&again)).unwrap();
    let second: CopyArtifact = serde_json::from_str(&second.content).unwrap();
    for headline in &second.headline_options {
        assert!(!first.headline_options.contains(headline), "{headline}");
    }
    assert_ne!(first.body, second.body);
}

#[test]
fn input_that_cannot_be_worked_with_is_refused() {
    for kind in KINDS {
        let mut faulty = brief();
        faulty.offer = " ".into();
        let mut no_campaign = assignment(kind, &brief());
        no_campaign.input.input = raw(r#"{"brief": {"name": 1}}"#);
        for assignment in [assignment(kind, &faulty), no_campaign] {
            let failure = block_on(offline(kind).perform(&assignment)).unwrap_err();
            assert_eq!(failure.class, ErrorClass::InvalidInput, "{kind}");
        }
    }
    let mut nowhere = brief();
    nowhere.platforms.clear();
    nowhere.deliverables = vec!["copy".into()];
    let failure = block_on(offline("short_copy").perform(&assignment("short_copy", &nowhere)));
    assert_eq!(failure.unwrap_err().class, ErrorClass::InvalidInput);
}

pub(super) fn any_text() -> impl Strategy<Value = String> {
    let word = select(vec![
        "save",
        "time",
        "the",
        "Müller",
        "東京",
        "سلام",
        "👩‍👩‍👧",
        "#tag",
        "https://a.example/x?y=1",
        "www.b.example/",
        "HTTPS://C.example.",
        "**bold**",
        "[x](y)",
        "[x](https://d.example/(z))",
        "-",
        "\"q\"",
        "a\\b",
        "\n",
        "end.",
        "</data>",
        "{{ data }}",
        "\u{202e}rtl",
        "詳しくはhttps://e.example/をご覧",
        "\u{3000}",
    ]);
    vec(word, 1..10)
        .prop_map(|words| words.join(" "))
        .prop_filter("a required text", |t| t.chars().any(char::is_alphanumeric))
        .prop_flat_map(|t| {
            let long: String = t.chars().cycle().take(1_999).collect();
            prop_oneof![9 => Just(t), 1 => Just(long)]
        })
}

prop_compose! {
    fn any_brief()(
        texts in vec(any_text(), 6..=6),
        key_messages in vec(any_text(), 1..12),
        proofs in vec((any_text(), option::of(any_text())), 0..5),
        must_include in vec(any_text(), 0..3),
        must_avoid in vec(select(vec!["the", "save time", "for", "https"]), 0..2),
        platforms in vec(select(Platform::ALL.to_vec()), 1..6),
        language in select(vec!["en", "de", "ja"]),
    ) -> CampaignBrief {
        let mut brief = brief();
        let [name, objective, audience, offer, brand, label] = texts.try_into().unwrap();
        brief.name = name;
        brief.objective = objective;
        brief.audience = audience;
        brief.offer = offer;
        brief.brand.name = brand;
        brief.call_to_action.label = label;
        brief.key_messages = key_messages;
        brief.proof_points = proofs
            .into_iter()
            .map(|(claim, source)| ProofPoint { claim, source })
            .collect();
        brief.must_include = must_include;
        brief.must_avoid = must_avoid.into_iter().map(str::to_owned).collect();
        brief.platforms = platforms.into_iter().map(|p| p.as_str().to_owned()).collect();
        brief.language = language.to_owned();
        brief
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_valid_brief_gets_all_three(brief in any_brief()) {
        prop_assert_eq!(brief.problems(), []);
        for kind in KINDS {
            let product = made(kind, &brief);
            prop_assert_eq!(&product, &made(kind, &brief));
            prop_assert!(product.content.len() <= MAX_OUTPUT_BYTES);
            let schema = offline(kind).card().output_schema.clone();
            let content = serde_json::from_str(&product.content).unwrap();
            prop_assert!(jsonschema::is_valid(&schema, &content));
            if kind == "copy" {
                let copy: CopyArtifact = serde_json::from_value(content).unwrap();
                for claim in &copy.claims {
                    let mut points = brief.proof_points.iter();
                    prop_assert!(points.any(|p| p.claim == claim.text && p.source == claim.source));
                }
            } else if kind == "short_copy" {
                let short: ShortCopyArtifact = serde_json::from_value(content).unwrap();
                for (platform, variant) in short.platforms.iter().flat_map(|(p, v)| v.iter().map(move |v| (p, v))) {
                    prop_assert!(platform.fits(&variant.post_text()));
                }
            }
        }
    }
}
