//! The work queues of one stream: a message goes to one puller and comes again until it is acked.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::recent::Recent;
use crate::{
    envelope::Envelope,
    limits::{MAX_ACK_PENDING, MAX_AGE, QUEUE_MAX_BYTES},
    port::BusError,
    subject::Subject,
};

/// The stream JOBS or OUTCOMES.
pub(super) struct Queues {
    name: &'static str,
    ack_wait: Duration,
    /// By the name of their consumer.
    queues: BTreeMap<Arc<str>, Queue>,
    recent: Recent,
    bytes: usize,
    last: u64,
}

/// What one consumer hands out, in the order it came.
#[derive(Default)]
struct Queue {
    held: BTreeMap<u64, Held>,
    by_subject: BTreeMap<Subject, BTreeSet<u64>>,
    ready: BTreeSet<u64>,
    /// Delivered and not acked, by the moment they become ready again.
    delivered: BTreeSet<(Instant, u64)>,
    changed: Arc<Notify>,
}

struct Held {
    envelope: Arc<Envelope>,
    since: Instant,
    /// When a delivered message becomes ready again.
    until: Option<Instant>,
}

/// What a puller finds.
pub(super) enum Found {
    /// Messages with their places, in order; at least one.
    Messages(Vec<(u64, Arc<Envelope>)>),
    /// Nothing until the queue changes or this moment comes.
    Nothing(Option<Instant>),
}

impl Queues {
    pub(super) fn new(name: &'static str, ack_wait: Duration) -> Self {
        Self {
            name,
            ack_wait,
            queues: BTreeMap::new(),
            recent: Recent::default(),
            bytes: 0,
            last: 0,
        }
    }

    pub(super) fn publish(&mut self, envelope: Envelope, now: Instant) -> Result<(), BusError> {
        if self.recent.contains(&envelope.id, now) {
            return Ok(());
        }
        let Some(consumer) = consumer_of(&envelope.subject) else {
            return Err(envelope.refused("it belongs to no work queue"));
        };
        self.drop_old(now);
        let size = envelope.size();
        if self.bytes + size > QUEUE_MAX_BYTES {
            return Err(BusError::Unavailable(format!("{} is full", self.name)));
        }
        self.recent.insert(&envelope.id, now);
        self.bytes += size;
        self.last += 1;
        let queue = self.queues.entry(consumer.into()).or_default();
        queue
            .by_subject
            .entry(envelope.subject.clone())
            .or_default()
            .insert(self.last);
        let held = Held {
            envelope: Arc::new(envelope),
            since: now,
            until: None,
        };
        queue.held.insert(self.last, held);
        queue.ready.insert(self.last);
        queue.changed.notify_one();
        Ok(())
    }

    /// Forgets every message and every id.
    pub(super) fn wipe(&mut self) {
        for queue in self.queues.values_mut() {
            queue.held.clear();
            queue.by_subject.clear();
            queue.ready.clear();
            queue.delivered.clear();
        }
        self.recent = Recent::default();
        self.bytes = 0;
    }

    /// Wakes whoever waits for this queue.
    pub(super) fn changed(&mut self, consumer: &Arc<str>) -> Arc<Notify> {
        let queue = self.queues.entry(Arc::clone(consumer)).or_default();
        Arc::clone(&queue.changed)
    }

    pub(super) fn take(&mut self, consumer: &str, max: usize, now: Instant) -> Found {
        self.drop_old(now);
        let ack_wait = self.ack_wait;
        let Some(queue) = self.queues.get_mut(consumer) else {
            return Found::Nothing(None);
        };
        while let Some((until, place)) = queue.delivered.first().copied() {
            if until > now {
                break;
            }
            queue.delivered.pop_first();
            if let Some(held) = queue.held.get_mut(&place) {
                held.until = None;
                queue.ready.insert(place);
            }
        }
        let free = MAX_ACK_PENDING.saturating_sub(queue.delivered.len());
        let count = max.min(free).min(queue.ready.len());
        let mut messages = Vec::with_capacity(count);
        while messages.len() < count {
            let Some(place) = queue.ready.pop_first() else {
                break;
            };
            let Some(held) = queue.held.get_mut(&place) else {
                continue;
            };
            let until = now + ack_wait;
            held.until = Some(until);
            queue.delivered.insert((until, place));
            messages.push((place, Arc::clone(&held.envelope)));
        }
        if messages.is_empty() {
            return Found::Nothing(queue.delivered.first().map(|(until, _)| *until));
        }
        // Others may take what is left, and have a new moment to wait for.
        queue.changed.notify_waiters();
        Found::Messages(messages)
    }

    pub(super) fn ack(&mut self, consumer: &str, place: u64) {
        if let Some(queue) = self.queues.get_mut(consumer) {
            self.bytes -= queue.remove(place);
            queue.changed.notify_one();
        }
    }

    pub(super) fn nak(&mut self, consumer: &str, place: u64, until: Instant) {
        let Some(queue) = self.queues.get_mut(consumer) else {
            return;
        };
        let Some(held) = queue.held.get_mut(&place) else {
            return;
        };
        // A delivery whose wait is over has nothing to give back.
        if let Some(before) = held.until.replace(until) {
            queue.delivered.remove(&(before, place));
            queue.delivered.insert((until, place));
            queue.changed.notify_waiters();
        } else {
            held.until = None;
        }
    }

    pub(super) fn holds(&self, subject: &Subject) -> bool {
        consumer_of(subject)
            .and_then(|consumer| self.queues.get(consumer.as_str()))
            .is_some_and(|queue| queue.by_subject.contains_key(subject))
    }

    pub(super) fn purge(&mut self, subject: &Subject) {
        let queue =
            consumer_of(subject).and_then(|consumer| self.queues.get_mut(consumer.as_str()));
        if let Some(queue) = queue {
            for place in queue.by_subject.get(subject).cloned().unwrap_or_default() {
                self.bytes -= queue.remove(place);
            }
        }
    }

    fn drop_old(&mut self, now: Instant) {
        for queue in self.queues.values_mut() {
            while let Some((place, held)) = queue.held.first_key_value() {
                if now.duration_since(held.since) < MAX_AGE {
                    break;
                }
                let place = *place;
                self.bytes -= queue.remove(place);
            }
        }
    }
}

impl Queue {
    /// Takes a message out and returns its size.
    fn remove(&mut self, place: u64) -> usize {
        let Some(held) = self.held.remove(&place) else {
            return 0;
        };
        self.ready.remove(&place);
        if let Some(until) = held.until {
            self.delivered.remove(&(until, place));
        }
        let subject = &held.envelope.subject;
        if let Some(places) = self.by_subject.get_mut(subject) {
            places.remove(&place);
            if places.is_empty() {
                self.by_subject.remove(subject);
            }
        }
        held.envelope.size()
    }
}

/// `jobs-copy` for `jobs.copy.1`.
fn consumer_of(subject: &Subject) -> Option<String> {
    let mut tokens = subject.as_str().split('.');
    let (stream, name, _one, end) = (
        tokens.next()?,
        tokens.next()?,
        tokens.next()?,
        tokens.next(),
    );
    end.is_none().then(|| format!("{stream}-{name}"))
}
