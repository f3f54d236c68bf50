//! The engine's events as the public message.

use engine::{Event, event::Kind};
use model::{RunId, RunStatus, TenantId};
use store::port::Birth;
use wire::events::v1 as proto;

/// CloudEvents type of every lifecycle event's envelope.
pub const ENVELOPE_TYPE: &str = "pressrun.events.v1.Event";

/// The public form of an event: ids and facts, never content.
pub fn public(tenant: &TenantId, run: &RunId, birth: &Birth, event: &Event) -> proto::Event {
    let (agent, message, metadata) = describe(&event.kind);
    let at_rest = RunStatus::parse(&event.state).is_some_and(RunStatus::at_rest);
    proto::Event {
        id: format!("{run}.{}", event.sequence),
        run_id: run.to_string(),
        sequence: event.sequence,
        r#type: event.kind.name().to_owned(),
        state: event.state.clone(),
        step: event
            .kind
            .step()
            .map(ToString::to_string)
            .unwrap_or_default(),
        agent,
        message,
        time: Some(event.time.into()),
        metadata: metadata
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
        tenant: tenant.to_string(),
        workflow: birth.workflow.clone(),
        campaign_id: birth.campaign.to_string(),
        correlation_id: birth.correlation_id.clone(),
        at_rest,
    }
}

type Metadata = Vec<(&'static str, String)>;

fn describe(kind: &Kind) -> (String, String, Metadata) {
    let none = String::new;
    match kind {
        Kind::Submitted { deadline, by } => {
            let mut metadata: Metadata = deadline
                .map(|at| ("deadline", at.to_string()))
                .into_iter()
                .collect();
            if !by.is_empty() {
                metadata.push(("by", by.clone()));
            }
            (none(), "the run was accepted".to_owned(), metadata)
        }
        Kind::StepStarted {
            step,
            agent,
            job,
            token,
            attempt,
            revision,
            score,
        } => (
            agent.to_string(),
            match (attempt, revision) {
                (1, 1) => format!("{step} started"),
                (1, _) => format!("{step} started again for version {revision}"),
                _ => format!("{step} started, attempt {attempt}"),
            },
            vec![
                ("attempt", attempt.to_string()),
                ("revision", revision.to_string()),
                ("job", job.to_string()),
                ("token", token.to_string()),
                ("score", score.total().to_string()),
                (
                    "score_parts",
                    format!(
                        "weight {}, behind {}, attempts {}",
                        score.weight, score.behind, score.attempts
                    ),
                ),
            ],
        ),
        Kind::FannedOut { step, keys } => (
            none(),
            format!("{step} has {} items", keys.len()),
            vec![("items", keys.len().to_string())],
        ),
        Kind::Gathered { step, done, failed } => (
            none(),
            match failed {
                0 => format!("all items of {step} have ended"),
                _ => format!("all items of {step} have ended, {failed} failed"),
            },
            vec![("done", done.to_string()), ("failed", failed.to_string())],
        ),
        Kind::LoopRepeated { step, pass, .. } => (
            none(),
            format!("{step} goes on with pass {pass}"),
            vec![("pass", pass.to_string())],
        ),
        Kind::LoopEnded {
            step,
            passes,
            reason,
        } => (
            none(),
            format!("{step} ended after pass {passes}: {}", reason.as_str()),
            vec![
                ("passes", passes.to_string()),
                ("reason", reason.as_str().to_owned()),
            ],
        ),
        Kind::StepSkipped { step, condition } => (
            none(),
            format!("{step} was skipped: its condition is false"),
            vec![("condition", condition.clone())],
        ),
        Kind::StepFinished {
            step,
            agent,
            job,
            attempt,
            version,
            hash,
            facts,
            usage,
            duration_ms,
            ..
        } => {
            let mut metadata = vec![
                ("version", version.to_string()),
                ("hash", hash.to_string()),
                ("attempt", attempt.to_string()),
                ("job", job.to_string()),
                ("duration_ms", duration_ms.to_string()),
                ("input_tokens", usage.input_tokens.to_string()),
                ("output_tokens", usage.output_tokens.to_string()),
                ("cost_microusd", usage.cost_microusd.to_string()),
            ];
            if !facts.is_empty() {
                metadata.push(("facts", serde_json::to_string(facts).unwrap_or_default()));
            }
            (
                agent.to_string(),
                format!("{step} finished: version {version}"),
                metadata,
            )
        }
        Kind::StepRetrying {
            step,
            attempt,
            failure,
            at,
            strategy,
            ..
        } => {
            let mut metadata = vec![
                ("attempt", attempt.to_string()),
                ("class", failure.class.to_string()),
                ("error", failure.message.clone()),
                ("retry_at", at.to_string()),
            ];
            metadata.extend(strategy.map(|strategy| ("strategy", strategy.as_str().to_owned())));
            let message = format!(
                "{step} failed ({}), attempt {} follows",
                failure.class,
                attempt + 1
            );
            (none(), message, metadata)
        }
        Kind::StepFailed {
            step,
            attempt,
            failure,
            ..
        } => (
            none(),
            format!("{step} failed for good ({})", failure.class),
            vec![
                ("attempt", attempt.to_string()),
                ("class", failure.class.to_string()),
                ("error", failure.message.clone()),
            ],
        ),
        Kind::JobRedriven {
            step,
            job,
            token,
            lost,
        } => (
            none(),
            format!("{step} goes out again: its worker was lost"),
            vec![
                ("job", job.to_string()),
                ("token", token.to_string()),
                ("lost", lost.to_string()),
            ],
        ),
        Kind::MilestoneReached { milestone } => (none(), milestone.replace('_', " "), Vec::new()),
        Kind::OutcomeLate { job, token, .. } => (
            none(),
            "an outcome came too late and was not applied".to_owned(),
            vec![("job", job.to_string()), ("token", token.to_string())],
        ),
        Kind::Reopened { step, note, by, .. } => {
            let mut metadata = vec![("by", by.clone())];
            metadata.extend(note.as_ref().map(|hash| ("note", hash.to_string())));
            (none(), format!("{step} is made again"), metadata)
        }
        Kind::StepEdited {
            step,
            version,
            hash,
            by,
        } => (
            none(),
            format!("{step} was edited by {by}: version {version}"),
            vec![
                ("version", version.to_string()),
                ("hash", hash.to_string()),
                ("by", by.clone()),
            ],
        ),
        Kind::ReviewAsked {
            step,
            subject,
            role,
            approvals,
            deadline,
            ..
        } => {
            let mut metadata = vec![
                ("subject", subject.to_string()),
                ("role", role.clone()),
                ("approvals", approvals.to_string()),
            ];
            metadata.extend(deadline.map(|at| ("deadline", at.to_string())));
            (none(), format!("{step} waits for a decision"), metadata)
        }
        Kind::ReviewDecided {
            step,
            subject,
            verdict,
            by,
            note,
        } => {
            let mut metadata = vec![
                ("subject", subject.to_string()),
                ("verdict", verdict.as_str().to_owned()),
                ("by", by.clone()),
            ];
            metadata.extend(note.as_ref().map(|hash| ("note", hash.to_string())));
            let verdict = verdict.as_str().replace('_', " ");
            (
                none(),
                format!("{by} decided on {step}: {verdict}"),
                metadata,
            )
        }
        Kind::ReviewEscalated { step, role } => (
            none(),
            format!("nobody decided on {step} in time; now the role {role} may"),
            vec![("role", role.clone())],
        ),
        Kind::ReviewEnded { step, subject, end } => (
            none(),
            format!("{step} ended: {}", end.as_str().replace('_', " ")),
            vec![
                ("subject", subject.to_string()),
                ("end", end.as_str().to_owned()),
            ],
        ),
        Kind::Paused { reason, by, .. } => (
            none(),
            "the run is paused".to_owned(),
            vec![("reason", reason.clone()), ("by", by.clone())],
        ),
        Kind::Resumed { by } => (
            none(),
            "the run goes on".to_owned(),
            vec![("by", by.clone())],
        ),
        Kind::Ended { status } => (
            none(),
            format!("the run ended: {status}"),
            vec![("status", status.to_string())],
        ),
        Kind::Cancelled { reason, by } => (
            none(),
            "the run was cancelled".to_owned(),
            vec![("reason", reason.clone()), ("by", by.clone())],
        ),
    }
}
