//! Gemini's wire format: generateContent. A streamed answer is a sequence of the same objects.

use model::Failure;
use reqwest::header::{HeaderMap, HeaderName};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Config, Wire, draft::Draft, error, schema};
use crate::{
    key::ApiKey,
    provider::{Finish, Request},
};

const KEY: HeaderName = HeaderName::from_static("x-goog-api-key");

pub(super) struct Gemini;

impl Wire for Gemini {
    fn path(&self, model: &str, streamed: bool) -> (Vec<String>, Option<&'static str>) {
        let model = model.strip_prefix("models/").unwrap_or(model);
        let (method, query) = if streamed {
            ("streamGenerateContent", Some("alt=sse"))
        } else {
            ("generateContent", None)
        };
        (
            vec!["models".to_owned(), format!("{model}:{method}")],
            query,
        )
    }

    fn headers(&self, key: Option<&ApiKey>) -> HeaderMap {
        key.map(|key| (KEY, key.plain())).into_iter().collect()
    }

    fn body(&self, config: &Config, request: &Request, _streamed: bool) -> Value {
        let said = |role: &str, text: &str| json!({"role": role, "parts": [{"text": text}]});
        let mut contents = vec![said("user", &request.prompt)];
        if let Some(repair) = &request.repair {
            contents.push(said("model", &repair.answer));
            contents.push(said("user", &repair.demand()));
        }
        let mut generation = json!({
            "maxOutputTokens": config.max_tokens(request),
            "responseMimeType": "application/json",
            "responseJsonSchema": schema::narrowed(&request.schema, schema::GEMINI),
        });
        if let Some(temperature) = config.temperature(request) {
            generation["temperature"] = temperature.into();
        }
        json!({
            "systemInstruction": {"parts": [{"text": request.system}]},
            "contents": contents,
            "generationConfig": generation,
        })
    }

    fn whole(&self, body: &[u8], draft: &mut Draft) -> Result<(), Failure> {
        let body: Body = serde_json::from_slice(body).map_err(|_| error::no_answer())?;
        take(body, draft)?;
        if draft.finish.is_none() {
            return Err(error::no_answer());
        }
        draft.ended = true;
        Ok(())
    }

    fn event(&self, data: &str, draft: &mut Draft) -> Result<(), Failure> {
        if let Some(failure) = error::in_stream(data) {
            return Err(failure);
        }
        let body: Body = serde_json::from_str(data).map_err(|_| error::no_answer())?;
        take(body, draft)
    }
}

/// Its end is the end of the body; that it was a good end tells the reason to finish.
fn take(body: Body, draft: &mut Draft) -> Result<(), Failure> {
    if body
        .prompt_feedback
        .is_some_and(|feedback| feedback.block_reason.is_some())
    {
        draft.finish = Some(Finish::Refused);
    }
    if let Some(candidate) = body.candidates.into_iter().flatten().next() {
        let parts = candidate.content.and_then(|content| content.parts);
        for part in parts.into_iter().flatten().filter(|part| !part.thought) {
            draft.push(part.text.as_deref().unwrap_or_default())?;
        }
        if let Some(reason) = candidate.finish_reason {
            draft.finish = Some(finish(&reason));
        }
    }
    if let Some(tokens) = body.usage_metadata {
        draft.input = Some(tokens.prompt_token_count);
        draft.cached = tokens.cached_content_token_count;
        draft.output = Some(
            tokens
                .candidates_token_count
                .saturating_add(tokens.thoughts_token_count),
        );
    }
    draft.named(body.model_version);
    Ok(())
}

fn finish(reason: &str) -> Finish {
    match reason {
        "STOP" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" => Finish::Refused,
        _ => Finish::Other,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    candidates: Option<Vec<Candidate>>,
    #[serde(default)]
    prompt_feedback: Option<Feedback>,
    #[serde(default)]
    usage_metadata: Option<Tokens>,
    #[serde(default)]
    model_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Option<Vec<Part>>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thought: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    #[serde(default)]
    block_reason: Option<String>,
}

/// `promptTokenCount` counts what came from the cache too; thoughts are counted apart from the answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    #[serde(default)]
    prompt_token_count: u64,
    #[serde(default)]
    cached_content_token_count: u64,
    #[serde(default)]
    candidates_token_count: u64,
    #[serde(default)]
    thoughts_token_count: u64,
}
