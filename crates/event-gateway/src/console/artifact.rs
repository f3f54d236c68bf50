//! Room 3: one artifact as its reader would see it, with what the auditor found in it.

use std::sync::Arc;

use axum::{
    extract::{Extension, Path},
    response::Response as Page,
};
use maud::{Markup, Render, html};
use model::RunId;
use serde::Deserialize;
use serde_json::Value;
use tonic::{Code, Response, Status};
use wire::{
    artifact::v1::{ArtifactVersion, GetVersionRequest, ListVersionsRequest},
    campaign::v1::{AuditReport, CampaignBrief, Finding, GetRequest, OrchestrationResult},
    run::v1::{self as run, Run},
};

use super::{
    concept,
    door::{Asked, Visit},
    longcopy,
    mark::{self, Mark},
    page::{self, Look, token},
    pieces, post,
    poster::{self, Picture},
    text::{self, Foreign},
};
use crate::limits::SHOWN_BYTES;

/// The steps whose results people read, in their order.
pub(super) const READ: [&str; 3] = ["copy", "short_copy", poster::STEP];

/// Which version; the active one when it is not said.
#[derive(Deserialize)]
pub(super) struct Which {
    #[serde(default)]
    pub(super) version: u32,
    #[serde(default)]
    done: String,
}

/// All that a page on one step of a run is made from.
pub(super) struct Material {
    pub(super) run: Run,
    pub(super) result: OrchestrationResult,
    pub(super) brief: CampaignBrief,
    /// Of this step, oldest first.
    pub(super) versions: Vec<ArtifactVersion>,
}

/// `GET /runs/{run}/artifacts/{step}`.
pub(super) async fn show(
    Extension(visit): Extension<Arc<Visit>>,
    Path((run, step)): Path<(String, String)>,
    Asked(which): Asked<Which>,
) -> Page {
    let shown = async {
        let material = material(&visit, &run, &step).await?;
        let version = chosen(&visit, &material, &step, which.version).await?;
        Ok::<_, Status>((material, version))
    };
    match shown.await {
        Ok((material, version)) => {
            let body = render(&visit, &material, &step, version.as_ref());
            let look = Look::titled(&material.run.title)
                .live(followed(&material.run))
                .done(&which.done);
            page::page(&visit, &look, &body)
        }
        Err(status) => page::failed(&visit, &status),
    }
}

/// What keeps a page about a run up to date: the events that follow, and what agents write.
pub(super) fn followed(run: &Run) -> String {
    format!("run={}&after={}&live=true", run.id, run.sequence)
}

/// Reads what a page on a step needs; the calls go out together.
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
    let get = || GetRequest {
        run_id: run_id.clone(),
    };
    let (run, result, brief, versions) = tokio::try_join!(
        runs.get(calls.on(run::GetRequest {
            run_id: run_id.clone()
        })),
        of_campaign(campaigns.get(calls.on(get()))),
        of_campaign(briefs.get_brief(calls.on(get()))),
        artifacts.list_versions(calls.on(ListVersionsRequest {
            run_id: run_id.clone(),
            step: step.to_owned()
        })),
    )?;
    let mut versions = versions.into_inner().versions;
    versions.sort_by_key(|version| version.version);
    Ok(Material {
        run: run.into_inner(),
        result,
        brief,
        versions,
    })
}

/// What only a run of the campaign workflow has; empty for another's.
pub(super) async fn of_campaign<T: Default>(
    answer: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Status> {
    match answer.await {
        Ok(answer) => Ok(answer.into_inner()),
        Err(status) if status.code() == Code::NotFound => Ok(T::default()),
        Err(status) => Err(status),
    }
}

/// The version of that number with its content; for 0 the active one, if there is one.
pub(super) async fn chosen(
    visit: &Visit,
    material: &Material,
    step: &str,
    number: u32,
) -> Result<Option<(ArtifactVersion, Value)>, Status> {
    let active = || material.versions.iter().find(|version| version.active);
    let number = match number {
        0 => active().map_or(0, |version| version.version),
        number => number,
    };
    if number == 0 {
        return Ok(None);
    }
    version(visit, &material.run.id, step, number)
        .await
        .map(Some)
}

/// One version with its content.
pub(super) async fn version(
    visit: &Visit,
    run: &str,
    step: &str,
    number: u32,
) -> Result<(ArtifactVersion, Value), Status> {
    let request = GetVersionRequest {
        run_id: run.to_owned(),
        step: step.to_owned(),
        version: number,
    };
    let request = visit.calls.on(request);
    let version = visit
        .calls
        .artifacts()
        .get_version(request)
        .await?
        .into_inner();
    if version.content_json.len() > SHOWN_BYTES {
        return Err(Status::out_of_range(format!(
            "version {number} of {step} has {} bytes; the console shows at most {SHOWN_BYTES}: \
             `pressrun show {run} --output json` prints it whole",
            version.content_json.len()
        )));
    }
    let content = serde_json::from_str(&version.content_json)
        .map_err(|_| Status::data_loss("the version's content is no JSON"))?;
    Ok((version, content))
}

/// A version's content, to be shown: each text at its JSON pointer, with its findings.
pub(super) struct View<'a> {
    content: &'a Value,
    brief: &'a CampaignBrief,
    /// With their numbers on the page.
    findings: Vec<(usize, &'a Finding)>,
}

impl<'a> View<'a> {
    pub(super) fn new(
        content: &'a Value,
        brief: &'a CampaignBrief,
        findings: Vec<(usize, &'a Finding)>,
    ) -> Self {
        Self {
            content,
            brief,
            findings,
        }
    }

    /// The text at a pointer; empty when there is none.
    pub(super) fn text(&self, pointer: &str) -> &'a str {
        self.content
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(super) fn number(&self, pointer: &str) -> u64 {
        self.content
            .pointer(pointer)
            .and_then(Value::as_u64)
            .unwrap_or_default()
    }

    /// The pointers of a list's items.
    pub(super) fn items(&self, pointer: &str) -> Vec<String> {
        let count = self
            .content
            .pointer(pointer)
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        (0..count).map(|i| format!("{pointer}/{i}")).collect()
    }

    /// The names in an object.
    pub(super) fn keys(&self, pointer: &str) -> Vec<String> {
        let object = self.content.pointer(pointer).and_then(Value::as_object);
        object
            .map(|object| object.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// The findings in the text at a pointer.
    pub(super) fn marks(&self, pointer: &str) -> Vec<Mark> {
        mark::marks(self.findings.iter().copied(), pointer, self.text(pointer))
    }

    /// The text at a pointer, its findings marked.
    pub(super) fn field(&self, pointer: &str) -> Markup {
        mark::marked(self.text(pointer), &self.marks(pointer))
    }

    /// Whose campaign it is.
    pub(super) fn brand(&self) -> &'a str {
        self.brief
            .brand
            .as_ref()
            .map(|brand| brand.name.as_str())
            .unwrap_or_default()
    }

    /// The language of the texts, as a tag that may stand in an attribute.
    pub(super) fn language(&self) -> Option<&'a str> {
        let tag = self.brief.language.as_str();
        let is_tag = !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        is_tag.then_some(tag)
    }
}

/// The report's findings on one version of a step, numbered in the order in which the page tells them.
fn findings<'a>(
    report: Option<&'a AuditReport>,
    step: &str,
    hash: &str,
) -> Vec<(usize, &'a Finding)> {
    let findings = report
        .map(|report| report.findings.as_slice())
        .unwrap_or_default();
    let of_step = findings.iter().filter(|finding| {
        finding.step == step
            && (finding.artifact_version.is_empty() || finding.artifact_version == hash)
    });
    (1..).zip(of_step).collect()
}

fn render(
    visit: &Visit,
    material: &Material,
    step: &str,
    shown: Option<&(ArtifactVersion, Value)>,
) -> Markup {
    let Material {
        run,
        result,
        versions,
        ..
    } = material;
    html! {
        (heading(run))
        (tabs(run, step))
        @match shown {
            None => {
                (nothing_yet(run, step))
            }
            Some((version, content)) => {
                @let findings = findings(result.audit_report.as_ref(), step, &version.hash);
                @let view = View::new(content, &material.brief, findings.clone());
                div.reading id="artifact" data-live="artifact" {
                    div.piece {
                        (provenance(run, version, versions))
                        (piece(step, version, &view, poster::of_run(material).as_ref()))
                    }
                    aside.notes aria-label="Audit" {
                        (report(result.audit_report.as_ref(), version, &findings))
                        @if visit.may_change() && version.active { (regenerate(visit, run, step)) }
                    }
                }
            }
        }
    }
}

/// A version as its reader would see it, by the kind of artifact that `kind` names. `picture` is the
/// campaign's, with what stands for it in words.
pub(super) fn piece(
    kind: &str,
    version: &ArtifactVersion,
    view: &View<'_>,
    picture: Option<&(Picture, String)>,
) -> Markup {
    match kind {
        "copy" => longcopy::show(view),
        "short_copy" => post::show(view, picture),
        poster::STEP => {
            let page = poster::page_of(&version.run_id, &version.step, version.version);
            concept::show(view, &page)
        }
        _ => other(view.content),
    }
}

/// In place of an artifact that is not there: its text as it is written, or why there is none.
fn nothing_yet(run: &Run, step: &str) -> Markup {
    let known = run.steps.iter().find(|known| known.name == step);
    let at_work = known.filter(|known| run.status == "running" && known.phase == "running");
    html! {
        div id="artifact" data-live="artifact" {
            @if let Some(step) = at_work {
                article.sheet.draft {
                    p.muted { "Being written. The artifact takes this place when it is done." }
                    (pieces::writing(step))
                }
            } @else {
                section.empty {
                    h2 { "Nothing here yet" }
                    @if run.status == "running" { p { (text::words(step)) " is still to be made. This page shows it as it comes." } }
                    @else { p { "This run made no " (text::words(step).to_lowercase()) "." } }
                    p { a href={ "/runs/" (run.id) } { "What the run is doing" } }
                }
            }
        }
    }
}

/// The run that the page is about.
pub(super) fn heading(run: &Run) -> Markup {
    html! {
        header.heading id="heading" data-live="heading" {
            nav.crumbs aria-label="Breadcrumb" { a href="/" { "Runs" } " / " a href={ "/runs/" (run.id) } { (Foreign(&run.title)) } }
            div.title { h1 { (Foreign(&run.title)) } (text::standing(run)) }
        }
    }
}

/// The rooms of a run.
pub(super) fn tabs(run: &Run, here: &str) -> Markup {
    let current = |name: &str| (name == here).then_some("page");
    html! {
        nav.tabs aria-label="Run" {
            a href={ "/runs/" (run.id) } aria-current=[current("run")] { "Progress" }
            @for step in READ {
                @if run.steps.iter().any(|known| known.name == step) {
                    a href={ "/runs/" (run.id) "/artifacts/" (step) } aria-current=[current(step)] { (text::words(step)) }
                }
            }
        }
    }
}

/// The model that wrote a version, or the person.
pub(super) fn author(version: &ArtifactVersion) -> &str {
    match version.model.as_str() {
        "" => &version.agent,
        model => model,
    }
}

fn provenance(run: &Run, version: &ArtifactVersion, versions: &[ArtifactVersion]) -> Markup {
    let last = version.version.saturating_sub(1);
    html! {
        p.provenance {
            span { "Version " (version.version) @if !version.active { " (not the active one)" } }
            span { "by " (Foreign(author(version))) }
            span { (text::ago(version.created.map(Into::into))) }
            @if version.output_tokens > 0 {
                span { (text::number(version.input_tokens + version.output_tokens)) " tokens, " (text::money(version.cost_microusd)) }
            }
            @if versions.len() > 1 {
                @for other in versions.iter().filter(|other| other.version != version.version) {
                    a href={ "/runs/" (run.id) "/artifacts/" (version.step) "?version=" (other.version) } { "Version " (other.version) }
                }
                @if last > 0 {
                    a href={ "/runs/" (run.id) "/artifacts/" (version.step) "/compare?from=" (last) "&to=" (version.version) } {
                        "Compare with version " (last)
                    }
                }
            }
        }
    }
}

fn report(
    report: Option<&AuditReport>,
    version: &ArtifactVersion,
    findings: &[(usize, &Finding)],
) -> Markup {
    html! {
        section {
        h2 { "Audit" }
        @match report {
            None => p.muted { "Not audited yet." },
            Some(report) => {
                p.verdict.{ "v-" (text::class(&report.verdict)) } {
                    strong { (text::words(&report.verdict)) } " "
                    span { "score " (format!("{:.2}", report.score)) }
                }
                @if !version.active { p.muted { "The report is about the active version." } }
                @if findings.is_empty() {
                    p.muted { "Nothing to mend in this piece." }
                } @else {
                    ol.findings { @for (number, finding) in findings { (note(*number, finding)) } }
                }
            }
        }
        }
    }
}

pub(super) fn note(number: usize, finding: &Finding) -> Markup {
    html! {
        li.finding.{ "sev-" (text::class(&finding.severity)) } id={ "finding-" (number) } tabindex="-1" {
            p.finding-head {
                span.severity { (text::words(&finding.severity)) }
                span.rule { (Foreign(&text::words(&finding.rule))) }
            }
            @if !finding.quote.is_empty() {
                blockquote {
                    @if finding.span.is_some() { a href={ "#place-" (number) } { (Foreign(&finding.quote)) } }
                    @else { (Foreign(&finding.quote)) }
                }
            }
            p { (Foreign(&finding.rationale)) }
            @if !finding.suggestion.is_empty() { p.suggestion { strong { "Try: " } (Foreign(&finding.suggestion)) } }
        }
    }
}

/// Whether a part of the run may be made again: it is at rest, and nobody ended it for good.
pub(super) fn may_reopen(run: &Run) -> bool {
    !matches!(run.status.as_str(), "running" | "cancelled" | "rejected")
}

/// The form that asks for a new version.
pub(super) fn regenerate(visit: &Visit, run: &Run, step: &str) -> Markup {
    let at_rest = may_reopen(run);
    html! {
        section.regenerate {
            h2 { "Make it again" }
            @if at_rest {
                form method="post" action={ "/runs/" (run.id) "/regenerate" } {
                    (token(visit))
                    input type="hidden" name="step" value=(step);
                    label for="note" { "What to do differently" }
                    textarea #note name="note" rows="3" maxlength="2000" placeholder="Warmer, and shorter" {}
                    button type="submit" { "Make a new version" }
                }
                p.hint { "The other artifacts stay; the new version is audited." }
            } @else {
                p.muted { @if run.status == "running" { "Possible once the run is at rest." } @else { "A run that was " (run.status) " stays as it is." } }
            }
        }
    }
}

/// An artifact of another workflow: its fields as they are.
fn other(content: &Value) -> Markup {
    html! { div.sheet { (Fields(content)) } }
}

struct Fields<'a>(&'a Value);

impl Render for Fields<'_> {
    fn render(&self) -> Markup {
        match self.0 {
            Value::Object(fields) => html! {
                dl.facts { @for (name, value) in fields { dt { (Foreign(&text::words(name))) } dd { (Fields(value)) } } }
            },
            Value::Array(items) => html! { ul { @for item in items { li { (Fields(item)) } } } },
            Value::String(text) => html! { (Foreign(text)) },
            other => html! { (other.to_string()) },
        }
    }
}
