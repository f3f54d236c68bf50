//! Stored records: the JSON of events, runs at rest and provenance. Each record names its version; a
//! version's form never changes once it is out (`tests/golden`), a new form is a new version beside it.

mod v1;

use std::sync::Arc;

use engine::{Event, Run};
use model::{RunId, StepName, TenantId, usage::Provenance};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use workflow::Plan;

use crate::port::{StoreError, StoredRun};

/// The snapshot form that this code writes. A snapshot of another form is not read: the run is rebuilt
/// from its events.
pub const SNAPSHOT_FORMAT: i32 = 1;

const VERSION: u32 = 1;

#[derive(Serialize)]
struct Written<T> {
    v: u32,
    #[serde(flatten)]
    record: T,
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

fn write(record: impl Serialize) -> String {
    // The mirror types have string keys and no fallible parts, so this cannot fail.
    serde_json::to_string(&Written { v: VERSION, record }).unwrap_or_default()
}

fn read<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, StoreError> {
    let corrupt = |why: String| StoreError::Corrupt {
        what: what.to_owned(),
        why,
    };
    let version: Version = serde_json::from_str(text).map_err(|why| corrupt(why.to_string()))?;
    if version.v != VERSION {
        return Err(corrupt(format!(
            "it has version {}, this program reads version {VERSION}: update the program",
            version.v
        )));
    }
    serde_json::from_str(text).map_err(|why| corrupt(why.to_string()))
}

/// The record of one transition's events.
pub fn encode_events(events: &[Event]) -> String {
    write(v1::Events::from_engine(events))
}

/// The events of a record.
///
/// # Errors
/// When the record is of a newer version, or damaged.
pub fn decode_events(text: &str) -> Result<Vec<Event>, StoreError> {
    Ok(read::<v1::Events<'_>>("an events record", text)?.into_engine())
}

/// The record of a run's state, without tenant, id and input, which never change.
pub fn encode_run(run: &Run) -> String {
    write(v1::RunRecord::from_engine(run))
}

/// The run of a record.
///
/// # Errors
/// When the record is of a newer version, or damaged.
pub fn decode_run(
    text: &str,
    tenant: TenantId,
    id: RunId,
    input: Arc<serde_json::Value>,
) -> Result<Run, StoreError> {
    let record: v1::RunRecord<'_> = read("a run's snapshot", text)?;
    Ok(record.into_engine(tenant, id, input))
}

/// The record of who made a version.
pub fn encode_provenance(provenance: &Provenance) -> String {
    write(v1::ProvenanceRecord::from_model(provenance))
}

/// Who made a version.
///
/// # Errors
/// When the record is of a newer version, or damaged.
pub fn decode_provenance(text: &str) -> Result<Provenance, StoreError> {
    Ok(read::<v1::ProvenanceRecord<'_>>("a version's provenance", text)?.into_model())
}

/// The record of which versions a report judged: an array of [step, version].
pub(crate) fn encode_judged(of: &[(StepName, u32)]) -> String {
    // Names and numbers cannot fail.
    serde_json::to_string(of).unwrap_or_default()
}

/// A stored run's state: its snapshot or a new run, and the events after it.
///
/// # Errors
/// When a record cannot be read, or the events have a gap or do not lead to the stored version.
pub fn fold(
    stored: &StoredRun,
    tenant: &TenantId,
    run: &RunId,
    plan: &Plan,
) -> Result<Run, StoreError> {
    let corrupt = |what: &str, why: String| StoreError::Corrupt {
        what: format!("{what} of run {run}"),
        why,
    };
    let input = serde_json::from_str(&stored.input)
        .map(Arc::new)
        .map_err(|why| corrupt("the input", why.to_string()))?;
    let mut state = match &stored.snapshot {
        Some(snapshot) => decode_run(snapshot, tenant.clone(), run.clone(), input)?,
        None => Run::new(tenant.clone(), run.clone(), input, plan),
    };
    for event in &stored.events {
        if event.sequence != state.sequence + 1 {
            let why = format!("{} follows {}", event.sequence, state.sequence);
            return Err(corrupt("the events", why));
        }
        engine::apply(plan, &mut state, event);
    }
    if state.sequence != stored.version {
        let why = format!("they end at {} of {}", state.sequence, stored.version);
        return Err(corrupt("the events", why));
    }
    Ok(state)
}

#[cfg(test)]
mod tests;
