//! All routes of the JSON API.

use wire::{
    agent::v1 as agent, artifact::v1 as artifact, auth::v1 as auth, campaign::v1 as campaign,
    library::v1 as library, publication::v1 as publication, review::v1 as review, run::v1 as run,
    workflow::v1 as workflow,
};

use super::{
    call::{content, generating, picture, started},
    route::{Answer, Route},
};

/// Waits for the result of a campaign: it has no answer before the run is at rest.
pub const RUN_CAMPAIGN: &str = "/v1/campaigns/run";

/// The routes, in the order of the document.
pub static ROUTES: [Route; 39] = [
    Route::post::<campaign::SubmitRequest, campaign::SubmitResponse>(
        "/v1/campaigns",
        "pressrun.campaign.v1.CampaignService.Submit",
        "submitCampaign",
        "Submit a brief",
    )
    .keyed()
    .answers(Answer::Started, started),
    Route::post::<campaign::SubmitRequest, campaign::OrchestrationResult>(
        RUN_CAMPAIGN,
        "pressrun.campaign.v1.CampaignService.Run",
        "runCampaign",
        "Submit a brief and wait for the result",
    )
    .keyed()
    .patient(),
    Route::get::<campaign::GetRequest, campaign::OrchestrationResult>(
        "/v1/campaigns/{run_id}",
        "pressrun.campaign.v1.CampaignService.Get",
        "getCampaign",
        "The result of a campaign",
    ),
    Route::get::<campaign::GetRequest, campaign::CampaignBrief>(
        "/v1/campaigns/{run_id}/brief",
        "pressrun.campaign.v1.CampaignService.GetBrief",
        "getCampaignBrief",
        "The brief of a campaign",
    ),
    Route::post::<campaign::CancelRequest, campaign::CancelResponse>(
        "/v1/campaigns/{run_id}/cancel",
        "pressrun.campaign.v1.CampaignService.Cancel",
        "cancelCampaign",
        "Stop a campaign",
    )
    .body_optional(),
    Route::post::<campaign::RegenerateRequest, campaign::RegenerateResponse>(
        "/v1/campaigns/{run_id}/regenerate",
        "pressrun.campaign.v1.CampaignService.Regenerate",
        "regenerateCampaign",
        "Make an artifact of a campaign anew",
    ),
    Route::post::<
        publication::GenerateCampaignContentRequest,
        publication::GenerateCampaignContentResponse,
    >(
        "/v1/publications",
        "pressrun.publication.v1.PublicationService.GenerateCampaignContent",
        "generatePublications",
        "Make the publications of a content plan",
    )
    .keyed()
    .answers(Answer::Started, generating),
    Route::get::<publication::GetGenerationProgressRequest, publication::GenerationProgress>(
        "/v1/campaigns/{campaign_id}/progress",
        "pressrun.publication.v1.PublicationService.GetGenerationProgress",
        "getGenerationProgress",
        "How far the publications of a campaign are",
    ),
    Route::get::<publication::IsGenerationActiveRequest, publication::IsGenerationActiveResponse>(
        "/v1/campaigns/{campaign_id}/generation",
        "pressrun.publication.v1.PublicationService.IsGenerationActive",
        "isGenerationActive",
        "Whether publications of a campaign are being made",
    ),
    Route::post::<publication::CancelGenerationRequest, publication::CancelGenerationResponse>(
        "/v1/campaigns/{campaign_id}/generation/cancel",
        "pressrun.publication.v1.PublicationService.CancelGeneration",
        "cancelGeneration",
        "Stop the making of a campaign's publications",
    )
    .body_optional(),
    Route::get::<run::ListRequest, run::ListResponse>(
        "/v1/runs",
        "pressrun.run.v1.RunService.List",
        "listRuns",
        "Runs, newest first",
    ),
    Route::get::<run::GetRequest, run::Run>(
        "/v1/runs/{run_id}",
        "pressrun.run.v1.RunService.Get",
        "getRun",
        "A run with its steps",
    ),
    Route::get::<run::ExplainRequest, run::ExplainResponse>(
        "/v1/runs/{run_id}/explain",
        "pressrun.run.v1.RunService.Explain",
        "explainRun",
        "What each step of a run waits for",
    ),
    Route::get::<run::ListEventsRequest, run::ListEventsResponse>(
        "/v1/runs/{run_id}/events",
        "pressrun.run.v1.RunService.ListEvents",
        "listRunEvents",
        "Events of a run after a number",
    ),
    Route::post::<run::CancelRequest, run::CancelResponse>(
        "/v1/runs/{run_id}/cancel",
        "pressrun.run.v1.RunService.Cancel",
        "cancelRun",
        "Stop a run",
    )
    .body_optional(),
    Route::post::<run::RegenerateRequest, run::RegenerateResponse>(
        "/v1/runs/{run_id}/regenerate",
        "pressrun.run.v1.RunService.Regenerate",
        "regenerateRun",
        "Make an artifact of a run anew",
    ),
    Route::post::<run::PauseRequest, run::CommandResponse>(
        "/v1/runs/{run_id}/pause",
        "pressrun.run.v1.RunService.Pause",
        "pauseRun",
        "Begin nothing new of a run",
    )
    .body_optional(),
    Route::post::<run::ResumeRequest, run::CommandResponse>(
        "/v1/runs/{run_id}/resume",
        "pressrun.run.v1.RunService.Resume",
        "resumeRun",
        "Go on with a paused run",
    )
    .body_optional(),
    Route::post::<run::RetryRequest, run::CommandResponse>(
        "/v1/runs/{run_id}/retry",
        "pressrun.run.v1.RunService.Retry",
        "retryStep",
        "Do a step of a run again that failed",
    ),
    Route::get::<review::ListRequest, review::ListResponse>(
        "/v1/reviews",
        "pressrun.review.v1.ReviewService.List",
        "listReviews",
        "What waits for people, the longest first",
    ),
    Route::get::<review::GetRequest, review::Review>(
        "/v1/runs/{run_id}/reviews/{step}",
        "pressrun.review.v1.ReviewService.Get",
        "getReview",
        "A review of a run",
    ),
    Route::post::<review::DecideRequest, review::DecideResponse>(
        "/v1/runs/{run_id}/reviews/{step}/decide",
        "pressrun.review.v1.ReviewService.Decide",
        "decideReview",
        "Approve, reject or send back",
    ),
    Route::post::<artifact::EditRequest, artifact::EditResponse>(
        "/v1/runs/{run_id}/artifacts/{step}/edit",
        "pressrun.artifact.v1.ArtifactService.Edit",
        "editArtifact",
        "Put a version of your own in an artifact's place",
    ),
    Route::get::<artifact::ListVersionsRequest, artifact::ListVersionsResponse>(
        "/v1/runs/{run_id}/artifacts",
        "pressrun.artifact.v1.ArtifactService.ListVersions",
        "listArtifacts",
        "Versions of all artifacts of a run",
    ),
    Route::get::<artifact::ListVersionsRequest, artifact::ListVersionsResponse>(
        "/v1/runs/{run_id}/artifacts/{step}/versions",
        "pressrun.artifact.v1.ArtifactService.ListVersions",
        "listArtifactVersions",
        "Versions of an artifact",
    ),
    Route::get::<artifact::GetVersionRequest, artifact::ArtifactVersion>(
        "/v1/runs/{run_id}/artifacts/{step}/versions/{version}",
        "pressrun.artifact.v1.ArtifactService.GetVersion",
        "getArtifactVersion",
        "A version of an artifact with its content",
    ),
    Route::get::<artifact::GetVersionRequest, artifact::ArtifactVersion>(
        "/v1/runs/{run_id}/artifacts/{step}/versions/{version}/content",
        "pressrun.artifact.v1.ArtifactService.GetVersion",
        "getArtifactContent",
        "The exact bytes of a version",
    )
    .answers(Answer::Content, content),
    Route::get::<artifact::GetMediaRequest, artifact::Media>(
        "/v1/media/{hash}",
        "pressrun.artifact.v1.ArtifactService.GetMedia",
        "getMedia",
        "A picture that an artifact names by its hash",
    )
    .answers(Answer::Picture, picture),
    Route::get::<library::ListRequest, library::ListResponse>(
        "/v1/library/{kind}",
        "pressrun.library.v1.LibraryService.List",
        "listLibrary",
        "Brands, templates or resources, by name",
    ),
    Route::get::<library::GetRequest, library::Entry>(
        "/v1/library/{kind}/{name}",
        "pressrun.library.v1.LibraryService.Get",
        "getLibraryEntry",
        "A brand, a template or a resource",
    ),
    Route::put::<library::PutRequest, library::Entry>(
        "/v1/library/{kind}/{name}",
        "pressrun.library.v1.LibraryService.Put",
        "putLibraryEntry",
        "Keep a brand, a template or a resource",
    ),
    Route::delete::<library::DeleteRequest, library::DeleteResponse>(
        "/v1/library/{kind}/{name}",
        "pressrun.library.v1.LibraryService.Delete",
        "deleteLibraryEntry",
        "Take a brand, a template or a resource out of use",
    ),
    Route::get::<library::ListVersionsRequest, library::ListVersionsResponse>(
        "/v1/library/{kind}/{name}/versions",
        "pressrun.library.v1.LibraryService.ListVersions",
        "listLibraryVersions",
        "Versions of a brand, a template or a resource",
    ),
    Route::post::<workflow::CheckRequest, workflow::Workflow>(
        "/v1/workflows/check",
        "pressrun.workflow.v1.WorkflowService.Check",
        "checkWorkflow",
        "Check a definition",
    ),
    Route::get::<workflow::GetRequest, workflow::Workflow>(
        "/v1/workflows/{name}",
        "pressrun.workflow.v1.WorkflowService.Get",
        "getWorkflow",
        "A workflow as a graph",
    ),
    Route::post::<workflow::StartRequest, workflow::StartResponse>(
        "/v1/workflows/{workflow}/runs",
        "pressrun.workflow.v1.WorkflowService.Start",
        "startWorkflow",
        "Start a run of a definition that is kept",
    ),
    Route::get::<agent::ListRequest, agent::ListResponse>(
        "/v1/agents",
        "pressrun.agent.v1.AgentService.List",
        "listAgents",
        "Agents that are alive",
    ),
    Route::get::<agent::ListWorkersRequest, agent::ListWorkersResponse>(
        "/v1/workers",
        "pressrun.agent.v1.AgentService.ListWorkers",
        "listWorkers",
        "Workers that are alive",
    ),
    Route::get::<auth::WhoAmIRequest, auth::WhoAmIResponse>(
        "/v1/me",
        "pressrun.auth.v1.AuthService.WhoAmI",
        "whoAmI",
        "Whose the key is",
    ),
];

/// Methods that are not for users of the JSON API, and why.
pub const NOT_HERE: [(&str, &str); 6] = [
    (
        "pressrun.system.v1.SystemService.GetStatus",
        "how one orchestrator stands; `pressrun doctor` asks it itself",
    ),
    (
        "pressrun.artifact.v1.ArtifactService.GetJobInput",
        "the workers' door",
    ),
    (
        "pressrun.artifact.v1.ArtifactService.PutResult",
        "the workers' door",
    ),
    (
        "pressrun.artifact.v1.ArtifactService.PutMedia",
        "the workers' door",
    ),
    (
        "pressrun.run.v1.RunService.ListChanged",
        "the gateway asks it to fill gaps",
    ),
    (
        "pressrun.events.v1.EventService.Subscribe",
        "a stream: GET /v1/events and /v1/events/ws",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::api::contract::Contract;

    #[test]
    fn everything_that_grpc_offers_has_a_route() {
        let with_route: BTreeSet<_> = ROUTES.iter().map(|route| route.rpc).collect();
        let not_here: BTreeSet<_> = NOT_HERE.iter().map(|(rpc, _)| *rpc).collect();
        let methods = Contract::get().methods();
        let without: Vec<_> = methods
            .map(|method| method.name.as_str())
            .filter(|name| !with_route.contains(name) && !not_here.contains(name))
            .collect();
        assert_eq!(
            without,
            Vec::<&str>::new(),
            "add a route, or a reason to NOT_HERE"
        );
    }

    #[test]
    fn routes_are_of_their_methods_messages_and_fields() {
        let contract = Contract::get();
        let mut ids = BTreeSet::new();
        for route in &ROUTES {
            let method = contract.method(route.rpc).expect(route.rpc);
            assert!(!method.streams, "{}", route.rpc);
            assert_eq!(
                route.messages(),
                (method.input.clone(), method.output.clone()),
                "{}",
                route.rpc
            );
            let input = contract.message(&method.input).expect("a message");
            for field in route.path_fields() {
                assert!(input.field(field).is_some(), "{}: {field}", route.path);
            }
            assert!(ids.insert(route.id), "{} is taken", route.id);
        }
    }
}
