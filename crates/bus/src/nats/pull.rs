//! Work queues: one durable consumer for each, shared by all who pull from it.

use std::{cmp::min, sync::Arc, time::Duration};

use async_nats::Message;
use async_trait::async_trait;
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt, OptionFuture};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::{
    api::{Fault, compare},
    link::Link,
    message, refused,
    standing::{Came, Standing},
    streams::{ack_wait, nanoseconds, queue_consumer},
};
use crate::{
    envelope::Envelope,
    limits::{FAILURE_PAUSE, JOB_PULL_EXPIRES, MAX_PULL, PULL_EXPIRES, WATCH_INTERVAL},
    port::{BusError, Delivery, Pull},
    subject::{Stream, Subject},
};

/// One who pulls from a queue. All it does besides waiting for messages is in `work`, kept here so that
/// it goes on when a call to `next` is dropped.
pub(super) struct Puller {
    queue: Arc<Queue>,
    standing: Standing,
    /// The consumer or the connection is gone, and `standing` with it.
    lost: bool,
    work: Option<BoxFuture<'static, Result<Done, BusError>>>,
    connects: watch::Receiver<u64>,
    /// What looked wrong when the consumer was last inspected.
    suspect: Option<Suspect>,
    inspect_at: Instant,
    /// When messages were last looked for.
    looked: Instant,
    opened: Instant,
}

struct Queue {
    link: Arc<Link>,
    stream: Stream,
    subject: Subject,
    consumer: String,
}

/// What `work` has brought about.
enum Done {
    Opened(Standing),
    /// The message that may be stuck, if one may.
    Inspected(Option<Suspect>),
}

/// A message that lay in the queue at an inspection, while someone asked for it.
#[derive(Debug, Clone, Copy)]
struct Suspect {
    message: u64,
    /// How many deliveries the consumer had made.
    deliveries: u64,
    /// By its own count the consumer has no delivery of it before itself.
    passed: bool,
    /// Since when it is the newest and nothing was delivered.
    since: Instant,
}

impl Puller {
    pub(super) async fn open(link: Arc<Link>, subject: &Subject) -> Result<Self, BusError> {
        let (Some(stream), Some(consumer)) = (subject.stream(), subject.consumer()) else {
            return Err(refused(subject, "it is no work queue".to_owned()));
        };
        let connects = link.connects();
        let queue = Arc::new(Queue {
            link,
            stream,
            subject: subject.clone(),
            consumer,
        });
        let now = Instant::now();
        Ok(Self {
            standing: queue.open().await?,
            queue,
            lost: false,
            work: None,
            connects,
            suspect: None,
            inspect_at: now + WATCH_INTERVAL,
            looked: now,
            opened: now,
        })
    }

    fn reopen(&mut self) {
        self.lost = true;
        let queue = Arc::clone(&self.queue);
        // What is lost again at once is not opened as fast as the server can answer.
        let again = self.opened.elapsed() < FAILURE_PAUSE;
        let work = async move {
            if again {
                sleep(FAILURE_PAUSE).await;
            }
            let opened = queue.open().await;
            if opened.is_err() {
                sleep(FAILURE_PAUSE).await;
            }
            opened.map(Done::Opened)
        };
        self.work = Some(work.boxed());
    }

    fn inspect(&mut self) {
        let (queue, suspect) = (Arc::clone(&self.queue), self.suspect);
        self.work = Some(async move { queue.inspect(suspect).await }.boxed());
    }

    fn done(&mut self, done: Result<Done, BusError>) -> Result<(), BusError> {
        self.work = None;
        self.inspect_at = Instant::now() + WATCH_INTERVAL;
        self.suspect = None;
        match done? {
            Done::Opened(standing) => {
                self.standing = standing;
                self.opened = Instant::now();
                self.lost = false;
            }
            Done::Inspected(suspect) => self.suspect = suspect,
        }
        Ok(())
    }

    /// Adds what has come already. Awaits nothing, so that nothing taken can be dropped.
    fn fill(&mut self, batch: &mut Vec<Box<dyn Delivery>>, max: usize) {
        self.looked = Instant::now();
        while batch.len() < max && !self.lost {
            match self.standing.ready() {
                Some(Came::Message(message)) => batch.extend(self.delivery(message)),
                Some(Came::End) => {}
                Some(Came::Gone) => self.reopen(),
                None => return,
            }
        }
    }

    /// What nobody looked for until every request had ended and every wait for an ack was over has been
    /// delivered to someone else.
    fn forget_stale(&mut self) {
        if self.looked.elapsed() >= self.queue.expires() + ack_wait(self.queue.stream) {
            self.fill(&mut Vec::new(), usize::MAX);
        }
    }

    /// A consumer delivers nothing while nobody asks: what was seen before a pause says nothing.
    fn forget_suspect(&mut self) {
        if self.looked.elapsed() >= WATCH_INTERVAL {
            self.suspect = None;
            self.inspect_at = Instant::now() + WATCH_INTERVAL;
        }
    }

    fn delivery(&self, message: Message) -> Option<Box<dyn Delivery>> {
        let reply = message.reply.clone()?;
        Some(Box::new(Delivered {
            queue: Arc::clone(&self.queue),
            reply,
            envelope: message::envelope(message),
        }))
    }
}

#[async_trait]
impl Pull for Puller {
    async fn next(&mut self, max: usize) -> Result<Vec<Box<dyn Delivery>>, BusError> {
        let max = max.clamp(1, MAX_PULL);
        self.forget_suspect();
        self.forget_stale();
        let mut batch = Vec::new();
        loop {
            self.fill(&mut batch, max);
            if !batch.is_empty() {
                return Ok(batch);
            }
            if !self.lost {
                self.standing.ask(max).await?;
            } else if self.work.is_none() {
                self.reopen();
            }
            let wake_at = min(self.standing.silent_at(), self.inspect_at);
            tokio::select! {
                biased;
                came = self.standing.next(), if !self.lost => match came {
                    Came::Message(message) => batch.extend(self.delivery(message)),
                    Came::End => {}
                    Came::Gone => self.reopen(),
                },
                Ok(()) = self.connects.changed() => self.reopen(),
                Some(done) = OptionFuture::from(self.work.as_mut()) => self.done(done)?,
                () = sleep_until(wake_at), if self.work.is_none() => {
                    if self.standing.silent_at() <= Instant::now() {
                        self.reopen();
                    } else {
                        self.inspect();
                    }
                }
            }
        }
    }
}

impl Queue {
    /// Makes the consumer if it is missing, and the streams if they are.
    async fn open(&self) -> Result<Standing, BusError> {
        let wanted = queue_consumer(self.stream, &self.consumer, &self.subject);
        let create = || {
            let (consumer, queue) = (&self.consumer, &self.subject);
            self.link.consumer(self.stream, consumer, queue, &wanted)
        };
        let (made, _place) = self.link.retrying(create).await?;
        compare(&format!("consumer {}", self.consumer), &wanted, &made)?;
        let link = Arc::clone(&self.link);
        Standing::open(link, self.stream, &self.consumer, self.expires()).await
    }

    /// Whether the consumer is deaf (reliability M8): at two looks in a row the queue holds the same
    /// message, and the consumer has no delivery of it before itself; or it delivers nothing at all for
    /// longer than a delivery may go unacked, though we ask. Then it is made anew.
    async fn inspect(&self, earlier: Option<Suspect>) -> Result<Done, BusError> {
        let suspect = match self.suspect().await {
            Ok(suspect) => suspect,
            Err(Fault::Missing) => return self.open().await.map(Done::Opened),
            // Whether the server is gone shows elsewhere.
            Err(_) => None,
        };
        let (Some(earlier), Some(mut now)) = (earlier, suspect) else {
            return Ok(Done::Inspected(suspect));
        };
        let same = earlier.message == now.message;
        if same && earlier.deliveries == now.deliveries {
            now.since = earlier.since;
        }
        let silent = now.since.elapsed() >= ack_wait(self.stream) + WATCH_INTERVAL;
        if !same || !(earlier.passed && now.passed || silent) {
            return Ok(Done::Inspected(Some(now)));
        }
        tracing::warn!(consumer = %self.consumer, "made anew: it does not deliver what its stream holds");
        match self.link.delete_consumer(self.stream, &self.consumer).await {
            Ok(()) | Err(Fault::Missing) => self.open().await.map(Done::Opened),
            Err(fault) => Err(fault.into()),
        }
    }

    async fn suspect(&self) -> Result<Option<Suspect>, Fault> {
        let Some(message) = self.link.last_of(self.stream, &self.subject).await? else {
            return Ok(None);
        };
        let place = self.link.place(self.stream, &self.consumer).await?;
        let idle = place.unacked == 0 && place.pending == 0;
        Ok(Some(Suspect {
            message,
            deliveries: place.deliveries,
            passed: idle || message <= place.ack_floor,
            since: Instant::now(),
        }))
    }

    fn expires(&self) -> Duration {
        match self.stream {
            Stream::Jobs => JOB_PULL_EXPIRES,
            Stream::Outcomes | Stream::Events | Stream::Parked => PULL_EXPIRES,
        }
    }
}

struct Delivered {
    queue: Arc<Queue>,
    /// Where the server takes the answer.
    reply: async_nats::Subject,
    envelope: Envelope,
}

#[async_trait]
impl Delivery for Delivered {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    async fn ack(&self) -> Result<(), BusError> {
        self.answer(Bytes::from_static(b"+ACK")).await
    }

    async fn nak(&self, delay: Duration) -> Result<(), BusError> {
        let delay = nanoseconds(delay);
        self.answer(format!("-NAK {{\"delay\":{delay}}}").into())
            .await
    }
}

impl Delivered {
    async fn answer(&self, answer: Bytes) -> Result<(), BusError> {
        self.queue.link.send(self.reply.clone(), answer).await
    }
}
