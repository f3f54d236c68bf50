//! Claiming ready jobs: one call of `claim_v1`.

use std::{collections::BTreeSet, sync::Arc};

use model::Timestamp;
use sqlx::query_as;

use crate::{
    limits::MAX_CLAIM,
    port::StoreError,
    ready::{Claim, ReadyJob},
    row::big,
};

use super::{commit::Broken, writers::Writers};

pub(super) async fn claim(
    writers: Arc<Writers>,
    now: Timestamp,
    jobs: Vec<ReadyJob>,
) -> Result<Vec<Claim>, Broken> {
    let (jobs, rest) = jobs.split_at(jobs.len().min(MAX_CLAIM));
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let tenants: BTreeSet<&str> = jobs.iter().map(|job| job.lane.tenant.as_str()).collect();
    let tenants = format!("{{{}}}", Vec::from_iter(tenants).join(","));
    let text =
        |of: for<'a> fn(&'a ReadyJob) -> &'a str| -> Vec<&str> { jobs.iter().map(of).collect() };
    let mut session = writers.acquire().await?;
    let answer: Result<(Vec<i32>, Vec<Option<i64>>), _> =
        query_as("select verdicts, untils from claim_v1($1, $2, $3, $4, $5, $6, $7)")
            .bind(tenants)
            .bind(now.0)
            .bind(jobs.iter().any(|job| !job.lane.gate.is_empty()))
            .bind(text(|job| job.lane.tenant.as_str()))
            .bind(text(|job| job.run.as_str()))
            .bind(text(|job| job.job.as_str()))
            .bind(jobs.iter().map(|job| big(job.token)).collect::<Vec<_>>())
            .fetch_one(&mut session.connection)
            .await;
    let (verdicts, untils) = match answer {
        Ok(answer) => {
            writers.give_back(session);
            answer
        }
        Err(error) => return Err(writers.broken(session, &error)),
    };
    let claimed = verdicts
        .into_iter()
        .zip(untils)
        .map(|verdict| match verdict {
            (0, _) => Claim::Sent,
            (2, Some(until)) => Claim::Until(Timestamp(until)),
            (3, _) => Claim::Full,
            _ => Claim::Gone,
        });
    // What is beyond the bound was not tried.
    Ok(claimed.chain(rest.iter().map(|_| Claim::Gone)).collect())
}

impl Broken {
    /// Of a claim: nothing of it is lost, since what was recorded as sent falls silent.
    pub(super) fn claim_failed(self) -> StoreError {
        match self {
            Self::Data(why) => StoreError::Refused(why),
            Self::Contended(why) | Self::Unavailable(why) | Self::Unknown(why) => {
                StoreError::Unavailable(why)
            }
        }
    }
}
