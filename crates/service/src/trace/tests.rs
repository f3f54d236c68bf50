use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock},
};

use axum::{Router, body::Body, extract::Request, middleware, routing::get};
use opentelemetry::trace::SpanId;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};
use tower::ServiceExt as _;

use super::*;
use crate::correlation::{self, Correlation};

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b7-00";

#[derive(Debug, Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().expect("not poisoned").extend(batch);
        Ok(())
    }
}

/// What all tests of this process export to: there is one exporter in a process.
pub(crate) fn kept() -> &'static (Kept, export::Exporting) {
    static KEPT: OnceLock<(Kept, export::Exporting)> = OnceLock::new();
    KEPT.get_or_init(|| {
        let kept = Kept::default();
        let exporting = export::install(kept.clone(), Resource::builder_empty().build());
        (kept, exporting)
    })
}

/// The spans of a trace that have ended, by name.
fn spans(of: &Place) -> BTreeMap<String, SpanData> {
    let (kept, exporting) = kept();
    exporting.flush();
    let trace = of.0.as_ref().expect("a place").trace_id();
    let kept = kept.0.lock().expect("not poisoned");
    let spans = kept
        .iter()
        .filter(|span| span.span_context.trace_id() == trace);
    spans
        .map(|span| (span.name.to_string(), span.clone()))
        .collect()
}

#[test]
fn context_survives_the_wire_and_what_is_malformed_is_none() {
    kept();
    assert_eq!(Place::read(CALLER).traceparent().as_deref(), Some(CALLER));
    assert_eq!(
        Place::read(UNSAMPLED).traceparent().as_deref(),
        Some(UNSAMPLED)
    );
    for bad in ["", "00", &CALLER[..54], &CALLER.replace('4', "g"), "ääää"] {
        assert!(Place::read(bad).is_none(), "{bad}");
    }
}

#[tokio::test]
async fn what_a_span_goes_around_hangs_below_it() {
    kept();
    let root = Span::start(Kind::Consumer, &Place::default(), || "root");
    assert!(Place::current().is_none(), "not before");
    let inner = root
        .around(async {
            tokio::task::yield_now().await;
            Span::start(Kind::Client, &Place::current(), || "inner")
        })
        .await;
    assert!(inner.place().is_with(&root.place()));
    inner.record(|| [attribute::ATTEMPT.i64(2)]);
    inner.fail("timeout");
    let place = root.place();
    drop((inner, root));
    let spans = spans(&place);
    let (root, inner) = (&spans["root"], &spans["inner"]);
    assert_eq!(root.parent_span_id, SpanId::INVALID);
    assert_eq!(inner.parent_span_id, root.span_context.span_id());
    assert_eq!(
        inner.attributes,
        [
            attribute::ATTEMPT.i64(2),
            attribute::ERROR_TYPE.string("timeout")
        ]
    );
    assert_eq!(inner.status, Status::error(""));
}

#[test]
fn what_the_caller_does_not_sample_is_passed_on_and_not_recorded() {
    kept();
    let caller = Place::read(UNSAMPLED);
    let span = Span::start(Kind::Server, &caller, || "quiet");
    span.record(|| -> [_; 1] { panic!("nobody wants to know") });
    assert!(span.place().is_with(&caller));
    assert!(
        span.place()
            .traceparent()
            .is_some_and(|text| text.ends_with("-00"))
    );
    drop(span);
    assert_eq!(spans(&caller), BTreeMap::new());
}

#[test]
fn links_join_traces() {
    kept();
    let (run, call) = (
        Span::start(Kind::Server, &Place::default(), || "submit").place(),
        Span::start(Kind::Server, &Place::default(), || "cancel").place(),
    );
    drop(Span::start_linked(
        Kind::Internal,
        &run,
        &[call.clone(), Place::default()],
        || "commit",
    ));
    let commit = &spans(&run)["commit"];
    let linked: Vec<_> = commit
        .links
        .iter()
        .map(|link| link.span_context.clone())
        .collect();
    assert_eq!(linked, [call.0.expect("a place")]);
}

/// Calls a port with one route that answers its correlation's trace context; that context.
async fn call(path: &str, grpc: bool, traceparent: &str) -> String {
    let echo = async |request: Request| Correlation::of(request.extensions()).traceparent;
    let router = Router::new()
        .route("/v1/runs/{id}", get(echo))
        .route("/health/live", get(echo))
        .route("/pressrun.run.v1.RunService/Get", get(echo))
        .layer(middleware::from_fn(correlation::correlate));
    let mut request = http::Request::get(path).header("traceparent", traceparent);
    if grpc {
        request = request.header("content-type", "application/grpc");
    }
    let request = request.body(Body::empty()).expect("a request");
    let response = router.oneshot(request).await.expect("infallible");
    let body = axum::body::to_bytes(response.into_body(), 100)
        .await
        .expect("a body");
    String::from_utf8(body.to_vec()).expect("text")
}

#[tokio::test]
async fn a_served_call_is_a_span_below_its_caller() {
    kept();
    let caller = "00-4bf92f3577b34da6a3ce929d0e0e4738-00f067aa0ba902b7-01";
    for (path, grpc, name) in [
        ("/v1/runs/r1", false, "GET /v1/runs/{id}"),
        (
            "/pressrun.run.v1.RunService/Get",
            true,
            "pressrun.run.v1.RunService/Get",
        ),
    ] {
        let own = Place::read(&call(path, grpc, caller).await);
        let span = &spans(&own)[name];
        assert_eq!(Some(&span.span_context.span_id()), own.span().as_ref());
        assert_eq!(span.parent_span_id.to_string(), "00f067aa0ba902b7");
        assert_eq!(span.span_kind, Kind::Server);
    }
    assert_eq!(
        call("/health/live", false, CALLER).await,
        CALLER,
        "no span for what no run has to do with"
    );
}

impl Place {
    fn span(&self) -> Option<SpanId> {
        self.0.as_ref().map(SpanContext::span_id)
    }
}
