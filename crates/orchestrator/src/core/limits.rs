//! Every bound of the core.

use std::time::Duration;

/// Commands that wait for the lane; more wait at their door.
pub const LANE_QUEUE: usize = 4_096;
/// Most runs of one transaction.
pub const MAX_BATCH: usize = 64;
/// How often a command is decided anew after its run moved on.
pub const MAX_STALE: u32 = 16;
/// Runs held in memory.
pub const HELD_RUNS: usize = 4_096;
/// Plans held in memory.
pub const HELD_PLANS: usize = 256;
/// Bytes of results held in memory for the jobs that need them.
pub const HELD_CONTENT_BYTES: usize = 32 * 1024 * 1024;
/// Most jobs of an agent kind sent at once, over all replicas.
pub const MAX_WINDOW: u32 = 1_024;
/// Most jobs sent at once of a kind that no live worker hosts, over all replicas.
pub const UNHOSTED_WINDOW: u32 = 64;
/// How often windows are made anew.
pub const WINDOW_REFRESH: Duration = Duration::from_secs(1);
/// Jobs of one gate claimed at once: the first may close it for the next.
pub const GATE_JOBS: usize = 16;
/// Looks at the ready jobs of one round.
pub const QUEUE_LOOKS: u32 = 1_000;
/// The wait after claims that others were faster at.
pub const BEATEN_PAUSE: Duration = Duration::from_millis(20);
/// The wait before a full share is tried again when nothing of its kind ends here.
pub const SHARE_RETRY: Duration = Duration::from_secs(1);
/// Lanes that are kept back, remembered.
pub const MAX_CLOSED: usize = 10_000;
/// Runs with ready jobs held in memory.
pub const HELD_READY: usize = 256;
/// Committed transitions that wait for their messages to be sent; more hold up the lane.
pub const DISPATCH_QUEUE: usize = 4_096;
/// Most transitions whose messages go out together.
pub const MAX_DISPATCH: usize = 64;
/// Messages kept for another try while the bus does not answer; what is beyond is driven again from the store.
pub const MAX_UNSENT: usize = 20_000;
/// The wait before unsent messages are tried again.
pub const RESEND_EVERY: Duration = Duration::from_millis(500);
/// Jobs are not to be started later than this after they were signed: as long as the bus keeps them.
pub const JOB_EXPIRY: Duration = Duration::from_secs(24 * 3600);
/// Largest job input that travels in its message.
pub const MAX_INLINE_INPUT: usize = 160 * 1024;
/// Outcomes taken from a partition at once.
pub const OUTCOME_FETCH: usize = 256;
/// Outcomes in work at once; more stay on the bus.
pub const OUTCOMES_AT_ONCE: usize = 2_048;
/// Longest sleep of the timer task.
pub const TIMER_POLL: Duration = Duration::from_secs(3);
/// Runs woken in one round.
pub const WAKE_BATCH: usize = 500;
/// A replica says that it lives this often.
pub const PRESENCE_EVERY: Duration = Duration::from_secs(1);
/// A replica counts as alive this long after it was heard.
pub const PEER_ALIVE: Duration = Duration::from_secs(3);
/// A worker counts as alive this long after it was heard: three of its beats and a half.
pub const WORKER_ALIVE: Duration = Duration::from_secs(10);
/// A job is silent after this long in no list and with no message of its own.
pub const SILENT_AFTER: Duration = Duration::from_secs(12);
/// How often the jobs under way are compared with the lists.
pub const SILENCE_CHECK: Duration = Duration::from_secs(3);
/// A job listed this long past its time limit counts as silent.
pub const OVERDUE_AFTER: Duration = Duration::from_secs(30);
/// Jobs compared with the lists in one page.
pub const SILENCE_PAGE: usize = 1_000;
/// Jobs whose messages are looked up on the bus in one round.
pub const SILENCE_LOOKUPS: usize = 500;
/// Jobs that workers list, remembered.
pub const LISTED_JOBS: usize = 200_000;
/// Workers remembered.
pub const KNOWN_WORKERS: usize = 4_096;
/// Agent kinds that metrics tell of.
pub const SHOWN_KINDS: usize = 1_000;
/// How often a changed run is broadcast.
pub const HEAD_ROUNDS: u32 = 3;
/// The time between two broadcasts of heads.
pub const HEADS_EVERY: Duration = Duration::from_secs(1);
/// Heads in one message.
pub const HEADS_PER_MESSAGE: usize = 1_000;
/// Changed runs waiting to be broadcast.
pub const MAX_HEADS: usize = 100_000;
/// Events of runs changed since this long before the last good publish go out again.
pub const REPUBLISH_BACK: Duration = Duration::from_secs(30);
/// How often it is looked whether events must go out again.
pub const REPUBLISH_CHECK: Duration = Duration::from_secs(1);
/// Runs in one page of a republish.
pub const REPUBLISH_PAGE: usize = 200;
/// Transitions of a run's history read at once.
pub const EVENT_PAGE: usize = 500;
/// Longest reason, name or other short text of a caller, bytes.
pub const MAX_SHORT_TEXT: usize = 500;
/// Longest note of a regenerate, characters.
pub const MAX_NOTE_CHARS: usize = 4_000;
/// Events of a run's transition after which no further command joins it: the store takes 1,024, and one command
/// may bring one for each item and step of the run ([`engine::limits::MAX_ITEMS`], `workflow::plan::MAX_STEPS`).
pub const MAX_FOLDED_EVENTS: usize = 128;
