//! Pausing a run, going on with it, and doing again what failed.

use std::sync::Arc;

use axum::{
    extract::{Extension, Path},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use model::RunId;
use tonic::Status;
use wire::run::v1::{PauseRequest, ResumeRequest, RetryRequest, Run, Step};

use super::{
    artifact,
    door::{Sent, Visit},
    page::{self, token},
    run::{Material, READ_EVENTS},
    text,
};

/// Why nothing new begins; none while the run goes on.
pub(super) fn paused(material: &Material) -> Option<&str> {
    let Material {
        run,
        waiting,
        events,
        ..
    } = material;
    if run.status != "running" {
        return None;
    }
    let last = events
        .iter()
        .rev()
        .find(|event| ["paused", "resumed", "ended"].contains(&event.r#type.as_str()));
    let reason = last.and_then(|event| event.metadata.get("reason"));
    // Of a run with more events than were read, the newest are not known.
    let is_paused = match events.len() < READ_EVENTS as usize {
        true => last.is_some_and(|event| event.r#type == "paused"),
        false => run.state == "paused" || waiting.waiting.iter().any(|step| step.what == "paused"),
    };
    is_paused.then(|| reason.map_or("", String::as_str))
}

/// Pause, or go on.
pub(super) fn form(visit: &Visit, run: &Run, is_paused: bool) -> Markup {
    html! {
        @if is_paused {
            h2 { "Go on" }
            form method="post" action={ "/runs/" (run.id) "/resume" } {
                (token(visit))
                button.primary id="resume" type="submit" { "Resume the run" }
            }
            p.hint { "A step that it paused for is left as it failed; retry it to go on with it." }
        } @else {
            h2 { "Pause it" }
            form method="post" action={ "/runs/" (run.id) "/pause" } {
                (token(visit))
                label for="pause-reason" { "Why" }
                input #pause-reason name="reason" maxlength="200" placeholder="Legal has a question";
                button id="pause" type="submit" { "Pause the run" }
            }
            p.hint { "What is under way ends; nothing new begins." }
        }
    }
}

/// Whether a step can be done again because it failed. What people rejected has no error and no agent.
pub(super) fn may_retry(run: &Run, step: &Step) -> bool {
    let may_go_on = run.status == "running" || artifact::may_reopen(run);
    let has_ended = ["done", "skipped", "failed"].contains(&step.phase.as_str());
    let failed = step.phase == "failed" && !step.agent.is_empty();
    may_go_on && (failed || has_ended && !step.error.is_empty())
}

pub(super) fn retry_form(visit: &Visit, run: &Run, step: &Step) -> Markup {
    html! {
        form.inline method="post" action={ "/runs/" (run.id) "/retry" } {
            (token(visit))
            input type="hidden" name="step" value=(step.name);
            button.link id={ "retry-" (text::class(&step.name)) } type="submit" aria-label={ "Retry " (text::words(&step.name)) } { "Retry" }
        }
    }
}

/// `POST /runs/{run}/pause`.
pub(super) async fn pause(
    Extension(visit): Extension<Arc<Visit>>,
    Path(run_id): Path<String>,
    sent: Sent,
) -> Response {
    let reason = match sent.get("reason").trim() {
        "" => "paused in the console",
        reason => reason,
    };
    let request = PauseRequest {
        run_id: run_id.clone(),
        reason: reason.to_owned(),
    };
    let told = visit.calls.runs().pause(visit.calls.on(request)).await;
    done(&visit, &run_id, "paused", told)
}

/// `POST /runs/{run}/resume`.
pub(super) async fn resume(
    Extension(visit): Extension<Arc<Visit>>,
    Path(run_id): Path<String>,
    _: Sent,
) -> Response {
    let request = ResumeRequest {
        run_id: run_id.clone(),
    };
    let told = visit.calls.runs().resume(visit.calls.on(request)).await;
    done(&visit, &run_id, "resumed", told)
}

/// `POST /runs/{run}/retry`.
pub(super) async fn retry(
    Extension(visit): Extension<Arc<Visit>>,
    Path(run_id): Path<String>,
    sent: Sent,
) -> Response {
    let request = RetryRequest {
        run_id: run_id.clone(),
        step: sent.get("step").to_owned(),
    };
    let told = visit.calls.runs().retry(visit.calls.on(request)).await;
    done(&visit, &run_id, "retried", told)
}

/// The run's page with what was done, or why it was not.
fn done<T>(visit: &Visit, run: &str, key: &str, told: Result<T, Status>) -> Response {
    let run = RunId::new(run).map_err(|_| Status::not_found("there is no such run"));
    match told.and(run) {
        Ok(run) => Redirect::to(&format!("/runs/{run}?done={key}")).into_response(),
        Err(status) => page::failed(visit, &status),
    }
}

#[cfg(test)]
mod tests {
    use model::Timestamp;
    use wire::events::v1::Event;

    use super::*;

    fn material(kinds: &[&str]) -> Material {
        let event = |kind: &&str| Event {
            r#type: (*kind).to_owned(),
            time: Some(Timestamp(1).into()),
            metadata: [("reason".to_owned(), format!("because of {kind}"))].into(),
            ..Event::default()
        };
        Material {
            run: Run {
                status: "running".to_owned(),
                state: "in_review".to_owned(),
                ..Run::default()
            },
            events: kinds.iter().map(event).collect(),
            ..Material::default()
        }
    }

    #[test]
    fn a_run_is_paused_until_it_is_resumed_or_ends() {
        for (kinds, is_paused) in [
            (&["submitted"][..], false),
            (&["submitted", "paused", "step_finished"], true),
            (&["paused", "resumed"], false),
            (&["paused", "resumed", "paused"], true),
            (&["paused", "ended", "reopened"], false),
        ] {
            let material = material(kinds);
            let reason = paused(&material);
            assert_eq!(
                reason,
                is_paused.then_some("because of paused"),
                "{kinds:?}"
            );
        }
        let mut over = material(&["paused"]);
        over.run.status = "cancelled".to_owned();
        assert_eq!(paused(&over), None);
    }

    #[test]
    fn a_run_with_more_events_than_are_read_is_judged_by_its_state() {
        let mut long = material(&vec!["paused"; READ_EVENTS as usize]);
        assert_eq!(paused(&long), None);
        long.run.state = "paused".to_owned();
        assert!(paused(&long).is_some());
    }

    #[test]
    fn only_what_failed_is_done_again() {
        let step = |phase: &str, agent: &str, error: &str| Step {
            phase: phase.to_owned(),
            agent: agent.to_owned(),
            error: error.to_owned(),
            ..Step::default()
        };
        let run = |status: &str| Run {
            status: status.to_owned(),
            ..Run::default()
        };
        for (status, step, may) in [
            ("failed", step("failed", "copy", "x"), true),
            ("running", step("failed", "copy", "x"), true),
            ("running", step("backoff", "copy", "x"), false),
            ("completed", step("skipped", "copy", "x"), true),
            ("completed", step("done", "copy", ""), false),
            ("cancelled", step("failed", "copy", "x"), false),
            ("rejected", step("failed", "copy", "x"), false),
            // A review that was rejected.
            ("failed", step("failed", "", ""), false),
        ] {
            assert_eq!(may_retry(&run(status), &step), may, "{status} {step:?}");
        }
    }
}
