//! Reviews: who decides, how many, and by when.

use std::collections::BTreeSet;

use super::{Graph, join, note, reads::Reads};
use crate::{
    Catalogue,
    condition::{Type, Types as _},
    definition::{Review, Step, Work},
    limits::{MAX_PERSON_BYTES, MAX_REVIEW_MS, MAX_REVIEWERS},
    path::Path,
    plan::{OnDeadline, OnFailure, People},
    problem::{Place, Problems},
};

pub(super) fn check(
    graph: &Graph<'_>,
    before: Option<&[BTreeSet<usize>]>,
    catalogue: &Catalogue,
    problems: &mut Problems,
) {
    for (at, step) in graph.steps.iter().enumerate() {
        let Some(Work::Review(own)) = &step.work else {
            continue;
        };
        let reads = Reads {
            graph,
            before: before.map(|before| &before[at]),
            catalogue,
        };
        roles(step, own, catalogue, problems);
        people(step, own, &reads, problems);
        deadline(step, own, problems);
    }
}

fn roles(step: &Step, own: &Review, catalogue: &Catalogue, problems: &mut Problems) {
    let mut role = |name: &str, place: Place| {
        if !catalogue.roles.contains(name) {
            let known = join(catalogue.roles.iter());
            let message = format!("unknown role `{name}`; known are {known}");
            problems.note(place, Some(&step.name.value), message);
        }
    };
    role(&own.role.value, own.role.place);
    if let Some(on_deadline) = &own.on_deadline
        && let OnDeadline::Escalate(to) = &on_deadline.value
    {
        role(to, on_deadline.place);
        if *to == own.role.value {
            let message = format!("`on_deadline` escalates to `{to}`, which it is left to already");
            problems.note(on_deadline.place, Some(&step.name.value), message);
        }
    }
    if step.on_failure == OnFailure::Pause {
        let message = "`on_failure` of a review must be fail or continue: who rejects has answered";
        note(problems, step, &step.name, message.to_owned());
    }
}

/// There are as many people as must approve.
fn people(step: &Step, own: &Review, reads: &Reads<'_>, problems: &mut Problems) {
    let name = Some(step.name.value.as_str());
    let approvals = own.approvals.as_ref();
    if let Some(wrong) = approvals.filter(|count| !(1..=MAX_REVIEWERS).contains(&count.value)) {
        let message = format!("`approvals` must be 1 to {MAX_REVIEWERS}");
        problems.note(wrong.place, name, message);
    }
    let Some(from) = &own.from else { return };
    let message = match &from.value {
        People::Named(names) => {
            let different: BTreeSet<_> = names.iter().collect();
            let wanted = approvals.map_or(1, |count| count.value);
            if different.len() != names.len() {
                "`from` names somebody twice".to_owned()
            } else if names.len() > MAX_REVIEWERS as usize {
                format!("`from` names at most {MAX_REVIEWERS} people")
            } else if names.len() < wanted as usize {
                format!(
                    "`from` names {} people, but {wanted} must approve",
                    names.len()
                )
            } else if names
                .iter()
                .any(|name| name.is_empty() || name.len() > MAX_PERSON_BYTES)
            {
                format!("a name in `from` has 1 to {MAX_PERSON_BYTES} bytes")
            } else {
                return;
            }
        }
        People::Input(path @ Path::Input(fields)) => match reads.input(fields) {
            Ok(Some(Type::List) | None) => return,
            Ok(Some(other)) => format!("`from`: `{path}` must be a list of names, here {other}"),
            Err(why) => format!("`from`: `{path}`: {why}"),
        },
        People::Input(Path::Fact(..)) => return,
    };
    problems.note(from.place, name, message);
}

fn deadline(step: &Step, own: &Review, problems: &mut Problems) {
    let name = Some(step.name.value.as_str());
    match (&own.deadline_ms, &own.on_deadline) {
        (Some(deadline), _) if !(1..=MAX_REVIEW_MS).contains(&deadline.value) => {
            let days = MAX_REVIEW_MS / 86_400_000;
            let message = format!("`deadline` must be above 0 and at most {days} days");
            problems.note(deadline.place, name, message);
        }
        (None, Some(on_deadline)) => {
            problems.note(on_deadline.place, name, "`on_deadline` needs `deadline`");
        }
        _ => {}
    }
    if let Some(each) = &step.recover
        && each.fallback.is_empty()
    {
        let message = "a review has no attempts to recover".to_owned();
        note(problems, step, &step.name, message);
    }
}
