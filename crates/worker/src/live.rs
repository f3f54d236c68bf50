//! Live text: what an agent writes, told while it writes it.
//!
//! For the eye only. It is put together over [`LIVE_EVERY`] and sent as a broadcast; nothing keeps it, and it
//! is dropped rather than waited for. No agent and no outcome ever depends on it.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bus::Subject;
use bytes::Bytes;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tracing::debug;
use wire::events::v1::{Delta, Piece};

use crate::{
    intake::Ticket,
    limits::{LIVE_EVERY, LIVE_LIMIT, MAX_LIVE_BYTES},
    shared::Shared,
};

/// Where an agent puts what it writes; a clone is the same place. The default takes nothing.
#[derive(Debug, Clone, Default)]
pub struct Live(Option<Arc<Text>>);

#[derive(Debug, Default)]
struct Text {
    pending: Mutex<Pending>,
    grown: Notify,
}

#[derive(Debug, Default)]
struct Pending {
    draft: u32,
    pieces: Vec<Piece>,
    bytes: usize,
}

impl Live {
    pub(crate) fn new(on: bool) -> Self {
        Self(on.then(Arc::default))
    }

    /// Whether anything is taken. If not, an agent need not ask for pieces at all.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Another draft begins: what was shown of an earlier one is void.
    pub fn begin(&self) {
        if let Some(text) = &self.0 {
            let mut pending = text.pending();
            *pending = Pending {
                draft: pending.draft.saturating_add(1),
                ..Pending::default()
            };
        }
    }

    /// More of the text at `path` (JSON pointer), of which `at` bytes came before.
    pub fn text(&self, path: &str, at: u64, more: &str) {
        let Some(text) = &self.0 else { return };
        let mut pending = text.pending();
        let goes_on = pending
            .pieces
            .last()
            .is_some_and(|last| last.path == path && last.at + last.text.len() as u64 == at);
        let bytes = more.len() + if goes_on { 0 } else { path.len() };
        if pending.bytes + bytes > MAX_LIVE_BYTES {
            return;
        }
        pending.bytes += bytes;
        match pending.pieces.last_mut() {
            Some(last) if goes_on => last.text.push_str(more),
            _ => pending.pieces.push(Piece {
                path: path.to_owned(),
                at,
                text: more.to_owned(),
            }),
        }
        drop(pending);
        text.grown.notify_one();
    }
}

impl Text {
    /// Never held over an await.
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be told; none when there is nothing new.
    fn take(&self) -> Option<(u32, Vec<Piece>)> {
        let mut pending = self.pending();
        pending.bytes = 0;
        let pieces = std::mem::take(&mut pending.pieces);
        (!pieces.is_empty()).then_some((pending.draft, pieces))
    }
}

/// What comes of `work`, and meanwhile what it puts into `live` is told.
pub(crate) async fn telling<T>(
    shared: &Shared,
    ticket: &Ticket,
    live: &Live,
    work: impl Future<Output = T>,
) -> T {
    let Some(text) = &live.0 else {
        return work.await;
    };
    let done = tokio::select! {
        biased;
        done = work => done,
        never = tell_on(shared, ticket, text) => match never {},
    };
    tell(shared, ticket, text).await;
    done
}

async fn tell_on(shared: &Shared, ticket: &Ticket, text: &Text) -> Infallible {
    loop {
        text.grown.notified().await;
        tell(shared, ticket, text).await;
        sleep(LIVE_EVERY).await;
    }
}

async fn tell(shared: &Shared, ticket: &Ticket, text: &Text) {
    let Some((draft, pieces)) = text.take() else {
        return;
    };
    let delta = Delta {
        tenant: ticket.tenant.to_string(),
        run_id: ticket.run.to_string(),
        step: ticket.step.to_string(),
        agent: ticket.kind.to_string(),
        job_id: ticket.job.to_string(),
        attempt: ticket.attempt,
        draft,
        pieces,
    };
    let body = match wire::json::to_json(&delta) {
        Ok(body) => Bytes::from(body),
        Err(error) => return debug!(%error, "live text cannot be written"),
    };
    let subject = Subject::live(&ticket.tenant, &ticket.run);
    match timeout(LIVE_LIMIT, shared.bus.broadcast(&subject, body)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "live text was not sent"),
        Err(_) => debug!("live text was not sent in time"),
    }
}
