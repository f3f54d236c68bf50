//! The bounds of a worker.

use std::time::Duration;

/// Largest `input_json` that the door may answer with, bytes.
pub const MAX_INPUT_BYTES: usize = 4 * 1024 * 1024;
/// Most places for jobs of one agent kind.
pub const MAX_SLOTS: u32 = 1_024;
/// Most places for jobs of all agent kinds: a presence message that lists them all fits into a broadcast.
pub const MAX_PLACES: usize = 4_096;
/// Most messages asked for at once.
pub const MAX_FETCH: usize = 64;
/// Longest time limit of a job; a job with a longer one is refused as malformed.
pub const MAX_TIMEOUT: Duration = Duration::from_hours(24);

/// How soon after a job is taken a presence message lists it.
pub const ANNOUNCE_WITHIN: Duration = Duration::from_millis(250);
/// How long ids of cancelled and of ended jobs are remembered.
pub const REMEMBERED_FOR: Duration = Duration::from_hours(1);

/// Longest wait for one ack.
pub const ACK_LIMIT: Duration = Duration::from_secs(2);
/// Longest wait for one broadcast.
pub const BROADCAST_LIMIT: Duration = Duration::from_millis(500);
/// Shortest time between two messages with live text of one job, but for its last.
pub const LIVE_EVERY: Duration = Duration::from_millis(50);
/// Most live text of one message, paths included, bytes; what comes beyond it in [`LIVE_EVERY`] is not shown.
pub const MAX_LIVE_BYTES: usize = 32 * 1024;
/// Longest wait for the bus to take live text; it is not shown then.
pub const LIVE_LIMIT: Duration = Duration::from_millis(50);
/// Longest wait for the answer to one publish.
pub const PUBLISH_LIMIT: Duration = Duration::from_secs(10);
/// First wait before the bus is tried again; it doubles up to [`LAST_WAIT`].
pub const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Longest wait before the bus is tried again.
pub const LAST_WAIT: Duration = Duration::from_secs(2);
/// How long an outcome is held that the bus does not take. Later it is given up: the job leaves the list
/// and the orchestrator drives it again.
pub const OUTCOME_HELD_FOR: Duration = Duration::from_hours(1);
/// How long a drain waits for outcomes to be acknowledged after unfinished jobs were given back.
pub const FLUSH_LIMIT: Duration = Duration::from_secs(3);

/// How often the door is asked in all for one thing.
pub const DOOR_TRIES: u32 = 5;
/// Longest wait for one answer of the door.
pub const DOOR_LIMIT: Duration = Duration::from_secs(10);

/// How long a worker process may take to end: a drain of 20 s, the flush, the last presence.
pub const PROCESS_DRAIN: Duration = Duration::from_secs(24);
