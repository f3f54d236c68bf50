//! Spans: one trace for each run, over every process that has a part in it.
//!
//! A span is made by hand where something crosses a process or takes time: a call, a commit, a job, a model
//! call. Log lines do not become part of traces, so no content can get into one by way of a log. While no
//! receiver is configured ([`export::start`]) a span is nothing: it costs one look at a flag, and closures
//! that name and describe it are not called.
//!
//! Context travels as W3C `traceparent`: in gRPC metadata, in the envelopes of the bus, and with the run's
//! birth. Within a process it is attached to the future that works ([`Span::around`]).

pub mod attribute;
pub(crate) mod call;
pub mod export;

use std::{borrow::Cow, future::Future};

use futures::future::Either;
use opentelemetry::{
    Context, KeyValue,
    context::FutureExt as _,
    trace::{
        Link, SpanBuilder, SpanContext, SpanId, Status, TraceContextExt as _, TraceFlags, TraceId,
        TraceState,
    },
};

pub use opentelemetry::trace::SpanKind as Kind;

/// A place in a trace: the span under which others hang. None while nothing is traced.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place(Option<SpanContext>);

impl Place {
    /// Out of a version 00 `traceparent`; what is not well-formed is no place.
    pub fn read(traceparent: &str) -> Self {
        if !export::is_on() || traceparent.is_empty() {
            return Self::default();
        }
        Self(parse(traceparent))
    }

    /// That of the work under way.
    pub fn current() -> Self {
        if !export::is_on() {
            return Self::default();
        }
        let context = Context::map_current(|context| context.span().span_context().clone());
        Self(Some(context).filter(SpanContext::is_valid))
    }

    /// Has an outgoing call carry it, so that what answers the call hangs below it.
    pub fn on<T>(&self, mut request: tonic::Request<T>) -> tonic::Request<T> {
        let text = self.traceparent();
        if let Some(Ok(value)) = text.map(http::HeaderValue::try_from) {
            let headers: &mut http::HeaderMap = request.metadata_mut().as_mut();
            headers.insert(crate::correlation::TRACEPARENT_HEADER, value);
        }
        request
    }

    /// As `traceparent`.
    pub fn traceparent(&self) -> Option<String> {
        self.0.as_ref().map(format)
    }

    /// Whether it is none.
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Whether both are of one trace.
    pub fn is_with(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(two)) => one.trace_id() == two.trace_id(),
            _ => false,
        }
    }

    /// The ids of its trace and span, for log lines.
    pub(crate) fn ids(&self) -> Option<(String, String)> {
        let context = self.0.as_ref()?;
        Some((
            context.trace_id().to_string(),
            context.span_id().to_string(),
        ))
    }
}

fn format(context: &SpanContext) -> String {
    format!(
        "00-{}-{}-{:02x}",
        context.trace_id(),
        context.span_id(),
        context.trace_flags().to_u8()
    )
}

fn parse(traceparent: &str) -> Option<SpanContext> {
    crate::correlation::trace_id(traceparent)?;
    let context = SpanContext::new(
        TraceId::from_hex(traceparent.get(3..35)?).ok()?,
        SpanId::from_hex(traceparent.get(36..52)?).ok()?,
        TraceFlags::new(u8::from_str_radix(traceparent.get(53..55)?, 16).ok()?)
            & TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    context.is_valid().then_some(context)
}

/// Something that takes time. It ends when it is dropped, however that comes.
#[derive(Debug, Default)]
pub struct Span(Option<Context>);

impl Span {
    /// Begins a span below `parent`, or a trace when that is none.
    pub fn start<N: Into<Cow<'static, str>>>(
        kind: Kind,
        parent: &Place,
        name: impl FnOnce() -> N,
    ) -> Self {
        Self::start_linked(kind, parent, &[], name)
    }

    /// The same, with links to what else led to it.
    pub fn start_linked<N: Into<Cow<'static, str>>>(
        kind: Kind,
        parent: &Place,
        links: &[Place],
        name: impl FnOnce() -> N,
    ) -> Self {
        let Some(tracer) = export::tracer() else {
            return Self(None);
        };
        let below = match &parent.0 {
            Some(parent) => Context::new().with_remote_span_context(parent.clone()),
            None => Context::new(),
        };
        let links = links.iter().filter_map(|place| place.0.clone());
        let span = SpanBuilder::from_name(name())
            .with_kind(kind)
            .with_links(links.map(Link::with_context).collect())
            .start_with_context(tracer, &below);
        Self(Some(Context::new().with_span(span)))
    }

    /// Where others hang below it.
    pub fn place(&self) -> Place {
        Place(
            self.0
                .as_ref()
                .map(|context| context.span().span_context().clone()),
        )
    }

    /// Says something of it; see [`attribute`] for the names. Ids, kinds, counts: never content.
    pub fn record<const N: usize>(&self, attributes: impl FnOnce() -> [KeyValue; N]) {
        if let Some(context) = &self.0
            && context.span().is_recording()
        {
            context.span().set_attributes(attributes());
        }
    }

    /// It ended badly, in one word (`error.type`): a message might hold what may not be told.
    pub fn fail(&self, class: &'static str) {
        if let Some(context) = &self.0 {
            let span = context.span();
            span.set_attribute(attribute::ERROR_TYPE.string(class));
            span.set_status(Status::error(""));
        }
    }

    /// The future, with this span as the place of whatever it does.
    pub fn around<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        match &self.0 {
            Some(context) => Either::Left(future.with_context(context.clone())),
            None => Either::Right(future),
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
