//! Loops: what may be in one, and how it may end.

use std::collections::{BTreeMap, BTreeSet};

use super::{Graph, condition, note, reads::Reads};
use crate::{
    Catalogue,
    condition::{Type, Types},
    definition::{Repeat, Work},
    limits::MAX_PASSES,
    path::Path,
    problem::Problems,
};

/// The steps of a loop, at least one, are in no other loop and no loops themselves; steps outside need the
/// loop, never a part of it.
pub(super) fn bodies(graph: &Graph<'_>, problems: &mut Problems) {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for step in graph.steps {
        let Some(Work::Loop(own)) = &step.work else {
            continue;
        };
        if own.steps.is_empty() {
            let message = "a loop must name at least one step".to_owned();
            note(problems, step, &step.name, message);
        }
        for name in &own.steps {
            let Some(at) = graph.find(name) else {
                let message = format!("`loop` names the unknown step `{}`", name.value);
                note(problems, step, name, message);
                continue;
            };
            if matches!(graph.steps[at].work, Some(Work::Loop(_))) {
                let message = format!("`loop` names `{}`, which is a loop itself", name.value);
                note(problems, step, name, message);
            }
            if let Some(owner) = owners.insert(&name.value, &step.name.value) {
                let message = format!("`{}` is in the loop `{owner}` already", name.value);
                note(problems, step, name, message);
            }
        }
    }
    for milestone in &graph.definition.milestones {
        for name in &milestone.of {
            if let Some(owner) = owners.get(name.value.as_str()) {
                let message = format!(
                    "milestone `{}` names `{}`, a part of the loop `{owner}`; name the loop",
                    milestone.state.value, name.value
                );
                problems.note(name.place, None, message);
            }
        }
    }
    for step in graph.steps {
        let own = owners.get(step.name.value.as_str());
        for need in &step.needs {
            let other = owners.get(need.value.as_str());
            if let Some(owner) = other.filter(|owner| Some(*owner) != own) {
                let message = format!(
                    "`needs` names `{}`, a part of the loop `{owner}`; name the loop",
                    need.value
                );
                note(problems, step, need, message);
            }
        }
    }
}

/// Passes are bounded, and what ends a loop can be read after a pass.
pub(super) fn ends(
    graph: &Graph<'_>,
    before: Option<&[BTreeSet<usize>]>,
    catalogue: &Catalogue,
    problems: &mut Problems,
) {
    for (at, step) in graph.steps.iter().enumerate() {
        let Some(Work::Loop(own)) = &step.work else {
            continue;
        };
        let reads = Reads {
            graph,
            before: before.map(|before| &before[at]),
            catalogue,
        };
        let name = Some(step.name.value.as_str());
        if let Some(passes) = &own.max_passes
            && !(1..=MAX_PASSES).contains(&passes.value)
        {
            problems.note(
                passes.place,
                name,
                format!("`passes` must be 1 to {MAX_PASSES}"),
            );
        }
        if let Some(until) = &own.until {
            condition(problems, step, "until", until, &reads);
        }
        plateau(own, name, &reads, problems);
        let other = step.state.is_some() || step.result.is_some() || step.when.is_some();
        if other || !step.with.is_empty() {
            let message = "a loop has no `state`, `result`, `when` or `with`; its steps have";
            note(problems, step, &step.name, message.to_owned());
        }
    }
}

fn plateau(own: &Repeat, name: Option<&str>, reads: &Reads<'_>, problems: &mut Problems) {
    let Some(plateau) = &own.plateau else { return };
    if let Some(passes) = &plateau.passes
        && !(1..=MAX_PASSES).contains(&passes.value)
    {
        let message = format!("`plateau`: `passes` must be 1 to {MAX_PASSES}");
        problems.note(passes.place, name, message);
    }
    let Some(of) = &plateau.of else { return };
    let in_body = |step: &str| own.steps.iter().any(|known| known.value == step);
    let message = match &of.value {
        Path::Fact(step, fact) if in_body(step.as_str()) => match reads.fact(step, fact) {
            Ok(Some(Type::Number) | None) => return,
            Ok(Some(other)) => format!("`plateau`: `{}` must be a number, here {other}", of.value),
            Err(why) => format!("`plateau`: `{}`: {why}", of.value),
        },
        Path::Fact(..) | Path::Input(_) => {
            format!(
                "`plateau`: `{}` is no fact of the loop's own steps",
                of.value
            )
        }
    };
    problems.note(of.place, name, message);
}
