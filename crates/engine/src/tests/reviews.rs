//! People decide: on what they were shown, once, and nobody on their own.

use model::{ErrorClass, RunStatus};

use super::*;
use crate::{
    WaitingFor,
    command::Person,
    explain,
    review::{End, Verdict},
};

const DEFINITION: &str = "
workflow: reviewed
version: 1
input: Work
steps:
  outline: { agent: outline }
  draft: { agent: draft, needs: [outline], on_failure: pause }
  judge: { audit: quality, of: [draft], needs: [draft], on_failure: continue }
  sign_off: { review: approver, of: [draft], needs: [judge], approvals: 2, deadline: 1h }
  polish: { agent: polish, needs: [sign_off] }
";

fn person(name: &str) -> Person {
    Person {
        name: name.to_owned(),
        roles: ["approver".to_owned()].into(),
    }
}

fn asked(bench: &Bench) -> ContentHash {
    let state = &bench.run.steps[&step("sign_off")];
    state.review.as_ref().expect("a review").subject.clone()
}

fn ballot(bench: &Bench, name: &str, verdict: Verdict) -> Command {
    Command::Review {
        step: step("sign_off"),
        subject: asked(bench),
        verdict,
        to: None,
        note: None,
        person: person(name),
    }
}

/// A run whose draft waits for people.
fn in_review() -> Bench {
    of(DEFINITION)
}

fn of(definition: &str) -> Bench {
    let mut bench = Bench::written(definition, serde_json::json!({}));
    for name in ["outline", "draft", "judge"] {
        bench.done(name);
    }
    assert_eq!(bench.phase("sign_off"), &Phase::Reviewing);
    assert_eq!(bench.run.state, "in_review");
    bench
}

fn finish(bench: &mut Bench) {
    bench.done("polish");
    assert_eq!(bench.run.status, RunStatus::Completed);
}

#[test]
fn goes_on_when_as_many_as_must_have_approved() {
    let mut bench = in_review();
    let first = ballot(&bench, "anna", Verdict::Approve);
    assert_eq!(
        bench.tell(&first).expect("one"),
        ["review_decided:sign_off"]
    );
    assert_eq!(bench.tell(&first), Err(Refusal::DecidedAlready));
    let [waiting] = &explain(bench.plan, &bench.run)[..1] else {
        panic!("nothing waits")
    };
    assert!(
        matches!(
            waiting.what,
            WaitingFor::Review {
                approved: 1,
                of: 2,
                ..
            }
        ),
        "{waiting:?}"
    );
    let second = ballot(&bench, "ben", Verdict::Approve);
    assert_eq!(
        bench.tell(&second).expect("two"),
        [
            "review_decided:sign_off",
            "review_ended:sign_off",
            "step_started:polish"
        ]
    );
    finish(&mut bench);
}

#[test]
fn one_who_rejects_rejects_the_run_for_ever() {
    let mut bench = in_review();
    let no = ballot(&bench, "anna", Verdict::Reject);
    assert_eq!(
        bench.tell(&no).expect("a decision"),
        [
            "review_decided:sign_off",
            "review_ended:sign_off",
            "ended:rejected"
        ]
    );
    assert!(outstanding(&bench.run).reviews.is_empty());
    let again = Command::Regenerate {
        step: step("draft"),
        note: None,
        by: "anna".into(),
    };
    assert_eq!(bench.tell(&again), Err(Refusal::Rejected));
    let retry = Command::Retry {
        step: step("sign_off"),
        by: "anna".into(),
    };
    assert_eq!(bench.tell(&retry), Err(Refusal::Rejected));
}

#[test]
fn a_rejected_review_that_may_fail_leaves_the_run_going() {
    let definition = DEFINITION
        .replace("deadline: 1h }", "deadline: 1h, on_failure: continue }")
        .replace(
            "needs: [sign_off] }",
            "needs: [sign_off], when: '!steps.sign_off.failed' }",
        );
    let mut bench = of(&definition);
    let no = ballot(&bench, "anna", Verdict::Reject);
    bench.tell(&no).expect("a decision");
    assert_eq!(bench.run.status, RunStatus::PartiallyCompleted);
    assert_eq!(bench.phase("polish"), &Phase::Skipped);
}

#[test]
fn who_may_not_decide_is_refused() {
    let mut bench = in_review();
    let mut wrong = |change: &dyn Fn(&mut Person, &mut ContentHash)| {
        let Command::Review {
            mut person,
            mut subject,
            step,
            verdict,
            to,
            note,
        } = ballot(&bench, "anna", Verdict::Approve)
        else {
            panic!("a ballot")
        };
        change(&mut person, &mut subject);
        bench
            .tell(&Command::Review {
                step,
                subject,
                verdict,
                to,
                note,
                person,
            })
            .expect_err("refused")
    };
    assert_eq!(
        wrong(&|person, _| person.roles = ["editor".to_owned()].into()),
        Refusal::NeedsRole("approver".into())
    );
    assert_eq!(
        wrong(&|person, _| person.name = "author".into()),
        Refusal::OwnRun
    );
    assert!(matches!(
        wrong(&|_, subject| *subject = ContentHash::of(b"old")),
        Refusal::Outdated { .. }
    ));
}

#[test]
fn named_people_alone_decide() {
    let definition = DEFINITION.replace("approvals: 2", "approvals: 1, from: [ben]");
    let mut bench = of(&definition);
    let other = ballot(&bench, "anna", Verdict::Approve);
    assert!(matches!(bench.tell(&other), Err(Refusal::NotAmong(_))));
    let named = ballot(&bench, "ben", Verdict::Approve);
    bench.tell(&named).expect("named");
    finish(&mut bench);
}

#[test]
fn an_edit_after_an_approval_voids_it() {
    let mut bench = in_review();
    let (before, yes) = (asked(&bench), ballot(&bench, "anna", Verdict::Approve));
    bench.tell(&yes).expect("one");
    let edit = |version| Command::Edit {
        step: step("draft"),
        version,
        hash: ContentHash::of(b"edited"),
        by: "editor".into(),
    };
    assert!(matches!(
        bench.tell(&edit(7)),
        Err(Refusal::NotNewest { version: 1, .. })
    ));
    assert_eq!(
        bench.tell(&edit(1)).expect("an edit"),
        ["step_edited:draft", "step_started:judge"]
    );
    bench.done("judge");
    assert_ne!(asked(&bench), before, "the question is another one");
    let old = Command::Review {
        step: step("sign_off"),
        subject: before,
        verdict: Verdict::Approve,
        to: None,
        note: None,
        person: person("ben"),
    };
    assert!(matches!(bench.tell(&old), Err(Refusal::Outdated { .. })));
    for name in ["anna", "ben"] {
        let yes = ballot(&bench, name, Verdict::Approve);
        bench.tell(&yes).expect("asked anew");
    }
    finish(&mut bench);
    // At rest as well: what was approved is not what is there.
    bench.tell(&edit(2)).expect("an edit at rest");
    assert_eq!(bench.run.status, RunStatus::Running);
    bench.done("judge");
    assert_eq!(bench.phase("sign_off"), &Phase::Reviewing);
}

#[test]
fn sent_back_a_step_is_done_again_with_all_between() {
    let mut bench = in_review();
    let before = asked(&bench);
    let back = |to: &str| Command::Review {
        step: step("sign_off"),
        subject: before.clone(),
        verdict: Verdict::SendBack,
        to: Some(step(to)),
        note: Some(ContentHash::of(b"shorter")),
        person: person("anna"),
    };
    assert!(matches!(
        bench.tell(&back("polish")),
        Err(Refusal::NotBefore { .. })
    ));
    assert_eq!(
        bench.tell(&back("outline")).expect("sent back"),
        [
            "review_decided:sign_off",
            "reopened:outline",
            "step_started:outline"
        ]
    );
    for name in ["outline", "draft", "judge"] {
        bench.done(name);
    }
    assert_ne!(asked(&bench), before);
    let draft = bench.run.steps[&step("draft")].result.as_ref();
    assert_eq!(draft.map(|result| result.version), Some(2));
    for name in ["anna", "ben"] {
        let yes = ballot(&bench, name, Verdict::Approve);
        bench.tell(&yes).expect("asked anew");
    }
    finish(&mut bench);
}

#[test]
fn a_deadline_fires_once_and_does_as_the_plan_says() {
    let mut bench = in_review();
    assert_eq!(
        bench.wake().expect("overdue"),
        ["review_ended:sign_off", "ended:rejected"]
    );
    let state = &bench.run.steps[&step("sign_off")];
    let end = state.review.as_ref().and_then(|review| review.end);
    assert_eq!(end, Some(End::RejectedByDeadline));
    assert_eq!(bench.tell(&Command::Wake), Err(Refusal::NothingDue));

    let approve = DEFINITION.replace("deadline: 1h", "deadline: 1h, on_deadline: approve");
    let mut bench = of(&approve);
    bench.wake().expect("overdue");
    finish(&mut bench);

    let escalate = DEFINITION.replace(
        "deadline: 1h",
        "deadline: 1h, on_deadline: {escalate: admin}",
    );
    let mut bench = of(&escalate);
    assert_eq!(
        bench.wake().expect("overdue"),
        ["review_escalated:sign_off"]
    );
    assert_eq!(bench.tell(&Command::Wake), Err(Refusal::NothingDue));
    let approver = ballot(&bench, "anna", Verdict::Approve);
    assert_eq!(
        bench.tell(&approver),
        Err(Refusal::NeedsRole("admin".into()))
    );
}

#[test]
fn time_that_people_take_is_not_the_runs() {
    let plan = workflow::compile(DEFINITION, &catalogue()).expect("a definition");
    let plan: &'static Plan = Box::leak(Box::new(plan));
    let mut bench = Bench::of(plan, Arc::new(serde_json::json!({})));
    bench.tell(&submit(Some(Timestamp(60_000)))).expect("fresh");
    for name in ["outline", "draft", "judge"] {
        bench.done(name);
    }
    let asked_at = bench.run.time;
    bench.now = asked_at.after(std::time::Duration::from_secs(1_800));
    for name in ["anna", "ben"] {
        let yes = ballot(&bench, name, Verdict::Approve);
        bench.tell(&yes).expect("a decision");
    }
    let waited = bench.run.time.since(asked_at);
    assert_eq!(bench.run.deadline, Some(Timestamp(60_000).after(waited)));
    bench.wake().expect("the run's own time is over");
    assert_eq!(bench.run.status, RunStatus::Failed);
}

#[test]
fn a_step_that_failed_pauses_the_run_until_somebody_answers() {
    let start = || {
        let mut bench = Bench::written(DEFINITION, serde_json::json!({}));
        bench.done("outline");
        assert_eq!(
            bench.failed("draft", ErrorClass::Policy),
            ["step_failed:draft", "paused"]
        );
        assert_eq!(bench.run.state, "paused");
        assert!(outstanding(&bench.run).jobs.is_empty());
        assert!(
            explain(bench.plan, &bench.run)
                .iter()
                .any(|waiting| matches!(waiting.what, WaitingFor::Resume { .. }))
        );
        bench
    };
    let mut retried = start();
    let retry = Command::Retry {
        step: step("draft"),
        by: "anna".into(),
    };
    assert_eq!(
        retried.tell(&retry).expect("failed"),
        ["reopened:draft", "resumed", "step_started:draft"]
    );
    assert_eq!(retried.tell(&retry), Err(Refusal::NotFailed(step("draft"))));

    let mut without = start();
    without
        .tell(&Command::Resume { by: "anna".into() })
        .expect("paused");
    // Nothing to judge and nothing to review.
    without.done("judge");
    assert_eq!(without.phase("sign_off"), &Phase::Skipped);
}

#[test]
fn paused_nothing_begins_and_what_is_under_way_ends() {
    let mut bench = Bench::submitted("sequential");
    let pause = Command::Pause {
        reason: "holiday".into(),
        by: "anna".into(),
    };
    bench.tell(&pause).expect("under way");
    assert_eq!(bench.tell(&pause), Err(Refusal::Paused));
    assert_eq!(bench.done("copy"), ["step_finished:copy"]);
    assert!(outstanding(&bench.run).jobs.is_empty());
    assert_eq!(bench.run.status, RunStatus::Running);
    bench
        .tell(&Command::Resume { by: "ben".into() })
        .expect("paused");
    assert!(!outstanding(&bench.run).jobs.is_empty());
}

#[test]
fn a_retry_that_waits_begins_after_the_pause() {
    let mut bench = Bench::submitted("parallel");
    bench.failed("copy", ErrorClass::Network);
    bench
        .tell(&Command::Pause {
            reason: String::new(),
            by: "anna".into(),
        })
        .expect("under way");
    assert_eq!(outstanding(&bench.run).wake_at(), None);
    bench
        .tell(&Command::Resume { by: "ben".into() })
        .expect("paused");
    assert_eq!(bench.wake().expect("due"), ["step_started:copy"]);
}

#[test]
fn a_review_that_the_run_has_no_time_for_is_not_rejected() {
    let plan = workflow::compile(DEFINITION, &catalogue()).expect("a definition");
    let plan: &'static Plan = Box::leak(Box::new(plan));
    let mut bench = Bench::of(plan, Arc::new(serde_json::json!({})));
    bench.tell(&submit(Some(Timestamp(60_000)))).expect("fresh");
    bench.done("outline");
    bench.wake().expect("the time is over");
    assert_eq!(bench.run.status, RunStatus::Failed);
}

const FAR: &str = "
workflow: far
version: 1
input: Work
steps:
  outline: { agent: outline }
  draft: { agent: draft, needs: [outline], on_failure: continue }
  judge: { audit: quality, of: [draft], needs: [draft], on_failure: continue }
  polish: { agent: polish, needs: [judge] }
  sign_off: { review: approver, of: [draft], needs: [polish], when: 'steps.judge.score < 2' }
  send: { agent: short, needs: [sign_off], for_each: input.items, with: [draft], on_failure: continue }
";

fn far() -> Bench {
    let input =
        serde_json::json!({ "items": [{ "id": "a", "kind": "x" }, { "id": "b", "kind": "x" }] });
    let mut bench = Bench::written(FAR, input);
    for name in ["outline", "draft", "judge", "polish"] {
        bench.done(name);
    }
    assert_eq!(bench.phase("sign_off"), &Phase::Reviewing);
    bench
}

fn edited(version: u32) -> Command {
    Command::Edit {
        step: step("draft"),
        version,
        hash: ContentHash::of(b"edited"),
        by: "editor".into(),
    }
}

#[test]
fn people_are_asked_again_only_when_all_that_judges_has() {
    let mut bench = far();
    assert_eq!(
        bench.tell(&edited(1)).expect("an edit"),
        ["step_edited:draft", "step_started:judge"]
    );
    assert_eq!(bench.phase("sign_off"), &Phase::Waiting);
    bench.done("judge");
    assert_eq!(bench.phase("sign_off"), &Phase::Reviewing);
}

#[test]
fn what_is_under_way_behind_a_voided_review_begins_anew() {
    let mut bench = far();
    let yes = ballot(&bench, "anna", Verdict::Approve);
    bench.tell(&yes).expect("a decision");
    bench.done("send.0");
    assert_eq!(bench.under_way(), ["send.1"]);
    bench.tell(&edited(1)).expect("an edit");
    assert_eq!(bench.under_way(), ["judge"], "nothing goes out unapproved");
    bench.done("judge");
    let yes = ballot(&bench, "anna", Verdict::Approve);
    bench.tell(&yes).expect("asked anew");
    bench.done("send.0");
    bench.done("send.1");
    assert_eq!(bench.run.status, RunStatus::Completed);
}

#[test]
fn what_was_sent_back_and_failed_is_asked_about_again() {
    let mut bench = far();
    let back = Command::Review {
        step: step("sign_off"),
        subject: asked(&bench),
        verdict: Verdict::SendBack,
        to: Some(step("outline")),
        note: None,
        person: person("anna"),
    };
    bench.tell(&back).expect("sent back");
    bench.done("outline");
    bench.failed("draft", ErrorClass::Policy);
    bench.done("judge");
    bench.done("polish");
    assert_eq!(
        bench.phase("sign_off"),
        &Phase::Reviewing,
        "never let through"
    );
}

#[test]
fn a_review_that_too_few_may_decide_fails_at_once() {
    let definition = DEFINITION.replace("approvals: 2", "approvals: 2, from: [author, ben]");
    let mut bench = Bench::written(&definition, serde_json::json!({}));
    for name in ["outline", "draft", "judge"] {
        bench.done(name);
    }
    assert_eq!(bench.run.status, RunStatus::Failed);
}

#[test]
fn a_pause_stops_the_time_to_decide() {
    let mut bench = in_review();
    let deadline = |bench: &Bench| {
        let state = &bench.run.steps[&step("sign_off")];
        state.review.as_ref().and_then(|review| review.deadline)
    };
    let before = deadline(&bench).expect("one");
    bench
        .tell(&Command::Pause {
            reason: String::new(),
            by: "anna".into(),
        })
        .expect("under way");
    assert_eq!(outstanding(&bench.run).wake_at(), None);
    let paused = bench.now;
    bench.now = paused.after(std::time::Duration::from_secs(7_200));
    bench
        .tell(&Command::Resume { by: "ben".into() })
        .expect("paused");
    assert_eq!(
        deadline(&bench),
        Some(before.after(bench.now.since(paused)))
    );
}

#[test]
fn each_failure_of_a_pause_is_asked_about() {
    let mut bench = Bench::written(
        "
workflow: two
version: 1
input: Work
steps:
  outline: { agent: outline, on_failure: pause }
  items: { agent: draft, for_each: input.items, max_parallel: 2, on_failure: pause }
",
        serde_json::json!({ "items": [{ "id": "a", "kind": "x" }, { "id": "b", "kind": "x" }] }),
    );
    bench.failed("items.1", ErrorClass::Policy);
    bench.failed("outline", ErrorClass::Policy);
    let retry = Command::Retry {
        step: step("items"),
        by: "anna".into(),
    };
    assert_eq!(
        bench.tell(&retry).expect("failed"),
        ["reopened:items.1", "resumed", "paused"],
        "the other failure is asked about"
    );
    bench
        .tell(&Command::Resume { by: "ben".into() })
        .expect("paused");
    assert_eq!(bench.under_way(), ["items.0", "items.1"]);
}
