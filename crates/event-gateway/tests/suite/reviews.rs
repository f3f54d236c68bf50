//! Reviews in the console over a real port: what a form sends on, and what it never does.

use reqwest::StatusCode;
use serde_json::{Value, json};
use tonic::Status;
use wire::{
    artifact::v1::{ArtifactVersion, EditRequest, EditResponse, ListVersionsResponse},
    auth::v1::WhoAmIResponse,
    review::v1::{
        DecideRequest, DecideResponse, GetRequest, ListRequest, ListResponse, Review, Subject,
        Waiting,
    },
    run::v1::{Run, Step},
};

use crate::{api::Stack, console::Browser};

const LIST: &str = "pressrun.review.v1.ReviewService.List";
const GET: &str = "pressrun.review.v1.ReviewService.Get";
const DECIDE: &str = "pressrun.review.v1.ReviewService.Decide";
const GET_VERSION: &str = "pressrun.artifact.v1.ArtifactService.GetVersion";
const EDIT: &str = "pressrun.artifact.v1.ArtifactService.Edit";
const PAGE: &str = "/runs/r-1/reviews/sign_off";

fn of(step: &str, version: u32) -> Subject {
    Subject {
        step: step.to_owned(),
        version,
        hash: format!("{step}-{version}"),
    }
}

fn review(subject: &str, versions: &[(&str, u32)]) -> Review {
    Review {
        run_id: "r-1".to_owned(),
        step: "sign_off".to_owned(),
        subject: subject.to_owned(),
        state: "open".to_owned(),
        role: "approver".to_owned(),
        approvals: 1,
        of: versions.iter().map(|(step, n)| of(step, *n)).collect(),
        submitted_by: "somebody".to_owned(),
        back: vec!["text".to_owned()],
        ..Review::default()
    }
}

fn content() -> Value {
    json!({"title": "Ride <b>on</b>", "body": "Cold days.\nWarm hands.", "n": 3})
}

/// A run of a workflow that is not the campaign's, asked about; and an approver who looks at it.
async fn asked() -> (Stack, Browser) {
    let stack = Stack::start().await;
    let fake = &stack.fake;
    fake.answers(
        "pressrun.auth.v1.AuthService.WhoAmI",
        &WhoAmIResponse {
            tenant: "one".to_owned(),
            role: "approver".to_owned(),
            by: "pat".to_owned(),
        },
    );
    let step = |name: &str| Step {
        name: name.to_owned(),
        ..Step::default()
    };
    fake.answers(
        "pressrun.run.v1.RunService.Get",
        &Run {
            id: "r-1".to_owned(),
            title: "<i>Autumn</i>".to_owned(),
            status: "running".to_owned(),
            steps: vec![step("text"), step("sign_off")],
            ..Run::default()
        },
    );
    for method in ["Get", "GetBrief"] {
        fake.refuses(
            &format!("pressrun.campaign.v1.CampaignService.{method}"),
            Status::not_found("it is no campaign"),
        );
    }
    fake.answers(
        GET_VERSION,
        &ArtifactVersion {
            run_id: "r-1".to_owned(),
            step: "text".to_owned(),
            version: 2,
            content_json: content().to_string(),
            ..ArtifactVersion::default()
        },
    );
    fake.answers(
        "pressrun.artifact.v1.ArtifactService.ListVersions",
        &ListVersionsResponse::default(),
    );
    fake.answers(GET, &review("5ubject", &[("text", 2), ("other", 1)]));
    fake.answers(DECIDE, &DecideResponse::default());
    let mut browser = Browser::new();
    browser.log_in(&stack).await;
    (stack, browser)
}

fn value<'a>(page: &'a str, field: &str) -> &'a str {
    let at = format!("name=\"{field}\" value=\"");
    let (_, rest) = page.split_once(&at).expect("the field");
    rest.split_once('"').expect("its end").0
}

async fn text_of(answer: reqwest::Response) -> String {
    answer.text().await.expect("a page")
}

#[tokio::test]
async fn the_queue_is_read_page_by_page_with_the_callers_key() {
    let (stack, browser) = asked().await;
    let waiting = Waiting {
        run_id: "r-1".to_owned(),
        step: "sign_off".to_owned(),
        title: "<i>Autumn</i>".to_owned(),
        ..Waiting::default()
    };
    let found = ListResponse {
        reviews: vec![waiting],
        next_cursor: "7.sign_off.r-1".to_owned(),
    };
    stack.fake.answers(LIST, &found);
    let page = text_of(browser.get(&stack, "/reviews").await).await;
    assert!(
        page.contains("&lt;i&gt;Autumn&lt;/i&gt;") && page.contains(&format!("href=\"{PAGE}\"")),
        "{page}"
    );
    assert!(page.contains("href=\"/reviews\" aria-current=\"page\""));
    let seen = stack.fake.last(LIST);
    assert_eq!(seen.header("authorization"), "Bearer key-one");
    assert_eq!(seen.message::<ListRequest>().cursor, "");

    let (_, next) = page
        .split_once("rel=\"next\" href=\"")
        .expect("a next page");
    let (next, _) = next.split_once('"').expect("its end");
    browser.get(&stack, next).await;
    let asked: ListRequest = stack.fake.last(LIST).message();
    assert_eq!(
        (asked.cursor.as_str(), asked.page_size),
        ("7.sign_off.r-1", 50)
    );
    stack.end().await;
}

#[tokio::test]
async fn a_decision_names_the_subject_that_was_shown() {
    let (stack, browser) = asked().await;
    let page = text_of(browser.get(&stack, PAGE).await).await;
    assert!(page.contains("Ride &lt;b&gt;on&lt;/b&gt;"), "{page}");
    let shown: GetRequest = stack.fake.last(GET).message();
    assert_eq!(
        (shown.run_id.as_str(), shown.step.as_str()),
        ("r-1", "sign_off")
    );
    let (token, subject) = (value(&page, "token"), value(&page, "subject"));

    // Between the page and the form, the review has come to ask about something else.
    stack.fake.answers(GET, &review("0ther", &[("text", 3)]));
    let sent = [
        ("token", token),
        ("subject", subject),
        ("verdict", "send_back"),
        ("to", "text"),
        ("note", " Warmer,\r\nshorter. "),
    ];
    let answer = browser.post(&stack, PAGE, &sent).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()["location"], "/runs/r-1?done=sent-back");
    let decided: DecideRequest = stack.fake.last(DECIDE).message();
    let wanted = DecideRequest {
        run_id: "r-1".to_owned(),
        step: "sign_off".to_owned(),
        subject: "5ubject".to_owned(),
        verdict: "send_back".to_owned(),
        to: "text".to_owned(),
        note: "Warmer,\nshorter.".to_owned(),
    };
    assert_eq!(decided, wanted);
    stack.end().await;
}

#[tokio::test]
async fn an_outdated_subject_is_told_and_the_new_one_is_shown() {
    let (stack, browser) = asked().await;
    let page = text_of(browser.get(&stack, PAGE).await).await;
    let token = value(&page, "token");
    stack.fake.answers(GET, &review("0ther", &[("text", 3)]));
    let refusal = Status::aborted("the review asks about other versions now");
    stack.fake.refuses(DECIDE, refusal);
    let sent = [
        ("token", token),
        ("subject", "5ubject"),
        ("verdict", "approve"),
        ("note", "Lovely <3"),
    ];
    let answer = browser.post(&stack, PAGE, &sent).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let page = text_of(answer).await;
    for told in [
        "Nothing was done.",
        "no longer what is asked about",
        "Lovely &lt;3",
        "Version 3",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert_eq!(value(&page, "subject"), "0ther");

    // A refusal of another kind is told as it is, and what was typed stays in its place.
    let refusal = Status::permission_denied("who submitted the run does not decide");
    stack.fake.refuses(DECIDE, refusal);
    let sent = [
        ("token", token),
        ("subject", "0ther"),
        ("verdict", "reject"),
        ("note", "No"),
    ];
    let answer = browser.post(&stack, PAGE, &sent).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let page = text_of(answer).await;
    assert!(
        page.contains("who submitted the run does not decide") && page.contains(">\nNo</textarea>"),
        "{page}"
    );
    assert!(!page.contains("no longer what is asked about"), "{page}");
    stack.end().await;
}

#[tokio::test]
async fn a_decision_that_no_page_of_ours_asked_for_is_not_sent_on() {
    let (stack, browser) = asked().await;
    let page = text_of(browser.get(&stack, PAGE).await).await;
    let token = value(&page, "token").to_owned();
    let mut foreign = Browser::new();
    foreign.log_in(&stack).await;
    for verdict in ["approve", "reject", "edit"] {
        for sent in [None, Some(""), Some("dG9rZW4")] {
            let mut fields = vec![("subject", "5ubject"), ("verdict", verdict), ("of", "text")];
            fields.extend(sent.map(|token| ("token", token)));
            let answer = browser.post(&stack, PAGE, &fields).await;
            assert!(answer.status().is_client_error(), "{verdict} {sent:?}");
        }
        // Another session's token.
        let fields = [
            ("subject", "5ubject"),
            ("verdict", verdict),
            ("token", &token),
        ];
        let answer = foreign.post(&stack, PAGE, &fields).await;
        assert!(answer.status().is_client_error(), "{verdict}");
    }
    assert_eq!((stack.fake.calls(DECIDE), stack.fake.calls(EDIT)), (0, 0));
    stack.end().await;
}

/// What a browser sends when the body was changed and the title was not.
fn edited<'a>(token: &'a str, then: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("token", token),
        ("subject", "5ubject"),
        ("verdict", "edit"),
        ("of", "text"),
        ("version", "2"),
        ("at:/title", "Ride <b>on</b>"),
        ("at:/body", "Cold days.\r\nCosy hands."),
        ("then", then),
    ]
}

fn saved() -> EditResponse {
    let Subject { version, hash, .. } = of("text", 3);
    EditResponse {
        version,
        hash,
        sequence: 9,
    }
}

#[tokio::test]
async fn an_edit_is_saved_and_what_it_made_is_approved() {
    let (stack, browser) = asked().await;
    let form = text_of(browser.get(&stack, &format!("{PAGE}?edit=text")).await).await;
    assert!(form.contains("name=\"at:/body\""), "{form}");
    let token = value(&form, "token");
    stack.fake.answers(EDIT, &saved());
    let before = review("5ubject", &[("text", 2), ("other", 1)]);
    let after = review("0ther", &[("text", 3), ("other", 1)]);
    stack.fake.answers_next(GET, Ok(&before));
    stack.fake.answers_next(GET, Ok(&after));
    let answer = browser.post(&stack, PAGE, &edited(token, "approve")).await;
    assert_eq!(
        answer.headers()["location"],
        "/reviews?done=edited-approved"
    );
    let edit: EditRequest = stack.fake.last(EDIT).message();
    assert_eq!((edit.step.as_str(), edit.version), ("text", 2));
    let mut wanted = content();
    wanted["body"] = json!("Cold days.\nCosy hands.");
    let made: Value = serde_json::from_str(&edit.content_json).expect("JSON");
    assert_eq!(made, wanted);
    let decided: DecideRequest = stack.fake.last(DECIDE).message();
    assert_eq!(
        (decided.subject.as_str(), decided.verdict.as_str()),
        ("0ther", "approve")
    );
    stack.end().await;
}

#[tokio::test]
async fn an_edit_is_never_approved_with_what_nobody_looked_at() {
    let (stack, browser) = asked().await;
    let page = text_of(browser.get(&stack, PAGE).await).await;
    let token = value(&page, "token");
    stack.fake.answers(EDIT, &saved());
    let before = review("5ubject", &[("text", 2), ("other", 1)]);

    // Somebody else changed another piece meanwhile.
    stack.fake.answers_next(GET, Ok(&before));
    stack
        .fake
        .answers(GET, &review("0ther", &[("text", 3), ("other", 2)]));
    let answer = browser.post(&stack, PAGE, &edited(token, "approve")).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let page = text_of(answer).await;
    assert!(
        page.contains("saved as version 3; it is not approved"),
        "{page}"
    );

    // An audit judges it first.
    stack.fake.answers_next(GET, Ok(&before));
    let nobody = Status::not_found("step sign_off asks nobody now");
    stack.fake.refuses(GET, nobody);
    let answer = browser.post(&stack, PAGE, &edited(token, "approve")).await;
    let location = answer.headers()["location"].to_str().expect("text");
    assert_eq!(location, format!("{PAGE}?done=edited-judged"));
    let page = text_of(browser.get(&stack, location).await).await;
    assert!(
        page.contains("An audit judges it first") && page.contains("Nobody is asked now"),
        "{page}"
    );

    // Saved alone.
    stack.fake.answers(GET, &before);
    let answer = browser.post(&stack, PAGE, &edited(token, "")).await;
    assert_eq!(answer.headers()["location"], format!("{PAGE}?done=edited"));
    assert_eq!((stack.fake.calls(EDIT), stack.fake.calls(DECIDE)), (3, 0));
    stack.end().await;
}

#[tokio::test]
async fn an_edit_of_what_is_outdated_or_unchanged_makes_no_version() {
    let (stack, browser) = asked().await;
    let page = text_of(browser.get(&stack, PAGE).await).await;
    let token = value(&page, "token");
    let mut same = edited(token, "approve");
    same.retain(|(field, _)| *field != "at:/body");
    let answer = browser.post(&stack, PAGE, &same).await;
    let page = text_of(answer).await;
    assert!(page.contains("no text was changed"), "{page}");

    stack.fake.answers(GET, &review("0ther", &[("text", 3)]));
    let answer = browser.post(&stack, PAGE, &edited(token, "approve")).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let page = text_of(answer).await;
    assert!(
        page.contains("What you had written") && page.contains("Cosy hands."),
        "{page}"
    );

    // The same version of it, and another one of what stands beside it.
    let beside = review("0ther", &[("text", 2), ("other", 2)]);
    stack.fake.answers(GET, &beside);
    let answer = browser.post(&stack, PAGE, &edited(token, "approve")).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    assert_eq!((stack.fake.calls(EDIT), stack.fake.calls(DECIDE)), (0, 0));
    stack.end().await;
}

#[tokio::test]
async fn who_submitted_the_run_is_offered_no_decision() {
    let (stack, browser) = asked().await;
    let page = text_of(browser.get(&stack, PAGE).await).await;
    assert!(page.contains("value=\"approve\""), "{page}");
    let own = Review {
        submitted_by: "pat".to_owned(),
        ..review("5ubject", &[("text", 2)])
    };
    stack.fake.answers(GET, &own);
    let page = text_of(browser.get(&stack, PAGE).await).await;
    assert!(
        page.contains("somebody else decides") && !page.contains("value=\"approve\""),
        "{page}"
    );
    stack.end().await;
}

#[tokio::test]
async fn what_a_page_has_no_room_for_is_named_and_led_to() {
    let (stack, browser) = asked().await;
    let long = json!({"body": "x".repeat(40_000)}).to_string();
    stack.fake.answers(
        GET_VERSION,
        &ArtifactVersion {
            content_json: long,
            ..ArtifactVersion::default()
        },
    );
    let page = text_of(browser.get(&stack, PAGE).await).await;
    assert!(page.len() < 150 * 1024, "{} bytes", page.len());
    assert_eq!(page.matches(&"x".repeat(40_000)).count(), 1);
    assert!(
        page.contains("href=\"/runs/r-1/artifacts/other?version=1\""),
        "{page}"
    );
    stack.end().await;
}
