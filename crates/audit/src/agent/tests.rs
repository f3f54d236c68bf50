use std::collections::BTreeMap;

use model::{
    ContentHash, JobId, RunId, StepName, TenantId,
    brief::{CampaignBrief, Options},
    fact::Facts,
    job::InputArtifact,
    report::Verdict,
};
use serde_json::value::RawValue;

use super::*;

const COPY: &str = r#"{"headline_options":["Cheap shoes","b","c"],"subhead":"s","body":"b",
    "key_benefits":[],"call_to_action":{"label":"Buy","url":"https://example.com/"},
    "seo":{"title":"t","description":"d","keywords":[]},"claims":[]}"#;

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn step(name: &str) -> StepName {
    StepName::new(name).unwrap()
}

fn assignment(of: &[&str], artifacts: &[(&str, &str)], input: Option<&str>) -> Assignment {
    let brief = CampaignBrief {
        must_avoid: vec!["cheap".into()],
        ..CampaignBrief::default()
    };
    let campaign = serde_json::to_string(&CampaignInput::new(brief, Options::default())).unwrap();
    let run = RunId::new("r").unwrap();
    Assignment {
        tenant: TenantId::new("t").unwrap(),
        step: step("audit"),
        job: JobId::derive(&run, &step("audit"), "", 0, 1, 1),
        run,
        attempt: 1,
        revision: 1,
        input: JobInput {
            input: raw(input.unwrap_or(&campaign)),
            artifacts: artifacts
                .iter()
                .map(|(name, json)| {
                    let artifact = InputArtifact {
                        version: 1,
                        hash: ContentHash::of(json.as_bytes()),
                        content: raw(json),
                    };
                    (step(name), artifact)
                })
                .collect::<BTreeMap<_, _>>(),
            of: of.iter().map(|name| step(name)).collect(),
            note: None,
            previous: None,
            item: None,
            recovery: None,
        },
        live: worker::Live::default(),
    }
}

#[tokio::test]
async fn a_job_gives_a_report_of_the_announced_shape_with_its_facts() {
    let agent = auditor();
    let product = agent
        .perform(&assignment(&["copy"], &[("copy", COPY)], None))
        .await
        .unwrap();
    let report: AuditReport = serde_json::from_str(&product.content).unwrap();
    assert_eq!(report.verdict, Verdict::Fail);
    assert_eq!(report.findings[0].quote, "Cheap");
    assert_eq!(
        report.findings[0].artifact_version,
        ContentHash::of(COPY.as_bytes()).as_str()
    );
    assert_eq!((report.auditor.as_str(), report.notes.len()), ("rules", 0));

    let expect: Facts = [
        ("findings".to_owned(), Fact::Number(1.0)),
        ("score".to_owned(), Fact::Number(0.75)),
        ("verdict".to_owned(), Fact::Text("fail".into())),
    ]
    .into();
    assert_eq!(product.facts, expect);
    let card = agent.card();
    for (name, kind) in &card.facts {
        assert_eq!(product.facts[name].kind(), *kind);
    }
    assert_eq!(
        (
            product.provenance.model.as_str(),
            product.provenance.prompt_version.as_str()
        ),
        ("rules", RULES_VERSION)
    );

    let schema = jsonschema::validator_for(&card.output_schema).unwrap();
    assert!(schema.is_valid(&serde_json::from_str(&product.content).unwrap()));
    assert!(!schema.is_valid(&json!({ "verdict": "fine" })));
}

#[tokio::test]
async fn bad_input_is_invalid_input() {
    let agent = auditor();
    for (of, artifacts, input) in [
        (&[][..], &[("copy", COPY)][..], None),
        (&["copy"], &[], None),
        (&["copy"], &[("copy", "{}")], None),
        (&["copy"], &[("copy", r#""copy""#)], None),
        (&["poster"], &[("poster", "{}")], None),
        (&["copy"], &[("copy", COPY)], Some("{}")),
    ] {
        let failure = agent
            .perform(&assignment(of, artifacts, input))
            .await
            .unwrap_err();
        assert_eq!(failure.class, ErrorClass::InvalidInput, "{failure}");
    }
}
