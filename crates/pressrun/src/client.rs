//! Calls of the services.

use anyhow::Context;
use service::trace::Place;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};
use wire::{
    agent::v1::agent_service_client::AgentServiceClient,
    artifact::v1::artifact_service_client::ArtifactServiceClient,
    auth::v1::auth_service_client::AuthServiceClient,
    campaign::v1::campaign_service_client::CampaignServiceClient,
    events::v1::event_service_client::EventServiceClient,
    library::v1::library_service_client::LibraryServiceClient,
    review::v1::review_service_client::ReviewServiceClient,
    run::v1::run_service_client::RunServiceClient,
    system::v1::system_service_client::SystemServiceClient,
    workflow::v1::workflow_service_client::WorkflowServiceClient,
};

use crate::Failure;

/// Largest answer taken: a result with all its artifacts.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

type Keyed = InterceptedService<Channel, Key>;

/// The services, as one caller.
#[derive(Clone)]
pub(crate) struct Client {
    orchestrator: Channel,
    gateway: Channel,
    key: Key,
}

#[derive(Clone)]
pub(crate) struct Key(Option<MetadataValue<Ascii>>);

impl Interceptor for Key {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(key) = &self.0 {
            request.metadata_mut().insert("authorization", key.clone());
        }
        Ok(Place::current().on(request))
    }
}

impl Client {
    /// Connects at the first call.
    pub(crate) fn new(
        orchestrator: &str,
        gateway: &str,
        key: Option<&str>,
    ) -> Result<Self, Failure> {
        let key = match key {
            None => None,
            Some(key) => {
                let mut value: MetadataValue<Ascii> = format!("Bearer {key}")
                    .parse()
                    .context("the API key has characters that no key has")?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Self {
            orchestrator: channel(orchestrator)?,
            gateway: channel(gateway)?,
            key: Key(key),
        })
    }

    pub(crate) fn campaigns(&self) -> CampaignServiceClient<Keyed> {
        CampaignServiceClient::with_interceptor(self.orchestrator.clone(), self.key.clone())
            .max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn runs(&self) -> RunServiceClient<Keyed> {
        RunServiceClient::with_interceptor(self.orchestrator.clone(), self.key.clone())
            .max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn reviews(&self) -> ReviewServiceClient<Keyed> {
        ReviewServiceClient::with_interceptor(self.orchestrator.clone(), self.key.clone())
    }

    pub(crate) fn workflows(&self) -> WorkflowServiceClient<Keyed> {
        WorkflowServiceClient::with_interceptor(self.orchestrator.clone(), self.key.clone())
    }

    pub(crate) fn artifacts(&self) -> ArtifactServiceClient<Keyed> {
        ArtifactServiceClient::with_interceptor(self.orchestrator.clone(), self.key.clone())
            .max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn agents(&self) -> AgentServiceClient<Keyed> {
        AgentServiceClient::with_interceptor(self.orchestrator.clone(), self.key.clone())
            .max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn library(&self) -> LibraryServiceClient<Keyed> {
        LibraryServiceClient::with_interceptor(self.orchestrator.clone(), self.key.clone())
            .max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn auth(&self) -> AuthServiceClient<Keyed> {
        AuthServiceClient::with_interceptor(self.orchestrator.clone(), self.key.clone())
    }

    pub(crate) fn system(&self) -> SystemServiceClient<Keyed> {
        SystemServiceClient::with_interceptor(self.orchestrator.clone(), self.key.clone())
    }

    pub(crate) fn events(&self) -> EventServiceClient<Keyed> {
        EventServiceClient::with_interceptor(self.gateway.clone(), self.key.clone())
    }
}

fn channel(url: &str) -> Result<Channel, Failure> {
    let endpoint =
        Endpoint::from_shared(url.to_owned()).with_context(|| format!("`{url}` is no address"))?;
    Ok(endpoint
        .user_agent(service::build_info::USER_AGENT)
        .context("the user agent")?
        .connect_lazy())
}
