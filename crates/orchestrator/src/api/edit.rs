//! A person's own version of an artifact: it must be what the agent's was, with other words in it.

use engine::Command;
use model::{
    ContentHash, StepName, artifact, limits::MAX_ARTIFACT_BYTES, publication, usage::Provenance,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tonic::{Request, Response, Status};
use wire::{artifact::v1 as proto, json};

use super::{Api, Right, invalid, permit, run_id};
use crate::core::commit::{Content, Work, WorkError};

impl Api {
    pub(super) async fn edit_artifact(
        &self,
        request: Request<proto::EditRequest>,
    ) -> Result<Response<proto::EditResponse>, Status> {
        let principal = permit(&request, Right::Change)?;
        let proto::EditRequest {
            run_id: run,
            step,
            version,
            content_json,
        } = request.into_inner();
        let step = StepName::new(step).map_err(|error| invalid("step", error))?;
        let held = self.held(&principal.tenant, &run).await?;
        self.no_other_generation(&principal.tenant, &held.run.id)
            .await?;
        let state = held.run.steps.get(&step);
        let result = state.and_then(|state| state.result.as_ref());
        let agent = state.and_then(|state| state.agent.as_ref());
        let (Some(result), Some(agent)) = (result, agent) else {
            let message = format!("step {step} of run {run} has no artifact");
            return Err(Status::not_found(message));
        };
        let wanted = [(step.clone(), result.version, result.hash.clone())];
        let contents = self
            .core
            .contents
            .results(&principal.tenant, &held.run.id, &wanted)
            .await
            .map_err(WorkError::from)?;
        let before = contents
            .get(&step)
            .ok_or_else(|| Status::data_loss("the version's content is missing"))?;
        check(agent.as_str(), before, &content_json)
            .map_err(|message| invalid("content_json", message))?;
        let hash = ContentHash::of(content_json.as_bytes());
        let command = Command::Edit {
            step: step.clone(),
            version,
            hash: hash.clone(),
            by: principal.by.clone(),
        };
        let number = state.map_or(1, |state| state.versions + 1);
        let mut work = Work::new(principal.tenant.clone(), run_id(&run)?, command);
        work.content = Some(Content {
            hash: hash.clone(),
            text: content_json.into(),
            provenance: Provenance {
                agent: principal.by.clone(),
                ..Provenance::default()
            },
        });
        let committed = self.core.committer.run(work).await?;
        Ok(Response::new(proto::EditResponse {
            version: number,
            hash: hash.to_string(),
            sequence: committed.first,
        }))
    }
}

/// What is wrong with an edited artifact.
fn check(agent: &str, before: &str, after: &str) -> Result<(), String> {
    let parse = |text: &str| -> Result<Value, String> {
        json::from_json(text.as_bytes(), MAX_ARTIFACT_BYTES).map_err(|error| error.to_string())
    };
    let (before, after) = (parse(before)?, parse(after)?);
    same_shape(&before, &after, "$")?;
    match agent {
        "copy" => typed::<artifact::CopyArtifact>(after),
        "short_copy" => typed::<artifact::ShortCopyArtifact>(after),
        "visual_concept" => typed::<artifact::VisualConceptArtifact>(after),
        "text_only" => typed::<publication::TextOnlyArtifact>(after),
        "text_image" => typed::<publication::TextImageArtifact>(after),
        "text_template" => typed::<publication::TextTemplateArtifact>(after),
        "carousel" => typed::<publication::CarouselArtifact>(after),
        _ => Ok(()),
    }
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<(), String> {
    serde_json::from_value::<T>(value)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// The same fields of the same kinds; lists may be longer or shorter.
fn same_shape(before: &Value, after: &Value, at: &str) -> Result<(), String> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            if let Some(field) = after.keys().find(|field| !before.contains_key(*field)) {
                return Err(format!("{at}.{field} is no field of the artifact"));
            }
            before.iter().try_for_each(|(field, value)| {
                let now = after
                    .get(field)
                    .ok_or_else(|| format!("{at}.{field} is missing"))?;
                same_shape(value, now, &format!("{at}.{field}"))
            })
        }
        (Value::Array(before), Value::Array(after)) => {
            let Some(first) = before.first() else {
                return Ok(());
            };
            let mut entries = after.iter().enumerate();
            entries.try_for_each(|(index, entry)| {
                let like = before.get(index).unwrap_or(first);
                same_shape(like, entry, &format!("{at}[{index}]"))
            })
        }
        (Value::Null, _) | (_, Value::Null) => Ok(()),
        (before, after) if std::mem::discriminant(before) == std::mem::discriminant(after) => {
            Ok(())
        }
        _ => Err(format!("{at} is of another kind than it was")),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn words_may_change_and_the_form_may_not() {
        let before = r#"{"title":"a","tags":["x"],"parts":[{"text":"a","n":1}],"note":null}"#;
        let fault = |after: &str| check("custom", before, after).err().unwrap_or_default();
        assert_eq!(fault(before), "");
        assert_eq!(
            fault(
                r#"{"title":"b","tags":[],"parts":[{"text":"b","n":2},{"text":"c","n":3}],"note":"n"}"#
            ),
            ""
        );
        for (after, wanted) in [
            (r#"{"title":"a","tags":[],"parts":[]}"#, "$.note is missing"),
            (r#"{"title":1,"tags":[],"parts":[],"note":null}"#, "$.title"),
            (
                r#"{"title":"a","tags":[],"parts":[{"text":"b"}],"note":null}"#,
                "$.parts[0].n",
            ),
            (
                r#"{"title":"a","tags":[],"parts":[],"note":null,"more":1}"#,
                "$.more",
            ),
            ("[]", "$ is of another kind"),
        ] {
            assert!(fault(after).contains(wanted), "{after}: {}", fault(after));
        }
        assert!(
            check("text_only", "{}", "{}").is_err(),
            "not what the agent makes"
        );
    }
}
