//! What happened: events of runs, the history that tells them, and the bus that may not.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bus::{Bus, Envelope, Memory, Subject};
use event_gateway::{
    feed::Feed,
    history::{Changed, Error, History, Page},
};
use model::{RunId, TenantId, Timestamp};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;
use wire::{
    events::v1::Event,
    job::v1::{Head, Heads},
};

/// Small, so that longer runs take several pages.
const PAGE: usize = 3;

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("an id")
}

pub(crate) fn run(name: &str) -> RunId {
    RunId::new(name).expect("an id")
}

type Runs = BTreeMap<(TenantId, RunId), Vec<Event>>;

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) bus: Memory,
    pub(crate) feed: Feed,
    runs: Arc<Mutex<Runs>>,
    down: Arc<AtomicBool>,
    began: (Instant, Timestamp),
}

/// A world in which the gateway hears the bus, and what stops it.
pub(crate) struct Ear {
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Ear {
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("no panic").expect("stopped");
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            bus: Memory::new(),
            feed: Feed::default(),
            runs: Arc::default(),
            down: Arc::default(),
            began: (Instant::now(), service::clock::now()),
        }
    }

    /// A feed on the bus; it hears when this returns.
    pub(crate) async fn listen(&self) -> Ear {
        let mut heard = self.feed.subscribe();
        let stop = CancellationToken::new();
        let task = tokio::spawn(
            self.feed
                .clone()
                .run(Arc::new(self.bus.clone()), stop.clone()),
        );
        heard.recv().await.expect("it says that it has begun");
        Ear { stop, task }
    }

    /// The same past on a new bus, which has forgotten everything.
    pub(crate) fn with_new_bus(&self) -> Self {
        Self {
            bus: Memory::new(),
            feed: Feed::default(),
            ..self.clone()
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.began.1.after(self.began.0.elapsed())
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().expect("not poisoned")
    }

    /// Whether the orchestrator answers.
    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    /// The run's next event, in the store alone.
    pub(crate) fn commit(&self, tenant: &TenantId, run: &RunId, kind: &str) -> Event {
        let mut runs = self.runs();
        let events = runs.entry((tenant.clone(), run.clone())).or_default();
        let sequence = events.len() as u64 + 1;
        let event = Event {
            id: format!("{run}.{sequence}"),
            run_id: run.to_string(),
            sequence,
            r#type: kind.to_owned(),
            state: "running".to_owned(),
            tenant: tenant.to_string(),
            workflow: "campaign".to_owned(),
            time: Some(self.now().into()),
            at_rest: kind == "ended",
            ..Event::default()
        };
        events.push(event.clone());
        event
    }

    /// On the bus, under an id of the message's own, so that a repeat is not swallowed there.
    pub(crate) async fn publish_as(&self, event: &Event, id: &str) {
        let envelope = Envelope {
            subject: Subject::events(&tenant(&event.tenant), &run(&event.run_id)),
            id: id.to_owned(),
            kind: "pressrun.events.v1.Event".to_owned(),
            traceparent: String::new(),
            signature: String::new(),
            body: wire::json::to_json(event).expect("JSON").into(),
        };
        for taken in self.bus.publish(vec![envelope]).await {
            taken.expect("taken");
        }
    }

    pub(crate) async fn publish(&self, event: &Event) {
        self.publish_as(event, &event.id).await;
    }

    /// Both, as it mostly is.
    pub(crate) async fn happen(&self, tenant: &TenantId, run: &RunId, kind: &str) -> Event {
        let event = self.commit(tenant, run, kind);
        self.publish(&event).await;
        event
    }

    /// Says how far every run is.
    pub(crate) async fn heads(&self) {
        let heads: Vec<_> = self
            .runs()
            .iter()
            .map(|((tenant, run), events)| Head {
                tenant: tenant.to_string(),
                run_id: run.to_string(),
                sequence: events.len() as u64,
            })
            .collect();
        let body = wire::json::to_json(&Heads { heads }).expect("JSON");
        self.bus
            .broadcast(&Subject::heads(), body.into())
            .await
            .expect("sent");
    }

    pub(crate) fn history(&self, tenant: &TenantId) -> Arc<dyn History> {
        Arc::new(Recorded {
            world: self.clone(),
            tenant: tenant.clone(),
        })
    }
}

/// Until everyone has nothing to do at this moment; time is paused.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

struct Recorded {
    world: World,
    tenant: TenantId,
}

impl Recorded {
    fn answers(&self) -> Result<(), Error> {
        if self.world.down.load(Ordering::Relaxed) {
            return Err(Error::Unavailable("it is down".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl History for Recorded {
    async fn events(&self, run: &RunId, after: u64) -> Result<Page, Error> {
        self.answers()?;
        // A call over the network lets others go first.
        tokio::task::yield_now().await;
        let runs = self.world.runs();
        let events = runs
            .get(&(self.tenant.clone(), run.clone()))
            .ok_or_else(|| Error::NotFound(run.clone()))?;
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        Ok(Page {
            events: events.iter().skip(after).take(PAGE).cloned().collect(),
            head: events.len() as u64,
            at_rest: events.last().is_some_and(|event| event.at_rest),
        })
    }

    async fn changed(&self, since: Timestamp) -> Result<Vec<Changed>, Error> {
        self.answers()?;
        tokio::task::yield_now().await;
        let runs = self.world.runs();
        let changed = runs.iter().filter(|((tenant, _), events)| {
            let updated = events
                .last()
                .and_then(|event| event.time)
                .map(Timestamp::from);
            *tenant == self.tenant && updated.is_some_and(|updated| updated >= since)
        });
        Ok(changed
            .map(|((_, run), events)| Changed {
                run: run.clone(),
                sequence: events.len() as u64,
            })
            .collect())
    }
}
