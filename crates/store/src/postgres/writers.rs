//! The sessions that write. They are kept outside sqlx's pool, which asks the server a question of its
//! own after each use. Here that is not needed: each use is one statement outside any transaction, in a
//! task that runs to its end, and a session whose use broke off is not used again.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::limits::{ACQUIRE, CONNECTION_LIFE, TRUSTED_IDLE};

use super::{commit::Broken, connect, contact::Contact};

pub(super) struct Writers {
    options: PgConnectOptions,
    most: u32,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    contact: Arc<Contact>,
}

struct Idle {
    connection: PgConnection,
    born: Instant,
    since: Instant,
}

/// A session in use.
pub(super) struct Session {
    pub(super) connection: PgConnection,
    born: Instant,
    _place: OwnedSemaphorePermit,
}

impl Writers {
    pub(super) fn new(options: PgConnectOptions, most: u32) -> Self {
        Self {
            options,
            most,
            places: Arc::new(Semaphore::new(most as usize)),
            idle: Mutex::default(),
            contact: Arc::new(Contact::new()),
        }
    }

    /// What their use has shown of the database.
    pub(super) fn contact(&self) -> &Arc<Contact> {
        &self.contact
    }

    /// A session, waited for no longer than [`ACQUIRE`]. A failure has sent nothing.
    pub(super) async fn acquire(&self) -> Result<Session, Broken> {
        match timeout(ACQUIRE, self.next()).await {
            Ok(session) => session
                .inspect_err(|error| self.contact.failed(error))
                .map_err(|error| Broken::Unavailable(error.to_string())),
            Err(_) => Err(Broken::Unavailable(format!(
                "no session became free within {} s",
                ACQUIRE.as_secs()
            ))),
        }
    }

    async fn next(&self) -> Result<Session, sqlx::Error> {
        let place = self.places.clone().acquire_owned().await;
        let place = place.map_err(|_| sqlx::Error::PoolClosed)?;
        while let Some(Idle {
            mut connection,
            born,
            since,
        }) = self.pop()
        {
            let fresh = since.elapsed() <= TRUSTED_IDLE;
            if born.elapsed() < CONNECTION_LIFE && (fresh || connection.ping().await.is_ok()) {
                return Ok(Session {
                    connection,
                    born,
                    _place: place,
                });
            }
        }
        let mut connection = PgConnection::connect_with(&self.options).await?;
        connect::become_application(&mut connection).await?;
        Ok(Session {
            connection,
            born: Instant::now(),
            _place: place,
        })
    }

    /// Takes a session back after its statement was answered.
    pub(super) fn give_back(&self, session: Session) {
        self.contact.answered();
        self.lock().push(Idle {
            connection: session.connection,
            born: session.born,
            since: Instant::now(),
        });
    }

    /// What the failure of a session's statement means; the session works on unless it may be gone.
    pub(super) fn broken(&self, session: Session, error: &sqlx::Error) -> Broken {
        let broken = Broken::of(error);
        if !matches!(broken, Broken::Unknown(_)) {
            self.give_back(session);
        }
        self.contact.failed(error);
        broken
    }

    /// Ends the sessions once they are free.
    pub(super) async fn close(&self) {
        // Whoever holds a place is waited for.
        let all = self.places.acquire_many(self.most).await;
        self.places.close();
        drop(all);
        while let Some(idle) = self.pop() {
            if let Err(error) = idle.connection.close().await {
                tracing::debug!(%error, "a session did not end well");
            }
        }
    }

    fn pop(&self) -> Option<Idle> {
        self.lock().pop()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Writers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writers").finish_non_exhaustive()
    }
}
