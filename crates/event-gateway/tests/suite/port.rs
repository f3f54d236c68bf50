//! One real port over a real orchestrator's door: gRPC, Server-Sent Events, keys, tenants, the end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use event_gateway::{
    Options, Pace, Ports, Service,
    history::{History, grpc::Orchestrator},
};
use futures::StreamExt;
use model::{RunId, TenantId, Timestamp};
use service::{
    auth::{Guard, Keys, KeysUnavailable, Principal, Role},
    http::{App, Readiness},
};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status, Streaming};
use wire::{
    auth::v1::{
        WhoAmIRequest, WhoAmIResponse,
        auth_service_server::{AuthService, AuthServiceServer},
    },
    events::v1::{
        Closing, Event, Filter, SubscribeRequest, SubscribeResponse,
        event_service_client::EventServiceClient, subscribe_response::What,
    },
    problem::Details,
    run::v1::{
        self as proto,
        run_service_server::{RunService, RunServiceServer},
    },
};

use crate::world::{World, run, tenant};

/// Nothing here takes long; a test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A key is its tenant's name behind `key-`.
struct Names;

#[async_trait]
impl Keys for Names {
    async fn principal(&self, key: &str) -> Result<Option<Principal>, KeysUnavailable> {
        Ok(key.strip_prefix("key-").map(|name| Principal {
            tenant: tenant(name),
            role: Role::Viewer,
            by: name.to_owned(),
        }))
    }
}

/// The orchestrator's doors over a world.
struct Doors(World);

impl Doors {
    fn history<T>(&self, request: &Request<T>) -> Result<Arc<dyn History>, Status> {
        Ok(self.0.history(&Principal::of(request.extensions())?.tenant))
    }
}

fn not_here<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("the gateway does not ask for this"))
}

#[tonic::async_trait]
impl RunService for Doors {
    async fn list_events(
        &self,
        request: Request<proto::ListEventsRequest>,
    ) -> Result<Response<proto::ListEventsResponse>, Status> {
        let history = self.history(&request)?;
        let request = request.into_inner();
        let page = history.events(&run(&request.run_id), request.after).await?;
        Ok(Response::new(proto::ListEventsResponse {
            events: page.events,
            head: page.head,
            at_rest: page.at_rest,
        }))
    }

    /// A run on each page.
    async fn list_changed(
        &self,
        request: Request<proto::ListChangedRequest>,
    ) -> Result<Response<proto::ListChangedResponse>, Status> {
        let history = self.history(&request)?;
        let request = request.into_inner();
        let since = request.since.map(Timestamp::from).expect("given");
        let at: usize = request.cursor.parse().unwrap_or(0);
        let changed = history.changed(since).await?;
        let next = if at + 1 < changed.len() {
            (at + 1).to_string()
        } else {
            String::new()
        };
        let runs = changed
            .into_iter()
            .skip(at)
            .take(1)
            .map(|changed| proto::ChangedRun {
                run_id: changed.run.to_string(),
                sequence: changed.sequence,
                updated: None,
            });
        Ok(Response::new(proto::ListChangedResponse {
            runs: runs.collect(),
            next_cursor: next,
        }))
    }

    async fn get(&self, _: Request<proto::GetRequest>) -> Result<Response<proto::Run>, Status> {
        not_here()
    }
    async fn list(
        &self,
        _: Request<proto::ListRequest>,
    ) -> Result<Response<proto::ListResponse>, Status> {
        not_here()
    }
    async fn explain(
        &self,
        _: Request<proto::ExplainRequest>,
    ) -> Result<Response<proto::ExplainResponse>, Status> {
        not_here()
    }
    async fn cancel(
        &self,
        _: Request<proto::CancelRequest>,
    ) -> Result<Response<proto::CancelResponse>, Status> {
        not_here()
    }
    async fn regenerate(
        &self,
        _: Request<proto::RegenerateRequest>,
    ) -> Result<Response<proto::RegenerateResponse>, Status> {
        not_here()
    }
    async fn pause(
        &self,
        _: Request<proto::PauseRequest>,
    ) -> Result<Response<proto::CommandResponse>, Status> {
        not_here()
    }
    async fn resume(
        &self,
        _: Request<proto::ResumeRequest>,
    ) -> Result<Response<proto::CommandResponse>, Status> {
        not_here()
    }
    async fn retry(
        &self,
        _: Request<proto::RetryRequest>,
    ) -> Result<Response<proto::CommandResponse>, Status> {
        not_here()
    }
}

#[tonic::async_trait]
impl AuthService for Doors {
    async fn who_am_i(
        &self,
        request: Request<WhoAmIRequest>,
    ) -> Result<Response<WhoAmIResponse>, Status> {
        let caller = Principal::of(request.extensions())?;
        Ok(Response::new(WhoAmIResponse {
            tenant: caller.tenant.to_string(),
            role: caller.role.as_str().to_owned(),
            by: caller.by.clone(),
        }))
    }
}

pub(crate) struct Stack {
    pub(crate) world: World,
    pub(crate) gateway: SocketAddr,
    pub(crate) stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Stack {
    pub(crate) async fn start() -> Self {
        Self::over(World::new(), Pace::default()).await
    }

    pub(crate) async fn over(world: World, pace: Pace) -> Self {
        let stop = CancellationToken::new();
        let mut app = App::new(Guard::Keys(Arc::new(Names)), Readiness::default());
        app.grpc
            .add_service(RunServiceServer::new(Doors(world.clone())))
            .add_service(AuthServiceServer::new(Doors(world.clone())));
        let server = app.bind(([127, 0, 0, 1], 0).into()).await.expect("a port");
        let orchestrator =
            Orchestrator::new(&format!("http://{}", server.addr())).expect("an address");
        let options = Options {
            listen: ([127, 0, 0, 1], 0).into(),
            api_keys: true,
            session_secrets: Default::default(),
        };
        let ports = Ports {
            bus: Arc::new(world.bus.clone()),
            orchestrator,
        };
        let mut service = Service::build_at(pace, options, ports, stop.clone())
            .await
            .expect("built");
        service.watch("orchestrator", server.run(stop.clone()));
        let gateway = service.addr();
        Self {
            world,
            gateway,
            stop,
            running: tokio::spawn(service.run()),
        }
    }

    pub(crate) async fn sse(
        &self,
        name: &str,
        query: &str,
        last: Option<&str>,
    ) -> reqwest::Response {
        service::crypto::install_crypto();
        let url = format!("http://{}/v1/events?{query}", self.gateway);
        let mut request = reqwest::Client::new()
            .get(url)
            .bearer_auth(format!("key-{name}"));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        request.send().await.expect("answered")
    }

    pub(crate) async fn at(pace: Pace) -> Self {
        Self::over(World::new(), pace).await
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        service::crypto::install_crypto();
        let call = reqwest::Client::new().get(format!("http://{}{path}", self.gateway));
        call.bearer_auth("key-one").send().await.expect("answered")
    }

    pub(crate) async fn refused(&self, name: &str, query: &str, last: Option<&str>) -> Details {
        let response = self.sse(name, query, last).await;
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        serde_json::from_str(&response.text().await.expect("a body")).expect("problem details")
    }

    pub(crate) async fn subscribe(
        &self,
        name: &str,
        request: SubscribeRequest,
    ) -> Result<Streaming<SubscribeResponse>, Status> {
        let mut client = EventServiceClient::connect(format!("http://{}", self.gateway))
            .await
            .expect("connected");
        let mut request = Request::new(request);
        let key = format!("Bearer key-{name}").parse().expect("a header");
        request.metadata_mut().insert("authorization", key);
        Ok(client.subscribe(request).await?.into_inner())
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        let ended = timeout(PATIENCE, self.running).await.expect("it ends");
        ended.expect("no panic").expect("a clean end");
    }
}

/// The frames of a stream.
pub(crate) struct Frames {
    response: reqwest::Response,
    text: String,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: serde_json::Value,
}

impl Frames {
    pub(crate) async fn of(response: reqwest::Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut frames = Self {
            response,
            text: String::new(),
        };
        assert_eq!(frames.raw().await.as_deref(), Some(": open\nretry: 1000"));
        frames
    }

    /// The next frame that is no heartbeat.
    async fn raw(&mut self) -> Option<String> {
        loop {
            let frame = self.any().await?;
            if !frame.starts_with(": alive") {
                return Some(frame);
            }
        }
    }

    pub(crate) async fn any(&mut self) -> Option<String> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let frame = frame.to_owned();
                self.text = rest.to_owned();
                return Some(frame);
            }
            let chunk = timeout(PATIENCE, self.response.chunk())
                .await
                .expect("in time")
                .expect("unbroken")?;
            self.text
                .push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let raw = self.raw().await?;
        let field = |name: &str| {
            let line = raw
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap_or_default();
            line.to_owned()
        };
        Some(Frame {
            id: field("id: "),
            event: field("event: "),
            data: serde_json::from_str(&field("data: ")).expect("JSON"),
        })
    }
}

pub(crate) async fn events(
    stream: &mut Streaming<SubscribeResponse>,
    count: usize,
) -> Vec<(Event, String)> {
    let mut events = Vec::new();
    let all = async {
        while events.len() < count {
            let next = stream.next().await.expect("it goes on");
            let SubscribeResponse { what, resume } = next.expect("unbroken");
            if let Some(What::Event(event)) = what {
                events.push((event, resume));
            }
        }
    };
    timeout(PATIENCE, all).await.expect("in time");
    events
}

pub(crate) fn ids(events: &[(Event, String)]) -> Vec<&str> {
    events.iter().map(|(event, _)| event.id.as_str()).collect()
}

pub(crate) fn of_run(id: &RunId, after: u64, until_rest: bool) -> SubscribeRequest {
    SubscribeRequest {
        run_id: id.to_string(),
        after,
        until_rest,
        ..SubscribeRequest::default()
    }
}

pub(crate) async fn past(stack: &Stack, owner: &TenantId, id: &RunId, kinds: &[&str]) {
    for kind in kinds {
        stack.world.happen(owner, id, kind).await;
    }
}

#[tokio::test]
async fn one_run_over_sse_resumes_by_last_event_id() {
    let stack = Stack::start().await;
    let (one, r) = (tenant("one"), run("r"));
    past(&stack, &one, &r, &["submitted", "step_started"]).await;
    let mut frames = Frames::of(stack.sse("one", "run=r", None).await).await;
    let first = frames.next().await.expect("a frame");
    assert_eq!(
        (first.id.as_str(), first.event.as_str()),
        ("r.1", "pressrun.run.v1.submitted")
    );
    assert_eq!(first.data["specversion"], "1.0");
    assert_eq!(first.data["data"]["sequence"], "1");
    assert_eq!(frames.next().await.expect("a frame").id, "r.2");
    past(&stack, &one, &r, &["step_finished"]).await;
    assert_eq!(frames.next().await.expect("a frame").id, "r.3");
    drop(frames);
    past(&stack, &one, &r, &["ended"]).await;
    // The number in the address is older than what the client got.
    let response = stack
        .sse(
            "one",
            "run=r&after=1&until_rest=true&type=ended&type=step_finished",
            Some("r.2"),
        )
        .await;
    let mut frames = Frames::of(response).await;
    assert_eq!(frames.next().await.expect("a frame").id, "r.3");
    assert_eq!(frames.next().await.expect("a frame").id, "r.4");
    assert_eq!(frames.next().await, None, "the run is at rest");
    stack.end().await;
}

#[tokio::test]
async fn many_runs_over_sse_resume_by_token() {
    let stack = Stack::start().await;
    let one = tenant("one");
    let mut frames = Frames::of(stack.sse("one", "workflow=campaign", None).await).await;
    // The stream is open: whatever happens from here on, it shows.
    past(&stack, &one, &run("a"), &["submitted"]).await;
    let first = frames.next().await.expect("a frame");
    assert_eq!(first.data["id"], "a.1");
    drop(frames);
    past(&stack, &one, &run("b"), &["submitted"]).await;
    past(&stack, &one, &run("a"), &["ended"]).await;
    let mut frames = Frames::of(stack.sse("one", "", Some(&first.id)).await).await;
    assert_eq!(frames.next().await.expect("a frame").data["id"], "b.1");
    assert_eq!(frames.next().await.expect("a frame").data["id"], "a.2");
    stack.end().await;
}

#[tokio::test]
async fn one_run_and_many_over_grpc() {
    let stack = Stack::start().await;
    let (one, r) = (tenant("one"), run("r"));
    past(&stack, &one, &r, &["submitted", "step_started"]).await;
    let mut stream = stack
        .subscribe("one", of_run(&r, 1, true))
        .await
        .expect("open");
    assert_eq!(ids(&events(&mut stream, 1).await), ["r.2"]);
    past(&stack, &one, &r, &["ended"]).await;
    assert_eq!(ids(&events(&mut stream, 1).await), ["r.3"]);
    assert!(
        timeout(PATIENCE, stream.next())
            .await
            .expect("in time")
            .is_none(),
        "at rest"
    );

    let filter = Some(Filter {
        types: vec!["submitted".into()],
        ..Filter::default()
    });
    let request = SubscribeRequest {
        filter,
        ..SubscribeRequest::default()
    };
    let mut stream = stack.subscribe("one", request.clone()).await.expect("open");
    past(&stack, &one, &run("s"), &["submitted", "ended"]).await;
    let got = events(&mut stream, 1).await;
    assert_eq!(ids(&got), ["s.1"]);
    drop(stream);
    past(&stack, &one, &run("t"), &["submitted"]).await;
    let request = SubscribeRequest {
        resume: got[0].1.clone(),
        ..request
    };
    let mut stream = stack.subscribe("one", request).await.expect("open");
    assert_eq!(ids(&events(&mut stream, 1).await), ["t.1"]);
    stack.end().await;
}

#[tokio::test]
async fn tenants_see_nothing_of_each_other() {
    let stack = Stack::start().await;
    past(&stack, &tenant("one"), &run("r"), &["submitted"]).await;
    assert_eq!(stack.refused("two", "run=r", None).await.status, 404);
    let status = stack
        .subscribe("two", of_run(&run("r"), 0, false))
        .await
        .expect_err("refused");
    assert_eq!(status.code(), Code::NotFound);
    let mut two = stack
        .subscribe("two", SubscribeRequest::default())
        .await
        .expect("open");
    past(&stack, &tenant("one"), &run("r"), &["step_started"]).await;
    past(&stack, &tenant("two"), &run("x"), &["submitted"]).await;
    assert_eq!(ids(&events(&mut two, 1).await), ["x.1"]);
    stack.end().await;
}

#[tokio::test]
async fn who_has_no_key_and_what_is_wrong_is_refused() {
    let stack = Stack::start().await;
    let (one, r) = (tenant("one"), run("r"));
    past(&stack, &one, &r, &["submitted"]).await;
    let url = format!("http://{}/v1/events", stack.gateway);
    let unknown = reqwest::Client::new()
        .get(&url)
        .bearer_auth("nobody")
        .send()
        .await
        .expect("answered");
    assert_eq!(unknown.status(), 401);
    assert_eq!(reqwest::get(&url).await.expect("answered").status(), 401);

    for (query, last, path) in [
        ("run=r&after=x", None, "after"),
        ("run=r&after=9", None, "after"),
        ("run=R!", None, "run_id"),
        ("after=x", None, "resume"),
        ("", Some("r.1"), "resume"),
        ("run=r", Some("s.1"), "Last-Event-ID"),
        ("tenant=two", None, "query"),
        ("until_rest=true", None, "until_rest"),
    ] {
        let details = stack.refused("one", query, last).await;
        let paths: Vec<_> = details
            .errors
            .iter()
            .map(|problem| problem.path.as_str())
            .collect();
        assert_eq!(
            (details.status, paths),
            (400, vec![path]),
            "{query} {last:?}"
        );
    }
    let request = SubscribeRequest {
        resume: "bm90IG91cnM".into(),
        ..SubscribeRequest::default()
    };
    let status = stack.subscribe("one", request).await.expect_err("refused");
    assert_eq!(status.code(), Code::InvalidArgument);
    stack.end().await;
}

#[tokio::test]
async fn a_stop_ends_open_streams_with_a_position() {
    let stack = Stack::start().await;
    let (one, r) = (tenant("one"), run("r"));
    past(&stack, &one, &r, &["submitted", "step_started"]).await;
    let mut many = Frames::of(stack.sse("one", "type=ended", None).await).await;
    let mut single = Frames::of(stack.sse("one", "run=r", None).await).await;
    let mut stream = stack
        .subscribe("one", of_run(&r, 0, false))
        .await
        .expect("open");
    assert_eq!(ids(&events(&mut stream, 2).await), ["r.1", "r.2"]);
    for _ in 0..2 {
        single.next().await.expect("an event");
    }
    stack.stop.cancel();
    let last = many.next().await.expect("told");
    assert_eq!(last.event, "closing");
    assert_eq!(last.data["resume"], last.id.as_str());
    assert_eq!(many.next().await, None);
    let end = single.next().await.expect("told");
    assert_eq!(
        (end.event.as_str(), &end.data["after"]),
        ("closing", &2.into())
    );
    assert_eq!(single.next().await, None);
    let told = next(&mut stream).await.expect("told").expect("a message");
    assert!(matches!(
        told.what,
        Some(What::Closing(Closing { after: 2, .. }))
    ));
    let status = next(&mut stream).await.expect("told").expect_err("the end");
    assert_eq!(status.code(), Code::Unavailable);
    // What happens meanwhile is not missed by who comes back with that position.
    let world = stack.world.clone();
    stack.end().await;
    world.happen(&one, &run("s"), "submitted").await;
    let stack = Stack::over(world, Pace::default()).await;
    let mut back = Frames::of(stack.sse("one", "", Some(&last.id)).await).await;
    assert_eq!(back.next().await.expect("a frame").data["id"], "s.1");
    stack.end().await;
}

pub(crate) async fn next(
    stream: &mut Streaming<SubscribeResponse>,
) -> Option<Result<SubscribeResponse, Status>> {
    timeout(PATIENCE, stream.next()).await.expect("in time")
}
