//! What a failure changes about the next attempt.

use serde_json::json;

use super::*;
use crate::recovery::{Strategy, timeout_ms};

const ONE: &str = r"
workflow: one
version: 1
input: Work
steps:
  draft:
    agent: draft
    timeout: 10s
    retry: { attempts: 12 }
    recover: { fallback: [short, other] }
";

fn strategies(bench: &Bench) -> Vec<&'static str> {
    let of = bench.log.iter().filter_map(|event| match event.kind {
        Kind::StepRetrying { strategy, .. } => strategy,
        _ => None,
    });
    of.map(Strategy::as_str).collect()
}

fn agent(bench: &Bench) -> String {
    let jobs = outstanding(&bench.run).jobs;
    let job = jobs.values().next().expect("a job");
    job.agent.to_string()
}

fn fail(bench: &mut Bench, class: ErrorClass) {
    bench.failed("draft", class);
    if !bench.run.status.at_rest() {
        bench.wake().expect("due");
    }
}

#[test]
fn the_class_picks_the_strategy() {
    for (class, strategy) in [
        (ErrorClass::RateLimited, "exponential_backoff"),
        (ErrorClass::Network, "retry_with_timeout"),
        (ErrorClass::Timeout, "retry_with_timeout"),
        (ErrorClass::Provider, "fallback_agent"),
        (ErrorClass::Resources, "simplified_generation"),
        (ErrorClass::TooLong, "content_optimization"),
        (ErrorClass::Schema, "repair"),
        (ErrorClass::Transient, "standard_retry"),
    ] {
        let mut bench = Bench::written(ONE, json!({}));
        fail(&mut bench, class);
        assert_eq!(strategies(&bench), [strategy], "{class}");
        bench.done("draft");
    }
    for class in [
        ErrorClass::InvalidInput,
        ErrorClass::Auth,
        ErrorClass::Policy,
    ] {
        let mut bench = Bench::written(ONE, json!({}));
        fail(&mut bench, class);
        assert!(strategies(&bench).is_empty());
        assert!(bench.run.status.at_rest(), "{class} fails at once");
    }
}

#[test]
fn a_strategy_that_failed_twice_is_not_picked_again() {
    let mut bench = Bench::written(ONE, json!({}));
    for _ in 0..5 {
        fail(&mut bench, ErrorClass::Schema);
    }
    assert_eq!(
        strategies(&bench),
        ["repair", "repair", "standard_retry", "standard_retry"]
    );
    assert!(bench.run.status.at_rest(), "nothing is left to try");
}

#[test]
fn the_next_agent_of_the_list_takes_over_and_keeps_the_work() {
    let mut bench = Bench::written(ONE, json!({}));
    let mut agents = vec![agent(&bench)];
    for class in [
        ErrorClass::Provider,
        ErrorClass::Schema,
        ErrorClass::Provider,
    ] {
        fail(&mut bench, class);
        agents.push(agent(&bench));
    }
    assert_eq!(agents, ["draft", "short", "short", "other"]);
    // Nobody is left on the list.
    fail(&mut bench, ErrorClass::Provider);
    assert_eq!(strategies(&bench).last(), Some(&"standard_retry"));
    assert_eq!(agent(&bench), "other");
    bench.done("draft");
    assert!(bench.log.iter().any(|event| matches!(&event.kind,
        Kind::StepFinished { agent, .. } if agent.as_str() == "other")));
}

#[test]
fn an_attempt_after_one_that_took_too_long_has_more_time() {
    let mut bench = Bench::written(ONE, json!({}));
    let limit = |bench: &Bench| {
        let (planned, state) = (&bench.plan.steps[0], &bench.run.steps[&step("draft")]);
        timeout_ms(planned, state)
    };
    assert_eq!(limit(&bench), 10_000);
    fail(&mut bench, ErrorClass::Timeout);
    assert_eq!(limit(&bench), 20_000);
    fail(&mut bench, ErrorClass::Network);
    assert_eq!(limit(&bench), 40_000);
}

#[test]
fn without_recover_every_attempt_is_like_the_first() {
    let definition = ONE.replace("recover: { fallback: [short, other] }", "weight: 2");
    let mut bench = Bench::written(&definition, json!({}));
    fail(&mut bench, ErrorClass::Provider);
    assert!(strategies(&bench).is_empty());
    assert_eq!(agent(&bench), "draft");
}
