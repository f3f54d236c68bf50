//! What a job brings: read, checked, and put into the form in which a model may see it.

use llm::offline::Work;
use minijinja::context;
use model::{
    ErrorClass, Failure,
    brief::CampaignBrief,
    job::{CampaignInput, InputArtifact, JobInput},
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
/// Fields of artifacts that are drawn.
const DRAWN: [&str; 6] = [
    "poster",
    "poster_refusal",
    "image",
    "image_refusal",
    "drawn",
    "drawn_refusal",
];

/// What a task works on.
pub(crate) trait Subject: Clone + Send + Sync + Sized + 'static {
    /// The rules that stand before every prompt about it.
    const SYSTEM: &'static str;
    /// Name of the prompt's part that fences it.
    const FENCE: &'static str;

    /// Reads it out of a job's input.
    ///
    /// # Errors
    /// `InvalidInput` when it is not there, or has faults.
    fn of(input: &JobInput) -> Result<Self, Failure>;

    /// As a model may see it, by name.
    fn shown(&self) -> Map<String, Value>;

    /// What the offline writer works from.
    ///
    /// # Errors
    /// Only by a defect.
    fn work(material: &Material<Self>, assignment: &Assignment)
    -> Result<Value, serde_json::Error>;

    /// What its prompts need besides.
    fn context(&self) -> minijinja::Value {
        context! {}
    }

    /// Whether less is asked for than usual.
    fn simple(&self) -> bool {
        false
    }
}

impl Subject for CampaignBrief {
    const SYSTEM: &'static str = include_str!("../prompts/system.md");
    const FENCE: &'static str = "material.md";

    fn of(input: &JobInput) -> Result<Self, Failure> {
        let input: CampaignInput =
            serde_json::from_str(input.input.get()).map_err(|error| unread("campaign", &error))?;
        if let Some(problem) = input.brief.problems().first() {
            return Err(Failure::new(
                ErrorClass::InvalidInput,
                format!("the brief has faults; the first is {}", problem.path),
            ));
        }
        Ok(input.brief)
    }

    /// With its resources cut to what a model is shown; those in blobs by name only.
    fn shown(&self) -> Map<String, Value> {
        let mut brief = self.clone();
        let mut room = Room::default();
        for resource in &mut brief.resources {
            if let Some(text) = &mut resource.text {
                room.cut(text);
            }
        }
        Map::from_iter([("brief".to_owned(), json!(brief))])
    }

    fn work(
        material: &Material<Self>,
        assignment: &Assignment,
    ) -> Result<Value, serde_json::Error> {
        serde_json::to_value(Work {
            brief: material.subject.clone(),
            seed: assignment.job.to_string(),
            revision: assignment.revision,
            note: material.note.clone(),
            said: material.said(),
        })
    }
}

/// A job's input that is not what its agent reads. The error's own message may quote it.
pub(crate) fn unread(what: &str, error: &serde_json::Error) -> Failure {
    Failure::new(
        ErrorClass::InvalidInput,
        format!(
            "the job's input is no {what}'s ({:?} error at line {}, column {})",
            error.classify(),
            error.line(),
            error.column()
        ),
    )
}

/// What a model is still shown of the resources.
pub(crate) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(MAX_RESOURCES_BYTES)
    }
}

impl Room {
    /// Leaves of `text` what there is room for.
    pub(crate) fn cut(&mut self, text: &mut String) {
        text.truncate(text.floor_char_boundary(MAX_RESOURCE_BYTES.min(self.0)));
        self.0 -= text.len();
    }
}

/// All that one job works from.
pub(crate) struct Material<S> {
    pub(crate) subject: S,
    pub(crate) note: Option<String>,
    /// The active version, with a regenerate.
    pub(crate) previous: Option<Value>,
    /// Artifacts and reports of earlier steps by the step's name.
    pub(crate) earlier: Map<String, Value>,
}

impl<S: Subject> Material<S> {
    /// Reads a job's input.
    ///
    /// # Errors
    /// `InvalidInput` when its subject cannot be worked with.
    pub(crate) fn of(assignment: &Assignment) -> Result<Self, Failure> {
        let subject = S::of(&assignment.input)?;
        let mut left = MAX_EARLIER_BYTES;
        let mut shown = |artifact: &InputArtifact| {
            left = left.checked_sub(artifact.content.get().len())?;
            let mut content = Value::deserialize(artifact.content.as_ref()).ok()?;
            if let Some(fields) = content.as_object_mut() {
                // Drawn by us, not written: a model has no use for it and must not copy it.
                for drawn in DRAWN {
                    fields.remove(drawn);
                }
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
            subject,
            note: assignment.input.note.as_deref().map(cut_note),
            previous,
            earlier,
        })
    }

    /// All of it as one JSON document to stand between the prompt's data marks. No text in it can end
    /// them: `<`, `>` and `&` are escaped.
    pub(crate) fn fenced(&self) -> String {
        let mut data = Value::Object(self.subject.shown());
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

fn collect(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::String(text) if all.len() < MAX_SAID => all.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, all)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, all)),
        _ => {}
    }
}
