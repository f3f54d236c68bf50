//! OpenAI's wire format: chat completions.

use model::Failure;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Config, Wire, draft::Draft, error};
use crate::{
    key::ApiKey,
    provider::{Finish, Request},
};

pub(super) struct OpenAi;

impl Wire for OpenAi {
    fn path(&self, _model: &str, _streamed: bool) -> (Vec<String>, Option<&'static str>) {
        (vec!["chat".to_owned(), "completions".to_owned()], None)
    }

    fn headers(&self, key: Option<&ApiKey>) -> HeaderMap {
        key.map(|key| (AUTHORIZATION, key.bearer()))
            .into_iter()
            .collect()
    }

    fn body(&self, config: &Config, request: &Request, streamed: bool) -> Value {
        let mut messages = vec![
            json!({"role": "system", "content": request.system}),
            json!({"role": "user", "content": request.prompt}),
        ];
        if let Some(repair) = &request.repair {
            messages.push(json!({"role": "assistant", "content": repair.answer}));
            messages.push(json!({"role": "user", "content": repair.demand()}));
        }
        let mut body = json!({
            "model": config.model,
            "messages": messages,
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": request.schema_name,
                    "schema": request.schema,
                    "strict": true,
                },
            },
        });
        // `max_tokens` is known to every compatible server; OpenAI's thinking models take the other only.
        let limit = if config.thinking_tokens == 0 {
            "max_tokens"
        } else {
            "max_completion_tokens"
        };
        body[limit] = config.max_tokens(request).into();
        if let Some(temperature) = config.temperature(request) {
            body["temperature"] = temperature.into();
        }
        if streamed {
            body["stream"] = true.into();
            body["stream_options"] = json!({"include_usage": true});
        }
        body
    }

    fn whole(&self, body: &[u8], draft: &mut Draft) -> Result<(), Failure> {
        let body: Body = serde_json::from_slice(body).map_err(|_| error::no_answer())?;
        let choice = body.choices.into_iter().flatten().next();
        let choice = choice.ok_or_else(error::no_answer)?;
        let message = choice.message.unwrap_or_default();
        draft.push(message.content.as_deref().unwrap_or_default())?;
        draft.finish = Some(finish(&message, choice.finish_reason.as_deref()));
        used(body.usage, draft);
        draft.named(body.model);
        draft.ended = true;
        Ok(())
    }

    fn event(&self, data: &str, draft: &mut Draft) -> Result<(), Failure> {
        if data.trim() == "[DONE]" {
            draft.ended = true;
            return Ok(());
        }
        if let Some(failure) = error::in_stream(data) {
            return Err(failure);
        }
        let body: Body = serde_json::from_str(data).map_err(|_| error::no_answer())?;
        // The last one has the usage and no choice.
        if let Some(choice) = body.choices.into_iter().flatten().next() {
            let delta = choice.delta.unwrap_or_default();
            draft.push(delta.content.as_deref().unwrap_or_default())?;
            let refused = draft.finish == Some(Finish::Refused) || delta.refusal.is_some();
            if refused {
                draft.finish = Some(Finish::Refused);
            } else if let Some(reason) = choice.finish_reason {
                draft.finish = Some(finish(&delta, Some(&reason)));
            }
        }
        used(body.usage, draft);
        draft.named(body.model);
        Ok(())
    }
}

fn finish(message: &Message, reason: Option<&str>) -> Finish {
    match reason {
        _ if message.refusal.is_some() => Finish::Refused,
        Some("stop") => Finish::Stop,
        Some("length") => Finish::Length,
        Some("content_filter") => Finish::Refused,
        _ => Finish::Other,
    }
}

fn used(tokens: Option<Tokens>, draft: &mut Draft) {
    if let Some(tokens) = tokens {
        draft.input = Some(tokens.prompt_tokens);
        draft.cached = tokens
            .prompt_tokens_details
            .and_then(|details| details.cached_tokens)
            .unwrap_or(0);
        draft.output = Some(tokens.completion_tokens);
    }
}

#[derive(Deserialize)]
struct Body {
    /// Absent in the events of some servers.
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<Tokens>,
    #[serde(default)]
    model: Option<String>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    message: Option<Message>,
    #[serde(default)]
    delta: Option<Message>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    #[serde(default)]
    prompt_tokens_details: Option<PromptTokens>,
}

#[derive(Deserialize)]
struct PromptTokens {
    #[serde(default)]
    cached_tokens: Option<u64>,
}
