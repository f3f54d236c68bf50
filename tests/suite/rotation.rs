//! The change of the signing key: jobs under way go on.

use bus::{
    Bus, Subject,
    signature::{Seed, Signer},
};
use model::AgentKind;
use system_tests::{
    brief,
    stack::{Layout, Role, Stack, channel},
};
use tonic::Code;
use wire::artifact::v1::{
    GetJobInputRequest, JobProof, artifact_service_client::ArtifactServiceClient,
};

#[tokio::test]
async fn the_workers_door_takes_jobs_of_the_key_before() -> anyhow::Result<()> {
    let layout = Layout {
        agent_workers: 0,
        audit_workers: 0,
        gateways: 0,
        ..Layout::default()
    };
    let mut stack = Stack::start(&layout).await?;
    let mut request = brief::request("a new key", "parallel");
    request.options.get_or_insert_default().wait_for_workers = true;
    stack.clients()?.submit(&request).await?;
    let bus = stack.bus().await?;
    let mut queue = bus
        .pull(&Subject::jobs_of(&AgentKind::new("copy")?))
        .await?;
    let taken = queue.next(1).await?;
    let job = taken.first().expect("a job").envelope().clone();

    stack.change_signing_key()?;
    stack.process(Role::Orchestrator)?.kill9().await?;
    stack.process(Role::Orchestrator)?.restart().await?;

    let mut door = ArtifactServiceClient::new(channel(stack.url(Role::Orchestrator)?)?);
    let proven = |job: &bus::Envelope| GetJobInputRequest {
        proof: Some(JobProof {
            signature: job.signature.clone(),
            job: job.body.to_vec(),
        }),
    };
    let answer = door.get_job_input(proven(&job)).await?;
    assert!(answer.into_inner().input_json.contains("a new key"));

    let mut forged = job;
    Signer::new(&Seed::generate()?)?.sign_batch(std::slice::from_mut(&mut forged));
    let refused = door.get_job_input(proven(&forged)).await;
    let refused = refused.expect_err("signed by a stranger");
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
    Ok(())
}
