//! What goes wrong: how much of each fault a seed has, and the faults that hit the world as a whole.

use std::{sync::Arc, time::Duration};

use orchestrator::core::places::Windows;
use tokio::time::sleep;

use crate::{draws::Draws, world::World};

/// Two hours, in milliseconds: the largest jump of the clock.
const TWO_HOURS: u64 = 2 * 60 * 60 * 1_000;

/// How much of each fault a seed has. Rates are per call or message.
#[derive(Debug, Clone)]
pub(crate) struct Weather {
    /// How long faults happen.
    pub(crate) storm: Duration,
    /// Workers.
    pub(crate) workers: u64,
    /// Runs asked for.
    pub(crate) runs: u64,
    /// Slowest half of a call to the store, milliseconds.
    pub(crate) store_latency: u64,
    /// Calls to the store that fail before they have an effect.
    pub(crate) store_unavailable: f64,
    /// Commits whose answer is lost.
    pub(crate) commit_unknown: f64,
    /// Slowest way to the bus or back, milliseconds.
    pub(crate) bus_latency: u64,
    /// Messages acknowledged and lost.
    pub(crate) publish_lost: f64,
    /// Publishes without an answer.
    pub(crate) publish_unknown: f64,
    /// Messages that arrive long after their acknowledgement, out of order.
    pub(crate) publish_late: f64,
    /// Acks that the bus forgets.
    pub(crate) ack_forgotten: f64,
    /// Broadcasts that nobody hears; never more than two in a row.
    pub(crate) broadcast_lost: f64,
    /// Broadcasts that come late.
    pub(crate) broadcast_late: f64,
    /// Mean time between two deaths of an orchestrator, a worker, the gateway; none for never.
    pub(crate) orchestrator_life: Option<Duration>,
    /// See above.
    pub(crate) worker_life: Option<Duration>,
    /// See above.
    pub(crate) gateway_life: Option<Duration>,
    /// Share of deaths that are orderly stops.
    pub(crate) orderly: f64,
    /// Faults of the world as a whole, with when they strike.
    pub(crate) strikes: Vec<(Duration, Strike)>,
    /// Slowest call of an agent, milliseconds.
    pub(crate) slowest_agent: u64,
    /// Calls of agents that fail.
    pub(crate) agent_fails: f64,
    /// Results that are too large for a message.
    pub(crate) large_results: f64,
    /// How many jobs may be sent at once; so few in some worlds that jobs wait.
    pub(crate) windows: Windows,
}

/// A fault of the world as a whole.
#[derive(Debug, Clone)]
pub(crate) enum Strike {
    /// The bus loses all that it keeps.
    Wipe,
    /// The store answers nobody.
    Outage(Duration),
    /// The clock jumps by so many milliseconds.
    Jump(i64),
    /// A node of this kind hears and reaches no bus.
    Cut(Kind, Duration),
}

/// A kind of node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `orchestrator-…`
    Orchestrator,
    /// `worker-…`
    Worker,
    /// `gateway-…`
    Gateway,
}

impl Kind {
    /// What the names of its nodes begin with.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Orchestrator => "orchestrator-",
            Self::Worker => "worker-",
            Self::Gateway => "gateway-",
        }
    }
}

impl Weather {
    /// The weather of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let draws = Draws::new(seed, "weather");
        let life = |least, most| {
            let often = draws.millis(least, most);
            draws.chance(0.6).then_some(often)
        };
        let storm = draws.millis(10_000, 75_000);
        Self {
            storm,
            workers: draws.between(2, 3),
            runs: draws.between(2, 6),
            store_latency: draws.between(0, 40),
            store_unavailable: draws.rate(0.08),
            commit_unknown: draws.rate(0.2),
            bus_latency: draws.between(0, 30),
            publish_lost: draws.rate(0.1),
            publish_unknown: draws.rate(0.1),
            publish_late: draws.rate(0.1),
            ack_forgotten: draws.rate(0.2),
            broadcast_lost: draws.rate(0.3),
            broadcast_late: draws.rate(0.2),
            orchestrator_life: life(3_000, 40_000),
            worker_life: life(3_000, 40_000),
            gateway_life: life(3_000, 40_000),
            orderly: draws.rate(0.6),
            strikes: strikes(&draws, storm),
            slowest_agent: draws.between(100, 15_000),
            agent_fails: draws.rate(0.4),
            large_results: draws.rate(0.1),
            windows: windows(&draws),
        }
    }
}

fn windows(draws: &Draws) -> Windows {
    let usual = Windows::default();
    if draws.chance(0.5) {
        return usual;
    }
    let most = u32::try_from(draws.between(1, 4)).unwrap_or(1);
    Windows {
        most,
        unhosted: most,
    }
}

fn strikes(draws: &Draws, storm: Duration) -> Vec<(Duration, Strike)> {
    let length = u64::try_from(storm.as_millis()).unwrap_or(u64::MAX);
    let mut strikes = Vec::new();
    let mut add = |most: u64, strike: &dyn Fn() -> Strike| {
        for _ in 0..draws.between(0, most) {
            strikes.push((draws.millis(0, length), strike()));
        }
    };
    add(1, &|| Strike::Wipe);
    add(1, &|| Strike::Outage(draws.millis(200, 15_000)));
    add(1, &|| {
        Strike::Cut(Kind::Orchestrator, draws.millis(200, 8_000))
    });
    add(2, &|| {
        Strike::Cut(Kind::Worker, draws.millis(1_000, 30_000))
    });
    add(1, &|| Strike::Cut(Kind::Gateway, draws.millis(200, 15_000)));
    if draws.chance(0.3) {
        add(2, &|| {
            let far = if draws.chance(0.15) {
                TWO_HOURS
            } else {
                30_000
            };
            let by = i64::try_from(draws.between(0, 2 * far)).unwrap_or(0);
            Strike::Jump(by - i64::try_from(far).unwrap_or(0))
        });
    }
    strikes.sort_by_key(|(at, _)| *at);
    strikes
}

/// Strikes as the weather says, and ends the storm.
pub(crate) async fn strike(world: Arc<World>) {
    for (at, strike) in world.weather.strikes.clone() {
        sleep(at.saturating_sub(world.elapsed())).await;
        world.trace(format_args!("strike {strike:?}"));
        match strike {
            Strike::Wipe => world.wipe(),
            Strike::Outage(length) => world.no_store_for(length),
            Strike::Jump(by) => world.jump(by),
            Strike::Cut(kind, length) => world.cut(kind, length),
        }
    }
    sleep(world.weather.storm.saturating_sub(world.elapsed())).await;
    world.calm_down();
}
