//! The bus over NATS JetStream.
//!
//! Streams and consumers are made when they are found missing, whenever that is: a server may lose them
//! at any time (`reliability.md`, M2, M3, M8).

mod api;
mod feed;
mod link;
mod message;
mod publish;
mod pull;
mod request;
mod standing;
mod streams;
pub mod users;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use tokio::time::timeout;

pub use self::users::Role;
use self::{api::Fault, link::Link};
use crate::{
    envelope::Envelope,
    limits::{ANSWER_TIMEOUT, MAX_BROADCAST_BYTES},
    port::{Bus, BusError, EventFeed, From, Listen, Pull},
    subject::{Stream, Subject},
};

/// How to reach a server, and as whom.
#[derive(Clone)]
pub struct Options {
    /// `nats://host:port` or `tls://host:port`; more servers of one cluster after commas.
    pub url: String,
    /// Seed of the user's nkey (`SU…`); none for a server without users.
    pub nkey_seed: Option<String>,
    /// What the subjects of this user's answers begin with; none for `_INBOX`. The user must be allowed to
    /// subscribe and to publish below it.
    pub inbox_prefix: Option<String>,
    /// Shown at the server, such as `agent-worker`.
    pub name: String,
    /// Whose rights the user has; none: all of them, as on a server without users.
    pub role: Option<Role>,
}

impl Options {
    /// The options of a service. `credentials` is the file with the seed of its nkey; with one, it keeps to
    /// the rights of its role, and its answers come where no other role can read them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of_service(
        url: &str,
        credentials: Option<&Path>,
        role: Role,
    ) -> Result<Self, CredentialsError> {
        let read = |path: &Path| {
            std::fs::read_to_string(path)
                .map(|text| text.trim().to_owned())
                .map_err(|source| CredentialsError {
                    path: path.to_owned(),
                    source,
                })
        };
        let nkey_seed = credentials.map(read).transpose()?;
        Ok(Self {
            url: url.to_owned(),
            inbox_prefix: nkey_seed.as_ref().map(|_| role.inbox()),
            role: nkey_seed.as_ref().map(|_| role),
            nkey_seed,
            name: role.as_str().to_owned(),
        })
    }
}

/// The credentials cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the NATS credentials cannot be read from {path}: {source}")]
pub struct CredentialsError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl fmt::Debug for Options {
    /// Without the seed and without the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("name", &self.name)
            .field("inbox_prefix", &self.inbox_prefix)
            .finish_non_exhaustive()
    }
}

/// A connection to NATS; a clone is the same connection.
#[derive(Clone)]
pub struct Nats {
    link: Arc<Link>,
}

impl Nats {
    /// Connects, checks the server's version, and makes the streams that are missing. A connection that
    /// is lost later comes back by itself.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] when no server answers; [`BusError::Unusable`] when it is too old, does
    /// not know the user, or has a stream that is not as asked for.
    pub async fn connect(options: &Options) -> Result<Self, BusError> {
        let link = Link::connect(options).await?;
        link.make_streams(link.streams_made()).await?;
        Ok(Self {
            link: Arc::new(link),
        })
    }

    /// How often the server refused a subject that this user has no right to.
    pub fn violations(&self) -> u64 {
        self.link.violations()
    }
}

#[async_trait]
impl Bus for Nats {
    async fn publish(&self, messages: Vec<Envelope>) -> Vec<Result<(), BusError>> {
        publish::publish(&self.link, messages).await
    }

    async fn pull(&self, queue: &Subject) -> Result<Box<dyn Pull>, BusError> {
        let puller = pull::Puller::open(Arc::clone(&self.link), queue).await?;
        Ok(Box::new(puller))
    }

    async fn holds(&self, subject: &Subject) -> Result<bool, BusError> {
        let stream = queue_stream(subject)?;
        let last = self.link.retrying(|| self.link.last_of(stream, subject));
        Ok(last.await?.is_some())
    }

    async fn purge(&self, subject: &Subject) -> Result<(), BusError> {
        let stream = queue_stream(subject)?;
        self.link
            .retrying(|| self.link.purge(stream, subject))
            .await
    }

    async fn broadcast(&self, subject: &Subject, body: Bytes) -> Result<(), BusError> {
        if body.len() > MAX_BROADCAST_BYTES {
            return Err(refused(
                subject,
                format!(
                    "{} bytes, at most {MAX_BROADCAST_BYTES} are taken",
                    body.len()
                ),
            ));
        }
        self.link.send(subject.to_string(), body).await
    }

    async fn listen(&self, subject: &Subject) -> Result<Box<dyn Listen>, BusError> {
        let subscriber = self.link.subscribe(subject.to_string()).await?;
        // The server handles what one connection sends in order: when this comes back, it listens.
        let inbox = self.link.client().new_inbox();
        let mut echo = self.link.subscribe(inbox.clone()).await?;
        self.link.send(inbox, Bytes::new()).await?;
        match timeout(ANSWER_TIMEOUT, echo.next()).await {
            Ok(Some(_)) => Ok(Box::new(Listener { subscriber })),
            Ok(None) => Err(BusError::Unavailable("the connection is closed".to_owned())),
            Err(_elapsed) => Err(link::no_answer()),
        }
    }

    async fn events(&self, subject: &Subject, from: From) -> Result<Box<dyn EventFeed>, BusError> {
        if subject.stream() != Some(Stream::Events) {
            return Err(refused(subject, "it holds no events".to_owned()));
        }
        let feed = feed::Feed::open(Arc::clone(&self.link), subject, from).await?;
        Ok(Box::new(feed))
    }

    fn name(&self) -> &'static str {
        "nats"
    }

    fn trouble(&self) -> Option<String> {
        self.link.trouble()
    }

    async fn missing(&self) -> Result<Vec<Stream>, BusError> {
        let mut missing = Vec::new();
        for stream in Stream::ALL {
            match self.link.last_sequence(stream).await {
                Ok(_) => {}
                Err(Fault::Missing) => missing.push(stream),
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(missing)
    }

    fn reconnects(&self) -> u64 {
        self.link.losses()
    }
}

struct Listener {
    subscriber: async_nats::Subscriber,
}

#[async_trait]
impl Listen for Listener {
    async fn next(&mut self) -> Option<(Subject, Bytes)> {
        let message = self.subscriber.next().await?;
        Some((Subject::received(&message.subject), message.payload))
    }
}

fn queue_stream(subject: &Subject) -> Result<Stream, BusError> {
    match subject.stream() {
        Some(stream @ (Stream::Jobs | Stream::Outcomes)) => Ok(stream),
        Some(Stream::Events | Stream::Parked) | None => {
            Err(refused(subject, "it is no work queue".to_owned()))
        }
    }
}

fn refused(subject: &Subject, why: String) -> BusError {
    BusError::Refused {
        subject: subject.to_string(),
        why,
    }
}
