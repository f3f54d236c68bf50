//! One client's stream, whatever transport carries it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ::service::{
    auth::Principal,
    clock,
    metric::{self, label},
};
use bus::Bus;
use model::{TenantId, validate::Problem};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Interval, MissedTickBehavior},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Status;
use wire::{
    events::v1::{Delta, Event},
    problem,
};

use crate::{
    feed::Feed,
    filter::Filter,
    follow::{End, Follower},
    history::grpc::Orchestrator,
    limits::{CLIENT_PATIENCE, CLIENT_QUEUE, HEARTBEAT, MAX_STREAMS, MAX_STREAMS_PER_TENANT},
    live::Live,
    many::{Looks, Many, Passed},
    outlet::Outlet,
    request::{Of, Wish},
    resume::Position,
};

/// What a client gets.
#[derive(Debug)]
pub enum Item {
    /// An event; with where to resume a stream over many runs.
    Event {
        /// The event.
        event: Box<Event>,
        /// The token, for a stream over many runs.
        resume: Option<String>,
    },
    /// What an agent is writing, for who asked for it.
    Delta(Box<Delta>),
    /// Nothing that the client wants happened for a while.
    Heartbeat {
        /// The token, for a stream over many runs.
        resume: Option<String>,
    },
    /// The client read too slowly and is cut; it may resume from here.
    Lagged(Resume),
    /// The gateway stops; the client connects again and resumes from here.
    Closing(Resume),
    /// The stream broke.
    Failed(Status),
}

/// Where a cut client resumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resume {
    /// One run: after this number.
    After(u64),
    /// Many runs: with this token.
    Token(String),
}

impl Resume {
    /// As clients get it in JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::After(after) => serde_json::json!({ "after": after }),
            Self::Token(token) => serde_json::json!({ "resume": token }),
        }
    }
}

/// Opens streams; cheap to clone.
#[derive(Clone)]
pub struct Streams {
    feed: Feed,
    bus: Arc<dyn Bus>,
    orchestrator: Orchestrator,
    open: Arc<Mutex<Open>>,
    looks: Arc<Looks>,
    tasks: TaskTracker,
    closing: CancellationToken,
    heartbeat: Duration,
    patience: Duration,
}

impl Streams {
    /// Streams of what `feed` hears and the orchestrator remembers.
    pub fn new(feed: Feed, bus: Arc<dyn Bus>, orchestrator: Orchestrator) -> Self {
        Self {
            feed,
            bus,
            orchestrator,
            open: Arc::default(),
            looks: Arc::default(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            heartbeat: HEARTBEAT,
            patience: CLIENT_PATIENCE,
        }
    }

    /// The same with another heartbeat, and cutting who takes nothing for `patience`.
    #[must_use]
    pub fn at(self, heartbeat: Duration, patience: Duration) -> Self {
        Self {
            heartbeat,
            patience,
            ..self
        }
    }

    /// Opens a stream for `caller`, who calls with `key`.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` when too many are open; `NOT_FOUND` and the like for a run that the caller cannot
    /// read; `INVALID_ARGUMENT` for a number that the run has not reached; `UNAVAILABLE` when the orchestrator
    /// does not answer.
    pub async fn open(
        &self,
        caller: &Principal,
        key: Option<&str>,
        wish: Wish,
        transport: &'static str,
    ) -> Result<Stream, Status> {
        if self.closing.is_cancelled() {
            return Err(Status::unavailable("the gateway stops; connect again"));
        }
        let seat = Seat::take(&self.open, &caller.tenant, transport)?;
        let history = self.orchestrator.history(key)?;
        let source = match wish.of {
            Of::Run {
                run,
                after,
                until_rest,
                live,
            } => {
                let mut follower = Follower::new(
                    &self.feed,
                    history,
                    caller.tenant.clone(),
                    run.clone(),
                    after,
                );
                if let Some(head) = follower.check().await?
                    && head < after
                {
                    return Err(problem::invalid(vec![Problem {
                        path: "after".to_owned(),
                        message: format!("is {after}, but the run has {head} events"),
                    }]));
                }
                let live = if live {
                    Live::open(&self.bus, &self.tasks, &caller.tenant, &run).await?
                } else {
                    Live::default()
                };
                let (client, queue) = Outlet::new(CLIENT_QUEUE, self.patience);
                Source {
                    queue: Queue::One(queue, after),
                    live,
                    task: Some(self.tasks.spawn(follower.run(client, until_rest))),
                }
            }
            Of::Tenant(resume) => {
                let bus = Arc::clone(&self.bus);
                let tenant = caller.tenant.clone();
                let mut many = Many::new(&self.feed, bus, history, tenant, clock::now(), resume);
                many.begin(&self.looks).await?;
                let position = Box::new(many.position());
                let (client, queue) = Outlet::new(CLIENT_QUEUE, self.patience);
                Source {
                    queue: Queue::Many(queue, position),
                    live: Live::default(),
                    task: Some(self.tasks.spawn(many.run(client))),
                }
            }
        };
        Ok(Stream::new(source, wish.filter, seat, self))
    }

    /// Tells every client where to resume, and opens no more.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// What [`Streams::drained`] waits for: a transport puts its own tasks there too.
    pub(crate) fn tasks(&self) -> TaskTracker {
        self.tasks.clone()
    }

    /// Waits until the last stream has ended; there must be no new ones.
    pub async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A client's stream. Dropping it ends it.
pub struct Stream {
    source: Source,
    filter: Filter,
    heartbeat: Interval,
    /// A stream over many runs begins with its position, so that a client that is cut before its first event
    /// knows where it was.
    begun: bool,
    closing: CancellationToken,
    closed: bool,
    _seat: Seat,
}

struct Source {
    queue: Queue,
    live: Live,
    /// None once its end was told.
    task: Option<JoinHandle<End>>,
}

/// Events for the client, and where it stands after those that it took.
enum Queue {
    One(mpsc::Receiver<Event>, u64),
    Many(mpsc::Receiver<Passed>, Box<Position>),
}

impl Queue {
    /// May be dropped at any await.
    async fn next(&mut self) -> Option<Event> {
        match self {
            Self::One(queue, after) => {
                let event = queue.recv().await?;
                *after = event.sequence;
                Some(event)
            }
            Self::Many(queue, at) => {
                let Passed { event, position } = queue.recv().await?;
                **at = position;
                Some(event)
            }
        }
    }

    fn resume(&self) -> Resume {
        match self {
            Self::One(_, after) => Resume::After(*after),
            Self::Many(_, position) => Resume::Token(position.token()),
        }
    }

    fn token(&self) -> Option<String> {
        match self.resume() {
            Resume::After(_) => None,
            Resume::Token(token) => Some(token),
        }
    }
}

impl Stream {
    fn new(source: Source, filter: Filter, seat: Seat, of: &Streams) -> Self {
        let mut heartbeat = tokio::time::interval(of.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick of an interval is at once.
        heartbeat.reset();
        Self {
            source,
            filter,
            heartbeat,
            begun: false,
            closing: of.closing.clone(),
            closed: false,
            _seat: seat,
        }
    }

    /// Where the client stands.
    pub fn resume(&self) -> Resume {
        self.source.queue.resume()
    }

    /// What comes next; none after the end. May be dropped at any await.
    pub async fn next(&mut self) -> Option<Item> {
        if !std::mem::replace(&mut self.begun, true)
            && let Some(token) = self.source.queue.token()
        {
            return Some(Item::Heartbeat {
                resume: Some(token),
            });
        }
        if self.closed {
            return None;
        }
        loop {
            let event = tokio::select! {
                biased;
                () = self.closing.cancelled() => {
                    self.closed = true;
                    return Some(Item::Closing(self.resume()));
                }
                event = self.source.queue.next() => event,
                delta = self.source.live.next() => {
                    metrics::counter!(metric::STREAM_DELTAS).increment(1);
                    return Some(Item::Delta(Box::new(delta)));
                }
                _ = self.heartbeat.tick() => return Some(Item::Heartbeat { resume: self.source.queue.token() }),
            };
            let Some(event) = event else {
                return self.source.end().await;
            };
            if self.filter.wants(&event) {
                self.heartbeat.reset();
                metrics::counter!(metric::STREAM_EVENTS).increment(1);
                return Some(Item::Event {
                    event: Box::new(event),
                    resume: self.source.queue.token(),
                });
            }
        }
    }

    /// All of it, for a transport.
    pub fn items(self) -> impl futures::Stream<Item = Item> + Send + 'static {
        futures::stream::unfold(self, async |mut stream| {
            Some((stream.next().await?, stream))
        })
    }
}

impl Source {
    /// Why there are no more events, told once.
    async fn end(&mut self) -> Option<Item> {
        let end = self.task.as_mut()?.await;
        self.task = None;
        match end {
            Ok(End::ClientGone | End::AtRest) => None,
            Ok(End::Lagged { .. }) => {
                metrics::counter!(metric::STREAM_LAGGED).increment(1);
                Some(Item::Lagged(self.queue.resume()))
            }
            Ok(End::Failed(error)) => Some(Item::Failed(error.into())),
            Err(error) => {
                tracing::error!(%error, "a stream's task failed");
                Some(Item::Failed(Status::internal(
                    "the stream broke; connect again and resume",
                )))
            }
        }
    }
}

/// Streams that are open.
#[derive(Default)]
struct Open {
    all: usize,
    by_tenant: BTreeMap<TenantId, usize>,
}

/// A stream's place among the open ones, given back however it ends.
struct Seat {
    open: Arc<Mutex<Open>>,
    tenant: TenantId,
    transport: &'static str,
}

impl Seat {
    fn take(
        open: &Arc<Mutex<Open>>,
        tenant: &TenantId,
        transport: &'static str,
    ) -> Result<Self, Status> {
        let mut now = open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = now.by_tenant.get(tenant).copied().unwrap_or(0);
        let full = if now.all >= MAX_STREAMS {
            Some(format!("{MAX_STREAMS} streams are open; try again later"))
        } else if own >= MAX_STREAMS_PER_TENANT {
            Some(format!(
                "the tenant has {MAX_STREAMS_PER_TENANT} streams open; close some"
            ))
        } else {
            None
        };
        if let Some(why) = full {
            metrics::counter!(metric::CALLS_REFUSED, label::REASON => "overload").increment(1);
            return Err(Status::resource_exhausted(why));
        }
        now.all += 1;
        now.by_tenant.insert(tenant.clone(), own + 1);
        metrics::gauge!(metric::STREAM_CLIENTS, label::TRANSPORT => transport).increment(1.0);
        Ok(Self {
            open: Arc::clone(open),
            tenant: tenant.clone(),
            transport,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut now = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        now.all = now.all.saturating_sub(1);
        let own = now.by_tenant.get(&self.tenant).copied().unwrap_or(0);
        if own > 1 {
            now.by_tenant.insert(self.tenant.clone(), own - 1);
        } else {
            now.by_tenant.remove(&self.tenant);
        }
        metrics::gauge!(metric::STREAM_CLIENTS, label::TRANSPORT => self.transport).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_for_each_tenant_and_given_back() {
        let open = Arc::default();
        let (one, two) = (
            TenantId::new("one").expect("an id"),
            TenantId::new("two").expect("an id"),
        );
        let mut seats: Vec<_> = (0..MAX_STREAMS_PER_TENANT)
            .map(|_| Seat::take(&open, &one, "sse").expect("a place"))
            .collect();
        let full = Seat::take(&open, &one, "sse").err().expect("no place");
        assert_eq!(full.code(), tonic::Code::ResourceExhausted);
        let other = Seat::take(&open, &two, "sse").expect("another tenant has places of its own");
        seats.pop();
        seats.push(Seat::take(&open, &one, "sse").expect("given back"));
        drop((seats, other));
        let open = open.lock().expect("not poisoned");
        assert_eq!((open.all, open.by_tenant.len()), (0, 0));
    }

    #[test]
    fn places_are_bounded_in_all() {
        let open = Arc::default();
        let seats: Vec<_> = (0..MAX_STREAMS)
            .map(|n| {
                let tenant = TenantId::new(format!("t{}", n % 10)).expect("an id");
                Seat::take(&open, &tenant, "grpc").expect("a place")
            })
            .collect();
        let tenant = TenantId::new("another").expect("an id");
        assert!(Seat::take(&open, &tenant, "grpc").is_err());
        drop(seats);
        assert!(Seat::take(&open, &tenant, "grpc").is_ok());
    }
}
