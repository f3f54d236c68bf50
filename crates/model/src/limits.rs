//! Bounds that more than one crate keeps. Each other bound stands in the `limits` of its crate.

/// Largest request body of any door, bytes (`reliability.md`, gRPC).
pub const MAX_REQUEST_BYTES: usize = 1024 * 1024;
/// Largest artifact content that travels in messages and rows; larger content goes to blobs.
pub const MAX_INLINE_BYTES: usize = 64 * 1024;
/// Largest content of one artifact version, bytes.
pub const MAX_ARTIFACT_BYTES: usize = 1024 * 1024;
/// Largest picture that an artifact names by its hash, bytes.
pub const MAX_MEDIA_BYTES: usize = 768 * 1024;
/// Most pictures of one artifact version: the slides of a carousel and their PDF.
pub const MAX_MEDIA: usize = crate::publication::MAX_SLIDES + 1;
/// Deepest JSON taken anywhere.
pub const MAX_JSON_DEPTH: usize = 64;
