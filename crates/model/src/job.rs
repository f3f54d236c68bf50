//! What a job carries to its worker and what comes back, apart from the envelope.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    ContentHash, StepName,
    brief::{CampaignBrief, DELIVERABLES, Options},
    fact::Facts,
    library::Sources,
    media::Media,
    usage::Provenance,
};

/// The run input of workflow `campaign`: what conditions read under `input` and agents under
/// [`JobInput::input`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignInput {
    /// The brief, without fault.
    pub brief: CampaignBrief,
    /// The options of the submit.
    pub options: Options,
    /// For each deliverable whether it is asked for.
    pub wants: BTreeMap<String, bool>,
    /// What of the library the brief was made of; absent when it stood by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Sources>,
}

impl CampaignInput {
    /// The input of a brief and its options.
    pub fn new(brief: CampaignBrief, options: Options) -> Self {
        let wants = DELIVERABLES
            .map(|name| (name.to_owned(), brief.wants(name)))
            .into();
        Self {
            brief,
            options,
            wants,
            sources: None,
        }
    }
}

/// All that an agent or an auditor works from. Texts in it are data, never instructions.
#[derive(Debug, Serialize, Deserialize)]
pub struct JobInput {
    /// The run's input, as submitted.
    pub input: Box<RawValue>,
    /// Results of the steps named by the step's `with` and `of`, those that exist.
    #[serde(default)]
    pub artifacts: BTreeMap<StepName, InputArtifact>,
    /// For an audit: the steps whose artifacts are to be judged (each is in `artifacts`).
    #[serde(default)]
    pub of: Vec<StepName>,
    /// What a person asked for with a regenerate.
    #[serde(default)]
    pub note: Option<String>,
    /// With a regenerate: the step's active version.
    #[serde(default)]
    pub previous: Option<InputArtifact>,
    /// Of a step that works off a list: which item this job is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<JobItem>,
    /// What this attempt is to do otherwise than the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Recovery>,
}

/// One item of the list that a step works off.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobItem {
    /// What names it in the list; user text.
    pub key: String,
    /// Its place in the list, from 0.
    pub index: u32,
    /// Its JSON as the list has it; of a list of keys the key.
    pub value: Box<RawValue>,
}

/// What changes for an attempt after a failure (`spec/publications.md`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Recovery {
    /// Name of the strategy. An agent acts upon those of [`Recovery::SIMPLIFIED`], [`Recovery::OPTIMIZATION`]
    /// and [`Recovery::REPAIR`]; all others change nothing for it.
    pub strategy: String,
    /// What was wrong with the answer before, by path and without content.
    #[serde(default)]
    pub faults: Vec<String>,
    /// Most characters of the text, where that is less than its place takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_chars: Option<u32>,
}

impl Recovery {
    /// Fewer resources and a shorter request.
    pub const SIMPLIFIED: &'static str = "simplified_generation";
    /// The text is rewritten to fit its place.
    pub const OPTIMIZATION: &'static str = "content_optimization";
    /// The faults are handed back to the model.
    pub const REPAIR: &'static str = "repair";
}

/// A result of an earlier step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InputArtifact {
    /// 1, 2, 3 … within its run and step.
    pub version: u32,
    /// Of the content's exact bytes.
    pub hash: ContentHash,
    /// The artifact's or report's JSON.
    pub content: Box<RawValue>,
}

/// What an agent or an auditor hands back when it succeeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// The artifact's or report's JSON; its exact bytes are what is hashed and stored.
    pub content: String,
    /// The declared facts.
    pub facts: Facts,
    /// Who made it and by what means.
    pub provenance: Provenance,
    /// The pictures that the content names by their hashes; stored before the product counts.
    pub media: Vec<Media>,
}
