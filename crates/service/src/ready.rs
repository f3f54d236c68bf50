//! Whether a service is fit for work: it has started, does not stop, and reaches the parts that it needs.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Where readiness is told.
pub const READY: &str = "/health/ready";

/// What a part says that is well.
const WELL: &str = "ok";

/// Why a part cannot be used now, for anyone to read: no address, name or content. None: it answers.
type Check = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// Whether a service is fit for work. It says itself when it has started and when it stops; the parts that
/// it needs are asked at each look, and answer from their last use without any of their own.
#[derive(Clone)]
pub struct Readiness(Arc<Inner>);

struct Inner {
    serving: watch::Sender<bool>,
    parts: Mutex<BTreeMap<&'static str, Check>>,
}

/// What `/health/ready` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Whether the service is fit for work.
    pub ready: bool,
    /// Each part by its name: `ok`, or why it cannot be used.
    pub parts: BTreeMap<String, String>,
}

impl Default for Readiness {
    fn default() -> Self {
        Self(Arc::new(Inner {
            serving: watch::Sender::new(false),
            parts: Mutex::default(),
        }))
    }
}

impl Readiness {
    /// Says whether the service has started and does not stop.
    pub fn set(&self, serving: bool) {
        self.0
            .serving
            .send_if_modified(|now| std::mem::replace(now, serving) != serving);
    }

    /// Adds a part without which the service is not fit. `trouble` must answer at once: it is called for
    /// each question, and once a second besides.
    pub fn need(
        &self,
        part: &'static str,
        trouble: impl Fn() -> Option<String> + Send + Sync + 'static,
    ) {
        self.parts().insert(part, Box::new(trouble));
    }

    /// Whether it is ready.
    pub fn is_ready(&self) -> bool {
        self.look().ready
    }

    /// How it stands, part by part.
    pub fn look(&self) -> Ready {
        let serving = *self.0.serving.borrow();
        let mut ready = serving;
        let mut parts = BTreeMap::new();
        for (name, trouble) in self.parts().iter() {
            let trouble = trouble();
            ready &= trouble.is_none();
            parts.insert(
                (*name).to_owned(),
                trouble.unwrap_or_else(|| WELL.to_owned()),
            );
        }
        let service = if serving {
            WELL
        } else {
            "starting or stopping"
        };
        parts.insert("service".to_owned(), service.to_owned());
        Ready { ready, parts }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<bool> {
        self.0.serving.subscribe()
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, Check>> {
        self.0.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readiness").field(&self.look()).finish()
    }
}

/// The answer to whoever asks.
pub(crate) fn answer(readiness: &Readiness) -> Response {
    let ready = readiness.look();
    let status = if ready.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(ready)).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn every_part_must_be_well_and_is_named() {
        let readiness = Readiness::default();
        assert_eq!(readiness.look().parts["service"], "starting or stopping");
        let away = Arc::new(AtomicBool::new(true));
        let seen = away.clone();
        readiness.need("bus", move || {
            seen.load(Ordering::Relaxed).then(|| "no connection".into())
        });
        readiness.need("store", || None);
        readiness.set(true);
        let look = readiness.look();
        assert!(!look.ready);
        assert_eq!(look.parts["bus"], "no connection");
        assert_eq!(look.parts["store"], "ok");
        away.store(false, Ordering::Relaxed);
        assert!(readiness.is_ready());
        readiness.set(false);
        assert!(!readiness.is_ready());
    }
}
