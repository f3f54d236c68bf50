//! Version 1 of the stored records: mirrors of the engine's types, so that those may be renamed freely
//! while this form stays. Short texts are borrowed on the way out and owned on the way in.

mod event;
mod run;

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use model::{ErrorClass, Failure, RunStatus, fact, usage};
use serde::{Deserialize, Serialize};

pub(super) use event::Events;
pub(super) use run::RunRecord;

/// A fact. JSON has no number that is not finite; such a fact is stored as null and read as NaN, which
/// every comparison refuses.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum FactRecord<'a> {
    Bool(bool),
    Number(f64),
    Text(Cow<'a, str>),
    Keys(Cow<'a, [String]>),
    NotFinite,
}

type FactRecords<'a> = BTreeMap<Cow<'a, str>, FactRecord<'a>>;

fn fact_records(facts: &fact::Facts) -> FactRecords<'_> {
    facts
        .iter()
        .map(|(name, fact)| {
            let record = match fact {
                fact::Fact::Bool(value) => FactRecord::Bool(*value),
                fact::Fact::Number(value) if value.is_finite() => FactRecord::Number(*value),
                fact::Fact::Number(_) => FactRecord::NotFinite,
                fact::Fact::Text(text) => FactRecord::Text(Cow::Borrowed(text)),
                fact::Fact::Keys(keys) => FactRecord::Keys(Cow::Borrowed(keys)),
            };
            (Cow::Borrowed(name.as_str()), record)
        })
        .collect()
}

fn facts_of(records: FactRecords<'_>) -> fact::Facts {
    records
        .into_iter()
        .map(|(name, record)| {
            let fact = match record {
                FactRecord::Bool(value) => fact::Fact::Bool(value),
                FactRecord::Number(value) => fact::Fact::Number(value),
                FactRecord::Text(text) => fact::Fact::Text(text.into_owned()),
                FactRecord::Keys(keys) => fact::Fact::Keys(keys.into_owned()),
                FactRecord::NotFinite => fact::Fact::Number(f64::NAN),
            };
            (name.into_owned(), fact)
        })
        .collect()
}

#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct UsageRecord {
    input_tokens: u64,
    output_tokens: u64,
    cost_microusd: u64,
}

impl UsageRecord {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }

    fn from_model(usage: usage::Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cost_microusd: usage.cost_microusd,
        }
    }

    fn into_model(self) -> usage::Usage {
        usage::Usage {
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
            cost_microusd: self.cost_microusd,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct FailureRecord<'a> {
    class: Cow<'a, str>,
    message: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<(u64, u32)>,
}

impl<'a> FailureRecord<'a> {
    fn from_model(failure: &'a Failure) -> Self {
        Self {
            class: Cow::Borrowed(failure.class.as_str()),
            message: Cow::Borrowed(&failure.message),
            retry_after: failure
                .retry_after
                .map(|wait| (wait.as_secs(), wait.subsec_nanos())),
        }
    }

    /// A class that this program does not know is a defect's: it is never tried again blindly.
    fn into_model(self) -> Failure {
        Failure {
            class: ErrorClass::parse(&self.class).unwrap_or(ErrorClass::Internal),
            message: self.message.into_owned(),
            retry_after: self.retry_after.map(|(seconds, nanos)| {
                Duration::from_secs(seconds) + Duration::from_nanos(nanos.into())
            }),
            // The event that holds a failure has its usage beside it.
            usage: usage::Usage::default(),
        }
    }
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StatusRecord {
    Running,
    Completed,
    PartiallyCompleted,
    Failed,
    Cancelled,
    Rejected,
}

impl StatusRecord {
    fn from_model(status: RunStatus) -> Self {
        match status {
            RunStatus::Running => Self::Running,
            RunStatus::Completed => Self::Completed,
            RunStatus::PartiallyCompleted => Self::PartiallyCompleted,
            RunStatus::Failed => Self::Failed,
            RunStatus::Cancelled => Self::Cancelled,
            RunStatus::Rejected => Self::Rejected,
        }
    }

    fn into_model(self) -> RunStatus {
        match self {
            Self::Running => RunStatus::Running,
            Self::Completed => RunStatus::Completed,
            Self::PartiallyCompleted => RunStatus::PartiallyCompleted,
            Self::Failed => RunStatus::Failed,
            Self::Cancelled => RunStatus::Cancelled,
            Self::Rejected => RunStatus::Rejected,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct ProvenanceRecord<'a> {
    agent: Cow<'a, str>,
    model: Cow<'a, str>,
    prompt_version: Cow<'a, str>,
    worker: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "UsageRecord::is_none")]
    usage: UsageRecord,
    duration_ms: u64,
}

impl<'a> ProvenanceRecord<'a> {
    pub(super) fn from_model(provenance: &'a usage::Provenance) -> Self {
        Self {
            agent: Cow::Borrowed(&provenance.agent),
            model: Cow::Borrowed(&provenance.model),
            prompt_version: Cow::Borrowed(&provenance.prompt_version),
            worker: Cow::Borrowed(&provenance.worker),
            usage: UsageRecord::from_model(provenance.usage),
            duration_ms: provenance.duration_ms,
        }
    }

    pub(super) fn into_model(self) -> usage::Provenance {
        usage::Provenance {
            agent: self.agent.into_owned(),
            model: self.model.into_owned(),
            prompt_version: self.prompt_version.into_owned(),
            worker: self.worker.into_owned(),
            usage: self.usage.into_model(),
            duration_ms: self.duration_ms,
        }
    }
}
