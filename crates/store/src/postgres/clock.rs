//! The database's clock, which all replicas share, without a query each time it is read: the last
//! measured reading plus the time that has passed here since.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use model::Timestamp;
use sqlx::PgPool;

use crate::{limits::CLOCK_AGE, port::StoreError, row::read_failed};

#[derive(Debug)]
pub(super) struct Clock {
    reading: Mutex<Reading>,
    measuring: AtomicBool,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    /// When, by the local monotonic clock.
    at: Instant,
    database: Timestamp,
}

impl Clock {
    pub(super) async fn measure(pool: &PgPool) -> Result<Self, StoreError> {
        Ok(Self {
            reading: Mutex::new(read(pool).await.map_err(|error| read_failed(&error))?),
            measuring: AtomicBool::new(false),
        })
    }

    /// The database's time. A reading that has grown old is renewed beside the call, once at a time.
    pub(super) fn now(clock: &Arc<Self>, pool: &PgPool) -> Timestamp {
        let reading = *clock.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let age = reading.at.elapsed();
        if age > CLOCK_AGE && !clock.measuring.swap(true, Ordering::AcqRel) {
            let (clock, pool) = (clock.clone(), pool.clone());
            tokio::spawn(async move {
                match read(&pool).await {
                    Ok(reading) => {
                        *clock.reading.lock().unwrap_or_else(PoisonError::into_inner) = reading;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the database's clock cannot be read; the last reading stays");
                    }
                }
                clock.measuring.store(false, Ordering::Release);
            });
        }
        reading.database.after(age)
    }
}

/// The reading is taken to be half-way between question and answer.
async fn read(pool: &PgPool) -> Result<Reading, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let asked = Instant::now();
    let database: i64 =
        sqlx::query_scalar("select floor(extract(epoch from clock_timestamp()) * 1000)::bigint")
            .fetch_one(&mut *connection)
            .await?;
    let under_way: Duration = asked.elapsed() / 2;
    Ok(Reading {
        at: asked + under_way,
        database: Timestamp(database),
    })
}
