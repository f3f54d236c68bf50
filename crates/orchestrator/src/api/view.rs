//! Runs as their callers see them.

use engine::{
    Waiting, WaitingFor,
    run::{Phase, Step},
    schedule,
};
use model::{JobId, StepName, TenantId, Timestamp};
use store::{
    port::RunRow,
    ready::{Kept, KeptBy},
};
use wire::run::v1 as proto;

use crate::core::{held::Held, workers::Workers};

/// A run with its steps.
pub(super) fn whole(held: &Held) -> proto::Run {
    let Held {
        birth, plan, run, ..
    } = held;
    proto::Run {
        id: run.id.to_string(),
        tenant: run.tenant.to_string(),
        workflow: birth.workflow.clone(),
        mode: birth.mode.clone(),
        workflow_version: birth.workflow_version,
        campaign_id: birth.campaign.to_string(),
        title: birth.title.clone(),
        status: run.status.to_string(),
        state: run.state.clone(),
        sequence: run.sequence,
        submitted: Some(run.submitted.into()),
        updated: Some(run.time.into()),
        percent: engine::progress(plan, run).percent(),
        steps: run
            .in_order(plan)
            .map(|(planned, name, state)| step(planned, name, state))
            .collect(),
        correlation_id: birth.correlation_id.clone(),
    }
}

fn step(planned: &workflow::Step, name: StepName, state: &Step) -> proto::Step {
    let result = state.result.as_ref();
    let failure = state.failure.as_ref();
    proto::Step {
        agent: state.who(planned).to_owned(),
        phase: phase(&state.phase).to_owned(),
        attempt: state.attempt,
        revision: state.revision,
        version: result.map_or(0, |result| result.version),
        hash: result
            .map(|result| result.hash.to_string())
            .unwrap_or_default(),
        error: failure
            .map(|(failure, _)| failure.to_string())
            .unwrap_or_default(),
        needs: if name.index().is_none() {
            planned.needs.iter().map(ToString::to_string).collect()
        } else {
            Vec::new()
        },
        name: name.to_string(),
        key: state.key.clone().unwrap_or_default(),
        items: state.items,
        pass: state.pass,
        strategy: state
            .strategy
            .map(|strategy| strategy.as_str().to_owned())
            .unwrap_or_default(),
    }
}

/// A run of a list, without its steps.
pub(super) fn row(tenant: &TenantId, row: &RunRow) -> proto::Run {
    proto::Run {
        id: row.run.to_string(),
        tenant: tenant.to_string(),
        workflow: row.birth.workflow.clone(),
        mode: row.birth.mode.clone(),
        workflow_version: row.birth.workflow_version,
        campaign_id: row.birth.campaign.to_string(),
        title: row.birth.title.clone(),
        status: row.standing.status.to_string(),
        state: row.standing.state.clone(),
        sequence: row.version,
        submitted: Some(row.birth.submitted.into()),
        updated: Some(row.standing.updated.into()),
        percent: row.standing.percent,
        steps: Vec::new(),
        correlation_id: row.birth.correlation_id.clone(),
    }
}

pub(super) fn phase(phase: &Phase) -> &'static str {
    match phase {
        Phase::Waiting => "waiting",
        Phase::Fanned => "fanned",
        Phase::Running { .. } => "running",
        Phase::Backoff { .. } => "backoff",
        Phase::Reviewing => "reviewing",
        Phase::Done => "done",
        Phase::Skipped => "skipped",
        Phase::Failed => "failed",
    }
}

fn of_job<'a>(kept: &'a [(Kept, u32)], job: &JobId, token: u64) -> Option<&'a (Kept, u32)> {
    kept.iter()
        .find(|(kept, _)| kept.job == *job && kept.token == token)
}

/// What keeps a job back that is ready and was not sent; `window` is that of its kind.
fn not_sent(kept: &Kept, window: u32, now: Timestamp) -> (&'static str, String, Option<Timestamp>) {
    let agent = &kept.agent;
    match &kept.by {
        KeptBy::Place => {
            let message =
                format!("waits for a place: {window} jobs of agent {agent} may be sent at once");
            ("place", message, None)
        }
        KeptBy::Pace(key, at) => {
            let wait = at.since(now).as_secs_f64();
            match key.strip_prefix(schedule::RATE) {
                Some(key) => {
                    let message =
                        format!("waits for the rate of `{key}`: the next may go in {wait:.1} s");
                    ("rate", message, Some(*at))
                }
                None => {
                    let message = format!(
                        "waits for the spacing of its step: the next may go in {wait:.1} s"
                    );
                    ("spacing", message, Some(*at))
                }
            }
        }
        KeptBy::Share(key, held, at_once) => {
            let key = key.strip_prefix(schedule::SHARE).unwrap_or(key);
            let message = format!("waits for `{key}`: {held} of {at_once} jobs at once are sent");
            ("concurrency", message, None)
        }
    }
}

/// What each open step waits for; the engine's answer, told apart by what the workers say.
pub(super) fn explain(
    held: &Held,
    workers: &Workers,
    kept: &[(Kept, u32)],
    now: Timestamp,
) -> proto::ExplainResponse {
    let hosted = workers.hosted();
    let waiting =
        engine::explain(&held.plan, &held.run)
            .into_iter()
            .map(|Waiting { step, what }| {
                let (what, message, since, until) = match what {
                    WaitingFor::Steps(steps) => {
                        let names: Vec<_> = steps.iter().map(ToString::to_string).collect();
                        (
                            "steps",
                            format!("waits for {}", names.join(", ")),
                            None,
                            None,
                        )
                    }
                    WaitingFor::Retry {
                        at,
                        failed,
                        of,
                        class,
                        strategy,
                    } => {
                        let why = class.map(|class| format!(" ({class})")).unwrap_or_default();
                        let how = strategy
                            .map(|strategy| format!(" as {}", strategy.as_str()))
                            .unwrap_or_default();
                        let message = format!(
                            "attempt {failed} of {of} failed{why}; the next starts{how} in {:.1} s",
                            at.since(now).as_secs_f64()
                        );
                        ("retry", message, None, Some(at))
                    }
                    WaitingFor::Review {
                        role,
                        from,
                        approved,
                        of,
                        since,
                        deadline,
                    } => {
                        let who = from.map_or_else(
                            || format!("people with the role {role}"),
                            |names| names.join(", "),
                        );
                        let message =
                            format!("waits for a decision of {who}: {approved} of {of} approved");
                        ("review", message, Some(since), deadline)
                    }
                    WaitingFor::Resume { since, reason } => {
                        let message = format!("the run is paused ({reason}); resume it");
                        ("paused", message, Some(since), None)
                    }
                    WaitingFor::Items { ended, of } => {
                        let message = format!("waits for its items: {ended} of {of} have ended");
                        ("items", message, None, None)
                    }
                    WaitingFor::Turn { at_once } => {
                        let message = format!(
                            "waits for its turn: {at_once} of its step may be under way at once"
                        );
                        ("turn", message, None, None)
                    }
                    WaitingFor::Outcome { job, token, .. }
                        if let Some((kept, window)) = of_job(kept, &job, token) =>
                    {
                        let (what, message, until) = not_sent(kept, *window, now);
                        (what, message, Some(kept.ready_at), until)
                    }
                    WaitingFor::Outcome {
                        agent,
                        job,
                        token,
                        attempt,
                        since,
                        lost,
                    } => {
                        let listed = workers.listed(&job, token).is_some();
                        let (what, mut message) = if listed {
                            (
                                "outcome",
                                format!("a worker is on attempt {attempt} of agent {agent}"),
                            )
                        } else if !hosted.contains_key(agent.as_str()) {
                            (
                                "worker",
                                format!("no live worker hosts agent {agent}; start one"),
                            )
                        } else {
                            (
                                "worker",
                                format!("waits for a free worker of agent {agent}"),
                            )
                        };
                        if lost > 0 {
                            message.push_str(&format!("; its worker was lost {lost} times"));
                        }
                        (what, message, Some(since), None)
                    }
                };
                proto::Waiting {
                    step: step.to_string(),
                    what: what.to_owned(),
                    message,
                    since: since.map(Into::into),
                    until: until.map(Into::into),
                }
            });
    proto::ExplainResponse {
        status: held.run.status.to_string(),
        waiting: waiting.collect(),
    }
}

#[cfg(test)]
mod tests {
    use model::AgentKind;

    use super::*;

    #[test]
    fn a_job_that_was_not_sent_says_the_one_thing_that_keeps_it() {
        let kept = |by| Kept {
            job: JobId::new("0".repeat(32)).expect("a job"),
            token: 1,
            agent: AgentKind::new("copy").expect("a kind"),
            ready_at: Timestamp(0),
            by,
        };
        let at = Timestamp(2_500);
        let said = |by| not_sent(&kept(by), 8, Timestamp(1_000));
        assert_eq!(
            said(KeptBy::Place),
            (
                "place",
                "waits for a place: 8 jobs of agent copy may be sent at once".to_owned(),
                None
            )
        );
        assert_eq!(
            said(KeptBy::Pace("rate:acc".to_owned(), at)),
            (
                "rate",
                "waits for the rate of `acc`: the next may go in 1.5 s".to_owned(),
                Some(at)
            )
        );
        assert_eq!(
            said(KeptBy::Pace("spacing:r1.items".to_owned(), at)).0,
            "spacing"
        );
        assert_eq!(
            said(KeptBy::Share("share:acc".to_owned(), 2, 2)),
            (
                "concurrency",
                "waits for `acc`: 2 of 2 jobs at once are sent".to_owned(),
                None
            )
        );
    }
}
