//! The gateway as a service: its ear, its two transports, one port.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use ::service::{
    auth::Guard,
    env,
    http::{App, Readiness},
    serve::Lifetime,
    supervise::{BoxError, Tasks},
};
use bus::Bus;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wire::events::v1::event_service_server::EventServiceServer;

use crate::{
    api::{self, table::RUN_CAMPAIGN},
    console,
    feed::Feed,
    history::grpc::Orchestrator,
    limits::{CLIENT_PATIENCE, DRAIN, FAREWELL, FIRST_FRAME_WAIT, HEARTBEAT, SEND_WAIT},
    openapi, sse,
    stream::Streams,
    ws,
};

/// How a gateway is to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether callers need API keys. Without, only callers on this machine are served.
    pub api_keys: bool,
    /// What the console's sessions are sealed with. Without, this process alone can open its own.
    pub session_secrets: console::Secrets,
}

/// How often and how long; tests hurry it.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// A silent stream says this often that it lives.
    pub heartbeat: Duration,
    /// How long a client may leave its queue full.
    pub patience: Duration,
    /// How long a WebSocket client may take to say what it wants.
    pub first_frame: Duration,
    /// How long a WebSocket client may take nothing of what is sent.
    pub send: Duration,
    /// How long a connection lives.
    pub lifetime: Lifetime,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            heartbeat: HEARTBEAT,
            patience: CLIENT_PATIENCE,
            first_frame: FIRST_FRAME_WAIT,
            send: SEND_WAIT,
            lifetime: Lifetime::default(),
        }
    }
}

/// What it is given; `dev`, tests and production differ in nothing else.
#[derive(Clone)]
pub struct Ports {
    /// Where live events come from.
    pub bus: Arc<dyn Bus>,
    /// Where all events are, and who knows whose a key is.
    pub orchestrator: Orchestrator,
}

/// A built gateway: its port is open.
pub struct Service {
    tasks: Tasks,
    addr: SocketAddr,
}

impl Service {
    /// Opens the port and starts to hear the bus.
    ///
    /// # Errors
    /// When the port cannot be opened, or would be open to others without keys.
    pub async fn build(
        options: Options,
        ports: Ports,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        Self::build_at(Pace::default(), options, ports, stop).await
    }

    /// The same at another pace.
    ///
    /// # Errors
    /// As [`Service::build`].
    pub async fn build_at(
        pace: Pace,
        options: Options,
        ports: Ports,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let Ports { bus, orchestrator } = ports;
        if options.api_keys && options.session_secrets == console::Secrets::default() {
            tracing::info!(
                "console sessions end with this process and are unknown to other replicas: \
                 {} gives all of them one secret",
                env::SESSION_SECRETS
            );
        }
        let guard = if options.api_keys {
            Guard::Keys(Arc::new(orchestrator.clone()))
        } else {
            Guard::local_only()?
        };
        let readiness = Readiness::default();
        let (heard, upstream) = (Arc::clone(&bus), orchestrator.upstream().clone());
        readiness.need(bus.name(), move || heard.trouble());
        readiness.need("orchestrator", move || upstream.trouble());
        let upstream = orchestrator.upstream().clone();
        let feed = Feed::default();
        let streams = Streams::new(feed.clone(), Arc::clone(&bus), orchestrator.clone())
            .at(pace.heartbeat, pace.patience);
        let mut app = App::new(guard.clone(), readiness.clone());
        app.grpc.add_service(
            EventServiceServer::new(streams.clone())
                .max_decoding_message_size(::service::limits::MAX_REQUEST_BYTES)
                .max_encoding_message_size(::service::limits::MAX_RESPONSE_BYTES),
        );
        app.lifetime = pace.lifetime;
        app.patient = &[RUN_CAMPAIGN];
        app.routes = sse::routes(streams.clone())
            .merge(ws::routes(streams.clone(), pace))
            .merge(api::routes(orchestrator.connection()))
            .method_not_allowed_fallback(api::method_not_allowed);
        app.open = console::routes(
            guard,
            orchestrator,
            streams.clone(),
            &options.session_secrets,
        )?
        .merge(openapi::routes());
        let server = app.bind(options.listen).await?;
        let addr = server.addr();
        let mut tasks = Tasks::new(stop.clone());
        tasks.spawn("feed", feed.run(bus, stop.clone()));
        tasks.spawn("orchestrator", upstream.follow(stop.clone()));
        readiness.set(true);
        // First the clients learn where to resume, then the port closes.
        let port = CancellationToken::new();
        tasks.spawn("http", server.run(port.clone()));
        tasks.spawn("streams", async move {
            stop.cancelled().await;
            readiness.set(false);
            streams.close();
            if timeout(FAREWELL, streams.drained()).await.is_err() {
                tracing::info!("clients that do not read are cut");
            }
            port.cancel();
            streams.drained().await;
            Ok::<_, BoxError>(())
        });
        Ok(Self { tasks, addr })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Adds a task that is watched with its own.
    pub fn watch<E: Into<BoxError>>(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        self.tasks.spawn(name, task);
    }

    /// Runs until the stop, then ends every stream.
    ///
    /// # Errors
    /// When one of its tasks fails.
    pub async fn run(self) -> anyhow::Result<()> {
        Ok(self.tasks.run(DRAIN).await?)
    }
}
