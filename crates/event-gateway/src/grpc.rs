//! `EventService`: streams over gRPC.

use std::pin::Pin;

use ::service::auth::{Principal, Role};
use futures::{Stream, StreamExt};
use tonic::{Request, Response, Status};
use wire::events::v1::{
    Closing, Heartbeat, Lagged, SubscribeRequest, SubscribeResponse,
    event_service_server::EventService, subscribe_response::What,
};

use crate::{
    request::{Wish, key},
    stream::{Item, Resume, Streams},
};

#[tonic::async_trait]
impl EventService for Streams {
    type SubscribeStream = Pin<Box<dyn Stream<Item = Result<SubscribeResponse, Status>> + Send>>;

    async fn subscribe(
        &self,
        request: Request<SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let caller = Principal::with_role(request.extensions(), &[Role::Viewer])?.clone();
        let key = key(&request.metadata().clone().into_headers());
        let wish = Wish::new(request.into_inner())?;
        let stream = self.open(&caller, key.as_deref(), wish, "grpc").await?;
        let responses = stream.items().flat_map(|item| {
            let after = matches!(item, Item::Closing(_)).then(|| {
                Err(Status::unavailable(
                    "the gateway stops; connect again and resume",
                ))
            });
            futures::stream::iter([response(item)].into_iter().chain(after))
        });
        Ok(Response::new(Box::pin(responses)))
    }
}

fn response(item: Item) -> Result<SubscribeResponse, Status> {
    let (what, resume) = match item {
        Item::Event { event, resume } => (What::Event(*event), resume),
        Item::Delta(delta) => (What::Delta(*delta), None),
        Item::Heartbeat { resume } => (What::Heartbeat(Heartbeat {}), resume),
        Item::Lagged(Resume::After(after)) => (
            What::Lagged(Lagged {
                after,
                resume: String::new(),
            }),
            None,
        ),
        Item::Lagged(Resume::Token(resume)) => (
            What::Lagged(Lagged {
                after: 0,
                resume: resume.clone(),
            }),
            Some(resume),
        ),
        Item::Closing(Resume::After(after)) => (
            What::Closing(Closing {
                after,
                resume: String::new(),
            }),
            None,
        ),
        Item::Closing(Resume::Token(resume)) => (
            What::Closing(Closing {
                after: 0,
                resume: resume.clone(),
            }),
            Some(resume),
        ),
        Item::Failed(status) => return Err(status),
    };
    Ok(SubscribeResponse {
        what: Some(what),
        resume: resume.unwrap_or_default(),
    })
}
