//! Bounds of the chassis.

use std::time::Duration;

pub use model::limits::MAX_REQUEST_BYTES;

/// Largest body of a gRPC call, bytes: room for an artifact of the largest size and the proof beside it.
/// Each service sets `max_decoding_message_size` ([`MAX_REQUEST_BYTES`], unless it says why not).
pub const MAX_GRPC_BODY_BYTES: usize = 2 * 1024 * 1024;
/// Largest message that a service sends, bytes: for `max_encoding_message_size`.
pub const MAX_RESPONSE_BYTES: usize = 4 * 1024 * 1024;
/// Longest unary call whose caller sets no shorter deadline; calls that wait by design are listed in
/// [`crate::http::App::patient`].
pub const UNARY_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections at once on one port; a further one waits in the system's queue.
pub const MAX_CONNECTIONS: usize = 1_024;
/// HTTP/2 streams at once on one connection.
pub const MAX_STREAMS: u32 = 128;
/// Calls of one connection that may be worked on at once; further ones are refused. A stream counts until
/// it has begun; a call that waits by design ([`crate::http::App::patient`]) does not count.
pub const MAX_CALLS_PER_CONNECTION: usize = 64;
/// Streams that a client may reset before they are looked at.
pub const MAX_PENDING_RESETS: usize = 20;
/// Largest request header block, bytes.
pub const MAX_HEADER_BYTES: u32 = 16 * 1024;
/// Longest wait for a request's headers on HTTP/1.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a silent HTTP/2 connection is probed.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// How long a probe may go unanswered.
pub const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Oldest connection; then the client is asked to open another.
pub const MAX_CONNECTION_AGE: Duration = Duration::from_secs(15 * 60);
/// How long calls of a connection that is too old may go on.
pub const CONNECTION_GRACE: Duration = Duration::from_secs(30);

/// How long connections may finish after the stop.
pub const CONNECTION_DRAIN: Duration = Duration::from_secs(10);
/// How long tasks may finish after the stop; a process exits within 25 s.
pub const DRAIN: Duration = Duration::from_secs(20);

/// How often readiness is looked at for those who follow `grpc.health.v1`, and the pause between two tries to
/// reach another service. No look sends anything.
pub const READY_LOOK: Duration = Duration::from_secs(1);
/// How often a standing call to another service is probed.
pub const UPSTREAM_PROBE: Duration = Duration::from_secs(5);
/// How long another service may take to answer a probe or a call.
pub const UPSTREAM_ANSWER: Duration = Duration::from_secs(5);

/// Longest API key, bytes.
pub const MAX_KEY_BYTES: usize = 256;
/// Largest file that holds a secret, bytes: an address, or the public keys of a rotation.
pub const MAX_SECRET_BYTES: u64 = 16 * 1024;
/// Largest body over HTTP/1 that is read only to be refused, bytes.
pub const MAX_DISCARDED_BYTES: u64 = 16 * 1024 * 1024;
/// Longest wait for the end of such a body.
pub const DISCARD_WAIT: Duration = Duration::from_secs(5);
/// Longest correlation id, bytes.
pub const MAX_CORRELATION_BYTES: usize = 128;

/// Spans that wait for their receiver; further ones are dropped.
pub const MAX_SPANS_WAITING: usize = 4_096;
/// Spans in one export.
pub const MAX_SPANS_EXPORTED: usize = 512;
/// How long spans wait for company.
pub const SPANS_EVERY: Duration = Duration::from_secs(1);
/// How long the last spans may take at the stop.
pub const SPANS_FLUSH: Duration = Duration::from_secs(3);
