//! `make test-faults`: kill processes and servers in mid-run; every run must end whole.

use std::{io::Write, path::Path, process::ExitCode};

use anyhow::Context;
use clap::{Parser, ValueEnum};
use futures::StreamExt;
use system_tests::faults::{
    report::Report,
    share,
    trial::{self, Fault, Trial},
};

/// Where a recorded report goes.
const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/records/faults.md");

/// Kills processes and servers in mid-run; every run must end whole.
#[derive(Parser)]
#[command(version)]
struct Command {
    /// Seeds of each kind of trial, from 0 on.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// Only this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Campaigns of each trial.
    #[arg(long, default_value_t = 50)]
    runs: usize,
    /// Campaigns of the trial with several replicas.
    #[arg(long, default_value_t = 200)]
    shared_runs: usize,
    /// Only these trials.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Kind>,
    /// Trials at once, each on a system of its own.
    #[arg(long, default_value_t = 2)]
    at_once: usize,
    /// Also write the report to docs/records/faults.md.
    #[arg(long)]
    record: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// SIGKILL of one of our binaries.
    Kill,
    /// SIGKILL of NATS, and its store removed.
    Wipe,
    /// Several replicas share the work.
    Share,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let command = Command::parse();
    let mut out = std::io::stdout();
    let report = command.run(&mut out).await?;
    writeln!(out, "\n{report}")?;
    if command.record {
        record(&report)?;
    }
    Ok(if report.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Command {
    fn wants(&self, kind: Kind) -> bool {
        self.only.is_empty() || self.only.contains(&kind)
    }

    fn trials(&self) -> Vec<Trial> {
        let seeds = || match self.seed {
            Some(seed) => seed..seed + 1,
            None => 0..self.seeds,
        };
        let runs = self.runs;
        let of = |fault: fn(u64) -> Fault| {
            seeds().map(move |seed| Trial {
                seed,
                runs,
                fault: fault(seed),
            })
        };
        let mut trials = Vec::new();
        if self.wants(Kind::Kill) {
            trials.extend(of(Fault::of_seed));
        }
        if self.wants(Kind::Wipe) {
            trials.extend(of(|_| Fault::WipeNats));
        }
        trials
    }

    async fn run(&self, out: &mut impl Write) -> anyhow::Result<Report> {
        let mut report = Report::default();
        let trials = self.trials();
        let all = trials.len();
        let mut ended = futures::stream::iter(trials)
            .map(|trial| async move { (trial, trial::run(trial).await) })
            .buffer_unordered(self.at_once.max(1));
        let mut number = 0;
        while let Some((trial, result)) = ended.next().await {
            number += 1;
            write!(out, "{number}/{all} seed {}, {}: ", trial.seed, trial.fault)?;
            match result {
                Ok(outcome) => {
                    writeln!(out, "held, {:.1} s", outcome.seconds)?;
                    report.trials.push(outcome);
                }
                Err(error) => {
                    writeln!(out, "FAILED: {error:#}")?;
                    report.failures.push(format!("{error:#}"));
                }
            }
        }
        report
            .trials
            .sort_by_key(|trial| (trial.fault == Fault::WipeNats, trial.seed));
        if self.wants(Kind::Share) {
            match share::run(self.seed.unwrap_or_default(), self.shared_runs).await {
                Ok(outcome) => report.share = Some(outcome),
                Err(error) => report.failures.push(format!("shared work: {error:#}")),
            }
            writeln!(out, "shared work: {} failures", report.failures.len())?;
        }
        Ok(report)
    }
}

fn record(report: &Report) -> anyhow::Result<()> {
    let path = Path::new(RECORD);
    let text = format!(
        "# Fault trials\n\nWritten by `make test-faults` (`cargo run --release -p system-tests --bin faults -- \
         --record`) on real processes, Postgres and NATS of one machine.\nSeed i kills binary i mod 4 of \
         orchestrator, agent-worker, audit-worker, event-gateway; the moment is drawn in events seen by the \
         subscribers.\n\n{report}"
    );
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}
