//! The span of a commit. Whatever a run goes through is of one trace: the one that its submit began or joined.

use ::service::trace::{Kind, Place, Span, attribute};
use engine::Command;

use super::{Work, transition::Sealed};

/// Begins the span of a transition. It hangs below the outcome or submit that led to it. What came by a call of
/// another trace (cancel, regenerate) hangs below the run's birth, with a link to the call; so does a timer's and
/// a redrive's, without one.
pub(super) fn begin<'a>(effects: &Sealed, works: impl Iterator<Item = &'a Work> + Clone) -> Span {
    let birth = Place::read(&effects.held.birth.traceparent);
    let causes = works.clone().map(|work| &work.cause);
    let joins = |cause: &&Place| birth.is_none() || cause.is_with(&birth);
    let parent = causes.clone().filter(|cause| !cause.is_none()).find(joins);
    let parent = parent.unwrap_or(&birth);
    let span = if causes
        .clone()
        .all(|cause| cause.is_none() || cause == parent)
    {
        Span::start(Kind::Internal, parent, || "commit")
    } else {
        let links: Vec<_> = causes.filter(|cause| *cause != parent).cloned().collect();
        Span::start_linked(Kind::Internal, parent, &links, || "commit")
    };
    span.record(|| {
        let run = &effects.held.run;
        let commands: Vec<_> = works.map(|work| name(&work.command)).collect();
        [
            attribute::TENANT.string(run.tenant.to_string()),
            attribute::RUN.string(run.id.to_string()),
            attribute::WORKFLOW.string(effects.held.birth.workflow.clone()),
            attribute::COMMANDS.list(&commands),
            attribute::EVENTS.i64(i64::try_from(effects.events.len()).unwrap_or(i64::MAX)),
            attribute::SEQUENCE.i64(run.sequence.cast_signed()),
            attribute::STATUS.string(run.status.as_str()),
        ]
    });
    span
}

fn name(command: &Command) -> &'static str {
    match command {
        Command::Submit { .. } => "submit",
        Command::Outcome { .. } => "outcome",
        Command::HandBack { .. } => "hand_back",
        Command::Redrive { .. } => "redrive",
        Command::Wake => "wake",
        Command::Cancel { .. } => "cancel",
        Command::Regenerate { .. } => "regenerate",
        Command::Retry { .. } => "retry",
        Command::Edit { .. } => "edit",
        Command::Review { .. } => "review",
        Command::Pause { .. } => "pause",
        Command::Resume { .. } => "resume",
    }
}
