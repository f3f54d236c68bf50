//! The orchestrator's services, called with one caller's own key.

use tonic::{Request, transport::Channel};
use wire::{
    agent::v1::agent_service_client::AgentServiceClient,
    artifact::v1::artifact_service_client::ArtifactServiceClient,
    campaign::v1::campaign_service_client::CampaignServiceClient,
    review::v1::review_service_client::ReviewServiceClient,
    run::v1::run_service_client::RunServiceClient,
};

use crate::{
    history::{
        Error,
        grpc::{Key, Orchestrator},
    },
    limits::MAX_ANSWER_BYTES,
};

/// The services as one caller sees them; cheap to clone.
#[derive(Clone)]
pub(crate) struct Calls {
    channel: Channel,
    key: Key,
}

impl Calls {
    /// As the owner of `key`; without a key, as a caller on this machine.
    ///
    /// # Errors
    /// [`Error::Denied`] for a key with characters that no key has.
    pub(crate) fn new(orchestrator: &Orchestrator, key: Option<&str>) -> Result<Self, Error> {
        Ok(Self {
            channel: orchestrator.channel(),
            key: Key::new(key)?,
        })
    }

    /// A message with the caller's key and our time limit.
    pub(crate) fn on<T>(&self, message: T) -> Request<T> {
        self.key.on(message)
    }

    /// Submits and results.
    pub(crate) fn campaigns(&self) -> CampaignServiceClient<Channel> {
        CampaignServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    /// Runs of any workflow.
    pub(crate) fn runs(&self) -> RunServiceClient<Channel> {
        RunServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    /// Agents and workers that are alive.
    pub(crate) fn agents(&self) -> AgentServiceClient<Channel> {
        AgentServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    /// What people decide.
    pub(crate) fn reviews(&self) -> ReviewServiceClient<Channel> {
        ReviewServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    /// Artifact versions.
    pub(crate) fn artifacts(&self) -> ArtifactServiceClient<Channel> {
        ArtifactServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }
}
