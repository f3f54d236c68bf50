//! What those who watch wait for: the next job after an outcome, an event after its commit, the first event
//! after a submit.
//!
//! The moments are taken at one listener on the bus beside the product. What a message needs to come to the
//! bus is one hop, which the floor has measured.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use futures::{StreamExt, future::try_join_all};
use tokio::{sync::mpsc, task::JoinHandle};
use wire::events::v1::{SubscribeRequest, subscribe_response::What};

use super::{load::Latencies, pipeline, product, results::Results};
use crate::{
    brief,
    stack::{Events, channel},
};

/// Subscribers at once, and how many share a connection.
const SUBSCRIBERS: usize = 1_000;
const PER_CONNECTION: usize = 50;
/// Only a failure takes so long.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs watched in each way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Samples {
    pub(super) runs: usize,
    /// With all subscribers.
    pub(super) crowded: usize,
}

/// From an outcome on the bus to the next job there, as one pipeline after another goes on: `handoff.*`.
pub(super) async fn handoffs(
    pipeline: &pipeline::Client,
    nats: &str,
    samples: Samples,
    results: &mut Results,
) -> anyhow::Result<()> {
    let client = async_nats::connect(nats).await?;
    let mut jobs = client.subscribe("jobs.>").await?;
    let mut outcomes = client.subscribe("outcomes.>").await?;
    client.flush().await?;
    let mut taken = Vec::new();
    for _ in 0..samples.runs {
        let (run, ended) = (pipeline.run(), Instant::now() + LIMIT);
        tokio::pin!(run);
        let mut outcome: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                Some(_) = outcomes.next() => outcome = Some(Instant::now()),
                Some(_) = jobs.next() => taken.extend(outcome.take().map(|at| at.elapsed())),
                done = &mut run => break done?,
                () = tokio::time::sleep_until(ended.into()) => anyhow::bail!("a pipeline does not end"),
            }
        }
    }
    ensure!(!taken.is_empty(), "no job was heard on the bus");
    let latencies = Latencies::new(taken);
    for (name, share, commit, hop) in [
        ("p50", 0.5, "floor.commit_ms_1", "floor.hop_ms"),
        ("p99", 0.99, "floor.commit_p99_ms_1", "floor.hop_p99_ms"),
    ] {
        let time = latencies.within(share);
        let floor = results.get(commit).zip(results.get(hop));
        let (commit, hop) = floor.context("the floor was not measured")?;
        results.set(&format!("handoff.{name}_ms"), time);
        results.set(&format!("handoff.{name}_vs_floor"), time / (commit + hop));
    }
    Ok(())
}

/// An event by its run and number.
type Place = (String, u64);
/// What a subscriber was sent, and when.
type Came = Vec<(Place, Instant)>;

/// When each event was on the bus.
#[derive(Clone, Default)]
struct OnBus(Arc<Mutex<HashMap<Place, Instant>>>);

impl OnBus {
    async fn listen(nats: &str) -> anyhow::Result<(Self, JoinHandle<()>)> {
        let client = async_nats::connect(nats).await?;
        let mut events = client.subscribe("ev.>").await?;
        client.flush().await?;
        let heard = Self::default();
        let places = heard.clone();
        let task = tokio::spawn(async move {
            let _client = client;
            while let Some(event) = events.next().await {
                let now = Instant::now();
                if let Some(place) = place(&event) {
                    places.lock().entry(place).or_insert(now);
                }
            }
        });
        Ok((heard, task))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Place, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An event's message is named `<run>.<sequence>`.
fn place(message: &async_nats::Message) -> Option<Place> {
    let id = message.headers.as_ref()?.get("Nats-Msg-Id")?.as_str();
    let (run, sequence) = id.rsplit_once('.')?;
    Some((run.to_owned(), sequence.parse().ok()?))
}

/// From an event's commit to its subscribers, one and a thousand of them: `events.*`; and from the answer to
/// a submit to the first event: `first_event_ms`.
pub(super) async fn events(
    product: &product::Client,
    gateway: &str,
    nats: &str,
    samples: Samples,
    results: &mut Results,
) -> anyhow::Result<()> {
    first_events(product, gateway, samples.runs, results).await?;
    let hop = results.get("floor.hop_ms").context("no hop was measured")?;
    let alone = watched(product, gateway, nats, 1, samples.runs).await?;
    let p50 = alone.within(0.5) + hop;
    results.set("events.p50_ms", p50);
    results.set("events.p50_vs_hop", p50 / hop);
    let crowd = watched(product, gateway, nats, SUBSCRIBERS, samples.crowded).await?;
    results.set("events.p99_ms_1000_subscribers", crowd.within(0.99) + hop);
    Ok(())
}

async fn first_events(
    product: &product::Client,
    gateway: &str,
    runs: usize,
    results: &mut Results,
) -> anyhow::Result<()> {
    let mut events = Events::new(channel(gateway)?);
    let mut taken = Vec::with_capacity(runs);
    for _ in 0..runs {
        let run_id = product.submit().await?;
        let answered = Instant::now();
        let request = SubscribeRequest {
            run_id: run_id.clone(),
            ..SubscribeRequest::default()
        };
        let mut stream = events.subscribe(request).await?.into_inner();
        let first = stream
            .message()
            .await?
            .context("the stream ended at once")?;
        ensure!(
            matches!(first.what, Some(What::Event(_))),
            "the first response is no event"
        );
        taken.push(answered.elapsed());
        product.rested(&run_id).await?;
    }
    results.set("first_event_ms", Latencies::new(taken).within(0.5));
    Ok(())
}

/// How long the events of `runs` campaigns, one after another, took from the bus to each subscriber.
async fn watched(
    product: &product::Client,
    gateway: &str,
    nats: &str,
    subscribers: usize,
    runs: usize,
) -> anyhow::Result<Latencies> {
    let (on_bus, listener) = OnBus::listen(nats).await?;
    let connections = (0..subscribers.div_ceil(PER_CONNECTION))
        .map(|_| Ok(Events::new(channel(gateway)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let streams = try_join_all((0..subscribers).map(|subscriber| {
        let mut events = connections[subscriber / PER_CONNECTION].clone();
        async move {
            anyhow::Ok(
                events
                    .subscribe(SubscribeRequest::default())
                    .await?
                    .into_inner(),
            )
        }
    }))
    .await?;
    let (ended, mut ends) = mpsc::channel(subscribers);
    let watchers: Vec<JoinHandle<anyhow::Result<Came>>> = streams
        .into_iter()
        .map(|mut stream| {
            let ended = ended.clone();
            tokio::spawn(async move {
                let (mut came, mut rested) = (Vec::new(), 0);
                while rested < runs {
                    let message = tokio::time::timeout(LIMIT, stream.message()).await;
                    let message = message.context("a subscriber waits in vain")??;
                    match message.context("a stream ended")?.what {
                        Some(What::Event(event)) => {
                            came.push(((event.run_id, event.sequence), Instant::now()));
                            if event.at_rest {
                                rested += 1;
                                ended.send(()).await?;
                            }
                        }
                        Some(What::Heartbeat(_)) => {}
                        other => anyhow::bail!("a subscriber was told {other:?}"),
                    }
                }
                Ok(came)
            })
        })
        .collect();
    drop(ended);
    for _ in 0..runs {
        product.campaign().await?;
        // How late an event comes is asked, not how many come through: the next run waits for the last reader.
        for _ in 0..subscribers {
            if ends.recv().await.is_none() {
                break;
            }
        }
    }
    let mut taken = Vec::new();
    for watcher in watchers {
        let came = watcher.await??;
        let sent = on_bus.lock();
        // A gateway may be quicker than the listener.
        taken.extend(
            came.into_iter()
                .filter_map(|(place, at)| Some(at.saturating_duration_since(*sent.get(&place)?))),
        );
    }
    listener.abort();
    let events = taken.len() / subscribers;
    ensure!(
        events >= runs * 10,
        "only {events} events of {runs} runs were heard on the bus"
    );
    Ok(Latencies::new(taken))
}

impl product::Client {
    pub(super) async fn submit(&self) -> anyhow::Result<String> {
        let request = brief::request("bench", "parallel");
        let submitted = self.clients.campaigns.clone().submit(request).await?;
        Ok(submitted.into_inner().run_id)
    }

    async fn rested(&self, run: &str) -> anyhow::Result<()> {
        self.rests.of(run).await
    }
}
