//! What every store refuses before it touches the database, so that both refuse the same.

use crate::{
    limits::{MAX_CONTENT_BYTES, MAX_EVENTS, MAX_LIMIT_KEY_BYTES, MAX_PACE_US, MAX_TEXT_BYTES},
    port::{Birth, Blob, CommitError, StoreError, Transition},
    ready::ReadyRow,
};

/// Whether the transition can be stored at all. What it says names the field, never the content.
pub(crate) fn check(transition: &Transition) -> Result<(), CommitError> {
    faults(transition).map_err(|why| CommitError::Data {
        run: transition.run.clone(),
        why,
    })
}

fn faults(transition: &Transition) -> Result<(), String> {
    numbers(transition)?;
    text("standing.state", &transition.standing.state, MAX_TEXT_BYTES)?;
    if let Some(birth) = &transition.birth {
        of_birth(birth)?;
    }
    for job in &transition.sent {
        number("sent.token", job.token)?;
    }
    for job in &transition.ready {
        of_ready(job)?;
    }
    for (_, token) in transition.withdrawn.iter().chain(&transition.given_up) {
        number("withdrawn.token", *token)?;
    }
    for review in &transition.asked {
        text("asked.role", &review.role, MAX_TEXT_BYTES)?;
    }
    for version in &transition.versions {
        text("versions.content", &version.content, MAX_CONTENT_BYTES)?;
        number(
            "versions.provenance.duration_ms",
            version.provenance.duration_ms,
        )?;
    }
    for blob in &transition.blobs {
        of_blob(blob)?;
    }
    if let Some(rest) = &transition.rest {
        text("rest.snapshot", &rest.snapshot, MAX_CONTENT_BYTES)?;
        for active in &rest.active {
            text("rest.active.place", &active.place, MAX_TEXT_BYTES)?;
            if let Some(report) = &active.report {
                text(
                    "rest.active.report.verdict",
                    &report.verdict,
                    MAX_TEXT_BYTES,
                )?;
                if !report.score.is_finite() {
                    return Err("rest.active.report.score is not a finite number".to_owned());
                }
            }
        }
    }
    Ok(())
}

fn numbers(transition: &Transition) -> Result<(), String> {
    number("expected", transition.expected)?;
    if transition.birth.is_some() != (transition.expected == 0) {
        return Err("a birth goes with the first transition and no other".to_owned());
    }
    if transition.events.is_empty() {
        return Err("it has no events".to_owned());
    }
    if transition.events.len() > MAX_EVENTS {
        return Err(format!("it has more than {MAX_EVENTS} events"));
    }
    for (event, wanted) in transition.events.iter().zip(transition.expected + 1..) {
        if event.sequence != wanted {
            return Err(format!(
                "event {} stands where {wanted} should",
                event.sequence
            ));
        }
    }
    let holds = transition.holds.as_deref().unwrap_or_default();
    text("holds", holds, MAX_TEXT_BYTES / 4)?;
    number("version", transition.version())
}

fn of_birth(birth: &Birth) -> Result<(), String> {
    text("birth.workflow", &birth.workflow, MAX_TEXT_BYTES)?;
    text("birth.mode", &birth.mode, MAX_TEXT_BYTES)?;
    text("birth.title", &birth.title, MAX_TEXT_BYTES)?;
    text(
        "birth.correlation_id",
        &birth.correlation_id,
        MAX_TEXT_BYTES,
    )?;
    text("birth.traceparent", &birth.traceparent, MAX_TEXT_BYTES)?;
    // An index entry of Postgres holds no more than a third of a page.
    let key = birth.idempotency_key.as_deref().unwrap_or_default();
    text("birth.idempotency_key", key, MAX_TEXT_BYTES / 4)
}

fn of_ready(job: &ReadyRow) -> Result<(), String> {
    number("ready.token", job.token)?;
    for pace in &job.limits.paces {
        text("ready.limits.paces.key", &pace.key, MAX_LIMIT_KEY_BYTES)?;
        if pace.every_us > MAX_PACE_US || pace.slack_us() > MAX_PACE_US {
            return Err("ready.limits.paces is too slow".to_owned());
        }
    }
    if let Some(share) = &job.limits.share {
        text("ready.limits.share.key", &share.key, MAX_LIMIT_KEY_BYTES)?;
    }
    Ok(())
}

/// Whether a blob can be stored.
pub(crate) fn of_blob(blob: &Blob) -> Result<(), String> {
    text("blobs.content", &blob.content, MAX_CONTENT_BYTES)
}

/// Whether a text can be stored: Postgres keeps no NUL.
pub(crate) fn text(field: &str, text: &str, max: usize) -> Result<(), String> {
    if text.len() > max {
        return Err(format!(
            "{field} has {} bytes, at most {max} fit",
            text.len()
        ));
    }
    if text.contains('\0') {
        return Err(format!("{field} holds a NUL byte"));
    }
    Ok(())
}

fn number(field: &str, number: u64) -> Result<(), String> {
    if i64::try_from(number).is_err() {
        return Err(format!("{field} is too large"));
    }
    Ok(())
}

/// Whether a content kept outside a transition can be stored.
///
/// # Errors
/// [`StoreError::Refused`] when it cannot.
pub(crate) fn kept(what: &str, content: &str) -> Result<(), StoreError> {
    text(what, content, MAX_CONTENT_BYTES).map_err(StoreError::Refused)
}
