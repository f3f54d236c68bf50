//! A receiver of OpenTelemetry spans over gRPC, as collectors are: it keeps what our processes send.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::{self as proto, span::SpanKind, status::StatusCode},
};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, codegen::tokio_stream::wrappers::TcpListenerStream};

/// A span as it was received.
#[derive(Debug, Clone)]
pub struct Span {
    /// Hexadecimal.
    pub trace: String,
    /// Hexadecimal.
    pub id: String,
    /// Hexadecimal; empty at the root.
    pub parent: String,
    /// Its name.
    pub name: String,
    /// `server`, `consumer` …
    pub kind: &'static str,
    /// Name of the process that sent it.
    pub service: String,
    /// Which process of that name.
    pub instance: String,
    /// Unix time, nanoseconds.
    pub begun: u64,
    /// Unix time, nanoseconds.
    pub ended: u64,
    /// Whether its status is an error.
    pub failed: bool,
    /// Attributes, as text.
    pub attributes: BTreeMap<String, String>,
    /// Trace and span that it is linked with.
    pub links: Vec<(String, String)>,
    /// Everything about it, as text.
    pub whole: String,
}

impl Span {
    /// An attribute; empty when there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// A running receiver; cheap to clone.
#[derive(Clone)]
pub struct Receiver {
    /// `http://127.0.0.1:port`, for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub url: String,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Receiver {
    /// Starts one, for as long as the runtime lives.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let receiver = Self {
            url: format!("http://{}", listener.local_addr()?),
            spans: Arc::default(),
        };
        let service = TraceServiceServer::new(Keeping(receiver.clone()));
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        Ok(receiver)
    }

    fn spans(&self) -> MutexGuard<'_, Vec<Span>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came of a trace so far, in the order in which it began.
    #[must_use]
    pub fn trace(&self, id: &str) -> Vec<Span> {
        let mut spans: Vec<_> = self
            .spans()
            .iter()
            .filter(|span| span.trace == id)
            .cloned()
            .collect();
        spans.sort_by_key(|span| span.begun);
        spans
    }

    /// What came with this value of an attribute, whatever its trace.
    #[must_use]
    pub fn with(&self, attribute: &str, value: &str) -> Vec<Span> {
        let is_it = |span: &&Span| span.get(attribute) == value;
        self.spans().iter().filter(is_it).cloned().collect()
    }
}

struct Keeping(Receiver);

#[tonic::async_trait]
impl TraceService for Keeping {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for resource in request.into_inner().resource_spans {
            let of = attributes(&resource.resource.unwrap_or_default().attributes);
            let of = |name: &str| of.get(name).cloned().unwrap_or_default();
            let (service, instance) = (of("service.name"), of("service.instance.id"));
            let spans = resource
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans);
            let spans = spans.map(|span| received(&span, &service, &instance));
            self.0.spans().extend(spans);
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn received(span: &proto::Span, service: &str, instance: &str) -> Span {
    let kind = match span.kind() {
        SpanKind::Unspecified => "none",
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    };
    let linked = |link: &proto::span::Link| (hex(&link.trace_id), hex(&link.span_id));
    let status = span.status.as_ref().map(proto::Status::code);
    Span {
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        name: span.name.clone(),
        kind,
        service: service.to_owned(),
        instance: instance.to_owned(),
        begun: span.start_time_unix_nano,
        ended: span.end_time_unix_nano,
        failed: status == Some(StatusCode::Error),
        attributes: attributes(&span.attributes),
        links: span.links.iter().map(linked).collect(),
        whole: format!("{span:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attributes(of: &[KeyValue]) -> BTreeMap<String, String> {
    of.iter()
        .map(|pair| {
            (
                pair.key.clone(),
                pair.value.as_ref().map(text).unwrap_or_default(),
            )
        })
        .collect()
}

fn text(value: &AnyValue) -> String {
    match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BoolValue(yes)) => yes.to_string(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::ArrayValue(list)) => list.values.iter().map(text).collect::<Vec<_>>().join(","),
        other => format!("{other:?}"),
    }
}

/// The trace as a tree, a line for each span: when it began and how long it took (milliseconds), which process,
/// kind, name, and what is told of it by the attributes in `told`.
#[must_use]
pub fn tree(spans: &[Span], told: &[&str]) -> String {
    let ids: BTreeSet<_> = spans.iter().map(|span| span.id.as_str()).collect();
    let mut text = String::new();
    let zero = spans.iter().map(|span| span.begun).min().unwrap_or(0);
    let roots = spans
        .iter()
        .filter(|span| !ids.contains(span.parent.as_str()));
    for root in roots {
        branch(spans, root, zero, 0, told, &mut text);
    }
    text
}

fn branch(spans: &[Span], span: &Span, zero: u64, depth: usize, told: &[&str], text: &mut String) {
    let ms = |nanos: u64| nanos as f64 / 1e6;
    let told_of: Vec<_> = told
        .iter()
        .filter_map(|name| {
            let value = span.attributes.get(*name)?;
            let short = name.rsplit('.').next().unwrap_or(name);
            Some(format!("{short}={value}"))
        })
        .collect();
    text.push_str(&format!(
        "{:>8.1} {:>8.1}  {:<13} {:<8}  {}{}  {}\n",
        ms(span.begun - zero),
        ms(span.ended.saturating_sub(span.begun)),
        span.instance,
        span.kind,
        "  ".repeat(depth),
        span.name,
        told_of.join(" ")
    ));
    for child in spans.iter().filter(|child| child.parent == span.id) {
        branch(spans, child, zero, depth + 1, told, text);
    }
}
