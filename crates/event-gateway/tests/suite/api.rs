//! The JSON API over a real port, before an orchestrator that says what it was asked.

use std::net::SocketAddr;

use bus::Memory;
use event_gateway::{
    Options, Ports, Service,
    api::{
        route::{Body, Verb},
        table::ROUTES,
    },
    console::Secrets,
    history::grpc::Orchestrator,
};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use service::limits::MAX_REQUEST_BYTES;
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use wire::{
    artifact::v1 as artifact,
    campaign::v1 as campaign,
    problem::{self, Details},
    run::v1 as run,
};

use crate::{fake::Fake, port::PATIENCE};

const SUBMIT: &str = "pressrun.campaign.v1.CampaignService.Submit";
const GET_RUN: &str = "pressrun.run.v1.RunService.Get";
const CANCEL: &str = "pressrun.run.v1.RunService.Cancel";
const REGENERATE: &str = "pressrun.run.v1.RunService.Regenerate";

pub(crate) struct Stack {
    pub(crate) fake: Fake,
    pub(crate) gateway: SocketAddr,
    http: reqwest::Client,
    orchestrator: CancellationToken,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Stack {
    pub(crate) async fn start() -> Self {
        Self::sealing(Secrets::default()).await
    }

    /// With what its console's sessions are sealed with.
    pub(crate) async fn sealing(session_secrets: Secrets) -> Self {
        service::crypto::install_crypto();
        let fake = Fake::default();
        let server = fake.bind().await;
        let url = format!("http://{}", server.addr());
        let orchestrator = CancellationToken::new();
        let stop = CancellationToken::new();
        let options = Options {
            listen: ([127, 0, 0, 1], 0).into(),
            api_keys: true,
            session_secrets,
        };
        let ports = Ports {
            bus: std::sync::Arc::new(Memory::new()),
            orchestrator: Orchestrator::new(&url).expect("an address"),
        };
        let service = Service::build(options, ports, stop.clone())
            .await
            .expect("built");
        // It may stop before the gateway, so it is not one of its tasks.
        tokio::spawn(server.run(orchestrator.clone()));
        Self {
            fake,
            gateway: service.addr(),
            http: reqwest::Client::new(),
            orchestrator,
            stop,
            running: tokio::spawn(service.run()),
        }
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("http://{}{path}", self.gateway))
            .bearer_auth("key-one")
    }

    async fn get(&self, path: &str) -> Response {
        self.call(Method::GET, path).send().await.expect("answered")
    }

    async fn post(&self, path: &str, body: &Value) -> Response {
        let call = self.call(Method::POST, path).json(body);
        call.send().await.expect("answered")
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        let ended = timeout(PATIENCE, self.running).await.expect("it ends");
        ended.expect("no panic").expect("a clean end");
        self.orchestrator.cancel();
    }
}

async fn body(response: Response) -> Value {
    assert_eq!(response.headers()["content-type"], "application/json");
    response.json().await.expect("JSON")
}

async fn problem(response: Response) -> Details {
    let status = response.status();
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json",
        "{status}"
    );
    let details: Details = response.json().await.expect("problem details");
    assert_eq!(details.status, status.as_u16());
    assert!(!details.title.is_empty(), "{details:?}");
    details
}

fn paths(details: &Details) -> Vec<&str> {
    details
        .errors
        .iter()
        .map(|fault| fault.path.as_str())
        .collect()
}

#[tokio::test]
async fn every_route_forwards_to_its_method_as_the_caller() {
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let stack = Stack::start().await;
    for (number, route) in ROUTES.iter().enumerate() {
        let path = route
            .path
            .replace("{run_id}", "r-1")
            .replace("{step}", "copy")
            .replace("{version}", "2")
            .replace("{kind}", "brand")
            .replace("{name}", "tern");
        let correlation = format!("call-{number}");
        let call = match route.verb {
            Verb::Get => stack.call(Method::GET, &path),
            Verb::Post if route.body == Body::Optional => stack.call(Method::POST, &path),
            Verb::Post => stack.call(Method::POST, &path).json(&json!({})),
            Verb::Put => stack.call(Method::PUT, &path).json(&json!({})),
            Verb::Delete => stack.call(Method::DELETE, &path),
        };
        let response = call
            .header("x-correlation-id", &correlation)
            .header("traceparent", PARENT)
            .send()
            .await
            .expect("answered");
        assert!(
            route.successes().contains(&response.status()),
            "{}: {}",
            route.id,
            response.status()
        );
        assert_eq!(response.headers()["x-correlation-id"], *correlation);
        let seen = stack.fake.last(route.rpc);
        assert_eq!(
            (
                seen.header("authorization"),
                seen.header("x-correlation-id"),
                seen.header("traceparent")
            ),
            ("Bearer key-one", correlation.as_str(), PARENT),
            "{}",
            route.id
        );
    }
    stack.end().await;
}

#[tokio::test]
async fn path_query_and_body_become_one_message() {
    let stack = Stack::start().await;
    stack
        .get("/v1/runs?workflow=campaign&status=failed&pageSize=7&cursor=c.d")
        .await;
    let list = stack.fake.last("pressrun.run.v1.RunService.List");
    assert_eq!(
        list.message::<run::ListRequest>(),
        run::ListRequest {
            workflow: "campaign".into(),
            status: "failed".into(),
            page_size: 7,
            cursor: "c.d".into(),
            ..run::ListRequest::default()
        }
    );
    stack.get("/v1/runs/r-1/events?after=12&limit=3").await;
    let events = stack.fake.last("pressrun.run.v1.RunService.ListEvents");
    assert_eq!(
        events.message::<run::ListEventsRequest>(),
        run::ListEventsRequest {
            run_id: "r-1".into(),
            after: 12,
            limit: 3,
        }
    );
    stack.get("/v1/runs/r-1/artifacts/copy/versions/3").await;
    let version = stack
        .fake
        .last("pressrun.artifact.v1.ArtifactService.GetVersion");
    assert_eq!(
        version.message::<artifact::GetVersionRequest>(),
        artifact::GetVersionRequest {
            run_id: "r-1".into(),
            step: "copy".into(),
            version: 3,
        }
    );
    let told = json!({ "step": "copy", "note": "warmer ä" });
    stack.post("/v1/runs/r%2D1/regenerate", &told).await;
    assert_eq!(
        stack
            .fake
            .last(REGENERATE)
            .message::<run::RegenerateRequest>(),
        run::RegenerateRequest {
            run_id: "r-1".into(),
            step: "copy".into(),
            note: "warmer ä".into(),
        }
    );
    stack.end().await;
}

#[tokio::test]
async fn answers_are_the_messages_as_json() {
    let stack = Stack::start().await;
    stack.fake.answers(
        GET_RUN,
        &run::Run {
            id: "r-1".into(),
            sequence: 12,
            submitted: Some(model::Timestamp(1_795_239_000_250).into()),
            ..run::Run::default()
        },
    );
    let response = stack.get("/v1/runs/r-1").await;
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert_eq!(
        body(response).await,
        json!({ "id": "r-1", "sequence": "12", "submitted": "2026-11-21T05:30:00.25Z" })
    );
    stack.end().await;
}

#[tokio::test]
async fn a_submit_says_where_its_run_is() {
    let stack = Stack::start().await;
    let mut answer = campaign::SubmitResponse {
        run_id: "r-1".into(),
        campaign_id: "c-1".into(),
        ..campaign::SubmitResponse::default()
    };
    stack.fake.answers(SUBMIT, &answer);
    let response = stack.post("/v1/campaigns", &json!({ "brief": {} })).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(response.headers()["location"], "/v1/campaigns/r-1");
    assert_eq!(body(response).await["run_id"], "r-1");
    answer.existing = true;
    stack.fake.answers(SUBMIT, &answer);
    let response = stack.post("/v1/campaigns", &json!({ "brief": {} })).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(body(response).await["existing"], true);
    stack.end().await;
}

#[tokio::test]
async fn the_idempotency_key_may_come_as_a_header() {
    let stack = Stack::start().await;
    let send = async |key: &[&str], told: Value| {
        let mut call = stack.call(Method::POST, "/v1/campaigns").json(&told);
        for key in key {
            call = call.header("Idempotency-Key", *key);
        }
        call.send().await.expect("answered")
    };
    for told in [
        json!({}),
        json!({ "options": null }),
        json!({ "options": { "idempotency_key": "" } }),
        json!({ "options": { "idempotency_key": "k 1" } }),
        json!({ "options": { "idempotencyKey": "k 1" } }),
    ] {
        let response = send(&["k 1"], told.clone()).await;
        assert_eq!(response.status(), StatusCode::OK, "{told}");
        let message: campaign::SubmitRequest = stack.fake.last(SUBMIT).message();
        assert_eq!(
            message.options.expect("given").idempotency_key,
            "k 1",
            "{told}"
        );
    }
    let calls = stack.fake.calls(SUBMIT);
    for (keys, told) in [
        (vec!["a", "b"], json!({})),
        (vec!["a"], json!({ "options": { "idempotency_key": "b" } })),
        (vec!["a"], json!({ "options": { "idempotencyKey": "b" } })),
        (vec![""], json!({})),
    ] {
        let details = problem(send(&keys, told.clone()).await).await;
        assert_eq!(
            (details.status, paths(&details)),
            (400, vec!["Idempotency-Key"]),
            "{told}"
        );
    }
    assert_eq!(stack.fake.calls(SUBMIT), calls);
    stack.end().await;
}

#[tokio::test]
async fn content_comes_byte_for_byte_and_once() {
    let stack = Stack::start().await;
    let content = "{\"b\": 1.0,\n \"a\":\"\\u00e4\"}";
    let hash = "ab".repeat(32);
    stack.fake.answers(
        "pressrun.artifact.v1.ArtifactService.GetVersion",
        &artifact::ArtifactVersion {
            content_json: content.into(),
            hash: hash.clone(),
            ..artifact::ArtifactVersion::default()
        },
    );
    let path = "/v1/runs/r-1/artifacts/copy/versions/0/content";
    let response = stack.get(path).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    let tag = response.headers()["etag"].clone();
    assert_eq!(tag, format!("\"{hash}\""));
    assert_eq!(response.text().await.expect("text"), content);
    for (known, status) in [
        (format!("\"{hash}\""), 304),
        (format!("\"x\", W/\"{hash}\""), 304),
        ("*".to_owned(), 304),
        ("\"x\"".to_owned(), 200),
    ] {
        let call = stack
            .call(Method::GET, path)
            .header("If-None-Match", &known);
        let response = call.send().await.expect("answered");
        assert_eq!(response.status(), status, "{known}");
        assert_eq!(response.headers()["etag"], tag);
    }
    stack.end().await;
}

#[tokio::test]
async fn faults_are_told_all_at_once_and_nobody_else_is_asked() {
    let stack = Stack::start().await;
    let brief =
        json!({ "brief": { "nmae": "x", "platforms": "x" }, "options": { "priority": "high" } });
    let details = problem(stack.post("/v1/campaigns", &brief).await).await;
    assert_eq!(
        (details.status, paths(&details)),
        (
            422,
            vec!["brief.nmae", "brief.platforms", "options.priority"]
        )
    );
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let large = format!("\"{}\"", "x".repeat(MAX_REQUEST_BYTES));
    let raw = [
        ("application/json", "", 400),
        ("application/json", "{", 400),
        ("application/json", "[]", 400),
        (
            "application/json",
            "{\"validate_only\":true,\"validate_only\":false}",
            400,
        ),
        (
            "application/json",
            "{\"brief\":{\"name\":\"\\u0000\"}}",
            400,
        ),
        ("application/json", deep.as_str(), 400),
        ("application/json", large.as_str(), 413),
        ("text/plain", "{}", 415),
        ("application/x-www-form-urlencoded", "a=b", 415),
    ];
    for (kind, text, status) in raw {
        let call = stack.call(Method::POST, "/v1/campaigns");
        let call = call.header("content-type", kind).body(text.to_owned());
        let details = problem(call.send().await.expect("answered")).await;
        let shown: String = text.chars().take(40).collect();
        assert_eq!(details.status, status, "{kind} {shown}: {details:?}");
    }
    for (path, wrong) in [
        ("/v1/runs?page_size=many", "page_size"),
        ("/v1/runs?tenant=other", "tenant"),
        ("/v1/runs?status=a&status=b", "status"),
        ("/v1/runs/r-1?run_id=r-2", "run_id"),
        ("/v1/runs/r-1/events?after=-1", "after"),
        ("/v1/runs/r-1/artifacts/copy/versions/latest", "version"),
        ("/v1/runs/%ff", "path"),
        ("/v1/me?x=%ff", "x"),
    ] {
        let details = problem(stack.get(path).await).await;
        assert_eq!(
            (details.status, paths(&details)),
            (400, vec![wrong]),
            "{path}"
        );
    }
    let details = problem(
        stack
            .post("/v1/runs/r-1/cancel", &json!({ "run_id": "r-2" }))
            .await,
    )
    .await;
    assert_eq!((details.status, paths(&details)), (422, vec!["run_id"]));
    for rpc in [SUBMIT, GET_RUN, CANCEL] {
        assert_eq!(stack.fake.calls(rpc), 0, "{rpc}");
    }
    stack.end().await;
}

#[tokio::test]
async fn what_the_orchestrator_refuses_is_told_as_a_problem() {
    let stack = Stack::start().await;
    for (code, status) in [
        (Code::InvalidArgument, 400),
        (Code::Unauthenticated, 401),
        (Code::PermissionDenied, 403),
        (Code::NotFound, 404),
        (Code::AlreadyExists, 409),
        (Code::FailedPrecondition, 412),
        (Code::ResourceExhausted, 429),
        (Code::Internal, 500),
        (Code::DataLoss, 500),
        (Code::Unavailable, 503),
        (Code::DeadlineExceeded, 504),
    ] {
        stack.fake.refuses(CANCEL, Status::new(code, "why"));
        let details = problem(stack.post("/v1/runs/r-1/cancel", &json!({})).await).await;
        assert_eq!(
            (details.status, details.detail.as_str()),
            (status, "why"),
            "{code:?}"
        );
    }
    let fault = |path: &str| {
        problem::invalid(vec![model::validate::Problem {
            path: path.to_owned(),
            message: "is wrong".to_owned(),
        }])
    };
    for (path, status) in [("note", 422), ("run_id", 400)] {
        stack.fake.refuses(REGENERATE, fault(path));
        let told = json!({ "step": "copy" });
        let details = problem(stack.post("/v1/runs/r-1/regenerate", &told).await).await;
        assert_eq!((details.status, paths(&details)), (status, vec![path]));
    }
    // Without a body a fault can only lie in the address.
    let list = "pressrun.run.v1.RunService.List";
    stack.fake.refuses(list, fault("status"));
    let details = problem(stack.get("/v1/runs?status=null").await).await;
    assert_eq!((details.status, paths(&details)), (400, vec!["status"]));
    stack.orchestrator.cancel();
    let details = timeout(PATIENCE, async {
        loop {
            let response = stack.get("/v1/runs/r-1").await;
            if response.status() != StatusCode::OK {
                assert_eq!(response.headers()["retry-after"], "1");
                return problem(response).await;
            }
        }
    });
    assert_eq!(details.await.expect("in time").status, 503);
    stack.end().await;
}

#[tokio::test]
async fn who_may_not_and_what_is_not_there_is_told_as_a_problem() {
    let stack = Stack::start().await;
    let url = format!("http://{}/v1/runs", stack.gateway);
    let response = stack.http.get(&url).send().await.expect("answered");
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
    assert_eq!(problem(response).await.status, 401);
    assert_eq!(problem(stack.get("/v1/nothing").await).await.status, 404);
    assert_eq!(problem(stack.get("/nothing").await).await.status, 404);
    for (method, path, allow) in [
        (Method::DELETE, "/v1/runs", "GET,HEAD"),
        (Method::GET, "/v1/runs/r-1/cancel", "POST"),
        (Method::POST, "/v1/events", "GET,HEAD"),
    ] {
        let response = stack.call(method, path).send().await.expect("answered");
        assert_eq!(response.headers()["allow"], allow, "{path}");
        assert_eq!(problem(response).await.status, 405, "{path}");
    }
    // A page of another site, and one of ours.
    let from = async |origin: String| {
        let call = stack.call(Method::POST, "/v1/runs/r-1/cancel");
        call.header("origin", origin)
            .send()
            .await
            .expect("answered")
    };
    assert_eq!(
        problem(from("http://evil.example".into()).await)
            .await
            .status,
        403
    );
    assert_eq!(stack.fake.calls(CANCEL), 0);
    let ours = from(format!("http://{}", stack.gateway)).await;
    assert_eq!(ours.status(), StatusCode::OK);
    stack.end().await;
}

#[tokio::test]
async fn the_documents_are_there_for_everyone() {
    let stack = Stack::start().await;
    for (path, field, version) in [
        ("/openapi.json", "openapi", "3.1.0"),
        ("/asyncapi.json", "asyncapi", "3.0.0"),
    ] {
        let url = format!("http://{}{path}", stack.gateway);
        let response = stack.http.get(url).send().await.expect("answered");
        assert_eq!(body(response).await[field], version);
    }
    stack.end().await;
}
