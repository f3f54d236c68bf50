//! The one HTTP client: bounded reading, no redirects, no retries.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use model::{ErrorClass, Failure};
use reqwest::{
    Client, Response, Url,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue},
    redirect,
};
use serde_json::Value;

use super::error;
use crate::limits::{CONNECT_TIMEOUT, MAX_ERROR_BYTES};

/// A client that does nothing by itself.
#[derive(Debug)]
pub(super) struct Http(Client);

/// Why there is no answer.
pub(super) enum Broken {
    /// Nothing was done for us, so nothing is to be paid.
    Unasked(Failure),
    /// The question was taken; what it cost is not known.
    Answer(Failure),
}

impl Http {
    /// A client whose calls take at most `timeout`.
    ///
    /// # Errors
    /// `Internal` when the process has installed no TLS provider: reqwest would panic.
    pub(super) fn new(timeout: Duration) -> Result<Self, Failure> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(Failure::new(
                ErrorClass::Internal,
                "no TLS provider is installed; the process must install one at its start",
            ));
        }
        Client::builder()
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .timeout(timeout)
            .redirect(redirect::Policy::none())
            .build()
            .map(Self)
            .map_err(|_| Failure::new(ErrorClass::Internal, "the HTTP client cannot be built"))
    }

    /// Sends once. A response that is no success is a failure by its class.
    pub(super) async fn post(
        &self,
        url: Url,
        headers: HeaderMap,
        body: &Value,
        streamed: bool,
    ) -> Result<Response, Broken> {
        let accept = if streamed {
            "text/event-stream"
        } else {
            "application/json"
        };
        let post = self
            .0
            .post(url)
            .headers(headers)
            .header(ACCEPT, HeaderValue::from_static(accept))
            .json(body);
        let mut response = post.send().await.map_err(|error| {
            let failure = error::transport(&error);
            if error.is_connect() {
                Broken::Unasked(failure)
            } else {
                Broken::Answer(failure)
            }
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let headers = response.headers().clone();
        // A refusal counts by its status even when its body cannot be read.
        let body = read(&mut response, MAX_ERROR_BYTES)
            .await
            .unwrap_or_default();
        Err(Broken::Unasked(error::refused(status, &headers, &body)))
    }
}

/// The base URL.
///
/// # Errors
/// `InvalidInput` when it is no http(s) address.
pub(super) fn base(text: &str) -> Result<Url, Failure> {
    Url::parse(text.trim())
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && !url.cannot_be_a_base())
        .ok_or_else(|| {
            Failure::new(
                ErrorClass::InvalidInput,
                "the model's base URL must be an http(s) address such as https://api.openai.com/v1",
            )
        })
}

/// An address below the base. Joining would drop the last segment of a base without a `/` at its end.
pub(super) fn below(base: &Url, path: &[String], query: Option<&str>) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url.set_query(query);
    url
}

/// Whether the body is a stream of events.
pub(super) fn is_event_stream(response: &Response) -> bool {
    response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.trim_start().starts_with("text/event-stream"))
}

/// The body, chunk by chunk, never more than `max` bytes of it.
pub(super) async fn read(response: &mut Response, max: usize) -> Result<Vec<u8>, Failure> {
    if response.content_length().is_some_and(|n| n > max as u64) {
        return Err(over(max));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| error::transport(&e))? {
        if body.len() + chunk.len() > max {
            return Err(over(max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The body as it comes.
pub(super) fn chunks(
    response: Response,
) -> impl Stream<Item = Result<Bytes, Failure>> + Send + Unpin {
    response
        .bytes_stream()
        .map(|chunk| chunk.map_err(|error| error::transport(&error)))
        .boxed()
}

/// The answer is larger than is read of it.
pub(super) fn over(max: usize) -> Failure {
    Failure::new(
        ErrorClass::Schema,
        format!("the provider's answer is larger than {max} bytes; reading it was stopped"),
    )
}
