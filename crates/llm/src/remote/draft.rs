//! An answer while it comes, the same for every format.

use model::{ErrorClass, Failure, usage::Usage};

use super::Config;
use crate::{
    limits::MAX_ANSWER_BYTES,
    provider::{Completion, Finish, Request},
};

/// Longest name of a model that is taken over from an answer, bytes.
const MAX_MODEL_BYTES: usize = 200;

/// What has come of an answer so far.
#[derive(Default)]
pub(super) struct Draft {
    /// What the model wrote.
    pub(super) text: String,
    /// Why it stopped; none while it goes on.
    pub(super) finish: Option<Finish>,
    /// Tokens sent, those from a cache included; none while unknown.
    pub(super) input: Option<u64>,
    /// Those of them that came from the provider's cache.
    pub(super) cached: u64,
    /// Tokens written, thinking included; none while unknown.
    pub(super) output: Option<u64>,
    /// The model as the provider names it.
    model: Option<String>,
    /// Whether the format's own end was seen.
    pub(super) ended: bool,
}

impl Draft {
    /// More text.
    ///
    /// # Errors
    /// `Schema` when the answer grows larger than is taken.
    pub(super) fn push(&mut self, text: &str) -> Result<(), Failure> {
        if self.text.len() + text.len() > MAX_ANSWER_BYTES {
            return Err(Failure::new(
                ErrorClass::Schema,
                format!("the model's answer is larger than {MAX_ANSWER_BYTES} bytes"),
            ));
        }
        self.text.push_str(text);
        Ok(())
    }

    /// The model's name, when it looks like one.
    pub(super) fn named(&mut self, model: Option<String>) {
        let is_name =
            |m: &String| (1..=MAX_MODEL_BYTES).contains(&m.len()) && !m.contains(char::is_control);
        self.model = model.filter(is_name).or(self.model.take());
    }

    /// The finished answer. A call whose use is unknown costs its worst case (`reliability.md` R27).
    pub(super) fn completion(self, config: &Config, request: &Request) -> Completion {
        let input = self.input.unwrap_or_else(|| most_input(request));
        let output = self
            .output
            .unwrap_or_else(|| config.max_tokens(request).into());
        Completion {
            usage: config.price.usage(input, self.cached, output),
            text: self.text,
            finish: self.finish.unwrap_or(Finish::Other),
            model: self.model.unwrap_or_else(|| config.model.clone()),
        }
    }

    /// What a call that broke off has cost at most: a model goes on writing when nobody reads.
    pub(super) fn broken_usage(&self, config: &Config, request: &Request) -> Usage {
        let input = self.input.unwrap_or_else(|| most_input(request));
        let output = u64::from(config.max_tokens(request)).max(self.output.unwrap_or(0));
        config.price.usage(input, self.cached, output)
    }
}

/// No token is shorter than a byte.
fn most_input(request: &Request) -> u64 {
    let repair = request.repair.as_ref().map_or(0, |repair| {
        repair.answer.len() + repair.faults.iter().map(String::len).sum::<usize>()
    });
    (request.system.len() + request.prompt.len() + request.schema.to_string().len() + repair) as u64
}
