//! The sessions: their role, their limits, and what is done before and after each use.

use std::{fmt, str::FromStr};

use sqlx::{
    Connection, Executor, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    limits::{ACQUIRE, CONNECTION_LIFE, MAX_CONNECTIONS, TRUSTED_IDLE},
    port::StoreError,
};

use super::writers::Writers;

/// Where the database is.
#[derive(Clone)]
pub struct Options {
    /// `postgres://user:password@host:port/database`; the user may act as `pressrun_app`.
    pub url: String,
    /// Most connections of this process, 2 to 8; half of them write.
    pub max_connections: u32,
    /// Lets the caller's drop reach `begin` and leaves the session as it is: the bug that the suite must
    /// find.
    #[cfg(feature = "planted-bugs")]
    pub drop_begin: bool,
}

impl Options {
    /// The database at `url` with as many connections as one process may have.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: MAX_CONNECTIONS,
            #[cfg(feature = "planted-bugs")]
            drop_begin: false,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

/// What every session of ours is started with.
const SESSION: [(&str, &str); 6] = [
    ("statement_timeout", "5s"),
    ("lock_timeout", "2s"),
    ("idle_in_transaction_session_timeout", "10s"),
    ("tcp_keepalives_idle", "30"),
    ("synchronous_commit", "on"),
    // Compiling a statement costs more than any statement of ours.
    ("jit", "off"),
];

/// The statements of the commit join a few array elements to rows by their whole key. Their plans are
/// made once per session, maybe while a table is empty and every plan looks cheap, and must stay right
/// when it has grown: so for each element one look into the key's index, and nothing else.
const PLANS: [(&str, &str); 6] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_material", "off"),
];

/// The sessions that write and the pool of those that read; they connect when they are first used.
pub(super) fn sessions(options: &Options) -> Result<(Writers, PgPool), StoreError> {
    let sessions = parse(&options.url)?.options(SESSION);
    let all = options.max_connections.clamp(2, MAX_CONNECTIONS);
    let writers = Writers::new(sessions.clone().options(PLANS), all / 2);
    let readers = PgPoolOptions::new()
        .max_connections(all - all / 2)
        .acquire_timeout(ACQUIRE)
        .max_lifetime(CONNECTION_LIFE)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > TRUSTED_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(|connection, _| Box::pin(become_application(connection)));
    #[cfg(feature = "planted-bugs")]
    if options.drop_begin {
        return Ok((writers, readers.connect_lazy_with(sessions)));
    }
    let readers = readers.after_release(|connection, _| {
        // Ends a transaction that something left open. Without one, a bare ROLLBACK would write a
        // warning into the server's log each time.
        Box::pin(async move { connection.execute("BEGIN; ROLLBACK").await.map(|_| true) })
    });
    Ok((writers, readers.connect_lazy_with(sessions)))
}

/// Row-level security does not hold for the owner's or a superuser's login, so no session stays one.
pub(super) async fn become_application(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute("SET ROLE pressrun_app").await.map(drop)
}

/// The parsed address; an error does not repeat it, since it holds a password.
pub(super) fn parse(url: &str) -> Result<PgConnectOptions, StoreError> {
    PgConnectOptions::from_str(url)
        .map(|options| options.application_name("pressrun"))
        .map_err(|_| {
            StoreError::Unavailable(
                "the database address is not of the form postgres://user:password@host:port/name"
                    .to_owned(),
            )
        })
}
