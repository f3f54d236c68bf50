//! What is told of a request that was refused: a gRPC status whose faults any client can read
//! (`google.rpc.BadRequest`), and the same as RFC 9457 problem details.

use model::validate::Problem;
use serde::{Deserialize, Serialize};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Most bytes of faults in one status: it travels in a trailer, and clients refuse trailers above 8 KiB.
pub const MAX_FAULT_BYTES: usize = 4 * 1024;
/// Most bytes of a status's message.
const MAX_MESSAGE_BYTES: usize = 400;

/// RFC 9457 problem details (`application/problem+json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// What kind of problem; always `about:blank`, so `status` says it.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What failed and what to do.
    pub detail: String,
    /// The gRPC status code's name (`INVALID_ARGUMENT`).
    pub code: String,
    /// Faults of the request by field path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Problem>,
}

/// The media type of [`Details`].
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Statuses that HTTP knows and no code says, in words.
const HTTP_ONLY: [(u16, &str); 5] = [
    (405, "Method Not Allowed"),
    (408, "Request Timeout"),
    (413, "Content Too Large"),
    (415, "Unsupported Media Type"),
    (422, "Unprocessable Content"),
];

/// Code, its name, the HTTP status of `google.rpc.Code`, and that status in words; but a failed precondition
/// has a status of its own, so that it is no fault of the request.
const CODES: [(Code, &str, u16, &str); 17] = [
    (Code::Ok, "OK", 200, "OK"),
    (Code::Cancelled, "CANCELLED", 499, "Client Closed Request"),
    (Code::Unknown, "UNKNOWN", 500, "Internal Server Error"),
    (
        Code::InvalidArgument,
        "INVALID_ARGUMENT",
        400,
        "Bad Request",
    ),
    (
        Code::DeadlineExceeded,
        "DEADLINE_EXCEEDED",
        504,
        "Gateway Timeout",
    ),
    (Code::NotFound, "NOT_FOUND", 404, "Not Found"),
    (Code::AlreadyExists, "ALREADY_EXISTS", 409, "Conflict"),
    (
        Code::PermissionDenied,
        "PERMISSION_DENIED",
        403,
        "Forbidden",
    ),
    (
        Code::ResourceExhausted,
        "RESOURCE_EXHAUSTED",
        429,
        "Too Many Requests",
    ),
    (
        Code::FailedPrecondition,
        "FAILED_PRECONDITION",
        412,
        "Precondition Failed",
    ),
    (Code::Aborted, "ABORTED", 409, "Conflict"),
    (Code::OutOfRange, "OUT_OF_RANGE", 400, "Bad Request"),
    (Code::Unimplemented, "UNIMPLEMENTED", 501, "Not Implemented"),
    (Code::Internal, "INTERNAL", 500, "Internal Server Error"),
    (Code::Unavailable, "UNAVAILABLE", 503, "Service Unavailable"),
    (Code::DataLoss, "DATA_LOSS", 500, "Internal Server Error"),
    (
        Code::Unauthenticated,
        "UNAUTHENTICATED",
        401,
        "Unauthorized",
    ),
];

/// The faults of a request, all at once: `INVALID_ARGUMENT`.
pub fn invalid(problems: Vec<Problem>) -> Status {
    let message = match problems.as_slice() {
        [] => "the request is invalid".to_owned(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{} faults; the first: {first}", rest.len() + 1),
    };
    refused(Code::InvalidArgument, message, problems)
}

/// A refusal with faults by field path. Faults beyond [`MAX_FAULT_BYTES`] are left out.
pub fn refused(code: Code, message: impl Into<String>, problems: Vec<Problem>) -> Status {
    let mut message = message.into();
    message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
    let mut details = ErrorDetails::new();
    let mut room = MAX_FAULT_BYTES;
    for problem in problems {
        // Eight bytes of tags and lengths.
        let size = problem.path.len() + problem.message.len() + 8;
        if size > room {
            break;
        }
        room -= size;
        details.add_bad_request_violation(problem.path, problem.message);
    }
    if details.has_bad_request_violations() {
        Status::with_error_details(code, message, details)
    } else {
        Status::new(code, message)
    }
}

/// The faults that a status carries; none when it carries no such details.
pub fn problems_of(status: &Status) -> Vec<Problem> {
    let Some(bad) = status.get_details_bad_request() else {
        return Vec::new();
    };
    bad.field_violations
        .into_iter()
        .map(|violation| Problem {
            path: violation.field,
            message: violation.description,
        })
        .collect()
}

/// The name of a status code, as the gRPC documents spell it.
pub fn code_name(code: Code) -> &'static str {
    row(code).1
}

fn row(code: Code) -> (Code, &'static str, u16, &'static str) {
    CODES
        .into_iter()
        .find(|(known, ..)| *known == code)
        .unwrap_or(CODES[2])
}

impl From<&Status> for Details {
    fn from(status: &Status) -> Self {
        let (_, code, http, title) = row(status.code());
        Self {
            kind: "about:blank".to_owned(),
            title: title.to_owned(),
            status: http,
            detail: status.message().to_owned(),
            code: code.to_owned(),
            errors: problems_of(status),
        }
    }
}

impl Details {
    /// The same problem under another HTTP status than its code's.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        let of_codes = CODES.into_iter().map(|(_, _, http, title)| (http, title));
        let title = HTTP_ONLY
            .into_iter()
            .chain(of_codes)
            .find(|(http, _)| *http == status)
            .map_or("", |(_, title)| title);
        Self {
            status,
            title: title.to_owned(),
            ..self
        }
    }
}

impl From<Details> for Status {
    /// By `code`; by the HTTP status when the code is unknown.
    fn from(details: Details) -> Self {
        let code = CODES
            .into_iter()
            .find(|(_, name, ..)| *name == details.code)
            .or_else(|| {
                CODES
                    .into_iter()
                    .find(|(_, _, http, _)| *http == details.status)
            })
            .map_or(Code::Unknown, |(code, ..)| code);
        refused(code, details.detail, details.errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(path: &str, message: &str) -> Problem {
        Problem {
            path: path.to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn faults_survive_the_status_and_the_details() {
        let faults = vec![
            problem("brief.name", "must not be empty"),
            problem("options.priority", "must be 1 to 5"),
        ];
        let status = invalid(faults.clone());
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(
            status.message(),
            "2 faults; the first: brief.name: must not be empty"
        );
        assert_eq!(problems_of(&status), faults);

        let json = serde_json::to_value(Details::from(&status)).expect("plain data");
        assert_eq!(
            json,
            serde_json::json!({
                "type": "about:blank",
                "title": "Bad Request",
                "status": 400,
                "detail": "2 faults; the first: brief.name: must not be empty",
                "code": "INVALID_ARGUMENT",
                "errors": [
                    {"path": "brief.name", "message": "must not be empty"},
                    {"path": "options.priority", "message": "must be 1 to 5"},
                ],
            })
        );
        let back: Status = serde_json::from_value::<Details>(json)
            .expect("own output")
            .into();
        assert_eq!(
            (back.code(), problems_of(&back)),
            (Code::InvalidArgument, faults)
        );
    }

    #[test]
    fn every_code_survives_the_details() {
        for (code, ..) in CODES {
            let back = Status::from(Details::from(&Status::new(code, "why")));
            assert_eq!((back.code(), back.message()), (code, "why"));
            assert!(problems_of(&back).is_empty());
        }
    }

    #[test]
    fn another_status_has_another_title_and_the_same_code() {
        let details = Details::from(&Status::invalid_argument("why")).with_status(422);
        assert_eq!(
            (
                details.status,
                details.title.as_str(),
                details.code.as_str()
            ),
            (422, "Unprocessable Content", "INVALID_ARGUMENT")
        );
        assert_eq!(Status::from(details).code(), Code::InvalidArgument);
    }

    #[test]
    fn a_flood_of_faults_fits_a_trailer() {
        let faults = (0..100)
            .map(|i| problem(&format!("brief.key_messages[{i}]"), &"ä".repeat(200)))
            .collect();
        let status = invalid(faults);
        assert!(status.message().len() <= MAX_MESSAGE_BYTES);
        let kept = problems_of(&status);
        assert!((5..100).contains(&kept.len()));
        assert!(status.details().len() < MAX_FAULT_BYTES + 1_024);
    }

    #[test]
    fn foreign_details_are_no_faults() {
        let status =
            Status::with_details(Code::Internal, "x", bytes::Bytes::from_static(b"\xff\xff"));
        assert!(problems_of(&status).is_empty());
    }
}
