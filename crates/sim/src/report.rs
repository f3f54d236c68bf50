//! One seed from beginning to end, and what came of it.

use std::{
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tracing::{Event, Level, Subscriber, level_filters::LevelFilter, subscriber::DefaultGuard};
use tracing_subscriber::{
    Layer, filter,
    layer::{Context, SubscriberExt},
    registry,
};

use crate::{
    client, faults,
    invariants::{self, Invariant, Violation},
    node,
    plant::Plant,
    world::World,
};

/// Replicas of the orchestrator.
const ORCHESTRATORS: usize = 2;
/// How long after the last fault everything must be at rest, apart from the time that the clock was set
/// back by: a run that was driven to its last attempt just before needs its waits, silences and time limits.
const BOUND: Duration = Duration::from_secs(30 * 60);
/// How long a world at rest is watched for what may yet move.
const WATCH: Duration = Duration::from_secs(15);

/// What came of a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The hash over all that happened.
    pub trace: u64,
    /// How long the world lasted, in its own time.
    pub lasted: Duration,
    /// Events committed.
    pub events: u64,
    /// Calls of agents.
    pub calls: u64,
    /// Jobs that waited and were claimed.
    pub claims: u64,
    /// Faults as the seed has them.
    pub weather: String,
    /// The first rule that was broken.
    pub violation: Option<Violation>,
}

/// Runs the world of a seed; `verbose` writes all that happens to stderr.
///
/// # Errors
/// When the system gives no runtime.
pub fn run(seed: u64, plant: Option<Plant>, verbose: bool) -> io::Result<Report> {
    let errors = Errors::default();
    let _guard = listen(errors.clone(), verbose);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    Ok(runtime.block_on(world(seed, plant, errors)))
}

async fn world(seed: u64, plant: Option<Plant>, errors: Errors) -> Report {
    let world = Arc::new(World::new(seed, plant));
    let mut tasks = JoinSet::new();
    for index in 0..ORCHESTRATORS {
        tasks.spawn(node::orchestrator(world.clone(), index));
    }
    for index in 0..world.weather.workers {
        tasks.spawn(node::worker(world.clone(), index));
    }
    tasks.spawn(node::gateway(world.clone()));
    tasks.spawn(faults::strike(world.clone()));
    for number in 0..world.weather.runs {
        world.log().clients += 1;
        tasks.spawn(client::life(world.clone(), number));
    }
    watch(&world, &errors, &mut tasks).await;
    drop(tasks);
    world.end();
    let events = world
        .tables()
        .runs
        .values()
        .map(|row| row.events.len() as u64)
        .sum();
    let calls = world
        .log()
        .calls
        .values()
        .map(|calls| u64::from(*calls))
        .sum();
    Report {
        seed,
        trace: world.trace_hash(),
        lasted: world.elapsed(),
        events,
        calls,
        claims: world.tables().claimed(),
        weather: format!("{:#?}", world.weather),
        violation: world.violation(),
    }
}

/// Until all is at rest and has been for a while, or a rule is broken.
async fn watch(world: &World, errors: &Errors, tasks: &mut JoinSet<()>) {
    let mut resting: Option<Instant> = None;
    loop {
        sleep(Duration::from_secs(1)).await;
        while let Some(ended) = tasks.try_join_next() {
            if let Err(error) = ended {
                world.violate(
                    Invariant::NoErrors,
                    format!("the simulation broke: {error}"),
                );
            }
        }
        if let Some(line) = errors.first() {
            world.violate(Invariant::NoErrors, line);
        }
        if world.violation().is_some() {
            return;
        }
        let Some(calm) = world.calm_since() else {
            continue;
        };
        match invariants::unrest(world).await {
            Some(unrest) => {
                resting = None;
                if calm.elapsed() > BOUND + world.set_back() {
                    world.violated(unrest);
                }
            }
            None if resting.get_or_insert_with(Instant::now).elapsed() < WATCH => {}
            None => {
                if let Some(violation) = invariants::at_end(world) {
                    world.violated(violation);
                }
                return;
            }
        }
    }
}

/// Lines that our code logged as errors: each is a defect.
#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Option<String>>>);

impl Errors {
    fn first(&self) -> Option<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl<S: Subscriber> Layer<S> for Errors {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::ERROR {
            let mut line = format!("{} logged:", event.metadata().target());
            event.record(
                &mut |field: &tracing::field::Field, value: &dyn fmt::Debug| {
                    line.push_str(&format!(" {}={value:?}", field.name()));
                },
            );
            let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(line);
        }
    }
}

fn listen(errors: Errors, verbose: bool) -> DefaultGuard {
    let shown = filter::Targets::new()
        .with_default(Level::INFO)
        .with_target("sim", Level::DEBUG);
    let print = verbose.then(|| {
        tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .without_time()
            .with_filter(shown)
    });
    let errors = errors.with_filter(LevelFilter::ERROR);
    tracing::subscriber::set_default(registry().with(errors).with(print))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.violation {
            None => write!(f, "seed {}: whole", self.seed),
            Some(violation) => write!(f, "seed {}: {violation}", self.seed),
        }
    }
}
