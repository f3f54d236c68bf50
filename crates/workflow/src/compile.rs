//! A definition to a plan.

use std::collections::BTreeMap;

use model::{AgentKind, StepName};

use crate::{
    Catalogue, Plan, Problem,
    check::check,
    definition::{Definition, Milestone, Repeat, Review, Step, Work},
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
    let within = loops(&definition);
    let mut steps: Vec<Option<Step>> = definition.steps.into_iter().map(Some).collect();
    let in_order = order.iter().filter_map(|at| steps.get_mut(*at)?.take());
    Ok(Plan {
        format: Plan::FORMAT,
        workflow: text(definition.workflow),
        mode: text(definition.mode),
        version: definition.version.map_or(1, |version| version.value),
        input: text(definition.input),
        fields: definition.fields,
        steps: in_order
            .map(|at| step(at, &within))
            .collect::<Result<_, _>>()?,
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

/// A loop, seen from a step that is in it.
struct Within {
    name: Placed<String>,
    needs: Vec<Placed<String>>,
}

/// The loop of each step that is in one.
fn loops(definition: &Definition) -> BTreeMap<String, Within> {
    let mut within = BTreeMap::new();
    for step in &definition.steps {
        for inner in step.work.as_ref().map_or(&[][..], Work::body) {
            let own = Within {
                name: step.name.clone(),
                needs: step.needs.clone(),
            };
            within.insert(inner.value.clone(), own);
        }
    }
    within
}

/// What must have ended before a step: what it names; in a loop, what the loop names; and before a loop
/// ends, its body.
fn needs(
    own: &[Placed<String>],
    work: &Work,
    within: Option<&Within>,
) -> Result<Vec<StepName>, Vec<Problem>> {
    let of_loop = within.map_or(&[][..], |within| &within.needs);
    let mut all: Vec<StepName> = Vec::new();
    for text in own.iter().chain(of_loop).chain(work.body()) {
        let need = name(text)?;
        if !all.contains(&need) {
            all.push(need);
        }
    }
    Ok(all)
}

fn step(step: Step, within: &BTreeMap<String, Within>) -> Result<plan::Step, Vec<Problem>> {
    let Some(work) = step.work else {
        return Err(vec![step.name.place.problem("the step has no work")]);
    };
    let within = within.get(&step.name.value);
    let needs = needs(&step.needs, &work, within)?;
    let agents = agents(&work.agents())?;
    let first = || {
        let place = step.name.place;
        let first = agents.first().cloned();
        first.ok_or_else(|| vec![place.problem("the step has no agent")])
    };
    let (kind, agent_by) = match work {
        Work::Agent(_) => (plan::StepKind::Agent { agent: first()? }, None),
        Work::Route { by, .. } => (plan::StepKind::Agent { agent: first()? }, Some(by.value)),
        Work::Audit { of, .. } => (
            plan::StepKind::Audit {
                agent: first()?,
                of: names(&of)?,
            },
            None,
        ),
        Work::Loop(own) => (plan::StepKind::Loop(repeat(own)?), None),
        Work::Review(own) => (plan::StepKind::Review(review(own)?), None),
    };
    let max_parallel = step
        .max_parallel
        .map_or(plan::AtOnce::Number(1), |at_once| at_once.value);
    let for_each = step.for_each.map(|over| plan::ForEach {
        over: over.value,
        max_parallel,
        agents: if agent_by.is_some() {
            agents
        } else {
            Vec::new()
        },
        agent_by,
    });
    let recover = step.recover.map(|recover| {
        Ok::<_, Vec<Problem>>(plan::Recover {
            fallback: self::agents(&recover.fallback)?,
        })
    });
    Ok(plan::Step {
        for_each,
        within: within.map(|within| name(&within.name)).transpose()?,
        recover: recover.transpose()?,
        name: name(&step.name)?,
        kind,
        needs,
        when: step.when.map(|when| when.value),
        with: names(&step.with)?,
        state: step.state.map(|state| state.value),
        result: step.result.map(|result| result.value),
        timeout_ms: step.timeout_ms.value,
        retry: step.retry.value,
        on_failure: step.on_failure,
        weight: step.weight.value,
        rate: step.rate.map(|rate| rate.value),
        concurrency: step.concurrency.map(|shared| shared.value),
        spacing_ms: step.spacing_ms.map(|spacing| spacing.value),
    })
}

fn repeat(repeat: Repeat) -> Result<plan::Repeat, Vec<Problem>> {
    let plateau = repeat.plateau.and_then(|plateau| {
        Some(plan::Plateau {
            of: plateau.of?.value,
            passes: plateau.passes?.value,
            by: plateau.by,
        })
    });
    Ok(plan::Repeat {
        steps: names(&repeat.steps)?,
        until: repeat.until.map(|until| until.value),
        max_passes: repeat.max_passes.map_or(1, |passes| passes.value),
        plateau,
        time_ms: repeat.time_ms.map(|time| time.value),
        cost_micros: repeat.cost_micros.map(|cost| cost.value),
    })
}

fn review(review: Review) -> Result<plan::Review, Vec<Problem>> {
    Ok(plan::Review {
        of: names(&review.of)?,
        role: review.role.value,
        approvals: review.approvals.map_or(1, |approvals| approvals.value),
        from: review.from.map(|from| from.value),
        deadline_ms: review.deadline_ms.map(|deadline| deadline.value),
        on_deadline: review
            .on_deadline
            .map_or_else(Default::default, |on_deadline| on_deadline.value),
    })
}

fn agents(texts: &[Placed<String>]) -> Result<Vec<AgentKind>, Vec<Problem>> {
    texts
        .iter()
        .map(|text| {
            AgentKind::new(text.value.as_str()).map_err(|error| invalid(text.place, &error))
        })
        .collect()
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
