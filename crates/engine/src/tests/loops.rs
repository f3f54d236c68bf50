//! Parts that are repeated.

use model::RunStatus;
use serde_json::json;

use super::*;
use crate::event::LoopEnd;

const LOOP: &str = r"
workflow: loop
version: 1
input: Work
steps:
  outline: { agent: outline }
  draft: { agent: draft }
  judge: { audit: quality, of: [draft], needs: [draft] }
  improve:
    loop: [draft, judge]
    needs: [outline]
    until: 'steps.judge.score >= 0.8'
    passes: 4
    ENDS
  polish: { agent: polish, needs: [improve], with: [draft] }
";

fn begun(ends: &str) -> Bench {
    let mut bench = Bench::written(&LOOP.replace("ENDS", ends), json!({}));
    assert_eq!(bench.under_way(), ["outline"]);
    bench.done("outline");
    bench
}

/// A pass whose judge gives `score`; the events of its end.
fn pass(bench: &mut Bench, score: f64) -> Vec<String> {
    assert_eq!(bench.under_way(), ["draft"]);
    bench.done("draft");
    let (job, token) = token_of(&bench.run, "judge");
    let facts = [("score".to_owned(), Fact::Number(score))].into();
    bench
        .tell(&finished(&job, token, "judged", facts))
        .expect("counts")
}

fn reason(bench: &Bench) -> (u32, LoopEnd) {
    let mut ends = bench.log.iter().filter_map(|event| match event.kind {
        Kind::LoopEnded { passes, reason, .. } => Some((passes, reason)),
        _ => None,
    });
    ends.next().expect("the loop has ended")
}

#[test]
fn it_ends_when_its_condition_holds() {
    let mut bench = begun("");
    assert_eq!(
        pass(&mut bench, 0.5),
        [
            "step_finished:judge",
            "loop_repeated:improve",
            "step_started:draft"
        ]
    );
    assert_eq!(
        pass(&mut bench, 0.9),
        [
            "step_finished:judge",
            "loop_ended:improve",
            "step_started:polish"
        ]
    );
    assert_eq!(reason(&bench), (2, LoopEnd::Condition));
    bench.done("polish");
    assert_eq!(bench.run.status, RunStatus::Completed);
    let draft = &bench.run.steps[&step("draft")];
    assert_eq!(draft.result.as_ref().map(|result| result.version), Some(2));
}

#[test]
fn it_ends_after_so_many_passes() {
    let mut bench = begun("");
    for _ in 0..4 {
        pass(&mut bench, 0.5);
    }
    assert_eq!(reason(&bench), (4, LoopEnd::Passes));
}

#[test]
fn it_ends_when_the_score_no_longer_rises() {
    let mut bench = begun("plateau: { of: steps.judge.score, passes: 2, by: 0.05 }");
    for score in [0.5, 0.6, 0.62] {
        pass(&mut bench, score);
    }
    assert_eq!(
        bench.under_way(),
        ["draft"],
        "one pass without a rise is not two"
    );
    pass(&mut bench, 0.61);
    assert_eq!(reason(&bench), (4, LoopEnd::Plateau));
}

#[test]
fn it_ends_when_its_time_or_its_money_is_spent() {
    let mut bench = begun("time: 1m");
    pass(&mut bench, 0.5);
    bench.now = Timestamp(bench.now.0 + 60_000);
    pass(&mut bench, 0.5);
    assert_eq!(reason(&bench), (2, LoopEnd::Time));

    // Two outcomes of 3 millionths each in a pass.
    let mut bench = begun("cost: 0.000012");
    pass(&mut bench, 0.5);
    pass(&mut bench, 0.5);
    assert_eq!(reason(&bench), (2, LoopEnd::Cost));
}

#[test]
fn each_pass_has_jobs_of_its_own_and_an_old_one_is_late() {
    let mut bench = begun("");
    let first = token_of(&bench.run, "draft");
    pass(&mut bench, 0.5);
    let second = token_of(&bench.run, "draft");
    assert_ne!(first.0, second.0);
    assert_eq!(
        bench.tell(&outcome(&first.0, first.1, "again")),
        Err(Refusal::Repeated(first.0))
    );
}

#[test]
fn what_fails_in_a_later_pass_has_failed_whatever_the_one_before_left() {
    let mut bench = begun("");
    pass(&mut bench, 0.5);
    bench.done("draft");
    bench.failed("judge", ErrorClass::Auth);
    assert_eq!(*bench.phase("judge"), Phase::Failed);
    assert_eq!(bench.run.status, RunStatus::Failed);
}

#[test]
fn a_list_that_shrinks_and_grows_keeps_its_numbers_and_no_text_of_another_key() {
    let mut bench = Bench::written(
        r"
workflow: growing
version: 1
input: Work
steps:
  outline: { agent: outline }
  drafts: { agent: draft, needs: [outline], for_each: steps.outline.sections, max_parallel: 9 }
  again: { loop: [outline, drafts], passes: 3 }
",
        json!({}),
    );
    let outlined = |bench: &mut Bench, keys: &[&str]| {
        let (job, token) = token_of(&bench.run, "outline");
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let facts = [("sections".to_owned(), Fact::Keys(keys))].into();
        bench
            .tell(&finished(&job, token, "x", facts))
            .expect("counts");
    };
    for keys in [&["intro", "price"][..], &["price"], &["price", "end"]] {
        outlined(&mut bench, keys);
        for at in 0..keys.len() {
            bench.done(&format!("drafts.{at}"));
        }
    }
    assert_eq!(bench.run.status, RunStatus::Completed);
    let versions = bench.log.iter().filter_map(|event| match &event.kind {
        Kind::StepFinished { step, version, .. } if step.index().is_some() => {
            Some(format!("{step} {version}"))
        }
        _ => None,
    });
    assert_eq!(
        versions.collect::<Vec<_>>(),
        [
            "drafts.0 1",
            "drafts.1 1",
            "drafts.0 2",
            "drafts.0 3",
            "drafts.1 2"
        ]
    );
}

#[test]
fn progress_does_not_fall_with_a_pass() {
    let mut bench = begun("");
    let mut seen = vec![0];
    for _ in 0..4 {
        pass(&mut bench, 0.5);
        seen.push(crate::progress(bench.plan, &bench.run).percent());
    }
    assert!(seen.is_sorted(), "{seen:?}");
}

#[test]
fn a_judge_that_fails_leaves_the_passes_bounded() {
    let definition = LOOP
        .replace("ENDS", "")
        .replace("needs: [draft] }", "needs: [draft], on_failure: continue }");
    let mut bench = Bench::written(&definition, json!({}));
    bench.done("outline");
    for _ in 0..4 {
        bench.done("draft");
        bench.failed("judge", ErrorClass::Policy);
    }
    assert_eq!(reason(&bench), (4, LoopEnd::Passes));
}
