//! What an agent is to the worker that hosts it.

use async_trait::async_trait;
use model::{
    AgentKind, Failure, JobId, RunId, StepName, TenantId,
    fact::FactTypes,
    job::{JobInput, Product},
};

use crate::live::Live;

/// What an agent announces of itself to the registry.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentCard {
    /// What it can do; the `<kind>` of the job subject.
    pub kind: AgentKind,
    /// JSON schema of its output.
    pub output_schema: serde_json::Value,
    /// Facts that its results carry.
    pub facts: FactTypes,
    /// The model behind it; `offline` for the built-in writer, `rules` for the auditor's rules.
    pub model: String,
    /// Version of its prompts or rules.
    pub version: String,
    /// Largest output, bytes.
    pub max_output_bytes: usize,
    /// Price per million input tokens, millionths of a US dollar.
    pub input_price_microusd: u64,
    /// Price per million output tokens, millionths of a US dollar.
    pub output_price_microusd: u64,
}

/// One job as its agent sees it.
#[derive(Debug)]
pub struct Assignment {
    /// Whose.
    pub tenant: TenantId,
    /// Of which run.
    pub run: RunId,
    /// Of which step.
    pub step: StepName,
    /// The job's id: the same attempt always has the same, so it may seed what must be repeatable.
    pub job: JobId,
    /// 1 for the first.
    pub attempt: u32,
    /// 1 for the first, + 1 with each regenerate.
    pub revision: u32,
    /// What it works from.
    pub input: JobInput,
    /// Takes what it writes, while it writes.
    pub live: Live,
}

/// Something that does the work of one agent kind. A call may be dropped at any await (cancel, time
/// limit), so it must leave nothing half done behind.
#[async_trait]
pub trait Agent: Send + Sync {
    /// What it announces.
    fn card(&self) -> &AgentCard;

    /// Does the work.
    ///
    /// # Errors
    /// By class ([`model::ErrorClass`]); the class alone decides about another attempt.
    async fn perform(&self, assignment: &Assignment) -> Result<Product, Failure>;
}
