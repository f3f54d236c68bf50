//! What the JSON API answers when it does not do what was asked: RFC 9457 problem details, always.

use ::service::http::details_response;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use model::validate::Problem;
use tonic::{Code, Status};
use wire::problem::{self, Details};

/// How long a caller who came at a bad time should wait, seconds.
const RETRY_AFTER: &str = "1";

/// A refusal, with the HTTP status that says it best.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal(Box<Details>);

impl Refusal {
    fn new(details: Details) -> Self {
        Self(Box::new(details))
    }

    /// The address, a header or the JSON itself cannot be read.
    pub(crate) fn unreadable(problems: Vec<Problem>) -> Self {
        Self::new(Details::from(&problem::invalid(problems)))
    }

    /// One such fault.
    pub(crate) fn at(path: &str, message: impl Into<String>) -> Self {
        Self::unreadable(vec![Problem {
            path: path.to_owned(),
            message: message.into(),
        }])
    }

    /// The body is JSON, but not the message that is wanted here.
    pub(crate) fn content(problems: Vec<Problem>) -> Self {
        Self::new(Details::from(&problem::invalid(problems)).with_status(422))
    }

    /// This method has no meaning at this path.
    pub(crate) fn method() -> Self {
        let status = Status::unimplemented("this path does not take this method; see `allow`");
        Self::new(Details::from(&status).with_status(405))
    }

    /// The body did not come in time.
    pub(crate) fn slow() -> Self {
        let status = Status::deadline_exceeded("the body did not come in time; send it at once");
        Self::new(Details::from(&status).with_status(408))
    }

    /// The body is too large.
    pub(crate) fn too_large(max: usize) -> Self {
        let status = Status::resource_exhausted(format!("the body has more than {max} bytes"));
        Self::new(Details::from(&status).with_status(413))
    }

    /// The body is not said to be JSON.
    pub(crate) fn media_type() -> Self {
        let status = Status::invalid_argument(
            "send the body as plain JSON: `content-type: application/json`, no content-encoding",
        );
        Self::new(Details::from(&status).with_status(415))
    }

    /// What the orchestrator says to a call without a body.
    pub(crate) fn of_address(status: &Status) -> Self {
        // Our own patience with the orchestrator ends as a cancellation; the caller is still there.
        if status.code() == Code::Cancelled {
            let late = Status::deadline_exceeded("the orchestrator gave no answer in time");
            return Self::new(Details::from(&late));
        }
        Self::new(Details::from(status))
    }

    /// What the orchestrator says to a call with a body. A fault of its input lies in the body when none of `outside`, the fields
    /// that the address gives, has it.
    pub(crate) fn of(status: &Status, outside: &[&str]) -> Self {
        let details = *Self::of_address(status).0;
        let first = |path: &str| {
            let end = path.find(['.', '[']).unwrap_or(path.len());
            path[..end].to_owned()
        };
        let in_body = !details.errors.is_empty()
            && !details
                .errors
                .iter()
                .any(|fault| outside.contains(&first(&fault.path).as_str()));
        if status.code() == Code::InvalidArgument && in_body {
            return Self::new(details.with_status(422));
        }
        Self::new(details)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = details_response(&self.0);
        if matches!(
            response.status(),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        ) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: Code, paths: &[&str]) -> Status {
        let problems = paths.iter().map(|path| Problem {
            path: (*path).to_owned(),
            message: "is wrong".to_owned(),
        });
        problem::refused(code, "why", problems.collect())
    }

    #[test]
    fn where_a_fault_lies_says_which_status_it_has() {
        let of = |code, paths: &[&str]| Refusal::of(&status(code, paths), &["run_id"]).0.status;
        assert_eq!(of(Code::InvalidArgument, &["brief.name"]), 422);
        assert_eq!(of(Code::InvalidArgument, &["run_id"]), 400);
        assert_eq!(of(Code::InvalidArgument, &["run_id", "note"]), 400);
        assert_eq!(of(Code::InvalidArgument, &[]), 400);
        assert_eq!(of(Code::AlreadyExists, &["options.idempotency_key"]), 409);
        assert_eq!(of(Code::FailedPrecondition, &["workers.copy"]), 412);
        assert_eq!(of(Code::Cancelled, &[]), 504);
    }

    #[test]
    fn who_comes_at_a_bad_time_is_told_when_to_come_again() {
        for (code, wait) in [
            (Code::Unavailable, true),
            (Code::ResourceExhausted, true),
            (Code::NotFound, false),
        ] {
            let response = Refusal::of(&Status::new(code, "why"), &[]).into_response();
            assert_eq!(
                response.headers().contains_key(header::RETRY_AFTER),
                wait,
                "{code:?}"
            );
        }
    }
}
