//! `SystemService`.

use std::time::Duration;

use ::service::{auth::Role, build_info, clock};
use tokio::time::timeout;
use tonic::{Request, Response, Status};
use wire::system::v1::{self as proto, system_service_server::SystemService};

use super::{Api, Principal};

/// The part that is told when the streams cannot be listed.
const STREAMS: &str = "streams";
/// Longest wait for the list; whoever asks waits a little longer.
const STREAMS_ANSWER: Duration = Duration::from_secs(2);

#[tonic::async_trait]
impl SystemService for Api {
    async fn get_status(
        &self,
        request: Request<proto::GetStatusRequest>,
    ) -> Result<Response<proto::GetStatusResponse>, Status> {
        Principal::with_role(request.extensions(), &[Role::Operator])?;
        // What does not answer now is named by its part.
        let (store, queries) = (&self.core.ports.store, &self.queries);
        let (schema, store_time) = if store.trouble().is_none() {
            let (schema, now) = tokio::join!(queries.schema(), store.now());
            (schema.ok().flatten(), now.ok())
        } else {
            (None, None)
        };
        let missing = if self.core.ports.bus.trouble().is_none() {
            timeout(STREAMS_ANSWER, self.core.ports.bus.missing()).await
        } else {
            Ok(Ok(Vec::new()))
        };
        let mut ready = self.readiness.look();
        let missing = match missing {
            Ok(Ok(missing)) => missing,
            Ok(Err(_)) | Err(_) => {
                let why = "whether all are there cannot be asked";
                ready.parts.insert(STREAMS.to_owned(), why.to_owned());
                Vec::new()
            }
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
