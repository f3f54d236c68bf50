//! Deciding on a review: the forms, what they send, and what comes of it. A form carries the subject that its
//! page showed, so a decision never counts for what its maker did not see.

use std::sync::Arc;

use axum::{
    extract::{Extension, Path},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use model::{RunId, StepName};
use serde_json::Value;
use tonic::Status;
use wire::{
    artifact::v1::{EditRequest, EditResponse},
    review::v1::{DecideRequest, Review},
};

use super::{
    artifact,
    door::{Sent, Visit},
    edit as texts,
    page::{self, token},
    review,
    reviews::address,
    text::{self, Foreign},
};
use crate::limits::NOTE_CHARS;

/// What a form sends in place of a verdict when it edits an artifact.
pub(super) const EDIT: &str = "edit";

/// What a page has to say of the form that led to it.
#[derive(Default)]
pub(super) struct Said {
    /// The step whose artifact is edited.
    pub(super) edit: String,
    /// The subject that the form was about.
    pub(super) subject: String,
    /// Why nothing, or not all, was done.
    pub(super) refusal: Option<Status>,
    /// The version that an edit became before the refusal.
    pub(super) saved: Option<u32>,
    /// What was typed.
    pub(super) typed: Option<Sent>,
}

impl Said {
    /// Whether the form was about what is asked about now.
    pub(super) fn is_current(&self, review: Option<&Review>) -> bool {
        review.is_some_and(|review| review.subject == self.subject && review.state == "open")
    }

    fn typed(&self, field: &str) -> &str {
        self.typed.as_ref().map_or("", |sent| sent.get(field))
    }

    /// The refusal, where a reader looks first.
    pub(super) fn told(&self, review: Option<&Review>) -> Markup {
        let Some(refusal) = &self.refusal else {
            return html! {};
        };
        let is_current = self.is_current(review);
        let typed = self.typed.as_ref().filter(|_| !is_current);
        let kept = typed.map(texts::kept).unwrap_or_default();
        let note = typed.map_or("", |sent| sent.get("note"));
        html! {
            div.fault role="alert" tabindex="-1" data-focus {
                @if let Some(version) = self.saved {
                    p { strong { "Your edit is saved as version " (version) "; it is not approved." } }
                } @else {
                    p { strong { "Nothing was done." } }
                }
                p { (Foreign(refusal.message())) }
                @if !is_current && self.saved.is_none() {
                    p { "What you were shown is no longer what is asked about. Below is what is asked about now." }
                }
                @for problem in wire::problem::problems_of(refusal) {
                    p { code { (Foreign(&problem.path)) } " " (Foreign(&problem.message)) }
                }
                @if self.saved.is_none() && (!kept.is_empty() || !note.is_empty()) {
                    details {
                        summary { "What you had written" }
                        @if !note.is_empty() { p.kept dir="auto" { (Foreign(note)) } }
                        dl.facts { @for (label, text) in &kept { dt { (Foreign(label)) } dd.kept dir="auto" { (Foreign(text)) } } }
                    }
                }
            }
        }
    }
}

/// The forms of an open review, for who may decide.
pub(super) fn forms(visit: &Visit, review: &Review, said: &Said) -> Markup {
    let typed = |verdict: &str, field: &str| {
        let is_it = said.typed("verdict") == verdict && said.is_current(Some(review));
        if is_it { said.typed(field) } else { "" }
    };
    let form = |verdict: &str, inner: Markup| {
        html! {
            form method="post" action=(address(&review.run_id, &review.step)) {
                (token(visit))
                input type="hidden" name="subject" value=(review.subject);
                input type="hidden" name="verdict" value=(verdict);
                (inner)
            }
        }
    };
    let note = |verdict: &str, label: &str, required: bool| {
        html! {
            label for={ "note-" (verdict) } { (label) }
            textarea id={ "note-" (verdict) } name="note" rows="3" maxlength=(NOTE_CHARS) required[required] { "\n" (typed(verdict, "note")) }
        }
    };
    html! {
        (form("approve", html! {
            details open[!typed("approve", "note").is_empty()] { summary { "With a note" } (note("approve", "Note", false)) }
            button.primary type="submit" { "Approve" }
        }))
        @if !review.back.is_empty() {
            (form("send_back", html! {
                h3 { "Send back" }
                label for="to" { "What is to be done again" }
                select #to name="to" {
                    @for step in &review.back {
                        option value=(step) selected[typed("send_back", "to") == step] { (text::words(step)) }
                    }
                }
                (note("send_back", "What to do differently", true))
                button type="submit" { "Send back" }
            }))
        }
        (form("reject", html! {
            h3 { "Reject" }
            (note("reject", "Why", true))
            button.danger type="submit" data-confirm="Reject it? A run that was rejected does not go on." { "Reject" }
        }))
    }
}

/// A review that an address names; it may stand in another address.
fn place(run: &str, step: &str) -> Result<(), Status> {
    let is_place = RunId::new(run).is_ok() && StepName::new(step).is_ok();
    let missing = || Status::not_found("there is no such review");
    is_place.then_some(()).ok_or_else(missing)
}

/// `POST /runs/{run}/reviews/{step}`.
pub(super) async fn decide(
    Extension(visit): Extension<Arc<Visit>>,
    Path((run, step)): Path<(String, String)>,
    sent: Sent,
) -> Response {
    if let Err(status) = place(&run, &step) {
        return page::failed(&visit, &status);
    }
    if sent.get("verdict") == EDIT {
        return edit(&visit, &run, &step, sent).await;
    }
    let request = DecideRequest {
        run_id: run.clone(),
        step: step.clone(),
        subject: sent.get("subject").to_owned(),
        verdict: sent.get("verdict").to_owned(),
        to: sent.get("to").to_owned(),
        note: sent.get("note").trim().replace("\r\n", "\n"),
    };
    let done = match request.verdict.as_str() {
        "send_back" => format!("/runs/{run}?done=sent-back"),
        "reject" => "/reviews?done=rejected".to_owned(),
        _ => "/reviews?done=approved".to_owned(),
    };
    match visit.calls.reviews().decide(visit.calls.on(request)).await {
        Ok(_) => Redirect::to(&done).into_response(),
        Err(refusal) => {
            let said = Said {
                subject: sent.get("subject").to_owned(),
                refusal: Some(refusal),
                typed: Some(sent),
                ..Said::default()
            };
            again(&visit, &run, &step, said).await
        }
    }
}

/// The page once more, with why the form was refused.
async fn again(visit: &Visit, run: &str, step: &str, said: Said) -> Response {
    let status = said
        .refusal
        .as_ref()
        .map_or_else(Default::default, page::http);
    match review::material(visit, run, step).await {
        Ok(material) => {
            let mut response = review::framed(visit, &material, &said, "");
            *response.status_mut() = status;
            response
        }
        // Without the page, the refusal itself is what there is to say.
        Err(other) => page::failed(visit, said.refusal.as_ref().unwrap_or(&other)),
    }
}

/// Saves an edit, and approves what it makes when that is wanted.
async fn edit(visit: &Visit, run: &str, step: &str, sent: Sent) -> Response {
    let mut said = Said {
        edit: sent.get("of").to_owned(),
        subject: sent.get("subject").to_owned(),
        ..Said::default()
    };
    let approves = sent.get("then") == "approve";
    let refused = match save(visit, run, step, &sent).await {
        Ok(_) if !approves => {
            return Redirect::to(&format!("{}?done=edited", address(run, step))).into_response();
        }
        Ok((before, saved)) => {
            said.saved = Some(saved.version);
            // From here on the page is about what there is now.
            said.edit.clear();
            match approve(visit, &before, sent.get("of"), &saved).await {
                Ok(true) => return Redirect::to("/reviews?done=edited-approved").into_response(),
                Ok(false) => {
                    let waits = format!("{}?done=edited-judged", address(run, step));
                    return Redirect::to(&waits).into_response();
                }
                Err(refused) => refused,
            }
        }
        Err(refused) => refused,
    };
    said.refusal = Some(refused);
    said.typed = Some(sent);
    again(visit, run, step, said).await
}

/// Saves what was typed. The review as it was shown, and the version that the edit became.
async fn save(
    visit: &Visit,
    run: &str,
    step: &str,
    sent: &Sent,
) -> Result<(Review, EditResponse), Status> {
    let outdated = || Status::aborted("it has changed since you opened it");
    let shown = review::asked(visit, run, step).await?;
    let shown = shown
        .filter(|review| review.subject == sent.get("subject") && review.state == "open")
        .ok_or_else(outdated)?;
    let of = sent.get("of");
    let subject = shown
        .of
        .iter()
        .find(|subject| subject.step == of && subject.version.to_string() == sent.get("version"));
    let version = subject.ok_or_else(outdated)?.version;
    let (_, content) = artifact::version(visit, run, of, version).await?;
    let edited: Value = texts::applied(&content, sent).ok_or_else(|| {
        Status::failed_precondition("no text was changed, so there is no new version")
    })?;
    let request = visit.calls.on(EditRequest {
        run_id: run.to_owned(),
        step: of.to_owned(),
        version,
        content_json: edited.to_string(),
    });
    let saved = visit.calls.artifacts().edit(request).await?.into_inner();
    Ok((shown, saved))
}

/// Approves what was shown with the edit in it, and nothing else. False: an audit judges the edit first.
async fn approve(
    visit: &Visit,
    before: &Review,
    of: &str,
    saved: &EditResponse,
) -> Result<bool, Status> {
    let now = review::asked(visit, &before.run_id, &before.step).await?;
    let Some(now) = now.filter(|review| review.state == "open") else {
        return Ok(false);
    };
    let mut wanted = before.of.clone();
    for subject in wanted.iter_mut().filter(|subject| subject.step == of) {
        subject.version = saved.version;
        subject.hash.clone_from(&saved.hash);
    }
    if now.of != wanted {
        return Err(Status::aborted("something else has changed as well"));
    }
    let request = visit.calls.on(DecideRequest {
        run_id: now.run_id,
        step: now.step,
        subject: now.subject,
        verdict: "approve".to_owned(),
        ..DecideRequest::default()
    });
    visit.calls.reviews().decide(request).await.map(|_| true)
}
