//! The behaviour that `spec/campaign.md` asks for.

use model::{ErrorClass, RunStatus};

use super::*;

#[test]
fn parallel_fans_out_audits_together_and_ends() {
    let mut bench = Bench::new("parallel");
    let events = bench.tell(&submit(None)).expect("fresh");
    assert_eq!(
        events,
        [
            "submitted",
            "step_started:copy",
            "step_started:short_copy",
            "step_started:visual_concept"
        ]
    );
    assert_eq!(bench.under_way(), ["copy", "short_copy", "visual_concept"]);
    assert_eq!(bench.done("short_copy"), ["step_finished:short_copy"]);
    assert_eq!(
        bench.done("visual_concept"),
        ["step_finished:visual_concept"]
    );
    assert_eq!(
        bench.done("copy"),
        [
            "step_finished:copy",
            "generation_complete",
            "step_started:audit"
        ]
    );
    assert_eq!(bench.run.state, "auditing");
    assert_eq!(
        bench.done("audit"),
        ["step_finished:audit", "ended:completed"]
    );
    let states: Vec<_> = bench.log.iter().map(|event| event.state.as_str()).collect();
    for state in [
        "queued",
        "generating_copy",
        "generating_short_copy",
        "generating_visual",
        "generation_complete",
        "auditing",
        "completed",
    ] {
        assert!(
            states.contains(&state),
            "no event in state {state}: {states:?}"
        );
    }
    assert_eq!(bench.log.len(), 11);
    assert!(bench.under_way().is_empty());
}

#[test]
fn sequential_audits_each_before_the_next() {
    let mut bench = Bench::submitted("sequential");
    let mut order = Vec::new();
    while let [only] = bench.under_way().as_slice() {
        let name = only.clone();
        bench.done(&name);
        order.push(name);
    }
    assert_eq!(
        order,
        [
            "copy",
            "audit_copy",
            "short_copy",
            "audit_short_copy",
            "visual_concept",
            "audit_visual_concept"
        ]
    );
    assert_eq!(bench.run.status, RunStatus::Completed);
}

#[test]
fn every_combination_of_failures_in_both_modes() {
    let agents = ["copy", "short_copy", "visual_concept"];
    for mode in ["parallel", "sequential"] {
        for failing in 0..8_u32 {
            for audit_fails in [false, true] {
                let mut bench = Bench::submitted(mode);
                while let Some(name) = bench.under_way().first().cloned() {
                    let agent = agents.iter().position(|agent| *agent == name);
                    let fails = agent.map_or(audit_fails, |at| failing & (1 << at) != 0);
                    if fails {
                        bench.failed(&name, ErrorClass::Policy);
                    } else {
                        bench.done(&name);
                    }
                }
                let audited = bench
                    .log
                    .iter()
                    .any(|event| show(event).starts_with("step_started:audit"));
                let expected = match failing {
                    0b111 => RunStatus::Failed,
                    0 if !audit_fails => RunStatus::Completed,
                    _ => RunStatus::PartiallyCompleted,
                };
                assert_eq!(
                    bench.run.status, expected,
                    "{mode}, agents {failing:03b}, audit fails: {audit_fails}"
                );
                assert_eq!(audited, failing != 0b111, "{mode}, agents {failing:03b}");
            }
        }
    }
}

#[test]
fn what_is_not_asked_for_is_skipped() {
    let mut bench = Bench::with_input("parallel", &["copy"]);
    bench.tell(&submit(None)).expect("fresh");
    assert_eq!(bench.under_way(), ["copy"]);
    bench.done("copy");
    bench.done("audit");
    assert_eq!(bench.run.status, RunStatus::Completed);
    assert_eq!(*bench.phase("visual_concept"), Phase::Skipped);
    let again = Command::Regenerate {
        step: step("visual_concept"),
        note: None,
        by: "me".into(),
    };
    assert_eq!(
        bench.tell(&again),
        Err(Refusal::NotAskedFor(step("visual_concept")))
    );
}

#[test]
fn cancel_in_each_state_keeps_what_is_finished_and_absorbs() {
    let cancel = Command::Cancel {
        reason: "enough".into(),
        by: "me".into(),
    };
    for finished in 0..=3 {
        let mut bench = Bench::submitted("parallel");
        for name in ["copy", "short_copy", "visual_concept"]
            .iter()
            .take(finished)
        {
            bench.done(name);
        }
        let open: Vec<_> = outstanding(&bench.run).jobs.into_keys().collect();
        bench.tell(&cancel).expect("a running run can be cancelled");
        assert_eq!(bench.run.status, RunStatus::Cancelled);
        assert!(bench.under_way().is_empty());
        let kept = bench
            .run
            .steps
            .values()
            .filter(|step| step.result.is_some())
            .count();
        assert_eq!(kept, finished);
        assert_eq!(bench.tell(&cancel), Err(Refusal::Ended));
        for (job, token) in open {
            assert_eq!(
                bench
                    .tell(&outcome(&job, token, "x"))
                    .expect("it is recorded"),
                ["outcome_late"]
            );
        }
        assert_eq!(bench.run.status, RunStatus::Cancelled);
    }
}

#[test]
fn a_run_out_of_time_keeps_its_artifacts() {
    let mut bench = Bench::new("parallel");
    bench.tell(&submit(Some(Timestamp(5_000)))).expect("fresh");
    bench.done("copy");
    bench.now = Timestamp(4_000);
    assert_eq!(bench.tell(&Command::Wake), Err(Refusal::NothingDue));
    bench.now = Timestamp(5_000);
    let (job, token) = token_of(&bench.run, "short_copy");
    bench.tell(&Command::Wake).expect("the time is over");
    assert_eq!(bench.run.status, RunStatus::PartiallyCompleted);
    assert_eq!(
        bench
            .tell(&outcome(&job, token, "x"))
            .expect("late, but paid for"),
        ["outcome_late"]
    );
}
