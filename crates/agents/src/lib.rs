//! The agents that write: `copy`, `short_copy` and `visual_concept` of workflow `campaign`, each a
//! prompt (`prompts/`), a schema (`schemas/`) and rules that neither can say, over any model provider.
//!
//! Must never: use a tool, the network or a secret of its own, take text of a brief, a note or an
//! earlier artifact as an instruction, or hand back an artifact that its rules do not pass.
//!
//! Start with [`catalogue`]; `writer` is the way that all three go, `task` what each adds.

mod addresses;
mod copy;
mod live;
mod material;
mod poster;
mod prompt;
mod short_copy;
mod task;
mod visual_concept;
mod writer;

use std::sync::Arc;

use llm::Provider;
use model::Failure;
use worker::Agent;

use crate::{prompt::Prompts, task::Task, writer::Writer};

/// Largest artifact of these agents, bytes: it travels in messages and rows.
pub const MAX_OUTPUT_BYTES: usize = model::limits::MAX_INLINE_BYTES;

const TASKS: [&dyn Task; 3] = [
    &copy::Copy,
    &short_copy::ShortCopy,
    &visual_concept::VisualConcept,
];

/// All agents, over `provider`.
///
/// # Errors
/// `Internal` when a prompt or a schema that is compiled in cannot be read: a defect, shown at the start.
pub fn catalogue(provider: Arc<dyn Provider>) -> Result<Vec<Arc<dyn Agent>>, Failure> {
    let prompts = Arc::new(Prompts::new()?);
    TASKS
        .into_iter()
        .map(|task| {
            let writer = Writer::new(task, Arc::clone(&provider), Arc::clone(&prompts))?;
            Ok(Arc::new(writer) as Arc<dyn Agent>)
        })
        .collect()
}

#[cfg(test)]
mod tests;
