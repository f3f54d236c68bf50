//! How many jobs of each agent kind may be sent, and how many are: counted in memory by what this replica sends
//! and sees end, so a place goes to whoever sees a job end. Over all replicas the counts add up to what is under
//! way; each check for silence counts anew what is in the replica's own partitions.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ::service::metric::{self, label};
use model::{AgentKind, JobId, TenantId};
use tokio::{sync::Notify, time::Instant};

use super::{limits::SHOWN_KINDS, workers::Hosted};

/// How large windows may be.
#[derive(Debug, Clone, Copy)]
pub struct Windows {
    /// Most jobs of a kind sent at once, over all replicas.
    pub most: u32,
    /// Of a kind that no live worker hosts. A few wait on the bus, so that a worker that comes has work at once,
    /// also one that has never been heard; the others stay where they can be ordered.
    pub unhosted: u32,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            most: super::limits::MAX_WINDOW,
            unhosted: super::limits::UNHOSTED_WINDOW,
        }
    }
}

/// A job with its lease token.
pub(crate) type Key = (JobId, u64);
/// What a job counts for.
pub(crate) type Of = (AgentKind, TenantId);

/// The places of this replica; cheap to clone, all clones are one.
#[derive(Clone)]
pub(crate) struct Places(Arc<Shared>);

struct Shared {
    windows: Windows,
    state: Mutex<State>,
    wake: Notify,
}

struct State {
    kinds: BTreeMap<AgentKind, Kind>,
    /// Of a kind that is not among them.
    otherwise: i64,
    refreshed: Instant,
    /// What changed since a count began.
    census: Option<Vec<(Key, Option<Of>)>>,
    /// Kinds of jobs that wait for others of their key to end.
    shared: BTreeSet<AgentKind>,
}

struct Kind {
    window: i64,
    under_way: i64,
    tenants: BTreeMap<TenantId, i64>,
    /// Jobs wait for a place: who comes later waits behind them.
    queued: bool,
    /// Jobs seen to end since the last look, and how many it is in a second.
    ended: u32,
    rate: f64,
}

impl State {
    fn kind(&mut self, kind: &AgentKind) -> &mut Kind {
        let window = self.otherwise;
        self.kinds.entry(kind.clone()).or_insert_with(|| Kind {
            window,
            under_way: 0,
            tenants: BTreeMap::new(),
            queued: false,
            ended: 0,
            rate: 0.0,
        })
    }

    fn count(&mut self, of: &Of, by: i64) {
        let kind = self.kind(&of.0);
        kind.under_way += by;
        let count = kind.tenants.entry(of.1.clone()).or_default();
        *count += by;
        if *count == 0 {
            kind.tenants.remove(&of.1);
        }
    }

    fn note(&mut self, key: Key, of: Option<Of>) {
        if let Some(changes) = &mut self.census {
            changes.push((key, of));
        }
    }
}

impl Places {
    pub(crate) fn new(windows: Windows) -> Self {
        Self(Arc::new(Shared {
            windows,
            state: Mutex::new(State {
                kinds: BTreeMap::new(),
                otherwise: i64::from(windows.unhosted.clamp(1, windows.most.max(1))),
                refreshed: Instant::now(),
                census: None,
                shared: BTreeSet::new(),
            }),
            wake: Notify::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a job that is about to be sent, unless others wait for one or there is none.
    pub(crate) fn take(&self, key: Key, of: Of) -> bool {
        let mut state = self.state();
        let kind = state.kind(&of.0);
        let free = !kind.queued && kind.under_way < kind.window;
        kind.queued |= !free;
        if free {
            state.count(&of, 1);
            state.note(key, Some(of));
        }
        free
    }

    /// A job is sent, whether or not there is a place.
    pub(crate) fn sent(&self, key: Key, of: Of) {
        let mut state = self.state();
        state.count(&of, 1);
        state.note(key, Some(of));
    }

    /// A job was not sent after all.
    pub(crate) fn back(&self, key: Key, of: &Of) {
        let mut state = self.state();
        state.count(of, -1);
        state.note(key, None);
    }

    /// A job that was sent is not under way any more.
    pub(crate) fn ended(&self, key: Key, of: &Of) {
        let mut state = self.state();
        state.count(of, -1);
        let wanted = state.shared.contains(&of.0);
        let kind = state.kind(&of.0);
        kind.ended += 1;
        let wanted = wanted || kind.queued;
        state.note(key, None);
        drop(state);
        if wanted {
            self.wake();
        }
    }

    /// A job is not under way any more, and may never have been sent: whether it held a place shows when all are
    /// counted anew.
    pub(crate) fn given_up(&self, key: Key) {
        self.state().note(key, None);
    }

    /// Has the queue of ready jobs looked at.
    pub(crate) fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Waits for a [`Places::wake`] that nobody has heard yet.
    pub(crate) async fn woken(&self) {
        self.0.wake.notified().await;
    }

    /// Free places by kind, of all kinds known; and of any other.
    pub(crate) fn free(&self) -> (BTreeMap<AgentKind, usize>, usize) {
        let state = self.state();
        let size = |free: i64| usize::try_from(free).unwrap_or(0);
        let kinds = state.kinds.iter();
        let free = kinds.map(|(name, kind)| (name.clone(), size(kind.window - kind.under_way)));
        (free.collect(), size(state.otherwise))
    }

    /// Jobs under way by kind and tenant, as far as this replica counts them.
    pub(crate) fn under_way(&self) -> BTreeMap<AgentKind, BTreeMap<TenantId, i64>> {
        let state = self.state();
        let kinds = state.kinds.iter();
        kinds
            .map(|(name, kind)| (name.clone(), kind.tenants.clone()))
            .collect()
    }

    /// Whether a job that waits for a place could have one now.
    pub(crate) fn wanted(&self) -> bool {
        let state = self.state();
        let mut kinds = state.kinds.values();
        kinds.any(|kind| kind.queued && kind.under_way < kind.window)
    }

    /// The jobs of these kinds wait for places, and of no other: seen by a look at all of them, or with `all`
    /// unset at some.
    pub(crate) fn queued(&self, kinds: &BTreeSet<AgentKind>, all: bool) {
        let mut state = self.state();
        if all {
            state
                .kinds
                .values_mut()
                .for_each(|kind| kind.queued = false);
        }
        for kind in kinds {
            state.kind(kind).queued = true;
        }
    }

    /// Jobs of these kinds wait for others of their key to end.
    pub(crate) fn shared(&self, kinds: BTreeSet<AgentKind>) {
        self.state().shared = kinds;
    }

    /// The window of a kind on this replica.
    pub(crate) fn window(&self, kind: &AgentKind) -> u32 {
        let state = self.state();
        let window = state.kinds.get(kind);
        let window = window.map_or(state.otherwise, |kind| kind.window);
        u32::try_from(window).unwrap_or(0)
    }

    /// Measures what ended, and makes the windows anew: the announced slots over all live replicas, and what this
    /// one sees end in a second.
    pub(crate) fn refresh(&self, hosted: &BTreeMap<String, Hosted>, live: usize) {
        let Windows { most, unhosted } = self.0.windows;
        let live = u32::try_from(live).unwrap_or(1).max(1);
        let share = |all: u32| i64::from(all.div_ceil(live).max(1));
        let mut state = self.state();
        let passed = state.refreshed.elapsed().max(Duration::from_millis(1));
        state.refreshed = Instant::now();
        state.otherwise = share(unhosted.min(most));
        for name in hosted.keys() {
            if state.kinds.len() < SHOWN_KINDS
                && let Ok(kind) = AgentKind::new(name.as_str())
            {
                state.kind(&kind);
            }
        }
        let otherwise = state.otherwise;
        let mut grown = false;
        for (place, (name, kind)) in state.kinds.iter_mut().enumerate() {
            let measured = f64::from(kind.ended) / passed.as_secs_f64();
            kind.rate = (kind.rate + measured) / 2.0;
            kind.ended = 0;
            let window = match hosted.get(name.as_str()).filter(|hosted| hosted.slots > 0) {
                // A rate is far below 2^32.
                Some(hosted) => share(hosted.slots)
                    .saturating_add(kind.rate.ceil() as i64)
                    .min(share(most)),
                None => otherwise,
            };
            grown |= kind.queued && window > kind.window;
            kind.window = window;
            if place < SHOWN_KINDS {
                metrics::gauge!(metric::JOBS_WINDOW, label::AGENT => name.to_string())
                    .set(window as f64);
            }
        }
        drop(state);
        if grown {
            self.wake();
        }
    }

    /// Jobs under way are counted from here on to [`Places::counted`].
    pub(crate) fn count(&self) {
        self.state().census = Some(Vec::new());
    }

    /// The count that began comes to nothing.
    pub(crate) fn uncounted(&self) {
        self.state().census = None;
    }

    /// What was found under way in this replica's partitions. What it has sent or seen end meanwhile counts on top.
    pub(crate) fn counted(&self, mut found: BTreeMap<Key, Of>) {
        let mut state = self.state();
        for (key, of) in state.census.take().unwrap_or_default() {
            match of {
                Some(of) => drop(found.insert(key, of)),
                None => drop(found.remove(&key)),
            }
        }
        for kind in state.kinds.values_mut() {
            kind.under_way = 0;
            kind.tenants.clear();
        }
        for of in found.into_values() {
            state.count(&of, 1);
        }
        let mut kinds = state.kinds.values();
        let wanted = kinds.any(|kind| kind.queued && kind.under_way < kind.window);
        drop(state);
        if wanted {
            self.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> Key {
        (JobId::new(format!("{number:032x}")).expect("a job"), 1)
    }

    fn of() -> Of {
        (
            AgentKind::new("copy").expect("a kind"),
            TenantId::new("acme").expect("a tenant"),
        )
    }

    fn hosted(slots: u32) -> BTreeMap<String, Hosted> {
        let hosted = Hosted {
            slots,
            ..Hosted::default()
        };
        [("copy".to_owned(), hosted)].into()
    }

    fn places(most: u32, unhosted: u32) -> Places {
        Places::new(Windows { most, unhosted })
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_is_the_slots_and_what_ends_in_a_second() {
        let places = places(100, 3);
        let kind = of().0;
        assert_eq!(places.window(&kind), 3, "nobody hosts it");
        places.refresh(&hosted(8), 2);
        assert_eq!(places.window(&kind), 4, "half of the slots");
        for number in 0..40 {
            places.sent(key(number), of());
            places.ended(key(number), &of());
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        places.refresh(&hosted(8), 1);
        // Half of what was measured, so that one second does not decide alone.
        assert!((27..=28).contains(&places.window(&kind)));
        places.refresh(&hosted(4_000), 2);
        assert_eq!(places.window(&kind), 50, "half of the most");
        places.refresh(&BTreeMap::new(), 4);
        assert_eq!(places.window(&kind), 1, "never none");
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_taken_once_and_nobody_overtakes_who_waits() {
        let places = places(100, 2);
        assert!(places.take(key(1), of()));
        assert!(places.take(key(2), of()));
        assert!(!places.take(key(3), of()));
        places.queued(&[of().0].into(), true);
        places.ended(key(1), &of());
        places.woken().await;
        assert!(places.wanted());
        assert!(!places.take(key(4), of()), "another waits");
        places.queued(&BTreeSet::new(), true);
        assert!(places.take(key(4), of()));
        places.back(key(4), &of());
        assert_eq!(places.free().0[&of().0], 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_count_holds_with_what_happens_meanwhile() {
        let places = places(100, 10);
        for number in 0..5 {
            places.sent(key(number), of());
        }
        places.count();
        places.ended(key(0), &of());
        places.given_up(key(1));
        places.sent(key(9), of());
        let found = [0, 1, 2, 9].map(|number| (key(number), of()));
        places.counted(found.into());
        // 2 and 9: the others ended, or were never found.
        assert_eq!(places.free().0[&of().0], 8);
        assert_eq!(places.under_way()[&of().0][&of().1], 2);
    }
}
