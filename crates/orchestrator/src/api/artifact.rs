//! `ArtifactService`: versions for people, and the workers' door.

use bus::{Envelope, Subject};
use bytes::Bytes;
use model::{
    AgentKind, ContentHash, JobId, RunId, StepName, TenantId,
    limits::{MAX_ARTIFACT_BYTES, MAX_REQUEST_BYTES},
    media::Media,
};
use store::port::{Blob, VersionRow};
use tonic::{Request, Response, Status};
use wire::{
    artifact::v1::{self as proto, artifact_service_server::ArtifactService},
    job::v1::Job,
};

use super::{Api, Right, invalid, media, permit, run_id};
use crate::core::{
    commit::WorkError,
    dispatch::{self, JOB_TYPE},
    held::Held,
};

#[tonic::async_trait]
impl ArtifactService for Api {
    async fn list_versions(
        &self,
        request: Request<proto::ListVersionsRequest>,
    ) -> Result<Response<proto::ListVersionsResponse>, Status> {
        let principal = permit(&request, Right::Read)?;
        let request = request.into_inner();
        let run = run_id(&request.run_id)?;
        let step = match request.step.as_str() {
            "" => None,
            name => Some(StepName::new(name).map_err(|error| invalid("step", error))?),
        };
        let held = self.held(&principal.tenant, &request.run_id).await?;
        let rows = self
            .queries
            .versions(&principal.tenant, &run, step.as_ref())
            .await
            .map_err(WorkError::from)?;
        let versions = rows.iter().map(|row| version(&held, row)).collect();
        Ok(Response::new(proto::ListVersionsResponse { versions }))
    }

    async fn get_version(
        &self,
        request: Request<proto::GetVersionRequest>,
    ) -> Result<Response<proto::ArtifactVersion>, Status> {
        let principal = permit(&request, Right::Read)?;
        let request = request.into_inner();
        let run = run_id(&request.run_id)?;
        let step = StepName::new(request.step.as_str()).map_err(|error| invalid("step", error))?;
        let held = self.held(&principal.tenant, &request.run_id).await?;
        let number = match request.version {
            0 => active(&held, &step).unwrap_or(0),
            number => number,
        };
        let rows = self
            .queries
            .versions(&principal.tenant, &run, Some(&step))
            .await
            .map_err(WorkError::from)?;
        let row = rows
            .iter()
            .find(|row| row.version == number)
            .ok_or_else(|| {
                Status::not_found(format!("step {step} of run {run} has no such version"))
            })?;
        let wanted = [(step.clone(), number, row.hash.clone())];
        let contents = self
            .core
            .contents
            .results(&principal.tenant, &run, &wanted)
            .await
            .map_err(WorkError::from)?;
        let content = contents
            .get(&step)
            .ok_or_else(|| Status::data_loss("the version's content is missing"))?;
        Ok(Response::new(proto::ArtifactVersion {
            content_json: content.to_string(),
            ..version(&held, row)
        }))
    }

    async fn edit(
        &self,
        request: Request<proto::EditRequest>,
    ) -> Result<Response<proto::EditResponse>, Status> {
        self.edit_artifact(request).await
    }

    async fn get_job_input(
        &self,
        request: Request<proto::GetJobInputRequest>,
    ) -> Result<Response<proto::GetJobInputResponse>, Status> {
        let (held, step) = self.proven(request.into_inner().proof).await?;
        let input = dispatch::input(&self.core.contents, &held, &step)
            .await
            .map_err(WorkError::from)?;
        Ok(Response::new(proto::GetJobInputResponse {
            input_json: input,
        }))
    }

    async fn put_result(
        &self,
        request: Request<proto::PutResultRequest>,
    ) -> Result<Response<proto::PutResultResponse>, Status> {
        let proto::PutResultRequest {
            proof,
            content_json,
        } = request.into_inner();
        let (held, _) = self.proven(proof).await?;
        wire::json::checked(content_json.as_bytes(), MAX_ARTIFACT_BYTES)
            .map_err(|error| invalid("content_json", error))?;
        let hash = ContentHash::of(content_json.as_bytes());
        let blob = Blob {
            hash: hash.clone(),
            content: content_json,
        };
        self.core
            .ports
            .store
            .save_blobs(&held.run.tenant, vec![blob])
            .await
            .map_err(WorkError::from)?;
        Ok(Response::new(proto::PutResultResponse {
            hash: hash.to_string(),
        }))
    }

    async fn get_media(
        &self,
        request: Request<proto::GetMediaRequest>,
    ) -> Result<Response<proto::Media>, Status> {
        let principal = permit(&request, Right::Read)?;
        let hash =
            ContentHash::new(request.into_inner().hash).map_err(|error| invalid("hash", error))?;
        let found = self.picture(&principal.tenant, &hash).await?;
        let found = found.ok_or_else(|| Status::not_found("there is no picture of this hash"))?;
        if ContentHash::of(&found.content) != hash {
            return Err(Status::data_loss(
                "the picture is not the one that was stored",
            ));
        }
        Ok(Response::new(proto::Media {
            hash: hash.to_string(),
            media_type: found.media_type.to_string(),
            content: found.content,
        }))
    }

    async fn put_media(
        &self,
        request: Request<proto::PutMediaRequest>,
    ) -> Result<Response<proto::PutMediaResponse>, Status> {
        let proto::PutMediaRequest {
            proof,
            media_type,
            content,
        } = request.into_inner();
        let (held, _) = self.proven(proof).await?;
        let media = Media {
            media_type: media_type
                .parse()
                .map_err(|error| invalid("media_type", error))?,
            content,
        };
        let blob = media::blob(&media).map_err(|error| invalid("content", error))?;
        let hash = blob.hash.clone();
        self.core
            .ports
            .store
            .save_blobs(&held.run.tenant, vec![blob])
            .await
            .map_err(WorkError::from)?;
        Ok(Response::new(proto::PutMediaResponse {
            hash: hash.to_string(),
        }))
    }
}

impl Api {
    /// A tenant's blob that is a picture. Other blobs (briefs, large results) are not shown: they have
    /// their own ways.
    async fn picture(
        &self,
        tenant: &TenantId,
        hash: &ContentHash,
    ) -> Result<Option<Media>, Status> {
        let blob = self.core.contents.blob(tenant, hash).await;
        let blob = blob.map_err(WorkError::from)?;
        Ok(blob.and_then(|content| media::media(&content)))
    }

    /// The run and step of a job that a worker holds: the job's own signature shows that we sent it, its
    /// lease token that it is still wanted.
    async fn proven(&self, proof: Option<proto::JobProof>) -> Result<(Held, StepName), Status> {
        let proof = proof
            .ok_or_else(|| Status::unauthenticated("the job's own message is missing as proof"))?;
        let refused = |why: &dyn std::fmt::Display| {
            Status::permission_denied(format!("the proof is not accepted: {why}"))
        };
        let job: Job = wire::json::from_json(&proof.job, MAX_REQUEST_BYTES)
            .map_err(|error| refused(&error))?;
        let id = JobId::new(job.id).map_err(|error| refused(&error))?;
        let agent = AgentKind::new(job.agent).map_err(|error| refused(&error))?;
        let envelope = Envelope {
            subject: Subject::job(&agent, &id),
            id: format!("{id}.{}", job.token),
            kind: JOB_TYPE.to_owned(),
            traceparent: String::new(),
            signature: proof.signature,
            body: Bytes::from(proof.job),
        };
        self.verifier
            .verify(&envelope)
            .map_err(|error| refused(&error))?;
        let tenant = TenantId::new(job.tenant).map_err(|error| refused(&error))?;
        let run = RunId::new(job.run_id).map_err(|error| refused(&error))?;
        let held = self.core.committer.read(&tenant, &run).await?;
        let under_way = engine::outstanding(&held.run);
        match under_way.jobs.get(&(id, job.token)) {
            Some(job) => Ok((held, job.step.clone())),
            None => Err(Status::failed_precondition(
                "the job is no longer under way under this lease token",
            )),
        }
    }
}

fn active(held: &Held, step: &StepName) -> Option<u32> {
    Some(held.run.steps.get(step)?.result.as_ref()?.version)
}

fn version(held: &Held, row: &VersionRow) -> proto::ArtifactVersion {
    proto::ArtifactVersion {
        run_id: held.run.id.to_string(),
        step: row.step.to_string(),
        version: row.version,
        hash: row.hash.to_string(),
        active: active(held, &row.step) == Some(row.version),
        content_json: String::new(),
        agent: row.provenance.agent.clone(),
        model: row.provenance.model.clone(),
        prompt_version: row.provenance.prompt_version.clone(),
        worker: row.provenance.worker.clone(),
        input_tokens: row.provenance.usage.input_tokens,
        output_tokens: row.provenance.usage.output_tokens,
        cost_microusd: row.provenance.usage.cost_microusd,
        created: Some(row.created.into()),
    }
}
