//! How many jobs are under way and for how long, as the check for silence sees them.

use std::{collections::BTreeMap, time::Duration};

use ::service::metric::{self, label};
use model::{AgentKind, Timestamp};
use store::port::JobRow;

use crate::core::{
    limits::SHOWN_KINDS,
    workers::{Hosted, Listed},
};

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
    oldest: Duration,
}

impl Gauges {
    /// Counts a job under way; `listed` when a worker has it, and then its age is that of the work.
    pub(super) fn count(&mut self, row: &JobRow, listed: Option<Listed>, now: Timestamp) {
        let (state, age) = match listed {
            Some(listed) => (WORKING, listed.began.elapsed()),
            None => (WAITING, now.since(row.sent_at)),
        };
        let jobs = self.jobs.entry((row.agent.to_string(), state)).or_default();
        jobs.count += 1;
        jobs.oldest = jobs.oldest.max(age);
    }

    /// Shows what was counted, and begins anew.
    pub(super) fn show(&mut self, hosted: BTreeMap<String, Hosted>) {
        for ((agent, state), jobs) in &mut self.jobs {
            let labels = [
                (label::AGENT, agent.clone()),
                (label::STATE, (*state).to_owned()),
            ];
            metrics::gauge!(metric::JOBS_UNDER_WAY, &labels).set(f64::from(jobs.count));
            metrics::gauge!(metric::JOBS_OLDEST, &labels).set(jobs.oldest.as_secs_f64());
            *jobs = Jobs::default();
        }
        self.slots.values_mut().for_each(|slots| *slots = 0);
        for (agent, hosted) in hosted {
            // Workers say what they host, and nobody has signed it.
            let known = self.slots.contains_key(&agent);
            if known || (self.slots.len() < SHOWN_KINDS && AgentKind::new(agent.as_str()).is_ok()) {
                self.slots.insert(agent, hosted.slots);
            }
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
