//! Bounds of the store.

use std::time::Duration;

/// Most transitions of one database transaction; a larger batch is committed in pieces.
pub const MAX_BATCH: usize = 256;
/// Most rows of one page of any list or scan.
pub const MAX_PAGE: usize = 1_000;
/// Most stored transitions read back for one run.
pub const MAX_TRANSITIONS: i64 = 100_000;
/// Most lanes of ready jobs that one look lists.
pub const MAX_LANES: usize = 500;
/// Most ready jobs that one look lists of each lane.
pub const MAX_LANE_JOBS: usize = 64;
/// Most jobs of one claim.
pub const MAX_CLAIM: usize = 256;
/// Longest key of a limit, bytes.
pub const MAX_LIMIT_KEY_BYTES: usize = 512;
/// Longest time from one job of a key to the next, microseconds: a year.
pub const MAX_PACE_US: u64 = 366 * 24 * 3_600 * 1_000_000;
/// Most events of one transition; four for each step that a plan may have.
pub const MAX_EVENTS: usize = 1_024;
/// Largest content, snapshot or plan, bytes.
pub const MAX_CONTENT_BYTES: usize = 4 * 1024 * 1024;
/// Longest short text (title, key, correlation id, place, label), bytes.
pub const MAX_TEXT_BYTES: usize = 8 * 1024;

/// Most names of one kind in a tenant's library, deleted ones included.
pub const MAX_NAMES: u32 = 10_000;
/// Most versions of a name in a library.
pub const MAX_VERSIONS: u32 = 10_000;
/// Longest title of an entry, bytes.
pub const MAX_TITLE_BYTES: usize = 1_024;
/// Longest name of who put an entry, bytes.
pub const MAX_AUTHOR_BYTES: usize = 1_024;

/// Most connections of one process to Postgres.
pub const MAX_CONNECTIONS: u32 = 8;
/// Longest wait for a connection.
pub const ACQUIRE: Duration = Duration::from_secs(3);
/// Longest life of a connection.
pub const CONNECTION_LIFE: Duration = Duration::from_secs(30 * 60);
/// A connection idle for longer is tried out before it is used.
pub const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// How old the measured offset of the database's clock may get before it is measured again.
pub const CLOCK_AGE: Duration = Duration::from_secs(30);
/// Most tries to create the roles beside others who create them in the same cluster.
pub const ROLE_TRIES: u32 = 10;

/// Most queued writes that SQLite commits at once.
pub const WRITER_GROUP: usize = 64;
/// Most writes that wait for SQLite's writer; one more waits for a place.
pub const WRITER_QUEUE: usize = 1_024;
/// Most connections that read SQLite.
pub const SQLITE_READERS: u32 = 4;
/// Longest wait for another process that writes the same SQLite file.
pub const SQLITE_BUSY: Duration = Duration::from_secs(10);
