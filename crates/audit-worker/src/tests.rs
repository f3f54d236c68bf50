use std::time::Duration;

use bus::{
    Bus, Envelope, Memory, Subject,
    signature::{Seed, Signer, Verifier},
};
use clap::{CommandFactory, Parser};
use model::{
    AgentKind, ContentHash, JobId, RunId, StepName, Timestamp,
    brief::{self, CampaignBrief},
    job::CampaignInput,
    report::{AuditReport, Verdict},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use wire::{
    convert::outcome::{Answer, Outcome},
    job::v1 as pb,
};
use worker::door;

use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const KIND: &str = "audit_campaign";

/// What comes of an audit of this copy.
async fn audit(hosting: &Hosting, copy: &str) -> (AuditReport, Answer) {
    let bus = Memory::new();
    let signer = Signer::new(&Seed::generate().expect("a seed")).expect("a signer");
    let ports = Ports {
        bus: Arc::new(bus.clone()),
        verifier: Arc::new(Verifier::new([signer.public_key().clone()])),
        door: Arc::new(door::None),
        clock: Arc::new(|| NOW),
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(
        Service::build(hosting, &Judge::default(), ports)
            .expect("built")
            .run(CancellationToken::new()),
    );

    let kind = AgentKind::new(KIND).expect("kind");
    let run = RunId::new("r1").expect("run");
    let step = StepName::new("audit").expect("step");
    let id = JobId::derive(&run, &step, "", 0, 1, 1);
    let brief = CampaignBrief {
        must_avoid: vec!["cheap".to_owned()],
        ..CampaignBrief::default()
    };
    let content: Value = serde_json::from_str(copy).expect("JSON");
    let input = json!({
        "input": CampaignInput::new(brief, brief::Options::default()),
        "artifacts": { "copy": { "version": 1, "hash": ContentHash::of(copy.as_bytes()), "content": content } },
        "of": ["copy"],
    });
    let job = pb::Job {
        id: id.to_string(),
        token: 1,
        tenant: "acme".to_owned(),
        run_id: run.to_string(),
        step: step.to_string(),
        agent: kind.to_string(),
        attempt: 1,
        revision: 1,
        timeout_ms: 60_000,
        expires: Some(NOW.after(Duration::from_secs(60)).into()),
        partition: 0,
        input_json: input.to_string(),
    };
    let mut batch = [Envelope {
        subject: Subject::job(&kind, &id),
        id: format!("{id}.1"),
        kind: "pressrun.job.v1.Job".to_owned(),
        traceparent: String::new(),
        signature: String::new(),
        body: wire::json::to_json(&job).expect("json").into(),
    }];
    signer.sign_batch(&mut batch);
    assert_eq!(bus.publish(batch.into()).await, [Ok(())]);
    let mut outcomes = bus.pull(&Subject::outcomes_of(0)).await.expect("outcomes");
    let batch = outcomes.next(1).await.expect("an outcome");
    let wire: pb::Outcome =
        wire::json::from_json(&batch[0].envelope().body, 1 << 20).expect("an outcome");
    let answer = Outcome::try_from(wire).expect("a good outcome").answer;
    let Answer::Product(product) = &answer else {
        panic!("no report: {answer:?}");
    };
    (
        serde_json::from_str(&product.content).expect("a report"),
        answer,
    )
}

const CHEAP: &str = r#"{"headline_options":["Cheap shoes","b","c"],"subhead":"s","body":"b","key_benefits":[],
    "call_to_action":{"label":"Buy","url":"https://example.com/"},
    "seo":{"title":"t","description":"d","keywords":[]},"claims":[]}"#;

#[test]
fn the_command_line_is_sound() {
    Options::command().debug_assert();
    let help = Options::command().render_long_help().to_string();
    for part in [
        "Examples:",
        "PRESSRUN_NATS_URL",
        "PRESSRUN_VERIFY_KEYS",
        "For the benchmark only",
    ] {
        assert!(help.contains(part), "{part} is missing in\n{help}");
    }
    assert!(Options::try_parse_from([ROLE, "--verify-keys", "nonsense"]).is_err());
}

#[tokio::test]
async fn the_rules_judge_what_a_signed_job_names() {
    let (report, answer) = audit(&Hosting::default(), CHEAP).await;
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.quote.eq_ignore_ascii_case("cheap"))
    );
    let Answer::Product(product) = answer else {
        panic!("no product");
    };
    assert_eq!(
        product.facts.keys().collect::<Vec<_>>(),
        ["findings", "score", "verdict"]
    );
}

#[tokio::test]
async fn the_benchmark_auditor_passes_everything() {
    let noop = vec![AgentKind::new(KIND).expect("kind")];
    let (report, answer) = audit(
        &Hosting {
            noop,
            ..Hosting::default()
        },
        CHEAP,
    )
    .await;
    assert_eq!((report.verdict, report.findings.len()), (Verdict::Pass, 0));
    let Answer::Product(product) = answer else {
        panic!("no product");
    };
    assert_eq!(
        product.facts.keys().collect::<Vec<_>>(),
        ["findings", "score", "verdict"]
    );
}
