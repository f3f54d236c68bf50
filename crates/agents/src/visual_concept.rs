//! The visual concept: [`VisualConceptArtifact`].

use llm::structured::Fault;
use model::{
    Failure, artifact::VisualConceptArtifact, brief::CampaignBrief, fact::Facts, media::Media,
};
use serde_json::Value;

use crate::{
    addresses::Addresses,
    poster,
    task::{Settled, Task, blanks, defect, parsed, written},
};

pub(crate) struct VisualConcept;

impl Task for VisualConcept {
    fn kind(&self) -> &'static str {
        "visual_concept"
    }

    fn schema(&self) -> &'static str {
        include_str!("../schemas/visual_concept.json")
    }

    fn max_output_tokens(&self) -> u32 {
        2_000
    }

    fn settle(&self, brief: &CampaignBrief, answer: &Value) -> Result<Settled, Vec<Fault>> {
        let mut concept: VisualConceptArtifact = parsed(answer)?;
        // What was drawn is ours to say.
        concept.poster = None;
        concept.poster_refusal = None;
        let mut faults = Vec::new();
        for swatch in &mut concept.palette {
            swatch.hex.make_ascii_lowercase();
        }
        for role in ["background", "text"] {
            if !concept.palette.iter().any(|swatch| swatch.role == role) {
                faults.push(Fault::schema(format!(
                    "`palette` has no colour with the role `{role}`"
                )));
            }
        }
        let texts = [
            ("title", concept.title.as_str()),
            ("rationale", &concept.rationale),
            ("composition", &concept.composition),
            ("typography.headline", &concept.typography.headline),
            ("typography.body", &concept.typography.body),
            ("typography.notes", &concept.typography.notes),
            ("image_prompt", &concept.image_prompt),
            ("alt_text", &concept.alt_text),
        ];
        blanks(texts, &mut faults);
        Addresses::of(brief).check(texts, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Settled {
            content: written(&concept)?,
            facts: Facts::new(),
        })
    }

    fn drawn(&self) -> Option<&'static str> {
        Some(include_str!("../schemas/drawn.json"))
    }

    fn illustrate(
        &self,
        brief: &CampaignBrief,
        settled: Settled,
    ) -> Result<(Settled, Vec<Media>), Failure> {
        let mut concept: VisualConceptArtifact = serde_json::from_str(&settled.content)
            .map_err(|error| defect("a settled concept cannot be read", error))?;
        let media = poster::illustrate(brief, &mut concept);
        let content = serde_json::to_string(&concept)
            .map_err(|error| defect("a concept cannot be written", error))?;
        Ok((Settled { content, ..settled }, media))
    }
}
