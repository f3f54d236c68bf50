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
}
