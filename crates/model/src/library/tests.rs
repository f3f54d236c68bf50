use super::*;
use crate::brief::{CallToActionInput, CampaignBrief};

fn template() -> Template {
    let placeholder = |name: &str, kind: &str, default: Option<&str>| Placeholder {
        name: name.into(),
        kind: kind.into(),
        about: String::new(),
        default: default.map(str::to_owned),
    };
    Template {
        about: "A launch".into(),
        placeholders: vec![
            placeholder("product", "", None),
            placeholder("price", "number", Some("10")),
            placeholder("day", "date", None),
            placeholder("page", "url", None),
            placeholder("network", "text", Some("x")),
        ],
        brief: CampaignBrief {
            name: "Launch of {{product}}".into(),
            objective: "Sell {{ product }} from {{day}}".into(),
            audience: "Runners".into(),
            offer: "Only {{price}}".into(),
            key_messages: vec!["{{product}}{{product}}".into()],
            call_to_action: CallToActionInput {
                label: "Buy".into(),
                url: "{{page}}".into(),
            },
            platforms: vec!["{{network}}".into()],
            language: "en".into(),
            ..CampaignBrief::default()
        },
    }
}

fn values(pairs: &[(&str, &str)]) -> Values {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn paths(problems: &[Problem]) -> Vec<&str> {
    problems.iter().map(|p| p.path.as_str()).collect()
}

#[test]
fn a_template_is_filled() {
    assert_eq!(template().problems(), []);
    let brief = template()
        .fill(&values(&[
            ("product", "Tern {{price}} & <b>"),
            ("day", "2026-02-28"),
            ("page", "https://example.com/tern"),
        ]))
        .expect("filled");
    assert_eq!(brief.name, "Launch of Tern {{price}} & <b>");
    assert_eq!(brief.objective, "Sell Tern {{price}} & <b> from 2026-02-28");
    assert_eq!(brief.offer, "Only 10");
    assert_eq!(brief.platforms, ["x"]);
    assert_eq!(brief.call_to_action.url, "https://example.com/tern");
}

#[test]
fn every_fault_of_the_values_is_told_at_once() {
    let wrong = values(&[
        ("price", "ten"),
        ("day", "2026-02-30"),
        ("page", "javascript:alert(1)"),
        ("prodct", "Tern"),
    ]);
    let problems = template().fill(&wrong).expect_err("faults");
    assert_eq!(
        paths(&problems),
        [
            "values.product",
            "values.price",
            "values.day",
            "values.page",
            "values.prodct"
        ]
    );
    assert!(
        problems[4].message.contains("product, price"),
        "{}",
        problems[4]
    );
}

#[test]
fn every_fault_of_a_template_is_told_at_once() {
    let mut bad = template();
    bad.about = "\0".into();
    bad.placeholders[1].kind = "money".into();
    bad.placeholders[2].default = Some("tomorrow".into());
    bad.placeholders.push(Placeholder {
        name: "Product".into(),
        ..Placeholder::default()
    });
    bad.placeholders.push(bad.placeholders[0].clone());
    bad.placeholders.push(Placeholder {
        name: "idle".into(),
        ..Placeholder::default()
    });
    bad.brief.audience = "{{whom}}".into();
    bad.brief.offer = "{{price}} {{".into();
    bad.brief.key_messages.clear();
    bad.brief.must_avoid = vec![" ".into()];
    assert_eq!(
        paths(&bad.problems()),
        [
            "template.about",
            "template.placeholders[1].kind",
            "template.placeholders[2].default",
            "template.placeholders[5].name",
            "template.placeholders[6].name",
            "template.brief.audience",
            "template.brief.offer",
            "template.placeholders[5]",
            "template.placeholders[7]",
            "template.brief.key_messages",
            "template.brief.must_avoid[0]",
        ]
    );
}

/// A short template and one long value must not become a brief that no request could carry.
#[test]
fn what_is_filled_has_a_bound() {
    let mut wide = template();
    wide.brief.resources = vec![Resource {
        name: "wide".into(),
        text: Some("{{product}}".repeat(2_000)),
        ..Resource::default()
    }];
    let problems = wide
        .fill(&values(&[
            ("product", &"x".repeat(2_000)),
            ("day", "2026-02-28"),
            ("page", "https://example.com/"),
        ]))
        .expect_err("too long");
    assert_eq!(paths(&problems), ["values"]);
}

#[test]
fn numbers_and_dates_are_of_the_world() {
    let ok = |kind: &str, value: &str| {
        let mut all = Problems::default();
        ValueKind::parse(kind)
            .expect("a kind")
            .check("v", value, &mut all);
        all.into_vec().is_empty()
    };
    for good in ["0", "-3", "1,200.50", "1’200", "1 000 000", "3.5"] {
        assert!(ok("number", good), "{good}");
    }
    for bad in ["", "-", "1e9", ".5", "5.", "NaN", "١٢", "1\n2"] {
        assert!(!ok("number", bad), "{bad}");
    }
    for good in ["2026-11-21", "2024-02-29"] {
        assert!(ok("date", good), "{good}");
    }
    for bad in [
        "2025-02-29",
        "2026-13-01",
        "2026-1-01",
        "21.11.2026",
        "+026-01-01",
        "2026-01-0é",
    ] {
        assert!(!ok("date", bad), "{bad}");
    }
}

#[test]
fn references_name_the_newest_or_one_version() {
    for (text, version) in [("tern", None), ("tern@1", Some(1)), ("t-2_x@42", Some(42))] {
        let reference: Reference = text.parse().expect(text);
        assert_eq!(
            (reference.version, reference.to_string().as_str()),
            (version, text)
        );
    }
    for bad in [
        "",
        "@1",
        "Tern",
        "tern@",
        "tern@0",
        "tern@+1",
        "tern@01",
        "tern@1@2",
        "a b",
        "tern@4294967296",
    ] {
        assert_eq!(bad.parse::<Reference>(), Err(InvalidReference), "{bad}");
    }
}

#[test]
fn a_kept_resource_is_a_text() {
    let resource = |kind: &str, text: Option<&str>, blob: Option<&str>| {
        Content::Resource(Resource {
            name: "Facts\nof all kinds".into(),
            kind: kind.into(),
            text: text.map(str::to_owned),
            blob: blob.map(str::to_owned),
        })
    };
    let good = resource("markdown", Some("# Facts"), None);
    assert_eq!(good.problems(), []);
    assert_eq!(good.title(), "Facts");
    let (hash, text) = good.encode().expect("encodes");
    assert_eq!(hash, ContentHash::of(text.as_bytes()));
    assert_eq!(
        Content::decode(Kind::Resource, &text).expect("decodes"),
        good
    );
    let bad = resource("image/png", None, Some("x")).problems();
    assert_eq!(
        paths(&bad),
        ["resource.kind", "resource.text", "resource.blob"]
    );
    let long = "é".repeat(MAX_RESOURCE_BYTES / 2 + 1);
    let bad = resource("", Some(&long), None).problems();
    assert_eq!(paths(&bad), ["resource.text"]);
}
