//! The bounds of this crate.

use std::time::Duration;

/// Largest response body that is read from a provider, bytes (`reliability.md` R29).
pub const MAX_RESPONSE_BYTES: usize = 1024 * 1024;
/// Longest line and largest event of a streamed answer, bytes: some servers send all of it as one.
pub const MAX_LINE_BYTES: usize = 1024 * 1024;
/// Most that is read of a streamed answer, bytes: each token comes with hundreds of bytes around it.
pub const MAX_STREAM_BYTES: usize = 16 * 1024 * 1024;
/// Longest silence within a streamed answer, unless asked otherwise: some models think before they write.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest path of a live text, bytes; the rest of an answer with a longer one is not shown.
pub const MAX_PATH_BYTES: usize = 256;
/// Largest answer text that is parsed, bytes.
pub const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// Largest response body that is read from a provider when it refuses, bytes.
pub const MAX_ERROR_BYTES: usize = 64 * 1024;
/// Most faults that are handed back with the one repair call.
pub const MAX_FAULTS: usize = 20;
/// Longest text of one fault, bytes.
pub const MAX_FAULT_BYTES: usize = 300;
/// Most of a faulty answer that is handed back with the repair call, bytes.
pub const MAX_REPAIR_BYTES: usize = 32 * 1024;
/// Longest wait taken from a `Retry-After`.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// Longest call of a model, from connecting to the last byte; a job's own time limit is mostly shorter.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(300);
/// Time to connect to a provider.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest API key, bytes.
pub const MAX_KEY_BYTES: usize = 4 * 1024;
