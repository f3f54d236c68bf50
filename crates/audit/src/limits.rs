//! Bounds of this crate.

use std::time::Duration;

/// Most findings of one report; the worst are kept.
pub(crate) const MAX_FINDINGS: usize = 200;
/// Most bytes of all quotes of one report, so that a report always fits its place.
pub(crate) const MAX_QUOTES_BYTES: usize = 128 * 1024;
/// Most hits of one rule in one piece.
pub(crate) const MAX_HITS: usize = 100;
/// Most bytes of texts that the second judge is shown.
pub(crate) const MAX_JUDGED_BYTES: usize = 96 * 1024;
/// Most remarks of the second judge.
pub(crate) const MAX_REMARKS: usize = 20;
/// Longest quote of the second judge, bytes.
pub(crate) const MAX_QUOTE_BYTES: usize = 500;
/// Most characters of a sentence of the second judge.
pub(crate) const MAX_REMARK_CHARS: usize = 300;
/// Most tokens that the second judge may write.
pub(crate) const MODEL_TOKENS: u32 = 3_000;
/// Longest time that the second judge may take, a repair included; then the rules' report goes without it.
pub(crate) const MODEL_LIMIT: Duration = Duration::from_secs(30);
/// Most characters of a brief's text repeated in a message.
pub(crate) const MAX_SHOWN_CHARS: usize = 120;
