//! A refusal in the caller's own protocol.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tonic::Status;
use wire::problem::{Details, MEDIA_TYPE};

/// Whether a request or response speaks gRPC.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// `status` as the answer to a request with these headers.
pub(crate) fn refuse(headers: &HeaderMap, status: &Status) -> Response {
    if is_grpc(headers) {
        status.clone().into_http::<Body>()
    } else {
        problem(status)
    }
}

/// A status as RFC 9457 problem details.
pub fn problem(status: &Status) -> Response {
    details_response(&Details::from(status))
}

/// Problem details as a response.
pub fn details_response(details: &Details) -> Response {
    let code = StatusCode::from_u16(details.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (code, axum::Json(details)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    if code == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
