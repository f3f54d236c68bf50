//! `SystemService`.

use ::service::{auth::Role, build_info, clock};
use tonic::{Request, Response, Status};
use wire::system::v1::{self as proto, system_service_server::SystemService};

use super::{Api, Principal};

#[tonic::async_trait]
impl SystemService for Api {
    async fn get_status(
        &self,
        request: Request<proto::GetStatusRequest>,
    ) -> Result<Response<proto::GetStatusResponse>, Status> {
        Principal::with_role(request.extensions(), &[Role::Operator])?;
        let ready = self.readiness.look();
        // What does not answer now is named by its part.
        let (store, queries) = (&self.core.ports.store, &self.queries);
        let (schema, store_time) = if store.trouble().is_none() {
            let (schema, now) = tokio::join!(queries.schema(), store.now());
            (schema.ok().flatten(), now.ok())
        } else {
            (None, None)
        };
        let missing = if self.core.ports.bus.trouble().is_none() {
            self.core.ports.bus.missing().await.unwrap_or_default()
        } else {
            Vec::new()
        };
        Ok(Response::new(proto::GetStatusResponse {
            version: build_info::VERSION.to_owned(),
            replica: self.core.options.replica.clone(),
            time: Some(clock::now().into()),
            store_time: store_time.map(Into::into),
            ready: ready.ready,
            parts: ready
                .parts
                .into_iter()
                .map(|(name, state)| proto::Part { name, state })
                .collect(),
            schema: schema.map_or(0, |schema| schema.found),
            schema_wanted: schema.map_or(0, |schema| schema.wanted),
            missing_streams: missing
                .into_iter()
                .map(|stream| stream.name().to_owned())
                .collect(),
        }))
    }
}
