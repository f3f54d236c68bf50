//! A post: [`TextOnlyArtifact`].

use llm::structured::Fault;
use model::{
    Failure,
    content_plan::ContentType,
    fact::{Fact, FactType, FactTypes, Facts},
    publication::TextOnlyArtifact,
};
use serde_json::Value;

use crate::{
    post,
    publication::{Publication, expect},
    task::{Settled, Task, parsed, written},
};

pub(crate) struct TextOnly;

impl Task<Publication> for TextOnly {
    fn kind(&self) -> &'static str {
        "text_only"
    }

    fn schema(&self) -> &'static str {
        include_str!("../schemas/text_only.json")
    }

    fn max_output_tokens(&self) -> u32 {
        2_000
    }

    fn facts(&self) -> FactTypes {
        FactTypes::from([("chars".to_owned(), FactType::Number)])
    }

    fn schema_for(&self, schema: &Value, publication: &Publication) -> Result<Value, Failure> {
        expect(publication, ContentType::TextOnly)?;
        Ok(schema.clone())
    }

    fn context(&self, publication: &Publication, attempt: u32) -> minijinja::Value {
        post::context(publication, attempt)
    }

    fn settle(&self, publication: &Publication, answer: &Value) -> Result<Settled, Vec<Fault>> {
        let mut artifact: TextOnlyArtifact = parsed(answer)?;
        let mut faults = Vec::new();
        post::settle(publication, &mut artifact.post, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let chars = f64::from(artifact.post.character_count);
        Ok(Settled {
            content: written(&artifact)?,
            facts: Facts::from([("chars".to_owned(), Fact::Number(chars))]),
        })
    }
}
