//! No page of another site acts in a user's name: a browser says whose page it is, and that must be ours.

use axum::{
    extract::Request,
    http::{HeaderMap, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tonic::Status;

use super::refusal::Refusal;

/// Refuses what a page of another origin would change.
pub(super) async fn same_only(request: Request, next: Next) -> Response {
    if request.method().is_safe() || is_own(request.uri(), request.headers()) {
        return next.run(request).await;
    }
    let status = Status::permission_denied("a page of another site may not call this");
    Refusal::of(&status, &[]).into_response()
}

/// Whether the call comes from a page of ours, or from no page at all.
pub(crate) fn is_own(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else {
        return true;
    };
    let origin: Option<Uri> = origin.to_str().ok().and_then(|text| text.parse().ok());
    let host = uri
        .authority()
        .map(|authority| authority.as_str())
        .or_else(|| headers.get(header::HOST)?.to_str().ok());
    let (Some(origin), Some(host), None) = (origin, host, origins.next()) else {
        return false;
    };
    matches!(origin.scheme_str(), Some("http" | "https"))
        && origin
            .authority()
            .is_some_and(|authority| authority.as_str().eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_our_own_pages_and_no_page_at_all() {
        let of = |origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("press.example:3131"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            is_own(&Uri::from_static("/v1/runs"), &headers)
        };
        assert!(of(None));
        assert!(of(Some("http://press.example:3131")));
        assert!(of(Some("https://PRESS.example:3131")));
        for other in [
            "null",
            "",
            "http://press.example",
            "http://evil.example:3131",
            "http://press.example:3131.evil.example",
            "file://press.example:3131",
            "press.example:3131",
        ] {
            assert!(!of(Some(other)), "{other}");
        }
    }
}
