//! One call: its message read, forwarded with the caller's own key, and the answer written.

use std::time::Duration;

use ::service::correlation::{CORRELATION_HEADER, Correlation, TRACEPARENT_HEADER};
use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use model::limits::MAX_REQUEST_BYTES;
use prost::Message;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use tonic::{
    Request, Status, client::Grpc, codegen::http::uri::PathAndQuery, metadata::MetadataMap,
    transport::Channel,
};
use tonic_prost::ProstCodec;
use wire::{
    artifact::v1::{ArtifactVersion, Media},
    campaign::v1 as campaign,
    publication::v1 as publication,
};

use super::{
    contract::{Contract, Message as Shape},
    read::{self, Faults, Strict, shown},
    refusal::Refusal,
    route::{Body, Route},
};
use crate::{
    limits::{ANSWER_TIMEOUT, MAX_ANSWER_BYTES, MAX_RUN_WAIT},
    request::key,
};

/// Where a caller says that two submits are one (draft-ietf-httpapi-idempotency-key-header).
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The fields of the body that the header stands for.
const OPTIONS: &str = "options";
const KEYS_OF_OPTIONS: [&str; 2] = ["idempotency_key", "idempotencyKey"];

/// A call of a route.
pub(crate) struct Call {
    pub(crate) route: &'static Route,
    pub(crate) channel: Channel,
    pub(crate) parts: Parts,
    /// What the path gives.
    pub(crate) path: Vec<(String, String)>,
    /// What the query gives.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Call {
    /// Forwards the call; the answer as JSON.
    pub(crate) async fn forward<I, O>(self) -> Result<Response, Refusal>
    where
        I: Message + Default + DeserializeOwned + 'static,
        O: Message + Default + Serialize + 'static,
    {
        let message = self.message::<I>()?;
        json(StatusCode::OK, &self.ask::<I, O>(message).await?)
    }

    /// The request's message.
    fn message<I: DeserializeOwned>(&self) -> Result<I, Refusal> {
        let contract = Contract::get();
        let shape = contract
            .method(self.route.rpc)
            .and_then(|method| contract.message(&method.input))
            .ok_or_else(|| self.broken("it has no method"))?;
        let mut fields = self.fields_of_body()?;
        self.add_key(&mut fields)?;
        let outside = self.fields_of_address(shape)?;
        let mut faults = Faults::default();
        for name in outside.keys() {
            if fields.contains_key(name) {
                faults.add(name, "is given by the path; leave it out of the body");
            }
        }
        let value = Value::Object(fields);
        read::check(contract, shape, &value, "", &mut faults);
        if !faults.is_empty() {
            return Err(Refusal::content(faults.into_vec()));
        }
        let mut outside_faults = Faults::default();
        let mut whole = Value::Object(outside);
        read::check(contract, shape, &whole, "", &mut outside_faults);
        if !outside_faults.is_empty() {
            return Err(Refusal::unreadable(outside_faults.into_vec()));
        }
        if let (Value::Object(whole), Value::Object(fields)) = (&mut whole, value) {
            whole.extend(fields);
        }
        // What was checked above reads; what does not is told nevertheless.
        I::deserialize(whole).map_err(|error| Refusal::at("body", error.to_string()))
    }

    /// The body as a JSON object.
    fn fields_of_body(&self) -> Result<Map<String, Value>, Refusal> {
        if self.route.body == Body::None {
            return Ok(Map::new());
        }
        if self.body.is_empty() {
            return match self.route.body {
                Body::Required => Err(Refusal::at("body", "is missing; send a JSON object")),
                Body::Optional | Body::None => Ok(Map::new()),
            };
        }
        if !is_json(&self.parts.headers) {
            return Err(Refusal::media_type());
        }
        let Strict(value) = wire::json::from_json(&self.body, MAX_REQUEST_BYTES)
            .map_err(|error| Refusal::at("body", error.to_string()))?;
        match value {
            Value::Object(map) => Ok(map),
            _ => Err(Refusal::at("body", "must be a JSON object")),
        }
    }

    /// What path and query give.
    fn fields_of_address(&self, shape: &Shape) -> Result<Map<String, Value>, Refusal> {
        let mut fields = Map::new();
        let mut faults = Faults::default();
        for (name, text) in &self.path {
            match shape.field(name) {
                Some(field) => read::put(field, text, &mut fields, &mut faults),
                None => return Err(self.broken("a part of its path is no field")),
            }
        }
        let in_path = self.route.path_fields();
        let in_query = |name: &str| self.route.body == Body::None && !in_path.contains(&name);
        for (name, text) in &self.query {
            match shape.field(name).filter(|field| in_query(&field.name)) {
                Some(field) => read::put(field, text, &mut fields, &mut faults),
                None => {
                    let known: Vec<_> = shape
                        .fields
                        .iter()
                        .map(|field| field.name.as_str())
                        .filter(|name| in_query(name))
                        .collect();
                    let known = match known.as_slice() {
                        [] => "there are none here".to_owned(),
                        known => format!("known are {}", known.join(", ")),
                    };
                    faults.add(shown(name), format!("is no parameter; {known}"));
                }
            }
        }
        if faults.is_empty() {
            Ok(fields)
        } else {
            Err(Refusal::unreadable(faults.into_vec()))
        }
    }

    /// Puts the header's idempotency key where the message has it.
    fn add_key(&self, fields: &mut Map<String, Value>) -> Result<(), Refusal> {
        if !self.route.keyed {
            return Ok(());
        }
        let mut given = self.parts.headers.get_all(&IDEMPOTENCY_KEY).iter();
        let Some(value) = given.next() else {
            return Ok(());
        };
        let wrong = |why: &str| Refusal::at("Idempotency-Key", why);
        let key = value
            .to_str()
            .ok()
            .filter(|key| !key.is_empty())
            .ok_or_else(|| wrong("must be visible ASCII characters"))?;
        if given.next().is_some() {
            return Err(wrong("is given twice"));
        }
        let options = fields
            .entry(OPTIONS)
            .or_insert_with(|| Value::Object(Map::new()));
        if options.is_null() {
            *options = Value::Object(Map::new());
        }
        // Something else is told as a fault of the body.
        let Value::Object(options) = options else {
            return Ok(());
        };
        let name = KEYS_OF_OPTIONS
            .into_iter()
            .find(|name| options.contains_key(*name))
            .unwrap_or(KEYS_OF_OPTIONS[0]);
        match options.get(name) {
            Some(Value::String(other)) if !other.is_empty() && other != key => Err(wrong(
                "differs from options.idempotency_key; send one of them",
            )),
            Some(Value::String(_)) | None => {
                options.insert(name.to_owned(), Value::from(key));
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }

    /// Asks the orchestrator as the caller.
    async fn ask<I, O>(&self, message: I) -> Result<O, Refusal>
    where
        I: Message + Default + 'static,
        O: Message + Default + 'static,
    {
        let refused = |status: Status| match self.route.body {
            Body::None => Refusal::of_address(&status),
            Body::Optional | Body::Required => Refusal::of(&status, &self.route.path_fields()),
        };
        let (service, method) = self
            .route
            .rpc
            .rsplit_once('.')
            .ok_or_else(|| self.broken("its method has no service"))?;
        let path = PathAndQuery::try_from(format!("/{service}/{method}"))
            .map_err(|_| self.broken("its method is no path"))?;
        let wait = if self.route.patient {
            MAX_RUN_WAIT
        } else {
            ANSWER_TIMEOUT
        };
        let request = self.request(message, wait).map_err(refused)?;
        let mut client =
            Grpc::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER_BYTES);
        client.ready().await.map_err(|error| {
            refused(Status::unavailable(format!(
                "the orchestrator does not answer: {error}"
            )))
        })?;
        let answer = client
            .unary(request, path, ProstCodec::<I, O>::default())
            .await
            .map_err(|status| refused(of_connection(status)))?;
        Ok(answer.into_inner())
    }

    /// The message with the caller's key and what joins the call with what follows.
    fn request<I>(&self, message: I, wait: Duration) -> Result<Request<I>, Status> {
        let mut headers = HeaderMap::new();
        if let Some(key) = key(&self.parts.headers) {
            let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| {
                Status::unauthenticated("the api key has characters that no key has")
            })?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        let correlation = Correlation::of(&self.parts.extensions);
        for (name, text) in [
            (CORRELATION_HEADER, correlation.id),
            (TRACEPARENT_HEADER, correlation.traceparent),
        ] {
            if let (false, Ok(value)) = (text.is_empty(), HeaderValue::try_from(text.as_str())) {
                headers.insert(name, value);
            }
        }
        let mut request = Request::new(message);
        *request.metadata_mut() = MetadataMap::from_headers(headers);
        request.set_timeout(wait);
        Ok(request)
    }

    /// A route that a test would have refused.
    fn broken(&self, why: &str) -> Refusal {
        tracing::error!(route = self.route.id, why, "a route of the table is broken");
        Refusal::of(&Status::internal("this route is broken"), &[])
    }
}

/// A status that the connection gave, not the orchestrator: nobody answered.
fn of_connection(status: Status) -> Status {
    match std::error::Error::source(&status) {
        Some(error) => Status::unavailable(format!(
            "the orchestrator does not answer: {error}; what was asked may have happened"
        )),
        None => status,
    }
}

/// Submits: where a run was started, its address.
pub(crate) fn started(call: Call) -> BoxFuture<'static, Result<Response, Refusal>> {
    Box::pin(async move {
        let message = call.message::<campaign::SubmitRequest>()?;
        let answer: campaign::SubmitResponse = call.ask(message).await?;
        if answer.run_id.is_empty() || answer.existing {
            return json(StatusCode::OK, &answer);
        }
        accepted(&answer, format!("/v1/campaigns/{}", answer.run_id))
    })
}

/// The same for the publications of a campaign.
pub(crate) fn generating(call: Call) -> BoxFuture<'static, Result<Response, Refusal>> {
    Box::pin(async move {
        let message = call.message::<publication::GenerateCampaignContentRequest>()?;
        let answer: publication::GenerateCampaignContentResponse = call.ask(message).await?;
        if answer.run_id.is_empty() || answer.existing {
            return json(StatusCode::OK, &answer);
        }
        let address = format!("/v1/campaigns/{}/progress", answer.campaign_id);
        accepted(&answer, address)
    })
}

/// A run was stored and goes on; its result is at `address`.
fn accepted<T: serde::Serialize>(answer: &T, address: String) -> Result<Response, Refusal> {
    let mut response = json(StatusCode::ACCEPTED, answer)?;
    if let Ok(address) = HeaderValue::try_from(address) {
        response.headers_mut().insert(header::LOCATION, address);
    }
    Ok(response)
}

/// The exact bytes of a version: what its hash is the hash of.
pub(crate) fn content(call: Call) -> BoxFuture<'static, Result<Response, Refusal>> {
    Box::pin(async move {
        let message = call.message::<wire::artifact::v1::GetVersionRequest>()?;
        let version: ArtifactVersion = call.ask(message).await?;
        Ok(tagged(&call.parts.headers, &version.hash, || {
            body(StatusCode::OK, version.content_json)
        }))
    })
}

/// A picture, byte for byte. Opened as a page of its own it may do nothing: an SVG could hold a script.
pub(crate) fn picture(call: Call) -> BoxFuture<'static, Result<Response, Refusal>> {
    Box::pin(async move {
        let message = call.message::<wire::artifact::v1::GetMediaRequest>()?;
        let media: Media = call.ask(message).await?;
        let kind = HeaderValue::try_from(&media.media_type).map_err(|_| {
            let status = Status::internal("the picture is of no known type; ask over gRPC");
            Refusal::of(&status, &[])
        })?;
        Ok(tagged(&call.parts.headers, &media.hash, || {
            let mut response = media.content.into_response();
            for (name, value) in [
                (header::CONTENT_TYPE, kind),
                (
                    header::X_CONTENT_TYPE_OPTIONS,
                    HeaderValue::from_static("nosniff"),
                ),
                (
                    header::CONTENT_SECURITY_POLICY,
                    HeaderValue::from_static(
                        "default-src 'none'; style-src 'unsafe-inline'; sandbox",
                    ),
                ),
            ] {
                response.headers_mut().insert(name, value);
            }
            response
        }))
    })
}

/// What `whole` makes, unless the caller has what `hash` names.
fn tagged(headers: &HeaderMap, hash: &str, whole: impl FnOnce() -> Response) -> Response {
    let tag = format!("\"{hash}\"");
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(|one| one.trim().trim_start_matches("W/"))
        .any(|one| one == "*" || one == tag);
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        whole()
    };
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    response
}

fn json<O: Serialize>(status: StatusCode, answer: &O) -> Result<Response, Refusal> {
    match wire::json::to_json(answer) {
        Ok(text) => Ok(body(status, text)),
        Err(error) => {
            tracing::error!(%error, "an answer has no JSON form");
            let status = Status::internal("the answer has no JSON form; ask over gRPC");
            Err(Refusal::of(&status, &[]))
        }
    }
}

fn body(status: StatusCode, text: String) -> Response {
    let mut response = (status, text).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        // What agents wrote is never anything but JSON to a browser.
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether the body is plain JSON by its headers.
fn is_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else {
        return false;
    };
    let Ok(kind) = kind.to_str() else {
        return false;
    };
    let mut parts = kind.split(';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let utf8 = parts.all(|part| {
        let value = part
            .split_once('=')
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
        value.is_none_or(|(_, value)| value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8"))
    });
    let plain = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    is_json && utf8 && plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_json_is_taken() {
        let of = |kind: &'static str, coding: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            if let Some(coding) = coding {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            }
            is_json(&headers)
        };
        assert!(of("application/json", None));
        assert!(of("Application/JSON; charset=\"UTF-8\"", Some("identity")));
        assert!(!of("application/json; charset=latin1", None));
        assert!(!of("text/plain", None));
        assert!(!of("application/jsonp", None));
        assert!(!of("application/json", Some("gzip")));
        assert!(!is_json(&HeaderMap::new()));
    }
}
