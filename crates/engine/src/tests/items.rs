//! Steps that work off a list.

use model::RunStatus;
use serde_json::json;

use super::*;
use crate::{WaitingFor, explain, progress};

const LIST: &str = r"
workflow: list
version: 1
input: Work
steps:
  items:
    for_each: input.items
    max_parallel: input.at_once
    agent: {by: kind, of: [draft, short]}
    retry: {attempts: 2}
    on_failure: continue
  quality: { audit: quality, of: [items], needs: [items] }
";

fn list(kinds: &[&str], at_once: u32) -> Bench {
    let items: Vec<_> = kinds
        .iter()
        .enumerate()
        .map(|(at, kind)| json!({ "id": format!("k{at}"), "kind": kind }))
        .collect();
    Bench::written(LIST, json!({ "items": items, "at_once": at_once }))
}

#[test]
fn items_go_one_after_another_each_with_its_own_agent() {
    let mut bench = list(&["draft", "short", "draft"], 1);
    let agents: Vec<_> = ["items.0", "items.1", "items.2"]
        .into_iter()
        .map(|item| {
            assert_eq!(bench.under_way(), [item]);
            let agent = outstanding(&bench.run)
                .jobs
                .into_values()
                .map(|job| job.agent.to_string())
                .next();
            bench.done(item);
            agent.expect("a job")
        })
        .collect();
    assert_eq!(agents, ["draft", "short", "draft"]);
    let keys: Vec<_> = bench
        .run
        .items(&step("items"))
        .filter_map(|(_, item)| item.key.clone())
        .collect();
    assert_eq!(keys, ["k0", "k1", "k2"]);
    assert_eq!(bench.under_way(), ["quality"]);
    bench.done("quality");
    assert_eq!(bench.run.status, RunStatus::Completed);
}

#[test]
fn so_many_at_once_in_the_lists_order_whoever_ends_first() {
    let mut bench = list(&["draft"; 5], 2);
    assert_eq!(bench.under_way(), ["items.0", "items.1"]);
    bench.done("items.1");
    assert_eq!(bench.under_way(), ["items.0", "items.2"]);
    bench.failed("items.0", ErrorClass::Timeout);
    // It waits for its next attempt and keeps its place.
    assert_eq!(bench.under_way(), ["items.2"]);
    bench.wake().expect("due");
    assert_eq!(bench.under_way(), ["items.0", "items.2"]);
}

#[test]
fn a_failed_item_does_not_stop_the_next() {
    let mut bench = list(&["draft", "draft"], 1);
    bench.failed("items.0", ErrorClass::Policy);
    assert_eq!(
        bench.done("items.1"),
        [
            "step_finished:items.1",
            "gathered:items",
            "step_started:quality"
        ]
    );
    bench.done("quality");
    assert_eq!(bench.run.status, RunStatus::PartiallyCompleted);
    assert_eq!(*bench.phase("items"), Phase::Done);
}

#[test]
fn of_all_failed_the_step_has_failed_and_of_none_it_is_done() {
    let mut bench = list(&["draft"], 1);
    bench.failed("items.0", ErrorClass::Policy);
    assert_eq!(*bench.phase("items"), Phase::Failed);
    let bench = list(&[], 1);
    assert_eq!(*bench.phase("items"), Phase::Done);
    assert_eq!(bench.under_way(), ["quality"]);
}

#[test]
fn an_item_of_an_unknown_kind_fails_alone() {
    let bench = list(&["poem", "draft"], 1);
    assert_eq!(*bench.phase("items.0"), Phase::Failed);
    assert_eq!(bench.under_way(), ["items.1"]);
}

#[test]
fn a_failure_that_is_the_runs_ends_it() {
    let definition = LIST.replace("    on_failure: continue\n", "");
    let input =
        json!({ "items": [{ "id": "a", "kind": "draft" }, { "id": "b", "kind": "draft" }] });
    let mut bench = Bench::written(&definition, input);
    bench.failed("items.0", ErrorClass::Policy);
    assert_eq!(bench.run.status, RunStatus::Failed);
}

#[test]
fn items_come_from_facts_as_well() {
    let mut bench = Bench::written(
        r"
workflow: list
version: 1
input: Work
steps:
  outline: { agent: outline }
  drafts: { agent: draft, needs: [outline], for_each: steps.outline.sections, max_parallel: 4 }
  polish: { agent: polish, needs: [drafts], with: [drafts] }
",
        json!({}),
    );
    bench.done("outline");
    assert_eq!(bench.under_way(), ["drafts.0", "drafts.1"]);
    bench.done("drafts.1");
    bench.done("drafts.0");
    assert_eq!(bench.under_way(), ["polish"]);
}

#[test]
fn one_item_is_made_again_and_judged_again() {
    let mut bench = list(&["draft", "draft"], 2);
    for name in ["items.0", "items.1", "quality"] {
        bench.done(name);
    }
    let again = |bench: &mut Bench, name: &str| {
        bench.tell(&Command::Regenerate {
            step: step(name),
            note: None,
            by: "b".into(),
        })
    };
    assert_eq!(
        again(&mut bench, "items"),
        Err(Refusal::HasItems(step("items")))
    );
    assert_eq!(
        again(&mut bench, "items.7"),
        Err(Refusal::UnknownStep(step("items.7")))
    );
    again(&mut bench, "items.1").expect("at rest");
    assert_eq!(bench.under_way(), ["items.1"]);
    bench.done("items.1");
    assert_eq!(bench.under_way(), ["quality"]);
    bench.done("quality");
    let version = |name: &str| {
        bench.run.steps[&step(name)]
            .result
            .as_ref()
            .map(|result| result.version)
    };
    assert_eq!((version("items.0"), version("items.1")), (Some(1), Some(2)));
    assert_eq!(bench.run.status, RunStatus::Completed);
}

#[test]
fn everyone_sees_what_is_waited_for_and_how_far_it_is() {
    let mut bench = list(&["draft"; 4], 1);
    bench.done("items.0");
    let waits: Vec<_> = explain(bench.plan, &bench.run)
        .into_iter()
        .map(|waiting| (waiting.step.to_string(), waiting.what))
        .collect();
    assert_eq!(
        waits[0],
        ("items".to_owned(), WaitingFor::Items { ended: 1, of: 4 })
    );
    assert!(matches!(&waits[1], (item, WaitingFor::Outcome { .. }) if item == "items.1"));
    assert_eq!(
        waits[2],
        ("items.2".to_owned(), WaitingFor::Turn { at_once: 1 })
    );
    assert_eq!(
        waits[4],
        ("quality".to_owned(), WaitingFor::Steps(vec![step("items")]))
    );
    // A quarter of one of two steps.
    assert_eq!(progress(bench.plan, &bench.run).percent(), 12);
}

#[test]
fn a_run_that_had_a_deadline_can_be_mended_after_it() {
    let plan = workflow::compile(LIST, &catalogue()).expect("a definition");
    let input = json!({ "items": [{ "id": "a", "kind": "draft" }] });
    let mut bench = Bench::of(Box::leak(Box::new(plan)), Arc::new(input));
    let deadline = Some(Timestamp(5_000));
    bench.tell(&submit(deadline)).expect("fresh");
    bench.done("items.0");
    bench.done("quality");
    bench.now = Timestamp(60_000);
    let again = Command::Regenerate {
        step: step("items.0"),
        note: None,
        by: "b".into(),
    };
    bench.tell(&again).expect("at rest");
    assert_eq!(bench.tell(&Command::Wake), Err(Refusal::NothingDue));
    bench.done("items.0");
    bench.done("quality");
    assert_eq!(bench.run.status, RunStatus::Completed);
}

#[test]
fn what_was_under_way_when_a_run_failed_begins_anew_with_it() {
    let definition = LIST.replace("    on_failure: continue\n", "");
    let input = json!({ "at_once": 2, "items": [{ "id": "a", "kind": "draft" }, { "id": "b", "kind": "draft" }] });
    let mut bench = Bench::written(&definition, input);
    let (before, _) = token_of(&bench.run, "items.1");
    bench.failed("items.0", ErrorClass::Policy);
    assert!(bench.under_way().is_empty());
    let again = Command::Regenerate {
        step: step("items.0"),
        note: None,
        by: "b".into(),
    };
    bench.tell(&again).expect("at rest");
    assert_eq!(bench.under_way(), ["items.0", "items.1"]);
    // Workers remember the job that they were told to drop.
    assert_ne!(token_of(&bench.run, "items.1").0, before);
}

#[test]
fn an_audit_waits_for_what_it_judges_wherever_that_is() {
    let mut bench = Bench::written(
        r"
workflow: far
version: 1
input: Work
steps:
  draft: { agent: draft }
  polish: { agent: polish, needs: [draft] }
  quality: { audit: quality, of: [draft], needs: [polish] }
",
        json!({}),
    );
    for name in ["draft", "polish", "quality"] {
        bench.done(name);
    }
    let again = Command::Regenerate {
        step: step("draft"),
        note: None,
        by: "b".into(),
    };
    bench.tell(&again).expect("at rest");
    assert_eq!(bench.under_way(), ["draft"]);
    bench.done("draft");
    assert_eq!(bench.under_way(), ["quality"]);
}

#[test]
fn the_estimate_follows_the_schedule_that_is_left() {
    let mut bench = list(&["draft"; 5], 2);
    let none = crate::Durations::new();
    let left = |bench: &Bench, past: &crate::Durations| {
        crate::estimate(bench.plan, &bench.run, past, bench.now).map(|left| left.as_millis())
    };
    assert_eq!(left(&bench, &none), None, "nothing was measured");
    bench.done("items.0");
    assert_eq!(left(&bench, &none), None, "the audit was not measured");
    let past = [(AgentKind::new("audit_quality").expect("a token"), 100.0)].into();
    // 7 ms each by this run's own measure; two places, three to come after the two under way, then the audit.
    let now = left(&bench, &past).expect("measured");
    assert!((100 + 14 - 1..=100 + 14).contains(&now), "{now}");
    bench.now = Timestamp(bench.now.0 + 1_000);
    assert_eq!(
        left(&bench, &past),
        Some(107),
        "never below what has not begun"
    );
}

#[test]
fn the_runs_deadline_ends_items_that_have_not_begun() {
    let plan = workflow::compile(LIST, &catalogue()).expect("a definition");
    let input =
        json!({ "items": [{ "id": "a", "kind": "draft" }, { "id": "b", "kind": "draft" }] });
    let mut bench = Bench::of(Box::leak(Box::new(plan)), Arc::new(input));
    let deadline = Some(Timestamp(5_000));
    bench.tell(&submit(deadline)).expect("fresh");
    bench.done("items.0");
    bench.wake().expect("due");
    assert_eq!(*bench.phase("items.1"), Phase::Failed);
    assert!(bench.run.status.at_rest());
}
