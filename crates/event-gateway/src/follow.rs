//! Following one run: history first, then live, in order, without a gap and without a repeat.

use std::sync::Arc;

use ::service::metric;
use model::{RunId, TenantId};
use tokio::sync::broadcast::{self, error::RecvError};
use wire::events::v1::Event;

use crate::{
    feed::{Feed, Signal},
    history::{Error, History, Page},
    limits::PAUSE,
    outlet::{Outlet, Unsent},
    planted::Planted,
};

/// A stream over one run.
pub struct Follower {
    feed: Feed,
    history: Arc<dyn History>,
    tenant: TenantId,
    run: RunId,
    last: u64,
    rested: bool,
    live: broadcast::Receiver<Signal>,
    /// Read by [`Follower::check`].
    first: Option<Page>,
    /// The history was read to its end once: what comes out of it later was missing on the bus.
    caught_up: bool,
    planted: Planted,
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
    /// Events of the tenant's `run` with a number above `after`. Hears the bus from this moment on.
    pub fn new(
        feed: &Feed,
        history: Arc<dyn History>,
        tenant: TenantId,
        run: RunId,
        after: u64,
    ) -> Self {
        Self {
            feed: feed.clone(),
            history,
            tenant,
            run,
            last: after,
            rested: false,
            live: feed.subscribe(),
            first: None,
            caught_up: false,
            planted: Planted::None,
        }
    }

    /// With a bug planted; for the simulator alone.
    #[doc(hidden)]
    #[must_use]
    pub fn planted(mut self, planted: Planted) -> Self {
        self.planted = planted;
        self
    }

    /// Reads the first page ahead, so that a run that cannot be followed is refused before the stream begins.
    /// The run's last number; none when there is no answer now, which [`Follower::run`] waits out.
    ///
    /// # Errors
    /// When the run cannot be read by this caller.
    pub async fn check(&mut self) -> Result<Option<u64>, Error> {
        match self.begin().await {
            Ok(page) => {
                let head = page.head;
                self.first = Some(page);
                Ok(Some(head))
            }
            Err(Error::Unavailable(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The first page: from the history, or as it was heard, or is heard before the history has answered.
    async fn begin(&self) -> Result<Page, Error> {
        // Of its own, so that what is heard here is heard again by `run`.
        let mut live = self.feed.subscribe();
        let mut asked = self.history.events(&self.run, self.last);
        loop {
            if let Some(page) = self.feed.recent(&self.tenant, &self.run, self.last) {
                return Ok(page);
            }
            tokio::select! {
                biased;
                page = &mut asked => return page,
                heard = live.recv() => if let Err(RecvError::Closed) = heard {
                    return asked.await;
                },
            }
        }
    }

    /// Sends the run's events into `client` until the stream ends. A queue that stays full cuts the
    /// client; nobody else is held up.
    pub async fn run(mut self, client: Outlet<Event>, until_rest: bool) -> End {
        let mut behind = true;
        loop {
            if behind {
                match self.fill(&client).await {
                    Ok(()) => behind = false,
                    Err(End::Failed(Error::Unavailable(why))) => {
                        tracing::debug!(run = %self.run, why, "history cannot be read now");
                        tokio::select! {
                            biased;
                            () = client.closed() => return End::ClientGone,
                            () = tokio::time::sleep(PAUSE) => continue,
                        }
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
                    if event.sequence == self.last + 1 || self.planted == Planted::HolesNotFilled {
                        if let Err(end) = self.pass(&client, Event::clone(&event)).await {
                            return end;
                        }
                    } else {
                        behind = true;
                    }
                }
                Ok(Signal::Head { run, sequence, .. }) => {
                    behind = *run == *self.run.as_str()
                        && sequence > self.last
                        && self.planted != Planted::DeafToHeads
                }
                Ok(Signal::Event(..)) => {}
                Ok(Signal::Missed) | Err(RecvError::Lagged(_)) => behind = true,
                Err(RecvError::Closed) => return End::ClientGone,
            }
        }
    }

    /// Reads the history up to its head.
    async fn fill(&mut self, client: &Outlet<Event>) -> Result<(), End> {
        loop {
            let page = match self.first.take() {
                Some(page) => page,
                None => self
                    .history
                    .events(&self.run, self.last)
                    .await
                    .map_err(End::Failed)?,
            };
            let before = self.last;
            for event in page.events {
                if event.sequence == self.last + 1 {
                    let (sequence, at_rest) = (event.sequence, event.at_rest);
                    let sent = client.past(event).await;
                    sent.map_err(|unsent| self.end(&unsent))?;
                    self.last = sequence;
                    self.rested = at_rest;
                }
            }
            if self.caught_up {
                metrics::counter!(metric::STREAM_FILLED).increment(self.last - before);
            }
            if self.last == before || self.last >= page.head {
                self.rested = page.at_rest;
                self.caught_up = true;
                return Ok(());
            }
        }
    }

    async fn pass(&mut self, client: &Outlet<Event>, event: Event) -> Result<(), End> {
        let (sequence, at_rest) = (event.sequence, event.at_rest);
        let sent = client.live(event).await;
        sent.map_err(|unsent| self.end(&unsent))?;
        self.last = sequence;
        self.rested = at_rest;
        Ok(())
    }

    fn end(&self, unsent: &Unsent) -> End {
        match unsent {
            Unsent::Gone => End::ClientGone,
            Unsent::Lagged => End::Lagged { after: self.last },
        }
    }
}
