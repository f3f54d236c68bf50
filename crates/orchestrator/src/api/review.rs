//! `ReviewService`: what waits for people, and their decisions.

use std::collections::BTreeMap;

use ::service::auth::{Principal, Role};
use engine::{
    Command,
    command::Person,
    review::{self, Review, Verdict},
};
use model::{ContentHash, RunId, StepName, Timestamp};
use store::port::{Blob, OpenReview};
use tonic::{Request, Response, Status};
use wire::review::v1::{self as proto, review_service_server::ReviewService};
use workflow::StepKind;

use super::{Api, Right, invalid, permit};
use crate::core::{commit::WorkError, held::Held, limits::MAX_NOTE_CHARS};

/// Reviews on a page when the caller does not say.
const PAGE: u32 = 50;
/// Most reviews on a page.
const MAX_PAGE: u32 = 200;

#[tonic::async_trait]
impl ReviewService for Api {
    async fn list(
        &self,
        request: Request<proto::ListRequest>,
    ) -> Result<Response<proto::ListResponse>, Status> {
        let principal = permit(&request, Right::Read)?;
        let request = request.into_inner();
        let size = match request.page_size {
            0 => PAGE,
            size => size.min(MAX_PAGE),
        } as usize;
        let after = cursor(&request.cursor)?;
        let mut rows = self
            .queries
            .reviews(&principal.tenant, after.as_ref(), size + 1)
            .await
            .map_err(WorkError::from)?;
        let more = rows.len() > size;
        rows.truncate(size);
        let next = rows.last().filter(|_| more).map(|last| {
            let OpenReview { run, row, .. } = last;
            format!("{}.{}.{run}", row.since.0, row.step)
        });
        Ok(Response::new(proto::ListResponse {
            reviews: rows.into_iter().map(waiting).collect(),
            next_cursor: next.unwrap_or_default(),
        }))
    }

    async fn get(
        &self,
        request: Request<proto::GetRequest>,
    ) -> Result<Response<proto::Review>, Status> {
        let principal = permit(&request, Right::Read)?;
        let proto::GetRequest { run_id, step } = request.into_inner();
        let step = StepName::new(step).map_err(|error| invalid("step", error))?;
        let held = self.held(&principal.tenant, &run_id).await?;
        let asked = held
            .run
            .steps
            .get(&step)
            .and_then(|state| state.review.as_ref());
        let asked = asked.ok_or_else(|| {
            Status::not_found(format!("step {step} of run {run_id} asks nobody now"))
        })?;
        let notes = self.notes(&held, asked).await?;
        Ok(Response::new(whole(&held, &step, asked, &notes)))
    }

    async fn decide(
        &self,
        request: Request<proto::DecideRequest>,
    ) -> Result<Response<proto::DecideResponse>, Status> {
        // Which role it takes is the review's own matter.
        let principal = permit(&request, Right::Read)?;
        let request = request.into_inner();
        let run = request.run_id.clone();
        let (command, note) = ballot(&principal, request)?;
        let answer = self
            .tell(principal, &run, command, note.into_iter().collect())
            .await?
            .into_inner();
        Ok(Response::new(proto::DecideResponse {
            sequence: answer.sequence,
            status: answer.status,
        }))
    }
}

impl Api {
    /// What people wrote, by its hash.
    async fn notes(
        &self,
        held: &Held,
        asked: &Review,
    ) -> Result<BTreeMap<ContentHash, String>, Status> {
        let hashes = asked.decisions.iter().filter_map(|one| one.note.clone());
        let hashes: Vec<_> = hashes.collect();
        if hashes.is_empty() {
            return Ok(BTreeMap::new());
        }
        let blobs = self
            .core
            .ports
            .store
            .blobs(&held.run.tenant, &hashes)
            .await
            .map_err(WorkError::from)?;
        let notes = blobs.into_iter().map(|blob| (blob.hash, blob.content));
        Ok(notes.collect())
    }
}

/// A decision as the caller wrote it; all that is wrong with it at once.
fn ballot(
    principal: &Principal,
    request: proto::DecideRequest,
) -> Result<(Command, Option<Blob>), Status> {
    let proto::DecideRequest {
        step,
        subject,
        verdict,
        to,
        note,
        run_id: _,
    } = request;
    let mut problems = Vec::new();
    let mut fault = |path: &str, message: String| {
        problems.push(model::validate::Problem {
            path: path.to_owned(),
            message,
        });
    };
    let step = StepName::new(step).map_err(|error| fault("step", error.to_string()));
    let subject = ContentHash::new(subject).map_err(|error| fault("subject", error.to_string()));
    let known = Verdict::parse(&verdict)
        .ok_or_else(|| fault("verdict", "must be approve, reject or send_back".to_owned()));
    let to = match to.as_str() {
        "" => Ok(None),
        name => StepName::new(name)
            .map(Some)
            .map_err(|error| fault("to", error.to_string())),
    };
    if let (Ok(Some(_)), Ok(Verdict::Approve | Verdict::Reject)) = (&to, &known) {
        fault("to", "goes with the verdict send_back alone".to_owned());
    }
    if note.chars().count() > MAX_NOTE_CHARS || note.contains('\0') {
        let message = format!("must be at most {MAX_NOTE_CHARS} characters, without NUL");
        fault("note", message);
    }
    let (Ok(step), Ok(subject), Ok(verdict), Ok(to), true) =
        (step, subject, known, to, problems.is_empty())
    else {
        return Err(wire::problem::invalid(problems));
    };
    let note = (!note.trim().is_empty()).then(|| Blob {
        hash: ContentHash::of(note.as_bytes()),
        content: note,
    });
    let command = Command::Review {
        step,
        subject,
        verdict,
        to,
        note: note.as_ref().map(|blob| blob.hash.clone()),
        person: person(principal),
    };
    Ok((command, note))
}

/// The caller as the engine knows people.
fn person(principal: &Principal) -> Person {
    let roles = Role::ALL
        .into_iter()
        .filter(|role| principal.role.may(*role));
    Person {
        name: principal.by.clone(),
        roles: roles.map(|role| role.as_str().to_owned()).collect(),
    }
}

fn waiting(open: OpenReview) -> proto::Waiting {
    let OpenReview {
        run,
        workflow,
        campaign,
        title,
        row,
    } = open;
    proto::Waiting {
        run_id: run.to_string(),
        step: row.step.to_string(),
        workflow,
        campaign_id: campaign.to_string(),
        title,
        subject: row.subject.to_string(),
        role: row.role,
        since: Some(row.since.into()),
        deadline: row.deadline.map(Into::into),
    }
}

fn whole(
    held: &Held,
    step: &StepName,
    asked: &Review,
    notes: &BTreeMap<ContentHash, String>,
) -> proto::Review {
    let planned = held.plan.step(step).map(|step| &step.kind);
    let from = match planned {
        Some(StepKind::Review(planned)) if planned.role == asked.role => {
            review::people(&held.run, planned)
        }
        _ => None,
    };
    let approved = asked
        .decisions
        .iter()
        .filter(|decision| decision.verdict == Verdict::Approve);
    let hash = |name: &StepName, version: u32| {
        let state = held.run.steps.get(name)?;
        let result = state.result.as_ref()?;
        (result.version == version).then(|| result.hash.to_string())
    };
    proto::Review {
        run_id: held.run.id.to_string(),
        step: step.to_string(),
        workflow: held.birth.workflow.clone(),
        campaign_id: held.birth.campaign.to_string(),
        title: held.birth.title.clone(),
        subject: asked.subject.to_string(),
        state: asked.end.map_or("open", review::End::as_str).to_owned(),
        role: asked.role.clone(),
        from: from.unwrap_or_default(),
        approvals: asked.approvals,
        approved: u32::try_from(approved.count()).unwrap_or(u32::MAX),
        since: Some(asked.since.into()),
        deadline: asked.deadline.map(Into::into),
        of: asked
            .of
            .iter()
            .map(|(name, version)| proto::Subject {
                step: name.to_string(),
                version: *version,
                hash: hash(name, *version).unwrap_or_default(),
            })
            .collect(),
        decisions: asked
            .decisions
            .iter()
            .map(|decision| proto::Decision {
                by: decision.by.clone(),
                verdict: decision.verdict.as_str().to_owned(),
                note: decision
                    .note
                    .as_ref()
                    .and_then(|hash| notes.get(hash).cloned())
                    .unwrap_or_default(),
                time: Some(decision.at.into()),
            })
            .collect(),
        submitted_by: held.run.by.clone(),
        back: review::back(&held.plan, &held.run, step)
            .iter()
            .map(ToString::to_string)
            .collect(),
    }
}

/// A cursor is the last row's time, step and run; it is checked like any input.
fn cursor(text: &str) -> Result<Option<(Timestamp, RunId, StepName)>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = text.split_once('.').and_then(|(since, rest)| {
        // A run's id has no dot; an item's name has.
        let (step, run) = rest.rsplit_once('.')?;
        let since = Timestamp(since.parse().ok()?);
        Some((since, RunId::new(run).ok()?, StepName::new(step).ok()?))
    });
    parsed
        .map(Some)
        .ok_or_else(|| invalid("cursor", "is none of ours; start again without it"))
}
