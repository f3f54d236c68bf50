//! No unary gRPC call lasts longer than its caller waits for it.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::HeaderMap;
use tonic::Status;

use crate::{limits::UNARY_TIMEOUT, refuse::refuse};

/// Bounds the time until an answer begins: the caller's own deadline (`grpc-timeout`), and
/// [`UNARY_TIMEOUT`] except for `patient` calls. A stream is bounded until it has begun.
pub(crate) async fn bound(
    State(patient): State<&'static [&'static str]>,
    request: Request,
    next: Next,
) -> Response {
    let ours = (!patient.contains(&request.uri().path())).then_some(UNARY_TIMEOUT);
    let theirs = asked(request.headers());
    let Some(limit) = ours.into_iter().chain(theirs).min() else {
        return next.run(request).await;
    };
    let headers = request.headers().clone();
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let why = format!("no answer within {} s; ask again", limit.as_secs_f64());
            refuse(&headers, &Status::deadline_exceeded(why))
        }
    }
}

/// The caller's `grpc-timeout`: up to eight digits and a unit.
fn asked(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_read_as_grpc_writes_them() {
        let read = |value: &str| {
            asked(&HeaderMap::from_iter([(
                "grpc-timeout".parse().expect("a name"),
                value.parse().expect("a value"),
            )]))
        };
        assert_eq!(
            read("99999999H"),
            Some(Duration::from_secs(99_999_999 * 3600))
        );
        assert_eq!(read("2M"), Some(Duration::from_secs(120)));
        assert_eq!(read("150m"), Some(Duration::from_millis(150)));
        assert_eq!(read("7n"), Some(Duration::from_nanos(7)));
        for bad in ["", "S", "1", "123456789S", "-1S", "1.5S", "1s", "+1S"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
