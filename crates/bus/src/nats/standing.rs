//! The request for messages that stands at a consumer, so that a message goes out the moment it is there.
//!
//! A request ends by itself after a while. Its end is the server's sign of life, and it keeps messages
//! from going to someone who no longer asks.

use std::{sync::Arc, time::Duration};

use async_nats::{Message, StatusCode, Subscriber};
use futures::{FutureExt, StreamExt};
use tokio::time::{Instant, timeout};

use super::{
    api::PENDING_MESSAGES,
    link::{Link, no_answer},
    message, request,
    streams::nanoseconds,
};
use crate::{
    limits::{ANSWER_TIMEOUT, SIGN_OF_LIFE_GRACE},
    port::BusError,
    subject::Stream,
};

/// What came in answer to a standing request.
pub(super) enum Came {
    /// A message.
    Message(Message),
    /// Word that a request has ended.
    End,
    /// The consumer or the connection is gone: open anew.
    Gone,
}

pub(super) struct Standing {
    link: Arc<Link>,
    /// Where a consumer takes requests.
    consumer: String,
    inbox: String,
    came: Subscriber,
    expires: Duration,
    /// Messages that the server may still send.
    asked: usize,
    /// When a server that is well has said something.
    silent_at: Instant,
}

impl Standing {
    /// Nothing is asked for yet. Each has an inbox of its own, so that no earlier request answers it.
    pub(super) async fn open(
        link: Arc<Link>,
        stream: Stream,
        consumer: &str,
        expires: Duration,
    ) -> Result<Self, BusError> {
        let inbox = link.client().new_inbox();
        let came = link.subscribe(inbox.clone()).await?;
        Ok(Self {
            consumer: request::consumer_next(stream, consumer),
            link,
            inbox,
            came,
            expires,
            asked: 0,
            silent_at: Instant::now(),
        })
    }

    /// Asks for more when less than half of `wanted` is asked for.
    pub(super) async fn ask(&mut self, wanted: usize) -> Result<(), BusError> {
        if self.asked >= wanted.div_ceil(2) {
            return Ok(());
        }
        let more = wanted - self.asked;
        let expires = nanoseconds(self.expires);
        let request = format!(r#"{{"batch":{more},"expires":{expires}}}"#);
        let send = self.link.client().publish_with_reply(
            self.consumer.clone(),
            self.inbox.clone(),
            request.into(),
        );
        timeout(ANSWER_TIMEOUT, send)
            .await
            .map_err(|_elapsed| no_answer())?
            .map_err(|error| BusError::Unavailable(error.to_string()))?;
        self.asked = wanted;
        self.silent_at = Instant::now() + self.expires + SIGN_OF_LIFE_GRACE;
        Ok(())
    }

    /// When to give this up, unless something came by then.
    pub(super) fn silent_at(&self) -> Instant {
        self.silent_at
    }

    /// What has come already.
    pub(super) fn ready(&mut self) -> Option<Came> {
        let came = self.came.next().now_or_never()?;
        Some(self.take(came))
    }

    /// What comes next; may be dropped without losing anything.
    pub(super) async fn next(&mut self) -> Came {
        let came = self.came.next().await;
        self.take(came)
    }

    fn take(&mut self, came: Option<Message>) -> Came {
        let Some(message) = came else {
            return Came::Gone;
        };
        match message.status {
            None | Some(StatusCode::OK) => {
                self.asked = self.asked.saturating_sub(1);
                Came::Message(message)
            }
            Some(StatusCode::IDLE_HEARTBEAT) => Came::End,
            // The request has ended, with this many messages not sent. Without a number it never stood.
            Some(StatusCode::TIMEOUT | StatusCode::REQUEST_TERMINATED) => {
                let unsent = message::header(&message, &PENDING_MESSAGES);
                match unsent.and_then(|text| text.parse::<usize>().ok()) {
                    Some(unsent) => {
                        self.asked = self.asked.saturating_sub(unsent);
                        Came::End
                    }
                    None => Came::Gone,
                }
            }
            Some(_) => Came::Gone,
        }
    }
}
