//! More of everything: what a run costs when 4,096 are under way, and what a second worker or a second
//! orchestrator brings. What is compared runs at the same time on the same servers, each on a database and a
//! bus of its own, and is measured in turn.

use std::{io::Write, sync::Arc};

use anyhow::Context;
use rig::{Nats, Postgres};
use tokio::sync::Semaphore;

use super::{
    Binaries, IN_FLIGHT, Samples, WARM_UP,
    load::Load,
    meter::Meter,
    product::{Client, Layout, Product},
    results::{Results, Rounds},
};

/// Many runs at once.
const MANY: usize = 4_096;
/// Submits at once: a caller with many runs has no more connections than one with few.
const SUBMITS: usize = 64;
/// How long the agents take, and the places for them, when workers are what there is too little of.
const AGENTS_TAKE_MS: u64 = 50;
const SLOTS: usize = 8;

/// A product with a bus of its own.
struct Side {
    product: Product,
    nats: Nats,
}

impl Side {
    async fn start(
        layout: Layout,
        binaries: &Binaries,
        postgres: &Postgres,
    ) -> anyhow::Result<Self> {
        let nats = Nats::own().await?;
        let database = postgres.database().await?;
        let product = Product::start_as(layout, binaries, &database, &nats).await?;
        product.check().await?;
        Ok(Self { product, nats })
    }
}

/// `scale.*`.
pub(super) async fn measure(
    samples: Samples,
    binaries: &Binaries,
    results: &mut Results,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let postgres = Postgres::own().await?;
    let mut rounds = Rounds::default();

    let side = Side::start(Layout::default(), binaries, &postgres).await?;
    let meter = Meter::new(&postgres, &side.nats).await?;
    for round in 0..samples.rounds {
        // Which one is first alternates, so that neither always finds what the other left.
        let mut sizes = [("scale.cpu_us_64", IN_FLIGHT), ("scale.cpu_us_4096", MANY)];
        sizes.rotate_left(round % 2);
        for (key, places) in sizes {
            let cost = cost(samples, &meter, &side.product, places).await?;
            rounds.add(key, cost);
        }
        writeln!(out, "  {}", rounds.latest())?;
    }
    drop((meter, side));

    let waiting = Layout {
        slots: SLOTS,
        agents_take_ms: AGENTS_TAKE_MS,
        ..Layout::default()
    };
    let two = Layout {
        agent_workers: 2,
        ..waiting
    };
    let sides = [
        ("scale.per_s_1_worker", waiting),
        ("scale.per_s_2_workers", two),
    ];
    in_turn(samples, binaries, &postgres, sides, &mut rounds, out).await?;

    let two = Layout {
        orchestrators: 2,
        ..Layout::default()
    };
    let sides = [
        ("scale.per_s_1_orchestrator", Layout::default()),
        ("scale.per_s_2_orchestrators", two),
    ];
    in_turn(samples, binaries, &postgres, sides, &mut rounds, out).await?;
    rounds.into_results(results);
    Ok(())
}

/// The throughput of two layouts, in turn.
async fn in_turn(
    samples: Samples,
    binaries: &Binaries,
    postgres: &Postgres,
    layouts: [(&str, Layout); 2],
    rounds: &mut Rounds,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut sides = Vec::new();
    for (key, layout) in layouts {
        sides.push((key, Side::start(layout, binaries, postgres).await?));
    }
    for _ in 0..samples.rounds {
        for (key, side) in &sides {
            let pace = pace(samples, &side.product.client()).await?;
            rounds.add(key, pace);
        }
        sides.reverse();
        writeln!(out, "  {}", rounds.latest())?;
    }
    for (_, side) in &sides {
        side.product.check().await?;
    }
    Ok(())
}

/// Campaigns a second, [`IN_FLIGHT`] at once.
pub(super) async fn pace(samples: Samples, client: &Client) -> anyhow::Result<f64> {
    let client = client.clone();
    let load = Load::start(IN_FLIGHT, move || {
        let client = client.clone();
        async move { client.campaign().await }
    });
    tokio::time::sleep(WARM_UP).await;
    let before = load.mark();
    tokio::time::sleep(samples.window).await;
    let runs = load.mark().since(&before);
    load.stop().await?;
    anyhow::ensure!(runs.count > 0, "no run ended within the window");
    Ok(runs.per_s())
}

/// CPU of the services and servers for one of so many runs at once, µs; the caller's own is left out.
async fn cost(
    samples: Samples,
    meter: &Meter,
    product: &Product,
    places: usize,
) -> anyhow::Result<f64> {
    let (client, submits) = (product.client(), Arc::new(Semaphore::new(SUBMITS)));
    let load = Load::start(places, move || {
        let (client, submits) = (client.clone(), submits.clone());
        async move {
            let place = submits.acquire().await?;
            let run = client.submit().await?;
            drop(place);
            client.rests.of(&run).await
        }
    });
    // Every place has had its first run: from now on as many end as begin.
    let start = load.mark();
    while load.mark().since(&start).count < places as u64 {
        tokio::time::sleep(WARM_UP / 10).await;
    }
    tokio::time::sleep(WARM_UP).await;
    let pids = product.pids();
    let (before, cpu) = (load.mark(), meter.cpu(&pids)?);
    tokio::time::sleep(samples.window).await;
    let (after, spent) = (load.mark(), meter.cpu(&pids)?);
    load.stop().await?;
    let runs = after.since(&before).count;
    anyhow::ensure!(runs > 0, "no run ended within the window");
    let spent = spent.into_iter().zip(cpu);
    let ours = spent.filter(|((name, _), _)| *name != "client");
    let spent: f64 = ours
        .map(|((_, after), (_, before))| (after - before).as_secs_f64())
        .sum();
    Some(spent * 1e6 / runs as f64)
        .filter(|cost| cost.is_finite())
        .context("the cost is no number")
}
