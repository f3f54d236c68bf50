//! Streams: see below.
