//! `pressrun workflow`: definitions, without any service.

use std::fmt::Write;

use ::workflow::{Plan, StepKind, builtin, compile, limits::MAX_SOURCE_BYTES};
use model::{StepName, validate::Problem};

use crate::{
    Failure,
    args::{Output, Workflow},
    brief, output,
};

pub(super) fn workflow(what: Workflow, format: Output) -> Result<(), Failure> {
    match what {
        Workflow::Check { file } => {
            let source = brief::read_text(&file, MAX_SOURCE_BYTES)?;
            let plan = compile(&source, builtin::catalogue()).map_err(|problems| {
                let problems = problems.into_iter().map(|problem| Problem {
                    path: format!("line {}, column {}", problem.line, problem.column),
                    message: match problem.step {
                        Some(step) => format!("step `{step}`: {}", problem.message),
                        None => problem.message,
                    },
                });
                Failure::Invalid {
                    what: file.display().to_string(),
                    problems: problems.collect(),
                }
            })?;
            show(&plan, format)
        }
        Workflow::Show { name, mode } => {
            let plan = builtin::find(&name, &mode).map_err(|unknown| Failure::Invalid {
                what: name.clone(),
                problems: vec![Problem {
                    path: "name".to_owned(),
                    message: unknown.to_string(),
                }],
            })?;
            show(plan, format)
        }
    }
}

fn show(plan: &Plan, format: Output) -> Result<(), Failure> {
    match format {
        Output::Json => {
            let json = serde_json::to_value(plan).map_err(|error| Failure::Broken(error.into()))?;
            output::json(&json)
        }
        Output::Text => output::line(drawn(plan).trim_end()),
    }
}

/// The steps in the order in which they can run, each with what it needs.
fn drawn(plan: &Plan) -> String {
    let mode = match plan.mode.as_str() {
        "" => String::new(),
        mode => format!(", mode {mode}"),
    };
    let mut text = format!(
        "{}{mode}, version {}, hash {}\n",
        plan.workflow,
        plan.version,
        plan.hash()
    );
    for step in &plan.steps {
        let agents: Vec<_> = step.agents().map(ToString::to_string).collect();
        let kind = match &step.kind {
            StepKind::Agent { .. } => format!("agent {}", agents.join(", ")),
            StepKind::Audit { .. } => format!("audit by {}", agents.join(", ")),
            StepKind::Review(own) => format!(
                "review by {} with the role {} of {}",
                own.approvals,
                own.role,
                names(&own.of)
            ),
            StepKind::Loop(own) => {
                let (body, most) = (names(&own.steps), own.max_passes);
                format!("loop of {body}, at most {most} passes")
            }
        };
        let each = step.for_each.as_ref();
        let each = each.map_or(String::new(), |each| format!(", for each of {}", each.over));
        let needs = match step.needs.as_slice() {
            [] => String::new(),
            some => format!(" <- {}", names(some)),
        };
        // Writing to a String cannot fail.
        let _ok = writeln!(text, "  {:<20} {kind}{each}{needs}", step.name.as_str());
    }
    text
}

fn names(steps: &[StepName]) -> String {
    let names: Vec<_> = steps.iter().map(StepName::as_str).collect();
    names.join(", ")
}
