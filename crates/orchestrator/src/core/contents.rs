//! Results held in memory by hash, for the jobs that soon need them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use lru::LruCache;
use model::{ContentHash, RunId, StepName, TenantId};
use store::port::{CommitPath, StoreError};

use super::limits::HELD_CONTENT_BYTES;

/// A result that is wanted: step, version and hash.
pub(crate) type Wanted = (StepName, u32, ContentHash);

/// Contents by tenant and hash, bounded by their bytes.
#[derive(Clone)]
pub(crate) struct Contents {
    store: Arc<dyn CommitPath>,
    held: Arc<Mutex<Cache>>,
}

struct Cache {
    entries: LruCache<(TenantId, ContentHash), Arc<str>>,
    bytes: usize,
}

impl Contents {
    pub(crate) fn new(store: Arc<dyn CommitPath>) -> Self {
        Self {
            store,
            held: Arc::new(Mutex::new(Cache {
                entries: LruCache::unbounded(),
                bytes: 0,
            })),
        }
    }

    pub(crate) fn hold(&self, tenant: &TenantId, hash: &ContentHash, content: Arc<str>) {
        let mut cache = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let added = content.len();
        if let Some(replaced) = cache.entries.put((tenant.clone(), hash.clone()), content) {
            cache.bytes -= replaced.len();
        }
        cache.bytes += added;
        while cache.bytes > HELD_CONTENT_BYTES
            && let Some((_, dropped)) = cache.entries.pop_lru()
        {
            cache.bytes -= dropped.len();
        }
    }

    fn get(&self, tenant: &TenantId, hash: &ContentHash) -> Option<Arc<str>> {
        let mut cache = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        cache.entries.get(&(tenant.clone(), hash.clone())).cloned()
    }

    /// The contents of results of a run, by step; what memory does not hold is read from the store.
    pub(crate) async fn results(
        &self,
        tenant: &TenantId,
        run: &RunId,
        wanted: &[Wanted],
    ) -> Result<BTreeMap<StepName, Arc<str>>, StoreError> {
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        for (step, version, hash) in wanted {
            match self.get(tenant, hash) {
                Some(content) => {
                    found.insert(step.clone(), content);
                }
                None => missing.push((step.clone(), *version)),
            }
        }
        if !missing.is_empty() {
            for (step, version, content) in self.store.results(tenant, run, &missing).await? {
                let content: Arc<str> = content.into();
                if let Some((_, _, hash)) = wanted
                    .iter()
                    .find(|(name, number, _)| *name == step && *number == version)
                {
                    self.hold(tenant, hash, content.clone());
                }
                found.insert(step, content);
            }
        }
        Ok(found)
    }

    /// A blob's content.
    pub(crate) async fn blob(
        &self,
        tenant: &TenantId,
        hash: &ContentHash,
    ) -> Result<Option<Arc<str>>, StoreError> {
        if let Some(content) = self.get(tenant, hash) {
            return Ok(Some(content));
        }
        let mut found = self.store.blobs(tenant, std::slice::from_ref(hash)).await?;
        let content = found.pop().map(|blob| Arc::<str>::from(blob.content));
        if let Some(content) = &content {
            self.hold(tenant, hash, content.clone());
        }
        Ok(content)
    }
}
