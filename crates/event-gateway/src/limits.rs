//! Every bound of the gateway.

use std::time::Duration;

/// Events and heads that a stream may be behind before it reads its history again.
pub const SIGNAL_QUEUE: usize = 256;
/// Events that wait for a slow client before it is cut.
pub const CLIENT_QUEUE: usize = 256;
/// Events read from history at once.
pub const HISTORY_PAGE: u32 = 500;
/// The wait after the bus or the orchestrator did not answer.
pub const PAUSE: Duration = Duration::from_millis(250);
/// Streams of all tenants at once.
pub const MAX_STREAMS: usize = 10_000;
/// Streams of one tenant at once.
pub const MAX_STREAMS_PER_TENANT: usize = 2_000;
/// A silent stream says this often that it lives.
pub const HEARTBEAT: Duration = Duration::from_secs(15);
/// Runs whose last number a stream over many runs remembers.
pub const TRACKED_RUNS: usize = 4_096;
/// How far a resumed stream goes back when the bus no longer has its place.
pub const RESUME_BACK: Duration = Duration::from_secs(30);
/// Longest wait for the bus to show the event of a resume token.
pub const FIRST_EVENT: Duration = Duration::from_secs(2);
/// Pages of changed runs read at once.
pub const MAX_CHANGED_PAGES: usize = 100;
/// Callers whose key is remembered.
pub const HELD_CALLERS: usize = 10_000;
/// How long the answer about a key counts.
pub const CALLER_COUNTS: Duration = Duration::from_secs(30);
