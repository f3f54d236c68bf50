//! The connection: made once, kept up by the client, watched by everyone.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{
        Arc, Mutex as StdMutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::{
    Client, ConnectErrorKind, ConnectOptions, Event, HeaderMap, ServerError, Subscriber,
    connection::State,
};
use bytes::Bytes;
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, timeout},
};

use super::{Options, api::Fault, streams, users::Role};
use crate::{
    limits::{
        ANSWER_TIMEOUT, CONNECT_TIMEOUT, PING_INTERVAL, RECONNECT_PAUSE, SERVER_AT_LEAST,
        STREAM_NEWS, SUBSCRIPTION_CAPACITY,
    },
    port::BusError,
    subject::{Stream, Subject},
};

/// A connection and what is known about it.
pub(super) struct Link {
    client: Client,
    role: Option<Role>,
    seen: Arc<Seen>,
    /// Whoever finds a stream missing makes all that are; one at a time.
    making: Mutex<()>,
    made: AtomicU64,
    /// What is wrong with each stream, by the last answer about it.
    wrong: StdMutex<BTreeMap<Stream, (&'static str, Instant)>>,
}

/// What the connection has told so far.
struct Seen {
    connects: watch::Sender<u64>,
    losses: watch::Sender<u64>,
    violations: AtomicU64,
}

impl Link {
    pub(super) async fn connect(options: &Options) -> Result<Self, BusError> {
        let seen = Arc::new(Seen {
            connects: watch::Sender::new(0),
            losses: watch::Sender::new(0),
            violations: AtomicU64::new(0),
        });
        let client = with_callback(settings(options)?, Arc::clone(&seen))
            .connect(options.url.as_str())
            .await
            .map_err(|error| match error.kind() {
                ConnectErrorKind::Authentication
                | ConnectErrorKind::AuthorizationViolation
                | ConnectErrorKind::ServerParse
                | ConnectErrorKind::Tls => BusError::Unusable(format!(
                    "cannot connect to NATS: {error}; check its URL and this service's credentials"
                )),
                _ => BusError::Unavailable(format!("cannot connect to NATS: {error}")),
            })?;
        check_version(&client.server_info().version)?;
        Ok(Self {
            client,
            role: options.role,
            seen,
            making: Mutex::new(()),
            made: AtomicU64::new(0),
            wrong: StdMutex::default(),
        })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The streams that this user has to do with.
    pub(super) fn streams(&self) -> &'static [Stream] {
        self.role.map_or(&Stream::ALL, Role::streams)
    }

    /// Whether this user makes the streams that are missing; the others wait for someone who does.
    pub(super) fn makes_streams(&self) -> bool {
        self.role.is_none_or(Role::makes_streams)
    }

    /// Changes with each connection made: requests that waited at the server are gone then.
    pub(super) fn connects(&self) -> watch::Receiver<u64> {
        self.seen.connects.subscribe()
    }

    /// Changes with each connection lost: what is unanswered may never be answered.
    pub(super) fn watch_losses(&self) -> watch::Receiver<u64> {
        self.seen.losses.subscribe()
    }

    pub(super) fn losses(&self) -> u64 {
        *self.seen.losses.borrow()
    }

    /// Learns from an answer about a stream, or from its absence.
    pub(super) fn note<T>(&self, stream: Stream, answer: Result<T, Fault>) -> Result<T, Fault> {
        let what = match &answer {
            Ok(_) | Err(Fault::Message(_)) => None,
            Err(Fault::Missing) => Some("is missing"),
            Err(Fault::Silent(_)) => Some("does not answer"),
            Err(Fault::Said(..)) => Some("cannot be used"),
        };
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        match what {
            Some(what) => wrong.insert(stream, (what, Instant::now())),
            None => wrong.remove(&stream),
        };
        answer
    }

    /// Why the bus cannot be used now: no connection, or a stream.
    pub(super) fn trouble(&self) -> Option<String> {
        if self.client.connection_state() != State::Connected {
            return Some("no connection".to_owned());
        }
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        // No run needs PARKED: it is for people.
        let mut recent = wrong
            .iter()
            .filter(|(stream, (_, at))| **stream != Stream::Parked && at.elapsed() < STREAM_NEWS);
        let (stream, (what, _)) = recent.next()?;
        Some(format!("the stream {} {what}", stream.name()))
    }

    pub(super) fn violations(&self) -> u64 {
        self.seen.violations.load(Ordering::Relaxed)
    }

    /// Hands a message to the connection; nothing says whether it arrives.
    pub(super) async fn send(
        &self,
        subject: impl async_nats::ToSubject,
        body: Bytes,
    ) -> Result<(), BusError> {
        timeout(ANSWER_TIMEOUT, self.client.publish(subject, body))
            .await
            .map_err(|_elapsed| no_answer())?
            .map_err(|error| BusError::Unavailable(error.to_string()))
    }

    /// Hands a message for a stream to the connection; the answer to a later one says whether it arrived.
    pub(super) async fn hand_over(
        &self,
        subject: &Subject,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(), Fault> {
        let publish = self
            .client
            .publish_with_headers(subject.to_string(), headers, body);
        timeout(ANSWER_TIMEOUT, publish)
            .await
            .map_err(|_elapsed| Fault::Silent(format!("nothing within {ANSWER_TIMEOUT:?}")))?
            .map_err(|error| Fault::Silent(error.to_string()))
    }

    pub(super) async fn subscribe(&self, subject: String) -> Result<Subscriber, BusError> {
        timeout(ANSWER_TIMEOUT, self.client.subscribe(subject))
            .await
            .map_err(|_elapsed| no_answer())?
            .map_err(|error| BusError::Unavailable(error.to_string()))
    }

    /// How often the streams were made so far; to be read before finding one missing.
    pub(super) fn streams_made(&self) -> u64 {
        self.made.load(Ordering::Acquire)
    }

    /// Makes the streams that are missing, unless someone did since `made` was read.
    pub(super) async fn make_streams(&self, made: u64) -> Result<(), BusError> {
        let make = async {
            let _turn = self.making.lock().await;
            if self.streams_made() == made {
                streams::make(self).await?;
                self.made.fetch_add(1, Ordering::Release);
            }
            Ok(())
        };
        timeout(ANSWER_TIMEOUT, make)
            .await
            .map_err(|_elapsed| no_answer())?
    }

    /// Calls the server, and once more with the streams made if one was missing.
    pub(super) async fn retrying<T, F>(&self, call: impl Fn() -> F) -> Result<T, BusError>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let made = self.streams_made();
        match call().await {
            Err(Fault::Missing) => {
                self.make_streams(made).await?;
                call().await.map_err(BusError::from)
            }
            other => other.map_err(BusError::from),
        }
    }
}

pub(super) fn no_connection() -> BusError {
    BusError::Unavailable("the connection was lost".to_owned())
}

pub(super) fn no_answer() -> BusError {
    BusError::Unavailable(format!("nothing within {ANSWER_TIMEOUT:?}"))
}

fn settings(options: &Options) -> Result<ConnectOptions, BusError> {
    let mut settings = ConnectOptions::new()
        .name(&options.name)
        .connection_timeout(CONNECT_TIMEOUT)
        .request_timeout(Some(ANSWER_TIMEOUT))
        .ping_interval(PING_INTERVAL)
        .subscription_capacity(SUBSCRIPTION_CAPACITY)
        .max_reconnects(None)
        .reconnect_delay_callback(|attempts| {
            let pause = Duration::from_millis(25)
                .saturating_mul(u32::try_from(attempts).unwrap_or(u32::MAX));
            pause.min(RECONNECT_PAUSE)
        });
    if let Some(seed) = &options.nkey_seed {
        settings = settings.nkey(seed.clone());
    }
    if let Some(prefix) = &options.inbox_prefix {
        let wrong = |token: &str| {
            token.is_empty() || token.contains(|c: char| c.is_whitespace() || "*>".contains(c))
        };
        if prefix.split('.').any(wrong) {
            return Err(BusError::Unusable(
                "the inbox prefix is no subject: expected tokens between dots, without wildcards"
                    .to_owned(),
            ));
        }
        settings = settings.custom_inbox_prefix(prefix);
    }
    Ok(settings)
}

fn with_callback(settings: ConnectOptions, seen: Arc<Seen>) -> ConnectOptions {
    settings.event_callback(move |event| {
        seen.take(&event);
        std::future::ready(())
    })
}

impl Seen {
    fn take(&self, event: &Event) {
        match event {
            Event::Connected => {
                tracing::info!("connected to nats");
                self.connects.send_modify(|count| *count += 1);
            }
            Event::Disconnected => {
                tracing::warn!("the connection to nats is lost");
                self.losses.send_modify(|count| *count += 1);
            }
            // It reaches whoever asked as a time-out: only here is the cause known.
            Event::ServerError(ServerError::Other(text))
                if text.to_ascii_lowercase().contains("permissions violation") =>
            {
                self.violations.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%text, "nats refuses a subject to this user: check its permissions");
            }
            Event::SlowConsumer(subscription) => {
                tracing::warn!(
                    subscription,
                    "messages were dropped: a subscription is full"
                );
            }
            Event::LameDuckMode
            | Event::Draining
            | Event::Closed
            | Event::ServerError(_)
            | Event::ClientError(_) => tracing::warn!(%event, "nats"),
        }
    }
}

/// Older servers take newer options and drop them without a word.
fn check_version(version: &str) -> Result<(), BusError> {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0_u16));
    let found = (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    );
    if found >= SERVER_AT_LEAST {
        return Ok(());
    }
    let (major, minor) = SERVER_AT_LEAST;
    Err(BusError::Unusable(format!(
        "nats-server is {version}, needed is {major}.{minor} or newer"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_are_refused() {
        for good in ["2.12.0", "2.15.1", "3.0.0", "2.12.0-RC.1", "10.0"] {
            assert_eq!(check_version(good), Ok(()), "{good}");
        }
        for old in ["2.9.10", "2.11.99", "1.99.0", "", "x.y"] {
            let refused = check_version(old);
            assert!(matches!(refused, Err(BusError::Unusable(_))), "{old}");
        }
    }

    #[test]
    fn an_inbox_prefix_that_the_client_would_panic_on_is_refused() {
        for bad in ["", "a b", "a.*", ">", "a..b", "a."] {
            let options = Options {
                url: String::new(),
                nkey_seed: None,
                inbox_prefix: Some(bad.to_owned()),
                role: None,
                name: "test".to_owned(),
            };
            assert!(settings(&options).is_err(), "{bad}");
        }
    }
}
