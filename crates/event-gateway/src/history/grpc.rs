//! History from the orchestrator, read with the caller's own key.

use std::time::Duration;

use async_trait::async_trait;
use model::{RunId, Timestamp};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};
use wire::run::v1::{ListChangedRequest, ListEventsRequest, run_service_client::RunServiceClient};

use super::{Changed, Error, History, Page};
use crate::limits::{HISTORY_PAGE, MAX_CHANGED_PAGES};

/// Longest wait for an answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// The orchestrator as one caller sees it.
#[derive(Clone)]
pub struct Grpc {
    channel: Channel,
    key: Option<MetadataValue<Ascii>>,
}

impl Grpc {
    /// History over this channel. `key` is the value of the caller's `authorization` header.
    pub fn new(channel: Channel, key: Option<MetadataValue<Ascii>>) -> Self {
        Self { channel, key }
    }

    fn client(&self) -> RunServiceClient<Channel> {
        RunServiceClient::new(self.channel.clone()).max_decoding_message_size(model::limits::MAX_REQUEST_BYTES * 4)
    }

    /// A request with the caller's key and our deadline.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(DEADLINE);
        if let Some(key) = &self.key {
            request.metadata_mut().insert("authorization", key.clone());
        }
        request
    }
}

fn error(status: &Status, run: Option<&RunId>) -> Error {
    let message = status.message().to_owned();
    match (status.code(), run) {
        (Code::NotFound, Some(run)) => Error::NotFound(run.clone()),
        (Code::Unauthenticated | Code::PermissionDenied | Code::InvalidArgument, _) => Error::Denied(message),
        _ => Error::Unavailable(message),
    }
}

#[async_trait]
impl History for Grpc {
    async fn events(&self, run: &RunId, after: u64) -> Result<Page, Error> {
        let request = ListEventsRequest { run_id: run.to_string(), after, limit: HISTORY_PAGE };
        let answer = self.client().list_events(self.request(request)).await;
        let answer = answer.map_err(|status| error(&status, Some(run)))?.into_inner();
        Ok(Page { events: answer.events, head: answer.head, at_rest: answer.at_rest })
    }

    async fn changed(&self, since: Timestamp) -> Result<Vec<Changed>, Error> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        for _ in 0..MAX_CHANGED_PAGES {
            let request = ListChangedRequest { since: Some(since.into()), cursor };
            let answer = self.client().list_changed(self.request(request)).await;
            let answer = answer.map_err(|status| error(&status, None))?.into_inner();
            all.extend(answer.runs.into_iter().filter_map(|changed| {
                Some(Changed { run: RunId::new(changed.run_id).ok()?, sequence: changed.sequence })
            }));
            cursor = answer.next_cursor;
            if cursor.is_empty() {
                break;
            }
        }
        Ok(all)
    }
}
