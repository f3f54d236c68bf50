//! What a campaign gives back: stored contents as the parts of `OrchestrationResult`.

use model::{
    Failure, StepName, Timestamp, artifact, limits::MAX_ARTIFACT_BYTES, media::MediaRef, report,
    status::RunStatus,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{campaign::v1 as pb, json};

/// Why stored content has no place in a result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such place.
    #[error("a campaign's result has no place `{0}`")]
    UnknownPlace(String),
    /// The content is not of the place's shape: it was written by another version, or damaged.
    #[error("the content of `{place}` cannot be read: {source}")]
    Content {
        /// The place.
        place: &'static str,
        /// What is wrong.
        source: json::Error,
    },
}

/// Puts stored content (JSON) at its place of the result: `copy`, `short_copy`, `visual_concept` or
/// `audit_report`.
///
/// # Errors
/// When the place is unknown or the content not of its shape; the result is unchanged then.
pub fn put(result: &mut pb::OrchestrationResult, place: &str, content: &str) -> Result<(), Error> {
    match place {
        "copy" => {
            let copy = read::<artifact::CopyArtifact>("copy", content)?;
            artifacts(result).copy = Some(copy.into());
        }
        "short_copy" => {
            let short = read::<artifact::ShortCopyArtifact>("short_copy", content)?;
            artifacts(result).short_copy = Some(short.into());
        }
        "visual_concept" => {
            let concept = read::<artifact::VisualConceptArtifact>("visual_concept", content)?;
            artifacts(result).visual_concept = Some(concept.into());
        }
        "audit_report" => {
            let report = read::<report::AuditReport>("audit_report", content)?;
            result.audit_report = Some(report.into());
        }
        _ => return Err(Error::UnknownPlace(place.to_owned())),
    }
    Ok(())
}

fn artifacts(result: &mut pb::OrchestrationResult) -> &mut pb::Artifacts {
    result.artifacts.get_or_insert_default()
}

fn read<T: DeserializeOwned>(place: &'static str, content: &str) -> Result<T, Error> {
    json::from_json(content.as_bytes(), MAX_ARTIFACT_BYTES)
        .map_err(|source| Error::Content { place, source })
}

/// A run's status in the words of a result.
pub fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Completed => "success",
        RunStatus::PartiallyCompleted => "partial_success",
        RunStatus::Failed => "failed",
        RunStatus::Cancelled => "cancelled",
        RunStatus::Rejected => "rejected",
    }
}

/// A step's failure as a result tells it.
pub fn agent_error(
    step: &StepName,
    agent: &str,
    failure: &Failure,
    time: Timestamp,
) -> pb::AgentError {
    pb::AgentError {
        step: step.to_string(),
        agent: agent.to_owned(),
        code: failure.class.as_str().to_owned(),
        message: failure.message.clone(),
        time: Some(time.into()),
    }
}

impl From<artifact::CopyArtifact> for pb::CopyArtifact {
    fn from(model: artifact::CopyArtifact) -> Self {
        Self {
            headline_options: model.headline_options,
            subhead: model.subhead,
            body: model.body,
            key_benefits: model.key_benefits,
            call_to_action: Some(pb::CallToAction {
                label: model.call_to_action.label,
                url: model.call_to_action.url,
            }),
            seo: Some(pb::Seo {
                title: model.seo.title,
                description: model.seo.description,
                keywords: model.seo.keywords,
            }),
            claims: model
                .claims
                .into_iter()
                .map(|claim| pb::Claim {
                    text: claim.text,
                    source: claim.source,
                })
                .collect(),
        }
    }
}

impl From<artifact::ShortCopyArtifact> for pb::ShortCopyArtifact {
    fn from(model: artifact::ShortCopyArtifact) -> Self {
        let platforms = model
            .platforms
            .into_iter()
            .map(|(platform, variants)| {
                let variants = variants.into_iter().map(Into::into).collect();
                (
                    platform.as_str().to_owned(),
                    pb::ShortCopyVariants { variants },
                )
            })
            .collect();
        Self { platforms }
    }
}

impl From<artifact::ShortCopyVariant> for pb::ShortCopyVariant {
    fn from(model: artifact::ShortCopyVariant) -> Self {
        Self {
            text: model.text,
            hashtags: model.hashtags,
            link: model.link,
            character_count: model.character_count,
        }
    }
}

impl From<artifact::VisualConceptArtifact> for pb::VisualConceptArtifact {
    fn from(model: artifact::VisualConceptArtifact) -> Self {
        Self {
            title: model.title,
            rationale: model.rationale,
            composition: model.composition,
            palette: model
                .palette
                .into_iter()
                .map(|swatch| pb::Swatch {
                    hex: swatch.hex,
                    role: swatch.role,
                })
                .collect(),
            typography: Some(pb::Typography {
                headline: model.typography.headline,
                body: model.typography.body,
                notes: model.typography.notes,
            }),
            image_prompt: model.image_prompt,
            alt_text: model.alt_text,
            poster: model.poster.map(Into::into),
            poster_refusal: model.poster_refusal.map(|refusal| pb::PosterRefusal {
                code: refusal.code,
                message: refusal.message,
            }),
        }
    }
}

impl From<artifact::Poster> for pb::Poster {
    fn from(model: artifact::Poster) -> Self {
        let artifact::PosterText {
            headline,
            subhead,
            call_to_action,
            address,
            brand,
            small_print,
        } = model.text;
        Self {
            layout: model.layout,
            text: Some(pb::PosterText {
                headline,
                subhead,
                call_to_action,
                address,
                brand,
                small_print,
            }),
            png: Some(model.png.into()),
            svg: Some(model.svg.into()),
        }
    }
}

impl From<MediaRef> for pb::MediaRef {
    fn from(model: MediaRef) -> Self {
        Self {
            hash: model.hash.to_string(),
            media_type: model.media_type.to_string(),
            width: model.width,
            height: model.height,
            bytes: model.bytes,
        }
    }
}

impl From<report::AuditReport> for pb::AuditReport {
    fn from(model: report::AuditReport) -> Self {
        Self {
            verdict: model.verdict.as_str().to_owned(),
            score: model.score,
            findings: model.findings.into_iter().map(Into::into).collect(),
            rules_version: model.rules_version,
            auditor: model.auditor,
            notes: model.notes,
        }
    }
}

impl From<report::Finding> for pb::Finding {
    fn from(model: report::Finding) -> Self {
        Self {
            rule: model.rule,
            category: name(&model.category),
            severity: name(&model.severity),
            step: model.step,
            artifact_version: model.artifact_version,
            span: model.span.map(|span| pb::Span {
                path: span.path,
                start: span.start,
                end: span.end,
            }),
            quote: model.quote,
            rationale: model.rationale,
            suggestion: model.suggestion,
        }
    }
}

/// The name by which a plain enum is stored.
fn name<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::to_json;

    const COPY: &str = r##"{"headline_options":["A","B","C"],"subhead":"S","body":"# B","key_benefits":["k"],
        "call_to_action":{"label":"Buy","url":"https://example.com/"},
        "seo":{"title":"T","description":"D","keywords":["w"]},
        "claims":[{"text":"180 g","source":"lab"},{"text":"Made in Chur","source":null}]}"##;
    const SHORT: &str = r##"{"platforms":{"linkedin":[{"text":"t","hashtags":["run"],"link":"https://example.com/","character_count":9}],
        "x":[{"text":"u","hashtags":[],"link":null,"character_count":1}]}}"##;
    const CONCEPT: &str = r##"{"title":"T","rationale":"R","composition":"C","palette":[{"hex":"#102030","role":"text"}],
        "typography":{"headline":"Inter","body":"Inter","notes":"n"},"image_prompt":"P","alt_text":"A"}"##;
    const REPORT: &str = r##"{"verdict":"pass_with_warnings","score":0.75,"findings":[{"rule":"terms.banned",
        "category":"unsupported_claims","severity":"warning","step":"copy","artifact_version":"h",
        "span":{"path":"/body","start":2,"end":3},"quote":"B","rationale":"r","suggestion":"s"}],
        "rules_version":"1","auditor":"rules"}"##;

    #[test]
    fn every_field_of_the_stored_contents_reaches_the_result() {
        let mut result = pb::OrchestrationResult::default();
        for (place, content) in [
            ("copy", COPY),
            ("short_copy", SHORT),
            ("visual_concept", CONCEPT),
            ("audit_report", REPORT),
        ] {
            put(&mut result, place, content).expect("content of its shape");
        }
        let mut got: serde_json::Value =
            serde_json::from_str(&to_json(&result).expect("writable")).expect("JSON");
        let stored = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        // Lists of variants are wrapped on the wire, and empty values left out.
        let mut short = stored(SHORT);
        for variants in short["platforms"]
            .as_object_mut()
            .expect("platforms")
            .values_mut()
        {
            *variants = serde_json::json!({"variants": variants.take()});
        }
        let mut want = serde_json::json!({
            "artifacts": {"copy": stored(COPY), "short_copy": short, "visual_concept": stored(CONCEPT)},
            "audit_report": stored(REPORT),
        });
        drop_empty(&mut want);
        drop_empty(&mut got);
        assert_eq!(got, want);
    }

    fn drop_empty(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(map) => {
                map.retain(|_, v| !v.is_null() && v.as_array().is_none_or(|a| !a.is_empty()));
                map.values_mut().for_each(drop_empty);
            }
            serde_json::Value::Array(list) => list.iter_mut().for_each(drop_empty),
            _ => {}
        }
    }

    #[test]
    fn foreign_content_is_refused_and_changes_nothing() {
        let mut result = pb::OrchestrationResult::default();
        assert!(matches!(
            put(&mut result, "poster", COPY),
            Err(Error::UnknownPlace(_))
        ));
        assert!(matches!(
            put(&mut result, "copy", SHORT),
            Err(Error::Content { place: "copy", .. })
        ));
        assert_eq!(result, pb::OrchestrationResult::default());
    }
}
