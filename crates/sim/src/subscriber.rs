//! Those who follow a run: one stays, one leaves and comes back at random, and one is of another tenant
//! and must see nothing.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use event_gateway::{
    follow::{End, Follower},
    history::{Changed, Error, History, Page},
    limits::{CLIENT_PATIENCE, CLIENT_QUEUE},
    outlet::Outlet,
};
use model::{RunId, TenantId, Timestamp};
use orchestrator::core::event;
use store::port::CommitPath;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout, timeout_at},
};

use crate::{
    draws::Draws,
    invariants::Invariant,
    plant::Plant,
    world::{Seen, World},
};

/// Events of one page of history.
const PAGE: usize = 100;
/// The gateway's deadline for a page: an orchestrator that died does not answer.
const DEADLINE: Duration = Duration::from_secs(5);
/// The wait for a gateway to be there.
const PAUSE: Duration = Duration::from_millis(300);

/// The history that a tenant sees, from any live orchestrator.
struct Past {
    world: Arc<World>,
    tenant: TenantId,
    draws: Draws,
}

#[async_trait]
impl History for Past {
    async fn events(&self, run: &RunId, after: u64) -> Result<Page, Error> {
        let away = |why: &str| Error::Unavailable(why.to_owned());
        let seat = self
            .world
            .any_seat(&self.draws)
            .ok_or_else(|| away("no orchestrator"))?;
        let asked = seat.desk.events(&self.tenant, run, after, PAGE);
        let found = timeout(DEADLINE, asked)
            .await
            .map_err(|_| away("no answer"))?;
        let page = found
            .map_err(|error| away(&error.to_string()))?
            .ok_or_else(|| Error::NotFound(run.clone()))?;
        let events: Vec<_> = page
            .events
            .iter()
            .map(|happened| event::public(&self.tenant, run, &page.birth, happened))
            .collect();
        Ok(Page {
            at_rest: events.last().is_some_and(|event| event.at_rest),
            events,
            head: page.head,
        })
    }

    async fn changed(&self, _since: Timestamp) -> Result<Vec<Changed>, Error> {
        Err(Error::Unavailable(
            "streams over one run do not ask".to_owned(),
        ))
    }
}

/// Follows a run for ever: stays, or leaves and comes back at random.
pub(crate) async fn follow(world: Arc<World>, tenant: TenantId, run: RunId, stays: bool) {
    let name = if stays {
        "that stayed"
    } else {
        "that came back"
    };
    let draws = world.draws(&format!("subscriber {name} {run}"));
    let place = {
        let mut log = world.log();
        log.subscribers.push(Seen {
            name,
            tenant: tenant.clone(),
            run: run.clone(),
            seen: Vec::new(),
        });
        log.subscribers.len() - 1
    };
    loop {
        let Some(gateway) = world.gateway() else {
            sleep(PAUSE).await;
            continue;
        };
        let after = world
            .log()
            .subscribers
            .get(place)
            .map_or(0, |seen| seen.seen.len() as u64);
        let past = Arc::new(Past {
            world: world.clone(),
            tenant: tenant.clone(),
            draws: world.draws(&format!("history {name} {run} {after}")),
        });
        let mut follower = Follower::new(&gateway.feed, past, tenant.clone(), run.clone(), after)
            .planted(Plant::in_gateway(world.plant));
        let (outlet, mut events) = Outlet::new(CLIENT_QUEUE, CLIENT_PATIENCE);
        let (told, end) = oneshot::channel();
        gateway.serve(async move {
            // As a stream begins; what is wrong is told again by `run`.
            drop(follower.check().await);
            // The subscriber may have gone away meanwhile.
            drop(told.send(follower.run(outlet, false).await));
        });
        let leaves = (!stays && world.stormy()).then(|| Instant::now() + draws.millis(1, 20_000));
        loop {
            let event = match leaves {
                Some(at) => match timeout_at(at, events.recv()).await {
                    Ok(event) => event,
                    Err(_) => break,
                },
                None => events.recv().await,
            };
            let Some(event) = event else { break };
            world.trace(format_args!(
                "subscriber {name} of {run} sees {}",
                event.sequence
            ));
            if event.tenant != tenant.as_str() || event.run_id != run.as_str() {
                let what = format!("{tenant} saw event {} of {}", event.id, event.tenant);
                world.violate(Invariant::I7, what);
            }
            let mut log = world.log();
            let Some(seen) = log.subscribers.get_mut(place) else {
                break;
            };
            if event.sequence != seen.seen.len() as u64 + 1 {
                let what = format!(
                    "a subscriber saw {} after {} events",
                    event.id,
                    seen.seen.len()
                );
                drop(log);
                world.violate(Invariant::I4, what);
                return;
            }
            seen.seen.push(event);
        }
        drop(events);
        if let Ok(End::Failed(error)) = end.await {
            world.violate(
                Invariant::I1,
                format!("run {run} cannot be followed: {error}"),
            );
            return;
        }
        sleep(draws.millis(0, 3_000)).await;
    }
}

/// Asks for another tenant's run, which must not be there.
pub(crate) async fn peep(world: Arc<World>, foreign: TenantId, run: RunId) {
    let gateway = loop {
        match world.gateway() {
            Some(gateway) => break gateway,
            None => sleep(PAUSE).await,
        }
    };
    let past = Arc::new(Past {
        world: world.clone(),
        tenant: foreign.clone(),
        draws: world.draws(&format!("foreign history {run}")),
    });
    let mut follower = Follower::new(&gateway.feed, past, foreign.clone(), run.clone(), 0);
    let (outlet, mut events) = Outlet::new(CLIENT_QUEUE, CLIENT_PATIENCE);
    let (told, end) = oneshot::channel();
    gateway.serve(async move {
        drop(follower.check().await);
        // Nobody waits for it when the world ends.
        drop(told.send(follower.run(outlet, false).await));
    });
    if let Some(event) = events.recv().await {
        world.violate(Invariant::I7, format!("{foreign} saw event {}", event.id));
    }
    match end.await {
        Ok(End::Failed(Error::NotFound(_))) | Err(_) => {}
        Ok(end) => world.violate(Invariant::I7, format!("{foreign} followed {run}: {end:?}")),
    }
}
