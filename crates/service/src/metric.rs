//! Names of metrics and labels: the only place where they are spelled. Metrics are recorded with the macros
//! of `metrics` (`counter!(metric::JOBS_SENT, metric::label::AGENT => kind)`).

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

use self::Kind::{Amount, Gauge, Seconds, Sizes};

/// Runs that were submitted, by workflow.
pub const RUNS_SUBMITTED: &str = "pressrun_runs_submitted_total";
/// Runs that came to rest, by workflow and status.
pub const RUNS: &str = "pressrun_runs_total";
/// Jobs handed to the bus.
pub const JOBS_SENT: &str = "pressrun_jobs_sent_total";
/// Jobs that a worker took, by agent.
pub const JOBS_STARTED: &str = "pressrun_jobs_started_total";
/// Jobs that a worker refused, by reason (`signature`, `expired`, `malformed`, `cancelled`).
pub const JOBS_REFUSED: &str = "pressrun_jobs_refused_total";
/// Jobs that failed in a worker, by agent and class of the error.
pub const JOBS_FAILED: &str = "pressrun_jobs_failed_total";
/// Jobs under way for more than 3 s, by agent and state (`waiting` for a worker, `working`); each orchestrator
/// counts those of its own partitions.
pub const JOBS_UNDER_WAY: &str = "pressrun_jobs_under_way";
/// How long ago the oldest job under way was sent, seconds, by agent and state.
pub const JOBS_OLDEST: &str = "pressrun_jobs_oldest_seconds";
/// Places of live workers, by agent; as each orchestrator hears it.
pub const WORKER_SLOTS: &str = "pressrun_worker_slots";
/// Jobs that are ready and not sent for want of a place or for a limit, and were claimed, by result (`sent`,
/// `gone`: another was faster, `paced`, `full`).
pub const CLAIMS: &str = "pressrun_claims_total";
/// How long jobs that did not go out at once were ready before they were sent, seconds.
pub const READY_SECONDS: &str = "pressrun_ready_duration_seconds";
/// Most jobs that this orchestrator has sent at once, by agent.
pub const JOBS_WINDOW: &str = "pressrun_jobs_window";
/// Jobs that are ready and not sent, as far as the last look listed them, by agent.
pub const JOBS_READY: &str = "pressrun_jobs_ready";
/// How long agents worked, seconds, by agent and result.
pub const JOB_SECONDS: &str = "pressrun_job_duration_seconds";
/// Outcomes received, by result (`applied`, `late`, `repeated`, `refused`, `corrupt`, `unavailable`).
pub const OUTCOMES: &str = "pressrun_outcomes_total";
/// Transitions committed, by result (`committed`, `stale`, `key_taken`, `data`, `unknown`, `unavailable`).
pub const COMMITS: &str = "pressrun_commits_total";
/// Transitions in one commit.
pub const COMMIT_BATCH_SIZE: &str = "pressrun_commit_batch_size";
/// How long a commit took, seconds.
pub const COMMIT_SECONDS: &str = "pressrun_commit_duration_seconds";
/// Jobs driven again because nobody listed them.
pub const REDRIVES: &str = "pressrun_redrives_total";
/// 1 while the orchestrator reads the store, 0 while it cannot.
pub const STORE_UP: &str = "pressrun_store_up";
/// 1 while the orchestrator hears itself over the bus, 0 while it does not.
pub const BUS_UP: &str = "pressrun_bus_up";
/// Messages handed to the bus, jobs and lifecycle events, by result (`sent`, `refused`, `unavailable`).
pub const MESSAGES: &str = "pressrun_messages_total";
/// Model calls, by provider, model and result (`answered`, a class of error, `abandoned`).
pub const MODEL_CALLS: &str = "pressrun_model_calls_total";
/// How long model calls took, seconds, by provider and model.
pub const MODEL_SECONDS: &str = "pressrun_model_call_duration_seconds";
/// Tokens of model calls, by model and direction.
pub const MODEL_TOKENS: &str = "pressrun_model_tokens_total";
/// Cost of model calls, millionths of a US dollar, by model.
pub const MODEL_COST: &str = "pressrun_model_cost_microusd_total";
/// Clients that follow events now, by transport (`grpc`, `sse`, `ws`).
pub const STREAM_CLIENTS: &str = "pressrun_stream_clients";
/// Events sent to clients.
pub const STREAM_EVENTS: &str = "pressrun_stream_events_total";
/// Messages with live text sent to clients.
pub const STREAM_DELTAS: &str = "pressrun_stream_deltas_total";
/// Clients cut because they read too slowly.
pub const STREAM_LAGGED: &str = "pressrun_stream_lagged_total";
/// Events that were missing on the bus and fetched from the orchestrator.
pub const STREAM_FILLED: &str = "pressrun_stream_filled_total";
/// Connections open now.
pub const CONNECTIONS: &str = "pressrun_connections";
/// Calls refused before they reached a service, by reason (`key`, `role`, `overload`).
pub const CALLS_REFUSED: &str = "pressrun_calls_refused_total";
/// Spans handed to the exporter's receiver, by result (`sent`, `lost`).
pub const SPANS: &str = "pressrun_spans_total";
/// Always 1, with the version as label.
pub const BUILD: &str = "pressrun_build_info";

/// Names of labels.
pub mod label {
    /// A workflow's name.
    pub const WORKFLOW: &str = "workflow";
    /// A run's status at rest.
    pub const STATUS: &str = "status";
    /// An agent's kind.
    pub const AGENT: &str = "agent";
    /// Whose model: `openai`, `anthropic`, `gcp.gemini`, `pressrun`.
    pub const PROVIDER: &str = "provider";
    /// A class of error.
    pub const CLASS: &str = "class";
    /// `waiting` or `working`.
    pub const STATE: &str = "state";
    /// A model's name.
    pub const MODEL: &str = "model";
    /// How something ended.
    pub const RESULT: &str = "result";
    /// Why something was refused.
    pub const REASON: &str = "reason";
    /// `grpc`, `sse` or `ws`.
    pub const TRANSPORT: &str = "transport";
    /// `input` or `output`.
    pub const DIRECTION: &str = "direction";
    /// The build's version.
    pub const VERSION: &str = "version";
}

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A counter.
    Amount,
    /// Goes up and down.
    Gauge,
    /// A histogram of durations.
    Seconds,
    /// A histogram of sizes.
    Sizes,
}

/// Every metric, with what it is, for `/metrics`.
pub const ALL: &[(&str, Kind, &str)] = &[
    (RUNS_SUBMITTED, Amount, "Runs that were submitted"),
    (RUNS, Amount, "Runs that came to rest"),
    (JOBS_SENT, Amount, "Jobs handed to the bus"),
    (JOBS_STARTED, Amount, "Jobs that a worker took"),
    (JOBS_REFUSED, Amount, "Jobs that a worker refused"),
    (JOBS_FAILED, Amount, "Jobs that failed in a worker"),
    (JOBS_UNDER_WAY, Gauge, "Jobs under way for more than 3 s"),
    (
        JOBS_OLDEST,
        Gauge,
        "Age of the oldest job under way, seconds",
    ),
    (WORKER_SLOTS, Gauge, "Places of live workers"),
    (CLAIMS, Amount, "Ready jobs claimed, by result"),
    (
        READY_SECONDS,
        Seconds,
        "How long jobs that waited were ready before they were sent",
    ),
    (JOBS_WINDOW, Gauge, "Most jobs sent at once, by agent"),
    (
        JOBS_READY,
        Gauge,
        "Jobs that are ready and not sent, as the last look listed them",
    ),
    (JOB_SECONDS, Seconds, "How long agents worked"),
    (OUTCOMES, Amount, "Outcomes received"),
    (COMMITS, Amount, "Transitions committed"),
    (COMMIT_BATCH_SIZE, Sizes, "Transitions in one commit"),
    (COMMIT_SECONDS, Seconds, "How long commits took"),
    (REDRIVES, Amount, "Jobs driven again"),
    (STORE_UP, Gauge, "1 while the orchestrator reads the store"),
    (
        BUS_UP,
        Gauge,
        "1 while the orchestrator hears itself over the bus",
    ),
    (
        MESSAGES,
        Amount,
        "Jobs and lifecycle events handed to the bus, by result",
    ),
    (MODEL_CALLS, Amount, "Model calls"),
    (MODEL_SECONDS, Seconds, "How long model calls took"),
    (MODEL_TOKENS, Amount, "Tokens of model calls"),
    (
        MODEL_COST,
        Amount,
        "Cost of model calls, millionths of a US dollar",
    ),
    (STREAM_CLIENTS, Gauge, "Clients that follow events now"),
    (STREAM_EVENTS, Amount, "Events sent to clients"),
    (
        STREAM_DELTAS,
        Amount,
        "Messages with live text sent to clients",
    ),
    (
        STREAM_LAGGED,
        Amount,
        "Clients cut because they read too slowly",
    ),
    (
        STREAM_FILLED,
        Amount,
        "Events fetched from the orchestrator",
    ),
    (CONNECTIONS, Gauge, "Connections open now"),
    (
        CALLS_REFUSED,
        Amount,
        "Calls refused before they reached a service",
    ),
    (SPANS, Amount, "Spans handed to their receiver, by result"),
    (BUILD, Gauge, "Always 1; the version is a label"),
];

/// Counters whose label has few values, all known: what an alert looks for must be there before it first happens,
/// or its first increase is none.
const CLOSED: &[(&str, &str, &[&str])] = &[
    (REDRIVES, "", &[""]),
    (
        OUTCOMES,
        label::RESULT,
        &[
            "applied",
            "late",
            "repeated",
            "refused",
            "corrupt",
            "unavailable",
        ],
    ),
    (
        COMMITS,
        label::RESULT,
        &[
            "committed",
            "stale",
            "key_taken",
            "data",
            "unknown",
            "unavailable",
        ],
    ),
    (CLAIMS, label::RESULT, &["sent", "gone", "paced", "full"]),
    (MESSAGES, label::RESULT, &["sent", "refused", "unavailable"]),
    (
        JOBS_REFUSED,
        label::REASON,
        &[
            "signature",
            "expired",
            "malformed",
            "misdirected",
            "too_large",
            "cancelled",
        ],
    ),
    (CALLS_REFUSED, label::REASON, &["key", "role", "overload"]),
    (SPANS, label::RESULT, &["sent", "lost"]),
];

/// Shows these counters as 0. To be called by whoever counts them, once metrics are recorded.
pub fn begin(names: &[&str]) {
    for (name, label, values) in CLOSED.iter().filter(|(name, ..)| names.contains(name)) {
        for value in *values {
            let labels = (!label.is_empty()).then(|| metrics::Label::new(*label, *value));
            let labels: Vec<_> = labels.into_iter().collect();
            metrics::counter!(*name, labels).increment(0);
        }
    }
}

/// Says of each metric what it is, for `/metrics`.
pub(crate) fn describe() {
    for (name, kind, what) in ALL.iter().copied() {
        match kind {
            Amount => describe_counter!(name, Unit::Count, what),
            Gauge => describe_gauge!(name, Unit::Count, what),
            Seconds => describe_histogram!(name, Unit::Seconds, what),
            Sizes => describe_histogram!(name, Unit::Count, what),
        }
    }
}
