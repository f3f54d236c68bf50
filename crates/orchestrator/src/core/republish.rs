//! Events go out again where they may have been lost: at start, after a failed publish, and when a peer
//! falls silent. The events of all runs changed since 30 s before are published under their ids, so the bus swallows repeats.

use model::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{
    Core, Planted,
    commit::WorkError,
    dispatch::{Outage, event_envelope},
    event,
    limits::{EVENT_PAGE, REPUBLISH_BACK, REPUBLISH_CHECK, REPUBLISH_PAGE},
    parked,
};

pub(crate) async fn run(core: Core, outage: Outage, stop: CancellationToken) -> anyhow::Result<()> {
    let mut lost = core.peers.lost();
    let mut reconnects = core.ports.bus.reconnects();
    let mut beat = tokio::time::interval(REPUBLISH_CHECK);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let by_cursor = core.planted == Planted::RelayByCursor;
    // What the last process left may still have to go out; a store that is away is asked again.
    let mut begun = by_cursor;
    loop {
        if !begun {
            match since_last_change(&core).await {
                Ok(()) => begun = true,
                Err(error) => {
                    tracing::warn!(%error, "the last events of before cannot be published again now");
                }
            }
        }
        let from = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            changed = lost.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                core.ports.store.now().await.ok()
            }
            _ = beat.tick() => {
                let count = core.ports.bus.reconnects();
                if std::mem::replace(&mut reconnects, count) == count {
                    outage.take()
                } else {
                    outage.take().or(core.ports.store.now().await.ok())
                }
            }
        };
        let start = |from| if by_cursor { from } else { back(from) };
        if let Some(from) = from
            && let Err(error) = since(&core, start(from)).await
        {
            tracing::warn!(%error, "recent events cannot be published again now");
            outage.missing(from);
        }
    }
}

/// At start: whatever the last process may have committed and not published is at the end of the log.
async fn since_last_change(core: &Core) -> Result<(), WorkError> {
    match core.ports.store.last_change().await? {
        Some(last) => since(core, back(last)).await,
        None => Ok(()),
    }
}

fn back(from: Timestamp) -> Timestamp {
    Timestamp(from.0 - i64::try_from(REPUBLISH_BACK.as_millis()).unwrap_or(0))
}

async fn since(core: &Core, since: Timestamp) -> Result<(), WorkError> {
    let mut after = None;
    loop {
        let page = core
            .ports
            .store
            .changed_since(None, since, after.as_ref(), REPUBLISH_PAGE)
            .await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some((last.updated, last.run.clone()));
        for changed in page {
            let mut number = 0;
            while let Some(found) = core
                .ports
                .store
                .events(&changed.tenant, &changed.run, number, EVENT_PAGE)
                .await?
            {
                let Some(end) = found.events.last() else {
                    break;
                };
                number = end.sequence;
                let messages = found.events.iter().map(|happened| {
                    let public =
                        event::public(&changed.tenant, &changed.run, &found.birth, happened);
                    event_envelope(
                        &public,
                        &changed.tenant,
                        &changed.run,
                        &found.birth.traceparent,
                    )
                });
                let given_up = parked::jobs(&changed.tenant, &changed.run, &found.events);
                let messages = messages.chain(given_up).collect();
                for result in core.ports.bus.publish(messages).await {
                    if let Err(error) = result {
                        return Err(WorkError::Unavailable(error.to_string()));
                    }
                }
                if number >= found.head {
                    break;
                }
            }
        }
    }
}
