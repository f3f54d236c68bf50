//! What the bus says now: one reader per gateway, spread to the streams.

mod recent;

use std::sync::{Arc, Mutex, PoisonError};

use bus::{
    Bus, Envelope, Subject,
    port::{EventFeed, From, Listen},
};
use model::{RunId, TenantId, limits::MAX_REQUEST_BYTES};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use wire::{events::v1::Event, job::v1::Heads};

use self::recent::Recent;
use crate::{
    history::Page,
    limits::{PAUSE, SIGNAL_QUEUE},
};

/// What a stream hears.
#[derive(Debug, Clone)]
pub enum Signal {
    /// An event, with its position in the bus's stream.
    Event(Arc<Event>, u64),
    /// A run has this many events, whether or not they were heard.
    Head {
        /// Whose.
        tenant: Arc<str>,
        /// Which run.
        run: Arc<str>,
        /// Its last number.
        sequence: u64,
    },
    /// Something may have been missed: look at the history.
    Missed,
}

/// The gateway's ear; cheap to clone.
#[derive(Clone)]
pub struct Feed {
    signals: broadcast::Sender<Signal>,
    recent: Arc<Mutex<Recent>>,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            signals: broadcast::channel(SIGNAL_QUEUE).0,
            recent: Arc::default(),
        }
    }
}

impl Feed {
    /// Hears everything from now on; a receiver that lags must look at the history.
    pub fn subscribe(&self) -> broadcast::Receiver<Signal> {
        self.signals.subscribe()
    }

    /// Events of the tenant's run after `after`, when all of them were heard and the run goes on.
    pub(crate) fn recent(&self, tenant: &TenantId, run: &RunId, after: u64) -> Option<Page> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.page(tenant, run, after)
    }

    fn tell(&self, signal: Signal) {
        if let Signal::Event(event, _) = &signal {
            let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            recent.hear(event);
        }
        // Nobody listening is fine.
        drop(self.signals.send(signal));
    }

    /// Reads the bus until `stop`.
    ///
    /// # Errors
    /// Never; failures of the bus are waited out.
    pub async fn run(self, bus: Arc<dyn Bus>, stop: CancellationToken) -> anyhow::Result<()> {
        while !stop.is_cancelled() {
            let opened = async {
                let heads = bus.listen(&Subject::heads()).await?;
                let events = bus.events(&Subject::all_events(), From::Now).await?;
                Ok::<_, bus::BusError>((heads, events))
            };
            let opened = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                opened = opened => opened,
            };
            match opened {
                Ok((heads, events)) => {
                    self.tell(Signal::Missed);
                    self.read(bus.as_ref(), heads, events, &stop).await;
                }
                Err(error) => tracing::debug!(%error, "events cannot be read from the bus now"),
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
        Ok(())
    }

    /// Passes on what comes until either source fails.
    async fn read(
        &self,
        bus: &dyn Bus,
        mut heads: Box<dyn Listen>,
        mut events: Box<dyn EventFeed>,
        stop: &CancellationToken,
    ) {
        let reconnects = bus.reconnects();
        while bus.reconnects() == reconnects {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                event = events.next() => match event {
                    Ok((position, envelope)) => {
                        if let Some(event) = decode(&envelope) {
                            self.tell(Signal::Event(Arc::new(event), position));
                        }
                    }
                    Err(error) => {
                        tracing::debug!(%error, "the event stream broke off");
                        return;
                    }
                },
                message = heads.next() => {
                    let Some((_, body)) = message else { return };
                    let Ok(heads) = wire::json::from_json::<Heads>(&body, MAX_REQUEST_BYTES) else { continue };
                    for head in heads.heads {
                        self.tell(Signal::Head {
                            tenant: head.tenant.into(),
                            run: head.run_id.into(),
                            sequence: head.sequence,
                        });
                    }
                }
            }
        }
    }
}

/// The event of a message; none when it cannot be read, or is of another run than its subject says.
pub(crate) fn decode(envelope: &Envelope) -> Option<Event> {
    let event: Event = match wire::json::from_json(&envelope.body, MAX_REQUEST_BYTES) {
        Ok(event) => event,
        Err(error) => {
            tracing::warn!(id = envelope.id, %error, "an event cannot be read");
            return None;
        }
    };
    let subject = TenantId::new(event.tenant.as_str()).and_then(|tenant| {
        Ok(Subject::events(
            &tenant,
            &RunId::new(event.run_id.as_str())?,
        ))
    });
    if subject.as_ref() == Ok(&envelope.subject) {
        return Some(event);
    }
    tracing::warn!(id = envelope.id, subject = %envelope.subject, "an event is of another run than its subject");
    None
}
