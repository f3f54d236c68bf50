//! How many jobs are under way and for how long, as the check for silence sees them.

use std::collections::BTreeMap;

use ::service::metric::{self, label};
use model::Timestamp;
use store::port::JobRow;

use crate::core::workers::Hosted;

const WAITING: &str = "waiting";
const WORKING: &str = "working";

/// Counts of one check. Kinds once seen are kept, so that what is gone shows as 0.
#[derive(Default)]
pub(super) struct Gauges {
    jobs: BTreeMap<(String, &'static str), Jobs>,
    slots: BTreeMap<String, u32>,
}

#[derive(Default)]
struct Jobs {
    count: u32,
    oldest_ms: i64,
}

impl Gauges {
    /// Counts a job under way; `listed` when a worker has it.
    pub(super) fn count(&mut self, row: &JobRow, listed: bool, now: Timestamp) {
        let state = if listed { WORKING } else { WAITING };
        let jobs = self.jobs.entry((row.agent.to_string(), state)).or_default();
        jobs.count += 1;
        jobs.oldest_ms = jobs.oldest_ms.max(now.0 - row.sent_at.0);
    }

    /// Shows what was counted, and begins anew.
    pub(super) fn show(&mut self, hosted: BTreeMap<String, Hosted>) {
        for ((agent, state), jobs) in &mut self.jobs {
            let labels = [
                (label::AGENT, agent.clone()),
                (label::STATE, (*state).to_owned()),
            ];
            metrics::gauge!(metric::JOBS_UNDER_WAY, &labels).set(f64::from(jobs.count));
            metrics::gauge!(metric::JOBS_OLDEST, &labels).set(jobs.oldest_ms as f64 / 1_000.0);
            *jobs = Jobs::default();
        }
        self.slots.values_mut().for_each(|slots| *slots = 0);
        for (agent, hosted) in hosted {
            self.slots.insert(agent, hosted.slots);
        }
        for (agent, slots) in &self.slots {
            metrics::gauge!(metric::WORKER_SLOTS, label::AGENT => agent.clone())
                .set(f64::from(*slots));
        }
    }

    /// Drops a count that was not finished; what is shown stays.
    pub(super) fn forget(&mut self) {
        self.jobs
            .values_mut()
            .for_each(|jobs| *jobs = Jobs::default());
    }
}
