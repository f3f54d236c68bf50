//! The bus within one process: for `dev` and for tests. It forgets everything with the process, which a
//! bus may.

mod log;
mod queue;
mod recent;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep_until},
};

use self::{
    log::Log,
    queue::{Found, Queues},
};
use crate::{
    envelope::Envelope,
    limits::{JOB_ACK_WAIT, MAX_BROADCAST_BYTES, MAX_PULL, MEMORY_LISTENER, OUTCOME_ACK_WAIT},
    port::{Bus, BusError, Delivery, EventFeed, From, Listen, Pull},
    subject::{Stream, Subject},
};

/// A bus in memory; a clone is the same bus. Time is tokio's, so that a test may pause it.
#[derive(Clone)]
pub struct Memory {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// One moment on both clocks, Unix milliseconds.
    born: (Instant, i64),
}

struct State {
    jobs: Queues,
    outcomes: Queues,
    events: Log,
    parked: Log,
    listeners: Vec<(Subject, mpsc::Sender<(Subject, Bytes)>)>,
}

impl Memory {
    /// An empty bus. To be called within a tokio runtime.
    pub fn new() -> Self {
        let state = State {
            jobs: Queues::new(Stream::Jobs.name(), JOB_ACK_WAIT),
            outcomes: Queues::new(Stream::Outcomes.name(), OUTCOME_ACK_WAIT),
            events: Log::new(),
            parked: Log::new(),
            listeners: Vec::new(),
        };
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                born: (Instant::now(), i64::try_from(unix).unwrap_or(i64::MAX)),
            }),
        }
    }
}

impl Memory {
    /// Forgets every message and every id, as a server does that lost its files. Queues, listeners and feeds
    /// go on with what comes from now on.
    pub fn wipe(&self) {
        let mut state = self.shared.state();
        state.jobs.wipe();
        state.outcomes.wipe();
        state.events.wipe();
        state.parked.wipe();
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The wall clock, moved by tokio's clock.
    fn unix(&self, now: Instant) -> i64 {
        let passed = now.duration_since(self.born.0).as_millis();
        self.born
            .1
            .saturating_add(i64::try_from(passed).unwrap_or(i64::MAX))
    }
}

impl State {
    fn queues(&mut self, subject: &Subject) -> Result<&mut Queues, BusError> {
        match subject.stream() {
            Some(Stream::Jobs) => Ok(&mut self.jobs),
            Some(Stream::Outcomes) => Ok(&mut self.outcomes),
            Some(Stream::Events | Stream::Parked) | None => Err(no_queue(subject)),
        }
    }
}

fn no_queue(subject: &Subject) -> BusError {
    BusError::Refused {
        subject: subject.to_string(),
        why: "it is no work queue".to_owned(),
    }
}

#[async_trait]
impl Bus for Memory {
    async fn publish(&self, messages: Vec<Envelope>) -> Vec<Result<(), BusError>> {
        let now = Instant::now();
        let at = self.shared.unix(now);
        let mut state = self.shared.state();
        let publish = |envelope: Envelope| {
            match envelope.stream()? {
                Stream::Jobs => state.jobs.publish(envelope, now)?,
                Stream::Outcomes => state.outcomes.publish(envelope, now)?,
                Stream::Events => state.events.publish(envelope, now, at),
                Stream::Parked => state.parked.publish(envelope, now, at),
            }
            Ok(())
        };
        messages.into_iter().map(publish).collect()
    }

    async fn pull(&self, queue: &Subject) -> Result<Box<dyn Pull>, BusError> {
        let consumer: Arc<str> = queue.consumer().ok_or_else(|| no_queue(queue))?.into();
        let changed = self.shared.state().queues(queue)?.changed(&consumer);
        Ok(Box::new(Puller {
            shared: Arc::clone(&self.shared),
            queue: queue.clone(),
            consumer,
            changed,
        }))
    }

    async fn holds(&self, subject: &Subject) -> Result<bool, BusError> {
        Ok(self.shared.state().queues(subject)?.holds(subject))
    }

    async fn purge(&self, subject: &Subject) -> Result<(), BusError> {
        self.shared.state().queues(subject)?.purge(subject);
        Ok(())
    }

    async fn broadcast(&self, subject: &Subject, body: Bytes) -> Result<(), BusError> {
        if body.len() > MAX_BROADCAST_BYTES {
            return Err(BusError::Refused {
                subject: subject.to_string(),
                why: format!(
                    "{} bytes, at most {MAX_BROADCAST_BYTES} are taken",
                    body.len()
                ),
            });
        }
        let mut state = self.shared.state();
        state
            .listeners
            .retain(|(_, listener)| !listener.is_closed());
        for (subjects, listener) in &state.listeners {
            if subjects.covers(subject) {
                // A listener that is full misses it: at most once.
                let _missed = listener.try_send((subject.clone(), body.clone()));
            }
        }
        Ok(())
    }

    async fn listen(&self, subject: &Subject) -> Result<Box<dyn Listen>, BusError> {
        let (sender, receiver) = mpsc::channel(MEMORY_LISTENER);
        let mut state = self.shared.state();
        state
            .listeners
            .retain(|(_, listener)| !listener.is_closed());
        state.listeners.push((subject.clone(), sender));
        Ok(Box::new(Listener { receiver }))
    }

    async fn events(&self, subject: &Subject, from: From) -> Result<Box<dyn EventFeed>, BusError> {
        if subject.stream() != Some(Stream::Events) {
            return Err(BusError::Refused {
                subject: subject.to_string(),
                why: "it holds no events".to_owned(),
            });
        }
        let (sequence, grown) = self.shared.state().events.follow(from);
        Ok(Box::new(Feed {
            shared: Arc::clone(&self.shared),
            subject: subject.clone(),
            sequence,
            grown,
        }))
    }

    fn reconnects(&self) -> u64 {
        0
    }
}

struct Puller {
    shared: Arc<Shared>,
    queue: Subject,
    consumer: Arc<str>,
    changed: Arc<Notify>,
}

#[async_trait]
impl Pull for Puller {
    async fn next(&mut self, max: usize) -> Result<Vec<Box<dyn Delivery>>, BusError> {
        let max = max.clamp(1, MAX_PULL);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let found =
                self.shared
                    .state()
                    .queues(&self.queue)?
                    .take(&self.consumer, max, Instant::now());
            let ready = match found {
                Found::Messages(messages) => {
                    return Ok(messages
                        .into_iter()
                        .map(|(place, envelope)| self.delivery(place, envelope))
                        .collect());
                }
                Found::Nothing(ready) => ready,
            };
            match ready {
                Some(ready) => tokio::select! {
                    biased;
                    () = changed => {}
                    () = sleep_until(ready) => {}
                },
                None => changed.await,
            }
        }
    }
}

impl Puller {
    fn delivery(&self, place: u64, envelope: Arc<Envelope>) -> Box<dyn Delivery> {
        Box::new(Delivered {
            shared: Arc::clone(&self.shared),
            consumer: Arc::clone(&self.consumer),
            place,
            envelope,
        })
    }
}

struct Delivered {
    shared: Arc<Shared>,
    consumer: Arc<str>,
    place: u64,
    envelope: Arc<Envelope>,
}

#[async_trait]
impl Delivery for Delivered {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    async fn ack(&self) -> Result<(), BusError> {
        let mut state = self.shared.state();
        let queues = state.queues(&self.envelope.subject)?;
        queues.ack(&self.consumer, self.place);
        Ok(())
    }

    async fn nak(&self, delay: Duration) -> Result<(), BusError> {
        let until = Instant::now() + delay;
        let mut state = self.shared.state();
        let queues = state.queues(&self.envelope.subject)?;
        queues.nak(&self.consumer, self.place, until);
        Ok(())
    }
}

struct Listener {
    receiver: mpsc::Receiver<(Subject, Bytes)>,
}

#[async_trait]
impl Listen for Listener {
    async fn next(&mut self) -> Option<(Subject, Bytes)> {
        self.receiver.recv().await
    }
}

struct Feed {
    shared: Arc<Shared>,
    subject: Subject,
    sequence: u64,
    grown: watch::Receiver<u64>,
}

#[async_trait]
impl EventFeed for Feed {
    async fn next(&mut self) -> Result<(u64, Envelope), BusError> {
        loop {
            self.grown.mark_unchanged();
            let found = self
                .shared
                .state()
                .events
                .read(self.sequence, &self.subject);
            match found {
                Ok((sequence, envelope)) => {
                    self.sequence = sequence + 1;
                    return Ok((sequence, Envelope::clone(&envelope)));
                }
                Err(sequence) => self.sequence = sequence,
            }
            if self.grown.changed().await.is_err() {
                return Err(BusError::Unavailable("the bus is closed".to_owned()));
            }
        }
    }
}
