//! API keys as the store knows them: by their hash.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ::service::auth::{Keys, KeysUnavailable, LOCAL_TENANT, Principal, Role};
use async_trait::async_trait;
use lru::LruCache;
use model::ContentHash;
use store::port::Queries;
use tokio::time::Instant;

use crate::core::held::capacity;

/// Keys held in memory.
const HELD_KEYS: usize = 10_000;
/// How long a key that was withdrawn may still work.
const HELD_FOR: Duration = Duration::from_secs(30);

/// The store's keys, with the answers of the last seconds in memory.
pub(crate) struct StoredKeys {
    queries: Arc<dyn Queries>,
    held: Mutex<LruCache<ContentHash, (Instant, Option<Principal>)>>,
}

impl StoredKeys {
    pub(crate) fn new(queries: Arc<dyn Queries>) -> Self {
        Self {
            queries,
            held: Mutex::new(LruCache::new(capacity(HELD_KEYS))),
        }
    }

    fn held(&self, hash: &ContentHash) -> Option<Option<Principal>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(hash)
            .filter(|(at, _)| at.elapsed() < HELD_FOR)
            .map(|(_, principal)| principal.clone())
    }
}

#[async_trait]
impl Keys for StoredKeys {
    async fn principal(&self, key: &str) -> Result<Option<Principal>, KeysUnavailable> {
        let hash = ContentHash::of(key.as_bytes());
        if let Some(known) = self.held(&hash) {
            return Ok(known);
        }
        let row = self
            .queries
            .api_key(&hash)
            .await
            .map_err(|error| KeysUnavailable(error.to_string()))?;
        let principal = row.and_then(|owner| {
            let by = match owner.label.trim() {
                // The hash's first digits tell keys apart in records without telling the key.
                "" | LOCAL_TENANT => format!("key-{}", hash.as_str().get(..8)?),
                label => label.to_owned(),
            };
            Some(Principal {
                tenant: owner.tenant,
                role: Role::parse(&owner.role)?,
                by,
            })
        });
        self.held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .put(hash, (Instant::now(), principal.clone()));
        Ok(principal)
    }
}
