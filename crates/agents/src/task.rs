//! What one agent adds to the common way.

use llm::structured::Fault;
use minijinja::context;
use model::{
    ErrorClass, Failure,
    brief::CampaignBrief,
    fact::{FactTypes, Facts},
    media::Media,
};
use serde_json::Value;

use crate::material::Subject;

/// One kind of artifact to write.
pub(crate) trait Task<S: Subject = CampaignBrief>: Send + Sync {
    /// The agent kind; also the name of the prompt.
    fn kind(&self) -> &'static str;

    /// The JSON schema of what is written, as text.
    fn schema(&self) -> &'static str;

    /// Most tokens that a model may write.
    fn max_output_tokens(&self) -> u32;

    /// The facts that its results carry.
    fn facts(&self) -> FactTypes {
        FactTypes::new()
    }

    /// The schema for one subject.
    ///
    /// # Errors
    /// `InvalidInput` for a subject that this artifact cannot be written for.
    fn schema_for(&self, schema: &Value, _subject: &S) -> Result<Value, Failure> {
        Ok(schema.clone())
    }

    /// What the prompt needs besides the material.
    fn context(&self, _subject: &S, _attempt: u32) -> minijinja::Value {
        context! {}
    }

    /// Brings an answer of the schema into the artifact's final form, and checks what the schema
    /// cannot.
    ///
    /// # Errors
    /// Every fault, by path and without content: they are handed back to the model once.
    fn settle(&self, subject: &S, answer: &Value) -> Result<Settled, Vec<Fault>>;

    /// JSON schema of what [`Task::illustrate`] adds to what was written, by field; `None` when it draws
    /// nothing.
    fn drawn(&self) -> Option<&'static str> {
        None
    }

    /// Draws what belongs to the artifact and names it there. It may hold a processor for a second.
    ///
    /// # Errors
    /// `Internal` by a defect. That something cannot be drawn is said in the artifact, which is never lost
    /// for it.
    fn illustrate(&self, _subject: &S, settled: Settled) -> Result<(Settled, Vec<Media>), Failure> {
        Ok((settled, Vec::new()))
    }
}

/// An artifact in its final form.
pub(crate) struct Settled {
    /// Its JSON.
    pub(crate) content: String,
    /// The declared facts.
    pub(crate) facts: Facts,
}

/// The answer as the artifact's type.
pub(crate) fn parsed<T: serde::de::DeserializeOwned>(answer: &Value) -> Result<T, Vec<Fault>> {
    T::deserialize(answer).map_err(|error| vec![Fault::schema(error.to_string())])
}

/// The artifact's JSON.
pub(crate) fn written<T: serde::Serialize>(artifact: &T) -> Result<String, Vec<Fault>> {
    serde_json::to_string(artifact).map_err(|error| vec![Fault::schema(error.to_string())])
}

/// A fault for each text that holds nothing to read.
pub(crate) fn blanks<'a>(
    texts: impl IntoIterator<Item = (&'a str, &'a str)>,
    faults: &mut Vec<Fault>,
) {
    for (path, text) in texts {
        if text.trim().is_empty() {
            faults.push(Fault::schema(format!("`{path}` is blank")));
        }
    }
}

/// Hashtags without what cannot stand in one, each once.
pub(crate) fn tags(answered: &[String]) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in answered {
        let tag: String = tag
            .chars()
            .filter(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if !tag.is_empty() && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

/// A defect of what is compiled in.
pub(crate) fn defect(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure::new(ErrorClass::Internal, format!("{what}: {error}"))
}
