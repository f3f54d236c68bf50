use model::brief::{CampaignBrief, ProofPoint};

use super::*;

fn quotes(text: &str) -> Vec<&str> {
    numbers(text, &[])
        .map(|number| &text[number.range])
        .collect()
}

fn support(claim: &str) -> Support {
    Support::of(&CampaignBrief {
        proof_points: vec![ProofPoint {
            claim: claim.into(),
            source: None,
        }],
        ..CampaignBrief::default()
    })
}

#[test]
fn numbers_with_what_they_count_in() {
    for (text, expect) in [
        ("Save 20 % now", &["20 %"][..]),
        ("20% to 30 percent", &["20%", "30 percent"]),
        ("only $49.90 or 49 EUR", &["$49.90", "49 EUR"]),
        (
            "3x faster, ten times lighter, 4-fold",
            &["3x", "ten times", "4-fold"],
        ),
        ("1,500 runners, 2 million miles", &["1,500", "2 million"]),
        ("open 24/7", &["24/7"]),
        ("since 1998.", &["1998"]),
        ("10kg", &["10"]),
        ("#2 in tests", &["#2"]),
    ] {
        assert_eq!(quotes(text), expect, "{text}");
    }
}

#[test]
fn what_is_no_assertion() {
    for text in [
        "B2B, H2O and COVID19",
        "5G, 3D, 1080p",
        "https://example.com/2026/10 and example.com/7",
        "1. First\n2. Second\n  10) Tenth",
        "3 reasons to run, 5 good ways",
        "two friends and five dogs",
        "#1 choice", // the rule about assertions says so
        "no digits",
        "",
    ] {
        assert_eq!(quotes(text), [""; 0], "{text}");
    }
}

#[test]
fn a_number_is_covered_by_the_same_value_of_the_same_kind() {
    for (claim, text) in [
        ("20 % lighter", "20% lighter"),
        ("20 % lighter", "20 percent lighter"),
        ("20 % lighter", "lighter by 20"),
        ("1,500 runners", "1.5 thousand runners"),
        ("1,500 runners", "1500"),
        ("2 million miles", "2,000,000 miles"),
        ("49 USD", "$49"),
        ("49.00 USD", "$49"),
        ("three times faster", "3x faster"),
        ("4-fold", "4×"),
        ("open 24/7", "24/7 service"),
        ("since 1998", "1998"),
    ] {
        let support = support(claim);
        for number in numbers(text, &[]) {
            assert!(support.has(&number), "{claim} / {text} / {number:?}");
        }
        assert!(!quotes(text).is_empty(), "{text}");
    }
}

#[test]
fn a_number_is_not_covered_by_another_value_or_kind() {
    for (claim, text) in [
        ("20 employees", "20 % cheaper"),
        ("20 % lighter", "$20"),
        ("20 % lighter", "20x"),
        ("49 EUR", "$49"),
        ("1,500 runners", "15,000 runners"),
        ("1.5 kg", "15 kg"),
        ("2 miles", "2 million miles"),
        ("light", "2026"),
    ] {
        let support = support(claim);
        let all: Vec<_> = numbers(text, &[]).collect();
        assert!(
            all.iter().any(|n| !support.has(n)),
            "{claim} / {text} / {all:?}"
        );
    }
}

#[test]
fn only_what_may_be_said_supports() {
    let brief = CampaignBrief {
        must_avoid: vec!["90 %".into()],
        key_messages: vec!["the best".into(), "shoe".into()],
        ..CampaignBrief::default()
    };
    let support = Support::of(&brief);
    assert!(!support.has(&numbers("90 %", &[]).next().unwrap()));
    assert!(support.says("Best"));
    assert!(!support.says("best shoe"));
}
