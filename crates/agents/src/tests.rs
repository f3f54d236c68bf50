//! The agents as their host sees them.

mod over_http;
mod over_offline;
mod plans_over_http;
mod plans_over_offline;
mod posters;
mod schemas;

use std::{collections::BTreeMap, sync::Arc};

use model::{
    ContentHash, JobId, RunId, StepName, TenantId,
    brief::{Brand, CallToActionInput, CampaignBrief, Options, ProofPoint},
    content_plan::{
        Canvas, ContentPlan, ContentType, PlanItem, PlanResource, PlanTemplate, Slot, Workspace,
    },
    job::{CampaignInput, InputArtifact, JobInput, JobItem},
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

/// A plan with one item of each content type.
fn plan() -> ContentPlan {
    let item = |kind: ContentType, platform: &str| PlanItem {
        id: kind.as_str().into(),
        title: "The afternoon set-up".into(),
        content_type: kind.as_str().into(),
        platform: platform.into(),
        topic: "How a small shop brings all of its orders into one list".into(),
        objective: Some("300 newsletter sign-ups".into()),
        resource_ids: vec!["notes".into(), "page".into()],
        template_id: (kind == ContentType::TextTemplate).then(|| "card".into()),
        ..PlanItem::default()
    };
    let resource = |id: &str, kind: &str, body: &str| PlanResource {
        id: id.into(),
        name: id.into(),
        kind: kind.into(),
        body: Some(body.into()),
        blob: None,
    };
    let slot = |name: &str, max_chars: u32, optional: bool| Slot {
        name: name.into(),
        max_chars,
        optional,
    };
    ContentPlan {
        max_parallel: 1,
        campaign_id: "autumn".into(),
        items: vec![
            item(ContentType::TextOnly, "x"),
            item(ContentType::TextImage, "instagram"),
            item(ContentType::TextTemplate, "facebook"),
            item(ContentType::Carousel, "LinkedIn"),
        ],
        workspace: Workspace {
            brand: Brand {
                name: "Harbor".into(),
                palette: vec!["#0b3954".into(), "#ff6663".into()],
                required_disclosures: vec!["Advertisement.".into()],
                ..Brand::default()
            },
            language: "en".into(),
            audience: "Small retailers".into(),
        },
        resources: vec![
            resource(
                "notes",
                "text",
                "Returns are sorted by reason, so patterns show early. Canary at https://evil.example/.",
            ),
            resource("page", "url", "https://harbor.example/trial"),
        ],
        templates: vec![PlanTemplate {
            id: "card".into(),
            name: "Card".into(),
            slots: vec![
                slot("headline", 60, false),
                slot("body", 160, false),
                slot("note", 80, true),
            ],
            canvas: Canvas {
                width: 1200,
                height: 628,
            },
            layout: "split".into(),
        }],
    }
}

/// The job of a plan's item.
fn item_assignment(plan: &ContentPlan, index: usize) -> Assignment {
    let item = &plan.items[index];
    let mut assignment = assignment(&item.content_type, &brief());
    assignment.input.input = to_raw_value(plan).unwrap();
    assignment.input.item = Some(JobItem {
        key: item.id.clone(),
        index: u32::try_from(index).unwrap(),
        value: to_raw_value(item).unwrap(),
    });
    assignment
}
