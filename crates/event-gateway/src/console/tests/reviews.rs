//! The queue and a review as they are rendered.

use ::service::auth::Role;
use model::Timestamp;
use serde_json::json;
use tonic::Status;
use wire::{
    artifact::v1::ArtifactVersion,
    campaign::v1::{AuditReport, Finding, OrchestrationResult, Span},
    review::v1::{Decision, ListResponse, Review, Subject, Waiting},
    run::v1::{ExplainResponse, Run, Step},
};

use super::{HOSTILE, assert_harmless, visit};
use crate::console::{
    decide::Said,
    door::{Sent, Visit},
    review::{self, Material, Shown},
    reviews, run,
};

const NOW: Timestamp = Timestamp(10_000_000);

fn review() -> Review {
    Review {
        run_id: "r".to_owned(),
        step: "sign_off".to_owned(),
        subject: "5ab1ec7".to_owned(),
        state: "open".to_owned(),
        role: "approver".to_owned(),
        approvals: 2,
        approved: 1,
        since: Some(Timestamp(1_000).into()),
        deadline: Some(Timestamp(NOW.0 + 3 * 3_600_000).into()),
        of: vec![Subject {
            step: "copy".to_owned(),
            version: 3,
            hash: "h".to_owned(),
        }],
        submitted_by: "ann".to_owned(),
        back: vec!["copy".to_owned()],
        ..Review::default()
    }
}

fn material(review: Review) -> Material {
    let step = |name: &str, agent: &str| Step {
        name: name.to_owned(),
        agent: agent.to_owned(),
        ..Step::default()
    };
    let version = |number| ArtifactVersion {
        run_id: "r".to_owned(),
        step: "copy".to_owned(),
        version: number,
        hash: "h".to_owned(),
        ..ArtifactVersion::default()
    };
    let content = json!({"subhead": "Cold days", "headline_options": ["Ride on"]});
    let whole = Shown::Whole(Box::new((version(3), content)));
    let shown = review.of.iter().cloned().zip([whole]).collect();
    Material {
        run: Run {
            id: "r".to_owned(),
            status: "running".to_owned(),
            steps: vec![step("copy", "copy"), step("sign_off", "")],
            ..Run::default()
        },
        step: "sign_off".to_owned(),
        shown,
        review: Some(review),
        versions: vec![version(1), version(2), version(3)],
        ..Material::default()
    }
}

fn shown(visit: &Visit, material: &Material, said: &Said) -> String {
    review::render(visit, material, said, NOW).into_string()
}

fn with_role(role: Role) -> Visit {
    let mut visit = visit();
    visit.principal.role = role;
    visit
}

fn refused(subject: &str, status: Status, fields: &[(&str, &str)]) -> Said {
    let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    Said {
        subject: subject.to_owned(),
        refusal: Some(status),
        typed: Some(Sent(fields.iter().map(own).collect())),
        ..Said::default()
    }
}

#[test]
fn the_queue_tells_what_waits_and_what_would_come_to_an_empty_one() {
    let waiting = Waiting {
        run_id: "r".to_owned(),
        step: "sign_off".to_owned(),
        workflow: HOSTILE.to_owned(),
        title: HOSTILE.to_owned(),
        role: HOSTILE.to_owned(),
        since: Some(Timestamp(1_000).into()),
        deadline: Some(Timestamp(NOW.0 + 2 * 60_000).into()),
        ..Waiting::default()
    };
    let found = ListResponse {
        reviews: vec![waiting],
        next_cursor: "7.a&b".to_owned(),
    };
    let page = reviews::render(&found, "", NOW).into_string();
    assert_harmless(&page);
    for told in [
        "href=\"/runs/r/reviews/sign_off\"",
        ">in 2 min</time>",
        "href=\"/reviews?cursor=7.a%26b\"",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let empty = reviews::render(&ListResponse::default(), "", NOW).into_string();
    assert!(
        empty.contains("Nothing waits for a decision") && !empty.contains("<table"),
        "{empty}"
    );
    let later = reviews::render(&ListResponse::default(), "7.x", NOW).into_string();
    assert!(
        later.contains("No more reviews") && later.contains("href=\"/reviews\""),
        "{later}"
    );
}

#[tokio::test]
async fn a_review_shows_all_that_counts_and_each_form_carries_what_was_shown() {
    let mut asked = review();
    asked.decisions = vec![Decision {
        by: "bob".to_owned(),
        verdict: "approve".to_owned(),
        note: "Fine by me".to_owned(),
        time: Some(Timestamp(2_000).into()),
    }];
    let mut material = material(asked);
    material.result = OrchestrationResult {
        audit_report: Some(AuditReport {
            verdict: "pass_with_warnings".to_owned(),
            score: 0.91,
            findings: vec![Finding {
                step: "copy".to_owned(),
                span: Some(Span {
                    path: "/subhead".to_owned(),
                    start: 0,
                    end: 4,
                }),
                ..Finding::default()
            }],
            ..AuditReport::default()
        }),
        ..OrchestrationResult::default()
    };
    let page = shown(&visit(), &material, &Said::default());
    for told in [
        "Ride on",
        "Version 3",
        "/runs/r/artifacts/copy/compare?from=2&amp;to=3",
        "1 of 2, 1 missing",
        ">in 3 h</time>",
        "Pass with warnings",
        "href=\"#finding-1\"",
        "id=\"finding-1\"",
        "Fine by me",
        "bob",
        "ann, who submitted it",
        "href=\"/runs/r/reviews/sign_off?edit=copy\"",
        "<option value=\"copy\"",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let forms: Vec<_> = page.split("<form").skip(1).collect();
    assert_eq!(forms.len(), 3, "{page}");
    for (form, verdict) in forms.iter().zip(["approve", "send_back", "reject"]) {
        for field in [
            "action=\"/runs/r/reviews/sign_off\"",
            "name=\"subject\" value=\"5ab1ec7\"",
            "name=\"token\" value=\"t\"",
            &format!("name=\"verdict\" value=\"{verdict}\""),
        ] {
            assert!(form.contains(field), "{field}: {form}");
        }
    }
    // The parts that keep themselves up to date hold no form: what is decided on stays what was read.
    for part in page.split("data-live=").skip(1) {
        let part = part.split("</section>").next().unwrap_or_default();
        assert!(!part.contains("name=\"subject\""), "{part}");
    }
}

#[tokio::test]
async fn only_what_the_caller_may_do_is_offered() {
    let decided = |by: &str| {
        let mut review = review();
        review.decisions = vec![Decision {
            by: by.to_owned(),
            ..Decision::default()
        }];
        review
    };
    let own = Review {
        submitted_by: "test".to_owned(),
        ..review()
    };
    let left_to = |names: &[&str]| Review {
        from: names.iter().map(|&name| name.to_owned()).collect(),
        ..review()
    };
    for (role, review, why) in [
        (Role::Approver, review(), None),
        (Role::Admin, review(), None),
        (Role::Editor, review(), Some("takes the role approver")),
        (Role::Viewer, review(), Some("takes the role approver")),
        (Role::Approver, own, Some("somebody else decides")),
        (Role::Approver, left_to(&["bob"]), Some("left to bob")),
        (Role::Approver, left_to(&["bob", "test"]), None),
        (Role::Approver, decided("test"), Some("decided already")),
        (Role::Approver, decided("bob"), None),
    ] {
        let page = shown(&with_role(role), &material(review), &Said::default());
        assert_eq!(page.contains("value=\"reject\""), why.is_none(), "{page}");
        if let Some(why) = why {
            assert!(page.contains(why), "{why}: {page}");
        }
        assert_eq!(page.contains("?edit=copy"), role != Role::Viewer, "{page}");
    }
    let mut over = review();
    over.state = "rejected_by_deadline".to_owned();
    let page = shown(&visit(), &material(over), &Said::default());
    assert!(
        page.contains("nobody decided in time") && !page.contains("<form"),
        "{page}"
    );
    // Nothing to send it back to.
    let page = shown(
        &visit(),
        &material(Review {
            back: Vec::new(),
            ..review()
        }),
        &Said::default(),
    );
    assert!(!page.contains("value=\"send_back\""), "{page}");
}

#[tokio::test]
async fn while_nobody_is_asked_the_page_says_so() {
    let mut waiting = material(review());
    (waiting.review, waiting.shown) = (None, Vec::new());
    let page = shown(&visit(), &waiting, &Said::default());
    assert!(
        page.contains("Nobody is asked now") && !page.contains("<form"),
        "{page}"
    );
}

#[tokio::test]
async fn an_edit_is_a_field_for_each_text_of_the_version_that_was_shown() {
    let said = Said {
        edit: "copy".to_owned(),
        ..Said::default()
    };
    let page = shown(&visit(), &material(review()), &said);
    for told in [
        "name=\"subject\" value=\"5ab1ec7\"",
        "name=\"of\" value=\"copy\"",
        "name=\"version\" value=\"3\"",
        "name=\"at:/subhead\"",
        ">\nCold days</textarea>",
        ">\nRide on</textarea>",
        "Save and approve",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    // Who may change and not decide may save alone; who may neither has no form.
    let page = shown(&with_role(Role::Editor), &material(review()), &said);
    assert!(
        page.contains("at:/subhead") && !page.contains("Save and approve"),
        "{page}"
    );
    let page = shown(&with_role(Role::Viewer), &material(review()), &said);
    assert!(!page.contains("<form"), "{page}");
}

#[tokio::test]
async fn a_refusal_keeps_what_was_typed_and_says_when_it_was_about_something_else() {
    let fields = [("verdict", "reject"), ("note", "Too loud")];
    let denied = || Status::permission_denied("who submitted it may not decide");
    let same = refused("5ab1ec7", denied(), &fields);
    let page = shown(&visit(), &material(review()), &same);
    assert!(
        page.contains("who submitted it may not decide") && page.contains(">\nToo loud</textarea>"),
        "{page}"
    );
    assert!(!page.contains("no longer what is asked about"), "{page}");

    let other = refused("0ther", Status::aborted("it asks about others"), &fields);
    let page = shown(&visit(), &material(review()), &other);
    assert!(page.contains("no longer what is asked about"), "{page}");
    assert!(
        page.contains(">Too loud</p>") && !page.contains(">\nToo loud</textarea>"),
        "{page}"
    );
    assert!(page.contains("name=\"subject\" value=\"5ab1ec7\""));

    // What was typed into another version does not become this one's text.
    let fields = [("verdict", "edit"), ("at:/subhead", "Warm days")];
    let mut edited = refused("0ther", Status::aborted("it has changed"), &fields);
    edited.edit = "copy".to_owned();
    let page = shown(&visit(), &material(review()), &edited);
    assert!(
        page.contains(">\nCold days</textarea>") && page.contains("Warm days"),
        "{page}"
    );
    edited.subject = "5ab1ec7".to_owned();
    let page = shown(&visit(), &material(review()), &edited);
    assert!(page.contains(">\nWarm days</textarea>"), "{page}");
}

#[tokio::test]
async fn nothing_of_others_becomes_markup_in_a_review() {
    let hostile = || HOSTILE.to_owned();
    let mut asked = review();
    asked.role = "approver".to_owned();
    asked.from = vec![hostile()];
    asked.submitted_by = hostile();
    asked.back = vec![hostile()];
    asked.decisions = vec![Decision {
        by: hostile(),
        verdict: hostile(),
        note: hostile(),
        time: None,
    }];
    asked.of[0].step = hostile();
    for from in [vec![hostile()], Vec::new()] {
        asked.from = from;
        let mut material = material(asked.clone());
        material.run.title = hostile();
        material.shown[0].1 = Shown::Whole(Box::new((
            ArtifactVersion {
                model: hostile(),
                ..ArtifactVersion::default()
            },
            json!({HOSTILE: HOSTILE, "list": [HOSTILE, HOSTILE]}),
        )));
        for edit in [String::new(), hostile()] {
            let mut said = refused(
                "0ther",
                Status::aborted(HOSTILE),
                &[("verdict", "reject"), ("note", HOSTILE), ("at:/x", HOSTILE)],
            );
            said.edit = edit;
            assert_harmless(&shown(&visit(), &material, &said));
            said.subject = "5ab1ec7".to_owned();
            assert_harmless(&shown(&visit(), &material, &said));
        }
        material.shown[0].1 = Shown::Not(hostile());
        assert_harmless(&shown(&visit(), &material, &Said::default()));
    }
}

#[tokio::test]
async fn a_run_page_leads_to_its_review_and_offers_what_fits_its_state() {
    let step = |name: &str, phase: &str, agent: &str| Step {
        name: name.to_owned(),
        phase: phase.to_owned(),
        agent: agent.to_owned(),
        ..Step::default()
    };
    let mut material = run::Material {
        run: Run {
            id: "r".to_owned(),
            status: "running".to_owned(),
            state: "in_review".to_owned(),
            steps: vec![
                step("copy", "failed", "copy"),
                step("sign_off", "reviewing", ""),
            ],
            ..Run::default()
        },
        waiting: ExplainResponse {
            waiting: vec![wire::run::v1::Waiting {
                step: "sign_off".to_owned(),
                what: "review".to_owned(),
                ..wire::run::v1::Waiting::default()
            }],
            ..ExplainResponse::default()
        },
        ..run::Material::default()
    };
    let page = |material: &run::Material, visit: &Visit| {
        run::render(visit, material, Timestamp(4_000)).into_string()
    };
    let running = page(&material, &visit());
    assert_eq!(
        running.matches("href=\"/runs/r/reviews/sign_off\"").count(),
        2,
        "{running}"
    );
    for told in [
        "s-in-review",
        "action=\"/runs/r/pause\"",
        "action=\"/runs/r/retry\"",
        "aria-label=\"Retry Copy\"",
    ] {
        assert!(running.contains(told), "{told}: {running}");
    }
    assert!(!running.contains("Retry Sign off") && !running.contains("/resume"));
    assert!(!page(&material, &with_role(Role::Viewer)).contains("<form"));

    material.run.state = "paused".to_owned();
    material.events = vec![wire::events::v1::Event {
        r#type: "paused".to_owned(),
        metadata: [("reason".to_owned(), HOSTILE.to_owned())].into(),
        ..Default::default()
    }];
    let paused = page(&material, &visit());
    assert_harmless(&paused);
    assert!(
        paused.contains("action=\"/runs/r/resume\"") && !paused.contains("/runs/r/pause"),
        "{paused}"
    );
    assert!(paused.contains("s-paused"), "{paused}");

    material.run.status = "rejected".to_owned();
    let rejected = page(&material, &visit());
    assert!(
        rejected.contains("rejected in a review") && !rejected.contains("<form"),
        "{rejected}"
    );
}
