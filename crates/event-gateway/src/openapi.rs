//! `/openapi.json`: the OpenAPI 3.1 document, written from the table of routes that the router is made of
//! and from the compiled `.proto` files. So neither can say what the other does not.

mod example;
mod facts;
pub(crate) mod schema;

use std::sync::LazyLock;

use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use model::media::MediaType;
use serde_json::{Map, Value, json};
use wire::problem::MEDIA_TYPE;

use self::schema::{Schemas, object, of_field, problem, reference};
use crate::{
    api::{
        contract::{Contract, Message},
        route::{Answer, Body, Route, Verb},
        table::ROUTES,
    },
    asyncapi, sse,
};

/// Where the document is.
pub const PATH: &str = "/openapi.json";
/// The name of the problem's schema.
const PROBLEM: &str = "Problem";
/// How callers show who they are.
const KEY: &str = "apiKey";

static TEXT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", document()));

/// The documents' routes; anyone may read them.
pub fn routes() -> Router {
    Router::new()
        .route(PATH, get(|| async { answer(&TEXT) }))
        .route(asyncapi::PATH, get(|| async { answer(asyncapi::text()) }))
}

fn answer(text: &'static str) -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// The document as it is served.
pub fn text() -> &'static str {
    &TEXT
}

/// Every status of refusal, with the reason that it stands for.
const REFUSALS: [(u16, &str); 14] = [
    (
        400,
        "The address, a header or the JSON cannot be read, or does not fit what it is for.",
    ),
    (401, "The key is missing or unknown."),
    (
        403,
        "The key's role may not do this, or a page of another site asks.",
    ),
    (404, "There is no such thing for this caller."),
    (408, "The body did not come in time."),
    (
        409,
        "It is there already, it has changed since, or the idempotency key was used for another input.",
    ),
    (
        412,
        "The state does not allow it now: no live worker, or the run is under way or ended for ever.",
    ),
    (413, "The body is too large."),
    (415, "The body is not said to be `application/json`."),
    (
        422,
        "The body is JSON, but has faults; `errors` names each by its path.",
    ),
    (
        429,
        "Too many calls or streams, or a limit is reached; wait for `retry-after` seconds.",
    ),
    (500, "A defect; the log has more."),
    (
        503,
        "The orchestrator or its store does not answer; wait for `retry-after` seconds.",
    ),
    (
        504,
        "No answer in time. What was asked may happen nevertheless.",
    ),
];

/// The statuses of refusal of a route.
fn refusals(route: &Route) -> Vec<u16> {
    let changes = route.verb != Verb::Get;
    REFUSALS
        .into_iter()
        .map(|(status, _)| status)
        .filter(|status| match status {
            404 => !route.path_fields().is_empty(),
            408 | 413 | 415 | 422 => route.body != Body::None,
            409 | 412 => changes,
            _ => true,
        })
        .collect()
}

/// The document.
fn document() -> Value {
    let contract = Contract::get();
    let mut schemas = Schemas::default();
    let mut paths = Map::new();
    for route in &ROUTES {
        let Some(method) = contract.method(route.rpc) else {
            continue;
        };
        let Some(input) = contract.message(&method.input) else {
            continue;
        };
        let path = paths
            .entry(route.path)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(path) = path {
            let one = operation(route, input, &method.about, &method.output, &mut schemas);
            path.insert(route.verb.as_str().to_owned(), one);
        }
    }
    paths.insert(sse::PATH.to_owned(), json!({ "get": events() }));
    let mut components = schemas.components();
    components.insert(PROBLEM.to_owned(), problem());
    let responses: Map<_, _> = REFUSALS
        .into_iter()
        .map(|(status, why)| (status.to_string(), refusal(status, why)))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Pressrun",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Runs AI content campaigns. The messages are those of gRPC, as JSON; names in \
                            lower camel case are understood too. Live events: /asyncapi.json.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ KEY: [] }],
        "tags": [
            { "name": "campaigns", "description": "Briefs in, results out." },
            { "name": "runs", "description": "Runs of any workflow." },
            { "name": "artifacts", "description": "What agents made, in versions." },
            { "name": "library", "description": "Brands, templates and resources, kept to be used again." },
            { "name": "system", "description": "Who is there." },
            { "name": "events", "description": "What happens." },
        ],
        "paths": paths,
        "components": {
            "securitySchemes": {
                KEY: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key. A gateway that runs without keys serves callers on its own \
                                    machine alone, and needs none.",
                },
            },
            "schemas": components,
            "responses": responses,
        },
    })
}

fn operation(
    route: &Route,
    input: &Message,
    about: &str,
    output: &str,
    schemas: &mut Schemas,
) -> Value {
    let mut operation = Map::new();
    let mut put = |name: &str, value: Value| operation.insert(name.to_owned(), value);
    put("operationId", json!(route.id));
    put("summary", json!(route.summary));
    put("tags", json!([tag(route)]));
    put("x-grpc-method", json!(route.rpc));
    if !about.is_empty() {
        put("description", json!(about));
    }
    let parameters = parameters(route, input);
    if !parameters.is_empty() {
        put("parameters", json!(parameters));
    }
    if route.body != Body::None {
        let in_path = route.path_fields();
        let schema = if in_path.is_empty() {
            schemas.ask(&input.name);
            json!({ "$ref": reference(&input.name) })
        } else {
            Value::Object(object(input, &in_path))
        };
        let mut content = json!({ "schema": schema });
        if route.keyed {
            content["example"] = example::of(route.path);
        }
        put(
            "requestBody",
            json!({
                "required": route.body == Body::Required,
                "content": { "application/json": content },
            }),
        );
    }
    let mut responses = Map::new();
    for status in route.successes() {
        responses.insert(
            status.as_str().to_owned(),
            success(route, *status, output, schemas),
        );
    }
    for status in refusals(route) {
        let at = format!("#/components/responses/{status}");
        responses.insert(status.to_string(), json!({ "$ref": at }));
    }
    put("responses", Value::Object(responses));
    Value::Object(operation)
}

fn tag(route: &Route) -> &'static str {
    match route.rpc.split('.').nth(1) {
        Some("campaign") => "campaigns",
        Some("run") => "runs",
        Some("artifact") => "artifacts",
        Some("library") => "library",
        _ => "system",
    }
}

fn parameters(route: &Route, input: &Message) -> Vec<Value> {
    let in_path = route.path_fields();
    let fields = input.fields.iter().filter_map(|field| {
        let place = if in_path.contains(&field.name.as_str()) {
            "path"
        } else if route.body == Body::None {
            "query"
        } else {
            return None;
        };
        let Value::Object(mut schema) = of_field(input, field) else {
            return None;
        };
        let about = schema.remove("description");
        if place == "path" && schema.get("type") == Some(&json!("string")) {
            schema.entry("minLength").or_insert(json!(1));
        }
        let mut parameter = json!({
            "name": field.name, "in": place, "required": place == "path", "schema": schema,
        });
        if let Some(about) = about {
            parameter["description"] = about;
        }
        Some(parameter)
    });
    let key = route.keyed.then(|| {
        json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "The same as `options.idempotency_key`: two submits with the same key are one run.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$" },
        })
    });
    fields.chain(key).collect()
}

fn success(route: &Route, status: StatusCode, output: &str, schemas: &mut Schemas) -> Value {
    let message = |schemas: &mut Schemas, description: &str| {
        schemas.tell(output);
        json!({
            "description": description,
            "content": { "application/json": { "schema": { "$ref": reference(output) } } },
        })
    };
    match (route.answer, status) {
        (Answer::Content, StatusCode::OK) => json!({
            "description": "The artifact's JSON, byte for byte: its SHA-256 is the version's hash.",
            "headers": { "ETag": { "schema": { "type": "string" }, "description": "The hash, in quotes." } },
            "content": { "application/json": { "schema": {} } },
        }),
        (Answer::Picture, StatusCode::OK) => {
            let kinds = MediaType::ALL.map(|kind| (kind.to_string(), json!({})));
            json!({
                "description": "The picture, byte for byte.",
                "headers": { "ETag": { "schema": { "type": "string" }, "description": "The hash, in quotes." } },
                "content": Map::from_iter(kinds),
            })
        }
        (Answer::Content | Answer::Picture, _) => {
            json!({ "description": "The caller has these bytes (`If-None-Match`)." })
        }
        (Answer::Started, StatusCode::ACCEPTED) => {
            let mut started = message(schemas, "The run is stored and goes on.");
            started["headers"] = json!({
                "Location": {
                    "schema": { "type": "string", "format": "uri-reference" },
                    "description": "Where its result is.",
                },
            });
            started["links"] = links();
            started
        }
        (Answer::Started, _) => {
            let mut there = message(
                schemas,
                "The run was there already, under the same key; or nothing was to be started.",
            );
            there["links"] = links();
            there
        }
        (Answer::Message, _) => message(schemas, "Done."),
    }
}

/// What can be asked of the run that an answer names.
fn links() -> Value {
    let of_runs = ROUTES
        .iter()
        .filter(|route| route.verb == Verb::Get && route.path_fields() == ["run_id"]);
    of_runs
        .map(|route| {
            let link = json!({
                "operationId": route.id,
                "parameters": { "run_id": "$response.body#/run_id" },
            });
            (route.id.to_owned(), link)
        })
        .collect::<Map<_, _>>()
        .into()
}

fn refusal(status: u16, why: &str) -> Value {
    let mut response = json!({
        "description": why,
        "content": { MEDIA_TYPE: { "schema": { "$ref": reference(PROBLEM) } } },
    });
    if matches!(status, 429 | 503) {
        response["headers"] = json!({
            "Retry-After": { "schema": { "type": "string" }, "description": "Seconds to wait." },
        });
    }
    response
}

/// Server-Sent Events; what they hold says the AsyncAPI document.
fn events() -> Value {
    let parameters = sse::PARAMETERS.map(|(name, about)| {
        let schema = match name {
            "state" | "type" => json!({ "type": "array", "items": { "type": "string" } }),
            "until_rest" => json!({ "type": "boolean" }),
            _ => json!({ "type": "string" }),
        };
        json!({ "name": name, "in": "query", "required": false, "description": about, "schema": schema })
    });
    let mut all = parameters.to_vec();
    all.push(json!({
        "name": "Last-Event-ID",
        "in": "header",
        "required": false,
        "description": "The id of the last event that the client got: the stream goes on after it.",
        "schema": { "type": "string" },
    }));
    let mut responses = Map::new();
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "Events, history first, then live.",
            "content": { "text/event-stream": { "schema": { "type": "string" } } },
        }),
    );
    for status in [400, 401, 403, 404, 429, 500, 503, 504] {
        let at = format!("#/components/responses/{status}");
        responses.insert(status.to_string(), json!({ "$ref": at }));
    }
    json!({
        "operationId": "streamEvents",
        "summary": "Live events as Server-Sent Events",
        "description": "Each event is a CloudEvent; see /asyncapi.json.",
        "tags": ["events"],
        "x-grpc-method": "pressrun.events.v1.EventService.Subscribe",
        "parameters": all,
        "responses": responses,
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, env, fs, path::PathBuf};

    use super::*;

    /// Compares with the committed document; `UPDATE_GOLDEN=1` writes it.
    fn committed(name: &str, text: &str) {
        let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../docs/reference", name]
            .iter()
            .collect();
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, text).expect("the document is writable");
            return;
        }
        let was = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            was == text,
            "docs/reference/{name} is not what is served; UPDATE_GOLDEN=1 writes it"
        );
    }

    #[test]
    fn the_committed_documents_are_those_that_are_served() {
        committed("openapi.json", text());
        committed("asyncapi.json", asyncapi::text());
    }

    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(at)) = map.get("$ref") {
                    found.insert(at.clone());
                }
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        for text in [text(), asyncapi::text()] {
            let document: Value = serde_json::from_str(text).expect("JSON");
            let mut found = BTreeSet::new();
            references(&document, &mut found);
            assert!(found.len() > 5);
            for at in found {
                let pointer = at.strip_prefix('#').expect("of the same document");
                assert!(document.pointer(pointer).is_some(), "{at}");
            }
        }
    }

    #[test]
    fn every_route_is_in_the_document() {
        let document = document();
        for route in &ROUTES {
            let operation = &document["paths"][route.path][route.verb.as_str()];
            assert_eq!(operation["operationId"], route.id);
        }
    }

    #[test]
    fn the_example_has_no_fault() {
        let request = serde_json::from_value(example::of("/v1/campaigns")).expect("a message");
        assert!(wire::convert::brief::submit(request).is_ok());
    }
}
