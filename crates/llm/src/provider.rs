//! The one trait behind which every model stands.

use async_trait::async_trait;
use model::{Failure, usage::Usage};
use serde_json::Value;

use crate::price::Price;

/// One question to a model.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// The agent kind that asks; only the offline writer reads it.
    pub task: String,
    /// What the writer works from ([`crate::offline::Work`]); only the offline writer reads it.
    pub input: Value,
    /// What the model is and must keep to. Holds no text of users.
    pub system: String,
    /// What to do, with all text of users fenced as data.
    pub prompt: String,
    /// JSON schema of the answer.
    pub schema: Value,
    /// Its name: letters, digits, `_` and `-`.
    pub schema_name: String,
    /// Most tokens that the model may write.
    pub max_output_tokens: u32,
    /// 0 (always the likeliest word) to 2; the model's own when absent.
    pub temperature: Option<f32>,
    /// Set when this is the second, repairing call.
    pub repair: Option<Repair>,
}

/// A faulty answer and what is wrong with it.
#[derive(Clone, PartialEq)]
pub struct Repair {
    /// The answer, cut to [`crate::limits::MAX_REPAIR_BYTES`].
    pub answer: String,
    /// Its faults, at most [`crate::limits::MAX_FAULTS`].
    pub faults: Vec<String>,
}

impl Repair {
    /// What the model is told in the repair call.
    pub(crate) fn demand(&self) -> String {
        format!(
            "Your answer has these faults:\n- {}\n\nAnswer again with the whole JSON and nothing else.",
            self.faults.join("\n- ")
        )
    }
}

/// Why the model stopped writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It was done.
    Stop,
    /// It reached the most tokens that it may write.
    Length,
    /// It, or a filter, refused.
    Refused,
    /// The provider named another reason, or none.
    Other,
}

/// A model's answer.
#[derive(Clone, PartialEq)]
pub struct Completion {
    /// What it wrote.
    pub text: String,
    /// Why it stopped.
    pub finish: Finish,
    /// What the call used.
    pub usage: Usage,
    /// The model as the provider names it in its answer.
    pub model: String,
}

/// Who sees an answer while it is written. It is called between two reads of the network, so it must
/// neither wait nor work long.
pub trait Sink: Send + Sync {
    /// An answer begins; what was seen of an earlier one is void.
    fn begin(&self);

    /// More of the answer's text.
    fn text(&self, piece: &str);
}

/// A source of text. A call may be dropped at any await and leaves nothing half done.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The model that is asked; `offline` for the built-in writer.
    fn model(&self) -> &str;

    /// What it costs.
    fn price(&self) -> Price {
        Price::default()
    }

    /// Asks once, without retries. A failure says what the call has cost all the same.
    ///
    /// # Errors
    /// By class: see [`crate::remote`] for how answers of a server are classed.
    async fn complete(&self, request: &Request) -> Result<Completion, Failure>;

    /// The same, and `sink` gets the text as it is written; all pieces together are the completion's text.
    ///
    /// # Errors
    /// As [`Provider::complete`].
    async fn stream(&self, request: &Request, sink: &dyn Sink) -> Result<Completion, Failure> {
        let completion = self.complete(request).await?;
        sink.text(&completion.text);
        Ok(completion)
    }
}
