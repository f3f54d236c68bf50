//! Nodes: each is started, dies or is stopped at a random moment while the storm lasts, and is started
//! again. A death drops all its futures at once.

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bus::signature::{InvalidKey, Seed, Signer, Verifier};
use event_gateway::feed::Feed;
use model::ContentHash;
use orchestrator::core::{Core, Options, Ports};
use service::supervise::Tasks;
use store::port::{Blob, CommitPath};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use wire::{artifact::v1::JobProof, job::v1::Job};
use worker::{Door, Worker, door::DoorError};

use crate::{
    agent,
    bus::Link,
    draws::Draws,
    invariants::Invariant,
    plant::Plant,
    store::Desk,
    world::{Seat, World},
};

/// The key that orchestrators sign with. What is simulated is no secret.
const KEY: &str = "c2ltdWxhdGVkLXNpZ25pbmcta2V5LW5vLXNlY3JldCE";
/// How long an orderly stop may take.
const DRAIN: Duration = Duration::from_secs(5);
/// How long a stopping worker lets its jobs go on.
const WORKER_DRAIN: Duration = Duration::from_secs(3);
/// Longest time that a node stays down, milliseconds.
const LONGEST_DOWN: u64 = 12_000;

/// How a life ends.
#[derive(Clone, Copy)]
enum End {
    Crash,
    Stop,
}

/// Making a key takes longer than signing with it.
fn signer() -> Result<Arc<Signer>, InvalidKey> {
    static SIGNER: OnceLock<Arc<Signer>> = OnceLock::new();
    if let Some(signer) = SIGNER.get() {
        return Ok(signer.clone());
    }
    let signer = Arc::new(Signer::new(&Seed::parse(KEY)?)?);
    Ok(SIGNER.get_or_init(|| signer).clone())
}

/// When the next life ends, and how; never once the storm is over.
async fn end_of_life(world: &World, draws: &Draws, mean: Option<Duration>) -> End {
    if let Some(mean) = mean {
        let mean = u64::try_from(mean.as_millis()).unwrap_or(u64::MAX);
        sleep(draws.millis(1, 2 * mean)).await;
        if world.stormy() {
            let orderly = draws.chance(world.weather.orderly);
            return if orderly { End::Stop } else { End::Crash };
        }
    }
    std::future::pending().await
}

/// Waits while a node is down; no longer than the storm.
async fn down(world: &World, draws: &Draws) {
    let length = draws.millis(0, LONGEST_DOWN);
    let left = world.weather.storm.saturating_sub(world.elapsed());
    sleep(length.min(left)).await;
}

/// Lets a node live until its end; complains when it ends before.
async fn live<E: std::fmt::Display>(
    world: &World,
    name: &str,
    mut life: JoinHandle<Result<(), E>>,
    stop: &CancellationToken,
    end: impl Future<Output = End>,
) {
    let complain = |why: &str| {
        world.violate(Invariant::NoErrors, format!("{name} ended: {why}"));
    };
    let end = tokio::select! {
        biased;
        ended = &mut life => return match ended {
            Ok(Ok(())) => complain("unasked"),
            Ok(Err(error)) => complain(&error.to_string()),
            Err(error) => complain(&error.to_string()),
        },
        end = end => end,
    };
    match end {
        End::Crash => {
            world.trace(format_args!("{name} dies"));
            life.abort();
            // Its futures are dropped before the call returns.
            drop(life.await);
        }
        End::Stop => {
            world.trace(format_args!("{name} is stopped"));
            stop.cancel();
            match life.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => complain(&error.to_string()),
                Err(error) => complain(&error.to_string()),
            }
        }
    }
    world.trace(format_args!("{name} is down"));
}

/// An orchestrator and its next lives.
pub(crate) async fn orchestrator(world: Arc<World>, index: usize) {
    let name = format!("orchestrator-{index}");
    let draws = world.draws(&format!("life of {name}"));
    for number in 0.. {
        let Ok(signer) = signer() else {
            return world.violate(Invariant::NoErrors, "the signing key is none");
        };
        let (link, desk) = (
            Link::new(&world, &name, number),
            Desk::new(&world, &name, number),
        );
        let stop = CancellationToken::new();
        let mut tasks = Tasks::new(stop.clone());
        let entropy = world.draws(&format!("entropy {name} {number}"));
        let ports = Ports {
            store: desk.clone(),
            bus: link.clone(),
            signer,
            entropy: Arc::new(move || entropy.any()),
        };
        let options = Options {
            replica: name.clone(),
            bus_forgets: false,
            windows: world.weather.windows,
        };
        let planted = Plant::in_core(world.plant);
        let core = Core::start_planted(ports, options, planted, &mut tasks, &stop);
        world.trace(format_args!("{name} lives"));
        world.seat(
            index,
            Some(Seat {
                core,
                desk: desk.clone(),
            }),
        );
        let life = tokio::spawn(tasks.run(DRAIN));
        let end = async {
            let end = end_of_life(&world, &draws, world.weather.orchestrator_life).await;
            world.seat(index, None);
            if matches!(end, End::Crash) {
                link.close();
                desk.close();
            }
            end
        };
        live(&world, &name, life, &stop, end).await;
        world.seat(index, None);
        link.close();
        desk.close();
        down(&world, &draws).await;
    }
}

/// A worker and its next lives.
pub(crate) async fn worker(world: Arc<World>, index: u64) {
    let name = format!("worker-{index}");
    let draws = world.draws(&format!("life of {name}"));
    // How far its clock is off, milliseconds.
    let skew = i64::try_from(draws.between(0, 20_000)).unwrap_or(0) - 10_000;
    for number in 0.. {
        let Ok(signer) = signer() else {
            return world.violate(Invariant::NoErrors, "the signing key is none");
        };
        let link = Link::new(&world, &name, number);
        let clock = world.clone();
        let ports = worker::Ports {
            bus: link.clone(),
            verifier: Arc::new(Verifier::new([signer.public_key().clone()])),
            door: Arc::new(Hatch {
                draws: world.draws(&format!("door {name} {number}")),
                world: world.clone(),
            }),
            clock: Arc::new(move || clock.clock_moved(clock.moved() + skew)),
        };
        let mut options = worker::Options::new(name.as_str());
        options.drain = WORKER_DRAIN;
        options.slots = u32::try_from(draws.between(1, 8)).unwrap_or(1);
        let worker = match Worker::new(options, ports, agent::all(&world, &name)) {
            Ok(worker) => worker,
            Err(error) => return world.violate(Invariant::NoErrors, error.to_string()),
        };
        let worker = worker.planted(Plant::in_worker(world.plant));
        let stop = CancellationToken::new();
        world.trace(format_args!("{name} lives"));
        let run = worker.run(stop.clone());
        let life = tokio::spawn(async move {
            run.await;
            Ok::<_, std::convert::Infallible>(())
        });
        let end = async {
            let end = end_of_life(&world, &draws, world.weather.worker_life).await;
            world.log().excuse_worker(&name);
            if matches!(end, End::Crash) {
                link.close();
            }
            end
        };
        live(&world, &name, life, &stop, end).await;
        link.close();
        world.log().worker_is_gone(&name);
        down(&world, &draws).await;
    }
}

/// The workers' way to what is too large for a message: what any live orchestrator does with it.
struct Hatch {
    world: Arc<World>,
    draws: Draws,
}

#[async_trait]
impl Door for Hatch {
    async fn job_input(&self, _proof: &JobProof) -> Result<String, DoorError> {
        Err(DoorError::Refused("no simulated input is large".to_owned()))
    }

    async fn put_media(
        &self,
        _proof: &JobProof,
        _media: &model::media::Media,
    ) -> Result<ContentHash, DoorError> {
        Err(DoorError::Refused("no simulated agent draws".to_owned()))
    }

    async fn put_result(&self, proof: &JobProof, content: &str) -> Result<ContentHash, DoorError> {
        let away = |why: &str| DoorError::Unavailable(why.to_owned());
        let job: Job = wire::json::from_json(&proof.job, bus::limits::MAX_MESSAGE_BYTES)
            .map_err(|error| DoorError::Refused(error.to_string()))?;
        let tenant = model::TenantId::new(job.tenant)
            .map_err(|error| DoorError::Refused(error.to_string()))?;
        let seat = self
            .world
            .any_seat(&self.draws)
            .ok_or_else(|| away("no orchestrator"))?;
        let blob = Blob {
            hash: ContentHash::of(content.as_bytes()),
            content: content.to_owned(),
        };
        let hash = blob.hash.clone();
        let saved = seat.desk.save_blobs(&tenant, vec![blob]).await;
        saved.map_err(|error| away(&error.to_string()))?;
        Ok(hash)
    }
}

/// A live gateway, as its clients reach it.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) feed: Feed,
    streams: Arc<Mutex<JoinSet<()>>>,
}

impl Gateway {
    /// Serves a stream until the gateway dies.
    pub(crate) fn serve(&self, stream: impl Future<Output = ()> + Send + 'static) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        while streams.try_join_next().is_some() {}
        streams.spawn(stream);
    }

    fn cut_all(&self) {
        self.streams
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .abort_all();
    }
}

/// The gateway and its next lives.
pub(crate) async fn gateway(world: Arc<World>) {
    let name = "gateway-0";
    let draws = world.draws("life of the gateway");
    for number in 0.. {
        let link = Link::new(&world, name, number);
        let gateway = Gateway {
            feed: Feed::default(),
            streams: Arc::default(),
        };
        let stop = CancellationToken::new();
        let life = tokio::spawn(gateway.feed.clone().run(link.clone(), stop.clone()));
        world.trace(format_args!("{name} lives"));
        world.set_gateway(Some(gateway.clone()));
        let end = async {
            let end = end_of_life(&world, &draws, world.weather.gateway_life).await;
            world.set_gateway(None);
            gateway.cut_all();
            end
        };
        live(&world, name, life, &stop, end).await;
        world.set_gateway(None);
        gateway.cut_all();
        link.close();
        down(&world, &draws).await;
    }
}
