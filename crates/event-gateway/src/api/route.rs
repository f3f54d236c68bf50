//! A route of the JSON API: where it is, which method it forwards to, and how its answer looks.

use std::any::type_name;

use axum::{http::StatusCode, response::Response};
use futures::future::BoxFuture;
use prost::Message;
use serde::{Serialize, de::DeserializeOwned};

use super::{call::Call, refusal::Refusal};

/// What a route does with a call.
pub(crate) type Handler = fn(Call) -> BoxFuture<'static, Result<Response, Refusal>>;

/// Tells the name of a type.
type Name = fn() -> &'static str;

/// An HTTP method that routes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Looks.
    Get,
    /// Changes; takes JSON.
    Post,
    /// Sets what is at the path; takes JSON.
    Put,
    /// Takes away what is at the path.
    Delete,
}

impl Verb {
    /// Its name in the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Delete => "delete",
        }
    }
}

/// Whether a route takes a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// None; what the path does not give comes from the query.
    None,
    /// JSON, or nothing for `{}`.
    Optional,
    /// JSON.
    Required,
}

/// What an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The method's own answer as JSON.
    Message,
    /// The same; and 202 with the address of the run that goes on, where one was started.
    Started,
    /// The artifact itself: its exact bytes.
    Content,
    /// A picture: its exact bytes.
    Picture,
}

/// A route. The router and the document come from the same.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The HTTP method.
    pub verb: Verb,
    /// The path; `{field}` is a field of the request.
    pub path: &'static str,
    /// The method that it forwards to (`pressrun.run.v1.RunService.Get`).
    pub rpc: &'static str,
    /// Its name in the document.
    pub id: &'static str,
    /// What it is for, in a few words.
    pub summary: &'static str,
    /// Whether it takes a body.
    pub body: Body,
    /// What it answers.
    pub answer: Answer,
    /// Whether `Idempotency-Key` is understood.
    pub keyed: bool,
    /// Whether the call waits by design.
    pub patient: bool,
    pub(crate) handler: Handler,
    types: (Name, Name),
}

impl Route {
    /// A route that looks.
    pub(crate) const fn get<I, O>(
        path: &'static str,
        rpc: &'static str,
        id: &'static str,
        summary: &'static str,
    ) -> Self
    where
        I: Message + Default + DeserializeOwned + 'static,
        O: Message + Default + Serialize + 'static,
    {
        Self {
            verb: Verb::Get,
            path,
            rpc,
            id,
            summary,
            body: Body::None,
            answer: Answer::Message,
            keyed: false,
            patient: false,
            handler: |call| Box::pin(call.forward::<I, O>()),
            types: (type_name::<I>, type_name::<O>),
        }
    }

    /// A route that changes.
    pub(crate) const fn post<I, O>(
        path: &'static str,
        rpc: &'static str,
        id: &'static str,
        summary: &'static str,
    ) -> Self
    where
        I: Message + Default + DeserializeOwned + 'static,
        O: Message + Default + Serialize + 'static,
    {
        Self {
            verb: Verb::Post,
            body: Body::Required,
            ..Self::get::<I, O>(path, rpc, id, summary)
        }
    }

    /// A route that sets what is at its path.
    pub(crate) const fn put<I, O>(
        path: &'static str,
        rpc: &'static str,
        id: &'static str,
        summary: &'static str,
    ) -> Self
    where
        I: Message + Default + DeserializeOwned + 'static,
        O: Message + Default + Serialize + 'static,
    {
        Self {
            verb: Verb::Put,
            ..Self::post::<I, O>(path, rpc, id, summary)
        }
    }

    /// A route that takes away what is at its path.
    pub(crate) const fn delete<I, O>(
        path: &'static str,
        rpc: &'static str,
        id: &'static str,
        summary: &'static str,
    ) -> Self
    where
        I: Message + Default + DeserializeOwned + 'static,
        O: Message + Default + Serialize + 'static,
    {
        Self {
            verb: Verb::Delete,
            ..Self::get::<I, O>(path, rpc, id, summary)
        }
    }

    /// The same, without need of a body.
    pub(crate) const fn body_optional(self) -> Self {
        Self {
            body: Body::Optional,
            ..self
        }
    }

    /// The same, which understands `Idempotency-Key`.
    pub(crate) const fn keyed(self) -> Self {
        Self {
            keyed: true,
            ..self
        }
    }

    /// The same, which waits by design.
    pub(crate) const fn patient(self) -> Self {
        Self {
            patient: true,
            ..self
        }
    }

    /// The same with another form of answer.
    pub(crate) const fn answers(self, answer: Answer, handler: Handler) -> Self {
        Self {
            answer,
            handler,
            ..self
        }
    }

    /// The fields of the request that its path gives.
    pub fn path_fields(&self) -> Vec<&'static str> {
        self.path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect()
    }

    /// The messages that the handler was made for, by their names in the contract.
    pub fn messages(&self) -> (String, String) {
        let name =
            |of: fn() -> &'static str| of().replacen("wire", "pressrun", 1).replace("::", ".");
        (name(self.types.0), name(self.types.1))
    }

    /// The statuses of success.
    pub fn successes(&self) -> &'static [StatusCode] {
        match self.answer {
            Answer::Message => &[StatusCode::OK],
            Answer::Started => &[StatusCode::OK, StatusCode::ACCEPTED],
            Answer::Content | Answer::Picture => &[StatusCode::OK, StatusCode::NOT_MODIFIED],
        }
    }
}

/// The name in the contract of a message's type.
pub(crate) fn name_of<T: 'static>() -> String {
    full_name(type_name::<T>())
}

fn full_name(name: &str) -> String {
    name.replacen("wire", "pressrun", 1).replace("::", ".")
}
