//! From what a server or the network said to a class of failure. Messages name the status and the
//! provider's error code, never its message: that may quote the prompt or the key.

use std::time::Duration;

use model::{ErrorClass, Failure};
use reqwest::{
    StatusCode,
    header::{DATE, HeaderMap, RETRY_AFTER},
};
use serde::Deserialize;
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
    let code = code(body);
    let class = match (status.as_u16(), code.as_str()) {
        (_, "content_filter" | "content_policy_violation") => ErrorClass::Policy,
        (_, "context_length_exceeded" | "request_too_large" | "string_above_max_length")
        | (413, _) => ErrorClass::Resources,
        (_, "insufficient_quota" | "billing_hard_limit_reached") | (401..=403, _) => {
            ErrorClass::Auth
        }
        (408, _) => ErrorClass::Timeout,
        (409 | 425, _) => ErrorClass::Transient,
        (429, _) => ErrorClass::RateLimited,
        (500.., _) => ErrorClass::Provider,
        _ => ErrorClass::InvalidInput,
    };
    let advice = match class {
        ErrorClass::Policy => "its content filter refuses this brief",
        ErrorClass::Resources => "the request is larger than the model takes",
        ErrorClass::Auth => "check the key, its rights and the account's balance",
        ErrorClass::InvalidInput => {
            "check the base URL, the model's name and what the server supports"
        }
        _ => "it may go away by itself",
    };
    let code = if code.is_empty() {
        code
    } else {
        format!(", {code}")
    };
    Failure::new(
        class,
        format!(
            "the model provider answered {}{code}: {advice}",
            status.as_u16()
        ),
    )
    .retry_after(retry_after(headers))
}

/// The provider's error code, else its type, when it looks like one.
fn code(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Body {
        error: Detail,
    }
    #[derive(Deserialize)]
    struct Detail {
        #[serde(default)]
        code: Value,
        #[serde(default, rename = "type")]
        kind: Value,
    }
    let is_code = |text: &&str| {
        (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    serde_json::from_slice::<Body>(body)
        .ok()
        .and_then(|Body { error }| {
            [error.code, error.kind]
                .iter()
                .filter_map(Value::as_str)
                .find(is_code)
                .map(str::to_owned)
        })
        .unwrap_or_default()
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
    let wait = Duration::try_from_secs_f64(wait.max(0.0)).unwrap_or(MAX_RETRY_AFTER);
    Some(wait.min(MAX_RETRY_AFTER))
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
        assert_eq!(code(br#"{"error":"plain"}"#), "");
        assert_eq!(code(br#"{"error":{"code":"Key sk-123"}}"#), "");
    }
}
