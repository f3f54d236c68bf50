//! Where spans go: an OTLP receiver over gRPC, as the standard variables of OpenTelemetry say; nowhere when
//! they say nothing. A receiver that is slow or away costs spans and nothing else: they wait in a bounded
//! queue, a thread of its own sends them, and the log hears of it once.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter as Otlp, WithTonicConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider, SpanData,
        SpanExporter,
    },
};
use tonic::transport::ClientTlsConfig;

use crate::{
    build_info, env,
    limits::{MAX_SPANS_EXPORTED, MAX_SPANS_WAITING, SPANS_EVERY, SPANS_FLUSH},
    metric::{self, label},
};

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// The samplers that the SDK knows; it takes another for `parentbased_always_on` without a word.
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// Why spans cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Only one protocol is spoken.
    #[error("{name}=`{value}` is not spoken; use `grpc` (port 4317 of most receivers)")]
    Protocol {
        /// The variable.
        name: &'static str,
        /// As given.
        value: String,
    },
    /// The sampler is unknown.
    #[error("{name}=`{0}` is unknown; use one of {list}", name = env::OTEL_TRACES_SAMPLER, list = SAMPLERS.join(", "))]
    Sampler(String),
    /// The address or another variable is wrong.
    #[error("spans cannot be exported: {0}; look at the variables OTEL_EXPORTER_OTLP_*")]
    Exporter(String),
}

/// Whether spans are made.
pub(super) fn is_on() -> bool {
    TRACER.get().is_some()
}

pub(super) fn tracer() -> Option<&'static SdkTracer> {
    TRACER.get()
}

/// What the environment says.
#[derive(Debug, PartialEq, Eq)]
struct Settings {
    /// A name that wins over the program's own.
    named: bool,
    /// The receiver is behind TLS.
    tls: bool,
}

impl Settings {
    /// `None` when no spans are wanted.
    fn read(var: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, Error> {
        let var = |name: &str| var(name).filter(|value| !value.trim().is_empty());
        let endpoint = var(env::OTLP_TRACES_ENDPOINT).or_else(|| var(env::OTLP_ENDPOINT));
        let off = var(env::OTEL_SDK_DISABLED).is_some_and(|it| it.eq_ignore_ascii_case("true"))
            || var(env::OTEL_TRACES_EXPORTER).is_some_and(|it| it == "none");
        let Some(endpoint) = endpoint.filter(|_| !off) else {
            return Ok(None);
        };
        let protocol = [env::OTLP_TRACES_PROTOCOL, env::OTLP_PROTOCOL]
            .into_iter()
            .find_map(|name| Some((name, var(name)?)));
        if let Some((name, value)) = protocol.filter(|(_, value)| value != "grpc") {
            return Err(Error::Protocol { name, value });
        }
        if let Some(sampler) = var(env::OTEL_TRACES_SAMPLER)
            && !SAMPLERS.contains(&sampler.as_str())
        {
            return Err(Error::Sampler(sampler));
        }
        Ok(Some(Self {
            named: var(env::OTEL_SERVICE_NAME).is_some(),
            tls: endpoint.starts_with("https:"),
        }))
    }
}

/// Begins to export spans under the name of this program, if the environment names a receiver. To be called
/// within the runtime, once a TLS provider is installed; in one process it counts once.
///
/// # Errors
/// See [`Error`]; that nobody answers at the address is none.
pub fn start(program: &'static str) -> Result<Exporting, Error> {
    let Some(settings) = Settings::read(|name| std::env::var(name).ok())? else {
        return Ok(Exporting(None));
    };
    let wrong = |error: &dyn std::fmt::Display| Error::Exporter(error.to_string());
    let mut otlp = Otlp::builder().with_tonic();
    if settings.tls {
        otlp = otlp.with_tls_config(ClientTlsConfig::new().with_native_roots());
    }
    let otlp = otlp.build().map_err(|error| wrong(&error))?;
    let mut resource = Resource::builder().with_attribute(opentelemetry::KeyValue::new(
        "service.version",
        build_info::VERSION,
    ));
    if let Ok(instance) = std::env::var(env::INSTANCE) {
        resource = resource.with_attribute(opentelemetry::KeyValue::new(
            "service.instance.id",
            instance,
        ));
    }
    if !settings.named {
        resource = resource.with_service_name(program);
    }
    Ok(install(Told::new(otlp), resource.build()))
}

pub(super) fn install(exporter: impl SpanExporter + 'static, resource: Resource) -> Exporting {
    let batch = BatchConfigBuilder::default()
        .with_max_queue_size(MAX_SPANS_WAITING)
        .with_max_export_batch_size(MAX_SPANS_EXPORTED)
        .with_scheduled_delay(SPANS_EVERY)
        .build();
    let processor = BatchSpanProcessor::builder(exporter)
        .with_batch_config(batch)
        .build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor)
        .with_resource(resource)
        .build();
    if TRACER.set(provider.tracer("pressrun")).is_err() {
        return Exporting(None);
    }
    Exporting(Some(provider))
}

/// Spans are exported until this is stopped.
#[derive(Debug)]
#[must_use = "the last spans are lost unless it is stopped"]
pub struct Exporting(Option<SdkTracerProvider>);

impl Exporting {
    /// Sends what waits, for at most [`SPANS_FLUSH`]. Later spans are dropped.
    pub async fn stop(self) {
        let Some(provider) = self.0 else { return };
        // It blocks; and a thread of the runtime that is stuck would hold up the end of the process.
        let (done, ended) = tokio::sync::oneshot::channel::<()>();
        let flush = move || {
            drop(provider.shutdown_with_timeout(SPANS_FLUSH));
            drop(done);
        };
        let begun = std::thread::Builder::new()
            .name("last spans".to_owned())
            .spawn(flush);
        if begun.is_ok() {
            drop(tokio::time::timeout(SPANS_FLUSH, ended).await);
        }
    }
}

#[cfg(test)]
impl Exporting {
    pub(super) fn flush(&self) {
        let provider = self.0.as_ref().expect("it exports");
        provider.force_flush().expect("flushed");
    }
}

/// Tells the log when spans begin to be lost and when they arrive again, and counts both.
#[derive(Debug)]
struct Told<E> {
    inner: E,
    failing: AtomicBool,
}

impl<E> Told<E> {
    fn new(inner: E) -> Self {
        Self {
            inner,
            failing: AtomicBool::new(false),
        }
    }
}

impl<E: SpanExporter> SpanExporter for Told<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len() as u64;
        let result = self.inner.export(batch).await;
        let name = if result.is_ok() { "sent" } else { "lost" };
        metrics::counter!(metric::SPANS, label::RESULT => name).increment(count);
        match &result {
            Ok(()) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("spans reach their receiver again");
                }
            }
            Err(error) => {
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "spans do not reach their receiver and are lost; nothing else suffers");
                }
            }
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

#[cfg(test)]
mod tests;
