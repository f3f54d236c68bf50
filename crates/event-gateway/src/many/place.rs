//! Where a stream over many runs stands: in the bus's stream, in time, and in each run.

use std::{collections::BTreeMap, sync::Arc};

use lru::LruCache;
use model::{RunId, Timestamp};
use wire::events::v1::Event;

use super::{looks::Stood, time_of};
use crate::{
    limits::{MARGIN, MAX_AHEAD, MAX_RUNS},
    resume::{At, Position},
};

/// Where a stream stands.
pub(super) struct Place {
    /// The last number passed of each run, the lately active ones, with the time it was committed.
    runs: LruCache<RunId, (u64, Timestamp)>,
    /// Where runs stood when the stream began "from now on": what changed lately counts as passed up to there.
    /// Shared by the streams that began together; `runs` wins.
    stood: Arc<Stood>,
    /// When that was.
    begun: Timestamp,
    /// Of a run that is in neither, what was committed before counts as passed.
    born: Timestamp,
    /// Everything committed before was passed; the bus may yet show some of it. Not set from our own clock:
    /// a live event must not be lost because that is fast.
    floor: Timestamp,
    /// What was missed is asked for from here on.
    since: Timestamp,
    /// The newest commit passed.
    latest: Timestamp,
    at: Option<At>,
    /// The bus may have numbered its stream anew.
    renumbered: bool,
    /// Runs passed further than the bus has shown them: their last number and its time.
    ahead: BTreeMap<RunId, (u64, Timestamp)>,
}

impl Place {
    /// From now on.
    pub(super) fn new(now: Timestamp) -> Self {
        Self::since_time(less_margin(now))
    }

    /// Where a token says.
    pub(super) fn at(position: &Position, now: Timestamp) -> Self {
        let mut place = Self::since_time(position.since);
        place.floor = position.since;
        for (run, last) in &position.ahead {
            place.stand(run.clone(), *last);
            place.ahead.insert(run.clone(), (*last, now));
        }
        place
    }

    fn since_time(since: Timestamp) -> Self {
        Self {
            runs: LruCache::unbounded(),
            stood: Arc::default(),
            begun: Timestamp::default(),
            born: since,
            floor: Timestamp::default(),
            since,
            latest: since.after(MARGIN),
            at: None,
            renumbered: false,
            ahead: BTreeMap::new(),
        }
    }

    pub(super) fn since(&self) -> Timestamp {
        self.since
    }

    pub(super) fn born(&self) -> Timestamp {
        self.born
    }

    /// Whether an event of a run that is not known here was passed long ago.
    pub(super) fn is_old(&self, event: &Event) -> bool {
        time_of(event) < self.floor
    }

    /// The last number passed of a run; none when the run is not known here.
    pub(super) fn last(&mut self, run: &RunId) -> Option<u64> {
        let known = self.runs.get(run).map(|(last, _)| *last);
        known.or_else(|| self.stood.get(run).copied())
    }

    /// Where to go on. Once the bus has shown something, reading it back to there tells where runs stood; until
    /// then the position says it, of the latest ones.
    pub(super) fn position(&self) -> Position {
        let ahead = self.ahead.iter().map(|(run, (last, _))| (run, *last));
        let ahead = ahead.map(|(run, last)| (run.clone(), last)).collect();
        let mut position = Position {
            at: self.at.clone(),
            since: self.since,
            ahead,
        };
        if position.at.is_none() {
            let room = MAX_AHEAD.saturating_sub(position.ahead.len());
            for (run, last) in self.stood.iter().rev().take(room) {
                position.ahead.entry(run.clone()).or_insert(*last);
            }
        }
        position
    }

    /// A run stands at a number without having been passed.
    pub(super) fn stand(&mut self, run: RunId, last: u64) {
        self.put(run, last, self.latest);
    }

    /// Runs stood there when the stream began, "from now on".
    pub(super) fn stand_from_now(&mut self, stood: Arc<Stood>) {
        self.begun = self.latest;
        self.stood = stood;
    }

    /// A run stood there, at least, when the client was last here. An old event that showed late tells nothing.
    pub(super) fn stood(&mut self, event: &Event) {
        if self.is_old(event) {
            return;
        }
        if let Ok(run) = RunId::new(event.run_id.as_str()) {
            let last = self.last(&run).unwrap_or(0).max(event.sequence);
            self.put(run, last, time_of(event));
        }
    }

    /// Whether the bus's stream was heard that far.
    pub(super) fn is_heard(&self, sequence: u64) -> bool {
        !self.renumbered && self.at.as_ref().is_some_and(|at| at.sequence >= sequence)
    }

    /// The bus's stream was heard up to there. A repeat out of its past changes nothing.
    pub(super) fn heard(&mut self, at: At) {
        if !self.is_heard(at.sequence) {
            self.at = Some(at);
            self.renumbered = false;
        }
    }

    /// From now on any place in the bus's stream counts.
    pub(super) fn renumbered(&mut self) {
        self.renumbered = true;
    }

    /// The bus has shown a run up to a number.
    pub(super) fn shown(&mut self, run: &RunId, sequence: u64) {
        if self
            .ahead
            .get(run)
            .is_some_and(|(last, _)| *last <= sequence)
        {
            self.ahead.remove(run);
        }
    }

    /// An event is passed that the bus has shown.
    pub(super) fn pass(&mut self, run: RunId, event: &Event) {
        let time = time_of(event);
        self.latest = self.latest.max(time);
        self.put(run, event.sequence, time);
    }

    /// An event is passed that came from history.
    pub(super) fn pass_ahead(&mut self, run: RunId, event: &Event) {
        self.ahead
            .insert(run.clone(), (event.sequence, time_of(event)));
        if self.ahead.len() > MAX_AHEAD {
            // So many are only after the loss of a broker, when repeats are allowed.
            let oldest = self.ahead.iter().min_by_key(|(_, (_, time))| *time);
            if let Some(oldest) = oldest.map(|(run, _)| run.clone()) {
                self.ahead.remove(&oldest);
            }
        }
        self.pass(run, event);
    }

    /// Nothing is missing up to the newest commit passed, but for those that show late.
    pub(super) fn settle(&mut self) {
        self.since = self.since.max(less_margin(self.latest));
        let since = self.since;
        self.ahead.retain(|_, (_, time)| *time >= since);
        if !self.stood.is_empty() && since >= self.begun.after(MARGIN) {
            // What showed late has shown by now: the time alone tells what was before.
            self.stood = Arc::default();
            self.born = self.born.max(self.begun);
            self.floor = self.floor.max(self.begun);
        }
    }

    fn put(&mut self, run: RunId, last: u64, time: Timestamp) {
        self.runs.put(run, (last, time));
        if self.runs.len() > MAX_RUNS
            && let Some((_, (_, time))) = self.runs.pop_lru()
        {
            // Else all of the forgotten run would be passed again.
            self.born = self.born.max(less_margin(time));
            self.floor = self.floor.max(less_margin(time));
        }
    }
}

fn less_margin(time: Timestamp) -> Timestamp {
    let margin = i64::try_from(MARGIN.as_millis()).unwrap_or(i64::MAX);
    Timestamp(time.0.saturating_sub(margin).max(0))
}
