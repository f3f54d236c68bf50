//! The JSON API: what gRPC offers, under `/v1`, in the same messages as JSON. It keeps nothing and decides
//! nothing: each call goes to the orchestrator with the caller's own key.
//!
//! Start with [`table`]: the router and the OpenAPI document come from it.

mod call;
pub mod contract;
mod origin;
mod read;
mod refusal;
pub mod route;
pub mod table;

use axum::{
    Router,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request, State},
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::{delete, get, post, put},
};
use model::{limits::MAX_REQUEST_BYTES, validate::Problem};
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use tonic::{Status, transport::Channel};
use wire::problem;

use self::{
    call::Call,
    contract::Contract,
    read::{Faults, Strict},
    refusal::Refusal,
    route::{Body, Route, Verb},
    table::ROUTES,
};
use crate::limits::BODY_WAIT;

pub(crate) use self::origin::is_own as is_own_origin;

/// The routes of the table, over a connection to the orchestrator that has no time limit of its own.
pub fn routes(orchestrator: Channel) -> Router {
    let mut router = Router::new();
    for route in &ROUTES {
        let handler = move |State(channel): State<Channel>, request: Request| async move {
            answer(route, channel, request)
                .await
                .unwrap_or_else(Refusal::into_response)
        };
        let method = match route.verb {
            Verb::Get => get(handler),
            Verb::Post => post(handler),
            Verb::Put => put(handler),
            Verb::Delete => delete(handler),
        };
        router = router.route(route.path, method);
    }
    router
        .with_state(orchestrator)
        .layer(middleware::from_fn(origin::same_only))
}

/// A message out of JSON that came another way than as a call: every fault at once, by field path.
pub(crate) fn read_message<T>(json: &[u8], max_bytes: usize) -> Result<T, Status>
where
    T: DeserializeOwned + 'static,
{
    let invalid = |message: String| {
        problem::invalid(vec![Problem {
            path: "body".to_owned(),
            message,
        }])
    };
    let Strict(value) =
        wire::json::from_json(json, max_bytes).map_err(|error| invalid(error.to_string()))?;
    let contract = Contract::get();
    let mut faults = Faults::default();
    if let Some(message) = contract.message(&route::name_of::<T>()) {
        read::check(contract, message, &value, "", &mut faults);
    }
    if !faults.is_empty() {
        return Err(problem::invalid(faults.into_vec()));
    }
    T::deserialize(value).map_err(|error| invalid(error.to_string()))
}

/// What is answered to a method that a path does not have.
pub async fn method_not_allowed() -> Response {
    Refusal::method().into_response()
}

async fn answer(
    route: &'static Route,
    channel: Channel,
    request: Request,
) -> Result<Response, Refusal> {
    let (mut parts, body) = request.into_parts();
    let path = RawPathParams::from_request_parts(&mut parts, &())
        .await
        .map_err(|error| Refusal::at("path", error.body_text()))?;
    let path = path
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let Query(query) =
        Query::try_from_uri(&parts.uri).map_err(|error| Refusal::at("query", error.body_text()))?;
    let body = if route.body == Body::None {
        Bytes::new()
    } else {
        let whole = Request::from_parts(parts.clone(), body);
        match timeout(BODY_WAIT, Bytes::from_request(whole, &())).await {
            Ok(Ok(body)) => body,
            Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                return Err(Refusal::too_large(MAX_REQUEST_BYTES));
            }
            Ok(Err(error)) => return Err(Refusal::at("body", error.body_text())),
            Err(_) => return Err(Refusal::slow()),
        }
    };
    let call = Call {
        route,
        channel,
        parts,
        path,
        query,
        body,
    };
    (route.handler)(call).await
}
