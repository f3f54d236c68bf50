//! Where a tenant's runs stand, asked once for all streams that begin together: a thousand clients that come
//! back at the same moment cost the orchestrator a few answers, and the gateway one copy of each.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use model::{RunId, TenantId, Timestamp};

use crate::history::{Changed, Error, History};

/// The last number of each run.
pub(super) type Stood = BTreeMap<RunId, u64>;

/// The looks under way, by tenant; nothing is kept for longer than someone waits.
#[derive(Default)]
pub struct Looks {
    tenants: Mutex<HashMap<TenantId, Slot>>,
    /// Orders questions and looks; a clock may stand.
    turns: AtomicU64,
}

type Slot = Arc<tokio::sync::Mutex<Option<Look>>>;

struct Look {
    begun: u64,
    since: Timestamp,
    stood: Arc<Stood>,
}

impl Looks {
    /// Where the runs stand that changed at or after `since`, and perhaps some more; at a moment after the call.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub(super) async fn stood(
        &self,
        tenant: &TenantId,
        history: &dyn History,
        since: Timestamp,
    ) -> Result<Arc<Stood>, Error> {
        let asked = self.turn();
        let waiting = Waiting {
            looks: self,
            tenant,
            slot: Arc::clone(self.lock().entry(tenant.clone()).or_default()),
        };
        let mut last = waiting.slot.lock().await;
        // One that was begun before may not show what this stream already does not hear.
        if let Some(look) = &*last
            && look.begun > asked
            && look.since <= since
        {
            return Ok(Arc::clone(&look.stood));
        }
        let begun = self.turn();
        let changed = history.changed(since).await?;
        let stood = changed
            .into_iter()
            .map(|Changed { run, sequence }| (run, sequence));
        let stood = Arc::new(stood.collect::<Stood>());
        *last = Some(Look {
            begun,
            since,
            stood: Arc::clone(&stood),
        });
        Ok(stood)
    }

    fn turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Slot>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits for a look; the last one takes it away.
struct Waiting<'a> {
    looks: &'a Looks,
    tenant: &'a TenantId,
    slot: Slot,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut tenants = self.looks.lock();
        // The map's own and this one.
        if Arc::strong_count(&self.slot) == 2 {
            tenants.remove(self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use futures::future::try_join_all;

    use super::*;
    use crate::history::Page;

    /// Counts how often it is asked; answers in its own time.
    #[derive(Default)]
    struct Counted(AtomicU64);

    #[async_trait]
    impl History for Counted {
        async fn events(&self, _: &RunId, _: u64) -> Result<Page, Error> {
            Ok(Page::default())
        }

        async fn changed(&self, _: Timestamp) -> Result<Vec<Changed>, Error> {
            let sequence = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            tokio::task::yield_now().await;
            let run = RunId::new("01900000-0000-7000-8000-000000000000").expect("a run");
            Ok(vec![Changed { run, sequence }])
        }
    }

    #[tokio::test]
    async fn a_crowd_costs_a_few_looks_and_leaves_nothing_behind() {
        let (looks, history) = (Looks::default(), Counted::default());
        let tenant = TenantId::new("acme").expect("a tenant");
        let crowd = (0..1_000).map(|_| looks.stood(&tenant, &history, Timestamp(7)));
        assert_eq!(try_join_all(crowd).await.expect("answers").len(), 1_000);
        assert!(history.0.load(Ordering::Relaxed) <= 2);
        assert!(looks.lock().is_empty());
    }

    #[tokio::test]
    async fn nobody_gets_a_look_that_was_begun_before_the_question() {
        let (looks, history) = (Looks::default(), Counted::default());
        let tenant = TenantId::new("acme").expect("a tenant");
        let first = looks.stood(&tenant, &history, Timestamp(7));
        let second = async {
            // The first one has begun to look.
            while history.0.load(Ordering::Relaxed) == 0 {
                tokio::task::yield_now().await;
            }
            looks.stood(&tenant, &history, Timestamp(7)).await
        };
        let (first, second) = tokio::join!(first, second);
        let at = |stood: Arc<Stood>| stood.values().copied().collect::<Vec<_>>();
        assert_eq!(at(first.expect("an answer")), [1]);
        assert_eq!(at(second.expect("an answer")), [2]);
    }

    #[tokio::test]
    async fn who_asks_further_back_looks_anew() {
        let (looks, history) = (Looks::default(), Counted::default());
        let tenant = TenantId::new("acme").expect("a tenant");
        let asked = [9, 9, 3].map(|since| looks.stood(&tenant, &history, Timestamp(since)));
        try_join_all(asked).await.expect("answers");
        assert_eq!(history.0.load(Ordering::Relaxed), 3);
    }
}
