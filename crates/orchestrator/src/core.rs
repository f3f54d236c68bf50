//! The orchestrator without its doors: everything that commits, sends, listens and drives again, over
//! ports. The simulator runs exactly this.

pub mod commit;
mod contents;
pub mod dispatch;
mod durations;
pub mod event;
pub mod heads;
pub mod held;
pub mod intake;
pub mod limits;
mod parked;
pub mod peers;
pub mod places;
mod planted;
mod queue;
pub mod redrive;
pub mod republish;
pub mod submit;
pub mod timers;
pub mod workers;

use std::sync::Arc;

use ::service::supervise::Tasks;
use bus::{Bus, signature::Signer};
use store::port::CommitPath;
use tokio_util::sync::CancellationToken;

use self::{
    commit::Committer,
    contents::Contents,
    dispatch::{Dispatcher, Outage},
    durations::Durations,
    heads::Heads,
    peers::Peers,
    places::{Places, Windows},
    queue::Ready,
    timers::Alarm,
    workers::Workers,
};

#[doc(hidden)]
pub use self::planted::Planted;

/// What the core is given.
#[derive(Clone)]
pub struct Ports {
    /// The truth.
    pub store: Arc<dyn CommitPath>,
    /// The transport.
    pub bus: Arc<dyn Bus>,
    /// Signs jobs.
    pub signer: Arc<Signer>,
    /// Draws for jitter and ids.
    pub entropy: Arc<dyn Fn() -> u64 + Send + Sync>,
}

/// How a core runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// This replica's name; unique among the replicas.
    pub replica: String,
    /// The bus keeps nothing over a restart, so everything under way is driven again at start.
    pub bus_forgets: bool,
    /// How many jobs may be sent at once.
    pub windows: Windows,
}

/// The orchestrator's core. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Core {
    pub(crate) ports: Ports,
    pub(crate) options: Options,
    /// Takes commands.
    pub committer: Committer,
    pub(crate) contents: Contents,
    /// Who is alive and what it hosts.
    pub workers: Workers,
    /// Which runs changed.
    pub heads: Heads,
    pub(crate) peers: Peers,
    pub(crate) alarm: Alarm,
    pub(crate) planted: Planted,
    /// How long steps take.
    pub(crate) durations: Durations,
    /// How many jobs are sent.
    pub(crate) places: Places,
    pub(crate) ready: Ready,
}

impl Core {
    /// Wires a core and starts its tasks under `tasks`; they end with `stop`.
    pub fn start(
        ports: Ports,
        options: Options,
        tasks: &mut Tasks,
        stop: &CancellationToken,
    ) -> Self {
        Self::start_planted(ports, options, Planted::None, tasks, stop)
    }

    /// As [`Core::start`], with a bug planted; for the simulator alone.
    #[doc(hidden)]
    pub fn start_planted(
        ports: Ports,
        options: Options,
        planted: Planted,
        tasks: &mut Tasks,
        stop: &CancellationToken,
    ) -> Self {
        let contents = Contents::new(ports.store.clone());
        let heads = Heads::default();
        let alarm = Alarm::default();
        let durations = Durations::default();
        let outage = Outage::default();
        let places = Places::new(options.windows);
        let ready = Ready::default();
        let (dispatcher, mut sending) =
            Dispatcher::new(ports.clone(), contents.clone(), outage.clone());
        sending.planted = planted;
        let (committer, lane) = Committer::new(commit::Parts {
            store: ports.store.clone(),
            contents: contents.clone(),
            dispatcher,
            heads: heads.clone(),
            alarm: alarm.clone(),
            durations: durations.clone(),
            places: places.clone(),
            ready: ready.clone(),
            planted,
        });
        let core = Self {
            peers: Peers::new(&options.replica),
            ports,
            options,
            committer,
            contents,
            workers: Workers::default(),
            heads,
            alarm,
            planted,
            durations,
            places,
            ready,
        };
        tasks.spawn("commit lane", lane.run(stop.clone()));
        tasks.spawn("dispatch", sending.run(stop.clone()));
        tasks.spawn("presence", peers::run(core.clone(), stop.clone()));
        tasks.spawn("worker presence", workers::run(core.clone(), stop.clone()));
        tasks.spawn("outcomes", intake::run(core.clone(), stop.clone()));
        tasks.spawn("timers", timers::run(core.clone(), stop.clone()));
        tasks.spawn("ready jobs", queue::run(core.clone(), stop.clone()));
        tasks.spawn("redrive", redrive::run(core.clone(), stop.clone()));
        tasks.spawn("heads out", heads::run(core.clone(), stop.clone()));
        tasks.spawn("heads in", heads::listen(core.clone(), stop.clone()));
        tasks.spawn(
            "republish",
            republish::run(core.clone(), outage, stop.clone()),
        );
        core
    }
}
