//! A definition to a plan.

use model::{AgentKind, StepName};

use crate::{
    Catalogue, Plan, Problem,
    check::check,
    definition::{Definition, Milestone, Step, Work},
    parse::parse,
    plan,
    problem::{Place, Placed, Problems},
};

/// Compiles the YAML text of a definition.
///
/// # Errors
/// Every problem at once, in the order of the source: at most [`crate::limits::MAX_PROBLEMS`]. A text
/// that is no YAML has one.
pub fn compile(source: &str, catalogue: &Catalogue) -> Result<Plan, Vec<Problem>> {
    let mut problems = Problems::default();
    let Some(definition) = parse(source, &mut problems) else {
        return Err(problems.into_vec());
    };
    let order = check(&definition, catalogue, &mut problems);
    if !problems.is_empty() {
        return Err(problems.into_vec());
    }
    plan(definition, &order)
}

/// The plan of a definition without problems.
fn plan(definition: Definition, order: &[usize]) -> Result<Plan, Vec<Problem>> {
    let mut steps: Vec<Option<Step>> = definition.steps.into_iter().map(Some).collect();
    let in_order = order.iter().filter_map(|at| steps.get_mut(*at)?.take());
    Ok(Plan {
        format: Plan::FORMAT,
        workflow: text(definition.workflow),
        mode: text(definition.mode),
        version: definition.version.map_or(1, |version| version.value),
        input: text(definition.input),
        steps: in_order.map(step).collect::<Result<_, _>>()?,
        milestones: definition
            .milestones
            .into_iter()
            .map(milestone)
            .collect::<Result<_, _>>()?,
    })
}

fn milestone(milestone: Milestone) -> Result<plan::Milestone, Vec<Problem>> {
    Ok(plan::Milestone {
        state: milestone.state.value,
        of: names(&milestone.of)?,
    })
}

fn step(step: Step) -> Result<plan::Step, Vec<Problem>> {
    let Some(work) = step.work else {
        return Err(vec![step.name.place.problem("the step has no work")]);
    };
    let agent = work.agent();
    let agent = AgentKind::new(agent.value.as_str()).map_err(|e| invalid(agent.place, &e))?;
    let kind = match &work {
        Work::Agent(_) => plan::StepKind::Agent { agent },
        Work::Audit { of, .. } => plan::StepKind::Audit {
            agent,
            of: names(of)?,
        },
    };
    Ok(plan::Step {
        name: name(&step.name)?,
        kind,
        needs: names(&step.needs)?,
        when: step.when.map(|when| when.value),
        with: names(&step.with)?,
        state: step.state.map(|state| state.value),
        result: step.result.map(|result| result.value),
        timeout_ms: step.timeout_ms.value,
        retry: step.retry.value,
        on_failure: step.on_failure,
        weight: step.weight.value,
    })
}

fn text(text: Option<Placed<String>>) -> String {
    text.map(|text| text.value).unwrap_or_default()
}

fn names(texts: &[Placed<String>]) -> Result<Vec<StepName>, Vec<Problem>> {
    texts.iter().map(name).collect()
}

fn name(text: &Placed<String>) -> Result<StepName, Vec<Problem>> {
    StepName::new(text.value.as_str()).map_err(|error| invalid(text.place, &error))
}

fn invalid(place: Place, error: &impl ToString) -> Vec<Problem> {
    vec![place.problem(error.to_string())]
}
