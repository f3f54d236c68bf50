//! The built-in plans, and the form in which plans are stored.

use crate::{
    OnFailure, Plan, Retry, StepKind,
    builtin::{Unknown, all, catalogue, find},
    compile,
};

/// A golden guards the stored form: a run under way must be readable by every later version.
#[test]
fn the_stored_form_of_the_built_in_plans_does_not_change() {
    assert_eq!(all().len(), 3);
    for plan in all() {
        let pretty = serde_json::to_string_pretty(plan).expect("json");
        let name = [&*plan.workflow, &*plan.mode].join(".");
        let name = name.trim_end_matches('.');
        insta::assert_snapshot!(name, format!("hash: {}\n{pretty}", plan.hash()));
        let read: Plan = serde_json::from_str(&plan.to_json()).expect("a plan");
        assert_eq!((&read, read.hash()), (plan, plan.hash()));
    }
}

#[test]
fn every_field_that_is_left_out_has_its_default_and_none_is_lost() {
    let source = "workflow: test\nversion: 7\ninput: CampaignInput\nsteps:
  plain: {agent: copy}
  full:
    audit: campaign
    of: [plain]
    needs: [plain]
    when: >-
      steps.plain.words > 1
      && input.options.dry_run
    with: [plain]
    state: looking
    result: report
    timeout: 2m
    retry: {attempts: 5, base: 1s}
    on_failure: continue
    weight: 9
  never: {agent: copy, retry: none, on_failure: fail}";
    let plan = compile(source, catalogue()).expect("good");
    assert_eq!(
        (plan.mode.as_str(), plan.version, plan.format),
        ("", 7, Plan::FORMAT)
    );
    let [plain, full, never] = plan.steps.as_slice() else {
        panic!("three steps")
    };
    assert_eq!((plain.timeout_ms, plain.weight), (120_000, 1));
    assert_eq!(
        (&plain.retry, plain.on_failure),
        (&Retry::STANDARD, OnFailure::Fail)
    );
    assert_eq!(
        (&plain.state, &plain.result, plain.when.is_some()),
        (&None, &None, false)
    );
    let StepKind::Audit { agent, of } = &full.kind else {
        panic!("an audit")
    };
    assert_eq!(
        (agent.as_str(), of.as_slice()),
        ("audit_campaign", [plain.name.clone()].as_slice())
    );
    let when = full.when.as_ref().map(crate::Condition::source);
    assert_eq!(when, Some("steps.plain.words > 1 && input.options.dry_run"));
    assert_eq!(
        (full.state.as_deref(), full.result.as_deref()),
        (Some("looking"), Some("report"))
    );
    assert_eq!((full.timeout_ms, full.weight), (120_000, 9));
    assert_eq!(
        full.retry,
        Retry {
            max_attempts: 5,
            base_ms: 1_000,
            cap_ms: 30_000
        }
    );
    assert_eq!(full.on_failure, OnFailure::Continue);
    assert_eq!(never.retry, Retry::NONE);
}

#[test]
fn the_definition_of_the_how_to_is_one() {
    let page = include_str!("../../../../docs/how-to/write-a-workflow.md");
    let (_, rest) = page.split_once("```yaml\n").expect("a definition");
    let (source, _) = rest.split_once("```").expect("its end");
    let plan = compile(source, catalogue()).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(plan.steps.len(), 2);
}

#[test]
fn a_plan_is_found_by_name_and_mode_and_an_unknown_one_is_named() {
    assert_eq!(
        find("campaign", "sequential").expect("built in").mode,
        "sequential"
    );
    assert_eq!(find("campaign", "").expect("the default").mode, "parallel");
    let text = |found: Result<&Plan, Unknown>| found.expect_err("unknown").to_string();
    assert_eq!(
        text(find("newsletter", "")),
        "unknown workflow `newsletter`; known are campaign, publications"
    );
    assert_eq!(
        text(find("campaign", "fast")),
        "workflow `campaign` has no mode `fast`; it has parallel, sequential"
    );
}
