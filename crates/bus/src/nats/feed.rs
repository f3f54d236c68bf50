//! Following EVENTS. The consumer is the feed's own and forgotten with it; where the feed stands is known
//! here alone.

use std::sync::Arc;

use async_nats::Message;
use async_trait::async_trait;
use futures::future::{BoxFuture, FutureExt, OptionFuture};
use model::Timestamp;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::{
    api::compare,
    link::Link,
    message,
    standing::{Came, Standing},
    streams::nanoseconds,
};
use crate::{
    envelope::Envelope,
    limits::{FAILURE_PAUSE, FEED_BATCH, FEED_INACTIVE, PULL_EXPIRES},
    port::{BusError, EventFeed, From},
    subject::{Stream, Subject},
};

/// The server counts nanoseconds in 64 bits.
const LAST_MOMENT: i64 = i64::MAX / 1_000_000;

pub(super) struct Feed {
    link: Arc<Link>,
    subject: Subject,
    at: At,
    /// The consumer or the connection is gone, and `at.standing` with it.
    lost: bool,
    opening: Option<BoxFuture<'static, Result<At, BusError>>>,
    connects: watch::Receiver<u64>,
}

/// Where a feed stands with a consumer.
struct At {
    standing: Standing,
    /// The stream sequence to go on with.
    sequence: u64,
    /// Messages that this consumer has given: it counts them too, so that a lost one shows.
    given: u64,
    opened: Instant,
}

impl Feed {
    pub(super) async fn open(
        link: Arc<Link>,
        subject: &Subject,
        from: From,
    ) -> Result<Self, BusError> {
        let connects = link.connects();
        Ok(Self {
            at: open(Arc::clone(&link), subject.clone(), from).await?,
            link,
            subject: subject.clone(),
            lost: false,
            opening: None,
            connects,
        })
    }

    fn reopen(&mut self) {
        self.lost = true;
        let from = From::Sequence(self.at.sequence);
        let opening = open(Arc::clone(&self.link), self.subject.clone(), from);
        // What is lost again at once is not opened as fast as the server can answer.
        let again = self.at.opened.elapsed() < FAILURE_PAUSE;
        let opening = async move {
            if again {
                sleep(FAILURE_PAUSE).await;
            }
            let opened = opening.await;
            if opened.is_err() {
                sleep(FAILURE_PAUSE).await;
            }
            opened
        };
        self.opening = Some(opening.boxed());
    }

    /// The event that came, if it is the next one.
    fn take(&mut self, came: Came) -> Option<(u64, Envelope)> {
        match came {
            Came::Message(message) => self.event(message).or_else(|| {
                self.reopen();
                None
            }),
            Came::End => None,
            Came::Gone => {
                self.reopen();
                None
            }
        }
    }

    fn event(&mut self, message: Message) -> Option<(u64, Envelope)> {
        let (sequence, given) = message::sequences(&message)?;
        if given != self.at.given + 1 {
            return None;
        }
        self.at.given = given;
        self.at.sequence = sequence + 1;
        Some((sequence, message::envelope(message)))
    }
}

#[async_trait]
impl EventFeed for Feed {
    async fn next(&mut self) -> Result<(u64, Envelope), BusError> {
        loop {
            if !self.lost {
                if let Some(came) = self.at.standing.ready() {
                    match self.take(came) {
                        Some(event) => return Ok(event),
                        None => continue,
                    }
                }
                self.at.standing.ask(FEED_BATCH).await?;
            } else if self.opening.is_none() {
                self.reopen();
            }
            let silent_at = self.at.standing.silent_at();
            tokio::select! {
                biased;
                came = self.at.standing.next(), if !self.lost => {
                    if let Some(event) = self.take(came) {
                        return Ok(event);
                    }
                }
                Ok(()) = self.connects.changed() => self.reopen(),
                Some(opened) = OptionFuture::from(self.opening.as_mut()) => {
                    self.opening = None;
                    self.at = opened?;
                    self.lost = false;
                }
                () = sleep_until(silent_at), if !self.lost => self.reopen(),
            }
        }
    }
}

async fn open(link: Arc<Link>, subject: Subject, from: From) -> Result<At, BusError> {
    let stream = Stream::Events;
    let last = link.retrying(|| link.last_sequence(stream)).await?;
    let inbox = link.client().new_inbox();
    let unique = inbox.rsplit('.').next().unwrap_or_default();
    let name = format!("feed-{unique}");
    let wanted = json!({
        "name": name,
        "filter_subject": subject.as_str(),
        "ack_policy": "none",
        "mem_storage": true,
        "num_replicas": 1,
        "inactive_threshold": nanoseconds(FEED_INACTIVE),
    });
    let config = with_start(wanted.clone(), from, last);
    let (made, place) = link
        .retrying(|| link.consumer(stream, &name, &subject, &config))
        .await?;
    compare("an event feed", &wanted, &made)?;
    Ok(At {
        standing: Standing::open(link, stream, &name, PULL_EXPIRES).await?,
        sequence: place.delivered + 1,
        given: 0,
        opened: Instant::now(),
    })
}

/// A stream that ends before a sequence that was in it has been lost and made anew: all of it is new.
fn with_start(mut config: Value, from: From, last: u64) -> Value {
    let sequence = match from {
        From::Now => last + 1,
        From::Sequence(sequence) if sequence > last + 1 => 1,
        From::Sequence(sequence) => sequence.max(1),
        From::Time(at) => {
            let at = Timestamp(at.clamp(0, LAST_MOMENT));
            config["deliver_policy"] = json!("by_start_time");
            config["opt_start_time"] = json!(at.to_string());
            return config;
        }
    };
    config["deliver_policy"] = json!("by_start_sequence");
    config["opt_start_seq"] = json!(sequence);
    config
}
