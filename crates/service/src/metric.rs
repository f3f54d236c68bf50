//! Names of metrics and labels: the only place where they are spelled. Metrics are recorded with the macros
//! of `metrics` (`counter!(metric::JOBS_SENT, metric::label::AGENT => kind)`).

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Runs that came to rest, by workflow and status.
pub const RUNS: &str = "pressrun_runs_total";
/// Jobs handed to the bus.
pub const JOBS_SENT: &str = "pressrun_jobs_sent_total";
/// Jobs that a worker took, by agent.
pub const JOBS_STARTED: &str = "pressrun_jobs_started_total";
/// Jobs that a worker refused, by reason (`signature`, `expired`, `malformed`, `cancelled`).
pub const JOBS_REFUSED: &str = "pressrun_jobs_refused_total";
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
/// Messages handed to the bus, jobs and lifecycle events, by result (`sent`, `refused`, `unavailable`).
pub const MESSAGES: &str = "pressrun_messages_total";
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

/// Says of each metric what it is, for `/metrics`.
pub(crate) fn describe() {
    for (name, what) in [
        (RUNS, "Runs that came to rest"),
        (JOBS_SENT, "Jobs handed to the bus"),
        (JOBS_STARTED, "Jobs that a worker took"),
        (JOBS_REFUSED, "Jobs that a worker refused"),
        (OUTCOMES, "Outcomes received"),
        (COMMITS, "Transitions committed"),
        (REDRIVES, "Jobs driven again"),
        (
            MESSAGES,
            "Jobs and lifecycle events handed to the bus, by result",
        ),
        (STREAM_EVENTS, "Events sent to clients"),
        (STREAM_DELTAS, "Messages with live text sent to clients"),
        (STREAM_LAGGED, "Clients cut because they read too slowly"),
        (STREAM_FILLED, "Events fetched from the orchestrator"),
        (CALLS_REFUSED, "Calls refused before they reached a service"),
    ] {
        describe_counter!(name, Unit::Count, what);
    }
    for (name, what) in [
        (JOB_SECONDS, "How long agents worked"),
        (COMMIT_SECONDS, "How long commits took"),
    ] {
        describe_histogram!(name, Unit::Seconds, what);
    }
    describe_histogram!(COMMIT_BATCH_SIZE, Unit::Count, "Transitions in one commit");
    describe_gauge!(
        STREAM_CLIENTS,
        Unit::Count,
        "Clients that follow events now"
    );
    describe_gauge!(CONNECTIONS, Unit::Count, "Connections open now");
    describe_gauge!(BUILD, Unit::Count, "Always 1; the version is a label");
}
