//! The agents that write: `copy`, `short_copy` and `visual_concept` of workflow `campaign`, `text_only`,
//! `text_image`, `text_template` and `carousel` of workflow `publications`, each a prompt (`prompts/`), a schema (`schemas/`) and rules that neither can say, over any model provider.
//!
//! Must never: use a tool, the network or a secret of its own, take text of a brief, a note or an
//! earlier artifact as an instruction, or hand back an artifact that its rules do not pass.
//!
//! Start with [`catalogue`]; `writer` is the way that all go, `task` what each adds, `material` what they work on.

mod addresses;
mod carousel;
mod copy;
mod live;
mod material;
mod post;
mod poster;
mod prompt;
mod publication;
mod short_copy;
mod task;
mod text_image;
mod text_only;
mod text_template;
mod visual_concept;
mod writer;

use std::sync::Arc;

use llm::Provider;
use model::Failure;
use worker::Agent;

use crate::{
    material::Subject, prompt::Prompts, publication::Publication, task::Task, writer::Writer,
};

/// Largest artifact of these agents, bytes: it travels in messages and rows.
pub const MAX_OUTPUT_BYTES: usize = model::limits::MAX_INLINE_BYTES;

const TASKS: [&dyn Task; 3] = [
    &copy::Copy,
    &short_copy::ShortCopy,
    &visual_concept::VisualConcept,
];

const PUBLICATIONS: [&dyn Task<Publication>; 4] = [
    &text_only::TextOnly,
    &text_image::TextImage,
    &text_template::TextTemplate,
    &carousel::Carousel,
];

/// All agents, over `provider`.
///
/// # Errors
/// `Internal` when a prompt or a schema that is compiled in cannot be read: a defect, shown at the start.
pub fn catalogue(provider: Arc<dyn Provider>) -> Result<Vec<Arc<dyn Agent>>, Failure> {
    let prompts = Arc::new(Prompts::new()?);
    let mut all = writers(&TASKS, &provider, &prompts)?;
    all.extend(writers(&PUBLICATIONS, &provider, &prompts)?);
    Ok(all)
}

fn writers<S: Subject>(
    tasks: &[&'static dyn Task<S>],
    provider: &Arc<dyn Provider>,
    prompts: &Arc<Prompts>,
) -> Result<Vec<Arc<dyn Agent>>, Failure> {
    tasks
        .iter()
        .map(|task| {
            let writer = Writer::new(*task, Arc::clone(provider), Arc::clone(prompts))?;
            Ok(Arc::new(writer) as Arc<dyn Agent>)
        })
        .collect()
}

#[cfg(test)]
mod tests;
