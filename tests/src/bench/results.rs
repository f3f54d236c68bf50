//! The keys of `results.json`, and which of them must be met.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use anyhow::Context;
use rig::{Nats, Postgres};
use serde_json::{Map, Value, json};

use super::load::Latencies;

/// Where the results go, from the folder of this package.
const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench/results.json");

/// What a figure must reach, and what it should.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) key: &'static str,
    pub(super) bound: Bound,
    pub(super) gate: f64,
    pub(super) aim: f64,
}

/// Which side of its target a figure belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    AtMost,
    AtLeast,
}

impl Bound {
    fn holds(self, value: f64, target: f64) -> bool {
        match self {
            Self::AtMost => value <= target,
            Self::AtLeast => value >= target,
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::AtMost => "≤",
            Self::AtLeast => "≥",
        }
    }
}

pub(super) const TARGETS: [Target; 25] = [
    at_most("campaign.p50_vs_bare", 2.0, 1.4),
    at_most("campaign.p99_vs_p50", 3.0, 2.0),
    at_least("campaign.throughput_vs_bare", 0.25, 0.5),
    at_most("campaign.pg_cpu_us", 280.0, 180.0),
    at_most("pipeline.p50_vs_bare", 2.0, 1.3),
    at_most("campaign.flushes_sequential", 5.0, 4.0),
    at_most("campaign.flushes_64", 1.0, 0.3),
    at_most("campaign.messages", 8.0, 8.0),
    at_most("handoff.p50_vs_floor", 3.0, 1.6),
    at_most("handoff.p99_vs_floor", 3.0, 1.6),
    at_most("events.p50_vs_hop", 8.0, 4.0),
    at_most("events.p99_ms_1000_subscribers", 50.0, 20.0),
    at_most("first_event_ms", 5.0, 2.0),
    at_most("scale.per_run_cost_4096_vs_64", 1.2, 1.0),
    at_least("scale.workers_2_vs_1", 1.8, 1.95),
    at_least("scale.orchestrators_2_vs_1", 0.9, 1.2),
    at_least("history.throughput_1M_vs_empty", 0.9, 0.98),
    at_most("model10s.total_s", 60.0, 21.0),
    at_most("model10s.first_artifact_s", 15.0, 10.1),
    at_most("model10s.event_p99_s", 2.0, 0.05),
    at_most("idle.queries_per_s", 1.0, 0.5),
    at_most("idle.rss_mb", 50.0, 25.0),
    at_least("dev.runs_per_s", 500.0, 2_000.0),
    at_most("dev.start_ms", 300.0, 100.0),
    at_most("demo.seconds", 5.0, 2.0),
];

const fn at_least(key: &'static str, gate: f64, aim: f64) -> Target {
    Target {
        key,
        bound: Bound::AtLeast,
        gate,
        aim,
    }
}

const fn at_most(key: &'static str, gate: f64, aim: f64) -> Target {
    Target {
        key,
        bound: Bound::AtMost,
        gate,
        aim,
    }
}

/// How a figure stands to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Aim,
    Gate,
    Fail,
}

impl Target {
    fn verdict(&self, value: Option<f64>) -> Verdict {
        match value {
            Some(value) if self.bound.holds(value, self.aim) => Verdict::Aim,
            Some(value) if self.bound.holds(value, self.gate) => Verdict::Gate,
            _ => Verdict::Fail,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Aim => "aim met",
            Self::Gate => "gate met",
            Self::Fail => "FAILS",
        })
    }
}

/// Figures by key.
#[derive(Debug, Default)]
pub(super) struct Results {
    machine: Map<String, Value>,
    figures: BTreeMap<String, f64>,
}

impl Results {
    pub(super) fn set(&mut self, key: &str, value: f64) {
        self.figures.insert(key.to_owned(), value);
    }

    pub(super) fn get(&self, key: &str) -> Option<f64> {
        self.figures.get(key).copied()
    }

    /// What it ran on: figures of two machines are compared only as ratios.
    pub(super) async fn set_machine(
        &mut self,
        postgres: &Postgres,
        nats: &Nats,
    ) -> anyhow::Result<()> {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let cores = std::thread::available_parallelism()?.get();
        for (key, value) in [
            ("cpu", json!(field(&read("/proc/cpuinfo"), "model name"))),
            ("cores", json!(cores)),
            ("memory", json!(field(&read("/proc/meminfo"), "MemTotal"))),
            ("kernel", json!(read("/proc/sys/kernel/osrelease").trim())),
            (
                "postgres",
                json!(postgres.query("show server_version").await?),
            ),
            ("fsync", json!(postgres.query("show fsync").await?)),
            ("nats", json!(nats.version())),
        ] {
            self.machine.insert(key.to_owned(), value);
        }
        Ok(())
    }

    pub(super) fn machine(&self) -> &Map<String, Value> {
        &self.machine
    }

    /// The targets with the figures and how they stand.
    pub(super) fn verdicts(&self) -> impl Iterator<Item = (Target, Option<f64>, Verdict)> + '_ {
        TARGETS.into_iter().map(|target| {
            let value = self.get(target.key);
            (target, value, target.verdict(value))
        })
    }

    pub(super) fn gates_met(&self) -> bool {
        self.verdicts()
            .all(|(_, _, verdict)| verdict != Verdict::Fail)
    }

    /// Writes `target/bench/results.json`: flat, figures of four significant digits.
    pub(super) fn write_json(&self) -> anyhow::Result<()> {
        let mut all = Map::new();
        all.insert("machine".to_owned(), Value::Object(self.machine.clone()));
        for (key, value) in &self.figures {
            all.insert(key.clone(), json!(significant(*value)));
        }
        let path = PathBuf::from(RESULTS);
        let folder = path.parent().context("the results have no folder")?;
        std::fs::create_dir_all(folder)?;
        let text = serde_json::to_string_pretty(&all)? + "\n";
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
    }
}

/// The table for people: the targets first, then every figure.
impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<32} {:>10} {:>9} {:>9}  verdict",
            "key", "measured", "gate", "aim"
        )?;
        for (target, value, verdict) in self.verdicts() {
            let sign = target.bound.sign();
            writeln!(
                f,
                "{:<32} {:>10} {:>9} {:>9}  {verdict}",
                target.key,
                shown(value),
                format!("{sign} {}", target.gate),
                format!("{sign} {}", target.aim),
            )?;
        }
        writeln!(f)?;
        for (key, value) in &self.figures {
            if !TARGETS.iter().any(|target| target.key == key) {
                writeln!(f, "{key:<32} {:>10}", shown(Some(*value)))?;
            }
        }
        Ok(())
    }
}

/// A figure for people.
pub(super) fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| significant(value).to_string())
}

/// Rounded to four significant digits.
fn significant(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

/// What each round found; the medians over the rounds count.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    figures: BTreeMap<String, Vec<f64>>,
}

impl Rounds {
    pub(super) fn add(&mut self, key: &str, value: f64) {
        self.figures.entry(key.to_owned()).or_default().push(value);
    }

    pub(super) fn latencies(&mut self, name: &str, latencies: &Latencies) {
        let (p50, p99) = (latencies.within(0.5), latencies.within(0.99));
        self.add(&format!("{name}.p50_ms"), p50);
        self.add(&format!("{name}.p99_ms"), p99);
        self.add(&format!("{name}.p99_vs_p50"), p99 / p50);
    }

    /// What the last round found, on one line.
    pub(super) fn latest(&self) -> String {
        let latest = self
            .figures
            .iter()
            .map(|(key, values)| format!("{key} {}", shown(values.last().copied())));
        latest.collect::<Vec<_>>().join(", ")
    }

    /// Ratios are made within a round, of what was measured moments apart.
    pub(super) fn into_results(mut self, results: &mut Results) {
        for (key, over, under) in [
            (
                "scale.per_run_cost_4096_vs_64",
                "scale.cpu_us_4096",
                "scale.cpu_us_64",
            ),
            (
                "scale.workers_2_vs_1",
                "scale.per_s_2_workers",
                "scale.per_s_1_worker",
            ),
            (
                "scale.orchestrators_2_vs_1",
                "scale.per_s_2_orchestrators",
                "scale.per_s_1_orchestrator",
            ),
            (
                "history.throughput_1M_vs_empty",
                "history.per_s_1M",
                "history.per_s_empty",
            ),
            ("campaign.p50_vs_bare", "campaign.p50_ms", "bare.p50_ms"),
            (
                "campaign.throughput_vs_bare",
                "campaign.per_s_64",
                "bare.per_s_64",
            ),
            (
                "pipeline.p50_vs_bare",
                "pipeline.p50_ms",
                "bare.pipeline.p50_ms",
            ),
        ] {
            let of = |key: &str| self.figures.get(key).cloned().unwrap_or_default();
            let ratios = of(over).into_iter().zip(of(under)).map(|(a, b)| a / b);
            let ratios: Vec<_> = ratios.collect();
            if !ratios.is_empty() {
                self.figures.insert(key.to_owned(), ratios);
            }
        }
        for (key, values) in self.figures {
            if let Some(median) = median(values) {
                results.set(&key, median);
            }
        }
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some((values.get(middle - 1)? + upper) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_ratios_is_taken_within_the_rounds() {
        let mut rounds = Rounds::default();
        for (product, bare) in [(4.0, 2.0), (30.0, 10.0), (5.0, 1.0)] {
            rounds.add("campaign.p50_ms", product);
            rounds.add("bare.p50_ms", bare);
        }
        let mut results = Results::default();
        rounds.into_results(&mut results);
        assert_eq!(results.get("campaign.p50_vs_bare"), Some(3.0));
        assert_eq!(results.get("campaign.p50_ms"), Some(5.0));
        assert_eq!(median(vec![1.0, 2.0]), Some(1.5));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn a_gate_is_met_by_the_right_side_and_by_nothing_that_was_not_measured() {
        let mut results = Results::default();
        assert!(!results.gates_met());
        for target in TARGETS {
            results.set(target.key, target.gate);
        }
        assert!(results.gates_met());
        results.set("campaign.throughput_vs_bare", 0.2);
        assert!(!results.gates_met());
        results.set("campaign.throughput_vs_bare", 0.6);
        results.set("campaign.p50_vs_bare", 2.01);
        assert!(!results.gates_met());
    }

    #[test]
    fn figures_keep_four_digits() {
        for (value, wanted) in [
            (0.0, 0.0),
            (1.23456, 1.235),
            (98_765.4, 98_770.0),
            (0.001_234_56, 0.001_235),
        ] {
            assert!((significant(value) - wanted).abs() < 1e-9, "{value}");
        }
    }
}
