//! Agents that do nothing, for the benchmark only: each answers at once, or after a delay, with an
//! artifact of about 2 KB (`spec/performance.md`). They measure the orchestration, and never write copy.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use model::{
    AgentKind, Failure,
    fact::{Fact, FactType, Facts},
    job::Product,
    limits::MAX_ARTIFACT_BYTES,
    report::{AuditReport, Verdict},
    usage::Provenance,
};
use serde_json::{Value, json};

use crate::agent::{Agent, AgentCard, Assignment};

/// Size of the artifacts, bytes.
const SIZE: usize = 2 * 1024;
/// Auditors are named `audit_<name>`.
const AUDITOR: &str = "audit_";

/// An agent that does nothing.
pub struct Noop {
    card: AgentCard,
    content: String,
    facts: Facts,
    delay: Duration,
}

impl Noop {
    /// An agent of this kind that answers after `delay`: an audit report when the kind begins with
    /// `audit_`, else an artifact, of the kind's own shape where the workflow `campaign` has one.
    pub fn new(kind: AgentKind, delay: Duration) -> Self {
        let facts = if kind.as_str().starts_with(AUDITOR) {
            Facts::from([
                ("score".to_owned(), Fact::Number(1.0)),
                (
                    "verdict".to_owned(),
                    Fact::Text(Verdict::Pass.as_str().to_owned()),
                ),
                ("findings".to_owned(), Fact::Number(0.0)),
            ])
        } else {
            Facts::new()
        };
        let card = AgentCard {
            output_schema: json!({ "type": "object" }),
            facts: facts
                .iter()
                .map(|(name, fact)| (name.clone(), fact.kind()))
                .collect::<BTreeMap<_, FactType>>(),
            model: "noop".to_owned(),
            version: "1".to_owned(),
            max_output_bytes: MAX_ARTIFACT_BYTES,
            input_price_microusd: 0,
            output_price_microusd: 0,
            kind,
        };
        let content = content(card.kind.as_str());
        Self {
            card,
            content,
            facts,
            delay,
        }
    }
}

#[async_trait]
impl Agent for Noop {
    fn card(&self) -> &AgentCard {
        &self.card
    }

    async fn perform(&self, _assignment: &Assignment) -> Result<Product, Failure> {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        Ok(Product {
            content: self.content.clone(),
            facts: self.facts.clone(),
            provenance: Provenance {
                agent: self.card.kind.to_string(),
                model: self.card.model.clone(),
                prompt_version: self.card.version.clone(),
                ..Provenance::default()
            },
            media: Vec::new(),
        })
    }
}

fn content(kind: &str) -> String {
    let filler = |used: usize| "noop ".repeat(SIZE.saturating_sub(used) / 5);
    let make = |text: &str| -> Value {
        match kind {
            "copy" => json!({
                "headline_options": ["One", "Two", "Three"], "subhead": "Sub", "body": text, "key_benefits": ["None"],
                "call_to_action": { "label": "Go", "url": "https://example.com" },
                "seo": { "title": "T", "description": "D", "keywords": [] }, "claims": [],
            }),
            "short_copy" => json!({ "platforms": { "linkedin": [
                { "text": text, "hashtags": [], "link": null, "character_count": text.len() },
            ] } }),
            "visual_concept" => json!({
                "title": "T", "rationale": text, "composition": "C", "palette": [{ "hex": "#000000", "role": "text" }],
                "typography": { "headline": "H", "body": "B", "notes": "N" }, "image_prompt": "P", "alt_text": "A",
            }),
            _ => json!({ "text": text }),
        }
    };
    if kind.starts_with(AUDITOR) {
        let report = AuditReport {
            verdict: Verdict::Pass,
            score: 1.0,
            findings: Vec::new(),
            rules_version: "noop".to_owned(),
            auditor: "noop".to_owned(),
            notes: Vec::new(),
        };
        return json!(report).to_string();
    }
    make(&filler(make("").to_string().len())).to_string()
}

#[cfg(test)]
mod tests {
    use model::artifact::{CopyArtifact, ShortCopyArtifact, VisualConceptArtifact};

    use super::*;
    use crate::product;

    fn of(kind: &str) -> Noop {
        Noop::new(AgentKind::new(kind).expect("kind"), Duration::ZERO)
    }

    #[test]
    fn every_answer_is_taken_and_of_its_shape() {
        for kind in [
            "copy",
            "short_copy",
            "visual_concept",
            "step_1",
            "audit_campaign",
        ] {
            let agent = of(kind);
            let made = Product {
                content: agent.content.clone(),
                facts: agent.facts.clone(),
                provenance: Provenance::default(),
                media: Vec::new(),
            };
            product::check(agent.card(), &made).expect("in order");
            if !kind.starts_with(AUDITOR) {
                let size = made.content.len();
                assert!(size.abs_diff(SIZE) < 64, "{kind}: {size}");
            }
        }
        let read = |kind: &str| of(kind).content;
        serde_json::from_str::<CopyArtifact>(&read("copy")).expect("copy");
        serde_json::from_str::<ShortCopyArtifact>(&read("short_copy")).expect("short copy");
        serde_json::from_str::<VisualConceptArtifact>(&read("visual_concept")).expect("concept");
        serde_json::from_str::<AuditReport>(&read("audit_campaign")).expect("report");
    }
}
