//! Anthropic's wire format: Messages.

use model::Failure;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Config, Wire, draft::Draft, error, schema};
use crate::{
    key::ApiKey,
    provider::{Finish, Request},
};

const KEY: HeaderName = HeaderName::from_static("x-api-key");
const VERSION: HeaderName = HeaderName::from_static("anthropic-version");

pub(super) struct Anthropic;

impl Wire for Anthropic {
    fn path(&self, _model: &str, _streamed: bool) -> (Vec<String>, Option<&'static str>) {
        (vec!["messages".to_owned()], None)
    }

    fn headers(&self, key: Option<&ApiKey>) -> HeaderMap {
        let version = (VERSION, HeaderValue::from_static("2023-06-01"));
        key.map(|key| (KEY, key.plain()))
            .into_iter()
            .chain([version])
            .collect()
    }

    fn body(&self, config: &Config, request: &Request, streamed: bool) -> Value {
        let mut messages = vec![json!({"role": "user", "content": request.prompt})];
        if let Some(repair) = &request.repair {
            // An empty message is refused.
            let answer = Some(repair.answer.trim_end()).filter(|answer| !answer.is_empty());
            messages.push(json!({"role": "assistant", "content": answer.unwrap_or("{}")}));
            messages.push(json!({"role": "user", "content": repair.demand()}));
        }
        let mut body = json!({
            "model": config.model,
            "max_tokens": config.max_tokens(request),
            "system": request.system,
            "messages": messages,
            "output_config": {
                "format": {
                    "type": "json_schema",
                    "schema": schema::narrowed(&request.schema, schema::ANTHROPIC),
                },
            },
        });
        if let Some(temperature) = config.temperature(request) {
            // Its scale ends at 1.
            body["temperature"] = temperature.min(1.0).into();
        }
        if streamed {
            body["stream"] = true.into();
        }
        body
    }

    fn whole(&self, body: &[u8], draft: &mut Draft) -> Result<(), Failure> {
        let message: Message = serde_json::from_slice(body).map_err(|_| error::no_answer())?;
        let content = message.content.ok_or_else(error::no_answer)?;
        for block in content {
            draft.push(block.text())?;
        }
        draft.finish = Some(finish(message.stop_reason.as_deref()));
        if let Some(usage) = message.usage {
            usage.sent(draft);
            usage.written(draft);
        }
        draft.named(message.model);
        draft.ended = true;
        Ok(())
    }

    fn event(&self, data: &str, draft: &mut Draft) -> Result<(), Failure> {
        if let Some(failure) = error::in_stream(data) {
            return Err(failure);
        }
        match serde_json::from_str(data).map_err(|_| error::no_answer())? {
            Event::MessageStart { message } => {
                // The output's number here is of the beginning only.
                if let Some(usage) = message.usage {
                    usage.sent(draft);
                }
                draft.named(message.model);
            }
            Event::ContentBlockStart { content_block } => draft.push(content_block.text())?,
            Event::ContentBlockDelta { delta } => draft.push(delta.text())?,
            Event::MessageDelta { delta, usage } => {
                if delta.stop_reason.is_some() {
                    draft.finish = Some(finish(delta.stop_reason.as_deref()));
                }
                if let Some(usage) = usage {
                    usage.written(draft);
                }
            }
            Event::MessageStop => draft.ended = true,
            // A ping, the end of a block, and what is added later.
            Event::Other => {}
        }
        Ok(())
    }
}

fn finish(reason: Option<&str>) -> Finish {
    match reason {
        Some("end_turn" | "stop_sequence") => Finish::Stop,
        Some("max_tokens" | "model_context_window_exceeded") => Finish::Length,
        Some("refusal") => Finish::Refused,
        _ => Finish::Other,
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Message,
    },
    ContentBlockStart {
        content_block: Block,
    },
    ContentBlockDelta {
        delta: Block,
    },
    MessageDelta {
        delta: Delta,
        #[serde(default)]
        usage: Option<Tokens>,
    },
    MessageStop,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<Vec<Block>>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    usage: Option<Tokens>,
    #[serde(default)]
    model: Option<String>,
}

/// A block of content or a piece of one.
#[derive(Deserialize)]
struct Block {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
}

impl Block {
    /// What it says; thoughts and signatures are none of the answer.
    fn text(&self) -> &str {
        match self.kind.as_str() {
            "text" | "text_delta" => self.text.as_deref().unwrap_or_default(),
            _ => "",
        }
    }
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    stop_reason: Option<String>,
}

/// `input_tokens` does not count what went into or came from the cache.
#[derive(Deserialize)]
struct Tokens {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: u64,
}

impl Tokens {
    fn sent(&self, draft: &mut Draft) {
        draft.cached = self.cache_read_input_tokens.unwrap_or(0);
        let kept = self.cache_creation_input_tokens.unwrap_or(0);
        let all = self.input_tokens.saturating_add(kept);
        draft.input = Some(all.saturating_add(draft.cached));
    }

    fn written(&self, draft: &mut Draft) {
        draft.output = Some(self.output_tokens);
    }
}
