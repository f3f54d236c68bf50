//! How far an estimate is from what then happens.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Durations, estimate};

const LIST: &str = r"
workflow: list
version: 1
input: Work
steps:
  items:
    for_each: input.items
    max_parallel: input.at_once
    agent: { by: kind, of: [draft, short] }
    retry: { attempts: 9, base: 100ms, cap: 1s }
    on_failure: continue
";
/// How long each kind takes on the whole, milliseconds.
const USUAL: [(&str, i64); 2] = [("draft", 10_000), ("short", 4_000)];

/// What became of a list: at each item's end, the moment and what was estimated then.
struct Told {
    estimates: Vec<(Timestamp, Option<i64>)>,
    ended: Timestamp,
}

/// Works a list off. Each attempt takes `jitter` of the usual, in hundredths; one whose draw is in `fails` fails.
fn work_off(count: usize, at_once: u32, draws: &[(i64, bool)]) -> Told {
    let kind = |at: usize| USUAL[at % USUAL.len()].0;
    let items: Vec<_> = (0..count)
        .map(|at| json!({ "id": at.to_string(), "kind": kind(at) }))
        .collect();
    let mut bench = Bench::written(LIST, json!({ "items": items, "at_once": at_once }));
    let mut draws = draws.iter().cycle();
    let mut due: Vec<(Timestamp, JobId, u64, i64, bool)> = Vec::new();
    let mut told = Told {
        estimates: Vec::new(),
        ended: bench.now,
    };
    while !bench.run.status.at_rest() {
        for ((job, token), of) in outstanding(&bench.run).jobs {
            if !due.iter().any(|(_, known, ..)| *known == job) {
                let (hundredths, fails) = *draws.next().expect("a cycle");
                let usual = USUAL.iter().find(|(kind, _)| *kind == of.agent.as_str());
                let takes = usual.expect("known").1 * hundredths / 100;
                due.push((Timestamp(bench.now.0 + takes), job, token, takes, fails));
            }
        }
        due.sort();
        let timer = outstanding(&bench.run).wake_at();
        let first = due.first().map(|(at, ..)| *at);
        match (timer, first) {
            (Some(at), first) if first.is_none_or(|first| at <= first) => {
                bench.now = at.max(bench.now);
                bench.tell(&Command::Wake).expect("due");
            }
            _ => {
                let (at, job, token, takes, fails) = due.remove(0);
                bench.now = at.max(bench.now);
                let command = if fails {
                    failure(&job, token, ErrorClass::Transient)
                } else {
                    let Command::Outcome {
                        job,
                        token,
                        end,
                        usage,
                        jitter,
                        ..
                    } = outcome(&job, token, "x")
                    else {
                        panic!("an outcome")
                    };
                    Command::Outcome {
                        job,
                        token,
                        end,
                        usage,
                        jitter,
                        duration_ms: takes.unsigned_abs(),
                    }
                };
                bench.tell(&command).expect("counts");
            }
        }
        let left = estimate(bench.plan, &bench.run, &Durations::new(), bench.now);
        let left = left.map(|left| i64::try_from(left.as_millis()).expect("fits"));
        told.estimates.push((bench.now, left));
    }
    told.ended = bench.now;
    told
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// Durations differ by a tenth from the usual: what is told at each end is within a fifth of what comes, once
    /// both kinds were measured; with several at once, of that and an item.
    #[test]
    fn it_is_within_a_fifth(
        count in 3..40_usize,
        at_once in 1..5_u32,
        draws in prop::collection::vec((90..=110_i64, Just(false)), 40),
    ) {
        let told = work_off(count, at_once, &draws);
        let measured = told.estimates.iter().filter_map(|(at, left)| Some((*at, (*left)?)));
        let mut some = 0;
        for (at, left) in measured {
            let real = told.ended.0 - at.0;
            some += 1;
            // Of several at once, those under way may each be off by a tenth of their own time. The clock of these
            // tests moves on by a millisecond with each command.
            let own = if at_once > 1 { USUAL[0].1 / 5 } else { 0 };
            let within = (left - real).abs() <= real / 5 + own + 2 * count as i64 + 5;
            prop_assert!(within, "told {left} of {real} ms, {count} items, {at_once} at once");
        }
        prop_assert!(some > 0);
    }

    /// With failures and waits there is none before something was measured, and it is never below zero, since it
    /// is a duration; it ends with the run.
    #[test]
    fn with_faults_it_is_absent_until_measured(
        count in 1..20_usize,
        at_once in 1..5_u32,
        draws in prop::collection::vec((50..=200_i64, any::<bool>()), 40),
    ) {
        let told = work_off(count, at_once, &draws);
        let begun = told.estimates.iter().take_while(|(_, left)| left.is_none()).count();
        prop_assert!(begun < told.estimates.len(), "it came at last");
        prop_assert_eq!(told.estimates.last().and_then(|(_, left)| *left), Some(0));
    }
}
