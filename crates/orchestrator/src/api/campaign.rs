//! `CampaignService`.

use std::time::Duration;

use ::service::{auth::Principal, correlation::Correlation};
use engine::{Command, Refusal};
use model::{
    AgentKind, CampaignId, ContentHash, RunId, RunStatus, StepName, TenantId, job::CampaignInput,
    library::Sources, validate::Problem,
};
use store::port::Blob;
use tokio::sync::broadcast::error::RecvError;
use tonic::{Code, Request, Response, Status};
use wire::{
    campaign::v1::{self as proto, campaign_service_server::CampaignService},
    problem,
};

use super::{Api, Right, invalid, permit, run_id};
use crate::{
    core::{
        commit::{Committed, Work, WorkError},
        held::Held,
        limits::{MAX_NOTE_CHARS, MAX_SHORT_TEXT},
        submit::{Submission, SubmitError, Submitted},
    },
    result::{result, sources},
};

/// The workflow of this service.
const WORKFLOW: &str = "campaign";
/// Longest title of a run, characters.
pub(super) const MAX_TITLE_CHARS: usize = 120;
/// A caller that waits looks for itself this often, should it have missed a change.
const LOOK_EVERY: Duration = Duration::from_secs(5);

#[tonic::async_trait]
impl CampaignService for Api {
    async fn run(
        &self,
        request: Request<proto::SubmitRequest>,
    ) -> Result<Response<proto::OrchestrationResult>, Status> {
        let principal = permit(&request, Right::Change)?;
        if request.get_ref().validate_only {
            return Err(invalid(
                "validate_only",
                "has no result to wait for; call Submit",
            ));
        }
        let tied = request
            .get_ref()
            .options
            .as_ref()
            .is_some_and(|options| options.cancel_on_disconnect);
        // Listening first, so that no change is missed.
        let mut changes = self.core.heads.subscribe();
        let (submitted, _) = self.accept(&principal, request).await?;
        let mut guard = tied.then(|| Tied {
            api: self.clone(),
            run: Some((principal.clone(), submitted.run.clone())),
        });
        loop {
            let held = self
                .core
                .committer
                .read(&principal.tenant, &submitted.run)
                .await?;
            if held.run.status.at_rest() {
                if let Some(guard) = &mut guard {
                    guard.run = None;
                }
                return Ok(Response::new(
                    result(&self.core, self.queries.as_ref(), &held).await?,
                ));
            }
            let changed = async {
                loop {
                    match changes.recv().await {
                        Ok((run, sequence))
                            if run == submitted.run && sequence > held.run.sequence =>
                        {
                            break;
                        }
                        Ok(_) => {}
                        Err(RecvError::Lagged(_) | RecvError::Closed) => break,
                    }
                }
            };
            tokio::select! {
                biased;
                () = changed => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn submit(
        &self,
        request: Request<proto::SubmitRequest>,
    ) -> Result<Response<proto::SubmitResponse>, Status> {
        let principal = permit(&request, Right::Change)?;
        if request.get_ref().validate_only {
            let (input, _) = self
                .check(&principal.tenant, request.into_inner(), None)
                .await?;
            return Ok(Response::new(proto::SubmitResponse {
                brief: Some(input.brief.into()),
                ..proto::SubmitResponse::default()
            }));
        }
        let (submitted, campaign) = self.accept(&principal, request).await?;
        Ok(Response::new(proto::SubmitResponse {
            run_id: submitted.run.to_string(),
            campaign_id: campaign.to_string(),
            existing: submitted.existing,
            brief: None,
        }))
    }

    async fn get(
        &self,
        request: Request<proto::GetRequest>,
    ) -> Result<Response<proto::OrchestrationResult>, Status> {
        let principal = permit(&request, Right::Read)?;
        let held = self
            .campaign_run(&principal, &request.get_ref().run_id)
            .await?;
        Ok(Response::new(
            result(&self.core, self.queries.as_ref(), &held).await?,
        ))
    }

    async fn get_brief(
        &self,
        request: Request<proto::GetRequest>,
    ) -> Result<Response<proto::CampaignBrief>, Status> {
        let principal = permit(&request, Right::Read)?;
        let held = self
            .campaign_run(&principal, &request.get_ref().run_id)
            .await?;
        let input = self
            .core
            .contents
            .blob(&principal.tenant, &held.birth.input)
            .await
            .map_err(WorkError::from)?
            .ok_or_else(|| Status::data_loss("the run's brief is missing"))?;
        let input: CampaignInput = serde_json::from_str(&input)
            .map_err(|error| WorkError::Corrupt(format!("the run's brief: {error}")))?;
        Ok(Response::new(input.brief.into()))
    }

    async fn cancel(
        &self,
        request: Request<proto::CancelRequest>,
    ) -> Result<Response<proto::CancelResponse>, Status> {
        let principal = permit(&request, Right::Change)?;
        let proto::CancelRequest {
            run_id: run,
            reason,
        } = request.into_inner();
        let (status, cancelled) = self.cancel_run(&principal, &run, reason).await?;
        Ok(Response::new(proto::CancelResponse {
            status: status.to_string(),
            cancelled,
        }))
    }

    async fn regenerate(
        &self,
        request: Request<proto::RegenerateRequest>,
    ) -> Result<Response<proto::RegenerateResponse>, Status> {
        let principal = permit(&request, Right::Change)?;
        let proto::RegenerateRequest {
            run_id: run,
            step,
            note,
        } = request.into_inner();
        let committed = self.regenerate_step(&principal, &run, &step, note).await?;
        Ok(Response::new(proto::RegenerateResponse {
            sequence: committed.first,
        }))
    }
}

impl Api {
    /// A run of this workflow as it stands.
    async fn campaign_run(&self, principal: &Principal, run: &str) -> Result<Held, Status> {
        let held = self
            .core
            .committer
            .read(&principal.tenant, &run_id(run)?)
            .await?;
        if held.birth.workflow != WORKFLOW {
            return Err(Status::not_found(format!(
                "run {} is of workflow {}; ask RunService",
                held.run.id, held.birth.workflow
            )));
        }
        Ok(held)
    }

    /// Checks a brief whole with all that it names, and looks whether its agents live. `pinned` are the versions
    /// that names without one stand for; without it, the newest.
    async fn check(
        &self,
        tenant: &TenantId,
        request: proto::SubmitRequest,
        pinned: Option<&Sources>,
    ) -> Result<(CampaignInput, &'static workflow::Plan), Status> {
        let mode = request
            .options
            .as_ref()
            .map(|options| options.mode.clone())
            .unwrap_or_default();
        let plan =
            workflow::builtin::find(WORKFLOW, if mode.is_empty() { "parallel" } else { &mode });
        let resolved = self.resolve(tenant, request, pinned).await?;
        let (resolved, plan) = match (resolved, plan) {
            (Ok(resolved), Ok(plan)) => (resolved, plan),
            (resolved, plan) => {
                let mut problems = resolved.err().unwrap_or_default();
                problems.extend(plan.err().map(|unknown| Problem {
                    path: "options.mode".to_owned(),
                    message: unknown.to_string(),
                }));
                return Err(problem::invalid(problems));
            }
        };
        if !resolved.options.wait_for_workers {
            self.preflight(plan.agents().into_iter())?;
        }
        let mut input = CampaignInput::new(resolved.brief, resolved.options);
        input.sources = resolved.sources;
        Ok((input, plan))
    }

    /// Checks a brief and stores its run.
    async fn accept(
        &self,
        principal: &Principal,
        request: Request<proto::SubmitRequest>,
    ) -> Result<(Submitted, CampaignId), Status> {
        let correlation = Correlation::of(request.extensions());
        let request = request.into_inner();
        let tenant = &principal.tenant;
        let mut pinned = self.pinned(tenant, &request).await?;
        let (submitted, campaign) = loop {
            let (input, plan) = self.check(tenant, request.clone(), pinned.as_ref()).await?;
            let (submission, campaign) = submission(principal, &correlation, input, plan)?;
            match self.core.submit(submission).await {
                Err(SubmitError::KeyReused(first)) if pinned.is_none() => {
                    // The first submit under the key came between.
                    pinned = self.pinned(tenant, &request).await?;
                    if pinned.is_none() {
                        return Err(SubmitError::KeyReused(first).into());
                    }
                }
                submitted => break (submitted?, campaign),
            }
        };
        if !submitted.existing {
            return Ok((submitted, campaign));
        }
        let first = self
            .core
            .committer
            .read(&principal.tenant, &submitted.run)
            .await?;
        Ok((submitted, first.birth.campaign.clone()))
    }

    /// What the run under the request's key was made of: what a name stands for may have changed since, and a
    /// repeat of the same submit is to be seen as one.
    async fn pinned(
        &self,
        tenant: &TenantId,
        request: &proto::SubmitRequest,
    ) -> Result<Option<Sources>, Status> {
        let key = request
            .options
            .as_ref()
            .map(|options| &options.idempotency_key);
        let Some(key) = key.filter(|key| !key.is_empty() && names_library(request)) else {
            return Ok(None);
        };
        // A key that cannot be one is told with the other faults.
        if key.len() > MAX_SHORT_TEXT || key.contains('\0') {
            return Ok(None);
        }
        let known = self.core.ports.store.find_key(tenant, key).await;
        let Some((first, _)) = known.map_err(WorkError::from)? else {
            return Ok(None);
        };
        let held = self.core.committer.read(tenant, &first).await?;
        Ok(sources(&held.input)?)
    }

    pub(super) fn preflight<'a>(
        &self,
        kinds: impl Iterator<Item = &'a AgentKind>,
    ) -> Result<(), Status> {
        let missing = self.core.workers.missing(kinds);
        if missing.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = missing.iter().map(ToString::to_string).collect();
        let problems = names
            .iter()
            .map(|name| Problem {
                path: format!("workers.{name}"),
                message: format!("no live worker hosts the agent `{name}`"),
            })
            .collect();
        let message = format!(
            "no live worker for: {}; start one, or submit with wait_for_workers",
            names.join(", ")
        );
        Err(problem::refused(
            Code::FailedPrecondition,
            message,
            problems,
        ))
    }

    pub(super) async fn cancel_run(
        &self,
        principal: &Principal,
        run: &str,
        reason: String,
    ) -> Result<(RunStatus, bool), Status> {
        let run = run_id(run)?;
        bounded("reason", &reason)?;
        let command = Command::Cancel {
            reason,
            by: principal.by.clone(),
        };
        match self
            .core
            .committer
            .run(Work::new(principal.tenant.clone(), run.clone(), command))
            .await
        {
            Ok(Committed { status, .. }) => Ok((status, true)),
            Err(WorkError::Refused(Refusal::Ended)) => Ok((
                self.core
                    .committer
                    .read(&principal.tenant, &run)
                    .await?
                    .run
                    .status,
                false,
            )),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn regenerate_step(
        &self,
        principal: &Principal,
        run: &str,
        step: &str,
        note: String,
    ) -> Result<Committed, Status> {
        let run = run_id(run)?;
        let step = StepName::new(step).map_err(|error| invalid("step", error))?;
        self.no_other_generation(&principal.tenant, &run).await?;
        if note.chars().count() > MAX_NOTE_CHARS || note.contains('\0') {
            return Err(invalid(
                "note",
                format!("must be at most {MAX_NOTE_CHARS} characters, without NUL"),
            ));
        }
        let blob = (!note.trim().is_empty()).then(|| Blob {
            hash: ContentHash::of(note.as_bytes()),
            content: note,
        });
        let command = Command::Regenerate {
            step,
            note: blob.as_ref().map(|blob| blob.hash.clone()),
            by: principal.by.clone(),
        };
        let mut work = Work::new(principal.tenant.clone(), run, command);
        work.blobs.extend(blob);
        Ok(self.core.committer.run(work).await?)
    }

    /// The tenant's own run, as the store has it.
    pub(super) async fn held(
        &self,
        tenant: &TenantId,
        run: &str,
    ) -> Result<crate::core::held::Held, Status> {
        Ok(self.core.committer.read(tenant, &run_id(run)?).await?)
    }
}

/// Whether what a name stands for decides what the run is made of.
fn names_library(request: &proto::SubmitRequest) -> bool {
    let brief = request.brief.as_ref();
    request.template.is_some()
        || brief.is_some_and(|brief| !brief.brand_ref.is_empty() || !brief.resource_refs.is_empty())
}

/// A new run of a checked input.
fn submission(
    principal: &Principal,
    correlation: &Correlation,
    input: CampaignInput,
    plan: &workflow::Plan,
) -> Result<(Submission, CampaignId), Status> {
    let id = uuid::Uuid::now_v7().to_string();
    let new_id = |error| Status::internal(format!("a new id cannot be made: {error}"));
    let run = RunId::new(id.as_str()).map_err(new_id)?;
    let campaign = CampaignId::new(id.as_str()).map_err(new_id)?;
    let submission = Submission {
        tenant: principal.tenant.clone(),
        run,
        by: principal.author().to_owned(),
        campaign: campaign.clone(),
        plan: std::sync::Arc::new(plan.clone()),
        title: input.brief.name.chars().take(MAX_TITLE_CHARS).collect(),
        holds: None,
        idempotency_key: Some(input.options.idempotency_key.clone()).filter(|key| !key.is_empty()),
        correlation_id: correlation.id.clone(),
        traceparent: correlation.traceparent.clone(),
        priority: input.options.priority,
        timeout: input.options.timeout_seconds.map(Duration::from_secs),
        input: serde_json::to_string(&input).map_err(|error| invalid("brief", error))?,
    };
    Ok((submission, campaign))
}

pub(super) fn bounded(path: &str, text: &str) -> Result<(), Status> {
    if text.len() <= MAX_SHORT_TEXT && !text.contains('\0') {
        return Ok(());
    }
    Err(invalid(
        path,
        format!("must be at most {MAX_SHORT_TEXT} bytes, without NUL"),
    ))
}

/// Ties a run to its call: dropped before the end, it has the run cancelled.
struct Tied {
    api: Api,
    run: Option<(Principal, RunId)>,
}

impl Drop for Tied {
    fn drop(&mut self) {
        if let Some(run) = self.run.take()
            && self.api.abandoned.try_send(run).is_err()
        {
            tracing::warn!("too many callers went away at once; a run goes on without its caller");
        }
    }
}
