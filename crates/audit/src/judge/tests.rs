use std::collections::BTreeMap;

use model::{
    ContentHash, StepName,
    artifact::{
        CallToAction, Claim, CopyArtifact, Seo, ShortCopyArtifact, ShortCopyVariant, Swatch,
        Typography, VisualConceptArtifact,
    },
    brief::{CampaignBrief, Options, ProofPoint},
    platform::Platform,
};
use proptest::prelude::*;
use serde::Serialize;

use super::*;

fn input(change: impl FnOnce(&mut CampaignBrief)) -> CampaignInput {
    let mut brief = CampaignBrief {
        name: "Autumn".into(),
        offer: "20 % off the Feather".into(),
        key_messages: vec!["the lightest shoe we make".into()],
        proof_points: vec![ProofPoint {
            claim: "Lasts 1,000 km.".into(),
            source: Some("Own test, 2026".into()),
        }],
        platforms: vec!["x".into()],
        ..CampaignBrief::default()
    };
    change(&mut brief);
    CampaignInput::new(brief, Options::default())
}

fn copy() -> CopyArtifact {
    CopyArtifact {
        headline_options: vec!["Run light".into(), "Run far".into(), "Run on".into()],
        subhead: "A shoe that you forget.".into(),
        body: "Step in and go.".into(),
        key_benefits: vec!["It is light.".into()],
        call_to_action: CallToAction {
            label: "Buy now".into(),
            url: "https://example.com/10".into(),
        },
        seo: Seo {
            title: "Feather".into(),
            description: "A light shoe.".into(),
            keywords: vec!["running".into()],
        },
        claims: vec![],
    }
}

fn variant(platform: Platform, text: &str) -> ShortCopyVariant {
    let mut variant = ShortCopyVariant {
        text: text.into(),
        hashtags: vec!["run".into()],
        link: Some("https://example.com/".into()),
        character_count: 0,
    };
    variant.character_count = platform.count(&variant.post_text());
    variant
}

fn short(platform: Platform, texts: &[&str]) -> ShortCopyArtifact {
    let variants = texts.iter().map(|text| variant(platform, text)).collect();
    ShortCopyArtifact {
        platforms: [(platform, variants)].into(),
    }
}

fn visual() -> VisualConceptArtifact {
    VisualConceptArtifact {
        title: "Feather in the wind".into(),
        rationale: "Light is felt.".into(),
        composition: "The shoe floats at 45 degrees.".into(),
        palette: vec![Swatch {
            hex: "#ffffff".into(),
            role: "background".into(),
        }],
        typography: Typography {
            headline: "Inter".into(),
            body: "Inter".into(),
            notes: "Set tight.".into(),
        },
        image_prompt: "One shoe, 50 mm lens".into(),
        alt_text: "2 runners on a hill".into(),
        poster: None,
        poster_refusal: None,
    }
}

fn piece(step: &str, artifact: &impl Serialize) -> Piece {
    let json = serde_json::to_string(artifact).unwrap();
    let hash = ContentHash::of(json.as_bytes());
    Piece::read(&StepName::new(step).unwrap(), &hash, &json).unwrap()
}

/// What the rules find, as `rule@path:quote`.
fn found(input: &CampaignInput, piece: Piece) -> Vec<String> {
    audit(input, &[piece])
        .findings
        .into_iter()
        .map(|finding| match finding.span {
            Some(span) => format!("{}@{}:{}", finding.rule, span.path, finding.quote),
            None => finding.rule,
        })
        .collect()
}

fn in_body(input: &CampaignInput, body: &str) -> Vec<String> {
    let mut copy = copy();
    copy.body = body.into();
    found(input, piece("copy", &copy))
}

#[track_caller]
fn check(input: &CampaignInput, body: &str, expect: &[&str]) {
    let expect: Vec<_> = expect
        .iter()
        .map(|quoted| {
            let (rule, quote) = quoted.split_once(' ').unwrap();
            format!("{rule}@/body:{quote}")
        })
        .collect();
    assert_eq!(in_body(input, body), expect, "{body}");
}

#[test]
fn a_clean_campaign_passes_with_a_full_score() {
    let input = input(|_| ());
    let pieces = [
        piece("copy", &copy()),
        piece("short_copy", &short(Platform::X, &["Run light", "Run far"])),
        piece("visual_concept", &visual()),
    ];
    let report = audit(&input, &pieces);
    assert_eq!(report.findings, []);
    assert_eq!((report.verdict, report.score), (Verdict::Pass, 1.0));
    assert_eq!(report.rules_version, RULES_VERSION);
}

#[test]
fn banned_terms_are_whole_words_in_any_case() {
    let input = input(|brief| {
        brief.brand.banned_terms = vec!["class".into(), "Silver bullet".into()];
        brief.must_avoid = vec!["CLASS".into(), "naïve".into()];
    });
    check(&input, "A Class act", &["terms.banned Class"]);
    check(
        &input,
        "a silver  bullet, NAI\u{308}VE",
        &["terms.banned silver  bullet", "terms.banned NAI\u{308}VE"],
    );
    check(&input, "classic classes; a silver, a bullet; naive", &[]);
}

#[test]
fn banned_terms_are_found_in_every_piece_and_in_hashtags() {
    let input = input(|brief| brief.must_avoid = vec!["cheap shoe".into(), "hill".into()]);
    let mut posts = short(Platform::X, &["Run"]);
    let post = &mut posts.platforms.get_mut(&Platform::X).unwrap()[0];
    post.hashtags = vec!["CheapShoe".into(), "cheapshoes".into()];
    post.character_count = Platform::X.count(&post.post_text());
    assert_eq!(
        found(&input, piece("short_copy", &posts)),
        ["terms.banned@/platforms/x/0/hashtags/0:CheapShoe"]
    );
    assert_eq!(
        found(&input, piece("visual_concept", &visual())),
        ["terms.banned@/alt_text:hill"]
    );
}

#[test]
fn a_demanded_text_may_hold_a_banned_word() {
    let input = input(|brief| {
        brief.brand.banned_terms = vec!["risk".into()];
        brief.disclaimers = vec!["Not free of risk.".into()];
    });
    check(&input, "Go. Not free of risk.", &[]);
    check(&input, "A risk! Not free of risk.", &["terms.banned risk"]);
}

#[test]
fn required_terms_stand_in_the_copy_and_in_a_post_of_each_platform() {
    let input = input(|brief| brief.must_include = vec!["Feather 2".into()]);
    assert_eq!(in_body(&input, "the FEATHER 2 is here"), [""; 0]);
    assert_eq!(in_body(&input, "the Feathers 2"), ["terms.required"]);
    let good = short(Platform::X, &["Run", "Feather 2: run"]);
    assert_eq!(found(&input, piece("short_copy", &good)), [""; 0]);
    let bad = short(Platform::X, &["Run", "Feathers 2"]);
    assert_eq!(
        found(&input, piece("short_copy", &bad)),
        ["terms.required_in_posts"]
    );
}

#[test]
fn numbers_must_be_the_briefs() {
    let input = input(|_| ());
    check(&input, "20% off, 1000 km, see 2026", &[]);
    check(
        &input,
        "1. Go\n2. Run\n\n3 reasons: https://example.com/99",
        &[],
    );
    check(
        &input,
        "30 % off, 20x lighter, $20",
        &[
            "claims.number 30 %",
            "claims.number 20x",
            "claims.number $20",
        ],
    );
    check(
        &input,
        "from 10 000 runners",
        &["claims.number 10", "claims.number 000"],
    );
}

#[test]
fn proof_and_rank_must_be_the_briefs() {
    let input = input(|brief| {
        brief.proof_points.push(ProofPoint {
            claim: "Award-winning sole".into(),
            source: None,
        });
    });
    check(
        &input,
        "Clinically proven, #1, number one",
        &[
            "regulated.evidence Clinically proven",
            "claims.assertion #1",
            "claims.assertion number one",
        ],
    );
    check(
        &input,
        "Guaranteed. Studies show it is twice as light",
        &[
            "claims.assertion Guaranteed",
            "claims.assertion Studies show",
            "claims.assertion twice as light",
        ],
    );
    check(
        &input,
        "Our award-winning sole. No guarantee. Provenance, testing, #10k",
        &["claims.number #10k"],
    );
}

#[test]
fn superlatives_are_warnings_unless_the_brief_has_them() {
    let input = input(|_| ());
    check(
        &input,
        "The best, most of all the world's first",
        &[
            "claims.superlative best",
            "claims.superlative the world's first",
        ],
    );
    check(
        &input,
        "The lightest shoe. Do your best! Best wishes. The part we like best. A test of interest, at least.",
        &[],
    );
    let report = audit(
        &input,
        &[piece(
            "copy",
            &CopyArtifact {
                subhead: "Best shoe".into(),
                ..copy()
            },
        )],
    );
    assert_eq!(
        (report.verdict, report.score),
        (Verdict::PassWithWarnings, 0.95)
    );
}

#[test]
fn listed_claims_are_proof_points_with_their_source() {
    let input = input(|_| ());
    let with = |text: &str, source: Option<&str>| {
        let mut copy = copy();
        copy.claims = vec![Claim {
            text: text.into(),
            source: source.map(Into::into),
        }];
        found(&input, piece("copy", &copy))
    };
    assert_eq!(with("lasts 1,000 km", Some("own test, 2026")), [""; 0]);
    assert_eq!(with("Lasts 1,000 km.", None), [""; 0]);
    assert_eq!(
        with("Lasts 2,000 km.", None),
        ["claims.unlisted@/claims/0/text:Lasts 2,000 km."]
    );
    assert_eq!(
        with("Lasts 1,000 km.", Some("NASA")),
        ["claims.unlisted@/claims/0/text:Lasts 1,000 km."]
    );
}

#[test]
fn disclosures_stand_in_the_copy_and_in_every_post() {
    let input = input(|brief| {
        brief.brand.required_disclosures = vec!["#ad".into()];
        brief.disclaimers = vec!["Terms apply.".into()];
    });
    assert_eq!(in_body(&input, "Go. #ad\n\nTerms apply."), [""; 0]);
    assert_eq!(
        in_body(&input, "Go. #ads Terms applying."),
        ["disclosures.disclaimer", "disclosures.required"]
    );
    let mut posts = short(Platform::X, &["Run. Terms apply.", "Run. Terms apply."]);
    let post = &mut posts.platforms.get_mut(&Platform::X).unwrap()[0];
    post.hashtags = vec!["ad".into()];
    post.character_count = Platform::X.count(&post.post_text());
    let report = audit(
        &input,
        &[
            piece("short_copy", &posts),
            piece("visual_concept", &visual()),
        ],
    );
    assert_eq!(report.findings.len(), 1);
    assert!(
        report.findings[0]
            .rationale
            .starts_with("The disclosure `#ad` is missing from variant 2 for x.")
    );
    assert_eq!((report.verdict, report.score), (Verdict::Fail, 0.75));
}

#[test]
fn posts_keep_to_their_platforms_length() {
    let input = input(|_| ());
    // Text, two line ends, `#run`, two line ends and an address of 23.
    let room = 280 - 2 - 4 - 2 - 23;
    let fits = short(Platform::X, &[&"x".repeat(room)]);
    assert_eq!(found(&input, piece("short_copy", &fits)), [""; 0]);
    let over = short(Platform::X, &[&"x".repeat(room + 1)]);
    let quote = "x".repeat(80);
    assert_eq!(
        found(&input, piece("short_copy", &over)),
        [format!("platform.length@/platforms/x/0/text:{quote}")]
    );
    let mut bytes = short(Platform::Bluesky, &[&"👨‍👩‍👧‍👦".repeat(121)]);
    bytes
        .platforms
        .insert(Platform::X, vec![variant(Platform::X, "Run")]);
    let report = audit(&input, &[piece("short_copy", &bytes)]);
    let length = report.findings.iter().find(|f| f.rule == "platform.length");
    assert!(length.unwrap().rationale.contains("bytes"), "{report:?}");
}

#[test]
fn counts_variants_hashtags_and_platforms() {
    let input = input(|brief| brief.platforms = vec!["x".into(), "instagram".into()]);
    let mut posts = short(Platform::X, &["a", "b", "c"]);
    posts.platforms.insert(Platform::Instagram, vec![]);
    assert_eq!(
        found(&input, piece("short_copy", &posts)),
        ["platform.variants"]
    );
    let mut tagged = variant(Platform::Instagram, "Run");
    tagged.hashtags = vec!["run".into(); 31];
    tagged.character_count = 7;
    posts.platforms.insert(Platform::Instagram, vec![tagged]);
    posts.platforms.remove(&Platform::X);
    assert_eq!(
        found(&input, piece("short_copy", &posts)),
        [
            "platform.character_count",
            "platform.hashtags",
            "platform.missing"
        ]
    );
    let four = short(Platform::X, &["a", "b", "c", "d"]);
    assert_eq!(
        found(&input, piece("short_copy", &four)),
        ["platform.missing", "platform.variants"]
    );
}

#[test]
fn a_flood_of_findings_is_cut_and_says_so() {
    let input = input(|brief| brief.must_avoid = vec!["no".into()]);
    let copy = CopyArtifact {
        headline_options: vec!["no ".repeat(90); 5],
        subhead: "best ".repeat(50),
        ..copy()
    };
    let report = audit(
        &input,
        &[
            piece("copy", &copy),
            piece(
                "short_copy",
                &short(Platform::X, &["no ".repeat(60).as_str()]),
            ),
        ],
    );
    assert_eq!(report.findings.len(), MAX_FINDINGS + 1);
    let last = report.findings.last().unwrap();
    assert_eq!((last.rule.as_str(), last.severity), (CUT, Severity::Info));
    assert_eq!(report.verdict, Verdict::Fail);
    assert!((0.0..=1.0).contains(&report.score));
}

#[test]
fn unreadable_artifacts_are_refused_without_their_content() {
    let step = |name| StepName::new(name).unwrap();
    let hash = ContentHash::of(b"");
    for (name, json) in [
        ("copy", "{}"),
        ("copy", "null"),
        ("short_copy", r#"{"platforms":{"secretnet":[]}}"#),
        ("visual_concept", "[1,"),
        ("poster", "{}"),
    ] {
        let fault = Piece::read(&step(name), &hash, json)
            .unwrap_err()
            .to_string();
        assert!(
            fault.contains(name) && !fault.contains("secretnet"),
            "{fault}"
        );
    }
    assert!(Piece::read(&step("copy"), &hash, &"[".repeat(10_000)).is_err());
}

/// Text that the rules have much to say about.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "\\PC{0,8}",
        prop::sample::select(vec![
            "class",
            "CLASS",
            "classic",
            "Straße",
            "STRASSE",
            "cafe\u{301}",
            "20 %",
            "$30",
            "3x",
            "#1",
            "best",
            "the world’s first",
            "proven",
            "\n",
            "\u{A0}",
            "\u{AD}",
            "日本",
            "無料",
            "https://example.com/9",
            "Terms apply.",
            "#ad",
            "1.",
            "👨‍👩‍👧",
            "ﬁne",
            "İ",
            "two million",
        ])
        .prop_map(str::to_owned),
    ];
    (
        prop::collection::vec(word, 0..16),
        prop::sample::select(vec![" ", "", "\n"]),
    )
        .prop_map(|(words, gap)| words.join(gap))
}

fn texts(max: usize) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(text(), 0..max)
}

prop_compose! {
    fn any_copy()(
        headline_options in texts(4), subhead in text(), body in text(), key_benefits in texts(3),
        label in text(), title in text(), description in text(), keywords in texts(3),
        claims in prop::collection::vec((text(), prop::option::of(text())), 0..3),
    ) -> CopyArtifact {
        CopyArtifact {
            headline_options, subhead, body, key_benefits,
            call_to_action: CallToAction { label, url: "https://example.com/".into() },
            seo: Seo { title, description, keywords },
            claims: claims.into_iter().map(|(text, source)| Claim { text, source }).collect(),
        }
    }
}

prop_compose! {
    fn any_short()(
        platforms in prop::collection::btree_map(
            prop::sample::select(Platform::ALL.to_vec()),
            prop::collection::vec((text(), texts(4), any::<u32>(), 0..40_usize), 0..5),
            0..4,
        ),
    ) -> ShortCopyArtifact {
        let variants = |list: Vec<(String, Vec<String>, u32, usize)>| list.into_iter()
            .map(|(text, hashtags, character_count, times)| ShortCopyVariant {
                text: text.repeat(times), hashtags, link: None, character_count,
            })
            .collect();
        ShortCopyArtifact {
            platforms: platforms.into_iter().map(|(p, list)| (p, variants(list))).collect::<BTreeMap<_, _>>(),
        }
    }
}

prop_compose! {
    fn any_input()(
        banned in texts(4), avoid in texts(4), include in texts(3), disclosures in texts(2), claims in texts(3),
    ) -> CampaignInput {
        input(|brief| {
            brief.brand.banned_terms = banned;
            brief.brand.banned_terms.push("class".into());
            brief.brand.banned_terms.push("straße".into());
            brief.must_avoid = avoid;
            brief.must_include = include;
            brief.disclaimers = disclosures;
            brief.proof_points = claims.into_iter().map(|claim| ProofPoint { claim, source: None }).collect();
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_quote_is_the_slice_at_its_span(input in any_input(), copy in any_copy(), short in any_short(), alt in text()) {
        let visual = VisualConceptArtifact { alt_text: alt.clone(), image_prompt: alt, ..visual() };
        let values: BTreeMap<_, _> = [
            ("copy", serde_json::to_value(&copy).unwrap()),
            ("short_copy", serde_json::to_value(&short).unwrap()),
            ("visual_concept", serde_json::to_value(&visual).unwrap()),
        ].into();
        let pieces: Vec<_> = values.iter().map(|(step, value)| piece(step, value)).collect();
        let report = audit(&input, &pieces);
        for finding in &report.findings {
            let Some(span) = &finding.span else {
                prop_assert_eq!(&finding.quote, "");
                continue;
            };
            let text = values[finding.step.as_str()].pointer(&span.path).and_then(|v| v.as_str());
            prop_assert_eq!(text.and_then(|t| t.get(span.start as usize..span.end as usize)), Some(finding.quote.as_str()));
            prop_assert!(!finding.quote.is_empty() || finding.rule == "claims.unlisted" || finding.rule == "platform.length", "{:?}", finding);
        }
        prop_assert!((0.0..=1.0).contains(&report.score));
        let worst = report.findings.iter().map(|f| f.severity).max();
        prop_assert_eq!(report.verdict == Verdict::Fail, worst >= Some(Severity::Violation));
        prop_assert_eq!(report.verdict == Verdict::Pass, worst <= Some(Severity::Info));
        prop_assert_eq!(&report, &audit(&input, &pieces));
        let json = serde_json::to_string(&report).unwrap();
        prop_assert!(json.len() <= model::limits::MAX_ARTIFACT_BYTES);
        prop_assert_eq!(&serde_json::from_str::<AuditReport>(&json).unwrap(), &report);
    }
}
