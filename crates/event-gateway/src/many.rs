//! Following all runs of a tenant: each in order, without a gap and without a repeat.
//!
//! Live events come from the gateway's own ear ([`Feed`]). After a token, the bus's stream is first read on
//! from there; whatever it does not show is found by asking which runs changed (`Many::sweep`).

mod looks;
mod place;

use std::{convert::Infallible, sync::Arc};

use ::service::metric;
use bus::{
    Bus, Subject,
    port::{EventFeed, From},
};
use model::{RunId, TenantId, Timestamp};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{sleep, timeout},
};
use wire::events::v1::Event;

pub use self::looks::Looks;
use self::place::Place;
use crate::{
    feed::{Feed, Signal, decode},
    follow::End,
    history::{Changed, Error, History, Page},
    limits::{BUS_WAIT, MAX_WARM_UP, PAUSE, QUIET, WARM_UP_WAIT},
    outlet::{Outlet, Unsent},
    resume::{At, Position},
};

/// An event, with where to go on after it.
#[derive(Debug, Clone)]
pub struct Passed {
    /// The event.
    pub event: Event,
    /// Where to go on.
    pub position: Position,
}

/// A stream over all runs of a tenant.
pub struct Many {
    bus: Arc<dyn Bus>,
    history: Arc<dyn History>,
    tenant: TenantId,
    live: broadcast::Receiver<Signal>,
    place: Place,
    resume: Option<Position>,
    /// Something may have been missed.
    behind: bool,
}

/// Whether an event just happened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Now,
    Before,
}

impl Many {
    /// Events of the tenant's runs from now on, or after `resume`. Hears the bus from this moment on.
    pub fn new(
        feed: &Feed,
        bus: Arc<dyn Bus>,
        history: Arc<dyn History>,
        tenant: TenantId,
        now: Timestamp,
        resume: Option<Position>,
    ) -> Self {
        let place = match &resume {
            Some(position) => Place::at(position, now),
            None => Place::new(now),
        };
        Self {
            bus,
            history,
            tenant,
            live: feed.subscribe(),
            place,
            resume,
            behind: true,
        }
    }

    /// Settles what "from now on" means, before the client is told that its stream is open: what happens after
    /// that, it gets. Of no effect after a token.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn begin(&mut self, looks: &Looks) -> Result<(), Error> {
        if self.resume.is_none() {
            let since = self.place.since();
            let stood = looks.stood(&self.tenant, &*self.history, since).await?;
            self.place.stand_from_now(stood);
            self.behind = false;
        }
        Ok(())
    }

    /// Where the stream stands before its first event.
    pub fn position(&self) -> Position {
        self.resume.clone().unwrap_or_else(|| self.place.position())
    }

    /// Sends events into `client` until the stream ends. A queue that stays full cuts the client, which resumes
    /// after the last position that it got; nobody else is held up.
    pub async fn run(mut self, client: Outlet<Passed>) -> End {
        match self.follow(&client).await {
            Err(end) => end,
            Ok(never) => match never {},
        }
    }

    async fn follow(&mut self, client: &Outlet<Passed>) -> Result<Infallible, End> {
        if let Some(Position { at: Some(at), .. }) = self.resume.take()
            && let Ok(Some(feed)) = timeout(WARM_UP_WAIT, self.find(&at)).await
        {
            self.catch_up(client, feed).await?;
        }
        loop {
            if self.behind {
                self.sweep(client).await?;
            }
            let signal = tokio::select! {
                biased;
                () = client.closed() => return Err(End::ClientGone),
                signal = self.live.recv() => signal,
            };
            match signal {
                Ok(Signal::Event(event, place)) => {
                    if event.tenant == self.tenant.as_str() {
                        self.hear(client, Event::clone(&event), place, When::Now)
                            .await?;
                        self.place.settle();
                    }
                }
                Ok(Signal::Head {
                    tenant,
                    run,
                    sequence,
                }) => {
                    if *tenant == *self.tenant.as_str()
                        && let Ok(run) = RunId::new(&*run)
                    {
                        self.reach(client, &Changed { run, sequence }).await?;
                    }
                }
                Ok(Signal::Missed) => {
                    self.place.renumbered();
                    self.behind = true;
                }
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return Err(End::ClientGone),
            }
        }
    }

    /// The bus's stream after `at`, when it still holds that event there. On the way it learns where each run
    /// stood then.
    async fn find(&mut self, at: &At) -> Option<Box<dyn EventFeed>> {
        let subject = Subject::events_of(&self.tenant);
        let from = From::Time(self.place.since().0);
        let mut feed = timeout(BUS_WAIT, self.bus.events(&subject, from))
            .await
            .ok()?
            .ok()?;
        let mut stood = Vec::new();
        for _ in 0..MAX_WARM_UP {
            let (sequence, envelope) = timeout(BUS_WAIT, feed.next()).await.ok()?.ok()?;
            let event = decode(&envelope);
            let is_it = event.as_ref().is_some_and(|event| event.id == at.id);
            if sequence > at.sequence || (sequence == at.sequence && !is_it) {
                return None;
            }
            stood.extend(event);
            if sequence == at.sequence {
                for event in &stood {
                    self.place.stood(event);
                }
                self.place.heard(at.clone());
                return Some(feed);
            }
        }
        None
    }

    /// Reads the bus's stream on until it shows what is heard live, or nothing more. The sweep afterwards
    /// finds whatever it does not show, so that ending early costs only time.
    async fn catch_up(
        &mut self,
        client: &Outlet<Passed>,
        mut feed: Box<dyn EventFeed>,
    ) -> Result<(), End> {
        let mut live_from = None;
        loop {
            tokio::select! {
                biased;
                () = client.closed() => return Err(End::ClientGone),
                next = feed.next() => {
                    let Ok((sequence, envelope)) = next else { return Ok(()) };
                    if let Some(event) = decode(&envelope) {
                        self.hear(client, event, sequence, When::Before).await?;
                    }
                    if live_from.is_some_and(|from| sequence >= from) {
                        return Ok(());
                    }
                }
                signal = self.live.recv(), if live_from.is_none() => match signal {
                    Ok(Signal::Event(event, place)) if event.tenant == self.tenant.as_str() => {
                        if self.place.is_heard(place) {
                            return Ok(());
                        }
                        live_from = Some(place);
                    }
                    Ok(Signal::Event(..) | Signal::Head { .. }) | Err(RecvError::Lagged(_)) => {}
                    Ok(Signal::Missed) => {
                        self.place.renumbered();
                        return Ok(());
                    }
                    Err(RecvError::Closed) => return Err(End::ClientGone),
                },
                () = sleep(QUIET) => return Ok(()),
            }
        }
    }

    /// Passes whatever changed and was not passed yet.
    async fn sweep(&mut self, client: &Outlet<Passed>) -> Result<(), End> {
        let born = self.place.born();
        for changed in self.changed(client).await? {
            let known = self.place.last(&changed.run);
            self.fill(client, &changed.run, known, changed.sequence, born)
                .await?;
        }
        self.behind = false;
        self.place.settle();
        Ok(())
    }

    /// Passes a run up to its head.
    async fn reach(&mut self, client: &Outlet<Passed>, head: &Changed) -> Result<(), End> {
        let known = self.place.last(&head.run);
        let born = self.place.born();
        self.fill(client, &head.run, known, head.sequence, born)
            .await
    }

    /// An event of the bus, with its place there.
    async fn hear(
        &mut self,
        client: &Outlet<Passed>,
        event: Event,
        sequence: u64,
        when: When,
    ) -> Result<(), End> {
        let Ok(run) = RunId::new(event.run_id.as_str()) else {
            return Ok(());
        };
        let known = self.place.last(&run);
        if known.is_none() && self.place.is_old(&event) {
            // It tells nothing of where the run stands: later ones may have been passed as well.
            self.place.heard(At {
                sequence,
                id: event.id,
            });
            return Ok(());
        }
        let before = event.sequence.saturating_sub(1);
        if known.unwrap_or(0) < before {
            self.fill(client, &run, known, before, self.place.born())
                .await?;
            if self.place.last(&run) != Some(before) {
                // What the store does not have has not happened; a head tells when it has.
                return Ok(());
            }
        }
        self.place.heard(At {
            sequence,
            id: event.id.clone(),
        });
        if self.place.last(&run).unwrap_or(0) >= event.sequence {
            self.place.shown(&run, event.sequence);
            return Ok(());
        }
        self.place.shown(&run, event.sequence);
        self.place.pass(run, &event);
        send(
            client,
            Passed {
                event,
                position: self.place.position(),
            },
            when,
        )
        .await
    }

    /// Passes what the history has of a run after `known` up to `to`. Of a run not seen before, what was
    /// committed before `born` counts as passed.
    async fn fill(
        &mut self,
        client: &Outlet<Passed>,
        run: &RunId,
        known: Option<u64>,
        to: u64,
        born: Timestamp,
    ) -> Result<(), End> {
        let mut last = known.unwrap_or(0);
        let mut old = known.is_none();
        while last < to {
            let Some(page) = self.page(client, run, last).await? else {
                return Ok(());
            };
            let before = last;
            for event in page.events {
                if event.sequence != last + 1 || last == to {
                    break;
                }
                last = event.sequence;
                old = old && time_of(&event) < born;
                if old {
                    self.place.stand(run.clone(), last);
                } else {
                    self.place.pass_ahead(run.clone(), &event);
                    metrics::counter!(metric::STREAM_FILLED).increment(1);
                    send(
                        client,
                        Passed {
                            event,
                            position: self.place.position(),
                        },
                        When::Before,
                    )
                    .await?;
                }
            }
            if last == before {
                return Ok(());
            }
        }
        Ok(())
    }

    /// A page of a run's history; none when there is no such run.
    async fn page(
        &self,
        client: &Outlet<Passed>,
        run: &RunId,
        after: u64,
    ) -> Result<Option<Page>, End> {
        loop {
            match self.history.events(run, after).await {
                Ok(page) => return Ok(Some(page)),
                Err(Error::NotFound(_)) => return Ok(None),
                Err(error) => wait_out(client, error).await?,
            }
        }
    }

    async fn changed(&self, client: &Outlet<Passed>) -> Result<Vec<Changed>, End> {
        loop {
            match self.history.changed(self.place.since()).await {
                Ok(changed) => return Ok(changed),
                Err(error) => wait_out(client, error).await?,
            }
        }
    }
}

async fn wait_out(client: &Outlet<Passed>, error: Error) -> Result<(), End> {
    let Error::Unavailable(why) = error else {
        return Err(End::Failed(error));
    };
    tracing::debug!(why, "history cannot be read now");
    tokio::select! {
        biased;
        () = client.closed() => Err(End::ClientGone),
        () = sleep(PAUSE) => Ok(()),
    }
}

async fn send(client: &Outlet<Passed>, passed: Passed, when: When) -> Result<(), End> {
    let sent = match when {
        When::Now => client.live(passed).await,
        When::Before => client.past(passed).await,
    };
    sent.map_err(|unsent| match unsent {
        // The client's own position says from where to resume.
        Unsent::Lagged => End::Lagged { after: 0 },
        Unsent::Gone => End::ClientGone,
    })
}

fn time_of(event: &Event) -> Timestamp {
    event.time.map(Timestamp::from).unwrap_or_default()
}
