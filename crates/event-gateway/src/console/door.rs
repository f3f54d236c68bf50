//! Who is let in: a session's key becomes the caller's, forms are checked for their token, and a refusal is
//! a page.

use std::sync::Arc;

use ::service::{auth::Guard, auth::Principal, limits::MAX_KEY_BYTES};
use axum::{
    Form,
    extract::{Extension, FromRequest, FromRequestParts, Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use maud::html;
use serde::{Deserialize, de::DeserializeOwned};
use tonic::{Code, Status};

use super::{
    Console,
    page::{self, Look, Nonce},
    session::{Sessions, cookie_of},
};
use crate::{client::Calls, limits::MAX_FORM_FIELDS};

/// What stands for a session where everyone on this machine is let in.
const LOCAL: &str = "local";
/// What stands for a session before there is one.
const LOGIN: &str = "login";
/// The field of a form's token.
pub(super) const TOKEN: &str = "token";

/// One request of a caller who was let in.
#[derive(Clone)]
pub(super) struct Visit {
    pub(super) principal: Principal,
    pub(super) calls: Calls,
    /// What forms of this page carry.
    pub(super) token: String,
    /// Of this page's own script and style.
    pub(super) nonce: String,
    /// Whether there is a session to end.
    pub(super) has_session: bool,
}

/// Lets a request in, or answers it.
pub(super) async fn enter(
    State(console): State<Console>,
    Extension(Nonce(nonce)): Extension<Nonce>,
    mut request: Request,
    next: Next,
) -> Response {
    let session = cookie_of(request.headers()).map(str::to_owned);
    let keyed = matches!(console.guard, Guard::Keys(_));
    let mut key = crate::request::key(request.headers());
    let by_header = key.is_some();
    if keyed && !by_header {
        key = session
            .as_deref()
            .and_then(|session| console.sessions.key(session));
        let bearer = key.as_ref().and_then(|key| {
            let mut value = HeaderValue::try_from(format!("Bearer {key}")).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        if let Some(bearer) = bearer {
            request.headers_mut().insert(header::AUTHORIZATION, bearer);
        }
    }
    let admitted = console.guard.admit(request.uri(), request.headers()).await;
    let principal = match admitted {
        Ok(principal) => principal,
        Err(status) if status.code() == Code::Unauthenticated && is_page(&request) => {
            return Redirect::to(&login_address(request.uri())).into_response();
        }
        Err(status) => return page::refused(&nonce, &status),
    };
    let calls = match Calls::new(&console.orchestrator, key.as_deref()) {
        Ok(calls) => calls,
        Err(error) => {
            return page::refused(&nonce, &Status::unauthenticated(error.to_string()));
        }
    };
    let stands_for = match &session {
        Some(session) if keyed => session,
        _ => LOCAL,
    };
    let visit = Visit {
        principal: principal.clone(),
        calls,
        token: console.sessions.token(stands_for),
        nonce,
        has_session: keyed && session.is_some(),
    };
    request.extensions_mut().insert(principal);
    request.extensions_mut().insert(Arc::new(visit));
    next.run(request).await
}

fn is_page(request: &Request) -> bool {
    request
        .headers()
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

fn login_address(uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    if path == "/" {
        return "/login".to_owned();
    }
    format!("/login?next={}", super::text::encoded(path))
}

/// The fields of a form that was made by us for this session, sent by one of our pages.
pub(super) struct Sent(pub(super) Vec<(String, String)>);

impl Sent {
    /// A field's text; empty when there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(field, _)| field == name);
        found.map(|(_, text)| text.as_str()).unwrap_or_default()
    }

    /// All of a field that may come more than once.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(field, _)| field == name)
            .map(|(_, text)| text.as_str())
    }

    async fn read(request: Request) -> Result<Self, Status> {
        if !same_origin(request.headers()) {
            return Err(Status::permission_denied(
                "the form was sent by a page of another address",
            ));
        }
        let Form(fields) = Form::<Vec<(String, String)>>::from_request(request, &())
            .await
            .map_err(|error| Status::invalid_argument(error.body_text()))?;
        if fields.len() > MAX_FORM_FIELDS {
            return Err(Status::invalid_argument("the form has too many fields"));
        }
        Ok(Self(fields))
    }
}

impl FromRequest<Console> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Response> {
        let visit = request.extensions().get::<Arc<Visit>>().cloned();
        let session = cookie_of(request.headers()).map(str::to_owned);
        let Some(visit) = visit else {
            let status = Status::unauthenticated("the form has no caller");
            return Err(page::refused("", &status));
        };
        let session = match session {
            Some(session) if visit.has_session => session,
            _ => LOCAL.to_owned(),
        };
        match Self::read(request).await {
            Ok(sent) if console.sessions.is_token(&session, sent.get(TOKEN)) => Ok(sent),
            Ok(_) => Err(page::failed(
                &visit,
                &Status::failed_precondition(
                    "this page is from before the console was started anew; go back, reload it and send it again",
                ),
            )),
            Err(status) => Err(page::failed(&visit, &status)),
        }
    }
}

/// What an address asks for; one that cannot be read is answered with a page.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Console> for Asked<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Console) -> Result<Self, Response> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(asked)| Self(asked))
            .map_err(|error| {
                let status = Status::invalid_argument(error.body_text());
                match parts.extensions.get::<Arc<Visit>>() {
                    Some(visit) => page::failed(visit, &status),
                    None => page::refused("", &status),
                }
            })
    }
}

/// Whether a browser says that one of our own pages sent this. What says nothing is judged by its token.
fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site"))
        && !matches!(site, Ok("same-origin" | "none"))
    {
        return false;
    }
    match (text(header::ORIGIN), text(header::HOST)) {
        (None, _) => true,
        (Some(Ok(origin)), Some(Ok(host))) => origin
            .split_once("://")
            .is_some_and(|(_, from)| from == host),
        _ => false,
    }
}

/// Where to go after the login.
#[derive(Deserialize)]
pub(super) struct After {
    #[serde(default)]
    next: String,
}

/// `GET /login`.
pub(super) async fn login_page(
    State(console): State<Console>,
    Extension(Nonce(nonce)): Extension<Nonce>,
    Query(next): Query<After>,
) -> Response {
    if !matches!(console.guard, Guard::Keys(_)) {
        return Redirect::to("/").into_response();
    }
    login_form(&console, &nonce, &next.next, None)
}

fn login_form(console: &Console, nonce: &str, next: &str, fault: Option<&str>) -> Response {
    let token = console.sessions.token(LOGIN);
    let body = html! {
        div.login {
            h1 { "Log in" }
            p.muted { "With an API key of your tenant. It stays in this browser, sealed, for twelve hours." }
            form method="post" action="/login" {
                input type="hidden" name=(TOKEN) value=(token);
                input type="hidden" name="next" value=(next);
                @if let Some(fault) = fault {
                    p.fault id="key-fault" role="alert" { (fault) }
                }
                label for="key" { "API key" }
                input #key type="password" name="key" required autocomplete="current-password"
                    aria-invalid=[fault.map(|_| "true")] aria-describedby=[fault.map(|_| "key-fault")];
                button.primary type="submit" { "Log in" }
            }
            p.hint { "An administrator makes keys with " code { "pressrun key api" } "." }
        }
    };
    let status = if fault.is_some() {
        StatusCode::UNAUTHORIZED
    } else {
        StatusCode::OK
    };
    page::bare(nonce, &Look::titled("Log in"), status, &body)
}

/// `POST /login`.
pub(super) async fn login(
    State(console): State<Console>,
    Extension(Nonce(nonce)): Extension<Nonce>,
    request: Request,
) -> Response {
    let Guard::Keys(keys) = &console.guard else {
        return Redirect::to("/").into_response();
    };
    // A page that came over TLS says so; its session must not go out in the clear then.
    let secure = request
        .headers()
        .get(header::ORIGIN)
        .is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    let sent = match Sent::read(request).await {
        Ok(sent) => sent,
        Err(status) => return page::refused(&nonce, &status),
    };
    let again = |fault| login_form(&console, &nonce, sent.get("next"), Some(fault));
    if !console.sessions.is_token(LOGIN, sent.get(TOKEN)) {
        return again("The page was out of date. Please send it again.");
    }
    let key = sent.get("key").trim();
    let is_key =
        (1..=MAX_KEY_BYTES).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    if !is_key {
        return again("That is no API key.");
    }
    match keys.principal(key).await {
        Ok(Some(_)) => {}
        Ok(None) => return again("The API key is unknown."),
        Err(_) => return again("Keys cannot be looked up now. Try again in a moment."),
    }
    let Ok(cookie) = console.sessions.begin(key, secure) else {
        return again("The session cannot be sealed now.");
    };
    let mut response = Redirect::to(&own_path(sent.get("next"))).into_response();
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// A path on this host: a login must not send anyone elsewhere.
fn own_path(next: &str) -> String {
    let is_own = next.starts_with('/')
        && !next.starts_with("//")
        && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if is_own {
        next.to_owned()
    } else {
        "/".to_owned()
    }
}

/// `POST /logout`.
pub(super) async fn logout(_sent: Sent) -> Response {
    let mut response = Redirect::to("/login").into_response();
    if let Ok(cookie) = HeaderValue::try_from(Sessions::end()) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_a_path_of_ours_only() {
        for (next, path) in [
            ("/runs/1?x=2", "/runs/1?x=2"),
            ("", "/"),
            ("https://evil.example/", "/"),
            ("//evil.example/", "/"),
            ("/\\evil.example/", "/"),
            ("/a\r\nset-cookie: x", "/"),
        ] {
            assert_eq!(own_path(next), path, "{next}");
        }
    }

    #[test]
    fn forms_of_other_pages_are_told_apart() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            pairs
                .iter()
                .map(|(name, value)| {
                    (
                        header::HeaderName::from_static(name),
                        HeaderValue::from_static(value),
                    )
                })
                .collect::<HeaderMap>()
        };
        let host = ("host", "127.0.0.1:3131");
        assert!(same_origin(&headers(&[host])));
        assert!(same_origin(&headers(&[
            host,
            ("origin", "http://127.0.0.1:3131")
        ])));
        for bad in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1:80"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert!(!same_origin(&headers(&[host, bad])), "{bad:?}");
        }
    }
}
