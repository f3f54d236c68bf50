//! `WorkflowService`: definitions that tenants keep, as graphs and as runs.

use std::{sync::Arc, time::Duration};

use ::service::{auth::Principal, correlation::Correlation};
use model::{
    AgentKind, CampaignId, EntryName, RunId, TenantId,
    brief::Options,
    content_plan::ContentPlan,
    job::CampaignInput,
    library::{Content, Kind},
    limits::MAX_REQUEST_BYTES,
    validate::Problem,
};
use serde_json::Value;
use store::library::Place;
use tonic::{Request, Response, Status};
use wire::{
    json, problem,
    workflow::v1::{self as proto, workflow_service_server::WorkflowService},
};
use workflow::{Catalogue, Plan, StepKind, builtin, compile};

use super::{Api, Right, campaign::MAX_TITLE_CHARS, invalid, permit};
use crate::core::{commit::WorkError, submit::Submission};

#[tonic::async_trait]
impl WorkflowService for Api {
    async fn check(
        &self,
        request: Request<proto::CheckRequest>,
    ) -> Result<Response<proto::Workflow>, Status> {
        permit(&request, Right::Read)?;
        let plan = self.compiled(&request.get_ref().source, "source")?;
        Ok(Response::new(view(&plan, false)))
    }

    async fn get(
        &self,
        request: Request<proto::GetRequest>,
    ) -> Result<Response<proto::Workflow>, Status> {
        let principal = permit(&request, Right::Read)?;
        let proto::GetRequest {
            name,
            version,
            mode,
        } = request.into_inner();
        if is_built_in(&name) {
            let plan = builtin::find(&name, &mode)
                .map_err(|unknown| invalid("mode", unknown.to_string()))?;
            return Ok(Response::new(view(plan, true)));
        }
        let plan = self.kept_plan(&principal.tenant, &name, version).await?;
        Ok(Response::new(view(&plan, false)))
    }

    async fn start(
        &self,
        request: Request<proto::StartRequest>,
    ) -> Result<Response<proto::StartResponse>, Status> {
        let principal = permit(&request, Right::Change)?;
        let correlation = Correlation::of(request.extensions());
        let request = request.into_inner();
        let plan = self
            .kept_plan(&principal.tenant, &request.workflow, request.version)
            .await?;
        let wait = request.wait_for_workers;
        let submission = submission(&principal, &correlation, plan, request)?;
        if !wait {
            self.preflight(submission.plan.agents().into_iter())?;
        }
        let submitted = self.core.submit(submission).await?;
        Ok(Response::new(proto::StartResponse {
            run_id: submitted.run.to_string(),
            existing: submitted.existing,
        }))
    }
}

impl Api {
    /// A definition's plan; every fault at once, at `path`.
    pub(super) fn compiled(&self, source: &str, path: &str) -> Result<Plan, Status> {
        compile(source, &self.catalogue()).map_err(|problems| {
            let problems = problems.into_iter().map(|found| Problem {
                path: path.to_owned(),
                message: found.to_string(),
            });
            problem::invalid(problems.collect())
        })
    }

    /// A definition that is to be kept under a name.
    pub(super) fn keepable(&self, name: &str, source: &str) -> Result<(), Status> {
        if is_built_in(name) {
            let message = format!("`{name}` comes with the product; choose another name");
            return Err(invalid("name", message));
        }
        let plan = self.compiled(source, "workflow.source")?;
        if plan.workflow != name {
            let message = format!("the definition calls itself `{}`", plan.workflow);
            return Err(invalid("name", message));
        }
        Ok(())
    }

    /// What definitions may name: what comes with the product, and what live workers host.
    fn catalogue(&self) -> Catalogue {
        let mut catalogue = builtin::catalogue().clone();
        for (kind, hosted) in self.core.workers.hosted() {
            let facts = serde_json::from_str(&hosted.announced.facts_json).unwrap_or_default();
            if let Ok(kind) = AgentKind::new(kind) {
                catalogue.agents.entry(kind).or_insert(facts);
            }
        }
        catalogue
    }

    /// The plan of a kept definition; its version is the entry's.
    async fn kept_plan(&self, tenant: &TenantId, name: &str, version: u32) -> Result<Plan, Status> {
        let place = Place {
            tenant: tenant.clone(),
            kind: Kind::Workflow,
            name: EntryName::new(name).map_err(|error| invalid("workflow", error))?,
        };
        let wanted = Some(version).filter(|version| *version > 0);
        let found = self.library.entry(&place, wanted).await;
        let found = found.map_err(WorkError::from)?;
        let found = found.filter(|(row, _)| !row.deleted || wanted.is_some());
        let Some((row, content)) = found else {
            let message = match wanted {
                Some(version) => format!("workflow `{name}` has no version {version}"),
                None => format!("there is no workflow `{name}`; keep a definition under it first"),
            };
            return Err(Status::not_found(message));
        };
        let corrupt = |error: &dyn std::fmt::Display| {
            WorkError::Corrupt(format!("workflow {name} version {}: {error}", row.version))
        };
        match Content::decode(Kind::Workflow, &content).map_err(|error| corrupt(&error))? {
            Content::Workflow(definition) => Ok(Plan {
                version: row.version,
                ..self.compiled(&definition.source, "workflow")?
            }),
            other => Err(corrupt(&other.kind()).into()),
        }
    }
}

fn is_built_in(name: &str) -> bool {
    builtin::all().iter().any(|plan| plan.workflow == name)
}

/// A new run of a checked input.
fn submission(
    principal: &Principal,
    correlation: &Correlation,
    plan: Plan,
    request: proto::StartRequest,
) -> Result<Submission, Status> {
    let proto::StartRequest {
        input_json,
        title,
        idempotency_key,
        priority,
        timeout_seconds,
        wait_for_workers,
        workflow: _,
        version: _,
    } = request;
    let options = Options::from(wire::campaign::v1::Options {
        priority: priority.unwrap_or_default(),
        timeout_seconds,
        idempotency_key,
        wait_for_workers,
        ..wire::campaign::v1::Options::default()
    });
    let mut problems: Vec<_> = options
        .problems()
        .into_iter()
        .map(|found| Problem {
            path: found.path.trim_start_matches("options.").to_owned(),
            ..found
        })
        .collect();
    let input = match json::from_json::<Value>(input_json.as_bytes(), MAX_REQUEST_BYTES) {
        Ok(input) => {
            problems.extend(input_problems(&plan, &input));
            input
        }
        Err(error) => {
            problems.push(Problem {
                path: "input_json".to_owned(),
                message: error.to_string(),
            });
            Value::Null
        }
    };
    if !problems.is_empty() {
        return Err(problem::invalid(problems));
    }
    let id = uuid::Uuid::now_v7().to_string();
    let new_id = |error| Status::internal(format!("a new id cannot be made: {error}"));
    let title: String = title
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_TITLE_CHARS)
        .collect();
    Ok(Submission {
        tenant: principal.tenant.clone(),
        run: RunId::new(id.as_str()).map_err(new_id)?,
        by: principal.author().to_owned(),
        campaign: CampaignId::new(id.as_str()).map_err(new_id)?,
        title: if title.trim().is_empty() {
            plan.workflow.clone()
        } else {
            title
        },
        holds: None,
        // The same input may be that of several workflows.
        idempotency_key: Some(options.idempotency_key)
            .filter(|key| !key.is_empty())
            .map(|key| format!("{}:{key}", plan.workflow)),
        plan: Arc::new(plan),
        input: input.to_string(),
        correlation_id: correlation.id.clone(),
        traceparent: correlation.traceparent.clone(),
        priority: options.priority,
        timeout: options.timeout_seconds.map(Duration::from_secs),
    })
}

/// What is wrong with an input of the plan.
fn input_problems(plan: &Plan, input: &Value) -> Vec<Problem> {
    let unreadable = |error: serde_json::Error| {
        vec![Problem {
            path: "input_json".to_owned(),
            message: error.to_string(),
        }]
    };
    match (&plan.fields, plan.input.as_str()) {
        (Some(fields), _) => fields.problems(input, "input"),
        (None, "CampaignInput") => match serde_json::from_value::<CampaignInput>(input.clone()) {
            Ok(input) => input.brief.problems(),
            Err(error) => unreadable(error),
        },
        (None, "ContentPlan") => match serde_json::from_value::<ContentPlan>(input.clone()) {
            Ok(input) => input.problems(),
            Err(error) => unreadable(error),
        },
        (None, other) => vec![Problem {
            path: "input_json".to_owned(),
            message: format!("nobody knows an input `{other}`"),
        }],
    }
}

fn view(plan: &Plan, built_in: bool) -> proto::Workflow {
    let names = |steps: &[model::StepName]| steps.iter().map(ToString::to_string).collect();
    let steps = plan.steps.iter().map(|step| {
        let (kind, of, role) = match &step.kind {
            StepKind::Agent { .. } => ("agent", Vec::new(), String::new()),
            StepKind::Audit { of, .. } => ("audit", names(of), String::new()),
            StepKind::Loop(own) => ("loop", names(&own.steps), String::new()),
            StepKind::Review(own) => ("review", names(&own.of), own.role.clone()),
        };
        let when = step.when.as_ref().map(|when| when.source().to_owned());
        let for_each = step.for_each.as_ref().map(|each| each.over.to_string());
        let within = step.within.as_ref().map(ToString::to_string);
        proto::Step {
            name: step.name.to_string(),
            kind: kind.to_owned(),
            agents: step.agents().map(ToString::to_string).collect(),
            needs: names(&step.needs),
            when: when.unwrap_or_default(),
            for_each: for_each.unwrap_or_default(),
            within: within.unwrap_or_default(),
            of,
            role,
        }
    });
    proto::Workflow {
        name: plan.workflow.clone(),
        mode: plan.mode.clone(),
        version: plan.version,
        hash: plan.hash().to_string(),
        input: plan.input.clone(),
        steps: steps.collect(),
        built_in,
    }
}
