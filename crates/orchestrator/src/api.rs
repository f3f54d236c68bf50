//! The orchestrator's gRPC doors.

mod agent;
mod artifact;
mod auth;
mod campaign;
mod edit;
mod library;
mod media;
mod progress;
mod publication;
mod resolve;
mod review;
mod run;
mod system;
mod view;
mod workflow;

use std::sync::Arc;

use ::service::{
    auth::{Principal, Role},
    http::Readiness,
};
use bus::signature::Verifier;
use engine::Refusal;
use model::{RunId, validate::Problem};
use store::{Library, port::Queries};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status, service::RoutesBuilder};
use wire::problem;

use crate::core::{
    Core,
    commit::{Work, WorkError},
    submit::SubmitError,
};

/// Runs to be cancelled because their caller went away, waiting for the task that does it.
const ABANDONED_QUEUE: usize = 1_024;
/// Largest call of the workers' door: a result of the largest size, and the job that proves its right.
const MAX_UPLOAD_BYTES: usize =
    model::limits::MAX_ARTIFACT_BYTES + model::limits::MAX_REQUEST_BYTES;

/// What every door works with; cheap to clone.
#[derive(Clone)]
pub struct Api {
    core: Core,
    queries: Arc<dyn Queries>,
    library: Arc<dyn Library>,
    verifier: Arc<Verifier>,
    readiness: Readiness,
    abandoned: mpsc::Sender<(Principal, RunId)>,
}

impl Api {
    /// Doors to `core`, and the queue of runs that their callers abandoned: give it to `abandoned`.
    pub fn new(
        core: Core,
        queries: Arc<dyn Queries>,
        library: Arc<dyn Library>,
        verifier: Arc<Verifier>,
        readiness: Readiness,
    ) -> (Self, mpsc::Receiver<(Principal, RunId)>) {
        let (abandoned, queue) = mpsc::channel(ABANDONED_QUEUE);
        (
            Self {
                core,
                queries,
                library,
                verifier,
                readiness,
                abandoned,
            },
            queue,
        )
    }

    /// Adds all services.
    pub fn add_to(&self, grpc: &mut RoutesBuilder) {
        use wire::{
            agent::v1::agent_service_server::AgentServiceServer,
            artifact::v1::artifact_service_server::ArtifactServiceServer,
            auth::v1::auth_service_server::AuthServiceServer,
            campaign::v1::campaign_service_server::CampaignServiceServer,
            library::v1::library_service_server::LibraryServiceServer,
            publication::v1::publication_service_server::PublicationServiceServer,
            review::v1::review_service_server::ReviewServiceServer,
            run::v1::run_service_server::RunServiceServer,
            system::v1::system_service_server::SystemServiceServer,
            workflow::v1::workflow_service_server::WorkflowServiceServer,
        };
        let max = model::limits::MAX_REQUEST_BYTES;
        grpc.add_service(CampaignServiceServer::new(self.clone()).max_decoding_message_size(max))
            .add_service(PublicationServiceServer::new(self.clone()).max_decoding_message_size(max))
            .add_service(ReviewServiceServer::new(self.clone()).max_decoding_message_size(max))
            .add_service(RunServiceServer::new(self.clone()).max_decoding_message_size(max))
            .add_service(
                ArtifactServiceServer::new(self.clone())
                    .max_decoding_message_size(MAX_UPLOAD_BYTES),
            )
            .add_service(AgentServiceServer::new(self.clone()).max_decoding_message_size(max))
            .add_service(LibraryServiceServer::new(self.clone()).max_decoding_message_size(max))
            .add_service(AuthServiceServer::new(self.clone()).max_decoding_message_size(max))
            .add_service(WorkflowServiceServer::new(self.clone()).max_decoding_message_size(max))
            .add_service(SystemServiceServer::new(self.clone()).max_decoding_message_size(max));
    }
}

/// Cancels runs whose caller asked for that and went away.
pub(crate) async fn abandoned(
    core: Core,
    mut queue: mpsc::Receiver<(Principal, RunId)>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    loop {
        let (principal, run) = tokio::select! {
            biased;
            taken = queue.recv() => match taken {
                Some(taken) => taken,
                None => return Ok(()),
            },
            () = stop.cancelled() => return Ok(()),
        };
        let command = engine::Command::Cancel {
            reason: "the caller went away".to_owned(),
            by: principal.by.clone(),
        };
        match core
            .committer
            .run(Work::new(principal.tenant, run.clone(), command))
            .await
        {
            Ok(_) | Err(WorkError::Refused(_)) => {}
            Err(error) => {
                tracing::warn!(%run, %error, "a run whose caller went away cannot be cancelled now")
            }
        }
    }
}

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    Read,
    Change,
    /// What everyone of the tenant works with.
    Keep,
}

/// The caller, when it may do this.
fn permit<T>(request: &Request<T>, right: Right) -> Result<Principal, Status> {
    let any_of: &[Role] = match right {
        Right::Read => &[Role::Viewer],
        Right::Change => &[Role::Editor, Role::Operator],
        Right::Keep => &[Role::Editor],
    };
    Principal::with_role(request.extensions(), any_of).cloned()
}

/// A run id as a caller wrote it.
fn run_id(text: &str) -> Result<RunId, Status> {
    RunId::new(text).map_err(|error| invalid("run_id", error))
}

fn invalid(path: &str, message: impl ToString) -> Status {
    problem::invalid(vec![Problem {
        path: path.to_owned(),
        message: message.to_string(),
    }])
}

impl From<WorkError> for Status {
    fn from(error: WorkError) -> Self {
        let message = error.to_string();
        match error {
            WorkError::NotFound(_) => Self::not_found(message),
            WorkError::KeyTaken(_) => Self::already_exists(message),
            WorkError::Data(_) => Self::invalid_argument(message),
            WorkError::Unavailable(_) => Self::unavailable(message),
            WorkError::Corrupt(_) => {
                tracing::error!(error = message, "a stored record cannot be read");
                Self::data_loss(message)
            }
            WorkError::Refused(refusal) => match refusal {
                Refusal::NeedsRole(_) | Refusal::OwnRun | Refusal::NotAmong(_) => {
                    Self::permission_denied(message)
                }
                Refusal::NotBefore { .. } | Refusal::BackToWhich(_) => invalid("to", message),
                Refusal::Outdated { .. } | Refusal::NotNewest { .. } => Self::aborted(message),
                Refusal::DecidedAlready => Self::already_exists(message),
                Refusal::UnknownStep(_)
                | Refusal::NotAnAgent(_)
                | Refusal::HasItems(_)
                | Refusal::NotAskedFor(_) => invalid("step", message),
                Refusal::TooManyRevisions { .. } => Self::resource_exhausted(message),
                Refusal::Exists => Self::already_exists(message),
                Refusal::Repeated(_)
                | Refusal::UnknownJob(_)
                | Refusal::NotUnderWay(_)
                | Refusal::NothingDue
                | Refusal::Ended
                | Refusal::UnderWay
                | Refusal::Cancelled
                | Refusal::Rejected
                | Refusal::NotFailed(_)
                | Refusal::NoArtifact(_)
                | Refusal::NotInReview(_)
                | Refusal::Paused
                | Refusal::NotPaused => {
                    problem::refused(Code::FailedPrecondition, message, Vec::new())
                }
            },
        }
    }
}

impl From<SubmitError> for Status {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Work(error) => error.into(),
            SubmitError::Held(_) => Self::already_exists(error.to_string()),
            SubmitError::KeyReused(_) => problem::refused(
                Code::AlreadyExists,
                error.to_string(),
                vec![Problem {
                    path: "options.idempotency_key".to_owned(),
                    message: "was used for another input".to_owned(),
                }],
            ),
        }
    }
}
