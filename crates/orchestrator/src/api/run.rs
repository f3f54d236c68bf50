//! `RunService`.

use ::service::auth::Principal;
use engine::Command;
use model::{CampaignId, RunId, RunStatus, StepName, Timestamp};
use store::port::{Blob, RunFilter};
use tonic::{Request, Response, Status};
use wire::run::v1::{self as proto, run_service_server::RunService};

use super::{Api, Right, campaign::bounded, invalid, permit, run_id, view};
use crate::core::{
    commit::{Work, WorkError},
    event,
};

/// Runs on a page when the caller does not say.
const PAGE: u32 = 50;
/// Most runs on a page.
const MAX_PAGE: u32 = 200;
/// Most events in an answer.
const MAX_EVENTS: usize = 1_000;
/// Changed runs in an answer.
const CHANGED_PAGE: usize = 1_000;

#[tonic::async_trait]
impl RunService for Api {
    async fn get(
        &self,
        request: Request<proto::GetRequest>,
    ) -> Result<Response<proto::Run>, Status> {
        let principal = permit(&request, Right::Read)?;
        let held = self
            .held(&principal.tenant, &request.get_ref().run_id)
            .await?;
        Ok(Response::new(view::whole(&held)))
    }

    async fn list(
        &self,
        request: Request<proto::ListRequest>,
    ) -> Result<Response<proto::ListResponse>, Status> {
        let principal = permit(&request, Right::Read)?;
        let request = request.into_inner();
        let size = if request.page_size == 0 {
            PAGE
        } else {
            request.page_size.min(MAX_PAGE)
        } as usize;
        let filter = RunFilter {
            workflow: Some(request.workflow).filter(|name| !name.is_empty()),
            status: match request.status.as_str() {
                "" => None,
                name => Some(RunStatus::parse(name).ok_or_else(|| {
                    invalid(
                        "status",
                        "must be running, completed, partially_completed, failed, cancelled or rejected",
                    )
                })?),
            },
            campaign: match request.campaign_id.as_str() {
                "" => None,
                id => Some(CampaignId::new(id).map_err(|error| invalid("campaign_id", error))?),
            },
            before: cursor(&request.cursor)?,
            limit: size + 1,
        };
        let mut rows = self
            .queries
            .runs(&principal.tenant, &filter)
            .await
            .map_err(WorkError::from)?;
        let more = rows.len() > size;
        rows.truncate(size);
        let next = rows
            .last()
            .filter(|_| more)
            .map(|row| format!("{}.{}", row.birth.submitted.0, row.run));
        Ok(Response::new(proto::ListResponse {
            runs: rows
                .iter()
                .map(|row| view::row(&principal.tenant, row))
                .collect(),
            next_cursor: next.unwrap_or_default(),
        }))
    }

    async fn explain(
        &self,
        request: Request<proto::ExplainRequest>,
    ) -> Result<Response<proto::ExplainResponse>, Status> {
        let principal = permit(&request, Right::Read)?;
        let held = self
            .held(&principal.tenant, &request.get_ref().run_id)
            .await?;
        let now = self.core.ports.store.now().await.map_err(WorkError::from)?;
        let kept = if engine::outstanding(&held.run).jobs.is_empty() {
            Vec::new()
        } else {
            let (tenant, run) = (&held.run.tenant, &held.run.id);
            let kept = self.queries.kept(tenant, run, now).await;
            kept.map_err(WorkError::from)?
        };
        let kept: Vec<_> = kept
            .into_iter()
            .map(|kept| {
                let window = self.core.places.window(&kept.agent);
                (kept, window)
            })
            .collect();
        Ok(Response::new(view::explain(
            &held,
            &self.core.workers,
            &kept,
            now,
        )))
    }

    async fn list_events(
        &self,
        request: Request<proto::ListEventsRequest>,
    ) -> Result<Response<proto::ListEventsResponse>, Status> {
        let principal = permit(&request, Right::Read)?;
        let request = request.into_inner();
        let run = run_id(&request.run_id)?;
        let limit = if request.limit == 0 {
            MAX_EVENTS
        } else {
            MAX_EVENTS.min(request.limit as usize)
        };
        let page = self
            .core
            .ports
            .store
            .events(&principal.tenant, &run, request.after, limit)
            .await
            .map_err(WorkError::from)?
            .ok_or_else(|| Status::not_found(format!("there is no run {run}")))?;
        let events = page.events.iter().take(limit);
        Ok(Response::new(proto::ListEventsResponse {
            events: events
                .map(|happened| event::public(&principal.tenant, &run, &page.birth, happened))
                .collect(),
            head: page.head,
            at_rest: page.status.at_rest(),
        }))
    }

    async fn list_changed(
        &self,
        request: Request<proto::ListChangedRequest>,
    ) -> Result<Response<proto::ListChangedResponse>, Status> {
        let principal = permit(&request, Right::Read)?;
        let request = request.into_inner();
        let since = request
            .since
            .map(Timestamp::from)
            .ok_or_else(|| invalid("since", "is missing"))?;
        let after = cursor(&request.cursor)?;
        let runs = self
            .core
            .ports
            .store
            .changed_since(Some(&principal.tenant), since, after.as_ref(), CHANGED_PAGE)
            .await
            .map_err(WorkError::from)?;
        let full = runs.len() == CHANGED_PAGE;
        let next = runs
            .last()
            .filter(|_| full)
            .map(|last| format!("{}.{}", last.updated.0, last.run));
        Ok(Response::new(proto::ListChangedResponse {
            runs: runs
                .into_iter()
                .map(|changed| proto::ChangedRun {
                    run_id: changed.run.to_string(),
                    sequence: changed.sequence,
                    updated: Some(changed.updated.into()),
                })
                .collect(),
            next_cursor: next.unwrap_or_default(),
        }))
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

    async fn pause(
        &self,
        request: Request<proto::PauseRequest>,
    ) -> Result<Response<proto::CommandResponse>, Status> {
        let principal = permit(&request, Right::Change)?;
        let proto::PauseRequest { run_id, reason } = request.into_inner();
        bounded("reason", &reason)?;
        let by = principal.by.clone();
        let command = Command::Pause { reason, by };
        self.tell(principal, &run_id, command, Vec::new()).await
    }

    async fn resume(
        &self,
        request: Request<proto::ResumeRequest>,
    ) -> Result<Response<proto::CommandResponse>, Status> {
        let principal = permit(&request, Right::Change)?;
        let by = principal.by.clone();
        let run = request.into_inner().run_id;
        self.tell(principal, &run, Command::Resume { by }, Vec::new())
            .await
    }

    async fn retry(
        &self,
        request: Request<proto::RetryRequest>,
    ) -> Result<Response<proto::CommandResponse>, Status> {
        let principal = permit(&request, Right::Change)?;
        let proto::RetryRequest { run_id, step } = request.into_inner();
        let step = StepName::new(step).map_err(|error| invalid("step", error))?;
        self.no_other_generation(&principal.tenant, &super::run_id(&run_id)?)
            .await?;
        let by = principal.by.clone();
        let command = Command::Retry { step, by };
        self.tell(principal, &run_id, command, Vec::new()).await
    }
}

impl Api {
    /// Gives a run a command, and answers with its first event's number.
    pub(super) async fn tell(
        &self,
        principal: Principal,
        run: &str,
        command: Command,
        blobs: Vec<Blob>,
    ) -> Result<Response<proto::CommandResponse>, Status> {
        let mut work = Work::new(principal.tenant, run_id(run)?, command);
        work.blobs = blobs;
        let committed = self.core.committer.run(work).await?;
        Ok(Response::new(proto::CommandResponse {
            sequence: committed.first,
            status: committed.status.to_string(),
        }))
    }
}

/// A cursor is the last row's time and run; it is checked like any input.
fn cursor(text: &str) -> Result<Option<(Timestamp, RunId)>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = text
        .split_once('.')
        .and_then(|(time, run)| Some((Timestamp(time.parse().ok()?), RunId::new(run).ok()?)));
    parsed
        .map(Some)
        .ok_or_else(|| invalid("cursor", "is none of ours; start again without it"))
}
