//! What the messages' types do not say: limits, formats and names of fields, from the constants that the
//! checks themselves use.

use std::{collections::BTreeMap, sync::LazyLock};

use model::{
    RunStatus,
    brief::{
        DELIVERABLES, MAX_KEY_MESSAGES, MAX_LIST, MAX_RESOURCE_BYTES, MAX_TEXT_CHARS,
        MAX_TIMEOUT_SECONDS,
    },
    id::MAX_ID_BYTES,
    library::{Kind, MAX_PLACEHOLDERS},
};
use serde_json::{Value, json};

/// Fields that a request must have, by message.
const NEEDED: [(&str, &[&str]); 8] = [
    (
        "pressrun.campaign.v1.CampaignBrief",
        &[
            "name",
            "objective",
            "audience",
            "offer",
            "key_messages",
            "call_to_action",
        ],
    ),
    ("pressrun.campaign.v1.Brand", &["name"]),
    ("pressrun.campaign.v1.ProofPoint", &["claim"]),
    ("pressrun.campaign.v1.RegenerateRequest", &["step"]),
    ("pressrun.run.v1.RegenerateRequest", &["step"]),
    ("pressrun.campaign.v1.TemplateUse", &["name"]),
    ("pressrun.library.v1.Placeholder", &["name"]),
    ("pressrun.library.v1.Template", &["brief"]),
];

/// The fields that a message must have when it is sent to us.
pub(super) fn needed(message: &str) -> &'static [&'static str] {
    NEEDED
        .iter()
        .find(|(name, _)| *name == message)
        .map_or(&[], |(_, fields)| fields)
}

/// More of a field's schema.
pub(super) fn of(message: &str, field: &str) -> Option<&'static Value> {
    FACTS.get(format!("{message}.{field}").as_str())
}

/// All facts, by field.
pub(super) static FACTS: LazyLock<BTreeMap<&'static str, Value>> = LazyLock::new(|| {
    let text = json!({ "minLength": 1, "maxLength": MAX_TEXT_CHARS });
    let texts =
        json!({ "maxItems": MAX_LIST, "items": { "minLength": 1, "maxLength": MAX_TEXT_CHARS } });
    let id = json!({ "pattern": format!("^[a-z0-9_-]{{1,{MAX_ID_BYTES}}}$") });
    let hash = json!({ "pattern": "^[0-9a-f]{64}$" });
    let status = json!({ "enum": RunStatus::ALL.map(RunStatus::as_str) });
    let any_status: Vec<_> = [""]
        .into_iter()
        .chain(RunStatus::ALL.map(RunStatus::as_str))
        .collect();
    let mut facts = BTreeMap::new();
    let mut add = |fact: &Value, fields: &[&'static str]| {
        for field in fields {
            facts.insert(*field, fact.clone());
        }
    };
    add(
        &text,
        &[
            "pressrun.campaign.v1.CampaignBrief.name",
            "pressrun.campaign.v1.CampaignBrief.objective",
            "pressrun.campaign.v1.CampaignBrief.audience",
            "pressrun.campaign.v1.CampaignBrief.offer",
            "pressrun.campaign.v1.Brand.name",
            "pressrun.campaign.v1.ProofPoint.claim",
            "pressrun.campaign.v1.ProofPoint.source",
            "pressrun.campaign.v1.Resource.name",
        ],
    );
    add(
        &texts,
        &[
            "pressrun.campaign.v1.CampaignBrief.must_include",
            "pressrun.campaign.v1.CampaignBrief.must_avoid",
            "pressrun.campaign.v1.CampaignBrief.disclaimers",
            "pressrun.campaign.v1.Brand.fonts",
            "pressrun.campaign.v1.Brand.banned_terms",
            "pressrun.campaign.v1.Brand.required_disclosures",
            "pressrun.campaign.v1.Voice.adjectives",
            "pressrun.campaign.v1.Voice.do",
            "pressrun.campaign.v1.Voice.dont",
        ],
    );
    add(
        &json!({
            "minItems": 1,
            "maxItems": MAX_KEY_MESSAGES,
            "items": { "minLength": 1, "maxLength": MAX_TEXT_CHARS },
        }),
        &["pressrun.campaign.v1.CampaignBrief.key_messages"],
    );
    add(
        &json!({ "maxItems": MAX_LIST }),
        &[
            "pressrun.campaign.v1.CampaignBrief.platforms",
            "pressrun.campaign.v1.CampaignBrief.proof_points",
            "pressrun.campaign.v1.CampaignBrief.resources",
        ],
    );
    add(
        &json!({ "items": { "enum": DELIVERABLES } }),
        &["pressrun.campaign.v1.CampaignBrief.deliverables"],
    );
    add(
        &json!({ "maxItems": MAX_LIST, "items": { "pattern": "^#[0-9A-Fa-f]{6}$" } }),
        &["pressrun.campaign.v1.Brand.palette"],
    );
    add(
        &json!({ "pattern": "^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*)?$", "maxLength": 35 }),
        &["pressrun.campaign.v1.CampaignBrief.language"],
    );
    add(
        &json!({ "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9])?$" }),
        &["pressrun.campaign.v1.Brand.post_at"],
    );
    add(
        &json!({ "format": "uri" }),
        &["pressrun.campaign.v1.CallToAction.url"],
    );
    add(
        &json!({ "maxLength": MAX_RESOURCE_BYTES }),
        &["pressrun.campaign.v1.Resource.text"],
    );
    add(
        &hash,
        &[
            "pressrun.campaign.v1.Resource.blob",
            "pressrun.artifact.v1.ArtifactVersion.hash",
            "pressrun.campaign.v1.Version.hash",
        ],
    );
    add(
        &json!({ "enum": ["", "parallel", "sequential"] }),
        &["pressrun.campaign.v1.Options.mode"],
    );
    add(
        &json!({ "maximum": 5 }),
        &["pressrun.campaign.v1.Options.priority"],
    );
    add(
        &json!({ "exclusiveMinimum": 0 }),
        &["pressrun.campaign.v1.Options.max_cost_usd"],
    );
    add(
        &json!({ "minimum": 1 }),
        &["pressrun.campaign.v1.Options.max_tokens"],
    );
    add(
        &json!({ "minimum": 1, "maximum": MAX_TIMEOUT_SECONDS }),
        &["pressrun.campaign.v1.Options.timeout_seconds"],
    );
    add(
        &json!({ "maxLength": 200 }),
        &["pressrun.campaign.v1.Options.idempotency_key"],
    );
    add(
        &status,
        &[
            "pressrun.run.v1.Run.status",
            "pressrun.run.v1.CancelResponse.status",
            "pressrun.run.v1.ExplainResponse.status",
            "pressrun.campaign.v1.CancelResponse.status",
        ],
    );
    add(
        &json!({ "enum": any_status }),
        &["pressrun.run.v1.ListRequest.status"],
    );
    add(
        &json!({ "enum": ["running", "success", "partial_success", "failed", "cancelled"] }),
        &["pressrun.campaign.v1.OrchestrationResult.status"],
    );
    add(
        &id,
        &[
            "pressrun.campaign.v1.GetRequest.run_id",
            "pressrun.campaign.v1.CancelRequest.run_id",
            "pressrun.campaign.v1.RegenerateRequest.run_id",
            "pressrun.run.v1.GetRequest.run_id",
            "pressrun.run.v1.ExplainRequest.run_id",
            "pressrun.run.v1.ListEventsRequest.run_id",
            "pressrun.run.v1.CancelRequest.run_id",
            "pressrun.run.v1.RegenerateRequest.run_id",
            "pressrun.artifact.v1.ListVersionsRequest.run_id",
            "pressrun.artifact.v1.GetVersionRequest.run_id",
        ],
    );
    // An item is named after its step.
    let item = format!("^[a-z0-9_-]{{1,{MAX_ID_BYTES}}}(\\.(0|[1-9][0-9]{{0,4}}))?$");
    add(
        &json!({ "pattern": item }),
        &[
            "pressrun.campaign.v1.RegenerateRequest.step",
            "pressrun.run.v1.RegenerateRequest.step",
            "pressrun.artifact.v1.GetVersionRequest.step",
        ],
    );
    let kinds = json!({ "enum": Kind::ALL.map(Kind::as_str) });
    add(
        &kinds,
        &[
            "pressrun.library.v1.Entry.kind",
            "pressrun.library.v1.PutRequest.kind",
            "pressrun.library.v1.GetRequest.kind",
            "pressrun.library.v1.ListRequest.kind",
            "pressrun.library.v1.ListVersionsRequest.kind",
            "pressrun.library.v1.DeleteRequest.kind",
        ],
    );
    add(
        &id,
        &[
            "pressrun.library.v1.PutRequest.name",
            "pressrun.library.v1.GetRequest.name",
            "pressrun.library.v1.ListVersionsRequest.name",
            "pressrun.library.v1.DeleteRequest.name",
        ],
    );
    add(&hash, &["pressrun.library.v1.Entry.hash"]);
    let reference = format!("^[a-z0-9_-]{{1,{MAX_ID_BYTES}}}(@[1-9][0-9]{{0,9}})?$");
    add(
        &json!({ "pattern": reference }),
        &["pressrun.campaign.v1.TemplateUse.name"],
    );
    add(
        &json!({ "pattern": format!("^([a-z0-9_-]{{1,{MAX_ID_BYTES}}}(@[1-9][0-9]{{0,9}})?)?$") }),
        &["pressrun.campaign.v1.TemplateUse.brand_ref"],
    );
    add(
        &json!({ "maxItems": MAX_LIST, "items": { "pattern": reference } }),
        &["pressrun.campaign.v1.TemplateUse.resource_refs"],
    );
    add(
        &json!({ "maxItems": MAX_LIST }),
        &["pressrun.campaign.v1.CampaignBrief.resource_refs"],
    );
    add(
        &json!({ "maxItems": MAX_PLACEHOLDERS }),
        &["pressrun.library.v1.Template.placeholders"],
    );
    add(
        &json!({ "enum": ["", "text", "number", "date", "url"] }),
        &["pressrun.library.v1.Placeholder.kind"],
    );
    // Here empty means any.
    add(
        &json!({ "pattern": format!("^[a-z0-9_-]{{0,{MAX_ID_BYTES}}}$") }),
        &["pressrun.run.v1.ListRequest.campaign_id"],
    );
    add(
        &json!({ "pattern": format!("^({})?$", item.trim_start_matches('^').trim_end_matches('$')) }),
        &["pressrun.artifact.v1.ListVersionsRequest.step"],
    );
    facts
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::contract::{Contract, Kind, Shape};

    #[test]
    fn every_fact_is_of_a_field_that_there_is() {
        let contract = Contract::get();
        let field = |path: &str| {
            let (message, field) = path.rsplit_once('.').expect("a field");
            contract.message(message)?.field(field)
        };
        for (path, fact) in FACTS.iter() {
            let field = field(path).unwrap_or_else(|| panic!("there is no field {path}"));
            let has = |name: &str| fact.get(name).is_some();
            match (field.shape, &field.kind) {
                (Shape::Many, _) => assert!(has("items") || has("maxItems"), "{path}"),
                (_, Kind::Text) => assert!(!has("items") && !has("minimum"), "{path}"),
                _ => assert!(
                    has("minimum") || has("maximum") || has("exclusiveMinimum"),
                    "{path}"
                ),
            }
        }
        for (message, fields) in NEEDED {
            for name in fields {
                assert!(
                    field(&format!("{message}.{name}")).is_some(),
                    "{message}.{name}"
                );
            }
        }
    }
}
