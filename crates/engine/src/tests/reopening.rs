//! Regenerate: a new version, audited again.

use model::{ErrorClass, RunStatus};

use super::*;

fn finished(mode: &str) -> Bench {
    let mut bench = Bench::submitted(mode);
    while let Some(name) = bench.under_way().first().cloned() {
        bench.done(&name);
    }
    assert_eq!(bench.run.status, RunStatus::Completed);
    bench
}

fn regenerate(name: &str) -> Command {
    Command::Regenerate {
        step: step(name),
        note: Some(ContentHash::of(b"warmer")),
        by: "me".into(),
    }
}

#[test]
fn makes_the_next_version_and_audits_it_again() {
    let mut bench = finished("parallel");
    assert_eq!(
        bench.tell(&regenerate("copy")).expect("at rest"),
        ["reopened:copy", "step_started:copy"]
    );
    assert_eq!(bench.run.status, RunStatus::Running);
    assert_eq!(bench.tell(&regenerate("copy")), Err(Refusal::UnderWay));
    assert_eq!(
        bench.run.steps[&step("copy")].note,
        Some(ContentHash::of(b"warmer"))
    );
    assert_eq!(
        bench.done("copy"),
        [
            "step_finished:copy",
            "generation_complete",
            "step_started:audit"
        ]
    );
    bench.done("audit");
    assert_eq!(bench.run.status, RunStatus::Completed);
    for (name, version) in [("copy", 2), ("audit", 2), ("short_copy", 1)] {
        assert_eq!(
            bench.run.steps[&step(name)]
                .result
                .as_ref()
                .map(|result| result.version),
            Some(version),
            "{name}"
        );
    }
}

#[test]
fn only_the_audits_of_the_step_run_again() {
    let mut bench = finished("sequential");
    bench.tell(&regenerate("short_copy")).expect("at rest");
    bench.done("short_copy");
    assert_eq!(bench.under_way(), ["audit_short_copy"]);
    bench.done("audit_short_copy");
    assert_eq!(bench.run.status, RunStatus::Completed);
}

#[test]
fn a_failed_revision_leaves_the_older_version_in_place() {
    let mut bench = finished("parallel");
    bench.tell(&regenerate("copy")).expect("at rest");
    bench.failed("copy", ErrorClass::Policy);
    bench.done("audit");
    let copy = &bench.run.steps[&step("copy")];
    assert_eq!(copy.result.as_ref().map(|result| result.version), Some(1));
    assert!(copy.failure.is_some());
    assert_eq!(bench.run.status, RunStatus::Completed);
}

#[test]
fn heals_a_partial_run() {
    let mut bench = Bench::submitted("parallel");
    bench.done("copy");
    bench.done("short_copy");
    bench.failed("visual_concept", ErrorClass::Auth);
    bench.done("audit");
    assert_eq!(bench.run.status, RunStatus::PartiallyCompleted);
    bench.tell(&regenerate("visual_concept")).expect("at rest");
    bench.done("visual_concept");
    bench.done("audit");
    assert_eq!(bench.run.status, RunStatus::Completed);
}

#[test]
fn refuses_what_makes_no_sense() {
    let mut bench = finished("parallel");
    assert_eq!(
        bench.tell(&regenerate("audit")),
        Err(Refusal::NotAnAgent(step("audit")))
    );
    assert_eq!(
        bench.tell(&regenerate("nope")),
        Err(Refusal::UnknownStep(step("nope")))
    );
    let mut cancelled = Bench::submitted("parallel");
    cancelled
        .tell(&Command::Cancel {
            reason: String::new(),
            by: String::new(),
        })
        .expect("running");
    assert_eq!(cancelled.tell(&regenerate("copy")), Err(Refusal::Cancelled));
}
