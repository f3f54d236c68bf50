//! Runs and plans held in memory. Only speed: whatever is not here, or is not the newest, is read again
//! from the store, and the version check of each commit finds out.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use engine::Run;
use lru::LruCache;
use model::{ContentHash, RunId, TenantId};
use store::{
    port::{Birth, CommitPath, StoreError},
    record,
};
use workflow::Plan;

use super::limits::HELD_PLANS;

/// A run with all that deciding needs.
#[derive(Debug, Clone)]
pub struct Held {
    /// What never changes about it.
    pub birth: Arc<Birth>,
    /// Its plan.
    pub plan: Arc<Plan>,
    /// Its input's exact bytes.
    pub input: Arc<str>,
    /// Its state.
    pub run: Run,
}

type Cache = LruCache<(TenantId, ContentHash), Arc<Plan>>;

/// Plans by hash.
#[derive(Clone)]
pub struct Plans {
    store: Arc<dyn CommitPath>,
    held: Arc<Mutex<Cache>>,
}

impl Plans {
    /// No plan held yet.
    pub fn new(store: Arc<dyn CommitPath>) -> Self {
        Self {
            store,
            held: Arc::new(Mutex::new(LruCache::new(capacity(HELD_PLANS)))),
        }
    }

    /// Makes sure that the store has the plan, and holds it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn keep(
        &self,
        tenant: &TenantId,
        plan: &Arc<Plan>,
    ) -> Result<ContentHash, StoreError> {
        let hash = plan.hash();
        let key = (tenant.clone(), hash.clone());
        if self.get(&key).is_none() {
            self.store.save_plan(tenant, &hash, &plan.to_json()).await?;
            self.put(key, plan.clone());
        }
        Ok(hash)
    }

    async fn load(&self, tenant: &TenantId, hash: &ContentHash) -> Result<Arc<Plan>, StoreError> {
        let key = (tenant.clone(), hash.clone());
        if let Some(plan) = self.get(&key) {
            return Ok(plan);
        }
        let corrupt = |why: String| StoreError::Corrupt {
            what: format!("plan {hash}"),
            why,
        };
        let text = self
            .store
            .plan(tenant, hash)
            .await?
            .ok_or_else(|| corrupt("it is missing".to_owned()))?;
        let plan = Arc::new(
            serde_json::from_str::<Plan>(&text).map_err(|error| corrupt(error.to_string()))?,
        );
        self.put(key, plan.clone());
        Ok(plan)
    }

    fn get(&self, key: &(TenantId, ContentHash)) -> Option<Arc<Plan>> {
        self.held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    fn put(&self, key: (TenantId, ContentHash), plan: Arc<Plan>) {
        self.held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .put(key, plan);
    }

    /// Reads a run from the store and folds its history.
    ///
    /// # Errors
    /// When the store does not answer, or a record of the run cannot be read.
    pub async fn read_run(
        &self,
        tenant: &TenantId,
        run: &RunId,
    ) -> Result<Option<Held>, StoreError> {
        let Some(stored) = self.store.load(tenant, run).await? else {
            return Ok(None);
        };
        let plan = self.load(tenant, &stored.birth.plan).await?;
        let folded = record::fold(&stored, tenant, run, &plan)?;
        Ok(Some(Held {
            birth: Arc::new(stored.birth),
            plan,
            input: stored.input.into(),
            run: folded,
        }))
    }
}

/// A cache's size as the cache wants it.
pub(crate) fn capacity(size: usize) -> NonZeroUsize {
    NonZeroUsize::new(size).unwrap_or(NonZeroUsize::MIN)
}
