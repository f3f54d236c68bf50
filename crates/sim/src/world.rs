//! The world that everyone shares: time, the truth in the store's tables, the bus, who is alive, what
//! was seen, and the first rule that was broken.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write as _},
    hash::{DefaultHasher, Hasher as _},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use bus::Memory;
use model::{ContentHash, JobId, RunId, TenantId, Timestamp};
use orchestrator::core::Core;
use tokio::time::Instant;
use wire::events::v1::Event;

use crate::{
    bus::Link,
    draws::Draws,
    faults::{Kind, Weather},
    invariants::{Invariant, Violation},
    node::Gateway,
    plant::Plant,
    store::{Desk, Tables},
};

/// The wall clock when a world begins, Unix milliseconds.
const BEGINNING: i64 = 1_800_000_000_000;

/// How long those who were being stopped may go on.
const STOPPED: Duration = Duration::from_secs(7);
/// How long a clock that jumped may still be read as before.
const MEASURED: Duration = Duration::from_secs(45);

/// The world.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) weather: Weather,
    pub(crate) plant: Option<Plant>,
    /// What the bus really holds.
    pub(crate) bus: Memory,
    born: Instant,
    stormy: AtomicBool,
    /// How far the clock was moved, milliseconds.
    moved: AtomicI64,
    tables: Mutex<Tables>,
    log: Mutex<Log>,
    state: Mutex<State>,
}

struct State {
    trace: DefaultHasher,
    /// What is being written down.
    line: String,
    violation: Option<Violation>,
    calm_since: Option<Instant>,
    no_store_until: Instant,
    /// Sum of all backward jumps.
    set_back: Duration,
    links: BTreeMap<String, Arc<Link>>,
    seats: Vec<Option<Seat>>,
    gateway: Option<Gateway>,
}

/// A live orchestrator, as its callers reach it.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) core: Core,
    pub(crate) desk: Arc<Desk>,
}

/// What was seen in the world, out of reach of what is simulated.
#[derive(Default)]
pub(crate) struct Log {
    /// Clients that are not done.
    pub(crate) clients: u64,
    /// Runs whose submit was acknowledged.
    pub(crate) acknowledged: BTreeSet<(TenantId, RunId)>,
    /// How often an agent was called for a job.
    pub(crate) calls: BTreeMap<JobId, u32>,
    /// How often a job may have been performed again for a fault that hit it.
    pub(crate) excuses: BTreeMap<JobId, u32>,
    /// How often the bus lost everything.
    pub(crate) wipes: u32,
    /// Jobs that each worker took and has not answered.
    pub(crate) taken: BTreeMap<String, BTreeSet<JobId>>,
    /// Results that workers made: job, token, hash.
    pub(crate) made: BTreeSet<(JobId, u64, ContentHash)>,
    /// Outcomes that the bus took and kept.
    pub(crate) kept: BTreeSet<(RunId, JobId, u64)>,
    /// Jobs that were handed back, by the bus's memory.
    pub(crate) handed_back: BTreeSet<(JobId, u64)>,
    /// Ids of the messages that the bus took, or lost after it had said so.
    pub(crate) given: BTreeSet<String>,
    /// Everyone who follows a run.
    pub(crate) subscribers: Vec<Seen>,
}

/// What a subscriber has seen.
pub(crate) struct Seen {
    pub(crate) name: &'static str,
    pub(crate) tenant: TenantId,
    pub(crate) run: RunId,
    pub(crate) seen: Vec<Event>,
}

impl Log {
    /// A fault that may have a job performed once more.
    pub(crate) fn excuse(&mut self, job: &JobId) {
        *self.excuses.entry(job.clone()).or_default() += 1;
    }

    /// A worker is gone, or out of reach: all that it works on may be performed once more.
    pub(crate) fn excuse_worker(&mut self, worker: &str) {
        for job in self.taken.get(worker).cloned().unwrap_or_default() {
            self.excuse(&job);
        }
    }

    /// A worker's life is over.
    pub(crate) fn worker_is_gone(&mut self, worker: &str) {
        self.excuse_worker(worker);
        self.taken.remove(worker);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(crate) fn new(seed: u64, plant: Option<Plant>) -> Self {
        let now = Instant::now();
        Self {
            seed,
            weather: Weather::of(seed),
            plant,
            bus: Memory::new(),
            born: now,
            stormy: AtomicBool::new(true),
            moved: AtomicI64::new(0),
            tables: Mutex::new(Tables::new(Plant::in_store(plant))),
            log: Mutex::default(),
            state: Mutex::new(State {
                trace: DefaultHasher::new(),
                line: String::new(),
                violation: None,
                calm_since: None,
                no_store_until: now,
                set_back: Duration::ZERO,
                links: BTreeMap::new(),
                seats: Vec::new(),
                gateway: None,
            }),
        }
    }

    /// The draws of a concern.
    pub(crate) fn draws(&self, concern: &str) -> Draws {
        Draws::new(self.seed, concern)
    }

    /// How long the world has been.
    pub(crate) fn elapsed(&self) -> Duration {
        self.born.elapsed()
    }

    /// How far the clock was moved, milliseconds.
    pub(crate) fn moved(&self) -> i64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// The wall clock of one who measured `moved`.
    pub(crate) fn clock_moved(&self, moved: i64) -> Timestamp {
        Timestamp(BEGINNING + moved).after(self.elapsed())
    }

    pub(crate) fn stormy(&self) -> bool {
        self.stormy.load(Ordering::Relaxed)
    }

    pub(crate) fn calm_down(&self) {
        self.trace(format_args!("calm"));
        self.stormy.store(false, Ordering::Relaxed);
        let mut state = lock(&self.state);
        state.calm_since = Some(Instant::now());
        for link in state.links.values() {
            link.heal();
        }
    }

    /// Since when nothing goes wrong.
    pub(crate) fn calm_since(&self) -> Option<Instant> {
        lock(&self.state).calm_since
    }

    /// Since when nothing that goes out can be lost: those who were stopping have stopped, and whoever
    /// measured a clock that jumped has measured it anew.
    pub(crate) fn settled(&self) -> Option<Instant> {
        let wait = if self.moved() == 0 { STOPPED } else { MEASURED };
        self.calm_since().map(|calm| calm + wait)
    }

    pub(crate) fn tables(&self) -> MutexGuard<'_, Tables> {
        lock(&self.tables)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    /// Writes down what happened: the hash over all of it tells two worlds apart.
    pub(crate) fn trace(&self, what: fmt::Arguments<'_>) {
        let at = self.elapsed().as_millis();
        tracing::debug!(target: "sim", "{at:>8} {what}");
        let mut state = lock(&self.state);
        let State { line, trace, .. } = &mut *state;
        line.clear();
        // A string takes everything.
        let _ok = writeln!(line, "{at} {what}");
        trace.write(line.as_bytes());
    }

    pub(crate) fn trace_hash(&self) -> u64 {
        lock(&self.state).trace.finish()
    }

    /// A rule was broken; the first one counts.
    pub(crate) fn violate(&self, invariant: Invariant, what: impl Into<String>) {
        self.violated(Violation::new(invariant, what));
    }

    pub(crate) fn violated(&self, violation: Violation) {
        self.trace(format_args!("VIOLATION {violation}"));
        lock(&self.state).violation.get_or_insert(violation);
    }

    pub(crate) fn violation(&self) -> Option<Violation> {
        lock(&self.state).violation.clone()
    }

    pub(crate) fn jump(&self, by: i64) {
        self.moved.fetch_add(by, Ordering::Relaxed);
        lock(&self.state).set_back += Duration::from_millis((-by).max(0).unsigned_abs());
    }

    /// By how much the clock was set back in all.
    pub(crate) fn set_back(&self) -> Duration {
        lock(&self.state).set_back
    }

    pub(crate) fn no_store_for(&self, length: Duration) {
        lock(&self.state).no_store_until = Instant::now() + length;
    }

    pub(crate) fn store_is_out(&self) -> bool {
        self.stormy() && Instant::now() < lock(&self.state).no_store_until
    }

    /// The bus loses all that it keeps; a server that lost its files was down, so all connections break.
    pub(crate) fn wipe(&self) {
        self.bus.wipe();
        let mut log = self.log();
        log.wipes += 1;
        log.kept.clear();
        log.handed_back.clear();
        drop(log);
        for link in lock(&self.state).links.values() {
            link.reconnected();
        }
    }

    /// Cuts one node of a kind off the bus.
    pub(crate) fn cut(&self, kind: Kind, length: Duration) {
        let links: Vec<_> = lock(&self.state)
            .links
            .iter()
            .filter(|(name, _)| name.starts_with(kind.prefix()))
            .map(|(_, link)| link.clone())
            .collect();
        let draws = self.draws(&format!("cut at {}", self.elapsed().as_millis()));
        if let Some(link) = draws.pick(&links) {
            link.cut(length);
            self.log().excuse_worker(link.node());
        }
    }

    pub(crate) fn connect(&self, link: Arc<Link>) {
        lock(&self.state).links.insert(link.node().to_owned(), link);
    }

    /// An orchestrator answers its callers from now on, or no more.
    pub(crate) fn seat(&self, index: usize, seat: Option<Seat>) {
        let mut state = lock(&self.state);
        if state.seats.len() <= index {
            state.seats.resize(index + 1, None);
        }
        if let Some(place) = state.seats.get_mut(index) {
            *place = seat;
        }
    }

    /// Any live orchestrator.
    pub(crate) fn any_seat(&self, draws: &Draws) -> Option<Seat> {
        let live: Vec<_> = lock(&self.state).seats.iter().flatten().cloned().collect();
        draws.pick(&live).cloned()
    }

    /// Lets go of the nodes: each of them holds the world in turn.
    pub(crate) fn end(&self) {
        let mut state = lock(&self.state);
        state.links.clear();
        state.seats.clear();
        state.gateway = None;
    }

    pub(crate) fn set_gateway(&self, gateway: Option<Gateway>) {
        lock(&self.state).gateway = gateway;
    }

    pub(crate) fn gateway(&self) -> Option<Gateway> {
        lock(&self.state).gateway.clone()
    }
}
