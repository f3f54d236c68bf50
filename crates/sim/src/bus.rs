//! The bus as one node reaches it: the in-memory bus behind a link that loses, delays, repeats and hides
//! what goes through it. Swallowing repeats by their id stays what the real bus does.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bus::{
    Bus, BusError, Envelope, Subject,
    port::{Delivery, EventFeed, From, Listen, Pull},
};
use bytes::Bytes;
use model::{ContentHash, JobId, RunId, limits::MAX_REQUEST_BYTES};
use tokio::time::{Instant, sleep, sleep_until};
use wire::job::v1::{self as proto, outcome::Result as Answer};

use crate::{draws::Draws, invariants, world::World};

/// Broadcasts of one subject that a node may lose in a row without losing its connection: heads go out
/// three times, and that is all the system asks of the bus.
const LOST_IN_A_ROW: u32 = 2;
/// Latest arrival of a late message, milliseconds.
const LATEST: u64 = 15_000;
/// Latest arrival of a late broadcast, milliseconds.
const LATEST_BROADCAST: u64 = 2_000;

/// One node's way to the bus.
pub(crate) struct Link {
    this: Weak<Self>,
    world: Arc<World>,
    node: String,
    draws: Draws,
    alive: AtomicBool,
    reconnects: AtomicU64,
    cut_until: Mutex<Instant>,
    /// Broadcasts lost in a row, by subject.
    lost: Mutex<BTreeMap<Subject, u32>>,
}

fn away() -> BusError {
    BusError::Unavailable("simulated".to_owned())
}

/// The job that a message of JOBS or OUTCOMES is about.
fn job_of(subject: &Subject) -> Option<JobId> {
    JobId::new(subject.as_str().rsplit('.').next()?).ok()
}

fn is_job(subject: &Subject) -> bool {
    subject.as_str().starts_with("jobs.")
}

fn is_outcome(subject: &Subject) -> bool {
    subject.as_str().starts_with("outcomes.")
}

impl Link {
    pub(crate) fn new(world: &Arc<World>, node: &str, life: u32) -> Arc<Self> {
        let link = Arc::new_cyclic(|this| Self {
            this: this.clone(),
            world: world.clone(),
            node: node.to_owned(),
            draws: world.draws(&format!("bus {node} {life}")),
            alive: AtomicBool::new(true),
            reconnects: AtomicU64::new(0),
            cut_until: Mutex::new(Instant::now()),
            lost: Mutex::default(),
        });
        world.connect(link.clone());
        link
    }

    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    /// The node is gone: nothing of it reaches the bus any more.
    pub(crate) fn close(&self) {
        self.alive.store(false, Ordering::Relaxed);
    }

    pub(crate) fn reconnected(&self) {
        self.reconnects.fetch_add(1, Ordering::Relaxed);
    }

    /// Nothing passes for a while.
    pub(crate) fn cut(&self, length: Duration) {
        *self
            .cut_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Instant::now() + length;
        self.reconnected();
    }

    /// Everything passes from now on.
    pub(crate) fn heal(&self) {
        let mut until = self
            .cut_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *until = (*until).min(Instant::now());
    }

    fn cut_until(&self) -> Option<Instant> {
        let until = *self
            .cut_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        (Instant::now() < until).then_some(until)
    }

    fn chance(&self, rate: f64) -> bool {
        self.world.stormy() && self.draws.chance(rate)
    }

    /// One way between node and bus; fails while the node is cut off.
    async fn way(&self) -> Result<(), BusError> {
        if !self.alive.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if self.cut_until().is_some() {
            sleep(Duration::from_millis(500)).await;
            return Err(away());
        }
        let way = self.draws.millis(0, self.world.weather.bus_latency);
        if !way.is_zero() {
            sleep(way).await;
        }
        Ok(())
    }

    /// A fault hit a message of a job, or of its outcome: it may have to be performed once more.
    fn excuse(&self, subject: &Subject) {
        if let Some(job) = job_of(subject) {
            self.world.log().excuse(&job);
        }
    }

    /// The bus hands this node a message.
    fn take(&self, envelope: &Envelope) {
        self.world
            .trace(format_args!("{} gets {}", self.node, envelope.subject));
        if is_job(&envelope.subject)
            && let Some(job) = job_of(&envelope.subject)
        {
            let mut log = self.world.log();
            log.taken.entry(self.node.clone()).or_default().insert(job);
        }
    }

    /// The bus is about to have this node's outcome of a job.
    fn answered(&self, subject: &Subject) {
        if is_outcome(subject)
            && let Some(job) = job_of(subject)
            && let Some(taken) = self.world.log().taken.get_mut(&self.node)
        {
            taken.remove(&job);
        }
    }

    /// Notes what a worker made, before the bus has a say.
    fn made(&self, envelope: &Envelope) {
        let Some((job, token, answer)) = outcome(envelope) else {
            return;
        };
        if let Answer::Product(product) = answer {
            let hash = if product.content_json.is_empty() {
                ContentHash::new(product.hash).ok()
            } else {
                Some(ContentHash::of(product.content_json.as_bytes()))
            };
            let made = &mut self.world.log().made;
            made.extend(hash.map(|hash| (job, token, hash)));
        }
    }
}

/// What an outcome says: its job, token and answer.
fn outcome(envelope: &Envelope) -> Option<(JobId, u64, Answer)> {
    if !is_outcome(&envelope.subject) {
        return None;
    }
    let outcome: proto::Outcome = wire::json::from_json(&envelope.body, MAX_REQUEST_BYTES).ok()?;
    Some((
        JobId::new(outcome.job_id).ok()?,
        outcome.token,
        outcome.result?,
    ))
}

/// Gives messages to the bus, and notes which outcomes it now keeps. After a job was handed back under a
/// token, the bus takes any outcome under that token for a repeat.
async fn give(world: &World, messages: Vec<Envelope>) -> Vec<Result<(), BusError>> {
    let mut kept = Vec::new();
    let mut handed_back = Vec::new();
    for message in &messages {
        world.trace(format_args!(
            "bus takes {} as {}",
            message.subject, message.id
        ));
        invariants::committed(world, message);
        if let Some((job, token, answer)) = outcome(message)
            && let Some(run) = run_of(message)
        {
            match answer {
                Answer::HandBack(_) => handed_back.push((job, token)),
                Answer::Product(_) | Answer::Failure(_) => kept.push((run, job, token)),
            }
        }
    }
    let results = world.bus.publish(messages).await;
    let mut log = world.log();
    let log = &mut *log;
    let repeats = &log.handed_back;
    log.kept.extend(
        kept.into_iter()
            .filter(|(_, job, token)| !repeats.contains(&(job.clone(), *token))),
    );
    log.handed_back.extend(handed_back);
    results
}

fn run_of(message: &Envelope) -> Option<RunId> {
    let outcome: proto::Outcome = wire::json::from_json(&message.body, MAX_REQUEST_BYTES).ok()?;
    RunId::new(outcome.run_id).ok()
}

/// What becomes of one message.
enum Fate {
    Taken,
    Lost,
    Late,
    Refused,
    TakenUnsaid,
}

#[async_trait]
impl Bus for Link {
    async fn publish(&self, messages: Vec<Envelope>) -> Vec<Result<(), BusError>> {
        for message in &messages {
            self.made(message);
        }
        if let Err(error) = self.way().await {
            return messages.iter().map(|_| Err(error.clone())).collect();
        }
        let weather = &self.world.weather;
        let mut taken = Vec::new();
        let mut results = Vec::with_capacity(messages.len());
        for message in messages {
            let fate = if self.chance(weather.publish_lost) {
                Fate::Lost
            } else if self.chance(weather.publish_late) {
                Fate::Late
            } else if !self.chance(weather.publish_unknown) {
                Fate::Taken
            } else if self.draws.chance(0.5) {
                Fate::Refused
            } else {
                Fate::TakenUnsaid
            };
            let answer = match fate {
                Fate::Taken | Fate::Lost | Fate::Late => Ok(()),
                Fate::Refused | Fate::TakenUnsaid => Err(away()),
            };
            if !matches!(fate, Fate::Refused) {
                self.world.log().given.insert(message.id.clone());
            }
            match fate {
                Fate::Taken | Fate::TakenUnsaid => {
                    self.answered(&message.subject);
                    taken.push(message);
                }
                Fate::Lost => {
                    self.world
                        .trace(format_args!("{} loses {}", self.node, message.id));
                    self.excuse(&message.subject);
                }
                Fate::Late => {
                    self.excuse(&message.subject);
                    let world = self.world.clone();
                    let late = self.draws.millis(0, LATEST);
                    tokio::spawn(async move {
                        sleep(late).await;
                        give(&world, vec![message]).await;
                    });
                }
                Fate::Refused => {}
            }
            results.push(answer);
        }
        give(&self.world, taken).await;
        match self.way().await {
            Ok(()) => results,
            Err(error) => results.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn pull(&self, queue: &Subject) -> Result<Box<dyn Pull>, BusError> {
        self.way().await?;
        let inner = self.world.bus.pull(queue).await?;
        Ok(Box::new(Puller {
            inner,
            link: self.this.clone(),
        }))
    }

    async fn holds(&self, subject: &Subject) -> Result<bool, BusError> {
        self.way().await?;
        let holds = self.world.bus.holds(subject).await;
        self.way().await?;
        holds
    }

    async fn purge(&self, subject: &Subject) -> Result<(), BusError> {
        self.way().await?;
        if self.chance(self.world.weather.publish_unknown) {
            return Err(away());
        }
        self.world.bus.purge(subject).await
    }

    async fn broadcast(&self, subject: &Subject, body: Bytes) -> Result<(), BusError> {
        self.way().await?;
        let weather = &self.world.weather;
        let lose = self.chance(weather.broadcast_lost);
        let lost = {
            let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
            let row = lost.entry(subject.clone()).or_default();
            *row = if lose && *row < LOST_IN_A_ROW {
                *row + 1
            } else {
                0
            };
            *row > 0
        };
        if lost {
            return Ok(());
        }
        if self.chance(weather.broadcast_late) {
            let (world, subject) = (self.world.clone(), subject.clone());
            let late = self.draws.millis(0, LATEST_BROADCAST);
            tokio::spawn(async move {
                sleep(late).await;
                // The in-memory bus refuses only what is too large, which would have shown at once.
                drop(world.bus.broadcast(&subject, body).await);
            });
            return Ok(());
        }
        self.world.bus.broadcast(subject, body).await
    }

    async fn listen(&self, subject: &Subject) -> Result<Box<dyn Listen>, BusError> {
        self.way().await?;
        Ok(Box::new(Ear {
            inner: self.world.bus.listen(subject).await?,
            link: self.this.clone(),
        }))
    }

    async fn events(&self, subject: &Subject, from: From) -> Result<Box<dyn EventFeed>, BusError> {
        self.way().await?;
        Ok(Box::new(Feed {
            inner: self.world.bus.events(subject, from).await?,
            link: self.this.clone(),
        }))
    }

    fn reconnects(&self) -> u64 {
        self.reconnects.load(Ordering::Relaxed)
    }
}

struct Puller {
    inner: Box<dyn Pull>,
    link: Weak<Link>,
}

#[async_trait]
impl Pull for Puller {
    async fn next(&mut self, max: usize) -> Result<Vec<Box<dyn Delivery>>, BusError> {
        let link = self.link.upgrade().ok_or_else(away)?;
        link.way().await?;
        let deliveries = self.inner.next(max).await?;
        if link.cut_until().is_some() {
            // They come again after their wait.
            return Err(away());
        }
        Ok(deliveries
            .into_iter()
            .map(|inner| -> Box<dyn Delivery> {
                link.take(inner.envelope());
                Box::new(Delivered {
                    inner,
                    link: link.clone(),
                })
            })
            .collect())
    }
}

struct Delivered {
    inner: Box<dyn Delivery>,
    link: Arc<Link>,
}

#[async_trait]
impl Delivery for Delivered {
    fn envelope(&self) -> &Envelope {
        self.inner.envelope()
    }

    async fn ack(&self) -> Result<(), BusError> {
        let subject = &self.envelope().subject;
        if let Err(error) = self.link.way().await {
            self.link.excuse(subject);
            return Err(error);
        }
        if self.link.chance(self.link.world.weather.ack_forgotten) {
            self.link.excuse(subject);
            return Ok(());
        }
        self.inner.ack().await
    }

    async fn nak(&self, delay: Duration) -> Result<(), BusError> {
        self.link.way().await?;
        self.inner.nak(delay).await
    }
}

struct Ear {
    inner: Box<dyn Listen>,
    link: Weak<Link>,
}

#[async_trait]
impl Listen for Ear {
    async fn next(&mut self) -> Option<(Subject, Bytes)> {
        loop {
            let heard = self.inner.next().await?;
            // What comes while the node is cut off is missed.
            if self.link.upgrade()?.cut_until().is_none() {
                return Some(heard);
            }
        }
    }
}

struct Feed {
    inner: Box<dyn EventFeed>,
    link: Weak<Link>,
}

#[async_trait]
impl EventFeed for Feed {
    async fn next(&mut self) -> Result<(u64, Envelope), BusError> {
        let link = self.link.upgrade().ok_or_else(away)?;
        if let Some(until) = link.cut_until() {
            sleep_until(until).await;
        }
        self.inner.next().await
    }
}
