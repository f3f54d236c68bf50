//! What all pages share: the frame, the policy, refusals.

use ::service::{auth::Role, http::problem};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use maud::{DOCTYPE, Markup, html};
use tonic::{Code, Status};
use wire::problem::{self as faults, Details};

use super::{
    asset::{SCRIPT, STYLE},
    door::{TOKEN, Visit},
    session,
};
use crate::limits::REFRESH;

/// Names a page's own script and style in its policy; new for each response.
#[derive(Clone)]
pub(super) struct Nonce(pub(super) String);

/// How a page is framed.
pub(super) struct Look<'a> {
    title: &'a str,
    /// Whose events keep the page up to date: `run=…`, or empty for all runs. None: it is not kept so.
    live: Option<String>,
    /// Whether it is read again from time to time, beside its events.
    repeated: bool,
    /// Narrow, for reading.
    narrow: bool,
    /// What the last action did, by its key.
    done: &'a str,
}

impl<'a> Look<'a> {
    pub(super) fn titled(title: &'a str) -> Self {
        Self {
            title,
            live: None,
            repeated: false,
            narrow: false,
            done: "",
        }
    }

    /// Kept up to date by the events that `query` asks for.
    pub(super) fn live(mut self, query: String) -> Self {
        self.live = Some(query);
        self
    }

    /// Read again every [`REFRESH`]: some of it changes without an event.
    pub(super) fn repeated_if(mut self, repeated: bool) -> Self {
        self.repeated = repeated;
        self
    }

    pub(super) fn narrow(mut self) -> Self {
        self.narrow = true;
        self
    }

    /// Tells what the last action did.
    pub(super) fn done(mut self, key: &'a str) -> Self {
        self.done = key;
        self
    }
}

/// What an action did, in words. Only these keys are known: an address cannot put words into a page.
fn told(key: &str) -> Option<&'static str> {
    Some(match key {
        "submitted" => "Submitted. You can watch it here.",
        "existing" => "This brief was submitted before; here is its run.",
        "cancelled" => "Cancelled. What is finished stays.",
        "ended" => "It had ended before; nothing was changed.",
        "regenerating" => "A new version is being made.",
        "paused" => "Paused. What is under way ends, nothing new begins.",
        "resumed" => "The run goes on.",
        "retried" => "The step is done again.",
        "approved" => "Your approval is recorded.",
        "edited-approved" => "Your edit is saved and approved.",
        "edited" => "Your edit is saved as a new version. It is not approved yet.",
        "edited-judged" => {
            "Your edit is saved. An audit judges it first; then it is asked about again. It is not approved yet."
        }
        "rejected" => "Your rejection is recorded.",
        "sent-back" => "Sent back. The step is done again with your note.",
        "bulk" => "The selected runs were cancelled.",
        "bulk-some" => "Some of the selected runs could not be cancelled; the list shows which.",
        "none" => "No run was selected.",
        _ => return None,
    })
}

/// A page for who was let in.
pub(super) fn page(visit: &Visit, look: &Look<'_>, body: &Markup) -> Response {
    respond(&visit.nonce, look, StatusCode::OK, Some(visit), body)
}

/// A page for who was not.
pub(super) fn bare(nonce: &str, look: &Look<'_>, status: StatusCode, body: &Markup) -> Response {
    respond(nonce, look, status, None, body)
}

/// A page that says why there is none.
pub(super) fn failed(visit: &Visit, status: &Status) -> Response {
    let body = why(status);
    respond(
        &visit.nonce,
        &Look::titled(heading(status.code())),
        http(status),
        Some(visit),
        &body,
    )
}

/// The same for who was not let in.
pub(super) fn refused(nonce: &str, status: &Status) -> Response {
    if nonce.is_empty() {
        return problem(status);
    }
    bare(
        nonce,
        &Look::titled(heading(status.code())),
        http(status),
        &why(status),
    )
}

/// The status that a page about a refusal has.
pub(super) fn http(status: &Status) -> StatusCode {
    StatusCode::from_u16(Details::from(status).status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn heading(code: Code) -> &'static str {
    match code {
        Code::NotFound => "There is no such thing here",
        Code::PermissionDenied | Code::Unauthenticated => "Not for this key",
        Code::InvalidArgument => "That cannot be read",
        Code::FailedPrecondition | Code::Aborted | Code::AlreadyExists => "Not now",
        Code::Unavailable | Code::DeadlineExceeded => "No answer from the orchestrator",
        _ => "Something broke",
    }
}

fn why(status: &Status) -> Markup {
    let problems = faults::problems_of(status);
    let code = status.code();
    html! {
        section.empty role="alert" {
            h1 { (heading(code)) }
            p { (status.message()) }
            @if !problems.is_empty() {
                ul.faults { @for problem in &problems { li { code { (problem.path) } " " (problem.message) } } }
            }
            @if matches!(code, Code::Unavailable | Code::DeadlineExceeded) {
                p.muted { "Runs go on without the console. Reload in a moment." }
            }
            p { a href="/" { "All runs" } }
        }
    }
}

fn respond(
    nonce: &str,
    look: &Look<'_>,
    status: StatusCode,
    visit: Option<&Visit>,
    body: &Markup,
) -> Response {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (look.title) " · Pressrun" }
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href=(STYLE.path()) nonce=(nonce);
                script src=(SCRIPT.path()) nonce=(nonce) defer {}
            }
            body data-live=[look.live.as_deref()] data-events=(super::EVENTS) data-every=[look.repeated.then_some(REFRESH.as_millis())] {
                a.skip href="#main" { "Skip to content" }
                header.top {
                    div.bar {
                        a.brand href="/" { (super::icon::logo()) "Pressrun" }
                        @if let Some(visit) = visit { (navigation(visit, look.title)) }
                    }
                }
                main #main tabindex="-1" class=[look.narrow.then_some("narrow")] {
                    @if let Some(told) = told(look.done) {
                        p.notice role="status" { (told) }
                    }
                    (body)
                }
                div #toasts role="status" aria-live="polite" {}
                p #said.hidden role="status" {}
            }
        }
    };
    let mut response = (status, Body::from(markup.into_string())).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn navigation(visit: &Visit, title: &str) -> Markup {
    let here = |name| (title == name).then_some("page");
    html! {
        nav aria-label="Main" {
            a href="/" aria-current=[here("Runs")] { "Runs" }
            @if visit.may_change() {
                a href="/runs/new" aria-current=[here("New run")] { "New run" }
            }
            a href="/reviews" aria-current=[here("Reviews")] { "Reviews" }
            a href="/system" aria-current=[here("System")] { "System" }
        }
        div.who {
            span.live-state hidden data-live-state {}
            span title="Tenant and role" { (visit.principal.tenant) " · " (visit.principal.role.as_str()) }
            @if visit.has_session {
                form method="post" action="/logout" {
                    (token(visit))
                    button.link type="submit" { "Log out" }
                }
            }
        }
    }
}

/// The hidden field without which no form is taken.
pub(super) fn token(visit: &Visit) -> Markup {
    html! { input type="hidden" name=(TOKEN) value=(visit.token); }
}

impl Visit {
    /// Whether this caller may submit, cancel and regenerate. Only for what is offered: the orchestrator
    /// decides.
    pub(super) fn may_change(&self) -> bool {
        let role = self.principal.role;
        role.may(Role::Editor) || role.may(Role::Operator)
    }
}

/// Sets the policy of every response: nothing but what this host serves and this page names.
pub(super) async fn guard_headers(mut request: Request, next: Next) -> Response {
    let Ok(nonce) = session::nonce() else {
        return problem(&Status::unavailable("the system gives no randomness"));
    };
    request.extensions_mut().insert(Nonce(nonce.clone()));
    let mut response = next.run(request).await;
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    );
    let headers = response.headers_mut();
    // What is no page has a stricter one of its own.
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY)
        && let Ok(policy) = HeaderValue::try_from(policy)
    {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Not `no-referrer`: with it a browser sends our own forms with `origin: null`.
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
