use std::{collections::BTreeMap, time::Duration};

use bus::{
    Bus, Envelope, Memory, Subject,
    signature::{Seed, Signer, Verifier},
};
use clap::{CommandFactory, Parser};
use model::{
    AgentKind, JobId, RunId, StepName, TenantId, Timestamp,
    artifact::CopyArtifact,
    brief::{self, CampaignBrief},
    job::CampaignInput,
};
use serde_json::json;
use tokio::{task::JoinSet, time::timeout};
use wire::{
    convert::outcome::{Answer, Outcome},
    events::v1::Delta,
    job::v1 as pb,
};
use worker::door;

use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// The service on an in-memory bus, running.
struct Running {
    bus: Memory,
    signer: Signer,
    tasks: JoinSet<()>,
}

fn start(settings: &Settings) -> Running {
    let bus = Memory::new();
    let signer = Signer::new(&Seed::generate().expect("a seed")).expect("a signer");
    let ports = Ports {
        bus: Arc::new(bus.clone()),
        verifier: Arc::new(Verifier::new([signer.public_key().clone()])),
        door: Arc::new(door::None),
        clock: Arc::new(|| NOW),
    };
    let service = Service::build(settings, ports).expect("built");
    let mut tasks = JoinSet::new();
    tasks.spawn(service.run(CancellationToken::new()));
    Running { bus, signer, tasks }
}

impl Running {
    /// What comes of a job for an agent of this kind.
    async fn answer(&self, kind: &str, input: serde_json::Value) -> Answer {
        let kind = AgentKind::new(kind).expect("kind");
        let run = RunId::new("r1").expect("run");
        let step = StepName::new("copy").expect("step");
        let id = JobId::derive(&run, &step, "", 0, 1, 1);
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
            input_json: json!({ "input": input }).to_string(),
        };
        let mut batch = [Envelope {
            subject: Subject::job(&kind, &id),
            id: format!("{id}.1"),
            kind: "pressrun.job.v1.Job".to_owned(),
            traceparent: String::new(),
            signature: String::new(),
            body: wire::json::to_json(&job).expect("json").into(),
        }];
        self.signer.sign_batch(&mut batch);
        assert_eq!(self.bus.publish(batch.into()).await, [Ok(())]);
        let mut outcomes = self
            .bus
            .pull(&Subject::outcomes_of(0))
            .await
            .expect("outcomes");
        let batch = outcomes.next(1).await.expect("an outcome");
        let wire: pb::Outcome =
            wire::json::from_json(&batch[0].envelope().body, 1 << 20).expect("an outcome");
        Outcome::try_from(wire).expect("a good outcome").answer
    }
}

fn brief() -> CampaignBrief {
    CampaignBrief {
        name: "Spring".to_owned(),
        objective: "Sell the new kettle".to_owned(),
        audience: "People who drink tea".to_owned(),
        offer: "Ten percent off".to_owned(),
        key_messages: vec!["It boils in a minute".to_owned()],
        brand: brief::Brand {
            name: "Kessel".to_owned(),
            ..brief::Brand::default()
        },
        call_to_action: brief::CallToActionInput {
            label: "Order now".to_owned(),
            url: "https://example.com/kettle".to_owned(),
        },
        platforms: vec!["linkedin".to_owned()],
        language: "en".to_owned(),
        ..CampaignBrief::default()
    }
}

#[test]
fn the_command_line_is_sound() {
    Options::command().debug_assert();
    let help = Options::command().render_long_help().to_string();
    for part in [
        "Examples:",
        "PRESSRUN_MODEL_URL",
        "PRESSRUN_VERIFY_KEYS",
        "For the benchmark only",
    ] {
        assert!(help.contains(part), "{part} is missing in\n{help}");
    }
    assert!(
        !Options::command()
            .render_help()
            .to_string()
            .contains("noop")
    );
}

#[test]
fn options_that_cannot_work_are_refused() {
    let key = Signer::new(&Seed::generate().expect("seed"))
        .expect("signer")
        .public_key()
        .to_string();
    let parse =
        |more: &[&str]| Options::try_parse_from([&[ROLE, "--verify-keys", &key], more].concat());
    assert!(parse(&[]).is_ok());
    for bad in [
        &["--verify-keys", "nonsense"][..],
        &["--model-url", "http://localhost:1/v1"],
        &["--model-provider", "other", "--model", "m"],
        &["--live-text", "perhaps"],
        &["--noop-delay-ms", "5"],
        &["--noop", "Not A Kind"],
        &["--slots", "many"],
        &["--listen", "here"],
    ] {
        assert!(parse(bad).is_err(), "{bad:?}");
    }
    let keys = format!("{key},{key}");
    let two = Options::try_parse_from([ROLE, "--verify-keys", &keys]).expect("two keys");
    assert_eq!(two.connection.verify_keys.len(), 2);
}

/// One key in 64 does: they are base64url.
#[test]
fn a_key_that_begins_with_a_hyphen_is_no_flag() {
    let key = std::iter::repeat_with(|| Seed::generate().expect("seed"))
        .map(|seed| Signer::new(&seed).expect("signer").public_key().to_string())
        .find(|key| key.starts_with('-'))
        .expect("such a key");
    let options = Options::try_parse_from([ROLE, "--verify-keys", &key]).expect("a key");
    assert_eq!(options.connection.verify_keys[0].to_string(), key);
}

#[test]
fn an_empty_model_url_means_the_built_in_writer() {
    let settings = |url: &str| Settings {
        model: llm::Settings {
            model_url: Some(url.to_owned()),
            ..llm::Settings::default()
        },
        ..Settings::default()
    };
    assert_eq!(
        settings(" ").provider().expect("offline").model(),
        Offline.model()
    );
    assert!(settings("ftp://x").provider().is_err());
}

#[tokio::test]
async fn the_built_in_writer_writes_what_a_signed_job_asks_for() {
    let running = start(&Settings::default());
    let input = CampaignInput::new(brief(), brief::Options::default());
    let answer = running.answer("copy", json!(input)).await;
    let Answer::Product(product) = answer else {
        panic!("no product: {answer:?}");
    };
    let copy: CopyArtifact = serde_json::from_str(&product.content).expect("copy");
    assert!(copy.headline_options.len() >= 3);
    assert_eq!(product.provenance.model, Offline.model());
    assert_eq!(running.tasks.len(), 1);
}

#[tokio::test]
async fn what_is_written_is_told_as_prose_unless_it_shall_not_be() {
    for live_text in [None, Some(false)] {
        let running = start(&Settings {
            live_text,
            ..Settings::default()
        });
        let (tenant, run) = (TenantId::new("acme"), RunId::new("r1"));
        let subject = Subject::live(&tenant.expect("tenant"), &run.expect("run"));
        let mut viewer = running.bus.listen(&subject).await.expect("listening");
        let input = CampaignInput::new(brief(), brief::Options::default());
        let Answer::Product(product) = running.answer("copy", json!(input)).await else {
            panic!("no product");
        };
        let copy: CopyArtifact = serde_json::from_str(&product.content).expect("copy");
        // It was all sent before the outcome: nothing more comes.
        let mut told: BTreeMap<String, String> = BTreeMap::new();
        while let Ok(Some((_, body))) = timeout(Duration::ZERO, viewer.next()).await {
            let delta: Delta = wire::json::from_json(&body, 1 << 20).expect("live text");
            assert_eq!((delta.agent.as_str(), delta.draft), ("copy", 1));
            for piece in delta.pieces {
                let text = told.entry(piece.path).or_default();
                assert_eq!(piece.at, text.len() as u64);
                text.push_str(&piece.text);
            }
        }
        if live_text == Some(false) {
            assert!(told.is_empty());
            continue;
        }
        assert_eq!(told["/subhead"], copy.subhead);
        assert_eq!(told["/body"], copy.body);
        assert_eq!(told["/headline_options/2"], copy.headline_options[2]);
        assert!(!told.contains_key("/call_to_action/url"));
    }
}

#[tokio::test]
async fn every_agent_is_announced() {
    let running = start(&Settings::default());
    let mut presence = running
        .bus
        .listen(&Subject::worker_presence())
        .await
        .expect("presence");
    let (_, body) = presence.next().await.expect("open");
    let presence: pb::WorkerPresence = wire::json::from_json(&body, 1 << 20).expect("presence");
    let kinds: Vec<&str> = presence
        .agents
        .iter()
        .map(|agent| agent.kind.as_str())
        .collect();
    assert_eq!(
        kinds,
        [
            "copy",
            "short_copy",
            "visual_concept",
            "text_only",
            "text_image",
            "text_template",
            "carousel",
        ]
    );
    assert!(
        presence.worker.starts_with("agent-worker-"),
        "{}",
        presence.worker
    );
    assert_eq!(running.tasks.len(), 1);
}

#[tokio::test]
async fn the_benchmark_agents_take_the_place_of_the_real_ones() {
    let noop = ["copy", "step_1"].map(|kind| AgentKind::new(kind).expect("kind"));
    let hosting = Hosting {
        noop: noop.into(),
        ..Hosting::default()
    };
    let running = start(&Settings {
        hosting,
        ..Settings::default()
    });
    let Answer::Product(product) = running.answer("step_1", json!({})).await else {
        panic!("no product");
    };
    assert_eq!(product.provenance.model, "noop");
}
