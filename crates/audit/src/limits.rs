//! Bounds of this crate.

/// Most findings of one report; the worst are kept.
pub(crate) const MAX_FINDINGS: usize = 200;
/// Most bytes of all quotes of one report, so that a report always fits its place.
pub(crate) const MAX_QUOTES_BYTES: usize = 128 * 1024;
/// Most hits of one rule in one piece.
pub(crate) const MAX_HITS: usize = 100;
/// Most characters of a brief's text repeated in a message.
pub(crate) const MAX_SHOWN_CHARS: usize = 120;
