//! The provider for every server that speaks OpenAI's chat completions: OpenAI itself, vLLM, Ollama,
//! llama.cpp, gateways.
//!
//! The request is a POST of our own and no client library's: `genai` reads a response body whole
//! before it looks at it, so an answer of 50 MB would be 50 MB of memory; here it ends as a failure
//! at [`MAX_RESPONSE_BYTES`].
//!
//! How an answer is classed:
//!
//! | what came | class |
//! |---|---|
//! | 429 | `RateLimited`, with `Retry-After`; `Auth` when the quota is used up |
//! | 401, 402, 403 | `Auth` |
//! | no connection, connection broke | `Network` |
//! | no answer in time, 408 | `Timeout` |
//! | 5xx, a body that is no completion | `Provider` |
//! | content filter | `Policy` |
//! | context too long, 413 | `Resources` |
//! | 409, 425 | `Transient` |
//! | body over 1 MiB | `Schema` |
//! | any other 4xx, a redirect | `InvalidInput` |

mod error;
mod format;

use std::time::Duration;

use async_trait::async_trait;
use model::{ErrorClass, Failure};
use reqwest::{
    Client, Response,
    header::{ACCEPT, AUTHORIZATION},
    redirect,
};
use url::Url;

use crate::{
    key::ApiKey,
    limits::{CONNECT_TIMEOUT, MAX_ERROR_BYTES, MAX_RESPONSE_BYTES},
    price::Price,
    provider::{Completion, Provider, Request},
};

/// How to reach a model.
#[derive(Debug, Clone)]
pub struct Config {
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
    /// How the server wants the most tokens to be named.
    pub token_limit: TokenLimit,
}

/// The request field that bounds what the model writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenLimit {
    /// `max_tokens`: known to every compatible server.
    #[default]
    MaxTokens,
    /// `max_completion_tokens`: what OpenAI's reasoning models take instead.
    MaxCompletionTokens,
}

/// A model behind an OpenAI-compatible address.
#[derive(Debug)]
pub struct OpenAi {
    config: Config,
    endpoint: Url,
    client: Client,
}

impl OpenAi {
    /// A provider by its configuration. Connects to nothing yet.
    ///
    /// # Errors
    /// `InvalidInput` for an address that is not http(s) or an empty model name, `Internal` when the
    /// process has installed no TLS provider.
    pub fn new(config: Config) -> Result<Self, Failure> {
        let endpoint = endpoint(&config.base_url)?;
        if config.model.trim().is_empty() {
            return Err(Failure::new(
                ErrorClass::InvalidInput,
                "the model's name is empty",
            ));
        }
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(Failure::new(
                ErrorClass::Internal,
                "no TLS provider is installed; the process must install one at its start",
            ));
        }
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT.min(config.timeout))
            .timeout(config.timeout)
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|_| Failure::new(ErrorClass::Internal, "the HTTP client cannot be built"))?;
        Ok(Self {
            config,
            endpoint,
            client,
        })
    }
}

#[async_trait]
impl Provider for OpenAi {
    fn model(&self) -> &str {
        &self.config.model
    }

    fn price(&self) -> Price {
        self.config.price
    }

    async fn complete(&self, request: &Request) -> Result<Completion, Failure> {
        let body = format::request(&self.config, request);
        let mut post = self
            .client
            .post(self.endpoint.clone())
            .header(ACCEPT, "application/json")
            .json(&body);
        if let Some(key) = &self.config.key {
            post = post.header(AUTHORIZATION, key.bearer());
        }
        let mut response = post.send().await.map_err(|e| error::transport(&e))?;
        let status = response.status();
        if !status.is_success() {
            let headers = response.headers().clone();
            // A refusal counts by its status even when its body cannot be read.
            let body = read(&mut response, MAX_ERROR_BYTES)
                .await
                .unwrap_or_default();
            return Err(error::refused(status, &headers, &body));
        }
        let body = read(&mut response, MAX_RESPONSE_BYTES).await?;
        let completion = format::completion(&self.config, request, &body)?;
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

fn endpoint(base_url: &str) -> Result<Url, Failure> {
    let extended = |mut url: Url| {
        // Joining would drop the last segment of a base without a `/` at its end.
        url.path_segments_mut()
            .ok()?
            .pop_if_empty()
            .extend(["chat", "completions"]);
        Some(url)
    };
    Url::parse(base_url.trim())
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .and_then(extended)
        .ok_or_else(|| {
            Failure::new(
                ErrorClass::InvalidInput,
                "the model's base URL must be an http(s) address such as https://api.openai.com/v1",
            )
        })
}

/// The body, chunk by chunk, never more than `max` bytes of it.
async fn read(response: &mut Response, max: usize) -> Result<Vec<u8>, Failure> {
    let over = || {
        Failure::new(
            ErrorClass::Schema,
            format!("the provider's answer is larger than {max} bytes; reading it was stopped"),
        )
    };
    if response.content_length().is_some_and(|n| n > max as u64) {
        return Err(over());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| error::transport(&e))? {
        if body.len() + chunk.len() > max {
            return Err(over());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests;
