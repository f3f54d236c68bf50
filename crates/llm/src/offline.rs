//! The built-in writer: readable copy out of the brief, or of an item of a content plan, without any model.
//!
//! It never pretends to be one: its model is called `offline`, it costs nothing, and it asserts as
//! fact only what the brief's proof points say; all else are the brief's own words between plain
//! connecting phrases. The same work gives the same bytes; another seed, revision or note gives other
//! wording, and what was said before ([`Work::said`]) is not said again while there is another way to
//! say it. It does not understand a note; the note only makes it choose anew.
//!
//! Languages with phrases of their own: English (`en`) and German (`de`). Any other gets the brief's
//! own words joined by punctuation alone; the working notes of a visual concept are then English.
//!
//! What the brief demands word for word (disclosures, disclaimers, `must_include`) goes in whole or,
//! where a platform's limit or the artifact's 64 KiB leave no room for it, not at all: half a
//! disclosure would be worse than none, and the audit names what is missing. Everything else keeps
//! clear of `banned_terms`, `must_avoid` and the voice's don'ts; a text of the brief that holds such a
//! term is left out.

mod carousel;
mod copy;
mod palette;
mod phrases;
mod post;
mod publication;
mod seed;
mod short_copy;
mod slots;
mod terms;
mod text;
mod visual_concept;
mod writer;

use async_trait::async_trait;
use model::{ErrorClass, Failure, brief::CampaignBrief, content_plan::ContentType, usage::Usage};
use serde::{Deserialize, Serialize};

use crate::{
    observe,
    provider::{Completion, Finish, Provider, Request, Sink},
};

pub use palette::{contrast, swatches};
pub use publication::ItemWork;

/// What the offline writer calls itself.
pub const MODEL: &str = "offline";
/// Whose model it is, in telemetry.
const PROVIDER: &str = "pressrun";
/// How much is shown at once while it writes, bytes.
const PIECE_BYTES: usize = 64;
/// Most bytes of earlier texts that are kept in mind.
pub const MAX_SAID_BYTES: usize = 128 * 1024;

/// What the offline writer works from: [`Request::input`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// The brief, without fault.
    pub brief: CampaignBrief,
    /// What makes this job's choices its own: the job's id.
    pub seed: String,
    /// 1 for the first, + 1 with each regenerate.
    pub revision: u32,
    /// What a person asked for with a regenerate.
    #[serde(default)]
    pub note: Option<String>,
    /// Texts of earlier artifacts, not to be said again.
    #[serde(default)]
    pub said: Vec<String>,
}

/// The built-in writer as a provider, for the tasks `copy`, `short_copy` and `visual_concept` of a brief
/// ([`Work`]), and `text_only`, `text_image`, `text_template` and `carousel` of an item ([`ItemWork`]).
#[derive(Debug, Clone, Copy, Default)]
pub struct Offline;

#[async_trait]
impl Provider for Offline {
    fn model(&self) -> &str {
        MODEL
    }

    async fn complete(&self, request: &Request) -> Result<Completion, Failure> {
        observe::observed(PROVIDER, MODEL, request, async { answer(request) }).await
    }

    /// In pieces, as a model's answer comes, without waiting for anything but others' turns.
    async fn stream(&self, request: &Request, sink: &dyn Sink) -> Result<Completion, Failure> {
        let call = async {
            let completion = answer(request)?;
            let mut rest = completion.text.as_str();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
                sink.text(piece);
                rest = after;
                tokio::task::yield_now().await;
            }
            Ok(completion)
        };
        observe::observed(PROVIDER, MODEL, request, call).await
    }
}

fn answer(request: &Request) -> Result<Completion, Failure> {
    let text = match ContentType::parse(&request.task) {
        Some(kind) => publication::write(kind, &input(request)?)?,
        None => write(&request.task, &input(request)?)?,
    };
    Ok(Completion {
        text,
        finish: Finish::Stop,
        usage: Usage::default(),
        model: MODEL.to_owned(),
    })
}

fn input<'a, T: Deserialize<'a>>(request: &'a Request) -> Result<T, Failure> {
    T::deserialize(&request.input).map_err(|error| {
        Failure::new(
            ErrorClass::InvalidInput,
            format!("the offline writer cannot read its input: {error}"),
        )
    })
}

/// The artifact's JSON for one of the three tasks of a brief.
///
/// # Errors
/// `InvalidInput` for another task, or for short copy without a platform.
pub fn write(task: &str, work: &Work) -> Result<String, Failure> {
    let mut writer = writer::Writer::new(task, work);
    let json = match task {
        "copy" => serde_json::to_string(&copy::write(&mut writer)),
        "short_copy" => {
            let platforms = work.brief.known_platforms();
            if platforms.is_empty() {
                return Err(Failure::new(
                    ErrorClass::InvalidInput,
                    "the brief names no platform to write short copy for",
                ));
            }
            serde_json::to_string(&short_copy::write(&mut writer, &platforms))
        }
        "visual_concept" => serde_json::to_string(&visual_concept::write(&mut writer, &work.brief)),
        _ => {
            return Err(Failure::new(
                ErrorClass::InvalidInput,
                "the offline writer writes copy, short_copy, visual_concept and the content types of a \
                 plan; configure a model for anything else",
            ));
        }
    };
    json.map_err(|error| Failure::new(ErrorClass::Internal, error.to_string()))
}

#[cfg(test)]
mod tests;
