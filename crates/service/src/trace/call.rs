//! The span of a call that is served: from its headers to the end of the answer's body.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes},
    extract::{MatchedPath, Request},
    response::Response,
};
use http::{HeaderMap, Method};
use hyper::body::{Frame, SizeHint};
use tonic::Code;

use super::{Kind, Place, Span, attribute, export};
use crate::refuse::is_grpc;

/// What begins paths of our own services; others (health, reflection) are not worth a span.
const SERVICES: &str = "/pressrun.";
/// What begins paths of the JSON API and of its streams.
const API: &str = "/v1/";
/// Longest path of a gRPC method that has a span, bytes; ours have at most 60.
const MAX_METHOD_BYTES: usize = 128;

/// Begins the span of a call below the caller's; none for what no run has to do with.
pub(crate) fn begin(request: &Request, traceparent: &str) -> Span {
    if !export::is_on() {
        return Span::default();
    }
    let path = request.uri().path();
    // A caller must not make up names: only what is routed has a span, and a method's name is short.
    let Some(route) = request.extensions().get::<MatchedPath>() else {
        return Span::default();
    };
    if is_grpc(request.headers()) && path.len() > MAX_METHOD_BYTES {
        return Span::default();
    }
    let parent = Place::read(traceparent);
    if is_grpc(request.headers()) && path.starts_with(SERVICES) {
        let name = path.trim_start_matches('/').to_owned();
        let (service, method) = name.split_once('/').unwrap_or((&name, ""));
        let (service, method) = (service.to_owned(), method.to_owned());
        let span = Span::start(Kind::Server, &parent, || name);
        span.record(|| {
            [
                attribute::RPC_SYSTEM.string("grpc"),
                attribute::RPC_SERVICE.string(service),
                attribute::RPC_METHOD.string(method),
            ]
        });
        return span;
    }
    if !path.starts_with(API) {
        return Span::default();
    }
    let method = known(request.method());
    let route = route.as_str().to_owned();
    let span = Span::start(Kind::Server, &parent, || format!("{method} {route}"));
    span.record(|| {
        [
            attribute::HTTP_METHOD.string(method),
            attribute::HTTP_ROUTE.string(route),
        ]
    });
    span
}

/// The method's name; as the HTTP conventions call what is none of these.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}

/// The response, with the span kept until its body has ended.
pub(crate) fn until_answered(span: Span, response: Response) -> Response {
    if span.place().is_none() {
        return response;
    }
    let grpc = is_grpc(response.headers());
    if grpc {
        // An answer without a body says it at once.
        told(&span, response.headers());
    } else {
        let status = response.status();
        span.record(|| [attribute::HTTP_STATUS.i64(status.as_u16().into())]);
        if status.is_server_error() {
            span.fail("server_error");
        }
    }
    response.map(|inner| Body::new(Traced { inner, span, grpc }))
}

/// Puts a gRPC status on the span, if there is one.
fn told(span: &Span, headers: &HeaderMap) {
    let Some(status) = headers.get("grpc-status") else {
        return;
    };
    let code = Code::from_bytes(status.as_bytes());
    span.record(|| [attribute::RPC_STATUS.i64(code as i64)]);
    // What the caller did wrong is no fault of the server (RPC conventions).
    let class = match code {
        Code::Unknown => "unknown",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        _ => return,
    };
    span.fail(class);
}

struct Traced {
    inner: Body,
    span: Span,
    grpc: bool,
}

impl hyper::body::Body for Traced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(cx);
        if self.grpc
            && let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            told(&self.span, trailers);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
