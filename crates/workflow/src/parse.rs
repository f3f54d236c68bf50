//! Source text to a [`Definition`]. Faults of one field never hide those of another: a faulty field is
//! noted and read as if it were absent.

mod fields;
mod input;
mod pace;
mod review;
mod work;

use crate::{
    definition::{Definition, Milestone, Step},
    plan::{OnFailure, Retry},
    problem::{Place, Placed, Problems},
    yaml::{self, Node},
};
use fields::Fields;

/// Reads `source`; `None` when it is not even a map.
pub(crate) fn parse(source: &str, problems: &mut Problems) -> Option<Definition> {
    let root = match yaml::read(source) {
        Ok(root) => root,
        Err(problem) => {
            let place = Place {
                line: problem.line,
                column: problem.column,
            };
            problems.note(place, None, problem.message);
            return None;
        }
    };
    let mut fields = Fields::open(root, "a definition", None, problems)?;
    let workflow = fields.required_text("workflow");
    let mode = fields.text("mode");
    let version = fields.required_whole("version");
    let (input, described) = match fields.required("input") {
        Some(node) => input::input(&mut fields, node),
        None => (None, None),
    };
    let milestones = fields.take("milestones");
    let steps = fields.required("steps");
    fields.close();
    Some(Definition {
        workflow,
        mode,
        version,
        input,
        fields: described,
        milestones: milestones.map_or_else(Vec::new, |node| self::milestones(node, problems)),
        steps: steps.map_or_else(Vec::new, |node| self::steps(node, problems)),
    })
}

fn milestones(node: Placed<Node>, problems: &mut Problems) -> Vec<Milestone> {
    let Some(mut fields) = Fields::open(node, "`milestones`", None, problems) else {
        return Vec::new();
    };
    let mut milestones = Vec::new();
    for (state, of) in fields.rest() {
        let of = fields.name_list(&state.value, of);
        milestones.push(Milestone { state, of });
    }
    milestones
}

fn steps(node: Placed<Node>, problems: &mut Problems) -> Vec<Step> {
    let Some(mut fields) = Fields::open(node, "`steps`", None, problems) else {
        return Vec::new();
    };
    let entries = fields.rest();
    if entries.is_empty() {
        fields.note(fields.place(), "a definition must have at least one step");
    }
    entries
        .into_iter()
        .map(|(name, node)| step(name, node, problems))
        .collect()
}

fn step(name: Placed<String>, node: Placed<Node>, problems: &mut Problems) -> Step {
    let mut step = Step::new(name);
    let Some(mut fields) = Fields::open(node, "a step", Some(&step.name), problems) else {
        return step;
    };
    step.work = work::work(&mut fields);
    step.needs = fields.names("needs");
    step.when = fields.condition("when");
    step.with = fields.names("with");
    step.state = fields.text("state");
    step.result = fields.text("result");
    if let Some(timeout) = fields.duration("timeout") {
        step.timeout_ms = timeout;
    }
    if let Some(retry) = retry(&mut fields) {
        step.retry = retry;
    }
    if let Some(on_failure) = on_failure(&mut fields) {
        step.on_failure = on_failure;
    }
    if let Some(weight) = fields.whole("weight") {
        step.weight = weight;
    }
    step.for_each = fields.path("for_each");
    step.max_parallel = work::max_parallel(&mut fields);
    step.recover = work::recover(&mut fields);
    step.rate = pace::rate(&mut fields);
    step.concurrency = pace::concurrency(&mut fields);
    step.spacing_ms = fields.duration("spacing");
    fields.close();
    step
}

fn retry(fields: &mut Fields<'_>) -> Option<Placed<Retry>> {
    let node = fields.take("retry")?;
    let place = node.place;
    let value = match &node.value {
        Node::Text(name) if name == "standard" => Retry::STANDARD,
        Node::Text(name) if name == "none" => Retry::NONE,
        Node::Map(_) => {
            let mut own = fields.inner(node, "`retry`")?;
            let attempts = own.required_whole("attempts");
            let base = own.duration("base");
            let cap = own.duration("cap");
            own.close();
            let standard = Retry::STANDARD;
            Retry {
                max_attempts: attempts.map_or(standard.max_attempts, |attempts| attempts.value),
                base_ms: base.map_or(standard.base_ms, |base| base.value),
                cap_ms: cap.map_or(standard.cap_ms, |cap| cap.value),
            }
        }
        _ => {
            fields.note(
                place,
                "`retry` must be standard, none, or a map such as {attempts: 3, base: 500ms, cap: 30s}",
            );
            return None;
        }
    };
    Some(Placed { value, place })
}

fn on_failure(fields: &mut Fields<'_>) -> Option<OnFailure> {
    let text = fields.text("on_failure")?;
    match text.value.as_str() {
        "fail" => Some(OnFailure::Fail),
        "continue" => Some(OnFailure::Continue),
        "pause" => Some(OnFailure::Pause),
        other => {
            let message = format!("`on_failure` must be fail, continue or pause, not `{other}`");
            fields.note(text.place, message);
            None
        }
    }
}
