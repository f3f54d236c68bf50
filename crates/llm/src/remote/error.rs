//! From what a server or the network said to a class of failure. Messages name the status and the
//! provider's error code, never its message: that may quote the prompt or the key.

use std::time::Duration;

use model::{ErrorClass, Failure};
use reqwest::{
    StatusCode,
    header::{DATE, HeaderMap, RETRY_AFTER},
};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use crate::limits::MAX_RETRY_AFTER;

/// No response, or one that broke off.
pub(super) fn transport(error: &reqwest::Error) -> Failure {
    if error.is_connect() {
        Failure::new(
            ErrorClass::Network,
            "cannot connect to the model provider; check its address and the network",
        )
    } else if error.is_timeout() {
        Failure::new(
            ErrorClass::Timeout,
            "the model provider did not answer in time",
        )
    } else {
        Failure::new(
            ErrorClass::Network,
            "the connection to the model provider broke",
        )
    }
}

/// A response that is no success.
pub(super) fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    let detail = Detail::read(body);
    let wait = retry_after(headers).or(detail.wait);
    failure(Some(status.as_u16()), &detail).retry_after(wait)
}

/// An error that came as an event of a stream that had begun well; none when the event is no error.
pub(super) fn in_stream(data: &str) -> Option<Failure> {
    // Most events are none; a look at the text spares reading each of them twice.
    let detail = data
        .contains("\"error\"")
        .then(|| Detail::read(data.as_bytes()))
        .filter(|detail| detail.found)?;
    Some(failure(detail.status, &detail).retry_after(detail.wait))
}

/// A body or event that is none of the format. The parser's own message may quote it.
pub(super) fn no_answer() -> Failure {
    Failure::new(
        ErrorClass::Provider,
        "the provider's answer is none of the wire format that is configured",
    )
}

fn failure(status: Option<u16>, detail: &Detail) -> Failure {
    let class = class(status, detail);
    let advice = match class {
        ErrorClass::Policy => "its content filter refuses this brief",
        ErrorClass::Resources => "the request is larger than the model takes",
        ErrorClass::Auth => "check the key, its rights and the account's balance",
        ErrorClass::InvalidInput => {
            "check the provider, the base URL, the model's name and what the server supports"
        }
        ErrorClass::RateLimited => "it asks to slow down",
        _ => "it may go away by itself",
    };
    let what: Vec<String> = status
        .map(|status| status.to_string())
        .into_iter()
        .chain(Some(detail.code.clone()).filter(|code| !code.is_empty()))
        .collect();
    let what = if what.is_empty() {
        "an error".to_owned()
    } else {
        what.join(", ")
    };
    Failure::new(
        class,
        format!("the model provider answered {what}: {advice}"),
    )
}

/// The providers' codes first, as some put several things under one status.
fn class(status: Option<u16>, detail: &Detail) -> ErrorClass {
    if detail.too_long {
        return ErrorClass::Resources;
    }
    match detail.code.as_str() {
        "content_filter" | "content_policy_violation" => ErrorClass::Policy,
        "context_length_exceeded" | "request_too_large" | "string_above_max_length" => {
            ErrorClass::Resources
        }
        "insufficient_quota"
        | "billing_hard_limit_reached"
        | "billing_error"
        | "authentication_error"
        | "permission_error"
        | "API_KEY_INVALID"
        | "PERMISSION_DENIED"
        | "UNAUTHENTICATED" => ErrorClass::Auth,
        "rate_limit_error" | "rate_limit_exceeded" | "RESOURCE_EXHAUSTED" => {
            ErrorClass::RateLimited
        }
        "overloaded_error" | "api_error" | "server_error" | "UNAVAILABLE" | "INTERNAL" => {
            ErrorClass::Provider
        }
        "timeout_error" | "DEADLINE_EXCEEDED" => ErrorClass::Timeout,
        "ABORTED" => ErrorClass::Transient,
        _ => match status {
            Some(401..=403) => ErrorClass::Auth,
            Some(408) => ErrorClass::Timeout,
            Some(409 | 425) => ErrorClass::Transient,
            Some(413) => ErrorClass::Resources,
            Some(429) => ErrorClass::RateLimited,
            // What breaks off a stream without a name for it.
            Some(500..) | None => ErrorClass::Provider,
            Some(_) => ErrorClass::InvalidInput,
        },
    }
}

/// What a provider says of an error: `error` holds `code`, `type` (OpenAI, Anthropic) or `status` and
/// `details` (Gemini).
#[derive(Debug, Default)]
struct Detail {
    found: bool,
    status: Option<u16>,
    code: String,
    wait: Option<Duration>,
    too_long: bool,
}

impl Detail {
    fn read(body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        // Gemini may put the one error into a list.
        let error = &body.get(0).unwrap_or(&body)["error"];
        if error.is_null() {
            return Self::default();
        }
        let details = || error["details"].as_array().into_iter().flatten();
        let is_code = |text: &&str| {
            (1..=64).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        let codes = details()
            .map(|detail| &detail["reason"])
            .chain(["code", "status", "type"].map(|name| &error[name]));
        let message = error["message"].as_str().unwrap_or_default();
        Self {
            found: true,
            status: error["code"].as_u64().and_then(|n| u16::try_from(n).ok()),
            code: codes
                .filter_map(Value::as_str)
                .find(is_code)
                .unwrap_or_default()
                .to_owned(),
            wait: details()
                .filter_map(|detail| detail["retryDelay"].as_str()?.strip_suffix('s'))
                .find_map(|seconds| seconds.parse().ok())
                .map(bounded),
            // Two formats have no code for it. The message is looked at and never shown.
            too_long: [
                "prompt is too long",
                "exceed context limit",
                "exceeds the maximum number of tokens",
            ]
            .iter()
            .any(|words| message.contains(words)),
        }
    }
}

fn bounded(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0))
        .unwrap_or(MAX_RETRY_AFTER)
        .min(MAX_RETRY_AFTER)
}

/// `retry-after-ms`, else `Retry-After` as seconds or as a date, the latter read against the
/// response's own `Date`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let seconds = |text: &str| text.trim().parse::<f64>().ok();
    let wait = text("retry-after-ms")
        .and_then(seconds)
        .map(|ms| ms / 1_000.0)
        .or_else(|| {
            let after = text(RETRY_AFTER.as_str())?;
            seconds(after).or_else(|| {
                let until = OffsetDateTime::parse(after, &Rfc2822).ok()?;
                let now = OffsetDateTime::parse(text(DATE.as_str())?, &Rfc2822).ok()?;
                Some((until - now).as_seconds_f64())
            })
        })?;
    Some(bounded(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    reqwest::header::HeaderName::from_static(name),
                    value.parse().unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn retry_after_in_every_form() {
        for (given, wanted) in [
            (&[("retry-after", "7")][..], Some(7_000)),
            (&[("retry-after", "1.5")], Some(1_500)),
            (
                &[("retry-after-ms", "250"), ("retry-after", "9")],
                Some(250),
            ),
            (
                &[
                    ("date", "Wed, 21 Oct 2015 07:28:00 GMT"),
                    ("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT"),
                ],
                Some(30_000),
            ),
            (&[("retry-after", "-3")], Some(0)),
            (&[("retry-after", "1e30")], Some(3_600_000)),
            (&[("retry-after", "NaN")], Some(0)),
            (&[("retry-after", "soon")], None),
            (&[], None),
        ] {
            let got = retry_after(&headers(given));
            assert_eq!(got.map(|d| d.as_millis()), wanted, "{given:?}");
        }
    }

    #[test]
    fn a_code_is_shown_and_a_message_is_not() {
        let body =
            br#"{"error":{"code":null,"type":"invalid_request_error","message":"key sk-123"}}"#;
        let failure = refused(StatusCode::BAD_REQUEST, &HeaderMap::new(), body);
        assert_eq!(failure.class, ErrorClass::InvalidInput);
        assert!(failure.message.contains("invalid_request_error"));
        assert!(!failure.message.contains("sk-123"));
        for plain in [
            &br#"{"error":"plain"}"#[..],
            br#"{"error":{"code":"Key sk-123"}}"#,
            b"<html>",
        ] {
            assert_eq!(Detail::read(plain).code, "");
        }
    }

    #[test]
    fn what_each_provider_says_of_an_error() {
        let gemini_key = r#"{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT",
            "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}"#;
        let gemini_slow = r#"[{"error":{"code":429,"message":"","status":"RESOURCE_EXHAUSTED",
            "details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}]"#;
        let anthropic = |kind: &str, message: &str| {
            format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}}}}"#)
        };
        for (status, body, wanted, wait) in [
            (400, gemini_key.to_owned(), ErrorClass::Auth, None),
            (
                429,
                gemini_slow.to_owned(),
                ErrorClass::RateLimited,
                Some(34_500),
            ),
            (
                529,
                anthropic("overloaded_error", ""),
                ErrorClass::Provider,
                None,
            ),
            (
                429,
                anthropic("rate_limit_error", ""),
                ErrorClass::RateLimited,
                None,
            ),
            (
                403,
                anthropic("permission_error", ""),
                ErrorClass::Auth,
                None,
            ),
            (
                413,
                anthropic("request_too_large", ""),
                ErrorClass::Resources,
                None,
            ),
            (
                400,
                anthropic(
                    "invalid_request_error",
                    "prompt is too long: 9 tokens > 8 maximum",
                ),
                ErrorClass::Resources,
                None,
            ),
            (
                504,
                anthropic("timeout_error", ""),
                ErrorClass::Timeout,
                None,
            ),
            (
                400,
                anthropic("invalid_request_error", "max_tokens"),
                ErrorClass::InvalidInput,
                None,
            ),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let failure = refused(status, &HeaderMap::new(), body.as_bytes());
            assert_eq!(failure.class, wanted, "{body}");
            assert_eq!(failure.retry_after.map(|d| d.as_millis()), wait, "{body}");
        }
    }

    #[test]
    fn an_error_within_a_stream_is_told_from_text_about_errors() {
        let class = |data: &str| in_stream(data).map(|failure| failure.class);
        assert_eq!(
            class(r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#),
            Some(ErrorClass::Provider)
        );
        assert_eq!(
            class(r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}"#),
            Some(ErrorClass::RateLimited)
        );
        assert_eq!(
            class(r#"{"error":{"message":"broke"}}"#),
            Some(ErrorClass::Provider)
        );
        assert_eq!(class(r#"{"choices":[],"error":null}"#), None);
        assert_eq!(class(r#"{"delta":{"text":"an \"error\""}}"#), None);
    }
}
