//! Offering work: one run after another, or always so many at once.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

/// Size of the texts that are stored and sent without the product: about 2 KB, yet small enough for
/// Postgres to keep a row with it in one piece.
const TEXT: usize = 1_900;

/// A text that no compression makes smaller.
pub(super) fn text() -> String {
    use rand::{Rng, distr::Alphanumeric};
    let letters = rand::rng().sample_iter(Alphanumeric);
    letters.take(TEXT).map(char::from).collect()
}

/// How long each run took.
pub(super) struct Latencies {
    sorted: Vec<Duration>,
}

impl Latencies {
    pub(super) fn new(mut taken: Vec<Duration>) -> Self {
        taken.sort_unstable();
        Self { sorted: taken }
    }

    /// The time within which this share of the runs ended, milliseconds.
    pub(super) fn within(&self, share: f64) -> f64 {
        let last = self.sorted.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.sorted
            .get(at)
            .map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }
}

/// Times `count` runs, each started when the one before has ended.
pub(super) async fn one_at_a_time<F: Future<Output = anyhow::Result<()>>>(
    warm: usize,
    count: usize,
    run: impl Fn() -> F,
) -> anyhow::Result<Latencies> {
    for _ in 0..warm {
        run().await?;
    }
    let mut taken = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        run().await?;
        taken.push(start.elapsed());
    }
    Ok(Latencies::new(taken))
}

/// A load under way.
pub(super) struct Load {
    ended: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    places: JoinSet<anyhow::Result<()>>,
}

impl Load {
    /// Keeps `places` runs under way.
    pub(super) fn start<F: Future<Output = anyhow::Result<()>> + Send + 'static>(
        places: usize,
        run: impl Fn() -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        let (ended, stop) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let mut load = Self {
            ended: ended.clone(),
            stop: stop.clone(),
            places: JoinSet::new(),
        };
        for _ in 0..places {
            let (ended, stop, run) = (ended.clone(), stop.clone(), run.clone());
            load.places.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    run().await?;
                    ended.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            });
        }
        load
    }

    /// How far it is now.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            at: Instant::now(),
            ended: self.ended.load(Ordering::Relaxed),
        }
    }

    /// Lets what is under way end; the number of all runs.
    pub(super) async fn stop(mut self) -> anyhow::Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(place) = self.places.join_next().await {
            place??;
        }
        Ok(self.ended.load(Ordering::Relaxed))
    }
}

/// A moment of a load.
pub(super) struct Mark {
    at: Instant,
    ended: u64,
}

impl Mark {
    pub(super) fn since(&self, before: &Self) -> Runs {
        Runs {
            count: self.ended - before.ended,
            time: self.at - before.at,
        }
    }
}

/// Runs that ended between two moments.
pub(super) struct Runs {
    pub(super) count: u64,
    time: Duration,
}

impl Runs {
    pub(super) fn per_s(&self) -> f64 {
        self.count as f64 / self.time.as_secs_f64()
    }
}
