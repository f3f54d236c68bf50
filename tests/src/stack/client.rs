//! Clients of the public APIs, and waiting for what they say.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::Instant;
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};
use wire::{
    artifact::v1::{
        ArtifactVersion, ListVersionsRequest, artifact_service_client::ArtifactServiceClient,
    },
    campaign::v1::{
        GetRequest, OrchestrationResult, SubmitRequest, SubmitResponse,
        campaign_service_client::CampaignServiceClient,
    },
    events::v1::{Event, event_service_client::EventServiceClient},
    run::v1::{self as run, run_service_client::RunServiceClient},
};

/// How long anything may take; only a failure takes so long.
pub const LIMIT: Duration = Duration::from_secs(120);
/// Between two looks at what announces itself in no other way.
const LOOK: Duration = Duration::from_millis(25);

/// Client of the gateway's streams.
pub type Events = EventServiceClient<Channel>;

/// Clients of all services; cheap to clone, bound to the runtime that made them.
#[derive(Clone)]
pub struct Clients {
    /// Submits and results.
    pub campaigns: CampaignServiceClient<Channel>,
    /// Runs.
    pub runs: RunServiceClient<Channel>,
    /// Versions.
    pub artifacts: ArtifactServiceClient<Channel>,
    /// Streams; none without a gateway.
    pub events: Option<Events>,
}

/// A connection that is made when it is first used, and again after it broke.
///
/// # Errors
/// When the address is none.
pub fn channel(url: &str) -> anyhow::Result<Channel> {
    let endpoint = Endpoint::from_shared(url.to_owned())
        .with_context(|| format!("{url} is no address"))?
        .connect_timeout(Duration::from_secs(5));
    Ok(endpoint.connect_lazy())
}

impl Clients {
    /// Clients at these addresses.
    ///
    /// # Errors
    /// When one is no address.
    pub fn new(orchestrator: &str, gateway: Option<&str>) -> anyhow::Result<Self> {
        let orchestrator = channel(orchestrator)?;
        let events = match gateway {
            Some(gateway) => Some(Events::new(channel(gateway)?)),
            None => None,
        };
        Ok(Self {
            campaigns: CampaignServiceClient::new(orchestrator.clone()),
            runs: RunServiceClient::new(orchestrator.clone()),
            artifacts: ArtifactServiceClient::new(orchestrator),
            events,
        })
    }

    /// Submits, again and again while nobody answers or the workers are not heard yet; needs an
    /// idempotency key to be safe.
    ///
    /// # Errors
    /// When it is refused, or nobody answers for [`LIMIT`].
    pub async fn submit(&self, request: &SubmitRequest) -> anyhow::Result<SubmitResponse> {
        patiently(async || {
            let mut campaigns = self.campaigns.clone();
            Ok(campaigns.submit(request.clone()).await?.into_inner())
        })
        .await
    }

    /// The result as it stands.
    ///
    /// # Errors
    /// When it is refused, or nobody answers for [`LIMIT`].
    pub async fn result(&self, run_id: &str) -> anyhow::Result<OrchestrationResult> {
        patiently(async || {
            let request = GetRequest {
                run_id: run_id.to_owned(),
            };
            Ok(self.campaigns.clone().get(request).await?.into_inner())
        })
        .await
    }

    /// The run as it stands.
    ///
    /// # Errors
    /// As [`Clients::result`].
    pub async fn run(&self, run_id: &str) -> anyhow::Result<run::Run> {
        patiently(async || {
            let request = run::GetRequest {
                run_id: run_id.to_owned(),
            };
            Ok(self.runs.clone().get(request).await?.into_inner())
        })
        .await
    }

    /// All versions that a run has stored.
    ///
    /// # Errors
    /// As [`Clients::result`].
    pub async fn versions(&self, run_id: &str) -> anyhow::Result<Vec<ArtifactVersion>> {
        patiently(async || {
            let request = ListVersionsRequest {
                run_id: run_id.to_owned(),
                step: String::new(),
            };
            let answer = self.artifacts.clone().list_versions(request).await?;
            Ok(answer.into_inner().versions)
        })
        .await
    }

    /// All events that the store has of a run.
    ///
    /// # Errors
    /// As [`Clients::result`].
    pub async fn stored_events(&self, run_id: &str) -> anyhow::Result<Vec<Event>> {
        let mut events = Vec::<Event>::new();
        loop {
            let after = events.last().map_or(0, |event| event.sequence);
            let page = patiently(async || {
                let request = run::ListEventsRequest {
                    run_id: run_id.to_owned(),
                    after,
                    limit: 0,
                };
                Ok(self.runs.clone().list_events(request).await?.into_inner())
            })
            .await?;
            let empty = page.events.is_empty();
            events.extend(page.events);
            if empty || events.last().is_some_and(|last| last.sequence >= page.head) {
                return Ok(events);
            }
        }
    }

    /// Waits until the run is at rest; its result then.
    ///
    /// # Errors
    /// When it is not within [`LIMIT`]; the message tells what it waits for.
    pub async fn at_rest(&self, run_id: &str) -> anyhow::Result<OrchestrationResult> {
        let waited = until(&format!("the end of run {run_id}"), async || {
            let run = self.run(run_id).await?;
            Ok((run.status != "running").then_some(()))
        })
        .await;
        if let Err(error) = waited {
            return Err(error.context(self.explained(run_id).await));
        }
        self.result(run_id).await
    }

    /// What a run waits for, for messages.
    pub async fn explained(&self, run_id: &str) -> String {
        let request = run::ExplainRequest {
            run_id: run_id.to_owned(),
        };
        match self.runs.clone().explain(request).await {
            Ok(answer) => format!("{:?}", answer.into_inner()),
            Err(status) => format!("it cannot be explained: {status}"),
        }
    }
}

/// Looks until it is there.
///
/// # Errors
/// When it is not within [`LIMIT`], or a look fails.
pub async fn until<T>(
    what: &str,
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if Instant::now() > end {
            bail!("no sign of {what} within {LIMIT:?}");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Calls until somebody answers.
async fn patiently<T>(mut call: impl AsyncFnMut() -> Result<T, Status>) -> anyhow::Result<T> {
    let end = Instant::now() + LIMIT;
    loop {
        match call().await {
            Ok(answer) => return Ok(answer),
            Err(status) if may_pass(&status) && Instant::now() < end => {
                tokio::time::sleep(LOOK).await;
            }
            Err(status) => return Err(status.into()),
        }
    }
}

/// Whether a call failed because a process was away, and not because it was refused.
fn may_pass(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::Unknown | Code::Cancelled | Code::DeadlineExceeded
    ) || status.code() == Code::Internal && status.message().contains("h2 protocol error")
        || status.code() == Code::FailedPrecondition && status.message().contains("no live worker")
}
