//! Logs on standard error, and metrics for `/metrics`.

mod json;

use std::sync::{Mutex, OnceLock, PoisonError};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{build_info, env, metric};

/// Upper bounds of the buckets of durations, seconds.
const SECONDS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0,
];
/// Upper bounds of the buckets of batch sizes.
const SIZES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter cannot be read.
    #[error("{name}=`{value}` is no log filter: {why}", name = env::LOG)]
    Filter {
        /// As given.
        value: String,
        /// What is wrong.
        why: String,
    },
    /// The format is unknown.
    #[error("{name}=`{0}` is unknown; use `text` or `json`", name = env::LOG_FORMAT)]
    Format(String),
    /// Another recorder of metrics is installed.
    #[error("metrics cannot be recorded: {0}")]
    Metrics(String),
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logs {
    /// As `tracing-subscriber` filters.
    pub filter: String,
    /// How a line looks.
    pub format: Format,
}

impl Logs {
    /// As the environment says, and `default` (`info`; `warn` where logs would disturb, as in a demo) where
    /// it says nothing.
    ///
    /// # Errors
    /// [`Error::Format`].
    pub fn from_env(default: &str) -> Result<Self, Error> {
        Self::from_values(
            std::env::var(env::LOG).ok(),
            std::env::var(env::LOG_FORMAT).ok(),
            default,
        )
    }

    fn from_values(
        filter: Option<String>,
        format: Option<String>,
        default: &str,
    ) -> Result<Self, Error> {
        let filter = filter.filter(|text| !text.trim().is_empty());
        let format = match format.as_deref() {
            None | Some("" | "text") => Format::Text,
            Some("json") => Format::Json,
            Some(other) => return Err(Error::Format(other.to_owned())),
        };
        Ok(Self {
            filter: filter.unwrap_or_else(|| default.to_owned()),
            format,
        })
    }

    /// Starts logging. Once logging has begun, starting it again changes nothing.
    ///
    /// # Errors
    /// [`Error::Filter`].
    pub fn start(self) -> Result<(), Error> {
        let filter = EnvFilter::try_new(&self.filter).map_err(|error| Error::Filter {
            value: self.filter.clone(),
            why: error.to_string(),
        })?;
        let registry = tracing_subscriber::registry().with(filter);
        let layer = fmt::layer().with_writer(std::io::stderr);
        // An error says that logging has begun already: by an earlier call.
        let _begun = match self.format {
            Format::Text => registry.with(layer).try_init(),
            Format::Json => registry
                .with(layer.json().event_format(json::Flat))
                .try_init(),
        };
        Ok(())
    }
}

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();
static INSTALLING: Mutex<()> = Mutex::new(());

/// Starts recording metrics; every call gives a handle to the same recorder.
///
/// # Errors
/// When something else records metrics in this process.
pub fn metrics() -> Result<PrometheusHandle, Error> {
    let _one_at_a_time = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = METRICS.get() {
        return Ok(handle.clone());
    }
    let failed = |error: &dyn std::fmt::Display| Error::Metrics(error.to_string());
    let handle = PrometheusBuilder::new()
        .set_buckets(&SECONDS)
        .and_then(|builder| {
            builder
                .set_buckets_for_metric(Matcher::Full(metric::COMMIT_BATCH_SIZE.to_owned()), &SIZES)
        })
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| failed(&error))?;
    metric::describe();
    metrics::gauge!(metric::BUILD, metric::label::VERSION => build_info::VERSION).set(1.0);
    Ok(METRICS.get_or_init(|| handle).clone())
}

/// What is logged meanwhile, as text.
#[cfg(test)]
pub(crate) async fn captured<F: Future>(work: F) -> String {
    captured_by(work, |writer| {
        let layer = fmt::layer().with_ansi(false).with_writer(writer);
        tracing_subscriber::registry().with(layer)
    })
    .await
}

/// What a subscriber writes meanwhile.
#[cfg(test)]
async fn captured_by<F: Future, S>(
    work: F,
    subscriber: impl FnOnce(tracing_subscriber::fmt::writer::BoxMakeWriter) -> S,
) -> String
where
    S: tracing::Subscriber + Send + Sync + 'static,
{
    use tracing::instrument::WithSubscriber;

    #[derive(Clone, Default)]
    struct Kept(std::sync::Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("not poisoned").extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let kept = Kept::default();
    let writer = kept.clone();
    let writer = tracing_subscriber::fmt::writer::BoxMakeWriter::new(move || writer.clone());
    work.with_subscriber(subscriber(writer)).await;
    let text = kept.0.lock().expect("not poisoned").clone();
    String::from_utf8(text).expect("text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(filter: &str, format: &str) -> Result<Logs, Error> {
        Logs::from_values(Some(filter.to_owned()), Some(format.to_owned()), "info")
    }

    #[test]
    fn absent_and_empty_mean_the_default() {
        let default = Logs {
            filter: "warn".into(),
            format: Format::Text,
        };
        assert_eq!(
            Logs::from_values(None, None, "warn").expect("default"),
            default
        );
        assert_eq!(logs("", "").expect("default").filter, "info");
        assert_eq!(
            logs("debug,h2=warn", "json").expect("known"),
            Logs {
                filter: "debug,h2=warn".into(),
                format: Format::Json
            }
        );
    }

    #[test]
    fn what_is_wrong_names_its_variable() {
        let format = logs("info", "xml").expect_err("unknown");
        assert_eq!(
            format.to_string(),
            "PRESSRUN_LOG_FORMAT=`xml` is unknown; use `text` or `json`"
        );
        let filter = logs("a=b=c", "text")
            .expect("checked at the start")
            .start()
            .expect_err("no filter");
        assert!(
            filter
                .to_string()
                .starts_with("PRESSRUN_LOG=`a=b=c` is no log filter"),
            "{filter}"
        );
    }

    #[test]
    fn logging_may_start_twice() {
        for _ in 0..2 {
            logs("off", "text")
                .expect("known")
                .start()
                .expect("started");
        }
    }

    #[test]
    fn all_handles_show_one_recorder() {
        let (one, two) = (metrics().expect("installed"), metrics().expect("the same"));
        metrics::counter!(metric::RUNS, metric::label::WORKFLOW => "campaign", metric::label::STATUS => "completed").increment(1);
        metrics::histogram!(metric::COMMIT_BATCH_SIZE).record(3.0);
        one.run_upkeep();
        let text = two.render();
        assert!(
            text.contains("pressrun_runs_total{workflow=\"campaign\",status=\"completed\"} 1"),
            "{text}"
        );
        assert!(
            text.contains("# HELP pressrun_runs_total Runs that came to rest"),
            "{text}"
        );
        assert!(
            text.contains("pressrun_commit_batch_size_bucket{le=\"4\"} 1"),
            "{text}"
        );
        assert!(text.contains("pressrun_build_info{version="), "{text}");
    }
}
