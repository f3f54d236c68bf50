//! Room 2: one run: what is happening, what it waits for, what it cost, and what can be done about it.

use std::{sync::Arc, time::Duration};

use ::service::clock;
use axum::{
    extract::{Extension, Path},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use model::{RunId, Timestamp};
use serde::Deserialize;
use tonic::{Code, Status};
use wire::{
    campaign::v1::{GetRequest, OrchestrationResult},
    events::v1::Event,
    run::v1::{
        self as proto, CancelRequest, ExplainRequest, ExplainResponse, ListEventsRequest,
        ListRequest, RegenerateRequest, Run,
    },
};

use super::{
    artifact,
    door::{Asked, Sent, Visit},
    graph, halt,
    page::{self, Look, token},
    pieces,
    reviews::address,
    text::{self, Foreign},
    timeline,
};
use crate::limits::{ESTIMATE_RUNS, SHOWN_EVENTS};

/// Events read for the timeline: the orchestrator's own bound.
pub(super) const READ_EVENTS: u32 = 1_000;
/// What an event is called that begins a run's work anew.
const REOPENED: &str = "reopened";
/// Fewest finished runs that an estimate is made from.
const FEWEST: usize = 3;

#[derive(Deserialize)]
pub(super) struct Told {
    #[serde(default)]
    done: String,
}

/// All that the page is made from.
#[derive(Default)]
pub(super) struct Material {
    pub(super) run: Run,
    pub(super) waiting: ExplainResponse,
    /// From the first on, at most [`READ_EVENTS`].
    pub(super) events: Vec<Event>,
    /// Only of the campaign workflow.
    pub(super) result: Option<OrchestrationResult>,
    /// What finished runs of the same mode took, in the middle.
    pub(super) usual: Option<(Duration, usize)>,
}

/// `GET /runs/{run}`.
pub(super) async fn show(
    Extension(visit): Extension<Arc<Visit>>,
    Path(run): Path<String>,
    Asked(told): Asked<Told>,
) -> Response {
    match material(&visit, &run).await {
        Ok(material) => {
            let look = Look::titled(&material.run.title)
                .live(artifact::followed(&material.run))
                .repeated_if(material.run.status == "running")
                .done(&told.done);
            page::page(&visit, &look, &render(&visit, &material, clock::now()))
        }
        Err(status) => page::failed(&visit, &status),
    }
}

async fn material(visit: &Visit, id: &str) -> Result<Material, Status> {
    RunId::new(id).map_err(|error| Status::not_found(error.to_string()))?;
    let calls = &visit.calls;
    let run_id = id.to_owned();
    let (mut runs, mut explains, mut lists, mut campaigns) =
        (calls.runs(), calls.runs(), calls.runs(), calls.campaigns());
    let result = async {
        match campaigns
            .get(calls.on(GetRequest {
                run_id: run_id.clone(),
            }))
            .await
        {
            Ok(result) => Ok(Some(result.into_inner())),
            // A run of another workflow has no such result.
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status),
        }
    };
    let (run, waiting, events, result) = tokio::try_join!(
        runs.get(calls.on(proto::GetRequest {
            run_id: run_id.clone()
        })),
        explains.explain(calls.on(ExplainRequest {
            run_id: run_id.clone()
        })),
        lists.list_events(calls.on(ListEventsRequest {
            run_id: run_id.clone(),
            after: 0,
            limit: READ_EVENTS
        })),
        result,
    )?;
    let run = run.into_inner();
    let events = events.into_inner().events;
    // A run that was reopened does a part of its work again; how long that takes was never measured.
    let whole = !events.iter().any(|event| event.r#type == REOPENED);
    let usual = if run.status == "running" && whole {
        usual(visit, &run).await?
    } else {
        None
    };
    Ok(Material {
        run,
        waiting: waiting.into_inner(),
        events,
        result,
        usual,
    })
}

/// The median of what runs like this took.
async fn usual(visit: &Visit, run: &Run) -> Result<Option<(Duration, usize)>, Status> {
    let request = ListRequest {
        workflow: run.workflow.clone(),
        status: "completed".to_owned(),
        page_size: ESTIMATE_RUNS,
        ..ListRequest::default()
    };
    let page = visit
        .calls
        .runs()
        .list(visit.calls.on(request))
        .await?
        .into_inner();
    let mut took: Vec<Duration> = page
        .runs
        .iter()
        .filter(|other| other.mode == run.mode)
        .filter_map(|other| {
            let (from, to) = (other.submitted?, other.updated?);
            Some(Timestamp::from(to).since(from.into()))
        })
        .collect();
    took.sort_unstable();
    let median = took.get(took.len() / 2).copied();
    Ok(median
        .filter(|_| took.len() >= FEWEST)
        .map(|median| (median, took.len())))
}

/// When the work that is under way began: at the submit, or when the run was last reopened.
fn begun(material: &Material) -> Option<Timestamp> {
    let mut events = material.events.iter().rev();
    let reopened = events.find(|event| event.r#type == REOPENED);
    let begun = reopened
        .and_then(|event| event.time)
        .or(material.run.submitted);
    begun.map(Timestamp::from)
}

pub(super) fn render(visit: &Visit, material: &Material, now: Timestamp) -> Markup {
    let Material {
        run,
        events,
        result,
        ..
    } = material;
    html! {
        (artifact::heading(run))
        (artifact::tabs(run, "run"))
        section.now id="now" data-live="now" aria-label="Now" { (happening(material, now)) }
        (pieces::cards(run, result.as_ref()))
        div.columns {
            div {
                section id="steps" data-live="steps" {
                    h2 { "Steps" }
                    (graph::draw(&run.steps))
                    (steps(visit, material))
                }
                section id="timeline" data-live="timeline" {
                    h2 { "Timeline" }
                    (timeline::draw(&run.steps, events, now))
                }
                section id="events" data-live="events" {
                    h2 { "Events" }
                    (log(events))
                }
            }
            aside.notes {
                (actions(visit, material))
                div id="facts" data-live="facts" {
                    @if let Some(result) = result { (errors(result)) (cost(result)) }
                    (facts(run))
                }
            }
        }
    }
}

/// The loading state: how far, how long, and the one thing that it waits for.
fn happening(material: &Material, now: Timestamp) -> Markup {
    let Material {
        run,
        waiting,
        usual,
        ..
    } = material;
    let since = begun(material).map_or(Duration::ZERO, |begun| now.since(begun));
    if run.status != "running" {
        let took = match (begun(material), run.updated) {
            (Some(from), Some(to)) => Timestamp::from(to).since(from),
            _ => Duration::ZERO,
        };
        return html! {
            p.state { (ended(&run.status)) " after " strong { (text::span(millis(took))) } "." }
            @if let Some(report) = material.result.as_ref().and_then(|result| result.audit_report.as_ref()) {
                p.verdict.{ "v-" (text::class(&report.verdict)) } {
                    strong { (text::words(&report.verdict)) } " "
                    span { "score " (format!("{:.2}", report.score)) ", " (report.findings.len()) " findings" }
                }
            }
        };
    }
    html! {
        p.state.under-way {
            @if let Some(reason) = halt::paused(material) {
                strong { "Paused" } @if !reason.is_empty() { span { (Foreign(reason)) } }
            } @else {
                span.pulse aria-hidden="true" {} strong { (text::words(&run.state)) }
            }
            " " span.percent { (run.percent) " %" }
        }
        progress max="100" value=(run.percent) aria-label="Progress of the run" {}
        p.muted {
            @if let Some(begun) = begun(material) { time data-since datetime=(begun) { (text::span(millis(since))) } " so far. " }
            @match usual {
                Some((usual, of)) if *usual > since => {
                    "About " (text::span(millis(*usual - since))) " left; the last " (of) " like it took " (text::span(millis(*usual))) " in the middle."
                }
                Some((usual, of)) => { "Longer than usual: the last " (of) " like it took " (text::span(millis(*usual))) " in the middle." }
                None => {}
            }
        }
        @if !waiting.waiting.is_empty() {
            ul.waiting {
                @for waiting in &waiting.waiting {
                    li.{ "w-" (text::class(&waiting.what)) } { strong { (text::words(&waiting.step)) } " " (Foreign(&waiting.message))
                        @if waiting.what == "review" { " " a href=(address(&run.id, &waiting.step)) { "Review it" } }
                    }
                }
            }
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn ended(status: &str) -> &'static str {
    match status {
        "completed" => "Everything is done,",
        "partially_completed" => "A part is done, a part failed,",
        "failed" => "It failed",
        "cancelled" => "It was cancelled",
        "rejected" => "It was rejected in a review",
        _ => "It is at rest",
    }
}

/// The same as the graph, in words.
fn steps(visit: &Visit, material: &Material) -> Markup {
    let Material { run, result, .. } = material;
    let of = |step: &str| {
        let metrics = result.as_ref().and_then(|result| result.metrics.as_ref())?;
        let metrics = metrics.steps.iter().find(|metrics| metrics.step == step)?;
        // Before the first outcome there is nothing to tell.
        (metrics.work_ms + metrics.wait_ms > 0).then_some(metrics)
    };
    html! {
        table.steps {
            caption.hidden { "Steps of the run" }
            thead { tr {
                th scope="col" { "Step" } th scope="col" { "State" } th scope="col" { "Attempts" }
                th scope="col" { "Work" } th scope="col" { "Waits" } th scope="col" { "Tokens" } th scope="col" { "Cost" }
            } }
            tbody {
                @for step in &run.steps {
                    @let metrics = of(&step.name);
                    tr {
                        th scope="row" {
                            @if step.version > 0 && !step.name.starts_with("audit") {
                                a href={ "/runs/" (run.id) "/artifacts/" (step.name) } { (text::words(&step.name)) }
                            } @else { (text::words(&step.name)) }
                        }
                        td {
                            span.phase.{ "p-" (text::class(&step.phase)) } { (text::words(&step.phase)) }
                            @if step.phase == "reviewing" {
                                " " a href=(address(&run.id, &step.name)) aria-label={ "Review " (text::words(&step.name)) } { "Review" }
                            }
                            @if visit.may_change() && halt::may_retry(run, step) { " " (halt::retry_form(visit, run, step)) }
                        }
                        td { (metrics.map_or(step.attempt, |metrics| metrics.attempts)) }
                        td { (metrics.map(|metrics| text::span(metrics.work_ms)).unwrap_or_default()) }
                        td { (metrics.map(|metrics| text::span(metrics.wait_ms)).unwrap_or_default()) }
                        td { (metrics.map(|metrics| text::number(metrics.input_tokens + metrics.output_tokens)).unwrap_or_default()) }
                        td { (metrics.map(|metrics| text::money(metrics.cost_microusd)).unwrap_or_default()) }
                    }
                    @if !step.error.is_empty() { tr.error { td colspan="7" { (Foreign(&step.error)) } } }
                }
            }
        }
    }
}

/// The newest events; the script adds what follows.
fn log(events: &[Event]) -> Markup {
    let hidden = events.len().saturating_sub(SHOWN_EVENTS);
    let at = |event: &Event| event.time.map(Timestamp::from);
    let began = events.first().and_then(at);
    html! {
        @if hidden > 0 { p.muted { (hidden) " older ones are not shown." } }
        ol.log start=(hidden + 1) data-log tabindex="0" aria-label="Events" {
            @for event in events.iter().skip(hidden) {
                li data-sequence=(event.sequence) {
                    span.n { (event.sequence) }
                    span.what { (Foreign(&sentence(event))) (why(event)) }
                    @if let (Some(at), Some(began)) = (at(event), began) {
                        time datetime=(at) title=(at) { "+" (text::span(millis(at.since(began)))) }
                    }
                }
            }
        }
    }
}

/// What went wrong, or what a person gave as their reason.
fn why(event: &Event) -> Markup {
    let told = |name: &str| event.metadata.get(name).filter(|text| !text.is_empty());
    html! {
        @if let Some(error) = told("error") { span.why { (Foreign(error)) } }
        @else if let Some(reason) = told("reason") { span.reason { (Foreign(reason)) } }
    }
}

/// An event's message with the step's name in words.
fn sentence(event: &Event) -> String {
    let message = match event.step.as_str() {
        "" => event.message.clone(),
        step => event.message.replacen(step, &step.replace('_', " "), 1),
    };
    text::capital(message)
}

fn actions(visit: &Visit, material: &Material) -> Markup {
    let run = &material.run;
    html! {
        @if run.status == "running" && visit.may_change() {
            section id="actions" data-live="actions" {
                (halt::form(visit, run, halt::paused(material).is_some()))
                h2 { "Stop it" }
                form method="post" action={ "/runs/" (run.id) "/cancel" } {
                    (token(visit))
                    label for="reason" { "Why" }
                    input #reason name="reason" maxlength="200" placeholder="The offer has changed";
                    button.danger type="submit" { "Cancel the run" }
                }
                p.hint { "What is finished stays." }
            }
        } @else if visit.may_change() {
            section id="actions" data-live="actions" {
                @if artifact::may_reopen(run) {
                    h2 { "Make it again" }
                    form method="post" action={ "/runs/" (run.id) "/regenerate" } {
                        (token(visit))
                        label for="step" { "What" }
                        select #step name="step" {
                            @for step in run.steps.iter().filter(|step| !step.name.starts_with("audit")) {
                                option value=(step.name) { (text::words(&step.name)) }
                            }
                        }
                        label for="note" { "What to do differently" }
                        textarea #note name="note" rows="3" maxlength="2000" placeholder="Warmer, and shorter" {}
                        button type="submit" { "Make a new version" }
                    }
                }
            }
        }
    }
}

fn errors(result: &OrchestrationResult) -> Markup {
    html! {
        @if !result.errors.is_empty() {
            section {
                h2 { "Errors" }
                ul.errors {
                    @for error in &result.errors {
                        li { strong { (text::words(&error.step)) } " " span.code { (Foreign(&error.code)) } p { (Foreign(&error.message)) } }
                    }
                }
            }
        }
    }
}

fn cost(result: &OrchestrationResult) -> Markup {
    let Some(metrics) = &result.metrics else {
        return html! {};
    };
    html! {
        section {
            h2 { "Cost and time" }
            dl.facts.tight {
                dt { "Cost" } dd { (text::money(metrics.cost_microusd)) }
                dt { "Tokens" } dd { (text::number(metrics.input_tokens)) " in, " (text::number(metrics.output_tokens)) " out" }
                @if let Some(first) = metrics.first_artifact_ms { dt { "First artifact" } dd { (text::span(first)) } }
                @if let Some(generation) = metrics.generation_ms { dt { "Generation" } dd { (text::span(generation)) } }
                @if let Some(audit) = metrics.audit_ms { dt { "Audit" } dd { (text::span(audit)) } }
            }
        }
    }
}

fn facts(run: &Run) -> Markup {
    html! {
        section {
            h2 { "This run" }
            dl.facts.tight {
                dt { "Workflow" } dd { (Foreign(&run.workflow)) ", " (Foreign(&run.mode)) ", version " (run.workflow_version) }
                dt { "Submitted" } dd { (text::ago(run.submitted.map(Into::into))) }
                dt { "Run" } dd { code { (run.id) } }
                dt { "Campaign" } dd { code { (run.campaign_id) } }
                @if !run.correlation_id.is_empty() { dt { "Correlation" } dd { code { (Foreign(&run.correlation_id)) } } }
            }
        }
    }
}

/// `POST /runs/{run}/cancel`.
pub(super) async fn cancel(
    Extension(visit): Extension<Arc<Visit>>,
    Path(run_id): Path<String>,
    sent: Sent,
) -> Response {
    let Ok(run) = RunId::new(run_id.as_str()) else {
        return page::failed(&visit, &Status::not_found("there is no such run"));
    };
    let reason = match sent.get("reason").trim() {
        "" => "cancelled in the console",
        reason => reason,
    };
    let request = CancelRequest {
        run_id,
        reason: reason.to_owned(),
    };
    match visit.calls.runs().cancel(visit.calls.on(request)).await {
        Ok(answer) => {
            let done = if answer.into_inner().cancelled {
                "cancelled"
            } else {
                "ended"
            };
            Redirect::to(&format!("/runs/{run}?done={done}")).into_response()
        }
        Err(status) => page::failed(&visit, &status),
    }
}

/// `POST /runs/{run}/regenerate`.
pub(super) async fn regenerate(
    Extension(visit): Extension<Arc<Visit>>,
    Path(run_id): Path<String>,
    sent: Sent,
) -> Response {
    let Ok(run) = RunId::new(run_id.as_str()) else {
        return page::failed(&visit, &Status::not_found("there is no such run"));
    };
    let request = RegenerateRequest {
        run_id,
        step: sent.get("step").to_owned(),
        note: sent.get("note").trim().to_owned(),
    };
    match visit.calls.runs().regenerate(visit.calls.on(request)).await {
        Ok(_) => Redirect::to(&format!("/runs/{run}?done=regenerating")).into_response(),
        Err(status) => page::failed(&visit, &status),
    }
}
