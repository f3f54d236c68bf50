//! What a job brings: read, checked, and put into the form in which a model may see it.

use model::{
    ErrorClass, Failure,
    brief::CampaignBrief,
    job::{CampaignInput, InputArtifact},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use worker::Assignment;

/// Most bytes of one resource that a model is shown.
const MAX_RESOURCE_BYTES: usize = 8 * 1024;
/// Most bytes of all resources.
const MAX_RESOURCES_BYTES: usize = 48 * 1024;
/// Most bytes of earlier artifacts and reports.
const MAX_EARLIER_BYTES: usize = 128 * 1024;
/// Longest note that is shown, bytes.
const MAX_NOTE_BYTES: usize = 4 * 1024;
/// Most texts of earlier artifacts that the offline writer keeps clear of.
const MAX_SAID: usize = 512;

/// All that one job works from.
pub(crate) struct Material {
    pub(crate) brief: CampaignBrief,
    pub(crate) note: Option<String>,
    /// The active version, with a regenerate.
    pub(crate) previous: Option<Value>,
    /// Artifacts and reports of earlier steps by the step's name.
    pub(crate) earlier: Map<String, Value>,
}

impl Material {
    /// Reads a job's input.
    ///
    /// # Errors
    /// `InvalidInput` when it is no campaign's, or its brief has faults.
    pub(crate) fn of(assignment: &Assignment) -> Result<Self, Failure> {
        let input: CampaignInput =
            serde_json::from_str(assignment.input.input.get()).map_err(|error| {
                // Its own message may quote the brief.
                Failure::new(
                    ErrorClass::InvalidInput,
                    format!(
                        "the job's input is no campaign's ({:?} error at line {}, column {})",
                        error.classify(),
                        error.line(),
                        error.column()
                    ),
                )
            })?;
        if let Some(problem) = input.brief.problems().first() {
            return Err(Failure::new(
                ErrorClass::InvalidInput,
                format!("the brief has faults; the first is {}", problem.path),
            ));
        }
        let mut left = MAX_EARLIER_BYTES;
        let mut shown = |artifact: &InputArtifact| {
            left = left.checked_sub(artifact.content.get().len())?;
            let mut content = Value::deserialize(artifact.content.as_ref()).ok()?;
            if let Some(fields) = content.as_object_mut() {
                // Drawn by us, not written: a model has no use for it and must not copy it.
                fields.remove("poster");
                fields.remove("poster_refusal");
            }
            Some(content)
        };
        let previous = assignment.input.previous.as_ref().and_then(&mut shown);
        let earlier = assignment
            .input
            .artifacts
            .iter()
            .filter_map(|(step, artifact)| Some((step.to_string(), shown(artifact)?)))
            .collect();
        Ok(Self {
            brief: input.brief,
            note: assignment.input.note.as_deref().map(cut_note),
            previous,
            earlier,
        })
    }

    /// All of it as one JSON document to stand between the prompt's data marks. No text in it can end
    /// them: `<`, `>` and `&` are escaped.
    pub(crate) fn fenced(&self) -> String {
        let mut data = json!({ "brief": shown(&self.brief) });
        if let Some(note) = &self.note {
            data["note"] = note.as_str().into();
        }
        if let Some(previous) = &self.previous {
            data["previous"] = previous.clone();
        }
        if !self.earlier.is_empty() {
            data["earlier"] = self.earlier.clone().into();
        }
        // These characters stand in JSON within strings only.
        data.to_string()
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026")
    }

    /// Every text of earlier artifacts.
    pub(crate) fn said(&self) -> Vec<String> {
        let mut all = Vec::new();
        for value in self.previous.iter().chain(self.earlier.values()) {
            collect(value, &mut all);
        }
        all
    }
}

fn cut_note(note: &str) -> String {
    note[..note.floor_char_boundary(MAX_NOTE_BYTES)].to_owned()
}

/// The brief with its resources cut to what a model is shown; those in blobs by name only.
fn shown(brief: &CampaignBrief) -> CampaignBrief {
    let mut brief = brief.clone();
    let mut left = MAX_RESOURCES_BYTES;
    for resource in &mut brief.resources {
        if let Some(text) = &mut resource.text {
            text.truncate(text.floor_char_boundary(MAX_RESOURCE_BYTES.min(left)));
            left -= text.len();
        }
    }
    brief
}

fn collect(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::String(text) if all.len() < MAX_SAID => all.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, all)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, all)),
        _ => {}
    }
}
