//! Jobs that are ready and not sent: what keeps each back, how the store lists them, and which go next.
//! Every store asks [`Pick`] for the order, so that all have the same.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, VecDeque},
};

use model::{AgentKind, ContentHash, JobId, RunId, StepName, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

/// A job that is under way for its run and was not sent yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyRow {
    /// Which.
    pub job: JobId,
    /// Its lease token.
    pub token: u64,
    /// Of which step.
    pub step: StepName,
    /// For whom.
    pub agent: AgentKind,
    /// Of its run, 1 to 5; 5 goes first.
    pub priority: u8,
    /// Among jobs of one priority, the highest goes first.
    pub score: u32,
    /// When it became ready.
    pub ready_at: Timestamp,
    /// What keeps it back beside places.
    pub limits: Limits,
}

/// Limits that several jobs of a tenant share, across runs and workflows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// How fast jobs follow each other, by key.
    pub paces: Vec<Pace>,
    /// How many are sent at once, by key.
    pub share: Option<Share>,
}

/// Jobs of one key follow each other no faster than this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Of the tenant.
    pub key: String,
    /// The time from one to the next, microseconds.
    pub every_us: u64,
    /// How many may go at once after a quiet time; 1 or more.
    pub burst: u32,
}

/// So many jobs of one key are sent at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Of the tenant.
    pub key: String,
    /// How many.
    pub at_once: u32,
}

impl Pace {
    /// How far ahead of the pace a job may go, microseconds.
    pub fn slack_us(&self) -> u64 {
        self.every_us
            .saturating_mul(u64::from(self.burst.saturating_sub(1)))
    }
}

impl Limits {
    /// Whether nothing but places keeps the job back.
    pub fn is_empty(&self) -> bool {
        self.paces.is_empty() && self.share.is_none()
    }

    /// Names these limits where their keys may not be seen: jobs of one gate wait for the same. Empty without
    /// limits.
    pub fn gate(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        let share = self.share.as_ref().map(|share| (&share.key, share.at_once));
        // Texts and numbers, so this cannot fail.
        let text = serde_json::to_string(&(&self.paces, share)).unwrap_or_default();
        ContentHash::of(text.as_bytes()).to_string()
    }

    /// The stored form of the paces; none without any.
    pub(crate) fn encode(&self) -> Option<String> {
        let rows: Vec<_> = self
            .paces
            .iter()
            .map(|pace| (&pace.key, pace.every_us, pace.slack_us()))
            .collect();
        (!rows.is_empty()).then(|| serde_json::to_string(&rows).unwrap_or_default())
    }
}

/// Jobs that one limit keeps back, or none: those that stand one behind the other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane {
    /// For whom.
    pub agent: AgentKind,
    /// See [`Limits::gate`].
    pub gate: String,
    /// Whose.
    pub tenant: TenantId,
}

/// A ready job as the scan over all tenants sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyJob {
    /// Where it stands.
    pub lane: Lane,
    /// Of which run.
    pub run: RunId,
    /// Which.
    pub job: JobId,
    /// Its lease token.
    pub token: u64,
    /// Of which step.
    pub step: StepName,
    /// Of its run.
    pub priority: u8,
    /// Among jobs of one priority.
    pub score: u32,
    /// When it became ready.
    pub ready_at: Timestamp,
}

impl ReadyJob {
    /// The lowest goes first.
    pub fn order(&self) -> impl Ord + '_ {
        (
            Reverse(self.priority),
            Reverse(self.score),
            self.ready_at,
            &self.run,
            &self.job,
        )
    }
}

/// What became of a ready job that was to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is the caller's to send, and recorded as sent.
    Sent,
    /// It is not ready any more, or another claims it.
    Gone,
    /// A pace lets it go then, if no other job goes before.
    Until(Timestamp),
    /// As many jobs of its key are sent as may be.
    Full,
}

/// Why a job of a run was not sent yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The job.
    pub job: JobId,
    /// Its lease token.
    pub token: u64,
    /// For whom.
    pub agent: AgentKind,
    /// When it became ready.
    pub ready_at: Timestamp,
    /// What keeps it back.
    pub by: KeptBy,
}

/// What keeps a job back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptBy {
    /// A place.
    Place,
    /// A pace: its key, and when the next job of it may go.
    Pace(String, Timestamp),
    /// A share: its key, how many hold it, and how many may.
    Share(String, u32, u32),
}

/// Which ready jobs go next: each place goes to the tenant that has the fewest jobs of the kind under way, and
/// within the tenant to the first of [`ReadyJob::order`].
#[derive(Debug, Default)]
pub struct Pick {
    /// Jobs under way by kind and tenant.
    pub under_way: BTreeMap<AgentKind, BTreeMap<TenantId, i64>>,
    /// Free places by kind.
    pub places: BTreeMap<AgentKind, usize>,
    /// Lanes known to be kept back.
    pub closed: BTreeSet<Lane>,
    /// Most jobs taken from one gate: one job's going may close it for the next.
    pub of_a_gate: usize,
}

impl Pick {
    /// At most `limit` of `jobs`, in the order in which they go.
    pub fn from(&self, jobs: Vec<ReadyJob>, limit: usize) -> Vec<ReadyJob> {
        let mut kinds: BTreeMap<AgentKind, BTreeMap<TenantId, Vec<ReadyJob>>> = BTreeMap::new();
        for job in jobs {
            if !self.closed.contains(&job.lane) {
                let Lane { agent, tenant, .. } = &job.lane;
                let of_kind = kinds.entry(agent.clone()).or_default();
                of_kind.entry(tenant.clone()).or_default().push(job);
            }
        }
        let mut picked = Vec::new();
        for (kind, tenants) in kinds {
            let places = self.places.get(&kind).copied().unwrap_or(0);
            let places = places.min(limit.saturating_sub(picked.len()));
            let under_way = self.under_way.get(&kind);
            self.of_kind(tenants, under_way, places, &mut picked);
        }
        picked
    }

    fn of_kind(
        &self,
        tenants: BTreeMap<TenantId, Vec<ReadyJob>>,
        under_way: Option<&BTreeMap<TenantId, i64>>,
        places: usize,
        picked: &mut Vec<ReadyJob>,
    ) {
        let mut queues = BTreeSet::new();
        let mut waiting: BTreeMap<TenantId, VecDeque<ReadyJob>> = BTreeMap::new();
        for (tenant, mut jobs) in tenants {
            jobs.sort_by(|a, b| a.order().cmp(&b.order()));
            let mut of_gates: BTreeMap<String, usize> = BTreeMap::new();
            jobs.retain(|job| {
                if job.lane.gate.is_empty() {
                    return true;
                }
                let taken = of_gates.entry(job.lane.gate.clone()).or_default();
                *taken += 1;
                *taken <= self.of_a_gate
            });
            let count = under_way.and_then(|of| of.get(&tenant)).copied();
            if let Some(first) = jobs.first() {
                // Of tenants with equally many, the one whose first job has waited longest.
                queues.insert((count.unwrap_or(0).max(0), first.ready_at, tenant.clone()));
            }
            waiting.insert(tenant, jobs.into());
        }
        for _ in 0..places {
            let Some((count, _, tenant)) = queues.pop_first() else {
                return;
            };
            let Some(jobs) = waiting.get_mut(&tenant) else {
                return;
            };
            picked.extend(jobs.pop_front());
            if let Some(next) = jobs.front() {
                queues.insert((count + 1, next.ready_at, tenant));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(tenant: &str, gate: &str, number: i64, priority: u8, score: u32) -> ReadyJob {
        ReadyJob {
            lane: Lane {
                agent: AgentKind::new("copy").expect("a kind"),
                gate: gate.to_owned(),
                tenant: TenantId::new(tenant).expect("a tenant"),
            },
            run: RunId::new(format!("{tenant}-{number}")).expect("a run"),
            job: JobId::new(format!("{number:032x}")).expect("a job"),
            token: 1,
            step: StepName::new("copy").expect("a step"),
            priority,
            score,
            ready_at: Timestamp(number),
        }
    }

    fn check(pick: &Pick, jobs: Vec<ReadyJob>, wanted: &str) {
        let picked = pick.from(jobs, 100);
        let names: Vec<_> = picked.iter().map(|job| job.run.as_str()).collect();
        assert_eq!(names.join(" "), wanted);
    }

    fn places(count: usize, under_way: &[(&str, i64)]) -> Pick {
        let kind = AgentKind::new("copy").expect("a kind");
        let under_way = under_way
            .iter()
            .map(|(tenant, count)| (TenantId::new(*tenant).expect("a tenant"), *count))
            .collect();
        Pick {
            under_way: [(kind.clone(), under_way)].into(),
            places: [(kind, count)].into(),
            closed: BTreeSet::new(),
            of_a_gate: 2,
        }
    }

    #[test]
    fn the_tenant_with_the_fewest_gets_the_next_place() {
        let jobs = || -> Vec<_> {
            let big = (0..9).map(|n| ready("big", "", n, 3, 0));
            big.chain((10..12).map(|n| ready("small", "", n, 3, 0)))
                .collect()
        };
        check(&places(4, &[]), jobs(), "big-0 small-10 big-1 small-11");
        check(&places(3, &[("big", 2)]), jobs(), "small-10 small-11 big-0");
        // Who has nothing more to send does not keep its share free.
        check(
            &places(5, &[("big", 3)]),
            jobs(),
            "small-10 small-11 big-0 big-1 big-2",
        );
        check(&places(0, &[]), jobs(), "");
    }

    #[test]
    fn within_a_tenant_priority_goes_before_score_and_score_before_time() {
        let jobs = vec![
            ready("acme", "", 1, 3, 5),
            ready("acme", "", 2, 3, 9),
            ready("acme", "", 3, 5, 0),
            ready("acme", "", 4, 3, 9),
        ];
        check(&places(4, &[]), jobs, "acme-3 acme-2 acme-4 acme-1");
    }

    #[test]
    fn a_closed_lane_and_a_long_gate_keep_nobody_else_back() {
        let jobs: Vec<_> = (0..5)
            .map(|n| ready("acme", "g", n, 5, 0))
            .chain((5..8).map(|n| ready("acme", "h", n, 4, 0)))
            .chain([ready("acme", "", 9, 1, 0)])
            .collect();
        let mut pick = places(9, &[]);
        check(&pick, jobs.clone(), "acme-0 acme-1 acme-5 acme-6 acme-9");
        pick.closed.insert(jobs[0].lane.clone());
        check(&pick, jobs, "acme-5 acme-6 acme-9");
    }

    #[test]
    fn a_gate_is_of_all_limits_and_names_none() {
        let pace = Pace {
            key: "secret".to_owned(),
            every_us: 200_000,
            burst: 1,
        };
        let one = Limits {
            paces: vec![pace.clone()],
            share: None,
        };
        let other = Limits {
            share: Some(Share {
                key: "secret".to_owned(),
                at_once: 2,
            }),
            ..one.clone()
        };
        assert_ne!(one.gate(), other.gate());
        assert!(!one.gate().contains("secret"));
        assert_eq!(Limits::default().gate(), "");
    }
}
