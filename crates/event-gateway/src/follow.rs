//! Following one run: history first, then live, in order, without a gap and without a repeat.

use std::sync::Arc;

use model::RunId;
use tokio::sync::{
    broadcast::{self, error::RecvError},
    mpsc,
};
use wire::events::v1::Event;

use crate::{
    feed::{Feed, Signal},
    history::{Error, History},
    limits::PAUSE,
};

/// A stream over one run.
pub struct Follower {
    history: Arc<dyn History>,
    run: RunId,
    last: u64,
    rested: bool,
    live: broadcast::Receiver<Signal>,
}

/// Why a stream ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// The client went away.
    ClientGone,
    /// The client read too slowly; it may resume after this number.
    Lagged {
        /// The last number that it was sent.
        after: u64,
    },
    /// The run is at rest, and the client wanted no more.
    AtRest,
    /// The run cannot be read.
    Failed(Error),
}

impl Follower {
    /// Events of `run` with a number above `after`. Hears the bus from this moment on.
    pub fn new(feed: &Feed, history: Arc<dyn History>, run: RunId, after: u64) -> Self {
        Self {
            history,
            run,
            last: after,
            rested: false,
            live: feed.subscribe(),
        }
    }

    /// Sends the run's events into `client` until the stream ends. A full queue cuts the client; nobody
    /// else is held up.
    pub async fn run(mut self, client: mpsc::Sender<Event>, until_rest: bool) -> End {
        let mut behind = true;
        loop {
            if behind {
                match self.fill(&client).await {
                    Ok(()) => behind = false,
                    Err(End::Failed(Error::Unavailable(why))) => {
                        tracing::debug!(run = %self.run, why, "history cannot be read now");
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                    Err(end) => return end,
                }
            }
            if until_rest && self.rested {
                return End::AtRest;
            }
            let signal = tokio::select! {
                biased;
                () = client.closed() => return End::ClientGone,
                signal = self.live.recv() => signal,
            };
            match signal {
                Ok(Signal::Event(event, _))
                    if event.run_id == self.run.as_str() && event.sequence > self.last =>
                {
                    if event.sequence == self.last + 1 {
                        if let Err(end) = self.pass(&client, Event::clone(&event)) {
                            return end;
                        }
                    } else {
                        behind = true;
                    }
                }
                Ok(Signal::Head { run, sequence, .. }) => {
                    behind = *run == *self.run.as_str() && sequence > self.last
                }
                Ok(Signal::Event(..)) => {}
                Ok(Signal::Missed) | Err(RecvError::Lagged(_)) => behind = true,
                Err(RecvError::Closed) => return End::ClientGone,
            }
        }
    }

    /// Reads the history up to its head.
    async fn fill(&mut self, client: &mpsc::Sender<Event>) -> Result<(), End> {
        loop {
            let page = self
                .history
                .events(&self.run, self.last)
                .await
                .map_err(End::Failed)?;
            let empty = page.events.is_empty();
            for event in page.events {
                if event.sequence == self.last + 1 {
                    // History is as fast as the client: it waits for room instead of cutting it.
                    let Ok(room) = client.reserve().await else {
                        return Err(End::ClientGone);
                    };
                    self.last = event.sequence;
                    self.rested = event.at_rest;
                    room.send(event);
                }
            }
            if empty || self.last >= page.head {
                self.rested = page.at_rest;
                return Ok(());
            }
        }
    }

    fn pass(&mut self, client: &mpsc::Sender<Event>, event: Event) -> Result<(), End> {
        let (sequence, at_rest) = (event.sequence, event.at_rest);
        match client.try_send(event) {
            Ok(()) => {
                self.last = sequence;
                self.rested = at_rest;
                Ok(())
            }
            Err(mpsc::error::TrySendError::Full(_)) => Err(End::Lagged { after: self.last }),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(End::ClientGone),
        }
    }
}
