//! `AuthService`.

use tonic::{Request, Response, Status};
use wire::auth::v1::{self as proto, auth_service_server::AuthService};

use super::{Api, Right, permit};

#[tonic::async_trait]
impl AuthService for Api {
    async fn who_am_i(
        &self,
        request: Request<proto::WhoAmIRequest>,
    ) -> Result<Response<proto::WhoAmIResponse>, Status> {
        let principal = permit(&request, Right::Read)?;
        Ok(Response::new(proto::WhoAmIResponse {
            tenant: principal.tenant.to_string(),
            role: principal.role.as_str().to_owned(),
            by: principal.by.clone(),
        }))
    }
}
