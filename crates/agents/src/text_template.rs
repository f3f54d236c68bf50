//! A template, filled and drawn: [`TextTemplateArtifact`].

use llm::structured::Fault;
use minijinja::context;
use model::{
    ErrorClass, Failure,
    artifact::PosterRefusal,
    content_plan::{ContentType, PlanTemplate, Slot},
    fact::{Fact, FactType, FactTypes, Facts},
    media::Media,
    publication::{Image, MAX_ALT_CHARS, TextTemplateArtifact},
};
use render::{Template, TemplateLayout};
use serde_json::{Map, Value, json};

use crate::{
    post,
    poster::not_drawn,
    publication::{Publication, expect},
    task::{Settled, Task, blanks, defect, parsed, written},
    text_image::{image, palette, serifs},
};

pub(crate) struct TextTemplate;

impl Task<Publication> for TextTemplate {
    fn kind(&self) -> &'static str {
        "text_template"
    }

    fn schema(&self) -> &'static str {
        include_str!("../schemas/text_template.json")
    }

    fn max_output_tokens(&self) -> u32 {
        4_000
    }

    fn facts(&self) -> FactTypes {
        FactTypes::from([("chars".to_owned(), FactType::Number)])
    }

    /// Just the template's slots, and all of them: an optional one may be empty. Their lengths are no part of the
    /// schema, so that too long a text is a fault of length.
    fn schema_for(&self, schema: &Value, publication: &Publication) -> Result<Value, Failure> {
        expect(publication, ContentType::TextTemplate)?;
        let template = publication
            .template
            .as_ref()
            .ok_or_else(|| Failure::new(ErrorClass::InvalidInput, "the item names no template"))?;
        let mut schema = schema.clone();
        let slots: Map<String, Value> = template
            .slots
            .iter()
            .map(|slot| (slot.name.clone(), json!({ "type": "string" })))
            .collect();
        let values = &mut schema["properties"]["values"];
        values["required"] = slots.keys().cloned().collect();
        values["properties"] = slots.into();
        values["additionalProperties"] = false.into();
        Ok(schema)
    }

    /// Each further attempt aims a tenth lower, as models miscount.
    fn context(&self, publication: &Publication, attempt: u32) -> minijinja::Value {
        let tenths = 10 - attempt.saturating_sub(1).min(4);
        let slots: Vec<_> = publication
            .template
            .iter()
            .flat_map(|template| &template.slots)
            .map(|slot| {
                let target = publication.limit(slot.max_chars * tenths / 10).max(1);
                context! { name => &slot.name, target, optional => slot.optional }
            })
            .collect();
        context! { slots }
    }

    fn settle(&self, publication: &Publication, answer: &Value) -> Result<Settled, Vec<Fault>> {
        let mut artifact: TextTemplateArtifact = parsed(answer)?;
        artifact.image = None;
        artifact.image_refusal = None;
        let mut faults = Vec::new();
        if let Some(template) = &publication.template {
            artifact.template_id.clone_from(&template.id);
            let given = std::mem::take(&mut artifact.values);
            for slot in &template.slots {
                let value = given.get(&slot.name).map_or("", |value| value.trim());
                check(publication, slot, value, &mut faults);
                if !value.is_empty() {
                    artifact.values.insert(slot.name.clone(), value.to_owned());
                }
            }
        }
        if artifact.values.is_empty() && faults.is_empty() {
            faults.push(Fault::schema("`values` leaves every slot empty"));
        }
        let alt = [("alt_text", artifact.alt_text.as_str())];
        blanks(alt, &mut faults);
        publication.addresses().check(alt, &mut faults);
        post::at_most("alt_text", &artifact.alt_text, MAX_ALT_CHARS, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let chars: usize = artifact.values.values().map(|v| v.chars().count()).sum();
        #[expect(clippy::cast_precision_loss, reason = "at most 8,000")]
        let chars = chars as f64;
        Ok(Settled {
            content: written(&artifact)?,
            facts: Facts::from([("chars".to_owned(), Fact::Number(chars))]),
        })
    }

    fn drawn(&self) -> Option<&'static str> {
        Some(include_str!("../schemas/image.json"))
    }

    fn illustrate(
        &self,
        publication: &Publication,
        settled: Settled,
    ) -> Result<(Settled, Vec<Media>), Failure> {
        let mut artifact: TextTemplateArtifact = serde_json::from_str(&settled.content)
            .map_err(|error| defect("a settled template cannot be read", error))?;
        let mut kept = Vec::new();
        if let Some(template) = &publication.template {
            match picture(publication, template, &artifact) {
                Ok((image, media)) => {
                    artifact.image = Some(image);
                    kept.push(media);
                }
                Err(refusal) => artifact.image_refusal = Some(refusal),
            }
        }
        let content = serde_json::to_string(&artifact)
            .map_err(|error| defect("a template cannot be written", error))?;
        Ok((Settled { content, ..settled }, kept))
    }
}

/// One slot's text against its limits.
fn check(publication: &Publication, slot: &Slot, value: &str, faults: &mut Vec<Fault>) {
    let path = format!("values.{}", slot.name);
    if value.is_empty() && !slot.optional {
        faults.push(Fault::schema(format!("`{path}` is blank")));
    }
    let most = publication.limit(slot.max_chars);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    post::at_most(&path, value, most, faults);
    publication
        .addresses()
        .check([(path.as_str(), value)], faults);
}

/// The template with its texts. A refusal counts the slots from 1, as `slot_1`.
fn picture(
    publication: &Publication,
    template: &PlanTemplate,
    artifact: &TextTemplateArtifact,
) -> Result<(Image, Media), PosterRefusal> {
    let filled = filled(publication, template, artifact)
        .ok_or_else(|| not_drawn("the renderer has no layout of that name"))?;
    let drawing = render::draw_template(&filled).map_err(|refusal| PosterRefusal {
        code: refusal.code().to_owned(),
        message: refusal.to_string(),
    })?;
    image(
        drawing.png().map_err(not_drawn)?,
        (drawing.width, drawing.height),
    )
}

/// What the renderer is to draw; `None` for a layout that it does not have.
pub(crate) fn filled(
    publication: &Publication,
    template: &PlanTemplate,
    artifact: &TextTemplateArtifact,
) -> Option<Template> {
    let text = |slot: &Slot| artifact.values.get(&slot.name).cloned().unwrap_or_default();
    Some(Template {
        layout: TemplateLayout::parse(&template.layout)?,
        width: template.canvas.width,
        height: template.canvas.height,
        slots: template.slots.iter().map(text).collect(),
        palette: palette(publication),
        serifs: serifs(publication),
    })
}
