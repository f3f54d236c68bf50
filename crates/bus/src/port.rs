//! What the rest of the system may ask of a bus, and what each call promises: little. Anything sent may
//! be lost, doubled, late or out of order at any time; what is under way can always be driven again from
//! the store.

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    envelope::Envelope,
    subject::{Stream, Subject},
};

/// Why the bus did not take or give something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The bus refuses this message for itself (size, subject): sending it again is useless.
    #[error("the bus refuses the message on `{subject}`: {why}")]
    Refused {
        /// Where it was to go.
        subject: String,
        /// Why.
        why: String,
    },
    /// No answer, no connection, a full queue: whether it was taken is not known. Send again under the
    /// same id.
    #[error("the bus did not answer: {0}")]
    Unavailable(String),
    /// The server is too old, or has not made what was asked for: an operator must act.
    #[error("the bus cannot be used: {0}")]
    Unusable(String),
}

/// A message taken from a work queue. It comes again unless it is acked within the queue's wait.
#[async_trait]
pub trait Delivery: Send + Sync {
    /// What came.
    fn envelope(&self) -> &Envelope;

    /// Takes it off the queue. Means nothing by itself: the bus may forget it (reliability M2).
    async fn ack(&self) -> Result<(), BusError>;

    /// Gives it back, to be delivered again after about `delay`.
    async fn nak(&self, delay: std::time::Duration) -> Result<(), BusError>;
}

/// Messages of one work queue, pulled only when asked for.
#[async_trait]
pub trait Pull: Send {
    /// Up to `max` messages; waits until there is at least one. Returns an error when the bus fails; calling
    /// again resumes by itself once it is back, and re-creates streams and consumers that have vanished.
    /// May be dropped at any await without losing a message for longer than the ack wait.
    async fn next(&mut self, max: usize) -> Result<Vec<Box<dyn Delivery>>, BusError>;
}

/// Messages of a core subject: at most once, no history.
#[async_trait]
pub trait Listen: Send {
    /// The next message; `None` once the bus is closed. After a lost connection it goes on by itself, without
    /// what was missed.
    async fn next(&mut self) -> Option<(Subject, Bytes)>;
}

/// Events of the stream EVENTS, in stream order.
#[async_trait]
pub trait EventFeed: Send {
    /// The next event with its position; errors as [`Pull::next`].
    async fn next(&mut self) -> Result<(u64, Envelope), BusError>;
}

/// Where an event feed starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// With what comes from now on.
    Now,
    /// With the message at this stream sequence, or the first one kept after it. A sequence beyond the
    /// next one to come is of a stream that was lost since: everything kept is given.
    Sequence(u64),
    /// With what was stored at or after this moment, Unix milliseconds.
    Time(i64),
}

/// The bus.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Publishes to streams, many at once, and waits until all are acknowledged. The answers are in the order
    /// given. A repeat under the same [`Envelope::id`] within the duplicate window is taken once.
    async fn publish(&self, messages: Vec<Envelope>) -> Vec<Result<(), BusError>>;

    /// The work queue of a subject: `Subject::jobs_of(kind)` or `Subject::outcomes_of(partition)`. All
    /// callers on one subject share one consumer, each message goes to one of them.
    async fn pull(&self, queue: &Subject) -> Result<Box<dyn Pull>, BusError>;

    /// Whether a stream (JOBS or OUTCOMES) holds a message with exactly this subject.
    async fn holds(&self, subject: &Subject) -> Result<bool, BusError>;

    /// Removes what a work queue holds under exactly this subject.
    async fn purge(&self, subject: &Subject) -> Result<(), BusError>;

    /// Sends on a core subject: at most once, to those who listen now.
    async fn broadcast(&self, subject: &Subject, body: Bytes) -> Result<(), BusError>;

    /// Listens on a core subject. Listening has begun when it returns.
    async fn listen(&self, subject: &Subject) -> Result<Box<dyn Listen>, BusError>;

    /// Follows EVENTS: of one tenant or of all.
    async fn events(&self, subject: &Subject, from: From) -> Result<Box<dyn EventFeed>, BusError>;

    /// What it is called where it is watched.
    fn name(&self) -> &'static str {
        "bus"
    }

    /// Why the bus cannot be used, as its last use showed, for anyone to read; none while it answers and has
    /// its streams. Asks nothing.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Asks which of its streams are not there.
    async fn missing(&self) -> Result<Vec<Stream>, BusError> {
        Ok(Vec::new())
    }

    /// Counts how often the connection was lost; a change means that core messages may have been missed.
    fn reconnects(&self) -> u64;
}
