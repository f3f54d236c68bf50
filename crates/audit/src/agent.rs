//! The judges as an agent: kind `audit_campaign`.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use llm::{Price, Provider};
use model::{
    AgentKind, ErrorClass, Failure,
    fact::{Fact, FactType},
    job::{CampaignInput, JobInput, Product},
    limits::MAX_ARTIFACT_BYTES,
    report::AuditReport,
    usage::{Provenance, Usage},
};
use serde_json::{Value, json};
use tokio::time::Instant;
use worker::{Agent, AgentCard, Assignment};

use crate::{
    catalogue::RULES_VERSION,
    judge::{findings, report},
    piece::{Piece, Unreadable},
    second::{Opinion, Second},
};

/// The agent kind that definitions name.
pub const KIND: &str = "audit_campaign";
/// What the rules call themselves where a model would be named.
pub(crate) const RULES: &str = "rules";

/// The auditor of workflow `campaign`: judges by the rules what the step's `of` names.
pub fn auditor() -> impl Agent {
    Auditor {
        card: card(None),
        second: None,
    }
}

/// The same, with a model as second judge.
pub fn auditor_with(model: Arc<dyn Provider>) -> impl Agent {
    let second = Second::new(model);
    Auditor {
        card: card(Some(&second)),
        second: Some(second),
    }
}

struct Auditor {
    card: AgentCard,
    second: Option<Second>,
}

#[async_trait]
impl Agent for Auditor {
    fn card(&self) -> &AgentCard {
        &self.card
    }

    async fn perform(&self, assignment: &Assignment) -> Result<Product, Failure> {
        let start = Instant::now();
        let (input, pieces) = read(&assignment.input)?;
        // Up to a megabyte of text against a hundred terms: too long for a runtime thread.
        let judged = tokio::task::spawn_blocking(move || {
            let found = findings(&input, &pieces);
            (input, pieces, found)
        });
        let (input, pieces, mut found) = judged.await.map_err(|broken| {
            Failure::new(ErrorClass::Internal, format!("the rules broke: {broken}"))
        })?;
        let opinion = match &self.second {
            None => Opinion::default(),
            Some(second) => second.judge(&input.brief, &pieces, &found).await,
        };
        found.extend(opinion.findings);
        let mut report = report(found);
        report.notes = opinion.notes;
        if let Some(model) = &opinion.model {
            report.auditor = with_model(model);
        }
        let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        product(&report, opinion.usage, duration_ms)
    }
}

/// The name of the rules and a model together.
fn with_model(model: &str) -> String {
    format!("{RULES}+model:{model}")
}

fn card(second: Option<&Second>) -> AgentCard {
    let price = second.map_or_else(Price::default, |second| second.provider().price());
    AgentCard {
        kind: AgentKind::new(KIND).unwrap_or_else(|fault| unreachable!("a constant: {fault}")),
        output_schema: output_schema(),
        facts: [
            ("score", FactType::Number),
            ("verdict", FactType::Text),
            ("findings", FactType::Number),
        ]
        .map(|(name, kind)| (name.to_owned(), kind))
        .into(),
        model: second.map_or_else(
            || RULES.to_owned(),
            |second| with_model(second.provider().model()),
        ),
        version: RULES_VERSION.to_owned(),
        max_output_bytes: MAX_ARTIFACT_BYTES,
        input_price_microusd: price.input_microusd,
        output_price_microusd: price.output_microusd,
    }
}

/// The typed input, or why it cannot be judged: another attempt would see the same.
fn read(input: &JobInput) -> Result<(CampaignInput, Vec<Piece>), Failure> {
    let invalid = |message: String| Failure::new(ErrorClass::InvalidInput, message);
    let campaign = serde_json::from_str(input.input.get()).map_err(|fault| {
        invalid(format!(
            "the run's input is no campaign input (line {}, column {})",
            fault.line(),
            fault.column()
        ))
    })?;
    let steps: BTreeSet<_> = input.of.iter().collect();
    if steps.is_empty() {
        return Err(invalid(
            "there is nothing to audit: `of` of the audit step names no step with an artifact"
                .into(),
        ));
    }
    let pieces = steps
        .into_iter()
        .map(|step| {
            let artifact = input.artifacts.get(step).ok_or_else(|| {
                invalid(format!(
                    "the artifact of step `{step}` did not come with the job"
                ))
            })?;
            Piece::read(step, &artifact.hash, artifact.content.get())
                .map_err(|fault: Unreadable| invalid(fault.to_string()))
        })
        .collect::<Result<_, _>>()?;
    Ok((campaign, pieces))
}

fn product(report: &AuditReport, usage: Usage, duration_ms: u64) -> Result<Product, Failure> {
    let content = serde_json::to_string(report).map_err(|fault| {
        Failure::new(
            ErrorClass::Internal,
            format!("the report could not be written: {fault}"),
        )
        .used(usage)
    })?;
    // At most `MAX_FINDINGS` + 1, exact in a double.
    let findings = u32::try_from(report.findings.len()).unwrap_or(u32::MAX);
    Ok(Product {
        content,
        facts: [
            ("score", Fact::Number(report.score)),
            ("verdict", Fact::Text(report.verdict.as_str().to_owned())),
            ("findings", Fact::Number(f64::from(findings))),
        ]
        .map(|(name, fact)| (name.to_owned(), fact))
        .into(),
        provenance: Provenance {
            agent: KIND.to_owned(),
            model: report.auditor.clone(),
            prompt_version: RULES_VERSION.to_owned(),
            // The worker that hosts the agent knows its own name.
            worker: String::new(),
            usage,
            duration_ms,
        },
        media: Vec::new(),
    })
}

fn output_schema() -> Value {
    let text = json!({ "type": "string" });
    let offset = json!({ "type": "integer", "minimum": 0 });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "AuditReport",
        "type": "object",
        "additionalProperties": false,
        "required": ["verdict", "score", "findings", "rules_version", "auditor"],
        "properties": {
            "verdict": { "enum": ["pass", "pass_with_warnings", "fail"] },
            "score": { "type": "number", "minimum": 0, "maximum": 1 },
            "rules_version": text,
            "auditor": text,
            "notes": { "type": "array", "items": text },
            "findings": { "type": "array", "items": {
                "type": "object",
                "additionalProperties": false,
                "required": ["rule", "category", "severity", "step", "artifact_version", "quote", "rationale", "suggestion"],
                "properties": {
                    "rule": text,
                    "category": { "enum": [
                        "brand_voice", "terms", "unsupported_claims", "regulated_claims", "disclosures",
                        "platform_rules", "inclusive_language", "personal_data", "accessibility",
                        "readability", "links", "language"
                    ] },
                    "severity": { "enum": ["info", "warning", "violation", "blocker"] },
                    "step": text,
                    "artifact_version": text,
                    "span": {
                        "type": "object",
                        "additionalProperties": false,
                        "required": ["path", "start", "end"],
                        "properties": { "path": text, "start": offset, "end": offset }
                    },
                    "quote": text,
                    "rationale": text,
                    "suggestion": text
                }
            } }
        }
    })
}

#[cfg(test)]
mod tests;
