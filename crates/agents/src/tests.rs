//! The agents as their host sees them.

mod over_http;
mod over_offline;
mod posters;
mod schemas;

use std::{collections::BTreeMap, sync::Arc};

use model::{
    ContentHash, JobId, RunId, StepName, TenantId,
    brief::{Brand, CallToActionInput, CampaignBrief, Options, ProofPoint},
    job::{CampaignInput, InputArtifact, JobInput},
};
use serde_json::value::{RawValue, to_raw_value};
use worker::{Agent, Assignment};

fn brief() -> CampaignBrief {
    CampaignBrief {
        name: "Autumn launch".into(),
        objective: "500 sign-ups".into(),
        audience: "Small retailers".into(),
        offer: "Three months at half the price".into(),
        brand: Brand {
            name: "Harbor".into(),
            ..Brand::default()
        },
        key_messages: vec!["All orders in one list".into(), "Leave any month".into()],
        proof_points: vec![ProofPoint {
            claim: "1,200 shops use Harbor".into(),
            source: Some("Annual report 2025".into()),
        }],
        call_to_action: CallToActionInput {
            label: "Start the trial".into(),
            url: "https://harbor.example/trial".into(),
        },
        platforms: vec!["x".into(), "linkedin".into()],
        language: "en".into(),
        ..CampaignBrief::default()
    }
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn assignment(step: &str, brief: &CampaignBrief) -> Assignment {
    let run = RunId::new("run-1").unwrap();
    let step = StepName::new(step).unwrap();
    Assignment {
        tenant: TenantId::new("acme").unwrap(),
        job: JobId::derive(&run, &step, "", 1, 1, 1),
        run,
        step,
        attempt: 1,
        revision: 1,
        input: JobInput {
            input: to_raw_value(&CampaignInput::new(brief.clone(), Options::default())).unwrap(),
            artifacts: BTreeMap::new(),
            of: Vec::new(),
            note: None,
            previous: None,
            item: None,
            recovery: None,
        },
        live: worker::Live::default(),
    }
}

fn earlier(content: &str) -> InputArtifact {
    InputArtifact {
        version: 1,
        hash: ContentHash::of(content.as_bytes()),
        content: raw(content),
    }
}

fn agent(kind: &str, provider: Arc<dyn llm::Provider>) -> Arc<dyn Agent> {
    let all = crate::catalogue(provider).unwrap();
    all.into_iter()
        .find(|a| a.card().kind.as_str() == kind)
        .unwrap()
}
