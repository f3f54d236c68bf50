//! `make bench`: this machine, the bare design and the product, measured in one run on the same servers.
//!
//! It must never switch anything off for the product that production has on, and never compare figures
//! of two runs: whatever is a ratio was measured side by side, round by round.
//!
//! Start with [`run`]. `floor` is what the machine gives, `bare` the same commits and messages with no
//! product in between, `product` the real processes, `pipeline` eight steps through the orchestrator's
//! library, `watch` what subscribers and workers wait for, `scale` what more runs, workers and orchestrators
//! make of it, `history` what a million runs of before do, `model10s` five campaigns with a slow model,
//! `single` the one process of `dev` and `demo`;
//! `load` offers work, `meter` reads what it cost, `results` holds the keys and their gates.

mod bare;
mod floor;
mod history;
mod load;
mod meter;
mod model10s;
mod pipeline;
mod product;
mod record;
mod rest;
mod results;
mod scale;
mod single;
mod watch;

use std::{future::Future, io::Write, path::PathBuf, time::Duration};

use anyhow::Context;
use rig::{Binary, Nats, Postgres};

use self::{
    bare::{Bare, Shape},
    load::{Load, one_at_a_time},
    meter::{Meter, STATISTICS_LAG},
    pipeline::Pipeline,
    product::Product,
    results::{Results, Rounds},
};

/// Runs at once when throughput is measured.
const IN_FLIGHT: usize = 64;
/// What a load gets to reach its pace before it is measured.
const WARM_UP: Duration = Duration::from_secs(2);
/// Runs before the first that is timed.
const WARM_RUNS: usize = 50;

/// The command line.
#[derive(Debug, clap::Parser)]
#[command(
    name = "bench",
    version,
    about = "Measures this machine, the bare design and the product"
)]
pub struct Options {
    /// Much fewer samples: to see that it works, not to compare.
    #[arg(long)]
    pub quick: bool,
    /// End well even when a gate is not met.
    #[arg(long)]
    pub no_gates: bool,
    /// Also write docs/benchmarks.md.
    #[arg(long)]
    pub record: bool,
    /// How often everything is measured; the medians count.
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// How long each throughput is measured, seconds.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Measure only this part; what is left out fails its gates, and there is no record.
    #[arg(long, conflicts_with = "record")]
    pub only: Option<Part>,
    /// Take the product's binaries as they stand beside this one, however old.
    #[arg(long)]
    pub as_built: bool,
    /// Be the bare design's worker at this NATS server.
    #[arg(long, hide = true, value_name = "URL")]
    pub bare_worker: Option<String>,
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// The floor, the bare design and the services.
    Services,
    /// The floor, idle services, and those who watch.
    Watch,
    /// More runs at once, more workers, more orchestrators.
    Scale,
    /// A database with a million runs of before.
    History,
    /// Campaigns with a model that answers in ten seconds.
    Model10s,
    /// The one process of `dev` and `demo`.
    Process,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Samples {
    rounds: usize,
    campaigns: usize,
    pipelines: usize,
    window: Duration,
    floor: Duration,
    watch: watch::Samples,
    /// Runs of before.
    history: usize,
}

impl Samples {
    fn of(options: &Options) -> Self {
        let rounds = match (options.only, options.quick) {
            (Some(Part::Watch), _) => 0,
            (_, true) => 1,
            (_, false) => options.rounds.max(1),
        };
        if options.quick {
            Self {
                rounds,
                campaigns: 100,
                pipelines: 50,
                window: Duration::from_secs(3),
                floor: Duration::from_secs(1),
                watch: watch::Samples {
                    runs: 20,
                    crowded: 5,
                },
                history: 20_000,
            }
        } else {
            Self {
                rounds,
                campaigns: 500,
                pipelines: 200,
                window: Duration::from_secs(options.seconds.max(1)),
                floor: Duration::from_secs(3),
                watch: watch::Samples {
                    runs: 200,
                    crowded: 20,
                },
                history: 1_000_000,
            }
        }
    }
}

/// The bare design's worker, until the bench that started it ends.
///
/// # Errors
/// When NATS does not answer.
pub async fn bare_worker(nats: &str) -> anyhow::Result<()> {
    bare::worker(nats).await
}

/// Measures everything and writes the results; says whether every gate is met.
///
/// # Errors
/// When a part does not start, or a run does not end as it should: then nothing was measured.
pub async fn run(options: &Options, out: &mut impl Write) -> anyhow::Result<bool> {
    let samples = Samples::of(options);
    service::crypto::install_crypto();
    let running = std::env::current_exe()?;
    let binaries = Binaries {
        folder: running
            .parent()
            .context("the bench has no folder")?
            .to_owned(),
    };
    if !options.as_built {
        writeln!(out, "building the release binaries")?;
        binaries.build().await?;
    }
    let mut results = Results::default();
    let measured = measure(options, samples, &binaries, &mut results, out).await;
    // What was measured before something failed is told too.
    write!(out, "\n{results}")?;
    measured?;
    results.write_json()?;
    if options.record {
        record::write(&results)?;
    }
    Ok(results.gates_met())
}

async fn measure(
    options: &Options,
    samples: Samples,
    binaries: &Binaries,
    results: &mut Results,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let asked = |part| options.only.is_none_or(|only| only == part);
    if asked(Part::Services) || asked(Part::Watch) {
        services(samples, binaries, results, out).await?;
    }
    if asked(Part::Scale) {
        writeln!(out, "measuring more runs, workers and orchestrators")?;
        scale::measure(samples, binaries, results, out).await?;
    }
    if asked(Part::History) {
        writeln!(out, "measuring beside the runs of before")?;
        history::measure(samples, binaries, results, out).await?;
    }
    if asked(Part::Model10s) {
        writeln!(out, "measuring with a model of ten seconds")?;
        model10s::measure(binaries, results).await?;
    }
    if asked(Part::Process) {
        writeln!(out, "measuring the one process")?;
        single::one_process(binaries, samples.window, results).await?;
    }
    Ok(())
}

async fn services(
    samples: Samples,
    binaries: &Binaries,
    results: &mut Results,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let postgres = Postgres::own().await?;
    let nats = Nats::own().await?;
    results.set_machine(&postgres, &nats).await?;

    writeln!(out, "measuring the floor")?;
    floor::measure(&postgres, nats.url(), samples.floor, results).await?;

    let meter = Meter::new(&postgres, &nats).await?;
    let worker = Binary::at(std::env::current_exe()?)
        .arg("--bare-worker")
        .arg(nats.url())
        .start()
        .await?;
    let bare = Bare::start(&postgres.database().await?, nats.url()).await?;
    writeln!(out, "looking at idle services")?;
    let mut fresh = Product::start(binaries, &postgres, &nats).await?;
    fresh.add_gateway(binaries, &nats).await?;
    fresh.check().await?;
    single::idle(&meter, &fresh.pids(), results).await?;
    drop(fresh);
    let mut product = Product::start(binaries, &postgres, &nats).await?;
    let pipeline = Pipeline::start(binaries, &postgres).await?;
    product.check().await?;
    pipeline.check().await?;

    let mut rounds = Rounds::default();
    for round in 1..=samples.rounds {
        writeln!(out, "round {round} of {}", samples.rounds)?;
        measure_round(samples, &meter, &bare, &product, &pipeline, &mut rounds).await?;
        writeln!(out, "  {}", rounds.latest())?;
    }
    if samples.rounds > 0 {
        rounds.into_results(results);
        writeln!(out, "counting commits and messages")?;
        count(samples, &meter, &bare, &product, results).await?;
        product.check().await?;
    }

    writeln!(out, "watching")?;
    let client = pipeline.client();
    watch::handoffs(&client, pipeline.nats(), samples.watch, results).await?;
    drop((worker, bare, client, pipeline));
    let gateway = product.add_gateway(binaries, &nats).await?;
    let client = product.client();
    watch::events(&client, &gateway, nats.url(), samples.watch, results).await?;
    single::loaded(&product.pids(), results)
}

/// Everything that is timed, once; bare and product in turn.
async fn measure_round(
    samples: Samples,
    meter: &Meter,
    bare: &Bare,
    product: &Product,
    pipeline: &Pipeline,
    rounds: &mut Rounds,
) -> anyhow::Result<()> {
    let one = |shape| {
        let bare = bare.clone();
        move || {
            let bare = bare.clone();
            async move { bare.run(shape).await }
        }
    };
    let campaign = || {
        let product = product.client();
        move || {
            let product = product.clone();
            async move { product.campaign().await }
        }
    };

    let latencies = one_at_a_time(WARM_RUNS, samples.campaigns, one(Shape::Campaign)).await?;
    rounds.latencies("bare", &latencies);
    let latencies = one_at_a_time(WARM_RUNS, samples.campaigns, campaign()).await?;
    rounds.latencies("campaign", &latencies);

    throughput(samples, meter, "bare", &[], one(Shape::Campaign), rounds).await?;
    let pids = product.pids();
    throughput(samples, meter, "campaign", &pids, campaign(), rounds).await?;

    let latencies = one_at_a_time(WARM_RUNS, samples.pipelines, one(Shape::Pipeline)).await?;
    rounds.latencies("bare.pipeline", &latencies);
    let run = || {
        let pipeline = pipeline.client();
        async move { pipeline.run().await }
    };
    let latencies = one_at_a_time(WARM_RUNS, samples.pipelines, run).await?;
    rounds.latencies("pipeline", &latencies);
    Ok(())
}

/// Runs at full pace; the CPU of the processes `pids` is taken down too.
async fn throughput<F: Future<Output = anyhow::Result<()>> + Send + 'static>(
    samples: Samples,
    meter: &Meter,
    name: &str,
    pids: &[(&'static str, Option<u32>)],
    run: impl Fn() -> F + Clone + Send + Sync + 'static,
    rounds: &mut Rounds,
) -> anyhow::Result<()> {
    let load = Load::start(IN_FLIGHT, run);
    tokio::time::sleep(WARM_UP).await;
    let (before, cpu) = (load.mark(), meter.cpu(pids)?);
    tokio::time::sleep(samples.window).await;
    let (after, spent) = (load.mark(), meter.cpu(pids)?);
    load.stop().await?;
    let runs = after.since(&before);
    anyhow::ensure!(runs.count > 0, "no run of {name} ended within the window");
    rounds.add(&format!("{name}.per_s_64"), runs.per_s());
    for ((what, after), (_, before)) in spent.into_iter().zip(cpu) {
        let each = (after - before).as_secs_f64() * 1e6 / runs.count as f64;
        rounds.add(&format!("{name}.{what}_cpu_us"), each);
    }
    Ok(())
}

/// Commits that wait for the disk and messages, per run. Postgres tells its counts late, so this is apart
/// from what is timed.
async fn count(
    samples: Samples,
    meter: &Meter,
    bare: &Bare,
    product: &Product,
    results: &mut Results,
) -> anyhow::Result<()> {
    let of_bare = {
        let bare = bare.clone();
        move || {
            let bare = bare.clone();
            async move { bare.run(Shape::Campaign).await }
        }
    };
    let of_product = {
        let product = product.client();
        move || {
            let product = product.clone();
            async move { product.campaign().await }
        }
    };
    for (name, places) in [
        ("bare", 1),
        ("campaign", 1),
        ("bare", IN_FLIGHT),
        ("campaign", IN_FLIGHT),
    ] {
        tokio::time::sleep(STATISTICS_LAG).await;
        let before = meter.counts().await?;
        let load = match name {
            "bare" => Load::start(places, of_bare.clone()),
            _ => Load::start(places, of_product.clone()),
        };
        tokio::time::sleep(samples.window / 2).await;
        let runs = load.stop().await?;
        tokio::time::sleep(STATISTICS_LAG).await;
        let counts = meter.counts().await?.since(&before);
        let each = |count: u64| count as f64 / runs.max(1) as f64;
        let pace = if places == 1 { "sequential" } else { "64" };
        results.set(&format!("{name}.flushes_{pace}"), each(counts.flushes));
        results.set(&format!("{name}.commits_{pace}"), each(counts.transactions));
        if places > 1 {
            results.set(&format!("{name}.wal_bytes"), each(counts.wal_bytes));
        } else if name == "campaign" {
            results.set("campaign.messages", each(counts.messages));
            results.set("campaign.events", each(counts.events));
        }
    }
    Ok(())
}

/// The binaries of the product, up to date and in this profile.
struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    fn get(&self, name: &str) -> Binary {
        Binary::at(self.folder.join(name))
    }

    async fn build(&self) -> anyhow::Result<()> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = tokio::process::Command::new(cargo);
        command
            .args(["build", "--locked", "--quiet", "--bins"])
            .args(["-p", "orchestrator", "-p", "agent-worker"])
            .args([
                "-p",
                "audit-worker",
                "-p",
                "event-gateway",
                "-p",
                "pressrun",
            ])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        if self.folder.ends_with("release") {
            command.arg("--release");
        }
        let status = command.status().await.context("cargo does not start")?;
        anyhow::ensure!(status.success(), "the product does not build");
        Ok(())
    }
}
