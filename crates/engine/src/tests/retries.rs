//! Attempts, lost jobs and late outcomes.

use model::{ErrorClass, RunStatus};

use super::*;

#[test]
fn a_retryable_failure_is_tried_again_after_its_wait() {
    let mut bench = Bench::submitted("parallel");
    let (first, _) = token_of(&bench.run, "copy");
    assert_eq!(
        bench.failed("copy", ErrorClass::Network),
        ["step_retrying:copy"]
    );
    let due = outstanding(&bench.run).wake_at().expect("a timer runs");
    assert!(
        due > bench.now,
        "full jitter with a draw of 100 waits 100 ms"
    );
    assert_eq!(bench.tell(&Command::Wake), Err(Refusal::NothingDue));
    assert_eq!(bench.wake().expect("due"), ["step_started:copy"]);
    let (second, _) = token_of(&bench.run, "copy");
    assert_ne!(first, second, "another attempt is another job");
    bench.done("copy");
    assert!(bench.run.steps[&step("copy")].failure.is_none());
}

#[test]
fn attempts_are_bounded_and_some_classes_have_none() {
    let mut bench = Bench::submitted("parallel");
    for _ in 0..2 {
        bench.failed("copy", ErrorClass::Provider);
        bench.wake().expect("due");
    }
    assert_eq!(
        bench.failed("copy", ErrorClass::Provider),
        ["step_failed:copy"]
    );
    assert_eq!(
        bench.failed("short_copy", ErrorClass::Auth),
        ["step_failed:short_copy"]
    );
    assert_eq!(
        bench.run.steps[&step("copy")].usage.input_tokens,
        30,
        "every attempt is paid for"
    );
}

#[test]
fn a_lost_job_is_fenced_by_a_new_token_and_parked_at_the_third_loss() {
    let mut bench = Bench::submitted("parallel");
    let (job, old) = token_of(&bench.run, "copy");
    for lost in 1..3 {
        let (job, token) = token_of(&bench.run, "copy");
        assert_eq!(
            bench.tell(&Command::Redrive { job, token }).expect("lost"),
            ["job_redriven:copy"],
            "loss {lost}"
        );
    }
    let (same, new) = token_of(&bench.run, "copy");
    assert_eq!(job, same, "the attempt is kept");
    assert!(new > old);
    assert_eq!(
        bench.tell(&outcome(&job, old, "late")).expect("recorded"),
        ["outcome_late"]
    );
    assert_eq!(
        bench.tell(&outcome(&job, old, "late")),
        Err(Refusal::Repeated(job.clone()))
    );
    assert_eq!(
        bench.tell(&Command::Redrive {
            job: job.clone(),
            token: old
        }),
        Err(Refusal::NotUnderWay(job.clone()))
    );
    assert_eq!(
        bench
            .tell(&Command::Redrive { job, token: new })
            .expect("lost"),
        ["step_failed:copy"]
    );
    let (failure, _) = bench.run.steps[&step("copy")]
        .failure
        .clone()
        .expect("parked");
    assert_eq!(failure.class, ErrorClass::Parked);
}

#[test]
fn a_job_handed_back_is_not_lost() {
    let mut bench = Bench::submitted("parallel");
    for _ in 0..10 {
        let (job, token) = token_of(&bench.run, "copy");
        assert_eq!(
            bench
                .tell(&Command::HandBack { job, token })
                .expect("handed back"),
            ["job_redriven:copy"]
        );
    }
    bench.done("copy");
    assert!(matches!(bench.phase("copy"), Phase::Done));
}

#[test]
fn an_outcome_counts_once_and_only_with_a_token_that_was_issued() {
    let mut bench = Bench::submitted("parallel");
    let (job, token) = token_of(&bench.run, "copy");
    assert_eq!(
        bench.tell(&outcome(&job, token + 100, "forged")),
        Err(Refusal::UnknownJob(job.clone()))
    );
    let (other, _) = token_of(&bench.run, "short_copy");
    assert_eq!(
        bench.tell(&outcome(&other, token, "mixed")),
        Err(Refusal::UnknownJob(other))
    );
    bench.done("copy");
    assert_eq!(
        bench.tell(&outcome(&job, token, "again")),
        Err(Refusal::Repeated(job))
    );
    assert_eq!(bench.run.status, RunStatus::Running);
}

#[test]
fn a_clock_that_jumps_back_does_not_turn_events_back() {
    let mut bench = Bench::submitted("parallel");
    bench.now = Timestamp(-50_000);
    bench.done("copy");
    assert!(
        bench
            .log
            .windows(2)
            .all(|pair| pair[0].time <= pair[1].time)
    );
}
