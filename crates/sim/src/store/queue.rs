//! Ready jobs in the model of the store: listed, claimed, and held against what their limits promise.

use std::collections::BTreeMap;

use model::{AgentKind, TenantId, Timestamp};
use store::{
    port::JobRow,
    ready::{Claim, Lane, ReadyJob, ReadyRow},
};
use tokio::time::Instant;

use super::Tables;
use crate::invariants::{Invariant, Violation};

/// How many places others may get, one after the other, while a tenant has jobs that nothing else keeps back.
const MOST_PASSED: u32 = 100;

/// What claims go by, and what is noted of them.
#[derive(Default)]
pub(crate) struct Queue {
    /// How far each key has gone ahead, microseconds.
    ahead: BTreeMap<(TenantId, String), i64>,
    /// When jobs of each key went, and how fast they may follow each other.
    went: BTreeMap<(TenantId, String), Vec<i64>>,
    /// How many places others got since the tenant's last.
    passed: BTreeMap<(AgentKind, TenantId), u32>,
    /// How many were claimed in all.
    claimed: u64,
    /// The planted bug: paces are not asked.
    unpaced: bool,
}

impl Queue {
    pub(super) fn new(unpaced: bool) -> Self {
        Self {
            unpaced,
            ..Self::default()
        }
    }
}

fn listed(tenant: &TenantId, run: &model::RunId, row: &ReadyRow) -> ReadyJob {
    ReadyJob {
        lane: Lane {
            agent: row.agent.clone(),
            gate: row.limits.gate(),
            tenant: tenant.clone(),
        },
        run: run.clone(),
        job: row.job.clone(),
        token: row.token,
        step: row.step.clone(),
        priority: row.priority,
        score: row.score,
        ready_at: row.ready_at,
    }
}

impl Tables {
    /// How many jobs were claimed.
    pub(crate) fn claimed(&self) -> u64 {
        self.queue.claimed
    }

    pub(super) fn ready(&self, after: Option<&Lane>, lanes: usize, rows: usize) -> Vec<ReadyJob> {
        let mut found: BTreeMap<Lane, Vec<ReadyJob>> = BTreeMap::new();
        for ((tenant, run), row) in &self.runs {
            for ready in row.ready.values() {
                let job = listed(tenant, run, ready);
                if after.is_none_or(|after| job.lane > *after) {
                    found.entry(job.lane.clone()).or_default().push(job);
                }
            }
        }
        let mut all = Vec::new();
        for mut jobs in found.into_values().take(lanes) {
            jobs.sort_by(|a, b| a.order().cmp(&b.order()));
            jobs.truncate(rows);
            all.extend(jobs);
        }
        all
    }

    pub(super) fn claim(&mut self, now: Timestamp, jobs: &[ReadyJob]) -> Vec<Claim> {
        jobs.iter().map(|job| self.claim_one(now, job)).collect()
    }

    fn claim_one(&mut self, now: Timestamp, job: &ReadyJob) -> Claim {
        let tenant = &job.lane.tenant;
        let at = (tenant.clone(), job.run.clone());
        let key = (job.job.clone(), job.token);
        let Some(ready) = self
            .runs
            .get(&at)
            .and_then(|row| row.ready.get(&key))
            .cloned()
        else {
            return Claim::Gone;
        };
        let micros = now.0 * 1_000;
        let big = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        for pace in &ready.limits.paces {
            let ahead = self.queue.ahead.get(&(tenant.clone(), pace.key.clone()));
            let free = ahead.map_or(i64::MIN, |ahead| ahead - big(pace.slack_us()));
            if free > micros && !self.queue.unpaced {
                return Claim::Until(Timestamp((free + 999).div_euclid(1_000)));
            }
        }
        if let Some(share) = &ready.limits.share
            && self.held(tenant, &share.key) >= share.at_once as usize
        {
            return Claim::Full;
        }
        for pace in &ready.limits.paces {
            let key = (tenant.clone(), pace.key.clone());
            let ahead = self.queue.ahead.entry(key.clone()).or_insert(micros);
            *ahead = (*ahead).max(micros) + big(pace.every_us);
            let went = self.queue.went.entry(key).or_default();
            went.push(micros);
            // Any number of them in a row takes as long as the pace says, but for those that may go at once.
            let last = went.len() - 1;
            let broken = went.iter().enumerate().any(|(first, began)| {
                let wanted = big(pace.every_us) * i64::try_from(last - first).unwrap_or(i64::MAX);
                micros - began < wanted - big(pace.slack_us())
            });
            if broken {
                let what = format!("jobs of {} follow each other too fast: {went:?}", pace.key);
                self.broken.push(Violation::new(Invariant::Limits, what));
            }
        }
        self.passing(&job.lane);
        let sent = JobRow {
            job: ready.job,
            token: ready.token,
            step: ready.step,
            agent: ready.agent,
            sent_at: now,
        };
        self.queue.claimed += 1;
        if let Some(row) = self.runs.get_mut(&at) {
            row.ready.remove(&key);
            row.shares
                .extend(ready.limits.share.map(|share| (key.clone(), share.key)));
            self.sent.insert(key.clone());
            row.jobs.insert(key, (sent, Instant::now()));
        }
        Claim::Sent
    }

    /// How many jobs of a share are sent.
    fn held(&self, tenant: &TenantId, share: &str) -> usize {
        let own = self.runs.iter().filter(|((owner, _), _)| owner == tenant);
        own.flat_map(|(_, row)| {
            let shares = row.shares.iter();
            shares.filter(|(key, held)| *held == share && row.jobs.contains_key(*key))
        })
        .count()
    }

    /// A job of this lane goes before all others that wait.
    fn passing(&mut self, lane: &Lane) {
        let waiting = self.runs.iter().flat_map(|((tenant, _), row)| {
            let ready = row.ready.values().filter(|ready| ready.limits.is_empty());
            ready.map(|ready| (ready.agent.clone(), tenant.clone()))
        });
        let waiting: std::collections::BTreeSet<_> = waiting.collect();
        self.queue.passed.retain(|key, _| waiting.contains(key));
        for (agent, tenant) in waiting {
            if agent == lane.agent && tenant != lane.tenant {
                let passed = self.queue.passed.entry((agent, tenant)).or_default();
                *passed += 1;
                if *passed > MOST_PASSED {
                    let what = format!("{passed} places went to others before one of a tenant's");
                    self.broken.push(Violation::new(Invariant::Fairness, what));
                }
            }
        }
        let own = (lane.agent.clone(), lane.tenant.clone());
        self.queue.passed.remove(&own);
    }
}
