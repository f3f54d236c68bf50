//! One port for everything: gRPC with health and reflection, HTTP, `/health/live`, `/health/ready`,
//! `/metrics`.

use std::{io, net::SocketAddr};

use axum::{
    Router,
    body::Body,
    extract::Request,
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use futures::StreamExt;
use http::{StatusCode, Version, header};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{net::TcpListener, time::timeout};
use tonic::{
    Status,
    service::{Routes, RoutesBuilder},
};
use tower_http::limit::RequestBodyLimitLayer;
use wire::problem::{Details, MEDIA_TYPE};

use crate::{
    auth::{self, Guard, check_exposure},
    correlation, deadline,
    limits::{DISCARD_WAIT, MAX_DISCARDED_BYTES, MAX_GRPC_BODY_BYTES, MAX_REQUEST_BYTES},
    metric, ready,
    refuse::refuse,
    serve::{Bounds, Lifetime, Server},
    telemetry,
};
pub use crate::{
    ready::{READY, Readiness, Ready},
    refuse::{details_response, problem},
};

/// Why a port cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It would be open to everyone.
    #[error(transparent)]
    Exposed(#[from] auth::Exposed),
    /// The system refuses.
    #[error("cannot listen on {addr}: {source}")]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The descriptor set cannot be read.
    #[error("reflection cannot be served: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// Metrics cannot be recorded.
    #[error(transparent)]
    Telemetry(#[from] telemetry::Error),
}

/// What a port serves.
#[derive(Debug)]
pub struct App {
    /// gRPC services; behind the guard.
    pub grpc: RoutesBuilder,
    /// Other routes; behind the guard.
    pub routes: Router,
    /// Routes that anyone may call.
    pub open: Router,
    /// Who is let in.
    pub guard: Guard,
    /// Paths of unary gRPC calls that wait by design (`/pressrun.campaign.v1.CampaignService/Run`): only the
    /// caller's own deadline bounds them.
    pub patient: &'static [&'static str],
    /// Paths of gRPC calls that prove their right by what they carry: they pass the guard without a caller.
    pub proven: &'static [&'static str],
    /// Whether the service is fit for work.
    pub readiness: Readiness,
    /// How long a connection lives.
    pub lifetime: Lifetime,
}

impl App {
    /// A port with health, reflection and metrics alone.
    pub fn new(guard: Guard, readiness: Readiness) -> Self {
        Self {
            grpc: Routes::builder(),
            routes: Router::new(),
            open: Router::new(),
            guard,
            patient: &[],
            proven: &[],
            readiness,
            lifetime: Lifetime::default(),
        }
    }

    /// Opens the port; 0 takes a free one. Nothing is answered before [`Server::run`].
    ///
    /// # Errors
    /// Beyond loopback without keys; when the address is taken.
    pub async fn bind(self, addr: SocketAddr) -> Result<Server, Error> {
        if let Guard::LocalOnly(_) = self.guard {
            check_exposure(addr, false)?;
        }
        let listener = TcpListener::bind(addr).await;
        let listener = listener.map_err(|source| Error::Bind { addr, source })?;
        let metrics = telemetry::metrics()?;
        metric::begin(&[metric::CALLS_REFUSED, metric::SPANS]);
        let (health, health_service) = tonic_health::server::health_reporter();
        let readiness = self.readiness.clone();
        let bounds = Bounds {
            patient: self.patient,
            lifetime: self.lifetime,
        };
        let known = Routes::new(health_service)
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?);
        let router = self.router(known, metrics.clone());
        Server::new(listener, router, bounds, readiness, health, metrics)
            .map_err(|source| Error::Bind { addr, source })
    }

    /// `known` are gRPC services that anyone may call.
    fn router(self, known: Routes, metrics: PrometheusHandle) -> Router {
        let readiness = self.readiness;
        let plain = Router::new()
            .route("/health/live", get(|| async { "live\n" }))
            .route(READY, get(move || async move { ready::answer(&readiness) }))
            .route("/metrics", get(move || async move { metrics.render() }))
            .merge(self.open.reset_fallback())
            .merge(guarded(self.routes, &self.guard, &[]))
            .layer(RequestBodyLimitLayer::new(MAX_REQUEST_BYTES))
            .layer(middleware::map_response(too_large_as_problem))
            .layer(middleware::from_fn(heard_out));
        let grpc = guarded(
            self.grpc.routes().into_axum_router(),
            &self.guard,
            self.proven,
        )
        .merge(known.into_axum_router().reset_fallback())
        .layer(middleware::from_fn_with_state(
            self.patient,
            deadline::bound,
        ))
        .layer(RequestBodyLimitLayer::new(MAX_GRPC_BODY_BYTES));
        plain
            .merge(grpc)
            .fallback(unknown)
            .layer(middleware::from_fn(correlation::correlate))
    }
}

fn guarded(router: Router, guard: &Guard, proven: &'static [&'static str]) -> Router {
    router
        .reset_fallback()
        .layer(middleware::from_fn_with_state(
            (guard.clone(), proven),
            auth::authenticate,
        ))
        .reset_fallback()
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(wire::DESCRIPTOR)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

/// Reads what is too large, and keeps none of it. A refusal in the middle of a body breaks an HTTP/1 connection,
/// and most callers then never read why.
async fn heard_out(request: Request, next: Next) -> Response {
    let told = request.headers().get(header::CONTENT_LENGTH);
    let told = told.and_then(|length| length.to_str().ok()?.parse().ok());
    let too_large = told.is_some_and(|length: u64| {
        (MAX_REQUEST_BYTES as u64 + 1..=MAX_DISCARDED_BYTES).contains(&length)
    });
    let asks_first = request.headers().contains_key(header::EXPECT);
    if !too_large || asks_first || request.version() > Version::HTTP_11 {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let mut rest = body.into_data_stream();
    let discard = async { while let Some(Ok(_)) = rest.next().await {} };
    if timeout(DISCARD_WAIT, discard).await.is_err() {
        tracing::debug!("a body that is too large does not end either");
    }
    // The layer below refuses by the length that was told.
    next.run(Request::from_parts(parts, Body::empty())).await
}

/// The limit's own answer is a line of text.
async fn too_large_as_problem(response: Response) -> Response {
    let told = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes() == MEDIA_TYPE.as_bytes());
    if response.status() != StatusCode::PAYLOAD_TOO_LARGE || told {
        return response;
    }
    let status =
        Status::resource_exhausted(format!("the body has more than {MAX_REQUEST_BYTES} bytes"));
    details_response(&Details::from(&status).with_status(413))
}

async fn unknown(request: Request) -> Response {
    let status = if crate::refuse::is_grpc(request.headers()) {
        Status::unimplemented("there is no such method; ask reflection for those there are")
    } else {
        Status::not_found("there is nothing at this path")
    };
    refuse(request.headers(), &status)
}
