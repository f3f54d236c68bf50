//! The ids of the last minutes.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use tokio::time::Instant;

use crate::limits::{DUPLICATE_WINDOW, MEMORY_IDS};

/// Remembers ids for [`DUPLICATE_WINDOW`], at most [`MEMORY_IDS`] of them.
#[derive(Default)]
pub(super) struct Recent {
    ids: HashSet<Arc<str>>,
    by_age: VecDeque<(Instant, Arc<str>)>,
}

impl Recent {
    /// Whether `id` is remembered.
    pub(super) fn contains(&mut self, id: &str, now: Instant) -> bool {
        self.forget(now);
        self.ids.contains(id)
    }

    /// Remembers `id` from now on.
    pub(super) fn insert(&mut self, id: &str, now: Instant) {
        let id: Arc<str> = id.into();
        if self.ids.insert(Arc::clone(&id)) {
            self.by_age.push_back((now, id));
        }
    }

    fn forget(&mut self, now: Instant) {
        while let Some((since, id)) = self.by_age.front() {
            let old = now.duration_since(*since) >= DUPLICATE_WINDOW;
            if !old && self.by_age.len() < MEMORY_IDS {
                return;
            }
            self.ids.remove(id);
            self.by_age.pop_front();
        }
    }
}
