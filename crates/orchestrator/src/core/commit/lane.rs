//! The lane: gathers commands, decides them, commits them together.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use ::service::{
    metric::{self, label},
    trace::{Span, attribute},
};
use engine::{Command, Event, Run, event::Kind};
use futures::future::join_all;
use lru::LruCache;
use model::{RunId, TenantId, Timestamp};
use store::port::{CommitError, StoreError};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Committed, Parts, Reply, Work, WorkError, traced,
    transition::{Draft, Sealed},
};
use crate::core::{
    Planted,
    held::{Held, Plans, capacity},
    limits::{EVENT_PAGE, HELD_RUNS, MAX_BATCH, MAX_STALE},
};

type Key = (TenantId, RunId);

/// A command in the lane, with how often its run has moved on under it.
struct Pending {
    work: Work,
    reply: Reply,
    stale: u32,
    /// It was refused for what memory holds: only the run as stored may refuse it.
    reread: bool,
}

impl Pending {
    /// A submit that was not tried yet: its run is not in the store. One that was tried may have been
    /// committed although its answer was lost.
    fn is_new(&self) -> bool {
        self.work.born.is_some() && self.stale == 0
    }
}

/// The commands of one run whose answers wait for its commit.
struct Waiting {
    pending: Pending,
    committed: Committed,
}

/// The lane; its task is [`Lane::run`].
pub(crate) struct Lane {
    parts: Arc<Parts>,
    plans: Plans,
    queue: mpsc::Receiver<(Work, Reply)>,
    held: LruCache<Key, Held>,
    /// Commands whose run moved on, or may have: they go first.
    again: VecDeque<Pending>,
}

impl Lane {
    pub(crate) fn new(
        parts: Arc<Parts>,
        plans: Plans,
        queue: mpsc::Receiver<(Work, Reply)>,
    ) -> Self {
        Self {
            parts,
            plans,
            queue,
            held: LruCache::new(capacity(HELD_RUNS)),
            again: VecDeque::new(),
        }
    }

    /// Works until `stop`, then finishes what has been taken.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        while let Some(batch) = self.gather(&stop).await {
            self.batch(batch).await;
        }
        Ok(())
    }

    /// Everything that is ready now, by run; waits only while there is nothing.
    async fn gather(&mut self, stop: &CancellationToken) -> Option<BTreeMap<Key, Vec<Pending>>> {
        let mut batch = BTreeMap::<Key, Vec<Pending>>::new();
        while batch.len() < MAX_BATCH
            && let Some(pending) = self.again.pop_front()
        {
            batch.entry(key(&pending.work)).or_default().push(pending);
        }
        if batch.is_empty() {
            let (work, reply) = tokio::select! {
                biased;
                taken = self.queue.recv() => taken?,
                () = stop.cancelled() => return None,
            };
            batch.entry(key(&work)).or_default().push(Pending {
                work,
                reply,
                stale: 0,
                reread: false,
            });
        }
        while batch.len() < MAX_BATCH
            && let Ok((work, reply)) = self.queue.try_recv()
        {
            batch.entry(key(&work)).or_default().push(Pending {
                work,
                reply,
                stale: 0,
                reread: false,
            });
        }
        Some(batch)
    }

    async fn batch(&mut self, batch: BTreeMap<Key, Vec<Pending>>) {
        let now = match self.parts.store.now().await {
            Ok(now) => now,
            Err(error) => {
                for pending in batch.into_values().flatten() {
                    answer(pending.reply, Err(error.clone().into()));
                }
                return;
            }
        };
        let loaded = join_all(batch.into_iter().map(|(key, commands)| {
            let known = self.held.pop(&key);
            let held = known.filter(|_| !commands.iter().any(|pending| pending.reread));
            let plans = &self.plans;
            async move {
                let remembered = held.is_some();
                let held = match held {
                    Some(held) => Ok(Some(held)),
                    None if commands.iter().all(Pending::is_new) => Ok(None),
                    None => plans.read_run(&key.0, &key.1).await,
                };
                (key, commands, held, remembered)
            }
        }))
        .await;

        let mut transitions = Vec::new();
        let mut sealed = Vec::new();
        for (key, commands, held, remembered) in loaded {
            let Some((draft, waiting)) = self.decide(&key, commands, held, remembered, now) else {
                continue;
            };
            let (transition, mut effects) = draft.finish(now, &self.parts.places);
            let works = waiting.iter().map(|waiting| &waiting.pending.work);
            let span = traced::begin(&effects, works);
            effects.place = span.place();
            transitions.push(transition);
            sealed.push((key, effects, waiting, span));
        }
        if transitions.is_empty() {
            return;
        }
        if self.parts.planted == Planted::SendBeforeCommit {
            for (_, effects, _, _) in &sealed {
                self.parts.dispatcher.send(effects.clone()).await;
            }
        }
        let size = transitions.len();
        metrics::histogram!(metric::COMMIT_BATCH_SIZE).record(size as f64);
        let begun = Instant::now();
        let results = self.parts.store.commit(transitions).await;
        metrics::histogram!(metric::COMMIT_SECONDS).record(begun.elapsed().as_secs_f64());
        for ((key, effects, waiting, span), result) in sealed.into_iter().zip(results) {
            span.record(|| [attribute::BATCH.i64(size as i64)]);
            self.settle(key, effects, waiting, result, span).await;
        }
    }

    /// Decides the commands of one run in their order. Answers those that are refused at once; `None`
    /// when nothing is to be committed.
    fn decide(
        &mut self,
        key: &Key,
        commands: Vec<Pending>,
        held: Result<Option<Held>, StoreError>,
        remembered: bool,
        now: Timestamp,
    ) -> Option<(Draft, Vec<Waiting>)> {
        let mut draft = match held {
            Ok(held) => held.map(Draft::new),
            Err(error) => {
                for pending in commands {
                    answer(pending.reply, Err(error.clone().into()));
                }
                return None;
            }
        };
        let mut waiting = Vec::new();
        for mut pending in commands {
            // A transition has room for so many events; the others go into the next.
            if draft.as_ref().is_some_and(Draft::is_full) {
                self.again.push_back(pending);
                continue;
            }
            if draft.is_none() {
                draft = born(key, &pending.work);
            }
            let Some(current) = &mut draft else {
                answer(pending.reply, Err(WorkError::NotFound(key.1.clone())));
                continue;
            };
            if let (Planted::OutcomeTakenTwice, Command::Outcome { token, .. }) =
                (self.parts.planted, &pending.work.command)
            {
                current.held.run.settled.remove(token);
            }
            match engine::decide(
                &current.held.plan,
                &current.held.run,
                &pending.work.command,
                now,
            ) {
                Ok(events) => {
                    let first = current.held.run.sequence + 1;
                    let late = |event: &Event| matches!(event.kind, Kind::OutcomeLate { .. });
                    let applied = !events.iter().any(late);
                    let blobs = std::mem::take(&mut pending.work.blobs);
                    current.fold(events, pending.work.content.as_ref(), blobs.clone());
                    pending.work.blobs = blobs;
                    let run = &current.held.run;
                    let committed = Committed {
                        first,
                        sequence: run.sequence,
                        status: run.status,
                        applied,
                    };
                    waiting.push(Waiting { pending, committed });
                }
                // The run may have moved on elsewhere; no commit would find that out.
                Err(_) if remembered && self.parts.planted != Planted::RefusedFromMemory => {
                    pending.reread = true;
                    self.again.push_back(pending);
                }
                Err(refusal) => answer(pending.reply, Err(refusal.into())),
            }
        }
        let draft = draft?;
        if draft.is_empty() {
            if draft.held.run.sequence > 0 {
                self.held.put(key.clone(), draft.held);
            }
            return None;
        }
        Some((draft, waiting))
    }

    async fn settle(
        &mut self,
        key: Key,
        effects: Sealed,
        waiting: Vec<Waiting>,
        result: Result<(), CommitError>,
        span: Span,
    ) {
        let result = match result {
            Err(CommitError::Unknown(_)) if self.parts.planted == Planted::UnknownTakenAsDone => {
                Ok(())
            }
            Err(CommitError::Unknown(why)) => self.look(&key, &effects, why).await,
            known => known,
        };
        metrics::counter!(metric::COMMITS, label::RESULT => outcome(&result)).increment(1);
        span.record(|| [attribute::RESULT.string(outcome(&result))]);
        match &result {
            // Another replica, or the same submit, was first: no fault.
            Ok(()) | Err(CommitError::Stale { .. } | CommitError::KeyTaken(_)) => {}
            Err(_) => span.fail(outcome(&result)),
        }
        drop(span);
        match result {
            Ok(()) => {
                self.perform(&key, &waiting, effects).await;
                for Waiting { pending, committed } in waiting {
                    answer(pending.reply, Ok(committed));
                }
            }
            Err(CommitError::Stale { .. }) => {
                effects.give_back(&self.parts.places);
                for Waiting { mut pending, .. } in waiting {
                    pending.stale += 1;
                    if pending.stale > MAX_STALE {
                        let why =
                            format!("run {} moved on {MAX_STALE} times under the command", key.1);
                        answer(pending.reply, Err(WorkError::Unavailable(why)));
                    } else {
                        self.again.push_back(pending);
                    }
                }
            }
            Err(error) => {
                effects.give_back(&self.parts.places);
                if matches!(error, CommitError::Unknown(_)) {
                    self.parts.dispatcher.missed(effects.held.run.time);
                }
                let error = match error {
                    CommitError::KeyTaken(run) => WorkError::KeyTaken(run),
                    CommitError::Data { why, .. } => WorkError::Data(why),
                    CommitError::Unavailable(why) | CommitError::Unknown(why) => {
                        WorkError::Unavailable(why)
                    }
                    CommitError::Stale { .. } => WorkError::Unavailable("stale".to_owned()),
                };
                for Waiting { pending, .. } in waiting {
                    answer(pending.reply, Err(error.clone()));
                }
            }
        }
    }

    /// The commit's answer was lost: the run's own events tell whether it took effect.
    async fn look(&self, key: &Key, effects: &Sealed, why: String) -> Result<(), CommitError> {
        let Some(first) = effects.events.first() else {
            return Ok(());
        };
        let page = self
            .parts
            .store
            .events(&key.0, &key.1, first.sequence - 1, EVENT_PAGE)
            .await;
        match page {
            Ok(Some(page)) if page.events.starts_with(&effects.events) => Ok(()),
            Ok(_) => Err(CommitError::Stale {
                run: key.1.clone(),
                expected: first.sequence - 1,
            }),
            Err(_) => Err(CommitError::Unknown(why)),
        }
    }

    /// Only now that the transition is durable does anything leave.
    async fn perform(&mut self, key: &Key, waiting: &[Waiting], effects: Sealed) {
        for Waiting { pending, .. } in waiting {
            if let Some(content) = &pending.work.content {
                self.parts
                    .contents
                    .hold(&key.0, &content.hash, content.text.clone());
            }
        }
        let held = effects.held.clone();
        if held.run.status.at_rest() {
            metrics::counter!(metric::RUNS, label::WORKFLOW => held.birth.workflow.clone(),
                label::STATUS => held.run.status.as_str())
            .increment(1);
        }
        if let Some(Kind::Submitted { .. }) = effects.events.first().map(|event| &event.kind) {
            metrics::counter!(metric::RUNS_SUBMITTED, label::WORKFLOW => held.birth.workflow.clone())
                .increment(1);
        }
        self.parts.durations.learn(&effects.events);
        self.parts.heads.changed(&held.run);
        effects.count(&self.parts.places);
        if effects.queues {
            self.parts.ready.hold(&held);
        }
        if let Some(at) = engine::outstanding(&held.run).wake_at() {
            self.parts.alarm.set(at);
        }
        self.parts.dispatcher.send(effects).await;
        self.held.put(key.clone(), Arc::unwrap_or_clone(held));
    }
}

/// How a commit went, as its metric names it.
fn outcome(result: &Result<(), CommitError>) -> &'static str {
    match result {
        Ok(()) => "committed",
        Err(CommitError::Stale { .. }) => "stale",
        Err(CommitError::KeyTaken(_)) => "key_taken",
        Err(CommitError::Data { .. }) => "data",
        Err(CommitError::Unknown(_)) => "unknown",
        Err(CommitError::Unavailable(_)) => "unavailable",
    }
}

fn key(work: &Work) -> Key {
    (work.tenant.clone(), work.run.clone())
}

fn born(key: &Key, work: &Work) -> Option<Draft> {
    let born = work.born.as_ref()?;
    let input = serde_json::from_str(&born.input).ok()?;
    let run = Run::new(key.0.clone(), key.1.clone(), Arc::new(input), &born.plan);
    let held = Held {
        birth: born.birth.clone(),
        plan: born.plan.clone(),
        input: born.input.clone(),
        run,
    };
    Some(Draft::born(held, born.holds.clone()))
}

/// A caller that has gone away does not wait for its answer.
fn answer(reply: Reply, result: Result<Committed, WorkError>) {
    drop(reply.send(result));
}
