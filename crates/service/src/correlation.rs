//! One id that joins a call with everything that follows from it.

use axum::{extract::Request, middleware::Next, response::Response};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use tracing::Instrument;
use uuid::Uuid;

use crate::{limits::MAX_CORRELATION_BYTES, trace::call};

/// The caller's own id for a call and all that follows; answered with the id that counts.
pub const CORRELATION_HEADER: HeaderName = HeaderName::from_static("x-correlation-id");
/// W3C trace context.
pub const TRACEPARENT_HEADER: HeaderName = HeaderName::from_static("traceparent");

/// What joins a call with what follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Correlation {
    /// The caller's id, else the trace id, else a new one.
    pub id: String,
    /// The call's own span while spans are made, else the caller's trace context; empty when there is none.
    pub traceparent: String,
}

impl Correlation {
    /// The correlation of a request (`request.extensions()`); empty for one that came past the layer.
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_default()
    }

    /// Out of a request's headers; what is not well-formed counts as absent. `new` makes an id.
    fn from_headers(headers: &HeaderMap, new: impl FnOnce() -> String) -> Self {
        let text = |name| {
            headers
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
        };
        let traceparent = text(TRACEPARENT_HEADER).filter(|text| trace_id(text).is_some());
        let id = text(CORRELATION_HEADER)
            .filter(|text| is_token(text))
            .or_else(|| trace_id(traceparent?))
            .map_or_else(new, str::to_owned);
        Self {
            id,
            traceparent: traceparent.unwrap_or_default().to_owned(),
        }
    }
}

fn is_token(text: &str) -> bool {
    (1..=MAX_CORRELATION_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'/'))
}

/// The trace id of a version 00 `traceparent`.
pub(crate) fn trace_id(traceparent: &str) -> Option<&str> {
    let mut parts = traceparent.split('-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, len: usize| {
        text.len() == len && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_id = |text: &str, len| is_hex(text, len) && text.bytes().any(|b| b != b'0');
    let ok = version == "00"
        && is_id(trace, 32)
        && is_id(parent, 16)
        && is_hex(flags, 2)
        && parts.next().is_none();
    ok.then_some(trace)
}

/// Puts the [`Correlation`] into the request, its id on every log line meanwhile and on the response; the call
/// is a span below the caller's.
pub(crate) async fn correlate(mut request: Request, next: Next) -> Response {
    let mut correlation =
        Correlation::from_headers(request.headers(), || Uuid::now_v7().simple().to_string());
    let traced = call::begin(&request, &correlation.traceparent);
    if let Some(own) = traced.place().traceparent() {
        correlation.traceparent = own;
    }
    let span = tracing::info_span!(
        "call",
        path = request.uri().path(),
        correlation_id = correlation.id
    );
    let header = HeaderValue::from_str(&correlation.id);
    request.extensions_mut().insert(correlation);
    let mut response = traced.around(next.run(request)).instrument(span).await;
    if let Ok(header) = header {
        response.headers_mut().insert(CORRELATION_HEADER, header);
    }
    call::until_answered(traced, response)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn read(id: Option<&str>, traceparent: Option<&str>) -> Correlation {
        let mut headers = HeaderMap::new();
        for (name, value) in [(CORRELATION_HEADER, id), (TRACEPARENT_HEADER, traceparent)] {
            if let Some(value) = value {
                headers.insert(
                    name,
                    HeaderValue::from_bytes(value.as_bytes()).expect("a header value"),
                );
            }
        }
        Correlation::from_headers(&headers, || "new".to_owned())
    }

    #[test]
    fn the_callers_id_comes_first_then_the_trace_then_a_new_one() {
        assert_eq!(
            read(Some("order-7"), Some(PARENT)),
            Correlation {
                id: "order-7".into(),
                traceparent: PARENT.into()
            }
        );
        assert_eq!(read(None, Some(PARENT)).id, TRACE);
        assert_eq!(
            read(None, None),
            Correlation {
                id: "new".into(),
                traceparent: String::new()
            }
        );
    }

    #[test]
    fn what_is_not_well_formed_counts_as_absent() {
        let long = "x".repeat(MAX_CORRELATION_BYTES + 1);
        for bad in ["", "a b", "a\"b", "ä", &long] {
            assert_eq!(read(Some(bad), None).id, "new", "{bad}");
        }
        let zero = PARENT.replace(TRACE, &"0".repeat(32));
        for bad in [
            "",
            "00",
            &PARENT[..54],
            &format!("{PARENT}-x"),
            &PARENT.to_uppercase(),
            &zero,
        ] {
            assert_eq!(read(None, Some(bad)), read(None, None), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in "[ -~]{0,80}") {
            let correlation = read(Some(&text), Some(&text));
            prop_assert!(is_token(&correlation.id));
        }
    }
}
