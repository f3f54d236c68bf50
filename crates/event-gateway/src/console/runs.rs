//! Room 1: all runs of the tenant, newest first.

use std::sync::Arc;

use axum::{
    extract::Extension,
    response::{IntoResponse, Redirect, Response},
};
use futures::{StreamExt, stream};
use maud::{Markup, html};
use model::{RunId, Timestamp};
use serde::Deserialize;
use tonic::Status;
use wire::run::v1::{CancelRequest, ListRequest, Run};

use super::{
    door::{Asked, Sent, Visit},
    page::{self, Look, token},
    text::{self, Foreign, encoded},
};
use crate::limits::{CANCELS_AT_ONCE, MAX_SEARCH_CHARS, PAGE_RUNS, SEARCH_PAGE, SEARCH_PAGES};

/// What can be filtered by, as the orchestrator names it.
const STATUSES: [&str; 6] = [
    "running",
    "completed",
    "partially_completed",
    "failed",
    "cancelled",
    "rejected",
];

/// What is looked for.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    status: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    cursor: String,
    #[serde(default)]
    done: String,
}

impl Wanted {
    fn query(&self, cursor: &str) -> String {
        let mut parts = Vec::new();
        for (name, value) in [
            ("status", self.status.as_str()),
            ("q", &self.q),
            ("cursor", cursor),
        ] {
            if !value.is_empty() {
                parts.push(format!("{name}={}", encoded(value)));
            }
        }
        format!("/?{}", parts.join("&"))
    }
}

/// What was found.
struct Found {
    runs: Vec<Run>,
    /// Empty on the last page.
    next: String,
    /// How many runs were looked at, when not all of them.
    looked_at: Option<usize>,
}

/// `GET /`.
pub(super) async fn list(
    Extension(visit): Extension<Arc<Visit>>,
    Asked(mut wanted): Asked<Wanted>,
) -> Response {
    wanted.q = wanted.q.trim().chars().take(MAX_SEARCH_CHARS).collect();
    match find(&visit, &wanted).await {
        Ok(found) => {
            let body = render(&visit, &wanted, &found);
            page::page(
                &visit,
                &Look::titled("Runs").live(String::new()).done(&wanted.done),
                &body,
            )
        }
        Err(status) => page::failed(&visit, &status),
    }
}

async fn find(visit: &Visit, wanted: &Wanted) -> Result<Found, Status> {
    let words = wanted.q.to_lowercase();
    let request = |cursor: String, page_size| ListRequest {
        status: wanted.status.clone(),
        page_size,
        cursor,
        ..ListRequest::default()
    };
    if words.is_empty() {
        let request = visit.calls.on(request(wanted.cursor.clone(), PAGE_RUNS));
        let page = visit.calls.runs().list(request).await?.into_inner();
        return Ok(Found {
            runs: page.runs,
            next: page.next_cursor,
            looked_at: None,
        });
    }
    let mut found = Vec::new();
    let mut cursor = wanted.cursor.clone();
    let mut looked_at = 0;
    for _ in 0..SEARCH_PAGES {
        let request = visit.calls.on(request(cursor, SEARCH_PAGE));
        let page = visit.calls.runs().list(request).await?.into_inner();
        looked_at += page.runs.len();
        found.extend(page.runs.into_iter().filter(|run| fits(run, &words)));
        cursor = page.next_cursor;
        if cursor.is_empty() || found.len() >= PAGE_RUNS as usize {
            break;
        }
    }
    let looked_at = (!cursor.is_empty()).then_some(looked_at);
    Ok(Found {
        runs: found,
        next: cursor,
        looked_at,
    })
}

fn fits(run: &Run, words: &str) -> bool {
    let text = format!(
        "{} {} {} {} {}",
        run.title, run.id, run.campaign_id, run.workflow, run.mode
    )
    .to_lowercase();
    words.split_whitespace().all(|word| text.contains(word))
}

fn render(visit: &Visit, wanted: &Wanted, found: &Found) -> Markup {
    let filtered = !wanted.status.is_empty() || !wanted.q.is_empty();
    html! {
        div.title {
            h1 { "Runs" }
            @if visit.may_change() { a.button.primary href="/runs/new" { "New run" } }
        }
        form.filters method="get" action="/" role="search" {
            label.hidden for="q" { "Search by name or id" }
            input #q type="search" name="q" value=(wanted.q) placeholder="Search by name or id" maxlength=(MAX_SEARCH_CHARS);
            label.hidden for="status" { "Status" }
            select #status name="status" data-submits {
                option value="" selected[wanted.status.is_empty()] { "All statuses" }
                @for status in STATUSES {
                    option value=(status) selected[wanted.status == status] { (text::words(status)) }
                }
            }
            button type="submit" { "Search" }
            @if filtered { a href="/" { "Clear" } }
        }
        div id="runs" data-live="runs" {
            @if found.runs.is_empty() { (empty(visit, filtered)) } @else { (table(visit, found)) }
            @if let Some(looked_at) = found.looked_at {
                p.muted { "Searched " (text::number(looked_at as u64)) " runs so far; older ones follow." }
            }
            nav.pages aria-label="Pages" {
                @if !wanted.cursor.is_empty() { a href=(wanted.query("")) { "Newest" } }
                @if !found.next.is_empty() { a rel="next" href=(wanted.query(&found.next)) { "Older runs" } }
            }
        }
    }
}

fn empty(visit: &Visit, filtered: bool) -> Markup {
    html! {
        section.empty {
            @if filtered {
                h2 { "No run fits" }
                p { "Try fewer words, or " a href="/" { "look at all runs" } "." }
            } @else {
                h2 { "No runs yet" }
                p { "A run takes a brief and gives copy, posts for each platform, a visual concept and an audit." }
                @if visit.may_change() { p { a.button.primary href="/runs/new" { "Start with a sample brief" } } }
            }
        }
    }
}

fn table(visit: &Visit, found: &Found) -> Markup {
    let open = found.runs.iter().any(|run| run.status == "running");
    html! {
        form method="post" action="/runs/cancel" {
            (token(visit))
            table.runs {
                caption.hidden { "Runs, newest first" }
                thead { tr {
                    @if visit.may_change() { th scope="col" { span.hidden { "Select" } } }
                    th scope="col" { "Name" }
                    th scope="col" { "Status" }
                    th scope="col" { "Progress" }
                    th scope="col" { "Mode" }
                    th scope="col" { "Submitted" }
                } }
                tbody { @for run in &found.runs { (row(visit, run)) } }
            }
            @if visit.may_change() && open {
                p.bulk { button.danger type="submit" data-confirm="Cancel the selected runs? What is finished stays." { "Cancel selected" } }
            }
        }
    }
}

fn row(visit: &Visit, run: &Run) -> Markup {
    html! {
        tr data-run=(run.id) {
            @if visit.may_change() {
                td {
                    @if run.status == "running" {
                        input type="checkbox" name="run" value=(run.id) aria-label={ "Select " (run.title) };
                    }
                }
            }
            td.name { a href={ "/runs/" (run.id) } { (Foreign(&run.title)) } span.id { (short(&run.id)) } }
            td { (text::standing(run)) }
            td.progress {
                @if run.status == "running" {
                    progress max="100" value=(run.percent) aria-label={ "Progress of " (run.title) } {}
                    span { (text::words(&run.state)) }
                } @else if let (Some(from), Some(to)) = (run.submitted, run.updated) {
                    span { "after " (text::span(millis(from.into(), to.into()))) }
                }
            }
            td { (text::words(&run.mode)) }
            td { (text::ago(run.submitted.map(Into::into))) }
        }
    }
}

fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.since(from).as_millis()).unwrap_or(u64::MAX)
}

/// The end of an id: its begin is the time, alike for all.
fn short(id: &str) -> &str {
    id.get(id.len().saturating_sub(12)..).unwrap_or(id)
}

/// `POST /runs/cancel`.
pub(super) async fn cancel(Extension(visit): Extension<Arc<Visit>>, sent: Sent) -> Response {
    let runs: Vec<String> = sent
        .all("run")
        .filter(|run| RunId::new(*run).is_ok())
        .map(str::to_owned)
        .collect();
    if runs.is_empty() {
        return Redirect::to("/?done=none").into_response();
    }
    let visit = &visit;
    let refused = stream::iter(runs)
        .map(|run_id| async move {
            let request = CancelRequest {
                run_id,
                reason: "cancelled in the console".to_owned(),
            };
            visit
                .calls
                .runs()
                .cancel(visit.calls.on(request))
                .await
                .err()
        })
        .buffer_unordered(CANCELS_AT_ONCE)
        .filter_map(std::future::ready)
        .collect::<Vec<Status>>()
        .await;
    match refused.into_iter().next() {
        None => Redirect::to("/?done=bulk").into_response(),
        Some(status) if status.code() == tonic::Code::PermissionDenied => {
            page::failed(visit, &status)
        }
        Some(_) => Redirect::to("/?done=bulk-some").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_finds_every_word_anywhere() {
        let run = Run {
            title: "Autumn Launch".to_owned(),
            id: "0199-abc".to_owned(),
            mode: "parallel".to_owned(),
            ..Run::default()
        };
        for (words, found) in [
            ("autumn", true),
            ("launch autumn", true),
            ("abc", true),
            ("autumn spring", false),
        ] {
            assert_eq!(fits(&run, words), found, "{words}");
        }
    }

    #[test]
    fn a_page_keeps_what_is_looked_for() {
        let wanted = Wanted {
            status: "failed".to_owned(),
            q: "a&b".to_owned(),
            ..Wanted::default()
        };
        assert_eq!(wanted.query("7.x"), "/?status=failed&q=a%26b&cursor=7.x");
    }
}
