//! Room 4: what waits for people, the longest first.

use std::sync::Arc;

use ::service::clock;
use axum::{extract::Extension, response::Response};
use maud::{Markup, html};
use model::Timestamp;
use serde::Deserialize;
use wire::review::v1::{ListRequest, ListResponse, Waiting};

use super::{
    door::{Asked, Visit},
    page::{self, Look},
    text::{self, Foreign, encoded},
};
use crate::limits::PAGE_REVIEWS;

/// Which page, and what was done before it.
#[derive(Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    cursor: String,
    #[serde(default)]
    done: String,
}

/// `GET /reviews`.
pub(super) async fn list(
    Extension(visit): Extension<Arc<Visit>>,
    Asked(wanted): Asked<Wanted>,
) -> Response {
    let request = visit.calls.on(ListRequest {
        page_size: PAGE_REVIEWS,
        cursor: wanted.cursor.clone(),
    });
    match visit.calls.reviews().list(request).await {
        Ok(found) => {
            let look = Look::titled("Reviews")
                .live(String::new())
                .done(&wanted.done);
            let body = render(&found.into_inner(), &wanted.cursor, clock::now());
            page::page(&visit, &look, &body)
        }
        Err(status) => page::failed(&visit, &status),
    }
}

/// The page of a review.
pub(super) fn address(run: &str, step: &str) -> String {
    format!("/runs/{run}/reviews/{step}")
}

pub(super) fn render(found: &ListResponse, cursor: &str, now: Timestamp) -> Markup {
    html! {
        div.title { h1 { "Reviews" } }
        div id="reviews" data-live="reviews" {
            @if found.reviews.is_empty() { (empty(cursor)) } @else { (table(&found.reviews, now)) }
            nav.pages aria-label="Pages" {
                @if !cursor.is_empty() { a href="/reviews" { "The longest waiting" } }
                @if !found.next_cursor.is_empty() {
                    a rel="next" href={ "/reviews?cursor=" (encoded(&found.next_cursor)) } { "Later ones" }
                }
            }
        }
    }
}

fn empty(cursor: &str) -> Markup {
    html! {
        section.empty {
            @if cursor.is_empty() {
                h2 { "Nothing waits for a decision" }
                p {
                    "A run whose workflow has a review step stops there until people have looked at what it made. "
                    "Each such review comes here: approve it, change its words and approve, send it back with a note, or reject it."
                }
                p { a href="/" { "All runs" } }
            } @else {
                h2 { "No more reviews" }
                p { "Those that were here are decided." }
            }
        }
    }
}

fn table(reviews: &[Waiting], now: Timestamp) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="Reviews" {
            table.reviews {
                caption.hidden { "Reviews that wait for people, the longest first" }
                thead { tr {
                    th scope="col" { "Title" } th scope="col" { "Workflow" } th scope="col" { "Step" }
                    th scope="col" { "Since" } th scope="col" { "Until" } th scope="col" { "Role" }
                } }
                tbody { @for review in reviews { (row(review, now)) } }
            }
        }
    }
}

fn row(review: &Waiting, now: Timestamp) -> Markup {
    html! {
        tr {
            th.name scope="row" { a href=(address(&review.run_id, &review.step)) { (Foreign(&review.title)) } }
            td { (Foreign(&review.workflow)) }
            td { (Foreign(&text::words(&review.step))) }
            td { (text::ago(review.since.map(Into::into))) }
            td { @match review.deadline { Some(at) => (text::until(at.into(), now)), None => span.muted { "no limit" } } }
            td { (Foreign(&text::words(&review.role))) }
        }
    }
}
