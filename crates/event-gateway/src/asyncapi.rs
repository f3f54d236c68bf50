//! `/asyncapi.json`: the AsyncAPI 3 document of the streams: Server-Sent Events and WebSocket. gRPC has its
//! own reflection.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::{
    limits::{HEARTBEAT, MAX_FILTER_BYTES, MAX_FILTER_VALUES, MAX_FRAME_BYTES},
    openapi::schema::{Schemas, problem, reference},
    sse::{self, SOURCE, TYPE_PREFIX},
    ws::{self, close},
};

/// Where the document is.
pub const PATH: &str = "/asyncapi.json";

const EVENT: &str = "pressrun.events.v1.Event";
const DELTA: &str = "pressrun.events.v1.Delta";
const REQUEST: &str = "pressrun.events.v1.SubscribeRequest";

const LIVE_TEXT: &str =
    "With `live`: what an agent has just written. Not numbered, not kept; some may be missing.";

static TEXT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", document()));

/// The document as it is served.
pub fn text() -> &'static str {
    &TEXT
}

fn document() -> Value {
    let mut schemas = Schemas::default();
    schemas.ask(REQUEST);
    schemas.tell(EVENT);
    schemas.tell(DELTA);
    let mut components = schemas.components();
    components.insert("CloudEvent".to_owned(), cloud_event());
    components.insert("Problem".to_owned(), problem());
    components.insert("Position".to_owned(), position());
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Pressrun events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Lifecycle events of runs: history first, then live; of each run in order, without \
                            a gap and without a repeat. Who comes back says where it was. The key goes into \
                            the header `authorization: Bearer <key>`.",
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "channels": { "sse": sse_channel(), "websocket": ws_channel() },
        "operations": {
            "streamEvents": {
                "action": "send",
                "channel": { "$ref": "#/channels/sse" },
                "summary": "Events as frames; `id` is where to resume (`Last-Event-ID`).",
                "messages": refs("sse", &["event", "delta", "lagged", "error", "closing"]),
            },
            "subscribe": {
                "action": "receive",
                "channel": { "$ref": "#/channels/websocket" },
                "summary": "The first frame, and the only one that a client sends.",
                "messages": refs("websocket", &["request"]),
            },
            "pushEvents": {
                "action": "send",
                "channel": { "$ref": "#/channels/websocket" },
                "summary": "What follows: JSON text frames. Pings are the heartbeats.",
                "messages": refs("websocket", &["event", "delta", "heartbeat", "lagged", "error", "closing"]),
            },
        },
        "components": { "schemas": components },
    })
}

fn refs(channel: &str, messages: &[&str]) -> Value {
    let refs = messages
        .iter()
        .map(|name| json!({ "$ref": format!("#/channels/{channel}/messages/{name}") }));
    Value::Array(refs.collect())
}

fn message(name: &str, about: &str, payload: Value) -> (String, Value) {
    let message = json!({
        "name": name,
        "contentType": "application/json",
        "summary": about,
        "payload": payload,
    });
    (name.to_owned(), message)
}

fn schema(name: &str) -> Value {
    json!({ "$ref": reference(name) })
}

/// An object with one field that says what it is, and where to resume.
fn wrapped(name: &str, inner: Value) -> Value {
    let resume =
        json!({ "type": "string", "description": "Where to resume a stream over many runs." });
    json!({
        "type": "object",
        "required": [name],
        "properties": { name: inner, "resume": resume },
    })
}

fn sse_channel() -> Value {
    let messages: Map<_, _> = [
        message(
            "event",
            "What happened; the frame's `event` is its type.",
            schema("CloudEvent"),
        ),
        message("delta", LIVE_TEXT, schema(DELTA)),
        message(
            "lagged",
            "The client read too slowly and is cut.",
            schema("Position"),
        ),
        message("error", "The stream broke.", schema("Problem")),
        message(
            "closing",
            "The gateway stops; connect again.",
            schema("Position"),
        ),
    ]
    .into_iter()
    .collect();
    let query: Map<_, _> = sse::PARAMETERS
        .into_iter()
        .map(|(name, about)| {
            let one = json!({ "type": "string", "description": about });
            (name.to_owned(), one)
        })
        .collect();
    json!({
        "address": sse::PATH,
        "description": format!(
            "A silent stream sends a comment every {} s. A frame with an id and no data moves the position on.",
            HEARTBEAT.as_secs()
        ),
        "messages": messages,
        "bindings": { "http": { "query": { "type": "object", "properties": query } } },
    })
}

fn ws_channel() -> Value {
    let messages: Map<_, _> = [
        message(
            "request",
            "The filter and where to resume: `after` with `run_id`, else `resume`.",
            schema(REQUEST),
        ),
        message("event", "What happened.", wrapped("event", schema("CloudEvent"))),
        message("delta", LIVE_TEXT, wrapped("delta", schema(DELTA))),
        message(
            "heartbeat",
            "A stream over many runs stands here; nothing that the filter lets through has happened.",
            wrapped("heartbeat", json!({ "type": "object" })),
        ),
        message(
            "lagged",
            "The client read too slowly and is cut.",
            wrapped("lagged", schema("Position")),
        ),
        message("error", "The stream was refused, or broke.", wrapped("error", schema("Problem"))),
        message(
            "closing",
            "The gateway stops, or the connection is old; connect again.",
            wrapped("closing", schema("Position")),
        ),
    ]
    .into_iter()
    .collect();
    let codes: Map<_, _> = close::ALL
        .into_iter()
        .map(|(code, why)| (code.to_string(), json!(why)))
        .collect();
    json!({
        "address": ws::PATH,
        "description": format!(
            "A ping every {} s; who does not answer two is cut. A frame of a client has at most {MAX_FRAME_BYTES} \
             bytes, a field of the filter {MAX_FILTER_VALUES} values of {MAX_FILTER_BYTES} bytes. Browsers may \
             connect from pages of the same host alone.",
            HEARTBEAT.as_secs()
        ),
        "messages": messages,
        "bindings": { "ws": { "method": "GET" } },
        "x-close-codes": codes,
    })
}

fn position() -> Value {
    json!({
        "type": "object",
        "description": "Where to resume.",
        "properties": {
            "after": { "type": ["integer", "string"], "description": "One run: its last number sent." },
            "resume": { "type": "string", "description": "Many runs: the token, opaque." },
        },
    })
}

fn cloud_event() -> Value {
    json!({
        "type": "object",
        "description": "A CloudEvent 1.0 in structured JSON. Clients ignore types that they do not know.",
        "required": ["specversion", "id", "source", "type", "subject", "datacontenttype", "data"],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": { "type": "string", "description": "`<run>.<number>`; a repeat carries the same." },
            "source": { "const": SOURCE },
            "type": {
                "type": "string",
                "pattern": format!("^{}[a-z_]+$", TYPE_PREFIX.replace('.', "\\.")),
                "examples": [format!("{TYPE_PREFIX}step_finished")],
            },
            "subject": { "type": "string", "description": "The run." },
            "time": { "type": "string", "format": "date-time" },
            "datacontenttype": { "const": "application/json" },
            "data": schema(EVENT),
        },
    })
}
