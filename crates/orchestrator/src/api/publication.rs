//! `PublicationService`: workflow `publications` by its campaign.

use std::time::Duration;

use ::service::{auth::Principal, correlation::Correlation};
use model::{
    CampaignId, ContentHash, RunId, RunStatus, TenantId, brief::Options, content_plan::ContentPlan,
    validate::Problem,
};
use store::port::RunFilter;
use tonic::{Request, Response, Status};
use wire::{
    problem,
    publication::v1::{self as proto, publication_service_server::PublicationService},
};

use super::{Api, Right, invalid, permit, progress};
use crate::core::{
    commit::WorkError,
    held::Held,
    submit::{Submission, SubmitError},
};

/// The workflow that this service speaks for.
pub(super) const WORKFLOW: &str = "publications";

#[tonic::async_trait]
impl PublicationService for Api {
    async fn generate_campaign_content(
        &self,
        request: Request<proto::GenerateCampaignContentRequest>,
    ) -> Result<Response<proto::GenerateCampaignContentResponse>, Status> {
        let principal = permit(&request, Right::Change)?;
        let correlation = Correlation::of(request.extensions());
        let request = request.into_inner();
        let (plan, options) = checked(request.plan, request.options)?;
        self.blobs_are_there(&principal.tenant, &plan).await?;
        let workflow = workflow::builtin::find(WORKFLOW, "")
            .map_err(|unknown| Status::internal(unknown.to_string()))?;
        if !options.wait_for_workers {
            // Only those that the plan's items name.
            let kinds = workflow.agents();
            let named = |kind: &str| plan.items.iter().any(|item| item.content_type == kind);
            self.preflight(kinds.into_iter().filter(|kind| named(kind.as_str())))?;
        }
        if request.validate_only {
            return Ok(Response::new(proto::GenerateCampaignContentResponse {
                campaign_id: plan.campaign_id,
                ..proto::GenerateCampaignContentResponse::default()
            }));
        }
        let submission = submission(&principal, &correlation, &plan, options, workflow)?;
        let submitted = self.core.submit(submission).await?;
        Ok(Response::new(proto::GenerateCampaignContentResponse {
            run_id: submitted.run.to_string(),
            campaign_id: plan.campaign_id,
            existing: submitted.existing,
        }))
    }

    async fn get_generation_progress(
        &self,
        request: Request<proto::GetGenerationProgressRequest>,
    ) -> Result<Response<proto::GenerationProgress>, Status> {
        let principal = permit(&request, Right::Read)?;
        let campaign = &request.get_ref().campaign_id;
        let held = self.generation(&principal.tenant, campaign).await?;
        let held = held.ok_or_else(|| {
            Status::not_found(format!("campaign {campaign} has had no generation"))
        })?;
        let now = self.core.ports.store.now().await.map_err(WorkError::from)?;
        let past = self.core.durations.now();
        Ok(Response::new(progress::of(&held, &past, now)?))
    }

    async fn cancel_generation(
        &self,
        request: Request<proto::CancelGenerationRequest>,
    ) -> Result<Response<proto::CancelGenerationResponse>, Status> {
        let principal = permit(&request, Right::Change)?;
        let proto::CancelGenerationRequest {
            campaign_id: campaign,
            reason,
        } = request.into_inner();
        let Some(held) = self.generation(&principal.tenant, &campaign).await? else {
            return Ok(Response::new(proto::CancelGenerationResponse::default()));
        };
        let run = held.run.id.as_str();
        let (status, cancelled) = self.cancel_run(&principal, run, reason).await?;
        Ok(Response::new(proto::CancelGenerationResponse {
            run_id: run.to_owned(),
            status: status.to_string(),
            cancelled,
        }))
    }

    async fn is_generation_active(
        &self,
        request: Request<proto::IsGenerationActiveRequest>,
    ) -> Result<Response<proto::IsGenerationActiveResponse>, Status> {
        let principal = permit(&request, Right::Read)?;
        let campaign = &request.get_ref().campaign_id;
        let held = self.generation(&principal.tenant, campaign).await?;
        let active = held.filter(|held| !held.run.status.at_rest());
        Ok(Response::new(proto::IsGenerationActiveResponse {
            active: active.is_some(),
            run_id: active
                .map(|held| held.run.id.to_string())
                .unwrap_or_default(),
        }))
    }
}

impl Api {
    /// The campaign's active generation, or else its latest.
    async fn generation(&self, tenant: &TenantId, campaign: &str) -> Result<Option<Held>, Status> {
        let campaign = CampaignId::new(campaign).map_err(|error| invalid("campaign_id", error))?;
        for status in [Some(RunStatus::Running), None] {
            let filter = RunFilter {
                workflow: Some(WORKFLOW.to_owned()),
                status,
                campaign: Some(campaign.clone()),
                before: None,
                limit: 1,
            };
            let found = self.queries.runs(tenant, &filter).await;
            if let Some(row) = found.map_err(WorkError::from)?.first() {
                return Ok(Some(self.core.committer.read(tenant, &row.run).await?));
            }
        }
        Ok(None)
    }

    /// A generation at rest may go on only while no other of its campaign is active. A start in the same moment
    /// can come between: what a run holds it gives back when it rests.
    pub(super) async fn no_other_generation(
        &self,
        tenant: &TenantId,
        run: &RunId,
    ) -> Result<(), Status> {
        let row = self.queries.run(tenant, run).await;
        let Some(row) = row.map_err(WorkError::from)? else {
            return Ok(());
        };
        if row.birth.workflow != WORKFLOW || !row.standing.status.at_rest() {
            return Ok(());
        }
        let latest = self.generation(tenant, row.birth.campaign.as_str()).await?;
        match latest {
            Some(other) if other.run.id != *run && !other.run.status.at_rest() => {
                Err(SubmitError::Held(other.run.id).into())
            }
            _ => Ok(()),
        }
    }

    /// What resources name by hash was uploaded before.
    async fn blobs_are_there(&self, tenant: &TenantId, plan: &ContentPlan) -> Result<(), Status> {
        let mut problems = Vec::new();
        for (at, resource) in plan.resources.iter().enumerate() {
            let Some(blob) = &resource.blob else { continue };
            let hash = ContentHash::new(blob.as_str());
            let hash = hash.map_err(|error| invalid("plan.resources", error))?;
            let kept = self.core.contents.blob(tenant, &hash).await;
            if kept.map_err(WorkError::from)?.is_none() {
                problems.push(Problem {
                    path: format!("plan.resources[{at}].blob"),
                    message: "is not kept here; upload it first".to_owned(),
                });
            }
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problem::invalid(problems))
        }
    }
}

/// A plan and options fit for work, or every fault of both.
fn checked(
    plan: Option<proto::ContentPlan>,
    options: Option<proto::GenerationOptions>,
) -> Result<(ContentPlan, Options), Status> {
    let options = options.unwrap_or_default();
    let options = Options::from(wire::campaign::v1::Options {
        idempotency_key: options.idempotency_key,
        priority: options.priority,
        timeout_seconds: options.timeout_seconds,
        wait_for_workers: options.wait_for_workers,
        ..wire::campaign::v1::Options::default()
    });
    let mut problems = options.problems();
    let plan = plan.map(ContentPlan::from);
    match &plan {
        Some(plan) => problems.extend(plan.problems().into_iter().map(|found| Problem {
            path: format!("plan.{}", found.path),
            ..found
        })),
        None => problems.push(Problem {
            path: "plan".to_owned(),
            message: "is missing".to_owned(),
        }),
    }
    match plan {
        Some(plan) if problems.is_empty() => Ok((plan, options)),
        _ => Err(problem::invalid(problems)),
    }
}

/// A new run of a checked plan. It holds its campaign until it is at rest.
fn submission(
    principal: &Principal,
    correlation: &Correlation,
    plan: &ContentPlan,
    options: Options,
    workflow: &workflow::Plan,
) -> Result<Submission, Status> {
    let id = uuid::Uuid::now_v7().to_string();
    let run = RunId::new(id)
        .map_err(|error| Status::internal(format!("a new id cannot be made: {error}")))?;
    let campaign = CampaignId::new(plan.campaign_id.as_str())
        .map_err(|error| invalid("plan.campaign_id", error))?;
    Ok(Submission {
        tenant: principal.tenant.clone(),
        run,
        by: principal.author().to_owned(),
        title: format!("{} publications of {campaign}", plan.items.len()),
        holds: Some(format!("generation:{campaign}")),
        campaign,
        plan: std::sync::Arc::new(workflow.clone()),
        idempotency_key: Some(options.idempotency_key).filter(|key| !key.is_empty()),
        correlation_id: correlation.id.clone(),
        traceparent: correlation.traceparent.clone(),
        priority: options.priority,
        timeout: options.timeout_seconds.map(Duration::from_secs),
        input: serde_json::to_string(plan).map_err(|error| invalid("plan", error))?,
    })
}
