//! How long steps of each agent kind have lately taken on this replica: what estimates go by while a run has
//! measured nothing itself. Lost with the process; then there is no estimate until something is measured.

use std::sync::{Arc, Mutex, PoisonError};

use engine::{Event, event::Kind};

/// How much of the mean a new measure takes over.
const WEIGHT: f64 = 0.2;

/// Means by agent kind; cheap to clone, all clones are one. Bounded by the agent kinds of all plans.
#[derive(Clone, Default)]
pub(crate) struct Durations(Arc<Mutex<engine::Durations>>);

impl Durations {
    /// Learns from what a transition has ended.
    pub(crate) fn learn(&self, events: &[Event]) {
        for event in events {
            let Kind::StepFinished {
                agent, duration_ms, ..
            } = &event.kind
            else {
                continue;
            };
            let took = *duration_ms as f64;
            let mut means = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let mean = means.entry(agent.clone()).or_insert(took);
            *mean += (took - *mean) * WEIGHT;
        }
    }

    /// The means now.
    pub(crate) fn now(&self) -> engine::Durations {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
