//! Claiming ready jobs, in one transaction of the one writer.

use model::Timestamp;
use sqlx::{Connection, SqliteConnection, query, query_as, query_scalar};

use crate::{
    limits::MAX_CLAIM,
    ready::{Claim, ReadyJob},
    row::{StoredPace, big, paced_until},
    sql,
};

const READY: &str = "select paces, share, at_once from jobs \
     where tenant = $1 and run = $2 and job = $3 and token = $4 and sent_at is null";
const HELD: &str = "select count(*) from jobs \
     where tenant = $1 and share = $2 and share is not null and sent_at is not null";
const GO_AHEAD: &str = "insert into paces (tenant, key, ahead) values ($1, $2, $3 + $4) \
     on conflict (tenant, key) do update set ahead = max(ahead, $3) + $4";
const SEND: &str = "update jobs set sent_at = $1 \
     where tenant = $2 and run = $3 and job = $4 and token = $5";
/// What lies a minute back says nothing any more.
const FORGET: &str = "delete from paces where ahead < $1 - 60000000";

/// What is claimed, and when it is recorded as sent.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) now: Timestamp,
    pub(super) jobs: Vec<ReadyJob>,
}

pub(super) async fn apply(
    connection: &mut SqliteConnection,
    wanted: &Wanted,
) -> Result<Vec<Claim>, sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    match all(&mut transaction, wanted).await {
        Ok(claims) => {
            transaction.commit().await?;
            Ok(claims)
        }
        Err(error) => {
            transaction.rollback().await?;
            Err(error)
        }
    }
}

async fn all(on: &mut SqliteConnection, wanted: &Wanted) -> Result<Vec<Claim>, sqlx::Error> {
    let mut claims = Vec::with_capacity(wanted.jobs.len());
    let mut paced = false;
    for (at, job) in wanted.jobs.iter().enumerate() {
        paced |= !job.lane.gate.is_empty();
        // What is beyond the bound is not tried.
        claims.push(if at < MAX_CLAIM {
            one(on, wanted.now, job).await?
        } else {
            Claim::Gone
        });
    }
    if paced {
        query(FORGET).bind(micros(wanted.now)).execute(on).await?;
    }
    Ok(claims)
}

async fn one(
    on: &mut SqliteConnection,
    now: Timestamp,
    job: &ReadyJob,
) -> Result<Claim, sqlx::Error> {
    let tenant = job.lane.tenant.as_str();
    let found: Option<(Option<String>, Option<String>, Option<i64>)> = query_as(READY)
        .bind(tenant)
        .bind(job.run.as_str())
        .bind(job.job.as_str())
        .bind(big(job.token))
        .fetch_optional(&mut *on)
        .await?;
    let Some((paces, share, at_once)) = found else {
        return Ok(Claim::Gone);
    };
    let paces = paces.unwrap_or_else(|| "[]".to_owned());
    let paces: Vec<StoredPace> =
        serde_json::from_str(&paces).map_err(|error| sqlx::Error::Decode(error.into()))?;
    let mut until = None;
    for (key, _, slack) in &paces {
        let ahead: Option<i64> = query_scalar(sql::AHEAD)
            .bind(tenant)
            .bind(key)
            .fetch_optional(&mut *on)
            .await?;
        until = until.max(paced_until(ahead, *slack, now));
    }
    if let Some(until) = until {
        return Ok(Claim::Until(until));
    }
    if let Some(share) = &share {
        let held: i64 = query_scalar(HELD)
            .bind(tenant)
            .bind(share)
            .fetch_one(&mut *on)
            .await?;
        if held >= at_once.unwrap_or(i64::MAX) {
            return Ok(Claim::Full);
        }
    }
    for (key, every, _) in &paces {
        query(GO_AHEAD)
            .bind(tenant)
            .bind(key)
            .bind(micros(now))
            .bind(big(*every))
            .execute(&mut *on)
            .await?;
    }
    query(SEND)
        .bind(now.0)
        .bind(tenant)
        .bind(job.run.as_str())
        .bind(job.job.as_str())
        .bind(big(job.token))
        .execute(on)
        .await?;
    Ok(Claim::Sent)
}

fn micros(now: Timestamp) -> i64 {
    now.0.saturating_mul(1_000)
}
