//! How far a generation is: rebuilt from its run alone.

use engine::{
    Durations, Run,
    run::{Phase, Step},
};
use model::{RunStatus, StepName, Timestamp, content_plan::ContentPlan};
use tonic::Status;
use wire::publication::v1 as proto;

use crate::core::{commit::WorkError, held::Held};

/// The step that works off the plan.
const ITEMS: &str = "items";

/// How far the generation is at `now`; `past` is what other runs have measured.
pub(super) fn of(
    held: &Held,
    past: &Durations,
    now: Timestamp,
) -> Result<proto::GenerationProgress, Status> {
    let Held {
        plan, run, birth, ..
    } = held;
    let content: ContentPlan = serde_json::from_str(&held.input)
        .map_err(|error| WorkError::Corrupt(format!("the run's plan: {error}")))?;
    let step = StepName::new(ITEMS).map_err(|error| Status::internal(error.to_string()))?;
    let items: Vec<_> = run.items(&step).collect();
    let count = |of: fn(&Phase) -> bool| {
        let found = items.iter().filter(|(_, item)| of(&item.phase)).count();
        u32::try_from(found).unwrap_or(u32::MAX)
    };
    let estimate = engine::estimate(plan, run, past, now).filter(|_| !run.status.at_rest());
    let (completed, failed) = (
        count(|phase| *phase == Phase::Done),
        count(|phase| *phase == Phase::Failed),
    );
    let total = u32::try_from(content.items.len()).unwrap_or(u32::MAX);
    let until = run.ended.unwrap_or(now);
    Ok(proto::GenerationProgress {
        run_id: run.id.to_string(),
        campaign_id: birth.campaign.to_string(),
        state: state(run, &items).to_owned(),
        total,
        completed,
        failed,
        current: current(&content, run, &items),
        percent: (completed + failed) * 100 / total.max(1),
        started_at: Some(run.submitted.into()),
        elapsed_ms: millis(until.since(run.submitted)),
        estimated_remaining_ms: estimate.map(millis),
        estimated_completion: estimate.map(|left| now.after(left).into()),
        errors: items.iter().filter_map(|(_, item)| error(item)).collect(),
        items: items
            .iter()
            .map(|(name, item)| proto::ItemProgress {
                id: item.key.clone().unwrap_or_default(),
                step: name.to_string(),
                phase: phase(run.status, &item.phase).to_owned(),
                version: item.result.as_ref().map_or(0, |result| result.version),
            })
            .collect(),
    })
}

fn state(run: &Run, items: &[(StepName, &Step)]) -> &'static str {
    match run.status {
        RunStatus::Running if items.iter().all(|(_, item)| item.started.is_none()) => "queued",
        status => status.as_str(),
    }
}

/// An item of a cancelled generation that has not ended is cancelled.
fn phase(status: RunStatus, phase: &Phase) -> &'static str {
    if status == RunStatus::Cancelled && !phase.ended() {
        return "cancelled";
    }
    super::view::phase(phase)
}

/// The first item under way.
fn current(
    content: &ContentPlan,
    run: &Run,
    items: &[(StepName, &Step)],
) -> Option<proto::CurrentItem> {
    if run.status.at_rest() {
        return None;
    }
    let under_way =
        |item: &Step| matches!(item.phase, Phase::Running { .. } | Phase::Backoff { .. });
    let (name, item) = items.iter().find(|(_, item)| under_way(item))?;
    let index = usize::try_from(name.index()?).ok()?;
    Some(proto::CurrentItem {
        id: item.key.clone().unwrap_or_default(),
        title: content.items.get(index)?.title.clone(),
        agent: item
            .agent
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        attempt: item.attempt,
        strategy: item
            .strategy
            .map(|strategy| strategy.as_str().to_owned())
            .unwrap_or_default(),
    })
}

/// What an item failed of last, also when a later attempt succeeded.
fn error(item: &Step) -> Option<proto::ItemError> {
    let (failure, _) = item.failure.as_ref().or(item.recovered.as_ref())?;
    Some(proto::ItemError {
        item: item.key.clone().unwrap_or_default(),
        code: failure.class.to_string(),
        message: failure.message.clone(),
        retryable: failure.class.retryable(),
        attempts: item.attempt,
        recovered: item.failure.is_none(),
    })
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
