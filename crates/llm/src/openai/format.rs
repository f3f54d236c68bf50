//! OpenAI's wire format.

use model::{ErrorClass, Failure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Config, TokenLimit};
use crate::provider::{Completion, Finish, Request};

/// The body of the POST.
pub(super) fn request(config: &Config, request: &Request) -> Value {
    let mut messages = vec![
        json!({"role": "system", "content": request.system}),
        json!({"role": "user", "content": request.prompt}),
    ];
    if let Some(repair) = &request.repair {
        messages.push(json!({"role": "assistant", "content": repair.answer}));
        messages.push(json!({"role": "user", "content": format!(
            "Your answer has these faults:\n- {}\n\nAnswer again with the whole JSON and nothing else.",
            repair.faults.join("\n- ")
        )}));
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
    body[match config.token_limit {
        TokenLimit::MaxTokens => "max_tokens",
        TokenLimit::MaxCompletionTokens => "max_completion_tokens",
    }] = request.max_output_tokens.into();
    if let Some(temperature) = request.temperature {
        body["temperature"] = temperature.into();
    }
    body
}

#[derive(Deserialize)]
struct Body {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Tokens>,
    #[serde(default)]
    model: Option<String>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
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
}

/// A successful response's body.
pub(super) fn completion(
    config: &Config,
    request: &Request,
    body: &[u8],
) -> Result<Completion, Failure> {
    let no_completion = || {
        Failure::new(
            ErrorClass::Provider,
            "the provider's answer is no chat completion",
        )
    };
    let body: Body = serde_json::from_slice(body).map_err(|_| no_completion())?;
    let choice = body.choices.into_iter().next().ok_or_else(no_completion)?;
    let finish = match choice.finish_reason.as_deref() {
        _ if choice.message.refusal.is_some() => Finish::Refused,
        Some("stop") => Finish::Stop,
        Some("length") => Finish::Length,
        Some("content_filter") => Finish::Refused,
        _ => Finish::Other,
    };
    // A call whose use is unknown costs its worst case (`reliability.md` R27): no token is shorter
    // than a byte.
    let tokens = body.usage.unwrap_or(Tokens {
        prompt_tokens: (request.system.len() + request.prompt.len()) as u64,
        completion_tokens: request.max_output_tokens.into(),
    });
    Ok(Completion {
        text: choice.message.content.unwrap_or_default(),
        finish,
        usage: config
            .price
            .usage(tokens.prompt_tokens, tokens.completion_tokens),
        model: body
            .model
            .filter(|m| (1..=200).contains(&m.len()) && !m.contains(char::is_control))
            .unwrap_or_else(|| config.model.clone()),
    })
}
