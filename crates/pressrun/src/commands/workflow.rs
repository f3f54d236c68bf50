//! `pressrun workflow`: definitions, and runs of those that are kept.

use std::fmt::Write;

use ::workflow::{Plan, StepKind, builtin, compile, limits::MAX_SOURCE_BYTES};
use model::{StepName, library::Kind, limits::MAX_REQUEST_BYTES, validate::Problem};
use wire::workflow::v1::{CheckRequest, GetRequest, StartRequest};

use super::{keep, run};
use crate::{
    Failure,
    args::{Keep, Output, Start, Workflow},
    brief,
    client::Client,
    live::{self, Wanted},
    output,
};

/// `pressrun workflow`; `client` is called only where a service is asked.
pub(super) async fn workflow(
    client: impl Fn() -> Result<Client, Failure>,
    what: Workflow,
    format: Output,
) -> Result<(), Failure> {
    let kept = match what {
        Workflow::Check { file, live } => {
            let source = brief::read_text(&file, MAX_SOURCE_BYTES)?;
            if live {
                let request = CheckRequest { source };
                let known = client()?.workflows().check(request).await?.into_inner();
                return show_known(&known, format);
            }
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
            return show(&plan, format);
        }
        Workflow::Show {
            name,
            mode,
            version,
        } => match builtin::find(&name, &mode) {
            Ok(plan) => return show(plan, format),
            Err(builtin::Unknown::Workflow { .. }) => {
                let request = GetRequest {
                    name,
                    version,
                    mode,
                };
                let known = client()?.workflows().get(request).await?.into_inner();
                return show_known(&known, format);
            }
            Err(unknown @ builtin::Unknown::Mode { .. }) => {
                return Err(Failure::Invalid {
                    what: name,
                    problems: vec![Problem {
                        path: "mode".to_owned(),
                        message: unknown.to_string(),
                    }],
                });
            }
        },
        Workflow::Start(options) => return start(&client()?, options, format).await,
        Workflow::Put {
            file,
            name,
            if_version,
        } => Keep::Put {
            file,
            name,
            if_version,
            title: None,
        },
        Workflow::Source { reference } => Keep::Show { reference },
        Workflow::List { limit, cursor } => Keep::List { limit, cursor },
        Workflow::Rm { name } => Keep::Rm {
            name,
            if_version: None,
        },
    };
    keep::keep(&client()?, Kind::Workflow, kept, format).await
}

async fn start(client: &Client, options: Start, format: Output) -> Result<(), Failure> {
    let request = StartRequest {
        workflow: options.workflow.name.to_string(),
        version: options.workflow.version.unwrap_or(0),
        input_json: brief::read_text(&options.input, MAX_REQUEST_BYTES)?,
        title: options.title,
        idempotency_key: options.idempotency_key,
        priority: Some(options.priority),
        timeout_seconds: options.timeout,
        wait_for_workers: options.wait_for_workers,
    };
    let answer = client.workflows().start(request).await?.into_inner();
    match format {
        Output::Json => output::json(&answer)?,
        Output::Text if answer.existing => {
            output::line(&format!("run {} was there already", answer.run_id))?;
        }
        Output::Text => output::line(&format!("run {}", answer.run_id))?,
    }
    if !options.watch {
        return Ok(());
    }
    let wanted = Wanted {
        after: 0,
        live: false,
    };
    // The talk of a watch must not mix with the answer's JSON.
    live::watch(client, &answer.run_id, wanted, Output::Text).await?;
    run::ended_well(client, &answer.run_id).await
}

/// A workflow as the orchestrator knows it.
fn show_known(known: &wire::workflow::v1::Workflow, format: Output) -> Result<(), Failure> {
    if format == Output::Json {
        return output::json(known);
    }
    let (name, version, hash) = (&known.name, known.version, &known.hash);
    output::line(&format!("{name}, version {version}, hash {hash}"))?;
    known.steps.iter().try_for_each(|step| {
        let who = match step.kind.as_str() {
            "review" => &step.role,
            "loop" => &step.of.join(", "),
            _ => &step.agents.join(", "),
        };
        let needs = match step.needs.as_slice() {
            [] => String::new(),
            some => format!(" <- {}", some.join(", ")),
        };
        output::line(&format!("  {:<20} {} {who}{needs}", step.name, step.kind))
    })
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
