//! Connections of one port: accepted within bounds, served, and brought to an end.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request, response::Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinError, JoinSet},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic_health::{ServingStatus, server::HealthReporter};
use tower::ServiceExt;

use crate::{
    ending,
    http::Readiness,
    limits::{
        CONNECTION_DRAIN, CONNECTION_GRACE, HEADER_TIMEOUT, KEEP_ALIVE_INTERVAL,
        KEEP_ALIVE_TIMEOUT, MAX_CALLS_PER_CONNECTION, MAX_CONNECTION_AGE, MAX_CONNECTIONS,
        MAX_HEADER_BYTES, MAX_PENDING_RESETS, MAX_STREAMS, READY_LOOK,
    },
    metric::{self, label},
    refuse::refuse,
};

/// How often the recorder of metrics is tidied; else it grows while nobody scrapes.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// Pause after a failed accept (out of file descriptors, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a connection lives.
#[derive(Debug, Clone, Copy)]
pub struct Lifetime {
    /// Then its client is asked to open another.
    pub most: Duration,
    /// How long its calls may go on after that; then its streams end.
    pub grace: Duration,
}

impl Default for Lifetime {
    fn default() -> Self {
        Self {
            most: MAX_CONNECTION_AGE,
            grace: CONNECTION_GRACE,
        }
    }
}

/// What bounds the connections of a port.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Paths of calls that wait by design, and so take no place.
    pub(crate) patient: &'static [&'static str],
    pub(crate) lifetime: Lifetime,
}

/// An open port.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    addr: SocketAddr,
    router: Router,
    bounds: Bounds,
    readiness: Readiness,
    health: HealthReporter,
    metrics: PrometheusHandle,
}

impl Server {
    pub(crate) fn new(
        listener: TcpListener,
        router: Router,
        bounds: Bounds,
        readiness: Readiness,
        health: HealthReporter,
        metrics: PrometheusHandle,
    ) -> io::Result<Self> {
        Ok(Self {
            addr: listener.local_addr()?,
            listener,
            router,
            bounds,
            readiness,
            health,
            metrics,
        })
    }

    /// The address that it listens on, with the real port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `stop`. Then takes no more connections, ends every stream, and gives what is under way
    /// 10 s to finish.
    ///
    /// # Errors
    /// Never: what fails is one connection.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        let mut told_ready = None;
        let mut set = self.readiness.watch();
        let mut look = interval(READY_LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut upkeep = interval(METRICS_UPKEEP);
        upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Ok(()) = set.changed() => {
                    set.mark_unchanged();
                    look.reset_immediately();
                }
                _ = look.tick() => {
                    let is_ready = self.readiness.is_ready();
                    if told_ready.replace(is_ready) != Some(is_ready) {
                        report(&self.health, is_ready).await;
                    }
                }
                _ = upkeep.tick() => self.metrics.run_upkeep(),
                Some(end) = connections.join_next(), if !connections.is_empty() => told(end),
                (stream, permit) = accept(&self.listener, &places) => {
                    let calls = Calls {
                        router: self.router.clone(),
                        bounds: self.bounds,
                        places: Arc::new(Semaphore::new(MAX_CALLS_PER_CONNECTION)),
                        ending: stop.child_token(),
                    };
                    connections.spawn(serve(stream, Place::new(permit), calls, stop.clone()));
                }
            }
        }
        drop(self.listener);
        self.readiness.set(false);
        report(&self.health, false).await;
        // Each connection bounds its own end.
        while let Some(end) = connections.join_next().await {
            told(end);
        }
        Ok(())
    }
}

/// A connection fails alone, but not unheard.
fn told(end: Result<(), JoinError>) {
    if let Err(error) = end {
        tracing::error!(%error, "a connection's task failed");
    }
}

async fn report(health: &HealthReporter, ready: bool) {
    let status = if ready {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    };
    health.set_service_status("", status).await;
}

/// The next connection and its permit. May be dropped at any await.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, OwnedSemaphorePermit) {
    let permit = loop {
        // The semaphore is never closed.
        if let Ok(permit) = Arc::clone(places).acquire_owned().await {
            break permit;
        }
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A connection's place among the open ones, given back however it ends.
struct Place(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

impl Place {
    fn new(permit: OwnedSemaphorePermit) -> Self {
        metrics::gauge!(metric::CONNECTIONS).increment(1.0);
        Self(permit)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        metrics::gauge!(metric::CONNECTIONS).decrement(1.0);
    }
}

async fn serve(stream: TcpStream, _place: Place, calls: Calls, stop: CancellationToken) {
    tokio::select! {
        biased;
        () = stop.cancelled() => return,
        first = timeout(HEADER_TIMEOUT, stream.readable()) => if !matches!(first, Ok(Ok(()))) {
            return;
        },
    }
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection without nodelay");
    }
    let (ending, lifetime) = (calls.ending.clone(), calls.bounds.lifetime);
    let service = service_fn(|request: hyper::Request<Incoming>| calls.clone().call(request));
    let builder = builder();
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(serving);
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        result = serving.as_mut() => return ended(result),
        () = sleep(lifetime.most) => {
            serving.as_mut().graceful_shutdown();
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                result = serving.as_mut() => return ended(result),
                () = sleep(lifetime.grace) => {}
            }
        }
    }
    ending.cancel();
    serving.as_mut().graceful_shutdown();
    match timeout(CONNECTION_DRAIN, serving).await {
        Ok(result) => ended(result),
        Err(_) => tracing::warn!("a connection was cut off while its calls were under way"),
    }
}

fn ended<E: std::fmt::Display>(result: Result<(), E>) {
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended");
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_header_list_size(MAX_HEADER_BYTES)
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
    builder
}

/// What the calls of one connection share.
#[derive(Clone)]
struct Calls {
    router: Router,
    bounds: Bounds,
    places: Arc<Semaphore>,
    /// Cancelled when open streams must end.
    ending: CancellationToken,
}

impl Calls {
    /// One call: refused when its connection has too many under way.
    async fn call(self, request: hyper::Request<Incoming>) -> Result<Response, Infallible> {
        let request: Request = request.map(Body::new);
        let _place = if self.bounds.patient.contains(&request.uri().path()) {
            None
        } else if let Ok(place) = self.places.try_acquire() {
            Some(place)
        } else {
            metrics::counter!(metric::CALLS_REFUSED, label::REASON => "overload").increment(1);
            let status = Status::resource_exhausted(format!(
                "more than {MAX_CALLS_PER_CONNECTION} calls at once on one connection; wait for answers"
            ));
            return Ok(refuse(request.headers(), &status));
        };
        let response = self.router.oneshot(request).await?;
        Ok(ending::until(self.ending, response))
    }
}
