//! The second judge: a model that is asked about what no rule can see.
//!
//! Its word is data. A remark counts only when what it quotes stands in the text letter by letter, and weighs
//! at most a warning unless a rule found the same place in the same respect. Whatever goes wrong with it, the
//! rules' report stands; the report's notes say what became of the model.

use std::sync::Arc;

use llm::{Provider, Request, structured};
use model::{
    ErrorClass, Failure,
    brief::CampaignBrief,
    report::{Category, Finding, Severity, Span},
    usage::Usage,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    limits::{
        MAX_JUDGED_BYTES, MAX_QUOTE_BYTES, MAX_REMARK_CHARS, MAX_REMARKS, MODEL_LIMIT, MODEL_TOKENS,
    },
    piece::{Piece, Role, Text},
};

const SYSTEM: &str = include_str!("../prompts/second.md");
/// What is read by an audience; directions to designers and lists of claims are not.
const ROLES: &[Role] = &[Role::Shown, Role::Search, Role::Picture];

/// A model that judges after the rules.
#[derive(Clone)]
pub(crate) struct Second(Arc<dyn Provider>);

/// What the model had to say.
#[derive(Default)]
pub(crate) struct Opinion {
    /// Remarks that hold, as findings.
    pub(crate) findings: Vec<Finding>,
    /// What a reader of the report should know of how it came about.
    pub(crate) notes: Vec<String>,
    /// What it cost, whatever came of it.
    pub(crate) usage: Usage,
    /// The model that answered, as its provider names it.
    pub(crate) model: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    remarks: Vec<Remark>,
}

#[derive(Deserialize)]
struct Remark {
    text: usize,
    kind: Kind,
    severity: Severity,
    quote: String,
    rationale: String,
    suggestion: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    BrandVoice,
    UnsupportedClaim,
    Tone,
}

impl Kind {
    fn rule(self) -> (&'static str, Category) {
        match self {
            Self::BrandVoice => ("model.brand_voice", Category::BrandVoice),
            Self::UnsupportedClaim => ("model.unsupported_claim", Category::UnsupportedClaims),
            Self::Tone => ("model.tone", Category::BrandVoice),
        }
    }
}

impl Second {
    pub(crate) fn new(provider: Arc<dyn Provider>) -> Self {
        Self(provider)
    }

    pub(crate) fn provider(&self) -> &dyn Provider {
        self.0.as_ref()
    }

    /// Asks about `pieces`; `found` is what the rules found.
    pub(crate) async fn judge(
        &self,
        brief: &CampaignBrief,
        pieces: &[Piece],
        found: &[Finding],
    ) -> Opinion {
        let (texts, left_out) = texts(pieces);
        let mut opinion = Opinion::default();
        if left_out > 0 {
            opinion.notes.push(format!(
                "{left_out} texts were not shown to the model: all together are too long."
            ));
        }
        if texts.is_empty() {
            return opinion;
        }
        let request = request(brief, &texts);
        let checked = timeout(
            MODEL_LIMIT,
            structured::complete_checked(self.provider(), &request),
        )
        .await
        .unwrap_or_else(|_| Err(self.too_late(&request)));
        let checked = match checked {
            Ok(checked) => checked,
            Err(failure) => {
                tracing::info!(class = %failure.class, "the model did not judge");
                opinion.usage = failure.usage;
                opinion.notes.push(format!(
                    "The model did not judge ({}): this is what the rules found alone.",
                    failure.class
                ));
                return opinion;
            }
        };
        opinion.usage = checked.usage;
        opinion.model = Some(checked.model);
        let remarks =
            Answer::deserialize(&checked.value).map_or_else(|_| Vec::new(), |a| a.remarks);
        let all = remarks.len();
        opinion.findings = remarks
            .into_iter()
            .filter_map(|remark| finding(remark, &texts, found))
            .collect();
        let dropped = all - opinion.findings.len();
        if dropped > 0 {
            opinion.notes.push(format!(
                "{dropped} remarks of the model were dropped: what they quote does not stand in the text."
            ));
        }
        opinion
    }

    /// A call that was given up; what it has cost is not known, so it costs its worst case.
    fn too_late(&self, request: &Request) -> Failure {
        let sent = request.system.len() + request.prompt.len() + request.schema.to_string().len();
        let usage = self.0.price().usage(sent as u64, 0, MODEL_TOKENS.into());
        Failure::new(ErrorClass::Timeout, "the model did not judge in time").used(usage)
    }
}

/// The texts to be judged with their pieces, as many as may be shown, and how many are left out.
fn texts(pieces: &[Piece]) -> (Vec<(&Piece, &Text)>, usize) {
    let mut left = MAX_JUDGED_BYTES;
    let (shown, hidden): (Vec<_>, Vec<_>) = pieces
        .iter()
        .flat_map(|piece| piece.texts(ROLES).map(move |text| (piece, text)))
        .filter(|(_, text)| !text.text.trim().is_empty())
        .partition(|(_, text)| {
            let fits = text.text.len() <= left;
            if fits {
                left -= text.text.len();
            }
            fits
        });
    (shown, hidden.len())
}

fn request(brief: &CampaignBrief, texts: &[(&Piece, &Text)]) -> Request {
    let texts: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(number, (piece, text))| {
            json!({ "text": number, "step": piece.step.as_str(), "content": text.text })
        })
        .collect();
    let data = json!({
        "brief": {
            "brand": { "name": brief.brand.name, "voice": brief.brand.voice },
            "objective": brief.objective,
            "audience": brief.audience,
            "offer": brief.offer,
            "key_messages": brief.key_messages,
            "proof_points": brief.proof_points,
            "language": brief.language,
        },
        "texts": texts,
    });
    // No text can end the marks: these characters stand in JSON within strings only.
    let data = data
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026");
    Request {
        task: crate::KIND.to_owned(),
        input: Value::Null,
        system: SYSTEM.to_owned(),
        prompt: format!("Judge the texts.\n\n<data>\n{data}\n</data>\n"),
        schema: schema(),
        schema_name: "remarks".to_owned(),
        max_output_tokens: MODEL_TOKENS,
        temperature: Some(0.0),
        repair: None,
    }
}

fn schema() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["remarks"],
        "properties": { "remarks": { "type": "array", "maxItems": MAX_REMARKS, "items": {
            "type": "object",
            "additionalProperties": false,
            "required": ["text", "kind", "severity", "quote", "rationale", "suggestion"],
            "properties": {
                "text": { "type": "integer", "minimum": 0 },
                "kind": { "type": "string", "enum": ["brand_voice", "unsupported_claim", "tone"] },
                "severity": { "type": "string", "enum": ["info", "warning", "violation"] },
                "quote": text,
                "rationale": text,
                "suggestion": text
            }
        } } }
    })
}

/// The remark as a finding; none when it quotes what is not there.
fn finding(remark: Remark, texts: &[(&Piece, &Text)], found: &[Finding]) -> Option<Finding> {
    let (piece, text) = texts.get(remark.text)?;
    let is_quote = !remark.quote.trim().is_empty() && remark.quote.len() <= MAX_QUOTE_BYTES;
    let start = text.text.find(&remark.quote).filter(|_| is_quote)?;
    let span = Span {
        path: text.path.clone(),
        start: u32::try_from(start).ok()?,
        end: u32::try_from(start + remark.quote.len()).ok()?,
    };
    let (rule, category) = remark.kind.rule();
    let agreed = found
        .iter()
        .filter(|other| {
            other.step == piece.step.as_str()
                && other.category == category
                && other.span.as_ref().is_some_and(|other| meet(other, &span))
        })
        .map(|other| other.severity)
        .max();
    Some(Finding {
        rule: rule.to_owned(),
        category,
        severity: remark
            .severity
            .min(agreed.map_or(Severity::Warning, |rule| rule.max(Severity::Warning))),
        step: piece.step.as_str().to_owned(),
        artifact_version: piece.version.as_str().to_owned(),
        span: Some(span),
        quote: remark.quote,
        rationale: said(&remark.rationale),
        suggestion: said(&remark.suggestion),
    })
}

fn meet(one: &Span, other: &Span) -> bool {
    one.path == other.path && one.start < other.end && other.start < one.end
}

/// A model's sentence as a report shows it: cut, on one line.
fn said(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    let line = structured::visible(&line.join(" "));
    match line.char_indices().nth(MAX_REMARK_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests;
