//! History over the orchestrator's gRPC, asked with the caller's own key.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ::service::{
    auth::{Keys, KeysUnavailable, Principal, Role},
    build_info,
    trace::Place,
    upstream::Upstream,
};
use async_trait::async_trait;
use lru::LruCache;
use model::{ContentHash, RunId, TenantId, Timestamp};
use tokio::time::Instant;
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};
use wire::{
    auth::v1::{WhoAmIRequest, auth_service_client::AuthServiceClient},
    run::v1::{ListChangedRequest, ListEventsRequest, run_service_client::RunServiceClient},
};

use super::{Changed, Error, History, Page};
use crate::limits::{
    ANSWER_TIMEOUT, CHANGED_PAGES, HELD_FOR, HELD_KEYS, HISTORY_PAGE, MAX_ANSWER_BYTES, MAX_CALLS,
};

/// How often a silent connection is probed.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The address is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{address}` is no address of an orchestrator: {why}; expected http://host:port")]
pub struct BadAddress {
    address: String,
    why: String,
}

/// The orchestrator; cheap to clone. Connects when it is first needed, and again by itself.
#[derive(Clone)]
pub struct Orchestrator {
    channel: Channel,
    /// For calls that wait by design.
    patient: Channel,
    upstream: Upstream,
    known: Arc<Mutex<LruCache<ContentHash, Known>>>,
}

/// When it was asked, and whose key it is.
type Known = (Instant, Option<Principal>);

impl Orchestrator {
    /// The orchestrator at an address such as `http://orchestrator:7400`.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(address: &str) -> Result<Self, BadAddress> {
        let wrong = |why: String| BadAddress {
            address: address.to_owned(),
            why,
        };
        let endpoint =
            Endpoint::from_shared(address.to_owned()).map_err(|error| wrong(error.to_string()))?;
        if !matches!(endpoint.uri().scheme_str(), Some("http" | "https")) {
            return Err(wrong("it has no scheme that is spoken here".to_owned()));
        }
        let endpoint = endpoint
            .user_agent(build_info::USER_AGENT)
            .map_err(|error| wrong(error.to_string()))?
            .connect_timeout(ANSWER_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(ANSWER_TIMEOUT);
        Ok(Self {
            channel: endpoint
                .clone()
                .timeout(ANSWER_TIMEOUT)
                .concurrency_limit(MAX_CALLS)
                .connect_lazy(),
            patient: endpoint.connect_lazy(),
            upstream: Upstream::at(address).map_err(|error| wrong(error.to_string()))?,
            known: Arc::new(Mutex::new(LruCache::unbounded())),
        })
    }

    /// The history as the owner of `key` sees it; without a key, as a caller on this machine does.
    ///
    /// # Errors
    /// [`Error::Denied`] for a key with characters that no key has.
    pub fn history(&self, key: Option<&str>) -> Result<Arc<dyn History>, Error> {
        let client =
            RunServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER_BYTES);
        Ok(Arc::new(Grpc {
            client,
            key: Key::new(key)?,
        }))
    }

    /// Whether it answers.
    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// The connection, for other calls than the history's.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// A connection whose calls bound their own time.
    pub fn connection(&self) -> Channel {
        self.patient.clone()
    }

    fn held(&self, hash: &ContentHash) -> Option<Option<Principal>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(hash)
            .filter(|(at, _)| at.elapsed() < HELD_FOR)
            .map(|(_, principal)| principal.clone())
    }

    fn hold(&self, hash: ContentHash, principal: Option<Principal>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.put(hash, (Instant::now(), principal));
        if known.len() > HELD_KEYS {
            known.pop_lru();
        }
    }
}

#[async_trait]
impl Keys for Orchestrator {
    async fn principal(&self, key: &str) -> Result<Option<Principal>, KeysUnavailable> {
        let hash = ContentHash::of(key.as_bytes());
        if let Some(held) = self.held(&hash) {
            return Ok(held);
        }
        let unavailable = |why: &dyn std::fmt::Display| KeysUnavailable(why.to_string());
        let key = Key::new(Some(key)).map_err(|error| unavailable(&error))?;
        let request = key.on(WhoAmIRequest {});
        let mut client = AuthServiceClient::new(self.channel.clone());
        let principal = match client.who_am_i(request).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                let tenant = TenantId::new(answer.tenant).map_err(|error| unavailable(&error))?;
                let role = Role::parse(&answer.role)
                    .ok_or_else(|| unavailable(&format!("unknown role `{}`", answer.role)))?;
                Some(Principal {
                    tenant,
                    role,
                    by: answer.by,
                })
            }
            Err(status) if status.code() == Code::Unauthenticated => None,
            Err(status) => return Err(unavailable(&status.message())),
        };
        self.hold(hash, principal.clone());
        Ok(principal)
    }
}

/// A caller's key on the way on, and its call's place in a trace.
#[derive(Clone)]
pub(crate) struct Key {
    key: Option<MetadataValue<Ascii>>,
    place: Place,
}

impl Key {
    pub(crate) fn new(key: Option<&str>) -> Result<Self, Error> {
        let place = Place::current();
        let Some(key) = key else {
            return Ok(Self { key: None, place });
        };
        let mut value: MetadataValue<Ascii> = format!("Bearer {key}")
            .parse()
            .map_err(|_| Error::Denied("the api key has characters that no key has".to_owned()))?;
        value.set_sensitive(true);
        Ok(Self {
            key: Some(value),
            place,
        })
    }

    pub(crate) fn on<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(ANSWER_TIMEOUT);
        if let Some(key) = &self.key {
            request.metadata_mut().insert("authorization", key.clone());
        }
        self.place.on(request)
    }
}

struct Grpc {
    client: RunServiceClient<Channel>,
    key: Key,
}

#[async_trait]
impl History for Grpc {
    async fn events(&self, run: &RunId, after: u64) -> Result<Page, Error> {
        let request = ListEventsRequest {
            run_id: run.to_string(),
            after,
            limit: HISTORY_PAGE,
        };
        let answer = self.client.clone().list_events(self.key.on(request)).await;
        let answer = answer
            .map_err(|status| error(&status, Some(run)))?
            .into_inner();
        Ok(Page {
            events: answer.events,
            head: answer.head,
            at_rest: answer.at_rest,
        })
    }

    async fn changed(&self, since: Timestamp) -> Result<Vec<Changed>, Error> {
        let mut changed = Vec::new();
        let mut cursor = String::new();
        for _ in 0..CHANGED_PAGES {
            let request = ListChangedRequest {
                since: Some(since.into()),
                cursor,
            };
            let answer = self.client.clone().list_changed(self.key.on(request)).await;
            let answer = answer.map_err(|status| error(&status, None))?.into_inner();
            for row in answer.runs {
                match RunId::new(row.run_id) {
                    Ok(run) => changed.push(Changed {
                        run,
                        sequence: row.sequence,
                    }),
                    Err(error) => tracing::warn!(%error, "a changed run has no id"),
                }
            }
            cursor = answer.next_cursor;
            if cursor.is_empty() {
                return Ok(changed);
            }
        }
        Err(Error::TooMuch(since))
    }
}

fn error(status: &Status, run: Option<&RunId>) -> Error {
    let why = || status.message().to_owned();
    match (status.code(), run) {
        (Code::NotFound, Some(run)) => Error::NotFound(run.clone()),
        (
            Code::Cancelled
            | Code::Unknown
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::Internal
            | Code::Unavailable,
            _,
        ) => Error::Unavailable(why()),
        _ => Error::Denied(why()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_an_address_is_taken() {
        for bad in ["", "orchestrator", "ftp://a:1", "http://"] {
            assert!(Orchestrator::new(bad).is_err(), "{bad:?}");
        }
        assert!(Orchestrator::new("http://127.0.0.1:7400").is_ok());
    }

    #[tokio::test]
    async fn nobody_there_is_a_reason_to_ask_again() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        drop(listener);
        let orchestrator = Orchestrator::new(&address).expect("an address");
        let history = orchestrator.history(Some("k")).expect("a key");
        let run = RunId::new("r").expect("an id");
        assert!(matches!(
            history.events(&run, 0).await,
            Err(Error::Unavailable(_))
        ));
        assert!(matches!(
            history.changed(Timestamp(0)).await,
            Err(Error::Unavailable(_))
        ));
        assert!(orchestrator.principal("k").await.is_err());
    }

    #[test]
    fn what_no_repeat_cures_ends_the_stream() {
        let run = RunId::new("r").expect("an id");
        let of = |code| error(&Status::new(code, "why"), Some(&run));
        assert_eq!(of(Code::NotFound), Error::NotFound(run.clone()));
        for code in [
            Code::Unauthenticated,
            Code::PermissionDenied,
            Code::InvalidArgument,
            Code::DataLoss,
        ] {
            assert_eq!(of(code), Error::Denied("why".to_owned()), "{code:?}");
        }
        for code in [
            Code::Unavailable,
            Code::DeadlineExceeded,
            Code::ResourceExhausted,
        ] {
            assert_eq!(of(code), Error::Unavailable("why".to_owned()), "{code:?}");
        }
    }
}
