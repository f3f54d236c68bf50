//! The workers' door on the orchestrator: what is too large for a message goes through it, authorised by
//! the signed job itself.

use async_trait::async_trait;
use model::{ContentHash, ErrorClass, Failure, media::Media};
use tokio::time::timeout;
use wire::artifact::v1::JobProof;

mod grpc;

pub use grpc::Grpc;

use crate::{
    limits::{DOOR_LIMIT, DOOR_TRIES},
    shared::Backoff,
};

/// Why the door did not give or take something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DoorError {
    /// No answer: ask again.
    #[error("the orchestrator's door does not answer: {0}")]
    Unavailable(String),
    /// It will not, however often it is asked: the lease is no longer current, the job is unknown, the
    /// content too large.
    #[error("the orchestrator's door refuses: {0}")]
    Refused(String),
}

/// Input in and results out, by the authority of a job as it was signed.
#[async_trait]
pub trait Door: Send + Sync {
    /// The job's input, as JSON text.
    async fn job_input(&self, proof: &JobProof) -> Result<String, DoorError>;

    /// Stores a result (at most [`model::limits::MAX_ARTIFACT_BYTES`]); the answer is its hash. Storing the
    /// same again changes nothing.
    async fn put_result(&self, proof: &JobProof, content: &str) -> Result<ContentHash, DoorError>;

    /// Stores a picture (at most [`model::limits::MAX_MEDIA_BYTES`]); the answer is its hash. Storing the
    /// same again changes nothing.
    async fn put_media(&self, proof: &JobProof, media: &Media) -> Result<ContentHash, DoorError>;
}

/// No door: only what fits into messages can be worked on.
#[derive(Debug, Clone, Copy, Default)]
pub struct None;

#[async_trait]
impl Door for None {
    async fn job_input(&self, _proof: &JobProof) -> Result<String, DoorError> {
        Err(DoorError::Refused(
            "this worker was given no door".to_owned(),
        ))
    }

    async fn put_result(
        &self,
        _proof: &JobProof,
        _content: &str,
    ) -> Result<ContentHash, DoorError> {
        Err(DoorError::Refused(
            "this worker was given no door".to_owned(),
        ))
    }

    async fn put_media(&self, _proof: &JobProof, _media: &Media) -> Result<ContentHash, DoorError> {
        Err(DoorError::Refused(
            "this worker was given no door".to_owned(),
        ))
    }
}

/// Asks for a job's input, a few times.
pub(crate) async fn job_input(door: &dyn Door, proof: &JobProof) -> Result<String, Failure> {
    ask(|| door.job_input(proof)).await
}

/// Stores a result, trying a few times, and checks that what was stored is what was made.
pub(crate) async fn put_result(
    door: &dyn Door,
    proof: &JobProof,
    content: &str,
    hash: &ContentHash,
) -> Result<(), Failure> {
    let stored = ask(|| door.put_result(proof, content)).await?;
    same(&stored, hash)
}

/// Stores a picture in the same way.
pub(crate) async fn put_media(
    door: &dyn Door,
    proof: &JobProof,
    media: &Media,
) -> Result<(), Failure> {
    let stored = ask(|| door.put_media(proof, media)).await?;
    same(&stored, &ContentHash::of(&media.content))
}

fn same(stored: &ContentHash, hash: &ContentHash) -> Result<(), Failure> {
    if stored == hash {
        return Ok(());
    }
    let message = "the orchestrator stored another content than was sent; another attempt may help";
    Err(Failure::new(ErrorClass::Transient, message))
}

async fn ask<T, F>(mut call: impl FnMut() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, DoorError>>,
{
    let mut backoff = Backoff::new();
    let mut tries = 1;
    loop {
        let error = match timeout(DOOR_LIMIT, call()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(DoorError::Refused(why))) => {
                let message = DoorError::Refused(why).to_string();
                return Err(Failure::new(ErrorClass::Internal, message));
            }
            Ok(Err(error)) => error,
            Err(_) => DoorError::Unavailable(format!("no answer within {DOOR_LIMIT:?}")),
        };
        if tries >= DOOR_TRIES {
            return Err(Failure::new(ErrorClass::Network, error.to_string()));
        }
        tries += 1;
        backoff.wait().await;
    }
}
