//! One real port with a gRPC service, a JSON route, an endless stream, keys and health.

use std::{net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{Router, body::Body, routing};
use futures::StreamExt;
use model::TenantId;
use service::{
    auth::{Guard, Keys, KeysUnavailable, Principal, Role},
    correlation::Correlation,
    http::{App, Error, Readiness},
};
use tokio::task::JoinHandle;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};
use wire::{
    agent::v1::{
        Agent, ListRequest, ListResponse, ListWorkersRequest, ListWorkersResponse,
        agent_service_client::AgentServiceClient,
        agent_service_server::{AgentService, AgentServiceServer},
    },
    events::v1::{
        SubscribeRequest, SubscribeResponse,
        event_service_client::EventServiceClient,
        event_service_server::{EventService, EventServiceServer},
    },
    problem::Details,
};

/// Answers with who called.
struct Mirror;

#[tonic::async_trait]
impl AgentService for Mirror {
    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListResponse>, Status> {
        let caller = Principal::with_role(request.extensions(), &[Role::Editor])?;
        let agent = Agent {
            kind: caller.tenant.to_string(),
            model: Correlation::of(request.extensions()).id,
            version: caller.by.clone(),
            ..Agent::default()
        };
        Ok(Response::new(ListResponse {
            agents: vec![agent],
        }))
    }

    async fn list_workers(
        &self,
        _: Request<ListWorkersRequest>,
    ) -> Result<Response<ListWorkersResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }
}

/// Sends one response and then nothing, for ever.
struct Endless;

#[tonic::async_trait]
impl EventService for Endless {
    type SubscribeStream = Pin<Box<dyn Stream<Item = Result<SubscribeResponse, Status>> + Send>>;

    async fn subscribe(
        &self,
        _: Request<SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let one = futures::stream::iter([Ok(SubscribeResponse::default())]);
        Ok(Response::new(Box::pin(
            one.chain(futures::stream::pending()),
        )))
    }
}

/// Never answers.
struct Silent;

#[tonic::async_trait]
impl AgentService for Silent {
    async fn list(&self, _: Request<ListRequest>) -> Result<Response<ListResponse>, Status> {
        std::future::pending().await
    }

    async fn list_workers(
        &self,
        _: Request<ListWorkersRequest>,
    ) -> Result<Response<ListWorkersResponse>, Status> {
        std::future::pending().await
    }
}

struct TwoKeys;

#[async_trait]
impl Keys for TwoKeys {
    async fn principal(&self, key: &str) -> Result<Option<Principal>, KeysUnavailable> {
        let role = match key {
            "edit" => Role::Editor,
            "look" => Role::Viewer,
            "down" => return Err(KeysUnavailable("no store".into())),
            _ => return Ok(None),
        };
        let tenant = TenantId::new("acme").expect("a token");
        Ok(Some(Principal {
            tenant,
            role,
            by: "a key".into(),
        }))
    }
}

struct Port {
    addr: SocketAddr,
    readiness: Readiness,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Port {
    async fn open(guard: Guard, set: impl FnOnce(&mut App)) -> Self {
        service::crypto::install_crypto();
        let readiness = Readiness::default();
        let mut app = App::new(guard, readiness.clone());
        set(&mut app);
        let server = app
            .bind("127.0.0.1:0".parse().expect("an address"))
            .await
            .expect("a free port");
        let (addr, stop) = (server.addr(), CancellationToken::new());
        let running = server.run(stop.clone());
        let task = tokio::spawn(async move {
            let Ok(()) = running.await;
        });
        Self {
            addr,
            readiness,
            stop,
            task,
        }
    }

    /// With all that the tests call.
    async fn full(guard: Guard) -> Self {
        Self::open(guard, |app| {
            app.grpc
                .add_service(AgentServiceServer::new(Mirror))
                .add_service(EventServiceServer::new(Endless));
            app.routes = Router::new()
                .route("/v1/echo", routing::post(|body: String| async { body }))
                .route("/v1/stream", routing::get(stream));
            app.open = Router::new().route("/", routing::get(|| async { "hello" }));
        })
        .await
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    async fn channel(&self) -> tonic::transport::Channel {
        let endpoint = tonic::transport::Endpoint::new(self.url("")).expect("a url");
        endpoint.connect().await.expect("connected")
    }

    async fn agents(&self) -> AgentServiceClient<tonic::transport::Channel> {
        AgentServiceClient::connect(self.url(""))
            .await
            .expect("connected")
    }
}

/// One line, then nothing, for ever.
async fn stream() -> Body {
    let (send, receive) = tokio::sync::mpsc::channel::<Result<&str, std::io::Error>>(1);
    send.send(Ok("one\n")).await.expect("room for one");
    Body::from_stream(ReceiverStream::new(receive).map(move |line| {
        // Held as long as the stream, so that it never ends by itself.
        let _open = &send;
        line
    }))
}

fn with_key<T>(key: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {key}").parse().expect("a header value");
    request.metadata_mut().insert("authorization", value);
    request
}

fn keys() -> Guard {
    Guard::Keys(Arc::new(TwoKeys))
}

#[tokio::test]
async fn a_key_becomes_the_caller_and_the_correlation_travels() {
    let port = Port::full(keys()).await;
    let mut request = with_key("edit", ListRequest {});
    request.metadata_mut().insert(
        "x-correlation-id",
        "order-7".parse().expect("a header value"),
    );
    let response = port
        .agents()
        .await
        .list(request)
        .await
        .expect("an editor may");
    assert_eq!(
        response
            .metadata()
            .get("x-correlation-id")
            .expect("answered"),
        "order-7"
    );
    let agent = &response.get_ref().agents[0];
    assert_eq!(
        (
            agent.kind.as_str(),
            agent.version.as_str(),
            agent.model.as_str()
        ),
        ("acme", "a key", "order-7")
    );
}

#[tokio::test]
async fn who_has_no_right_is_told_why() {
    let port = Port::full(keys()).await;
    let mut agents = port.agents().await;
    let code = async |client: &mut AgentServiceClient<_>, request| {
        client.list(request).await.expect_err("refused").code()
    };
    assert_eq!(
        code(&mut agents, Request::new(ListRequest {})).await,
        Code::Unauthenticated
    );
    assert_eq!(
        code(&mut agents, with_key("guess", ListRequest {})).await,
        Code::Unauthenticated
    );
    assert_eq!(
        code(&mut agents, with_key("down", ListRequest {})).await,
        Code::Unavailable
    );
    assert_eq!(
        code(&mut agents, with_key("look", ListRequest {})).await,
        Code::PermissionDenied
    );

    let http = reqwest::Client::new();
    let response = http
        .post(port.url("/v1/echo"))
        .body("x")
        .send()
        .await
        .expect("answered");
    assert_eq!(response.status(), 401);
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
    assert!(response.headers().contains_key("x-correlation-id"));
    let details: Details = response.json().await.expect("problem details");
    assert_eq!(details.code, "UNAUTHENTICATED");
    let response = http
        .post(port.url("/v1/echo"))
        .bearer_auth("look")
        .body("x")
        .send()
        .await
        .expect("answered");
    assert_eq!(response.text().await.expect("text"), "x");
}

#[tokio::test]
async fn some_paths_need_no_key() {
    let port = Port::full(keys()).await;
    let get = async |path: &str| {
        let response = reqwest::get(port.url(path)).await.expect("answered");
        (
            response.status().as_u16(),
            response.text().await.expect("text"),
        )
    };
    assert_eq!(get("/").await, (200, "hello".to_owned()));
    assert_eq!(get("/health/live").await.0, 200);
    assert_eq!(get("/health/ready").await.0, 503);
    port.readiness.set(true);
    assert_eq!(get("/health/ready").await.0, 200);
    let (status, metrics) = get("/metrics").await;
    assert_eq!(status, 200);
    assert!(metrics.contains("pressrun_build_info"), "{metrics}");
    let (status, body) = get("/nowhere").await;
    assert_eq!(status, 404);
    assert!(body.contains("NOT_FOUND"), "{body}");
}

#[tokio::test]
async fn grpc_health_follows_readiness() {
    use tonic_health::pb::{
        HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
    };
    let port = Port::full(keys()).await;
    let mut health = HealthClient::new(port.channel().await);
    let mut watch = health
        .watch(HealthCheckRequest::default())
        .await
        .expect("open to all")
        .into_inner();
    port.readiness.set(true);
    loop {
        let now = watch.message().await.expect("alive").expect("not over");
        if now.status() == ServingStatus::Serving {
            break;
        }
    }
    port.stop.cancel();
    // Told, or cut off by the stop; either way no longer serving.
    while let Ok(Some(now)) = watch.message().await {
        if now.status() == ServingStatus::NotServing {
            break;
        }
    }
    port.task.await.expect("without a panic");
    assert!(!port.readiness.is_ready());
}

#[tokio::test]
async fn reflection_lists_the_services_in_both_versions() {
    use tonic_reflection::pb::{v1, v1alpha};
    let port = Port::full(keys()).await;
    let channel = port.channel().await;
    let ask = v1::ServerReflectionRequest {
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(
            String::new(),
        )),
        ..Default::default()
    };
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(channel.clone());
    let mut answers = client
        .server_reflection_info(futures::stream::iter([ask]))
        .await
        .expect("open to all")
        .into_inner();
    let answer = format!("{:?}", answers.message().await.expect("alive"));
    assert!(
        answer.contains("pressrun.campaign.v1.CampaignService"),
        "{answer}"
    );

    let ask = v1alpha::ServerReflectionRequest {
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::ListServices(String::new()),
        ),
        ..Default::default()
    };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let mut answers = client
        .server_reflection_info(futures::stream::iter([ask]))
        .await
        .expect("open to all")
        .into_inner();
    let answer = format!("{:?}", answers.message().await.expect("alive"));
    assert!(
        answer.contains("pressrun.campaign.v1.CampaignService"),
        "{answer}"
    );
}

#[tokio::test]
async fn an_unknown_service_is_unimplemented() {
    let port = Port::open(keys(), |_| {}).await;
    let status = port
        .agents()
        .await
        .list(with_key("edit", ListRequest {}))
        .await
        .expect_err("not served here");
    assert_eq!(status.code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_large_body_is_refused() {
    let port = Port::full(keys()).await;
    let body = vec![b'x'; 1024 * 1024 + 1];
    let response = reqwest::Client::new()
        .post(port.url("/v1/echo"))
        .bearer_auth("edit")
        .body(body)
        .send()
        .await
        .expect("answered");
    assert_eq!(response.status(), 413);
}

#[tokio::test]
async fn the_callers_deadline_is_kept() {
    let port = Port::open(keys(), |app| {
        app.grpc.add_service(AgentServiceServer::new(Silent));
        app.patient = &["/pressrun.agent.v1.AgentService/List"];
    })
    .await;
    // By hand: a gRPC client would give up by itself at the same moment.
    let response = reqwest::Client::new()
        .post(port.url("/pressrun.agent.v1.AgentService/List"))
        .bearer_auth("edit")
        .header("content-type", "application/grpc")
        .header("grpc-timeout", "20m")
        .body(vec![0; 5])
        .send()
        .await
        .expect("answered");
    let code = response.headers()["grpc-status"]
        .to_str()
        .expect("a number");
    assert_eq!(code, (Code::DeadlineExceeded as i32).to_string());
}

#[tokio::test]
async fn a_stop_ends_open_streams_and_the_server() {
    let port = Port::full(keys()).await;
    let mut client = EventServiceClient::connect(port.url(""))
        .await
        .expect("connected");
    let mut events = client
        .subscribe(with_key("look", SubscribeRequest::default()))
        .await
        .expect("begun")
        .into_inner();
    assert!(events.message().await.expect("alive").is_some());
    let mut lines = reqwest::Client::new()
        .get(port.url("/v1/stream"))
        .bearer_auth("look")
        .send()
        .await
        .expect("begun");
    assert_eq!(
        lines.chunk().await.expect("alive").as_deref(),
        Some(&b"one\n"[..])
    );

    port.stop.cancel();
    let end = events.message().await.expect_err("told, not cut");
    assert_eq!(end.code(), Code::Unavailable, "{end}");
    assert_eq!(lines.chunk().await.expect("ended in good order"), None);
    tokio::time::timeout(Duration::from_secs(60), port.task)
        .await
        .expect("the server ends")
        .expect("without a panic");
    assert!(
        reqwest::get(format!("http://{}/", port.addr))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn too_many_calls_on_one_connection_are_refused() {
    let port = Port::open(keys(), |app| {
        app.grpc.add_service(AgentServiceServer::new(Silent));
    })
    .await;
    let client = port.agents().await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..service::limits::MAX_CALLS_PER_CONNECTION + 1 {
        let mut client = client.clone();
        calls.spawn(async move { client.list(with_key("edit", ListRequest {})).await });
    }
    let first = calls
        .join_next()
        .await
        .expect("one is refused")
        .expect("no panic");
    assert_eq!(first.expect_err("refused").code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn calls_that_wait_by_design_leave_room_for_others() {
    let port = Port::open(keys(), |app| {
        app.grpc
            .add_service(AgentServiceServer::new(Silent))
            .add_service(EventServiceServer::new(Endless));
        app.patient = &["/pressrun.agent.v1.AgentService/List"];
    })
    .await;
    let channel = port.channel().await;
    let mut waiting: futures::stream::FuturesUnordered<_> = (0
        ..service::limits::MAX_CALLS_PER_CONNECTION)
        .map(|_| {
            let mut client = AgentServiceClient::new(channel.clone());
            async move { client.list(with_key("edit", ListRequest {})).await }
        })
        .collect();
    let mut events = EventServiceClient::new(channel);
    let begun = events.subscribe(with_key("look", SubscribeRequest::default()));
    tokio::select! {
        biased;
        ended = waiting.next() => panic!("none was to end: {ended:?}"),
        begun = begun => assert!(begun.is_ok()),
    }
}

#[tokio::test]
async fn without_keys_loopback_is_local_and_anything_else_is_refused() {
    let guard = Guard::local_only().expect("an id");
    let port = Port::full(guard.clone()).await;
    let response = port
        .agents()
        .await
        .list(ListRequest {})
        .await
        .expect("admin of the local tenant");
    assert_eq!(response.get_ref().agents[0].kind, "local");
    let rebound = reqwest::Client::new()
        .get(port.url("/v1/stream"))
        .header("host", "evil.example")
        .send()
        .await
        .expect("answered");
    assert_eq!(rebound.status(), 403);

    let open = App::new(guard, Readiness::default())
        .bind("0.0.0.0:0".parse().expect("an address"))
        .await;
    assert!(matches!(
        open.map(|server| server.addr()),
        Err(Error::Exposed(_))
    ));
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let port = Port::open(Guard::Closed, |_| {}).await;
    let error = App::new(Guard::Closed, Readiness::default())
        .bind(port.addr)
        .await
        .expect_err("taken");
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot listen on {}", port.addr)),
        "{error}"
    );
}
