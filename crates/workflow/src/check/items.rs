//! Steps that work off a list, and the agents that may do a step.

use std::collections::{BTreeMap, BTreeSet};

use model::{AgentKind, fact::FactType};

use super::{Graph, note, reads::Reads};
use crate::{
    Catalogue, Shape,
    condition::{Type, Types},
    definition::{Step, Work},
    limits::{MAX_CHOICE, MAX_PARALLEL},
    path::Path,
    plan::AtOnce,
    problem::{Placed, Problems},
};

pub(super) fn check(
    graph: &Graph<'_>,
    before: Option<&[BTreeSet<usize>]>,
    catalogue: &Catalogue,
    problems: &mut Problems,
) {
    for (at, step) in graph.steps.iter().enumerate() {
        let reads = Reads {
            graph,
            before: before.map(|before| &before[at]),
            catalogue,
        };
        choices(step, problems);
        same_facts(step, catalogue, problems);
        match (&step.for_each, &step.work) {
            (Some(over), Some(Work::Agent(_) | Work::Route { .. })) => {
                list(step, over, &reads, problems);
                at_once(step, &reads, problems);
            }
            (Some(over), Some(Work::Audit { .. } | Work::Loop(_) | Work::Review(_))) => problems
                .note(
                    over.place,
                    Some(&step.name.value),
                    "only an agent can have `for_each`",
                ),
            (None, work) => alone(step, work.as_ref(), problems),
            (Some(_), None) => {}
        }
    }
}

/// Whoever takes over brings the facts that others read of the step.
fn same_facts(step: &Step, catalogue: &Catalogue, problems: &mut Problems) {
    let facts = |name: &str| {
        let kind = AgentKind::new(name).ok()?;
        catalogue.agents.get(&kind)
    };
    let first = step.work.as_ref().map(Work::agents).unwrap_or_default();
    let Some(wanted) = first.first().and_then(|agent| facts(&agent.value)) else {
        return;
    };
    for other in step.recover.iter().flat_map(|recover| &recover.fallback) {
        let Some(has) = facts(&other.value) else {
            continue;
        };
        let missing: Vec<_> = wanted
            .iter()
            .filter(|(name, kind)| has.get(*name) != Some(*kind))
            .map(|(name, _)| name.as_str())
            .collect();
        if !missing.is_empty() {
            let message = format!(
                "`{}` does not declare the facts {} of the agent that it takes over from",
                other.value,
                missing.join(", ")
            );
            note(problems, step, other, message);
        }
    }
}

/// What makes sense only for each item of a list.
fn alone(step: &Step, work: Option<&Work>, problems: &mut Problems) {
    if let Some(at_once) = &step.max_parallel {
        let message = "`max_parallel` needs `for_each`";
        problems.note(at_once.place, Some(&step.name.value), message);
    }
    if let Some(Work::Route { by, .. }) = work {
        let message = "an agent chosen by an item's field needs `for_each`".to_owned();
        note(problems, step, by, message);
    }
}

/// Agents that may be chosen or may take over: some, not too many, each once.
fn choices(step: &Step, problems: &mut Problems) {
    let routed = match &step.work {
        Some(Work::Route { by, of }) => {
            if of.is_empty() {
                note(
                    problems,
                    step,
                    by,
                    "`of` must name at least one agent".to_owned(),
                );
            }
            of.as_slice()
        }
        _ => &[],
    };
    let fallback = step
        .recover
        .as_ref()
        .map_or(&[][..], |recover| &recover.fallback);
    if let (Some(first), Some(Work::Audit { .. } | Work::Loop(_) | Work::Review(_))) =
        (fallback.first(), &step.work)
    {
        let message = "only an agent can have a fallback".to_owned();
        note(problems, step, first, message);
    }
    for (field, list) in [("of", routed), ("fallback", fallback)] {
        let mut seen = BTreeSet::new();
        for (at, agent) in list.iter().enumerate() {
            if at == MAX_CHOICE {
                let message = format!("`{field}` names at most {MAX_CHOICE} agents");
                note(problems, step, agent, message);
            }
            if !seen.insert(&agent.value) {
                let message = format!("`{field}` names `{}` twice", agent.value);
                note(problems, step, agent, message);
            }
        }
    }
}

fn list(step: &Step, over: &Placed<Path>, reads: &Reads<'_>, problems: &mut Problems) {
    let mut fault = |message: String| {
        problems.note(
            over.place,
            Some(&step.name.value),
            format!("`for_each`: {message}"),
        );
    };
    let field = match &step.work {
        Some(Work::Route { by, .. }) => Some(by),
        _ => None,
    };
    match &over.value {
        Path::Input(path) => {
            let Some(input) = reads.shape() else { return };
            match input.at(path) {
                Some(Shape::Each(fields)) => {
                    if let Some(by) = field {
                        route(step, by, fields, problems);
                    }
                }
                Some(Shape::List) => {
                    if let Some(by) = field {
                        let message = format!("the items of `{}` have no fields", over.value);
                        note(problems, step, by, message);
                    }
                }
                Some(_) => fault(format!("`{}` is no list", over.value)),
                None => {
                    if let Err(why) = input.find(path) {
                        fault(format!("`{}`: {why}", over.value));
                    }
                }
            }
        }
        Path::Fact(of, name) => {
            match reads.fact(of, name) {
                Ok(Some(Type::List) | None) => {}
                Ok(Some(_)) => fault(format!("`{}` is no list of keys", over.value)),
                Err(why) => fault(format!("`{}`: {why}", over.value)),
            }
            if let Some(by) = field {
                let message = format!("the keys of `{}` have no fields", over.value);
                note(problems, step, by, message);
            }
        }
    }
}

/// The field that names an item's agent is a text that each item has.
fn route(
    step: &Step,
    by: &Placed<String>,
    fields: &BTreeMap<String, Shape>,
    problems: &mut Problems,
) {
    if !matches!(fields.get(&by.value), Some(Shape::Text)) {
        let known: Vec<_> = fields
            .iter()
            .filter(|(_, shape)| matches!(shape, Shape::Text))
            .map(|(name, _)| name.as_str())
            .collect();
        let message = format!(
            "the items have no text `{}`; they have {}",
            by.value,
            known.join(", ")
        );
        note(problems, step, by, message);
    }
}

fn at_once(step: &Step, reads: &Reads<'_>, problems: &mut Problems) {
    let Some(at_once) = &step.max_parallel else {
        return;
    };
    let message = match &at_once.value {
        AtOnce::Number(number) if (1..=MAX_PARALLEL).contains(number) => return,
        AtOnce::Number(_) => format!("`max_parallel` must be 1 to {MAX_PARALLEL}"),
        AtOnce::Input(path @ Path::Input(fields)) => match reads.input(fields) {
            Ok(Some(Type::Number) | None) => return,
            Ok(Some(other)) => format!("`max_parallel`: `{path}` must be a number, here {other}"),
            Err(why) => format!("`max_parallel`: `{path}`: {why}"),
        },
        AtOnce::Input(Path::Fact(..)) => return,
    };
    problems.note(at_once.place, Some(&step.name.value), message);
}

/// The type of a declared fact, as conditions see it.
pub(super) fn type_of(fact: FactType) -> Type {
    match fact {
        FactType::Bool => Type::Bool,
        FactType::Number => Type::Number,
        FactType::Text => Type::Text,
        FactType::Keys => Type::List,
    }
}
