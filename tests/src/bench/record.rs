//! `docs/benchmarks.md`: the results for people, with a plot.

use std::fmt::Write;

use anyhow::Context;

use super::results::{Bound, Results, Verdict, shown};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/benchmarks.md");
/// Characters of the longest bar.
const WIDTH: f64 = 40.0;

const HEAD: &str = "\
# Benchmarks

Written by `make bench` with `--record` (`cargo run --release -p system-tests --bin bench -- --record`): real
Postgres with fsync, real NATS, and every process on one machine. Figures of two machines are compared only as
ratios to the bare design, which is measured beside the product, round by round; medians over the rounds.

- **campaign**: three agents side by side, the audit, the result stored. The agents do nothing and return 2 KB.
  Submitted to the orchestrator's process by gRPC; it ends when the event of the end is heard on the bus.
- **pipeline**: eight agents one after another, each given what the one before it made. No built-in workflow is
  one, so the orchestrator's library runs in the bench's process; the worker is a process of its own.
- **bare**: the same commits and messages with no product in between: one insert of 2 KB rows for whatever is
  ready, jobs and outcomes of 2 KB over JetStream, a worker in a process of its own that only acks and answers.

Why some gates are not met is in [the profile](records/profile.md).
";

/// Writes the page.
pub(super) fn write(results: &Results) -> anyhow::Result<()> {
    std::fs::write(PAGE, page(results)?).with_context(|| format!("writing {PAGE}"))
}

fn page(results: &Results) -> Result<String, std::fmt::Error> {
    let mut page = HEAD.to_owned();
    let machine: Vec<String> = results
        .machine()
        .iter()
        .map(|(key, value)| format!("{key} {}", value.to_string().trim_matches('"')))
        .collect();
    writeln!(page, "\nMeasured on: {}.\n", machine.join(", "))?;

    writeln!(page, "## Targets\n")?;
    writeln!(page, "| key | measured | gate | aim | |")?;
    writeln!(page, "|---|---|---|---|---|")?;
    for (target, value, verdict) in results.verdicts() {
        let sign = match target.bound {
            Bound::AtMost => "≤",
            Bound::AtLeast => "≥",
        };
        let verdict = match verdict {
            Verdict::Fail => "**fails**".to_owned(),
            met => met.to_string(),
        };
        writeln!(
            page,
            "| `{}` | {} | {sign} {} | {sign} {} | {verdict} |",
            target.key,
            shown(value),
            target.gate,
            target.aim
        )?;
    }

    writeln!(page, "\n## Bare and product\n\n```text")?;
    for (title, unit, pairs) in [
        (
            "one campaign at a time, p50",
            "ms",
            [("bare", "bare.p50_ms"), ("product", "campaign.p50_ms")],
        ),
        (
            "one pipeline at a time, p50",
            "ms",
            [
                ("bare", "bare.pipeline.p50_ms"),
                ("product", "pipeline.p50_ms"),
            ],
        ),
        (
            "64 campaigns in flight",
            "campaigns/s",
            [("bare", "bare.per_s_64"), ("product", "campaign.per_s_64")],
        ),
        (
            "CPU of Postgres for one of 64 campaigns in flight",
            "µs",
            [
                ("bare", "bare.pg_cpu_us"),
                ("product", "campaign.pg_cpu_us"),
            ],
        ),
    ] {
        writeln!(page, "{title}, {unit}")?;
        let value = |key: &str| results.get(key).unwrap_or_default();
        let most = pairs.iter().map(|(_, key)| value(key)).fold(0.0, f64::max);
        for (name, key) in pairs {
            let bar = "█".repeat((value(key) / most * WIDTH).round().max(0.0) as usize);
            writeln!(page, "  {name:<8} {bar} {}", shown(results.get(key)))?;
        }
    }
    writeln!(page, "```\n\n## Every figure\n\n```text\n{results}```")?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_every_target_and_the_plot() {
        let mut results = Results::default();
        results.set("bare.p50_ms", 2.0);
        results.set("campaign.p50_ms", 4.0);
        results.set("campaign.p50_vs_bare", 2.0);
        let page = page(&results).expect("a page");
        assert!(page.contains("| `campaign.p50_vs_bare` | 2 | ≤ 2 | ≤ 1.4 | gate met |"));
        assert!(page.contains("| `campaign.messages` | – | ≤ 8 | ≤ 8 | **fails** |"));
        assert!(page.contains(&format!("bare     {} 2\n", "█".repeat(20))));
    }
}
