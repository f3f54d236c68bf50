//! The provider for every model behind HTTP: OpenAI's chat completions (OpenAI itself, vLLM, Ollama,
//! llama.cpp, gateways), Anthropic's Messages, Gemini's generateContent.
//!
//! The requests are POSTs of our own and no client library's: a library reads a response body whole before
//! it looks at it, so an answer of 50 MB would be 50 MB of memory; here it ends as a failure at a bound.
//! What is common (the client, the bounds, the classes of errors, the stream of events) is written once; a
//! wire format is a mapping: a request to JSON, and JSON to a `Draft` that grows.
//!
//! How an answer is classed:
//!
//! | what came | class |
//! |---|---|
//! | 429 | `RateLimited`, with the wait asked for; `Auth` when the quota is used up |
//! | 401, 402, 403, a key that is none | `Auth` |
//! | no connection, connection broke, a stream that ends before its end | `Network` |
//! | no answer in time, a stream that falls silent, 408 | `Timeout` |
//! | 5xx (529 overloaded too), a body or event that is none of the format | `Provider` |
//! | content filter | `Policy` |
//! | context too long, 413 | `Resources` |
//! | 409, 425 | `Transient` |
//! | a body, line or stream over its bound | `Schema` |
//! | any other 4xx, a redirect | `InvalidInput` |

mod anthropic;
mod draft;
mod error;
mod gemini;
mod http;
mod openai;
mod schema;
mod sse;

use std::{str::FromStr, time::Duration};

use async_trait::async_trait;
use model::{ErrorClass, Failure};
use reqwest::{Response, Url, header::HeaderMap};
use serde_json::Value;

use self::{draft::Draft, http::Http, sse::Events};
use crate::{
    key::ApiKey,
    limits::{CALL_TIMEOUT, IDLE_TIMEOUT, MAX_RESPONSE_BYTES},
    observe,
    price::Price,
    provider::{Completion, Provider, Request, Sink},
};

/// How to reach a model.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which wire format its server speaks.
    pub dialect: Dialect,
    /// Address up to the version (`https://api.openai.com/v1`), with or without a `/` at its end.
    pub base_url: String,
    /// The model's name.
    pub model: String,
    /// The key; local servers need none.
    pub key: Option<ApiKey>,
    /// What the model costs.
    pub price: Price,
    /// Longest time for one call, from connecting to the last byte.
    pub timeout: Duration,
    /// Longest silence within a streamed answer.
    pub idle: Duration,
    /// Tokens that the model may think before it writes, on top of what it may write; 0 for a model that
    /// does not. Such models take no temperature.
    pub thinking_tokens: u32,
}

impl Config {
    /// The usual configuration of a model at the provider's own address, without key and price.
    pub fn new(dialect: Dialect, model: impl Into<String>) -> Self {
        Self {
            dialect,
            base_url: dialect.base_url().to_owned(),
            model: model.into(),
            key: None,
            price: Price::default(),
            timeout: CALL_TIMEOUT,
            idle: IDLE_TIMEOUT,
            thinking_tokens: 0,
        }
    }

    /// Most tokens of one answer.
    fn max_tokens(&self, request: &Request) -> u32 {
        request
            .max_output_tokens
            .saturating_add(self.thinking_tokens)
    }

    /// The temperature, where the model takes one.
    fn temperature(&self, request: &Request) -> Option<f32> {
        request.temperature.filter(|_| self.thinking_tokens == 0)
    }
}

/// A wire format, by the name of the provider that it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// OpenAI's chat completions, which most servers speak.
    #[default]
    OpenAi,
    /// Anthropic's Messages API.
    Anthropic,
    /// Google's Gemini API, `generateContent`.
    Gemini,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OpenAi, Self::Anthropic, Self::Gemini];

    /// The name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    /// The provider as OpenTelemetry's GenAI conventions name it.
    fn provider(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gcp.gemini",
        }
    }

    /// The provider's own address.
    pub fn base_url(self) -> &'static str {
        match self {
            Self::OpenAi => "https://api.openai.com/v1",
            Self::Anthropic => "https://api.anthropic.com/v1",
            Self::Gemini => "https://generativelanguage.googleapis.com/v1beta",
        }
    }

    fn wire(self) -> &'static dyn Wire {
        match self {
            Self::OpenAi => &openai::OpenAi,
            Self::Anthropic => &anthropic::Anthropic,
            Self::Gemini => &gemini::Gemini,
        }
    }
}

/// The name is of no provider that we speak to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("knows openai (every compatible server), anthropic and gemini only")]
pub struct UnknownDialect;

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<Self, UnknownDialect> {
        let named = |dialect: &Self| dialect.name() == name;
        Self::ALL.into_iter().find(named).ok_or(UnknownDialect)
    }
}

/// What is a format's own: where a question goes and how it and its answer look.
trait Wire: Send + Sync {
    /// The path below the base URL, and the query.
    fn path(&self, model: &str, streamed: bool) -> (Vec<String>, Option<&'static str>);

    /// The key's header and whatever else the format needs.
    fn headers(&self, key: Option<&ApiKey>) -> HeaderMap;

    /// The body of the POST.
    fn body(&self, config: &Config, request: &Request, streamed: bool) -> Value;

    /// Reads an answer that came whole.
    fn whole(&self, body: &[u8], draft: &mut Draft) -> Result<(), Failure>;

    /// Reads one event of a streamed answer.
    fn event(&self, data: &str, draft: &mut Draft) -> Result<(), Failure>;
}

/// A model behind HTTP.
#[derive(Debug)]
pub struct Remote {
    config: Config,
    http: Http,
    base: Url,
}

impl Remote {
    /// A provider by its configuration. Connects to nothing yet.
    ///
    /// # Errors
    /// `InvalidInput` for an address that is not http(s) or an empty model name, `Internal` when the
    /// process has installed no TLS provider.
    pub fn new(config: Config) -> Result<Self, Failure> {
        let base = http::base(&config.base_url)?;
        if config.model.trim().is_empty() {
            return Err(Failure::new(
                ErrorClass::InvalidInput,
                "the model's name is empty",
            ));
        }
        let http = Http::new(config.timeout)?;
        Ok(Self { config, http, base })
    }

    async fn ask(&self, request: &Request, streamed: bool) -> Result<Response, http::Broken> {
        let wire = self.config.dialect.wire();
        let (path, query) = wire.path(&self.config.model, streamed);
        let url = http::below(&self.base, &path, query);
        let headers = wire.headers(self.config.key.as_ref());
        let body = wire.body(&self.config, request, streamed);
        self.http.post(url, headers, &body, streamed).await
    }

    /// The answer, whole or as it comes; what has come of it so far is in `draft`.
    async fn read(
        &self,
        mut response: Response,
        draft: &mut Draft,
        sink: Option<&dyn Sink>,
    ) -> Result<(), Failure> {
        let wire = self.config.dialect.wire();
        let Some(sink) = sink.filter(|_| http::is_event_stream(&response)) else {
            // Some servers answer whole although they were asked for a stream.
            let body = http::read(&mut response, MAX_RESPONSE_BYTES).await?;
            wire.whole(&body, draft)?;
            if let Some(sink) = sink {
                sink.text(&draft.text);
            }
            return Ok(());
        };
        let mut events = Events::new(http::chunks(response), self.config.idle);
        while let Some(data) = events.next().await? {
            let before = draft.text.len();
            wire.event(&data, draft)?;
            if let Some(piece) = draft.text.get(before..).filter(|piece| !piece.is_empty()) {
                sink.text(piece);
            }
            if draft.ended {
                return Ok(());
            }
        }
        if draft.finish.is_some() {
            return Ok(());
        }
        Err(Failure::new(
            ErrorClass::Network,
            "the model provider's stream broke off before its end",
        ))
    }

    async fn observed(
        &self,
        request: &Request,
        sink: Option<&dyn Sink>,
    ) -> Result<Completion, Failure> {
        let provider = self.config.dialect.provider();
        let call = self.call(request, sink);
        observe::observed(provider, &self.config.model, request, call).await
    }

    async fn call(
        &self,
        request: &Request,
        sink: Option<&dyn Sink>,
    ) -> Result<Completion, Failure> {
        let mut draft = Draft::default();
        let read = async {
            let response = self.ask(request, sink.is_some()).await?;
            self.read(response, &mut draft, sink)
                .await
                .map_err(http::Broken::Answer)
        };
        match read.await {
            Ok(()) => {}
            Err(http::Broken::Unasked(failure)) => return Err(failure),
            Err(http::Broken::Answer(failure)) => {
                let used = draft.broken_usage(&self.config, request);
                return Err(failure.used(used));
            }
        }
        let completion = draft.completion(&self.config, request);
        tracing::debug!(
            task = request.task,
            model = completion.model,
            input_tokens = completion.usage.input_tokens,
            output_tokens = completion.usage.output_tokens,
            finish = ?completion.finish,
            "the model answered"
        );
        Ok(completion)
    }
}

#[async_trait]
impl Provider for Remote {
    fn model(&self) -> &str {
        &self.config.model
    }

    fn price(&self) -> Price {
        self.config.price
    }

    async fn complete(&self, request: &Request) -> Result<Completion, Failure> {
        self.observed(request, None).await
    }

    async fn stream(&self, request: &Request, sink: &dyn Sink) -> Result<Completion, Failure> {
        self.observed(request, Some(sink)).await
    }
}

#[cfg(test)]
mod tests;
