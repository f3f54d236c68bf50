//! A subscriber to one run's events: it takes each once, in order, and comes back after it was cut off
//! or went away by itself.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use tonic::Code;
use wire::events::v1::{Event, SubscribeRequest, subscribe_response::What};

use crate::stack::{Events, LIMIT};

/// The pause before a subscriber comes back.
const PAUSE: Duration = Duration::from_millis(100);
/// Most events that a restless subscriber takes before it goes away.
const MAX_STAY: u64 = 4;

/// When a subscriber goes away by itself.
pub enum Habit {
    /// Never.
    Stays,
    /// After a few events, drawn anew each time.
    Leaves(Box<ChaCha8Rng>),
}

/// One subscriber.
pub struct Follower {
    /// What it was sent so far: 1, 2, 3 …
    pub events: Vec<Event>,
    /// How often it had to come back, or chose to.
    pub returns: u64,
    run_id: String,
    gateway: Events,
    habit: Habit,
    seen: Option<Arc<watch::Sender<u64>>>,
}

impl Follower {
    /// A subscriber to a run from its first event on.
    #[must_use]
    pub fn new(gateway: Events, run_id: &str, habit: Habit) -> Self {
        Self {
            events: Vec::new(),
            returns: 0,
            run_id: run_id.to_owned(),
            gateway,
            habit,
            seen: None,
        }
    }

    /// The same, counting each event in `seen`.
    #[must_use]
    pub fn counted(mut self, seen: Arc<watch::Sender<u64>>) -> Self {
        self.seen = Some(seen);
        self
    }

    /// Follows until the run is at rest.
    ///
    /// # Errors
    /// When an event is missing, repeated or out of order, the gateway refuses, or it takes too long.
    pub async fn to_rest(&mut self) -> anyhow::Result<()> {
        self.until(|events| events.last().is_some_and(|last| last.at_rest))
            .await
    }

    /// Follows until it has as many events.
    ///
    /// # Errors
    /// As [`Follower::to_rest`].
    pub async fn to(&mut self, count: usize) -> anyhow::Result<()> {
        self.until(|events| events.len() >= count).await
    }

    async fn until(&mut self, enough: impl Fn(&[Event]) -> bool) -> anyhow::Result<()> {
        let whole = async {
            while !enough(&self.events) {
                if self.subscribe(&enough).await? {
                    return Ok(());
                }
                self.returns += 1;
                tokio::time::sleep(PAUSE).await;
            }
            anyhow::Ok(())
        };
        match tokio::time::timeout(LIMIT, whole).await {
            Ok(result) => result,
            Err(_) => bail!(
                "the subscriber to run {} has {} events after {LIMIT:?}, and that is not all",
                self.run_id,
                self.events.len()
            ),
        }
    }

    /// One stream, until it is enough (true) or the stream is over for whatever reason.
    async fn subscribe(&mut self, enough: &impl Fn(&[Event]) -> bool) -> anyhow::Result<bool> {
        let mut stay = match &mut self.habit {
            Habit::Stays => u64::MAX,
            Habit::Leaves(rng) => rng.random_range(1..=MAX_STAY),
        };
        let request = SubscribeRequest {
            run_id: self.run_id.clone(),
            after: self.events.len() as u64,
            ..SubscribeRequest::default()
        };
        let mut stream = match self.gateway.subscribe(request).await {
            Ok(stream) => stream.into_inner(),
            Err(status) => return gone(&status),
        };
        loop {
            let response = match stream.message().await {
                Ok(Some(response)) => response,
                Ok(None) => return Ok(false),
                Err(status) => return gone(&status),
            };
            match response.what.context("a response says nothing")? {
                What::Event(event) => self.take(event)?,
                What::Heartbeat(_) | What::Delta(_) => continue,
                What::Lagged(_) | What::Closing(_) => return Ok(false),
            }
            if enough(&self.events) {
                return Ok(true);
            }
            stay -= 1;
            if stay == 0 {
                return Ok(false);
            }
        }
    }

    fn take(&mut self, event: Event) -> anyhow::Result<()> {
        let wanted = self.events.len() as u64 + 1;
        if event.sequence != wanted || event.run_id != self.run_id {
            bail!(
                "event {wanted} of run {} was due, event {} of run {} came",
                self.run_id,
                event.sequence,
                event.run_id
            );
        }
        self.events.push(event);
        if let Some(seen) = &self.seen {
            seen.send_modify(|count| *count += 1);
        }
        Ok(())
    }
}

/// A gateway that was killed, or has lost its orchestrator, is waited for; a refusal is none.
fn gone(status: &tonic::Status) -> anyhow::Result<bool> {
    match status.code() {
        Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal => Ok(false),
        _ => bail!("the gateway refuses: {status}"),
    }
}
