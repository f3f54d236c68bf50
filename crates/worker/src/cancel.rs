//! Hearing that jobs are no longer wanted. A broadcast that is missed costs work, never truth: the
//! outcome is recorded as late.

use std::convert::Infallible;

use bus::{Subject, limits::MAX_BROADCAST_BYTES};
use model::JobId;
use tokio::time::Instant;
use tracing::{debug, warn};
use wire::job::v1::Cancelled;

use crate::shared::{Backoff, Shared};

/// Listens for ever, and begins again when the bus breaks.
pub(crate) async fn listen(shared: &Shared) -> Infallible {
    let subject = Subject::cancelled();
    let mut backoff = Backoff::new();
    loop {
        match shared.bus.listen(&subject).await {
            Ok(mut messages) => {
                backoff = Backoff::new();
                while let Some((_, body)) = messages.next().await {
                    abandon(shared, &body);
                }
            }
            Err(error) => debug!(%error, "cannot listen for cancelled jobs yet"),
        }
        backoff.wait().await;
    }
}

fn abandon(shared: &Shared, body: &[u8]) {
    let cancelled: Cancelled = match wire::json::from_json(body, MAX_BROADCAST_BYTES) {
        Ok(cancelled) => cancelled,
        Err(error) => {
            warn!(%error, "a cancel broadcast cannot be read");
            return;
        }
    };
    let now = Instant::now();
    let mut roster = shared.roster();
    for id in cancelled.job_ids {
        if let Ok(job) = JobId::new(id) {
            roster.cancel(job, now);
        }
    }
}
