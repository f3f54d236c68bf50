//! What ranks a job and what limits it.

use serde_json::json;

use super::*;
use crate::{
    Score,
    schedule::{Asked, Paced, asked},
};

const LIMITED: &str = r"
workflow: limited
version: 1
input: Work
steps:
  light: { agent: short, rate: { key: input.account, per_second: 5 } }
  heavy: { agent: draft, weight: 7, retry: { attempts: 2, base: 0ms, cap: 0ms } }
  items:
    for_each: input.items
    max_parallel: 2
    agent: draft
    needs: [light]
    spacing: 2s
    concurrency: { key: drafts, at_once: 3 }
  last: { agent: draft, weight: 4, needs: [items] }
";

fn limited(input: serde_json::Value) -> Bench {
    Bench::written(LIMITED, input)
}

fn scores(bench: &Bench) -> Vec<(String, Score)> {
    let started = bench.log.iter().filter_map(|event| match &event.kind {
        Kind::StepStarted { step, score, .. } => Some((step.to_string(), *score)),
        _ => None,
    });
    started.collect()
}

#[test]
fn a_score_is_of_weight_what_stands_behind_and_attempts() {
    let mut bench = limited(json!({ "items": [{ "id": "a" }, { "id": "b" }], "account": "t" }));
    let score = |weight, behind, attempts| Score {
        weight,
        behind,
        attempts,
    };
    let named = |name: &str, score| (name.to_owned(), score);
    assert_eq!(
        scores(&bench),
        [
            named("light", score(1, 5, 0)),
            named("heavy", score(7, 0, 0))
        ]
    );
    assert_eq!(score(1, 5, 2).total(), 8);
    bench.failed("heavy", ErrorClass::Network);
    bench.wake().expect("its next attempt is due");
    let last = scores(&bench).pop();
    assert_eq!(last, Some(named("heavy", score(7, 0, 2))));
    bench.done("light");
    let items = scores(&bench).split_off(3);
    assert_eq!(
        items,
        [
            named("items.0", score(1, 4, 0)),
            named("items.1", score(1, 4, 0))
        ]
    );
}

#[test]
fn limits_are_of_the_input_and_of_the_run() {
    let of = |bench: &Bench, name: &str| asked(bench.plan, &bench.run, &step(name));
    let rate = |key: &str| Asked {
        paces: vec![Paced {
            key: key.to_owned(),
            every_us: 200_000,
            burst: 1,
        }],
        share: None,
    };
    let bench = limited(json!({ "items": [{ "id": "a" }], "account": "acc" }));
    assert_eq!(of(&bench, "light"), rate("rate:acc"));
    assert_eq!(of(&bench, "heavy"), Asked::default());
    let item = of(&bench, "items.0");
    let spacing = Paced {
        key: format!("spacing:{}.items", bench.run.id),
        every_us: 2_000_000,
        burst: 1,
    };
    assert_eq!(item.paces, [spacing]);
    assert_eq!(item.share, Some(("share:drafts".to_owned(), 3)));

    // What says nothing shares one key; what is too long is named by its hash.
    let silent = limited(json!({ "items": [] }));
    assert_eq!(of(&silent, "light"), rate("rate:input.account="));
    let long = "x".repeat(1_000);
    let bench = limited(json!({ "items": [], "account": long }));
    let hash = ContentHash::of(long.as_bytes());
    assert_eq!(of(&bench, "light"), rate(&format!("rate:{hash}")));
}
