//! An orchestrator that answers what it is told to, remembers what it was asked, and knows no message.

use std::{
    collections::{BTreeMap, VecDeque},
    future::{Ready, ready},
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use axum::{Router, extract::Request, http::HeaderMap, routing::post};
use bytes::{Buf, BufMut, Bytes};
use prost::Message;
use service::{
    auth::{Guard, Keys, KeysUnavailable, Principal, Role},
    http::{App, Readiness},
    serve::Server,
};
use tonic::{
    Response, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::{Grpc, UnaryService},
};

use crate::world::tenant;

/// A key is its tenant's name behind `key-`.
struct Names;

#[async_trait]
impl Keys for Names {
    async fn principal(&self, key: &str) -> Result<Option<Principal>, KeysUnavailable> {
        Ok(key.strip_prefix("key-").map(|name| Principal {
            tenant: tenant(name),
            role: Role::Editor,
            by: name.to_owned(),
        }))
    }
}

/// A call that it had.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// `pressrun.run.v1.RunService.Get`.
    pub(crate) rpc: String,
    pub(crate) headers: HeaderMap,
    body: Bytes,
}

impl Seen {
    pub(crate) fn message<M: Message + Default>(&self) -> M {
        M::decode(self.body.clone()).expect("a message")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("text")
    }
}

#[derive(Default)]
struct State {
    answers: BTreeMap<String, Result<Bytes, Status>>,
    /// What is answered before those, each once.
    next: BTreeMap<String, VecDeque<Result<Bytes, Status>>>,
    seen: Vec<Seen>,
}

#[derive(Clone, Default)]
pub(crate) struct Fake(Arc<Mutex<State>>);

impl Fake {
    /// A port with this behind it.
    pub(crate) async fn bind(&self) -> Server {
        let mut app = App::new(Guard::Keys(Arc::new(Names)), Readiness::default());
        let fake = self.clone();
        // WhoAmI of the gateway's own guard is a call like any other.
        fake.answers(
            "pressrun.auth.v1.AuthService.WhoAmI",
            &wire::auth::v1::WhoAmIResponse {
                tenant: "one".to_owned(),
                role: "editor".to_owned(),
                by: "one".to_owned(),
            },
        );
        app.routes = Router::new().route(
            "/{service}/{method}",
            post(move |request: Request| async move {
                let (service, method) =
                    request.uri().path()[1..].split_once('/').expect("a method");
                let call = Call {
                    rpc: format!("{service}.{method}"),
                    headers: request.headers().clone(),
                    fake,
                };
                Grpc::new(Raw).unary(call, request).await
            }),
        );
        app.bind(([127, 0, 0, 1], 0).into()).await.expect("a port")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("not poisoned")
    }

    /// What a method answers from now on; an empty message when it was not told.
    pub(crate) fn answers(&self, rpc: &str, message: &impl Message) {
        let bytes = message.encode_to_vec().into();
        self.state().answers.insert(rpc.to_owned(), Ok(bytes));
    }

    /// What a method answers next, once; then what it was told to answer from then on.
    pub(crate) fn answers_next(&self, rpc: &str, answer: Result<&impl Message, Status>) {
        let answer = answer.map(|message| message.encode_to_vec().into());
        let mut state = self.state();
        state
            .next
            .entry(rpc.to_owned())
            .or_default()
            .push_back(answer);
    }

    /// What a method refuses with from now on.
    pub(crate) fn refuses(&self, rpc: &str, status: Status) {
        self.state().answers.insert(rpc.to_owned(), Err(status));
    }

    /// The last call of a method.
    pub(crate) fn last(&self, rpc: &str) -> Seen {
        let seen = self
            .state()
            .seen
            .iter()
            .rev()
            .find(|seen| seen.rpc == rpc)
            .cloned();
        seen.unwrap_or_else(|| panic!("{rpc} was not called"))
    }

    /// Calls of a method so far.
    pub(crate) fn calls(&self, rpc: &str) -> usize {
        self.state()
            .seen
            .iter()
            .filter(|seen| seen.rpc == rpc)
            .count()
    }
}

struct Call {
    rpc: String,
    headers: HeaderMap,
    fake: Fake,
}

impl UnaryService<Bytes> for Call {
    type Response = Bytes;
    type Future = Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let mut state = self.fake.state();
        state.seen.push(Seen {
            rpc: self.rpc.clone(),
            headers: self.headers.clone(),
            body: request.into_inner(),
        });
        let next = state.next.get_mut(&self.rpc).and_then(VecDeque::pop_front);
        let answer = next
            .or_else(|| state.answers.get(&self.rpc).cloned())
            .unwrap_or(Ok(Bytes::new()));
        ready(answer.map(Response::new))
    }
}

/// Messages as they are.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
