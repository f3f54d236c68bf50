//! Every bound of the gateway.

use std::time::Duration;

/// Events and heads that a stream may be behind before it reads its history again. All streams share one such
/// queue, and a thousand of them on a busy machine take their turns.
pub const SIGNAL_QUEUE: usize = 4_096;
/// Runs whose first events are kept as they were heard.
pub const MAX_YOUNG_RUNS: usize = 1_024;
/// Events that are kept of each of them; one has at most a few hundred bytes.
pub const MAX_YOUNG_EVENTS: usize = 64;
/// Events that wait for a slow client.
pub const CLIENT_QUEUE: usize = 256;
/// How long that queue may be full before the client is cut: a batch of commits fills it in one go.
pub const CLIENT_PATIENCE: Duration = Duration::from_secs(2);
/// Messages with live text that wait for a slow client before one is lost.
pub const LIVE_QUEUE: usize = 32;
/// Largest message with live text, bytes.
pub const MAX_DELTA_BYTES: usize = 256 * 1024;
/// Events read from history at once.
pub const HISTORY_PAGE: u32 = 500;
/// Largest answer taken from the orchestrator, bytes.
pub const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Calls of the orchestrator at once; more wait here. It refuses more than
/// [`::service::limits::MAX_CALLS_PER_CONNECTION`] and counts one for a moment longer than we do.
pub const MAX_CALLS: usize = ::service::limits::MAX_CALLS_PER_CONNECTION / 2;
/// Longest wait for an answer of the orchestrator.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages of changed runs, of 1,000 each, that are read for one stream; who resumes from
/// further back must start anew.
pub const CHANGED_PAGES: usize = 200;
/// The wait after the bus or the orchestrator did not answer.
pub const PAUSE: Duration = Duration::from_millis(250);
/// Streams of all tenants at once.
pub const MAX_STREAMS: usize = 10_000;
/// Streams of one tenant at once.
pub const MAX_STREAMS_PER_TENANT: usize = 2_000;
/// A silent stream says this often that it lives.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// Runs whose position one stream over many runs remembers.
pub const MAX_RUNS: usize = 4_096;
/// What is asked for again whenever something may have been missed goes back this much further: clocks
/// differ, and a commit shows later than its time.
pub const MARGIN: Duration = Duration::from_secs(30);
/// Events read back from the bus to learn where each run stood at a resume token.
pub const MAX_WARM_UP: usize = 65_536;
/// Longest time that this reading back may take; then the time counts.
pub const WARM_UP_WAIT: Duration = Duration::from_secs(10);
/// Longest wait for the bus to show one event of the past.
pub const BUS_WAIT: Duration = Duration::from_secs(2);
/// A bus that gave nothing for this long has no more of the past to give.
pub const QUIET: Duration = Duration::from_secs(1);

/// Longest wait for the body of a call.
pub const BODY_WAIT: Duration = Duration::from_secs(10);
/// Longest wait for a run that a caller of the JSON API waits for. A run that is tied to its caller ends then.
pub const MAX_RUN_WAIT: Duration = Duration::from_secs(10 * 60);
/// Faults of one request that are told.
pub const MAX_FAULTS: usize = 64;
/// Characters of a caller's own text that are shown in a fault.
pub const MAX_SHOWN_CHARS: usize = 64;

/// Longest resume token, bytes.
pub const MAX_TOKEN_BYTES: usize = 6 * 1024;
/// Runs in a resume token that are ahead of the bus.
pub const MAX_AHEAD: usize = 32;
/// Values of one field of a filter.
pub const MAX_FILTER_VALUES: usize = 32;
/// Longest value of a filter, bytes.
pub const MAX_FILTER_BYTES: usize = 64;

/// API keys whose owner is remembered.
pub const HELD_KEYS: usize = 10_000;
/// How long a key that was withdrawn may still open streams.
pub const HELD_FOR: Duration = Duration::from_secs(30);
/// Largest frame that a WebSocket client may send, bytes.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;
/// Longest wait for the first frame of a WebSocket.
pub const FIRST_FRAME_WAIT: Duration = Duration::from_secs(10);
/// Longest time that a WebSocket client may take nothing of what is sent.
pub const SEND_WAIT: Duration = Duration::from_secs(30);
/// Pings in a row that a WebSocket client may leave unanswered.
pub const MAX_SILENT_PINGS: u32 = 2;
/// Longest wait for a client to close its side.
pub const CLOSE_WAIT: Duration = Duration::from_secs(2);
/// How long clients get at a stop to take the position from which they resume.
pub const FAREWELL: Duration = Duration::from_secs(3);
/// How long open streams get to end at a stop.
pub const DRAIN: Duration = Duration::from_secs(20);

/// How long a console session lasts.
pub const SESSION: Duration = Duration::from_secs(12 * 60 * 60);
/// Secrets that sessions are sealed with: one, and the one before it while it is replaced.
pub const MAX_SESSION_SECRETS: usize = 2;
/// Longest file with secrets of sessions, bytes.
pub const MAX_SECRETS_BYTES: u64 = 1_024;
/// Longest session cookie that is looked at, bytes.
pub const MAX_COOKIE_BYTES: usize = 1_024;
/// Runs on a page of the console.
pub const PAGE_RUNS: u32 = 50;
/// Runs read from the orchestrator at once while searching.
pub const SEARCH_PAGE: u32 = 200;
/// Pages that one search reads; its reader may go on from there.
pub const SEARCH_PAGES: usize = 5;
/// Longest text searched for, characters.
pub const MAX_SEARCH_CHARS: usize = 200;
/// Fields that a form may send.
pub const MAX_FORM_FIELDS: usize = 512;
/// Runs cancelled by the console at the same moment.
pub const CANCELS_AT_ONCE: usize = 8;
/// Reviews on a page of the console's queue.
pub const PAGE_REVIEWS: u32 = 50;
/// Artifacts that the page of a review shows; it leads to the others.
pub const SHOWN_SUBJECTS: usize = 12;
/// Longest note of a decision, characters: the orchestrator's own bound.
pub const NOTE_CHARS: usize = 4_000;
/// Texts of an artifact that a form edits; below [`MAX_FORM_FIELDS`], which its other fields count to.
pub const EDITED_TEXTS: usize = MAX_FORM_FIELDS - 32;
/// Rows of the tallest field of such a form.
pub const EDITED_ROWS: usize = 14;
/// Finished runs that an estimate is made from.
pub const ESTIMATE_RUNS: u32 = 25;
/// Events of a run that its page shows; the newest ones.
pub const SHOWN_EVENTS: usize = 150;
/// Steps that the graph and the timeline of a page draw.
pub const DRAWN_STEPS: usize = 60;
/// Bars that the timeline of a page draws.
pub const DRAWN_BARS: usize = 120;
/// Cards of what a run makes on its page.
pub const CARDS: usize = 12;
/// Characters of a text that a card shows.
pub const CARD_CHARS: usize = 180;
/// A run that nothing happened to for this long is shown as one that may be stuck.
pub const STILL: Duration = Duration::from_secs(60);
/// Running runs that are looked through for such; the newest ones.
pub const STILL_AMONG: u32 = 200;
/// Such runs that are shown, each with what it waits for.
pub const STILL_SHOWN: usize = 10;
/// How often a page is read again that no event keeps up to date.
pub const REFRESH: Duration = Duration::from_secs(5);
/// Longest time that finding the differences of two texts may take; after it they are coarser.
pub const DIFF_TIME: Duration = Duration::from_millis(100);
/// Findings marked in one text.
pub const MAX_MARKS: usize = 200;
/// Most text of an artifact that a page shows, bytes; a page stays below 150 KB.
pub const SHOWN_BYTES: usize = 60 * 1024;
