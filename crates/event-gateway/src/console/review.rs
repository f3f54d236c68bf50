//! One review: exactly what is asked about, who may decide, what was decided, and the forms to decide with.

use std::sync::Arc;

use ::service::{auth::Role, clock};
use axum::{
    extract::{Extension, Path},
    response::Response,
};
use futures::future;
use maud::{Markup, html};
use model::{RunId, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use tonic::{Code, Status};
use wire::{
    artifact::v1::{ArtifactVersion, ListVersionsRequest},
    campaign::v1::{self as campaign, CampaignBrief, Finding, OrchestrationResult},
    review::v1::{GetRequest, Review, Subject},
    run::v1::{self as run, Run},
};

use super::{
    artifact::{self, READ, View},
    decide::{self, Said},
    door::{Asked, Visit},
    edit,
    page::{self, Look, token},
    poster,
    reviews::address,
    text::{self, Foreign},
};
use crate::limits::{SHOWN_BYTES, SHOWN_SUBJECTS};

/// How the page is wanted.
#[derive(Default, Deserialize)]
pub(super) struct Wanted {
    /// The step whose artifact is to be edited.
    #[serde(default)]
    edit: String,
    #[serde(default)]
    done: String,
}

/// All that the page is made from.
#[derive(Default)]
pub(super) struct Material {
    pub(super) run: Run,
    pub(super) step: String,
    /// None while nobody is asked.
    pub(super) review: Option<Review>,
    pub(super) result: OrchestrationResult,
    pub(super) brief: CampaignBrief,
    /// Of all steps.
    pub(super) versions: Vec<ArtifactVersion>,
    /// What is asked about, in the review's order.
    pub(super) shown: Vec<(Subject, Shown)>,
}

/// One of the artifacts that are asked about.
pub(super) enum Shown {
    Whole(Box<(ArtifactVersion, Value)>),
    /// Why it is not here.
    Not(String),
}

/// `GET /runs/{run}/reviews/{step}`.
pub(super) async fn show(
    Extension(visit): Extension<Arc<Visit>>,
    Path((run, step)): Path<(String, String)>,
    Asked(wanted): Asked<Wanted>,
) -> Response {
    match material(&visit, &run, &step).await {
        Ok(material) => {
            let said = Said {
                edit: wanted.edit,
                ..Said::default()
            };
            framed(&visit, &material, &said, &wanted.done)
        }
        Err(status) => page::failed(&visit, &status),
    }
}

/// The page in its frame.
pub(super) fn framed(visit: &Visit, material: &Material, said: &Said, done: &str) -> Response {
    let look = Look::titled(&material.run.title)
        .live(artifact::followed(&material.run))
        .done(done);
    let body = render(visit, material, said, clock::now());
    page::page(visit, &look, &body)
}

/// What a review step asks now; none while it asks nobody.
pub(super) async fn asked(visit: &Visit, run: &str, step: &str) -> Result<Option<Review>, Status> {
    let request = visit.calls.on(GetRequest {
        run_id: run.to_owned(),
        step: step.to_owned(),
    });
    match visit.calls.reviews().get(request).await {
        Ok(review) => Ok(Some(review.into_inner())),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status),
    }
}

/// Reads what the page needs.
pub(super) async fn material(visit: &Visit, id: &str, step: &str) -> Result<Material, Status> {
    RunId::new(id).map_err(|error| Status::not_found(error.to_string()))?;
    let calls = &visit.calls;
    let (mut runs, mut campaigns, mut briefs, mut artifacts) = (
        calls.runs(),
        calls.campaigns(),
        calls.campaigns(),
        calls.artifacts(),
    );
    let run_id = id.to_owned();
    let of_campaign = || {
        let run_id = run_id.clone();
        calls.on(campaign::GetRequest { run_id })
    };
    let (run, review, result, brief, versions) = tokio::try_join!(
        runs.get(calls.on(run::GetRequest {
            run_id: run_id.clone()
        })),
        asked(visit, id, step),
        artifact::of_campaign(campaigns.get(of_campaign())),
        artifact::of_campaign(briefs.get_brief(of_campaign())),
        artifacts.list_versions(calls.on(ListVersionsRequest {
            run_id: run_id.clone(),
            step: String::new()
        })),
    )?;
    let run = run.into_inner();
    if !run.steps.iter().any(|known| known.name == step) {
        return Err(Status::not_found("the run has no such step"));
    }
    let of = review.as_ref().map(|review| review.of.clone());
    Ok(Material {
        step: step.to_owned(),
        shown: contents(visit, id, of.unwrap_or_default()).await?,
        run,
        review,
        result,
        brief,
        versions: versions.into_inner().versions,
    })
}

/// The artifacts that are asked about, as far as a page can show them.
async fn contents(
    visit: &Visit,
    run: &str,
    of: Vec<Subject>,
) -> Result<Vec<(Subject, Shown)>, Status> {
    let read = of.iter().take(SHOWN_SUBJECTS).map(async |subject| {
        match artifact::version(visit, run, &subject.step, subject.version).await {
            Ok(whole) => Ok(Shown::Whole(Box::new(whole))),
            Err(status)
                if matches!(
                    status.code(),
                    Code::OutOfRange | Code::DataLoss | Code::NotFound
                ) =>
            {
                Ok(Shown::Not(status.message().to_owned()))
            }
            Err(status) => Err(status),
        }
    });
    let mut read = future::try_join_all(read).await?.into_iter();
    let mut left = SHOWN_BYTES;
    let shown = of.into_iter().map(|subject| {
        let too_much = || Shown::Not("the page has no room for it".to_owned());
        let shown = match read.next() {
            Some(Shown::Whole(whole)) => match left.checked_sub(whole.0.content_json.len()) {
                Some(rest) => {
                    left = rest;
                    Shown::Whole(whole)
                }
                None => too_much(),
            },
            Some(not) => not,
            None => too_much(),
        };
        (subject, shown)
    });
    Ok(shown.collect())
}

/// Why this caller may not decide; none when they may. Only for what is offered: the orchestrator decides.
pub(super) fn bar(visit: &Visit, review: &Review) -> Option<String> {
    let own = &visit.principal;
    if !Role::parse(&review.role).is_some_and(|role| own.role.may(role)) {
        let role = own.role.as_str();
        return Some(format!(
            "Deciding takes the role {}; you have the role {role}.",
            review.role
        ));
    }
    if !own.by.is_empty() && own.by == review.submitted_by {
        return Some("You submitted this run, so somebody else decides.".to_owned());
    }
    if !review.from.is_empty() && !review.from.contains(&own.by) {
        return Some(format!("It is left to {}.", review.from.join(", ")));
    }
    let decided = review.decisions.iter().any(|one| one.by == own.by);
    decided.then(|| "You have decided already.".to_owned())
}

pub(super) fn render(visit: &Visit, material: &Material, said: &Said, now: Timestamp) -> Markup {
    let Material {
        run, step, review, ..
    } = material;
    let edited = review
        .as_ref()
        .filter(|review| review.state == "open" && visit.may_change())
        .and_then(|_| material.whole(&said.edit));
    html! {
        (artifact::heading(run))
        (artifact::tabs(run, ""))
        (said.told(review.as_ref()))
        div.reading {
            div.subjects {
                h2 { "Review: " (text::words(step)) }
                @match edited {
                    Some((version, content)) => (editor(visit, material, said, version, content)),
                    None => (subjects(visit, material)),
                }
            }
            aside.notes aria-label="The review" {
                (standing(material, now))
                @if let Some(review) = review {
                    @if review.state == "open" && edited.is_none() {
                        section.decide {
                            h2 { "Decide" }
                            @match bar(visit, review) {
                                Some(why) => { p.muted { (Foreign(&why)) } }
                                None => (decide::forms(visit, review, said)),
                            }
                        }
                    }
                    (decisions(review))
                }
                @if edited.is_none() { (audit(material)) }
            }
        }
    }
}

impl Material {
    /// An artifact that is asked about and is here.
    fn whole(&self, step: &str) -> Option<(&ArtifactVersion, &Value)> {
        let found = self.shown.iter().find(|(subject, _)| subject.step == step);
        match &found?.1 {
            Shown::Whole(whole) => Some((&whole.0, &whole.1)),
            Shown::Not(_) => None,
        }
    }

    /// The report's findings on what is shown, numbered through the page.
    fn findings(&self) -> Vec<(usize, &Finding)> {
        let report = self.result.audit_report.as_ref();
        let findings = report.map(|report| report.findings.as_slice());
        let of_shown = |finding: &&Finding| {
            let subject = self.shown.iter().find(|(of, _)| of.step == finding.step);
            subject.is_some_and(|(_, shown)| match shown {
                Shown::Whole(whole) => {
                    ["", &whole.0.hash].contains(&finding.artifact_version.as_str())
                }
                Shown::Not(_) => false,
            })
        };
        let findings = findings.unwrap_or_default().iter().filter(of_shown);
        (1..).zip(findings).collect()
    }

    /// What kind of artifact a step makes: a workflow may call a step as it likes.
    fn kind<'a>(&'a self, step: &'a str) -> &'a str {
        let known = self.run.steps.iter().find(|known| known.name == step);
        known
            .map(|known| known.agent.as_str())
            .filter(|agent| READ.contains(agent))
            .unwrap_or(step)
    }
}

/// What is asked about, each in full.
fn subjects(visit: &Visit, material: &Material) -> Markup {
    let Material {
        run,
        result,
        review,
        ..
    } = material;
    let picture = result.artifacts.as_ref().and_then(poster::of);
    let findings = material.findings();
    let is_open = review.as_ref().is_some_and(|review| review.state == "open");
    html! {
        @for (subject, shown) in &material.shown {
            section.subject aria-labelledby={ "of-" (text::class(&subject.step)) } {
                h2 id={ "of-" (text::class(&subject.step)) } { (text::words(&subject.step)) }
                (provenance(material, subject, shown))
                @match shown {
                    Shown::Whole(whole) => {
                        @let (version, content) = whole.as_ref();
                        @if is_open && visit.may_change() {
                            p { a.button href={ (address(&run.id, &material.step)) "?edit=" (text::encoded(&subject.step)) } {
                                "Edit " (text::words(&subject.step).to_lowercase())
                            } }
                        }
                        @let of_step = findings.iter().filter(|(_, finding)| finding.step == subject.step);
                        @let view = View::new(content, &material.brief, of_step.copied().collect());
                        (artifact::piece(material.kind(&subject.step), version, &view, picture.as_ref()))
                    }
                    Shown::Not(why) => {
                        p.muted {
                            "Not shown here: " (Foreign(why)) ". "
                            a href={ "/runs/" (run.id) "/artifacts/" (subject.step) "?version=" (subject.version) } { "Its own page" }
                        }
                    }
                }
            }
        }
    }
}

/// Which version it is, who wrote it, and the way to what it replaced.
fn provenance(material: &Material, subject: &Subject, shown: &Shown) -> Markup {
    let before = material
        .versions
        .iter()
        .filter(|version| version.step == subject.step && version.version < subject.version);
    let before = before.map(|version| version.version).max();
    html! {
        p.provenance {
            span { "Version " (subject.version) }
            @if let Shown::Whole(whole) = shown {
                @let (version, _) = whole.as_ref();
                span { "by " (Foreign(artifact::author(version))) }
                span { (text::ago(version.created.map(Into::into))) }
            }
            @if let Some(before) = before {
                a href={ "/runs/" (material.run.id) "/artifacts/" (subject.step) "/compare?from=" (before) "&to=" (subject.version) } {
                    "Compare with version " (before)
                }
            }
        }
    }
}

/// The texts of one artifact as a form.
fn editor(
    visit: &Visit,
    material: &Material,
    said: &Said,
    version: &ArtifactVersion,
    content: &Value,
) -> Markup {
    let page = address(&material.run.id, &material.step);
    let review = material.review.as_ref();
    let subject = review.map_or("", |review| review.subject.as_str());
    let language = View::new(content, &material.brief, Vec::new()).language();
    // What was typed into another version is not put into this one.
    let typed = said.typed.as_ref().filter(|_| said.is_current(review));
    html! {
        @match edit::fields(content) {
            None => {
                p.muted { "It has more texts than a form can send; `ArtifactService.Edit` takes it as a whole." }
                p { a href=(page) { "Back to the review" } }
            }
            Some(fields) => {
                form.edit.sheet method="post" action=(page) {
                    (token(visit))
                    input type="hidden" name="subject" value=(subject);
                    input type="hidden" name="verdict" value=(decide::EDIT);
                    input type="hidden" name="of" value=(version.step);
                    input type="hidden" name="version" value=(version.version);
                    h3 { "The texts of " (text::words(&version.step).to_lowercase()) ", version " (version.version) }
                    (edit::inputs(&fields, typed, language))
                    p.submit {
                        @if review.is_some_and(|review| bar(visit, review).is_none()) {
                            button.primary type="submit" name="then" value="approve" { "Save and approve" } " "
                        }
                        button type="submit" name="then" value="" { "Save" } " "
                        a href=(page) { "Leave it as it is" }
                    }
                }
                p.hint { "What you save is a new version. What was approved before it is asked about again." }
            }
        }
    }
}

/// Who is asked, since when and until when; kept up to date, and never what is decided on.
fn standing(material: &Material, now: Timestamp) -> Markup {
    let Material {
        run, step, review, ..
    } = material;
    html! {
        section id="asked" data-live="asked" {
            h2 { "What is asked" }
            @match review {
                None => (nobody(run, step)),
                Some(review) => {
                    p { strong { (ended(&review.state)) } }
                    dl.facts.tight {
                        dt { "Approved" } dd { (review.approved) " of " (review.approvals) @if review.state == "open" { (missing(review)) } }
                        dt { "Role" } dd { (Foreign(&text::words(&review.role))) }
                        @if !review.from.is_empty() { dt { "Left to" } dd { (Foreign(&review.from.join(", "))) } }
                        @if !review.submitted_by.is_empty() { dt { "Not by" } dd { (Foreign(&review.submitted_by)) ", who submitted it" } }
                        dt { "Since" } dd { (text::ago(review.since.map(Into::into))) }
                        dt { "Until" } dd { @match review.deadline { Some(at) => (text::until(at.into(), now)), None => "no limit" } }
                        @for subject in &review.of {
                            dt { (text::words(&subject.step)) } dd { "version " (subject.version) }
                        }
                    }
                    @if review.state == "open" { p.hint { a href=(address(&run.id, step)) { "Show what is asked about now" } } }
                }
            }
        }
    }
}

fn nobody(run: &Run, step: &str) -> Markup {
    let phase = run.steps.iter().find(|known| known.name == step);
    let phase = phase.map_or("waiting", |step| step.phase.as_str());
    html! {
        p { "Nobody is asked now: the step is " strong { (text::words(phase).to_lowercase()) } "." }
        @if run.status == "running" {
            p.muted { "It asks as soon as what it is about is made and audited; then the way to it is here." }
        }
        p { a href={ "/runs/" (run.id) } { "What the run is doing" } }
    }
}

fn missing(review: &Review) -> String {
    match review.approvals.saturating_sub(review.approved) {
        0 => String::new(),
        missing => format!(", {missing} missing"),
    }
}

fn ended(state: &str) -> String {
    match state {
        "open" => "It waits for a decision.".to_owned(),
        "approved_by_deadline" => "Approved: nobody decided in time.".to_owned(),
        "rejected_by_deadline" => "Rejected: nobody decided in time.".to_owned(),
        other => format!("{}.", text::words(other)),
    }
}

fn decisions(review: &Review) -> Markup {
    html! {
        section {
            h2 { "Decisions so far" }
            @if review.decisions.is_empty() {
                p.muted { "None on these versions." }
            } @else {
                ol.decisions {
                    @for decision in &review.decisions {
                        li {
                            p { strong { (Foreign(&decision.by)) } ": " (text::words(&decision.verdict).to_lowercase()) " " (text::ago(decision.time.map(Into::into))) }
                            @if !decision.note.is_empty() { blockquote dir="auto" { (Foreign(&decision.note)) } }
                        }
                    }
                }
            }
        }
    }
}

/// What the auditor said, if the run has an audit.
fn audit(material: &Material) -> Markup {
    let findings = material.findings();
    html! {
        @if let Some(report) = &material.result.audit_report {
            section {
                h2 { "Audit" }
                p.verdict.{ "v-" (text::class(&report.verdict)) } {
                    strong { (text::words(&report.verdict)) } " "
                    span { "score " (format!("{:.2}", report.score)) }
                }
                @if findings.is_empty() { p.muted { "Nothing to mend in what is asked about." } }
                @else { ol.findings { @for (number, finding) in findings { (artifact::note(number, finding)) } } }
            }
        }
    }
}
