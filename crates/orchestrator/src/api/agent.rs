//! `AgentService`.

use tonic::{Request, Response, Status};
use wire::agent::v1::{self as proto, agent_service_server::AgentService};

use super::{Api, Right, permit};

#[tonic::async_trait]
impl AgentService for Api {
    async fn list(
        &self,
        request: Request<proto::ListRequest>,
    ) -> Result<Response<proto::ListResponse>, Status> {
        permit(&request, Right::Read)?;
        let agents = self
            .core
            .workers
            .hosted()
            .into_iter()
            .map(|(kind, hosted)| proto::Agent {
                kind,
                workers: hosted.workers,
                slots: hosted.slots,
                model: hosted.announced.model,
                version: hosted.announced.version,
                output_schema_json: hosted.announced.output_schema_json,
            });
        Ok(Response::new(proto::ListResponse {
            agents: agents.collect(),
        }))
    }
    async fn list_workers(
        &self,
        request: Request<proto::ListWorkersRequest>,
    ) -> Result<Response<proto::ListWorkersResponse>, Status> {
        permit(&request, Right::Read)?;
        let workers = self.core.workers.alive();
        let workers = workers.into_iter().map(|heard| {
            let silent = u64::try_from(heard.silent.as_millis()).unwrap_or(u64::MAX);
            proto::Worker {
                name: heard.name,
                draining: heard.draining,
                silent_ms: silent,
                jobs: u32::try_from(heard.jobs).unwrap_or(u32::MAX),
                version: heard.version,
                agents: heard
                    .agents
                    .into_iter()
                    .map(|agent| proto::WorkerAgent {
                        kind: agent.kind,
                        slots: agent.slots,
                        model: agent.model,
                        version: agent.version,
                        // Told when the worker was heard.
                        done_ms: agent.done_ms.map(|ms| ms.saturating_add(silent)),
                        failure: agent.failure,
                        failed_ms: agent.failed_ms.map(|ms| ms.saturating_add(silent)),
                    })
                    .collect(),
            }
        });
        Ok(Response::new(proto::ListWorkersResponse {
            workers: workers.collect(),
        }))
    }
}
