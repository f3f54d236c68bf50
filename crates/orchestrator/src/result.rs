//! What a campaign has given so far, out of its run and the stored contents.

use std::time::Duration;

use engine::{Run, run};
use model::{StepName, Timestamp, library::Sources, report::AuditReport, usage::Usage};
use serde::Deserialize;
use store::port::Queries;
use wire::{campaign::v1 as proto, convert::result};
use workflow::{Plan, StepKind};

use crate::core::{Core, commit::WorkError, held::Held};

/// The result of a run of workflow `campaign` as it stands.
///
/// # Errors
/// When the store does not answer, or a stored content cannot be read.
pub(crate) async fn result(
    core: &Core,
    queries: &dyn Queries,
    held: &Held,
) -> Result<proto::OrchestrationResult, WorkError> {
    let Held {
        birth, plan, run, ..
    } = held;
    let wanted: Vec<_> = run
        .steps
        .iter()
        .filter_map(|(name, step)| {
            let result = step.result.as_ref()?;
            Some((name.clone(), result.version, result.hash.clone()))
        })
        .collect();
    let contents = core.contents.results(&run.tenant, &run.id, &wanted).await?;
    let rows = queries.versions(&run.tenant, &run.id, None).await?;
    let mut answer = proto::OrchestrationResult {
        run_id: run.id.to_string(),
        campaign_id: birth.campaign.to_string(),
        status: result::status(run.status).to_owned(),
        state: run.state.clone(),
        errors: errors(plan, run),
        metrics: Some(metrics(plan, run)),
        sources: sources(&held.input)?.map(Into::into),
        ..proto::OrchestrationResult::default()
    };
    let mut reports = Vec::new();
    let mut generated_at: Option<Timestamp> = None;
    for step in &plan.steps {
        let (Some(content), Some(place)) = (contents.get(&step.name), &step.result) else {
            continue;
        };
        let corrupt = |error: &dyn std::fmt::Display| {
            WorkError::Corrupt(format!("step {}: {error}", step.name))
        };
        if matches!(step.kind, StepKind::Audit { .. }) {
            reports.push(
                serde_json::from_str::<AuditReport>(content).map_err(|error| corrupt(&error))?,
            );
            continue;
        }
        result::put(&mut answer, place, content).map_err(|error| corrupt(&error))?;
        let Some((_, number, hash)) = wanted.iter().find(|(name, _, _)| *name == step.name) else {
            continue;
        };
        let row = rows
            .iter()
            .find(|row| row.step == step.name && row.version == *number);
        generated_at = generated_at.max(row.map(|row| row.created));
        let version = proto::Version {
            number: *number,
            hash: hash.to_string(),
            model: row
                .map(|row| row.provenance.model.clone())
                .unwrap_or_default(),
        };
        answer
            .artifacts
            .get_or_insert_default()
            .versions
            .insert(step.name.to_string(), version);
    }
    answer.audit_report = AuditReport::join(reports).map(Into::into);
    if let Some(artifacts) = &mut answer.artifacts {
        artifacts.generated_at = generated_at.map(Into::into);
    }
    Ok(answer)
}

/// What the brief was made of; the rest of the input is passed over.
pub(crate) fn sources(input: &str) -> Result<Option<Sources>, WorkError> {
    #[derive(Deserialize)]
    struct Input {
        #[serde(default)]
        sources: Option<Sources>,
    }
    serde_json::from_str(input)
        .map(|input: Input| input.sources)
        .map_err(|error| WorkError::Corrupt(format!("the run's input: {error}")))
}

fn errors(plan: &Plan, run: &Run) -> Vec<proto::AgentError> {
    run.in_order(plan)
        .filter_map(|(step, name, state)| {
            let (failure, time) = state.failure.as_ref()?;
            Some(result::agent_error(&name, state.who(step), failure, *time))
        })
        .collect()
}

/// Durations of the last time that each step ran.
fn metrics(plan: &Plan, run: &Run) -> proto::Metrics {
    let agents = || {
        run.in_order(plan)
            .filter(|(step, _, _)| matches!(step.kind, StepKind::Agent { .. }))
    };
    let audits = || {
        run.in_order(plan)
            .filter(|(step, _, _)| matches!(step.kind, StepKind::Audit { .. }))
    };
    let Usage {
        input_tokens,
        output_tokens,
        cost_microusd,
    } = run.usage;
    proto::Metrics {
        total_ms: millis(run.ended.unwrap_or(run.time).since(run.submitted)),
        first_artifact_ms: agents()
            .filter(|(_, _, state)| state.result.is_some())
            .filter_map(|(_, _, state)| state.ended)
            .min()
            .map(|at| millis(at.since(run.submitted))),
        generation_ms: span(agents().map(|(_, _, state)| state)),
        audit_ms: span(audits().map(|(_, _, state)| state)),
        events: run.sequence,
        steps: run
            .in_order(plan)
            .map(|(step, name, state)| step_metrics(step, &name, state))
            .collect(),
        input_tokens,
        output_tokens,
        cost_microusd,
    }
}

fn step_metrics(step: &workflow::Step, name: &StepName, state: &run::Step) -> proto::StepMetrics {
    let whole = state
        .started
        .zip(state.ended)
        .map_or(Duration::ZERO, |(start, end)| end.since(start));
    proto::StepMetrics {
        step: name.to_string(),
        agent: state.who(step).to_owned(),
        attempts: state.attempt,
        work_ms: state.duration_ms,
        wait_ms: millis(whole).saturating_sub(state.duration_ms),
        input_tokens: state.usage.input_tokens,
        output_tokens: state.usage.output_tokens,
        cost_microusd: state.usage.cost_microusd,
    }
}

/// From the first start to the last end; `None` while nothing has ended.
fn span<'a>(states: impl Iterator<Item = &'a run::Step>) -> Option<u64> {
    let (starts, ends): (Vec<_>, Vec<_>) = states
        .filter_map(|state| state.started.zip(state.ended))
        .unzip();
    let (start, end) = starts.into_iter().min().zip(ends.into_iter().max())?;
    Some(millis(end.since(start)))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
