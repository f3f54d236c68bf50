//! What the agents of one run are writing, for one client that asked for it.
//!
//! Nothing is promised: what comes while the client is slow, or the bus away, is gone. Whose run it is says
//! the subject, which is of the caller's own tenant.

use std::sync::Arc;

use bus::{Bus, Subject};
use model::{RunId, TenantId};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use tonic::Status;
use wire::events::v1::Delta;

use crate::limits::{LIVE_QUEUE, MAX_DELTA_BYTES};

/// Live text as it comes; the default never gives any.
#[derive(Default)]
pub(crate) struct Live(Option<mpsc::Receiver<Delta>>);

impl Live {
    /// Listens until it is dropped.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the bus does not answer.
    pub(crate) async fn open(
        bus: &Arc<dyn Bus>,
        tasks: &TaskTracker,
        tenant: &TenantId,
        run: &RunId,
    ) -> Result<Self, Status> {
        let mut heard = bus
            .listen(&Subject::live(tenant, run))
            .await
            .map_err(|error| {
                tracing::debug!(%error, "live text cannot be heard now");
                Status::unavailable("live text cannot be heard now; connect again, or without it")
            })?;
        let (client, queue) = mpsc::channel(LIVE_QUEUE);
        let (tenant, run) = (tenant.to_string(), run.to_string());
        // Not read in the client's own time: what waits for a client that does not read must be little.
        tasks.spawn(async move {
            loop {
                let message = tokio::select! {
                    biased;
                    () = client.closed() => return,
                    message = heard.next() => message,
                };
                let Some((_, body)) = message else { return };
                let delta = wire::json::from_json::<Delta>(&body, MAX_DELTA_BYTES);
                let Ok(delta) =
                    delta.inspect_err(|error| tracing::debug!(%error, "live text cannot be read"))
                else {
                    continue;
                };
                if delta.tenant == tenant && delta.run_id == run {
                    // A full queue loses it.
                    let _lost = client.try_send(delta);
                }
            }
        });
        Ok(Self(Some(queue)))
    }

    /// The next; waits for ever when there are no more. May be dropped at any await.
    pub(crate) async fn next(&mut self) -> Delta {
        if let Some(queue) = &mut self.0 {
            if let Some(delta) = queue.recv().await {
                return delta;
            }
            self.0 = None;
        }
        std::future::pending().await
    }
}
