//! A stream that keeps its newest messages for whoever follows it.

use std::{collections::VecDeque, sync::Arc};

use tokio::{sync::watch, time::Instant};

use super::recent::Recent;
use crate::{
    envelope::Envelope,
    limits::{MEMORY_EVENTS, MEMORY_EVENTS_BYTES},
    port::From,
    subject::Subject,
};

/// The stream EVENTS.
pub(super) struct Log {
    entries: VecDeque<Entry>,
    recent: Recent,
    bytes: usize,
    /// The sequence of the newest message, ever.
    last: watch::Sender<u64>,
}

struct Entry {
    /// When it came, Unix milliseconds.
    at: i64,
    envelope: Arc<Envelope>,
}

impl Log {
    pub(super) fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            recent: Recent::default(),
            bytes: 0,
            last: watch::Sender::new(0),
        }
    }

    pub(super) fn publish(&mut self, envelope: Envelope, now: Instant, at: i64) {
        if self.recent.contains(&envelope.id, now) {
            return;
        }
        self.recent.insert(&envelope.id, now);
        self.bytes += envelope.size();
        let envelope = Arc::new(envelope);
        self.entries.push_back(Entry { at, envelope });
        while self.entries.len() > MEMORY_EVENTS || self.bytes > MEMORY_EVENTS_BYTES {
            let Some(oldest) = self.entries.pop_front() else {
                break;
            };
            self.bytes -= oldest.envelope.size();
        }
        self.last.send_modify(|last| *last += 1);
    }

    /// Forgets every message and every id; the sequence goes on.
    pub(super) fn wipe(&mut self) {
        self.entries.clear();
        self.bytes = 0;
        self.recent = Recent::default();
    }

    /// Where a feed starts, and what tells it that the log has grown.
    pub(super) fn follow(&self, from: From) -> (u64, watch::Receiver<u64>) {
        let start = match from {
            From::Now => *self.last.borrow() + 1,
            From::Sequence(sequence) if sequence > *self.last.borrow() + 1 => self.first(),
            From::Sequence(sequence) => sequence,
            From::Time(at) => {
                let before = self.entries.partition_point(|entry| entry.at < at);
                self.first() + before as u64
            }
        };
        (start, self.last.subscribe())
    }

    /// The first message at `sequence` or after it whose subject is in `subjects`; else the sequence to
    /// go on with once there is more.
    pub(super) fn read(
        &self,
        sequence: u64,
        subjects: &Subject,
    ) -> Result<(u64, Arc<Envelope>), u64> {
        let first = self.first();
        let sequence = sequence.max(first);
        let skipped = usize::try_from(sequence - first).unwrap_or(usize::MAX);
        self.entries
            .iter()
            .skip(skipped)
            .zip(sequence..)
            .find(|(entry, _)| subjects.covers(&entry.envelope.subject))
            .map(|(entry, sequence)| (sequence, Arc::clone(&entry.envelope)))
            .ok_or(sequence.max(*self.last.borrow() + 1))
    }

    /// The sequence of the oldest message kept, or of the next to come.
    fn first(&self) -> u64 {
        *self.last.borrow() + 1 - self.entries.len() as u64
    }
}
