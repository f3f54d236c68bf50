//! The door over gRPC: `ArtifactService` of the orchestrator.

use async_trait::async_trait;
use bus::limits::MAX_MESSAGE_BYTES;
use model::{ContentHash, limits::MAX_ARTIFACT_BYTES, media::Media};
use service::trace::Place;
use tonic::{
    Code, Request, Status,
    transport::{Channel, Endpoint},
};
use wire::artifact::v1::{
    GetJobInputRequest, JobProof, PutMediaRequest, PutResultRequest,
    artifact_service_client::ArtifactServiceClient,
};

use super::{Door, DoorError};
use crate::limits::{DOOR_LIMIT, MAX_INPUT_BYTES};

/// The door over gRPC. Connects when it is first needed and again by itself.
#[derive(Debug, Clone)]
pub struct Grpc {
    client: ArtifactServiceClient<Channel>,
}

impl Grpc {
    /// The door at an address such as `http://orchestrator:7400`.
    ///
    /// # Errors
    /// When the address is no http(s) address.
    pub fn new(address: &str) -> Result<Self, DoorError> {
        let wrong = |why: String| {
            DoorError::Refused(format!(
                "`{address}` is no address of an orchestrator: {why}"
            ))
        };
        let endpoint =
            Endpoint::from_shared(address.to_owned()).map_err(|error| wrong(error.to_string()))?;
        if !matches!(endpoint.uri().scheme_str(), Some("http" | "https")) {
            return Err(wrong("expected http://host:port".to_owned()));
        }
        let channel = endpoint
            .connect_timeout(DOOR_LIMIT)
            .timeout(DOOR_LIMIT)
            .http2_keep_alive_interval(std::time::Duration::from_secs(30))
            .keep_alive_timeout(DOOR_LIMIT)
            .connect_lazy();
        let client = ArtifactServiceClient::new(channel)
            .max_decoding_message_size(MAX_INPUT_BYTES)
            // A result travels together with the job that authorises it.
            .max_encoding_message_size(MAX_ARTIFACT_BYTES + MAX_MESSAGE_BYTES + 1024);
        Ok(Self { client })
    }
}

#[async_trait]
impl Door for Grpc {
    async fn job_input(&self, proof: &JobProof) -> Result<String, DoorError> {
        let request = GetJobInputRequest {
            proof: Some(proof.clone()),
        };
        let answer = self
            .client
            .clone()
            .get_job_input(Place::current().on(Request::new(request)))
            .await
            .map_err(door_error)?;
        Ok(answer.into_inner().input_json)
    }

    async fn put_result(&self, proof: &JobProof, content: &str) -> Result<ContentHash, DoorError> {
        let request = PutResultRequest {
            proof: Some(proof.clone()),
            content_json: content.to_owned(),
        };
        let answer = self
            .client
            .clone()
            .put_result(Place::current().on(Request::new(request)))
            .await
            .map_err(door_error)?;
        ContentHash::new(answer.into_inner().hash)
            .map_err(|error| DoorError::Refused(error.to_string()))
    }

    async fn put_media(&self, proof: &JobProof, media: &Media) -> Result<ContentHash, DoorError> {
        let request = PutMediaRequest {
            proof: Some(proof.clone()),
            media_type: media.media_type.to_string(),
            content: media.content.clone(),
        };
        let answer = self
            .client
            .clone()
            .put_media(Place::current().on(Request::new(request)))
            .await
            .map_err(door_error)?;
        ContentHash::new(answer.into_inner().hash)
            .map_err(|error| DoorError::Refused(error.to_string()))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
fn door_error(status: Status) -> DoorError {
    let why = format!("{:?}: {}", status.code(), status.message());
    match status.code() {
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::DataLoss => DoorError::Refused(why),
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable => DoorError::Unavailable(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_an_address_is_taken() {
        for bad in ["", "orchestrator", "ftp://a:1", "http://"] {
            assert!(
                matches!(Grpc::new(bad), Err(DoorError::Refused(_))),
                "{bad:?}"
            );
        }
        assert!(Grpc::new("http://127.0.0.1:7400").is_ok());
    }

    #[tokio::test]
    async fn nobody_there_is_a_reason_to_ask_again() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        drop(listener);
        let door = Grpc::new(&address).expect("an address");
        let answer = door.job_input(&JobProof::default()).await;
        assert!(
            matches!(answer, Err(DoorError::Unavailable(_))),
            "{answer:?}"
        );
    }
}
