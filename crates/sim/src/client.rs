//! Clients: they submit, again and again until it is acknowledged, sometimes twice at once, and later
//! cancel or ask for another version.

use std::{sync::Arc, time::Duration};

use engine::{Command, Refusal};
use model::{CampaignId, ContentHash, RunId, StepName, TenantId};
use orchestrator::core::{
    commit::{Work, WorkError},
    submit::{Submission, SubmitError},
};
use store::port::Blob;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    draws::Draws,
    invariants::Invariant,
    plans, subscriber,
    world::{Seat, World},
};

/// How long a client waits for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Who has runs.
const TENANTS: [&str; 2] = ["acme", "globex"];

/// One client with one run.
pub(crate) async fn life(world: Arc<World>, number: u64) {
    let draws = world.draws(&format!("client {number}"));
    let mut followers = JoinSet::new();
    if let Some(client) = Client::new(&world, &draws, number) {
        sleep(draws.millis(
            0,
            u64::try_from(world.weather.storm.as_millis()).unwrap_or(0),
        ))
        .await;
        let run = client.submit().await;
        let (tenant, foreign) = (client.tenant.clone(), client.foreign.clone());
        followers.spawn(subscriber::follow(
            world.clone(),
            tenant.clone(),
            run.clone(),
            true,
        ));
        followers.spawn(subscriber::follow(
            world.clone(),
            tenant,
            run.clone(),
            false,
        ));
        followers.spawn(subscriber::peep(world.clone(), foreign, run.clone()));
        if draws.chance(0.3) {
            sleep(draws.millis(0, 40_000)).await;
            client.cancel(&run).await;
        } else {
            for _ in 0..draws.between(0, 2) {
                client.regenerate(&run).await;
            }
        }
    } else {
        world.violate(Invariant::NoErrors, "a client cannot be made");
    }
    world.log().clients -= 1;
    while let Some(ended) = followers.join_next().await {
        if let Err(error) = ended {
            world.violate(Invariant::NoErrors, format!("a subscriber broke: {error}"));
        }
    }
}

struct Client<'a> {
    world: &'a Arc<World>,
    draws: &'a Draws,
    number: u64,
    tenant: TenantId,
    foreign: TenantId,
    plan: Arc<workflow::Plan>,
    input: String,
    run_timeout: Option<Duration>,
    twice: bool,
}

impl<'a> Client<'a> {
    fn new(world: &'a Arc<World>, draws: &'a Draws, number: u64) -> Option<Self> {
        let own = draws.chance(0.5);
        let tenant = |own: bool| TenantId::new(TENANTS[usize::from(own)]).ok();
        let [parallel, sequential] = plans::MODES;
        let mode = if draws.chance(0.3) {
            sequential
        } else {
            parallel
        };
        let mut wants = serde_json::Map::new();
        for agent in plans::AGENTS {
            wants.insert(agent.to_owned(), draws.chance(0.85).into());
        }
        let campaign = || {
            let input = serde_json::json!({ "wants": wants, "number": number });
            let plan = workflow::builtin::find("campaign", mode).ok()?.clone();
            Some((Arc::new(plan), input.to_string()))
        };
        let (plan, input) =
            plans::draw(&world.draws(&format!("plan {number}")), number).or_else(campaign)?;
        Some(Self {
            world,
            draws,
            number,
            tenant: tenant(own)?,
            foreign: tenant(!own)?,
            plan,
            input,
            run_timeout: draws.chance(0.2).then(|| draws.millis(1_000, 120_000)),
            twice: draws.chance(0.3),
        })
    }

    /// Calls any live orchestrator until it answers.
    async fn ask<T, F>(&self, what: &str, call: impl Fn(Seat) -> F) -> T
    where
        F: Future<Output = Result<T, WorkError>>,
    {
        loop {
            if let Some(seat) = self.world.any_seat(self.draws) {
                match timeout(PATIENCE, call(seat)).await {
                    Ok(Ok(answer)) => return answer,
                    // No answer, or none that tells: it is asked again.
                    Ok(Err(WorkError::Unavailable(_))) | Err(_) => {}
                    Ok(Err(error)) => {
                        let what = format!("client {} could not {what}: {error}", self.number);
                        self.world.violate(Invariant::I1, what);
                        std::future::pending::<()>().await;
                    }
                }
            }
            sleep(self.draws.millis(50, 2_000)).await;
        }
    }

    async fn submit(&self) -> RunId {
        let run = if self.twice {
            let (one, other) = tokio::join!(biased; self.submit_once(), self.submit_once());
            if one != other {
                let what = format!("one key became two runs, {one} and {other}");
                self.world.violate(Invariant::I1, what);
            }
            one
        } else {
            self.submit_once().await
        };
        self.world
            .trace(format_args!("client {} has {run}", self.number));
        if self.world.tables().version(&self.tenant, &run) == 0 {
            let what = format!("run {run} was acknowledged before it was stored");
            self.world.violate(Invariant::I1, what);
        }
        let mut log = self.world.log();
        log.acknowledged.insert((self.tenant.clone(), run.clone()));
        run
    }

    async fn submit_once(&self) -> RunId {
        self.ask("submit", |seat| async move {
            let id = format!("r{}-{:016x}", self.number, self.draws.any());
            let bad = |error| WorkError::Data(format!("{error}"));
            let submission = Submission {
                tenant: self.tenant.clone(),
                run: RunId::new(id.as_str()).map_err(bad)?,
                by: "client".to_owned(),
                campaign: CampaignId::new(id.as_str()).map_err(bad)?,
                plan: self.plan.clone(),
                input: self.input.clone(),
                title: "simulated".to_owned(),
                holds: None,
                idempotency_key: Some(format!("key {}", self.number)),
                correlation_id: id,
                traceparent: String::new(),
                priority: 3,
                timeout: self.run_timeout,
            };
            match seat.core.submit(submission).await {
                Ok(submitted) => Ok(submitted.run),
                Err(SubmitError::Work(error)) => Err(error),
                Err(error @ (SubmitError::KeyReused(_) | SubmitError::Held(_))) => {
                    Err(WorkError::Data(error.to_string()))
                }
            }
        })
        .await
    }

    /// Whether a command took effect; `None` when the run has ended.
    async fn command(&self, run: &RunId, command: &Command, blobs: &[Blob]) -> Option<u64> {
        self.ask(
            match command {
                Command::Cancel { .. } => "cancel",
                _ => "regenerate",
            },
            |seat| async move {
                let mut work = Work::new(self.tenant.clone(), run.clone(), command.clone());
                work.blobs = blobs.to_vec();
                match seat.core.committer.run(work).await {
                    Ok(committed) => Ok(Some(committed.first)),
                    Err(WorkError::Refused(Refusal::UnderWay)) => {
                        sleep(Duration::from_secs(1)).await;
                        Err(WorkError::Unavailable("under way".to_owned()))
                    }
                    Err(WorkError::Refused(
                        Refusal::Ended
                        | Refusal::Cancelled
                        | Refusal::NotAskedFor(_)
                        | Refusal::TooManyRevisions { .. },
                    )) => Ok(None),
                    Err(error) => Err(error),
                }
            },
        )
        .await
    }

    async fn cancel(&self, run: &RunId) {
        let command = Command::Cancel {
            reason: "simulated".to_owned(),
            by: "client".to_owned(),
        };
        let first = self.command(run, &command, &[]).await;
        self.check(run, first, "cancelled");
    }

    async fn regenerate(&self, run: &RunId) {
        let named = self.draws.pick(plans::made(&self.plan));
        let Some(step) = named.and_then(|name| StepName::new(*name).ok()) else {
            return;
        };
        // A list may have fewer items, or not have been reached.
        let is_there = self
            .world
            .tables()
            .of(run)
            .is_some_and(|row| row.reference.steps.contains_key(&step));
        if !is_there {
            return;
        }
        let note = self.draws.chance(0.5).then(|| {
            let content = format!("note of client {}", self.number);
            Blob {
                hash: ContentHash::of(content.as_bytes()),
                content,
            }
        });
        let command = Command::Regenerate {
            step,
            note: note.as_ref().map(|blob| blob.hash.clone()),
            by: "client".to_owned(),
        };
        let blobs: Vec<_> = note.into_iter().collect();
        let first = self.command(run, &command, &blobs).await;
        self.check(run, first, "reopened");
    }

    /// What was acknowledged is in the store.
    fn check(&self, run: &RunId, first: Option<u64>, kind: &str) {
        let Some(first) = first else { return };
        let found = self.world.tables().of(run).is_some_and(|row| {
            row.events
                .iter()
                .any(|event| event.sequence == first && event.kind.name() == kind)
        });
        if !found {
            let what =
                format!("event {first} of run {run} was acknowledged as {kind} and is not stored");
            self.world.violate(Invariant::I1, what);
        }
    }
}
