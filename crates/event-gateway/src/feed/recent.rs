//! The young runs: their events from the first on, as the bus told them. Who submits and then watches asks for
//! just these, and need not wait for the store.

use std::sync::Arc;

use lru::LruCache;
use model::{RunId, TenantId};
use wire::events::v1::Event;

use crate::{
    history::Page,
    limits::{MAX_YOUNG_EVENTS, MAX_YOUNG_RUNS},
};

/// Events of runs whose first was heard, without a gap. A run that is no longer young is forgotten.
pub(super) struct Recent {
    runs: LruCache<String, Vec<Arc<Event>>>,
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            runs: LruCache::unbounded(),
        }
    }
}

impl Recent {
    pub(super) fn hear(&mut self, event: &Arc<Event>) {
        if event.sequence == 1 {
            self.runs.put(event.run_id.clone(), vec![event.clone()]);
            if self.runs.len() > MAX_YOUNG_RUNS {
                self.runs.pop_lru();
            }
            return;
        }
        let Some(events) = self.runs.get_mut(&event.run_id) else {
            return;
        };
        match event.sequence.cmp(&(events.len() as u64 + 1)) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal if events.len() < MAX_YOUNG_EVENTS => {
                events.push(event.clone());
            }
            std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => {
                self.runs.pop(&event.run_id);
            }
        }
    }

    /// The events of the tenant's run after `after`. None when there are none, or when the run may be at
    /// rest: that only the store can tell, since it may go on unheard.
    pub(super) fn page(&mut self, tenant: &TenantId, run: &RunId, after: u64) -> Option<Page> {
        let events = self.runs.get(run.as_str())?;
        let last = events.last()?;
        if last.tenant != tenant.as_str() || last.at_rest {
            return None;
        }
        let events: Vec<_> = events
            .get(usize::try_from(after).ok()?..)?
            .iter()
            .map(|event| Event::clone(event))
            .collect();
        (!events.is_empty()).then_some(Page {
            events,
            head: last.sequence,
            at_rest: false,
        })
    }
}
