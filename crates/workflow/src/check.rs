//! The rules of a definition, one function each. Every rule notes all that breaks it.

mod items;
mod loops;
mod paces;
mod reads;
mod reviews;

use std::collections::{BTreeMap, BTreeSet};

use model::{AgentKind, StepName};

use crate::{
    Catalogue,
    condition::Condition,
    definition::{Definition, Step, Work},
    graph,
    limits::{MAX_ATTEMPTS, MAX_MILESTONES, MAX_RETRY_WAIT_MS, MAX_TIMEOUT_MS, MAX_WEIGHT},
    plan::MAX_STEPS,
    problem::{Placed, Problems},
};
use reads::Reads;

/// States that the run itself enters, so that no step or milestone may.
const RUN_STATES: [&str; 9] = [
    "queued",
    "running",
    "paused",
    "in_review",
    "rejected",
    "completed",
    "partially_completed",
    "failed",
    "cancelled",
];

const TOKEN: &str = "1 to 64 characters out of a-z, 0-9, `_` and `-`";

/// Checks every rule; the result is the topological order of the steps, empty unless there is one.
pub(crate) fn check(
    definition: &Definition,
    catalogue: &Catalogue,
    problems: &mut Problems,
) -> Vec<usize> {
    names(definition, problems);
    numbers(definition, problems);
    input(definition, catalogue, problems);
    agents(definition, catalogue, problems);
    paces::check(definition, catalogue, problems);
    states(definition, problems);
    results(definition, problems);
    if !step_count(definition, problems) {
        return Vec::new();
    }
    let graph = Graph::new(definition);
    references(&graph, problems);
    milestones(&graph, problems);
    audits(&graph, problems);
    loops::bodies(&graph, problems);
    let order = cycles(&graph, problems);
    let before = order
        .as_ref()
        .map(|order| graph::all_before(&graph.needs, order));
    if let Some(before) = &before {
        carried(&graph, before, problems);
    }
    conditions(&graph, before.as_deref(), catalogue, problems);
    items::check(&graph, before.as_deref(), catalogue, problems);
    reviews::check(&graph, before.as_deref(), catalogue, problems);
    loops::ends(&graph, before.as_deref(), catalogue, problems);
    order.unwrap_or_default()
}

/// The steps by name, and what each needs.
struct Graph<'a> {
    definition: &'a Definition,
    steps: &'a [Step],
    index: BTreeMap<&'a str, usize>,
    /// By position; names of no step are left out.
    needs: Vec<Vec<usize>>,
}

impl<'a> Graph<'a> {
    fn new(definition: &'a Definition) -> Self {
        let steps = definition.steps.as_slice();
        let index: BTreeMap<&str, usize> = steps
            .iter()
            .enumerate()
            .map(|(at, step)| (step.name.value.as_str(), at))
            .collect();
        let known = |names: &[Placed<String>]| -> Vec<usize> {
            names
                .iter()
                .filter_map(|name| index.get(name.value.as_str()).copied())
                .collect()
        };
        let mut needs: Vec<Vec<usize>> = steps.iter().map(|step| known(&step.needs)).collect();
        // A loop's body runs after what the loop needs, and the loop has ended after its body.
        for (at, step) in steps.iter().enumerate() {
            let body = known(step.work.as_ref().map_or(&[], Work::body));
            for &inner in &body {
                let own = needs[at].clone();
                needs[inner].extend(own);
            }
            needs[at].extend(body);
        }
        Self {
            definition,
            steps,
            index,
            needs,
        }
    }

    /// Whether both steps are in the same loop.
    fn share_loop(&self, one: usize, other: usize) -> bool {
        let inside = |body: &[Placed<String>], at: usize| {
            let name = &self.steps[at].name.value;
            body.iter().any(|inner| inner.value == *name)
        };
        let mut bodies = self
            .steps
            .iter()
            .filter_map(|step| step.work.as_ref())
            .map(Work::body);
        bodies.any(|body| inside(body, one) && inside(body, other))
    }

    fn find(&self, name: &Placed<String>) -> Option<usize> {
        self.index.get(name.value.as_str()).copied()
    }
}

/// A step's lists of other steps, by field.
fn lists(step: &Step) -> [(&'static str, &[Placed<String>]); 3] {
    [
        ("needs", &step.needs),
        ("with", &step.with),
        ("of", step.work.as_ref().map_or(&[], Work::of)),
    ]
}

fn note(problems: &mut Problems, step: &Step, at: &Placed<String>, message: String) {
    problems.note(at.place, Some(&step.name.value), message);
}

/// The workflow's, its mode's, the steps' and the results' names are tokens.
fn names(definition: &Definition, problems: &mut Problems) {
    for (field, name) in [
        ("workflow", &definition.workflow),
        ("mode", &definition.mode),
    ] {
        if let Some(name) = name.as_ref().filter(|name| !is_token(&name.value)) {
            problems.note(name.place, None, format!("`{field}` must be {TOKEN}"));
        }
    }
    for step in &definition.steps {
        if !is_token(&step.name.value) {
            note(
                problems,
                step,
                &step.name,
                format!("a step's name must be {TOKEN}"),
            );
        }
        if let Some(result) = step
            .result
            .as_ref()
            .filter(|result| !is_token(&result.value))
        {
            note(problems, step, result, format!("`result` must be {TOKEN}"));
        }
    }
}

/// Version, timeouts, retries and weights are within their bounds.
fn numbers(definition: &Definition, problems: &mut Problems) {
    if let Some(version) = definition
        .version
        .as_ref()
        .filter(|version| version.value == 0)
    {
        problems.note(version.place, None, "`version` must be 1 or more");
    }
    for step in &definition.steps {
        let name = Some(step.name.value.as_str());
        if !(1..=MAX_TIMEOUT_MS).contains(&step.timeout_ms.value) {
            let hours = MAX_TIMEOUT_MS / 3_600_000;
            problems.note(
                step.timeout_ms.place,
                name,
                format!("`timeout` must be above 0 and at most {hours}h"),
            );
        }
        if !(1..=MAX_WEIGHT).contains(&step.weight.value) {
            problems.note(
                step.weight.place,
                name,
                format!("`weight` must be 1 to {MAX_WEIGHT}"),
            );
        }
        let retry = &step.retry.value;
        if !(1..=MAX_ATTEMPTS).contains(&retry.max_attempts) {
            let message = format!("`attempts` must be 1 to {MAX_ATTEMPTS}");
            problems.note(step.retry.place, name, message);
        }
        if retry.base_ms > retry.cap_ms || retry.cap_ms > MAX_RETRY_WAIT_MS {
            let minutes = MAX_RETRY_WAIT_MS / 60_000;
            let message = format!("`base` must be at most `cap`, and `cap` at most {minutes}m");
            problems.note(step.retry.place, name, message);
        }
    }
}

/// The input is one that the catalogue knows.
fn input(definition: &Definition, catalogue: &Catalogue, problems: &mut Problems) {
    if let Some(input) = &definition.input
        && !catalogue.inputs.contains_key(&input.value)
    {
        let known = join(catalogue.inputs.keys());
        problems.note(
            input.place,
            None,
            format!("unknown input `{}`; known are {known}", input.value),
        );
    }
}

/// Each agent kind is one that the catalogue knows.
fn agents(definition: &Definition, catalogue: &Catalogue, problems: &mut Problems) {
    for step in &definition.steps {
        let Some(work) = &step.work else { continue };
        let fallback = step.recover.iter().flat_map(|recover| &recover.fallback);
        for agent in work.agents().iter().chain(fallback) {
            let known = AgentKind::new(agent.value.as_str())
                .is_ok_and(|agent| catalogue.agents.contains_key(&agent));
            if !known {
                let known = join(catalogue.agents.keys());
                let message = format!("unknown agent kind `{}`; known are {known}", agent.value);
                note(problems, step, agent, message);
            }
        }
    }
}

/// States are tokens, and none is one of the run's own.
fn states(definition: &Definition, problems: &mut Problems) {
    let of_steps = definition.steps.iter().filter_map(|step| {
        step.state
            .as_ref()
            .map(|state| (Some(step.name.value.as_str()), state))
    });
    let of_milestones = definition
        .milestones
        .iter()
        .map(|milestone| (None, &milestone.state));
    for (step, state) in of_steps.chain(of_milestones) {
        let name = &state.value;
        if !is_token(name) {
            problems.note(state.place, step, format!("a state must be {TOKEN}"));
        } else if RUN_STATES.contains(&name.as_str()) {
            let message = format!("the state `{name}` is the run's own; choose another name");
            problems.note(state.place, step, message);
        }
    }
}

/// Each place in the output belongs to one step; only audits may share one, and only with audits.
fn results(definition: &Definition, problems: &mut Problems) {
    let mut owners: BTreeMap<&str, &Step> = BTreeMap::new();
    let audits = |step: &Step| matches!(step.work, Some(Work::Audit { .. }));
    for step in &definition.steps {
        let Some(result) = &step.result else { continue };
        let owner = *owners.entry(&result.value).or_insert(step);
        let own = std::ptr::eq(owner, step);
        if !(own || audits(step) && audits(owner)) {
            let (result_name, owner) = (&result.value, &owner.name.value);
            let message = format!(
                "the result `{result_name}` is taken by step `{owner}`; only audits may share one"
            );
            note(problems, step, result, message);
        }
    }
}

/// There are no more steps than a plan may have.
fn step_count(definition: &Definition, problems: &mut Problems) -> bool {
    let count = definition.steps.len();
    if count > MAX_STEPS {
        let first_too_many = &definition.steps[MAX_STEPS];
        let message = format!("a definition has at most {MAX_STEPS} steps, this one {count}");
        problems.note(first_too_many.name.place, None, message);
    }
    count <= MAX_STEPS
}

/// `needs`, `with` and `of` name steps, each once.
fn references(graph: &Graph<'_>, problems: &mut Problems) {
    for step in graph.steps {
        for (field, list) in lists(step) {
            let mut seen = BTreeSet::new();
            for name in list {
                if graph.find(name).is_none() {
                    let message = format!("`{field}` names the unknown step `{}`", name.value);
                    note(problems, step, name, message);
                } else if !seen.insert(&name.value) {
                    note(
                        problems,
                        step,
                        name,
                        format!("`{field}` names `{}` twice", name.value),
                    );
                }
            }
        }
    }
}

/// Milestones name at least one step each, and only steps that there are.
fn milestones(graph: &Graph<'_>, problems: &mut Problems) {
    let milestones = &graph.definition.milestones;
    for (at, milestone) in milestones.iter().enumerate() {
        let state = &milestone.state;
        if at == MAX_MILESTONES {
            let message = format!("a definition has at most {MAX_MILESTONES} milestones");
            problems.note(state.place, None, message);
        }
        if milestone.of.is_empty() {
            let message = format!("milestone `{}` must name at least one step", state.value);
            problems.note(state.place, None, message);
        }
        for name in milestone
            .of
            .iter()
            .filter(|name| graph.find(name).is_none())
        {
            let message = format!(
                "milestone `{}` names the unknown step `{}`",
                state.value, name.value
            );
            problems.note(name.place, None, message);
        }
    }
}

/// An audit or a review judges at least one artifact, and artifacts come from agents.
fn audits(graph: &Graph<'_>, problems: &mut Problems) {
    for step in graph.steps {
        let (what, who, of) = match &step.work {
            Some(Work::Audit { auditor, of }) => ("an audit", auditor, of),
            Some(Work::Review(own)) => ("a review", &own.role, &own.of),
            _ => continue,
        };
        if of.is_empty() {
            let message = format!("{what} must name in `of` what it judges");
            note(problems, step, who, message);
        }
        for name in of {
            let judged = graph
                .find(name)
                .and_then(|at| graph.steps[at].work.as_ref());
            let other = match judged {
                Some(Work::Audit { .. }) => "an audit",
                Some(Work::Loop(_)) => "a loop",
                Some(Work::Review(_)) => "a review",
                Some(Work::Agent(_) | Work::Route { .. }) | None => continue,
            };
            let message = format!(
                "`of` names `{}`, which is {other} and has no artifact",
                name.value
            );
            note(problems, step, name, message);
        }
    }
}

/// No step needs itself, not even by way of others. The order of the steps, when there is one.
fn cycles(graph: &Graph<'_>, problems: &mut Problems) -> Option<Vec<usize>> {
    let cycles = match graph::order(&graph.needs) {
        Ok(order) => return Some(order),
        Err(cycles) => cycles,
    };
    for cycle in cycles {
        let Some(first) = cycle.first().map(|at| &graph.steps[*at]) else {
            continue;
        };
        let way = cycle.iter().map(|at| graph.steps[*at].name.value.as_str());
        let way: Vec<_> = way.chain([first.name.value.as_str()]).collect();
        let message = format!(
            "the steps need each other in a circle: {}",
            way.join(" -> ")
        );
        note(problems, first, &first.name, message);
    }
    None
}

/// What a step carries or judges has ended before it: it is among its needs, near or far.
fn carried(graph: &Graph<'_>, before: &[BTreeSet<usize>], problems: &mut Problems) {
    for (at, step) in graph.steps.iter().enumerate() {
        for (field, list) in lists(step)
            .into_iter()
            .filter(|(field, _)| *field != "needs")
        {
            for name in list {
                // In a loop it may carry what the pass before has left.
                let ended = |named| {
                    before[at].contains(&named) || (field == "with" && graph.share_loop(at, named))
                };
                if graph.find(name).is_some_and(|named| !ended(named)) {
                    let message = format!(
                        "`{field}` names `{}`, which is not among its needs; add it to `needs`",
                        name.value
                    );
                    note(problems, step, name, message);
                }
            }
        }
    }
}

/// Conditions read what is there by then, and use it as what it is.
fn conditions(
    graph: &Graph<'_>,
    before: Option<&[BTreeSet<usize>]>,
    catalogue: &Catalogue,
    problems: &mut Problems,
) {
    for (at, step) in graph.steps.iter().enumerate() {
        let Some(when) = &step.when else { continue };
        let reads = Reads {
            graph,
            before: before.map(|before| &before[at]),
            catalogue,
        };
        condition(problems, step, "when", when, &reads);
    }
}

fn condition(
    problems: &mut Problems,
    step: &Step,
    field: &str,
    condition: &Placed<Condition>,
    reads: &Reads<'_>,
) {
    for problem in condition.value.check(reads) {
        let message = format!("`{field}`: {problem}");
        problems.note(condition.place, Some(&step.name.value), message);
    }
}

fn is_token(text: &str) -> bool {
    StepName::new(text).is_ok_and(|name| name.index().is_none())
}

fn join<T: ToString>(names: impl Iterator<Item = T>) -> String {
    names
        .map(|name| name.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
