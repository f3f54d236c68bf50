//! Every bound of the bus, and every number that a server is asked for.

use std::time::Duration;

/// Largest message of a stream, headers included, bytes.
pub const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// What the names and framing of an envelope's headers take at most, bytes.
pub(crate) const HEADER_OVERHEAD_BYTES: usize = 256;
/// Largest body of a broadcast, bytes: what fits into the payload that a server takes by default.
pub const MAX_BROADCAST_BYTES: usize = 1024 * 1024;

/// How long a message stays in JOBS, OUTCOMES and EVENTS at most.
pub const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a message stays in PARKED at most.
pub const PARKED_MAX_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Size of JOBS and of OUTCOMES, bytes; a full one refuses what is new.
pub const QUEUE_MAX_BYTES: usize = 1024 * 1024 * 1024;
/// Size of EVENTS on a server, bytes; a full one drops what is old.
pub const EVENTS_MAX_BYTES: usize = 1024 * 1024 * 1024;
/// Size of PARKED on a server, bytes; a full one drops what is old.
pub const PARKED_MAX_BYTES: usize = 256 * 1024 * 1024;
/// How long an id is remembered to swallow repeats.
pub const DUPLICATE_WINDOW: Duration = Duration::from_secs(10 * 60);

/// A job that is not acked for this long is delivered again.
pub const JOB_ACK_WAIT: Duration = Duration::from_secs(10);
/// An outcome that is not acked for this long is delivered again.
pub const OUTCOME_ACK_WAIT: Duration = Duration::from_secs(3);
/// Deliveries of one consumer that may be unacked at once.
pub const MAX_ACK_PENDING: usize = 8_192;
/// Most messages that one call to [`Pull::next`](crate::port::Pull::next) gives.
pub const MAX_PULL: usize = 1_024;

/// Oldest server whose options are known to work: major and minor version.
pub const SERVER_AT_LEAST: (u16, u16) = (2, 12);
/// How long to wait for the first connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait for the answer to a publish or a request. No answer means: not known.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to try to keep a work queue from running empty, when its stream is made or found.
pub const ANCHOR_WAIT: Duration = Duration::from_secs(1);
/// Longest pause between two attempts to reconnect.
pub const RECONNECT_PAUSE: Duration = Duration::from_millis(500);
/// How often the client asks the server for a sign of life; two missing ones end the connection.
pub const PING_INTERVAL: Duration = Duration::from_secs(5);
/// Publishes of one call that wait for their acknowledgement at once.
pub const MAX_IN_FLIGHT: usize = 1_024;
/// Events that share an acknowledgement. The server drops what it has no room for without a word to those that ask
/// for none; it has room for 10,000 messages of a stream (`max_buffered_msgs`).
pub const EVENTS_PER_ANSWER: usize = 64;
/// Largest event that may go without an acknowledgement of its own, bytes: far from whatever a server refuses.
pub const MAX_SHARING_BYTES: usize = 16 * 1024;
/// Messages that the client keeps for one subscription; what comes beyond is dropped.
pub const SUBSCRIPTION_CAPACITY: usize = 8_192;

/// How long a request for jobs stands at the server: a worker that stops asking gets no more after it.
pub const JOB_PULL_EXPIRES: Duration = Duration::from_secs(1);
/// How long a request for outcomes or events stands at the server.
pub const PULL_EXPIRES: Duration = Duration::from_secs(5);
/// How late the end of a request may come before the server counts as gone.
pub const SIGN_OF_LIFE_GRACE: Duration = Duration::from_secs(3);
/// How often a consumer that waits is checked for being deaf (reliability M8).
pub const WATCH_INTERVAL: Duration = Duration::from_secs(5);
/// How long a fault of a stream counts that nothing has confirmed or cleared since; whoever uses the stream
/// does so more often.
pub const STREAM_NEWS: Duration = Duration::from_secs(15);
/// How long a pull or feed that failed, or was lost just after it was opened, waits before it goes on: no
/// loop over a broken server runs hot.
pub const FAILURE_PAUSE: Duration = Duration::from_millis(200);
/// Events that a feed asks for at a time.
pub const FEED_BATCH: usize = 512;
/// A feed's consumer that nobody asks for this long is removed by the server.
pub const FEED_INACTIVE: Duration = Duration::from_secs(30);

/// Ids that one stream of the in-memory bus remembers, within [`DUPLICATE_WINDOW`].
pub const MEMORY_IDS: usize = 65_536;
/// Events that the in-memory bus keeps.
pub const MEMORY_EVENTS: usize = 65_536;
/// Size of the events that the in-memory bus keeps, bytes.
pub const MEMORY_EVENTS_BYTES: usize = 64 * 1024 * 1024;
/// Broadcasts that wait for one listener of the in-memory bus; what comes beyond is dropped.
pub const MEMORY_LISTENER: usize = 1_024;

/// Most jobs under one signature; a larger batch is signed in parts.
pub const MAX_SIGNED_BATCH: usize = 1_024;
/// Longest path from a job to the root of its batch.
pub const MAX_PROOF_DEPTH: usize = 10;
/// Roots that a verifier remembers as verified.
pub const VERIFIED_ROOTS: usize = 1_024;
