//! Against a real local server that speaks the three wire formats.

mod answers;
mod refusals;
mod streams;

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response as Answer},
};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::*;
use crate::provider::{Finish, Repair};

/// One request as the server got it.
#[derive(Clone)]
struct Seen {
    uri: Uri,
    headers: HeaderMap,
    body: Value,
}

type Reply = Arc<dyn Fn() -> Answer + Send + Sync>;

#[derive(Clone)]
struct Server {
    reply: Reply,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    fn first(&self) -> Seen {
        self.seen.lock().unwrap()[0].clone()
    }
}

async fn answer(
    State(server): State<Server>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Answer {
    let body = serde_json::from_str(&body).unwrap();
    server
        .seen
        .lock()
        .unwrap()
        .push(Seen { uri, headers, body });
    (server.reply)()
}

async fn serve(reply: impl Fn() -> Answer + Send + Sync + 'static) -> (String, Server) {
    let server = Server {
        reply: Arc::new(reply),
        seen: Arc::default(),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(server.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (base, server)
}

fn config(dialect: Dialect, base_url: &str) -> Config {
    // Another test of this process may have installed it already.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    Config {
        base_url: base_url.to_owned(),
        key: Some(ApiKey::new("sk-test").unwrap()),
        price: Price {
            input_microusd: 1_000_000,
            cached_microusd: Some(100_000),
            output_microusd: 2_000_000,
        },
        timeout: Duration::from_secs(20),
        ..Config::new(dialect, "small")
    }
}

fn provider(dialect: Dialect, base_url: &str) -> Remote {
    Remote::new(config(dialect, base_url)).unwrap()
}

fn request() -> Request {
    Request {
        task: "copy".into(),
        input: Value::Null,
        system: "be brief".into(),
        prompt: "write".into(),
        schema: json!({"type": "object", "properties": {"list": {"type": "array", "maxItems": 3}}}),
        schema_name: "copy".into(),
        max_output_tokens: 100,
        temperature: Some(0.5),
        repair: None,
    }
}

/// What a viewer sees.
#[derive(Default)]
struct Seer(Mutex<Vec<String>>);

impl Sink for Seer {
    fn begin(&self) {}

    fn text(&self, piece: &str) {
        self.0.lock().unwrap().push(piece.to_owned());
    }
}

impl Seer {
    fn pieces(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

async fn ask(
    dialect: Dialect,
    reply: impl Fn() -> Answer + Send + Sync + 'static,
) -> Result<Completion, Failure> {
    let (base, _server) = serve(reply).await;
    provider(dialect, &base).complete(&request()).await
}

/// The answer to a request for a stream, and what was seen of it.
async fn listen(
    dialect: Dialect,
    reply: impl Fn() -> Answer + Send + Sync + 'static,
) -> (Result<Completion, Failure>, Vec<String>) {
    let (base, _server) = serve(reply).await;
    let seer = Seer::default();
    let result = provider(dialect, &base).stream(&request(), &seer).await;
    (result, seer.pieces())
}

/// A good answer of each format: the text `{"a":1}`, 10 tokens sent of which 4 were kept, 2 written.
fn whole(dialect: Dialect) -> Value {
    match dialect {
        Dialect::OpenAi => json!({
            "model": "small-2026",
            "choices": [{"message": {"content": "{\"a\":1}"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 2,
                      "prompt_tokens_details": {"cached_tokens": 4}},
        }),
        Dialect::Anthropic => json!({
            "type": "message", "model": "small-2026", "stop_reason": "end_turn",
            "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "{\"a\":1}"}],
            "usage": {"input_tokens": 5, "cache_creation_input_tokens": 1, "cache_read_input_tokens": 4,
                      "output_tokens": 2},
        }),
        Dialect::Gemini => json!({
            "modelVersion": "small-2026",
            "candidates": [{"content": {"role": "model", "parts": [
                {"text": "hm", "thought": true}, {"text": "{\"a\":1}"}]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 10, "cachedContentTokenCount": 4,
                              "candidatesTokenCount": 1, "thoughtsTokenCount": 1},
        }),
    }
}

/// The same, streamed.
fn events(dialect: Dialect) -> Vec<Value> {
    match dialect {
        Dialect::OpenAi => vec![
            json!({"model": "small-2026", "choices": [{"delta": {"role": "assistant", "content": ""}}]}),
            json!({"choices": [{"delta": {"content": "{\"a\""}, "finish_reason": null}], "usage": null}),
            json!({"choices": [{"delta": {"content": ":1}"}}]}),
            json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}),
            json!({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 2,
                   "prompt_tokens_details": {"cached_tokens": 4}}}),
        ],
        Dialect::Anthropic => vec![
            json!({"type": "message_start", "message": {"model": "small-2026", "content": [],
                   "usage": {"input_tokens": 5, "cache_creation_input_tokens": 1,
                             "cache_read_input_tokens": 4, "output_tokens": 1}}}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            json!({"type": "ping"}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "{\"a\""}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ":1}"}}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}),
            json!({"type": "message_stop"}),
        ],
        Dialect::Gemini => vec![
            json!({"modelVersion": "small-2026", "candidates": [{"content": {"parts": [{"text": "{\"a\""}]}}]}),
            json!({"candidates": [{"content": {"parts": [{"text": ":1}"}]}, "finishReason": "STOP"}],
                   "usageMetadata": {"promptTokenCount": 10, "cachedContentTokenCount": 4,
                                     "candidatesTokenCount": 1, "thoughtsTokenCount": 1}}),
        ],
    }
}

/// Events as a body; OpenAI's format ends with a word of its own.
fn sse(dialect: Dialect, events: &[Value], ended: bool) -> String {
    let mut text: String = events
        .iter()
        .map(|event| format!("event: x\ndata: {event}\n\n"))
        .collect();
    if ended && dialect == Dialect::OpenAi {
        text.push_str("data: [DONE]\n\n");
    }
    text
}

fn event_stream(body: impl Into<Body>) -> Answer {
    (
        [("content-type", "text/event-stream; charset=utf-8")],
        body.into(),
    )
        .into_response()
}
