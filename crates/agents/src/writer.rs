//! The way that every writing agent goes: read the job, ask the model, check, hand back.

use std::sync::Arc;

use async_trait::async_trait;
use llm::{Provider, Request, Sink, structured::complete_checked_by};
use minijinja::context;
use model::{AgentKind, ErrorClass, Failure, job::Product, usage::Provenance};
use serde_json::Value;
use worker::{Agent, AgentCard, Assignment};

use crate::{
    MAX_OUTPUT_BYTES, live,
    material::{Material, Subject},
    prompt::{self, Prompts},
    task::{Task, defect},
};

/// How freely a model chooses its words.
const TEMPERATURE: f32 = 0.7;

/// One task over one provider.
pub(crate) struct Writer<S: Subject> {
    task: &'static dyn Task<S>,
    provider: Arc<dyn Provider>,
    prompts: Arc<Prompts>,
    /// Of what is written.
    schema: Value,
    card: AgentCard,
}

impl<S: Subject> Writer<S> {
    pub(crate) fn new(
        task: &'static dyn Task<S>,
        provider: Arc<dyn Provider>,
        prompts: Arc<Prompts>,
    ) -> Result<Self, Failure> {
        let read = |text: &str| -> Result<Value, Failure> {
            serde_json::from_str(text).map_err(|error| defect("a schema cannot be read", error))
        };
        let schema = read(task.schema())?;
        let mut output_schema = schema.clone();
        if let Some(drawn) = task.drawn()
            && let (Some(fields), Value::Object(drawn)) =
                (output_schema["properties"].as_object_mut(), read(drawn)?)
        {
            fields.extend(drawn);
        }
        let price = provider.price();
        let card = AgentCard {
            kind: AgentKind::new(task.kind()).map_err(|error| defect("an agent kind", error))?,
            output_schema,
            facts: task.facts(),
            model: provider.model().to_owned(),
            version: prompt::version::<S>(task.kind(), task.schema()),
            max_output_bytes: MAX_OUTPUT_BYTES,
            input_price_microusd: price.input_microusd,
            output_price_microusd: price.output_microusd,
        };
        Ok(Self {
            task,
            provider,
            prompts,
            schema,
            card,
        })
    }

    fn request(&self, assignment: &Assignment, material: &Material<S>) -> Result<Request, Failure> {
        let subject = &material.subject;
        let own = self.task.context(subject, assignment.attempt);
        let own = context! { ..own, ..subject.context() };
        let most = self.task.max_output_tokens();
        let kind = self.task.kind();
        Ok(Request {
            task: kind.to_owned(),
            input: S::work(material, assignment)
                .map_err(|error| defect("the offline writer's input", error))?,
            system: S::SYSTEM.to_owned(),
            prompt: self
                .prompts
                .render(kind, material, assignment.attempt, own)?,
            schema: self.task.schema_for(&self.schema, subject)?,
            schema_name: kind.to_owned(),
            max_output_tokens: if subject.simple() { most / 2 } else { most },
            temperature: Some(TEMPERATURE),
            repair: None,
        })
    }
}

#[async_trait]
impl<S: Subject> Agent for Writer<S> {
    fn card(&self) -> &AgentCard {
        &self.card
    }

    /// The provenance leaves `worker` and `duration_ms` to the host.
    async fn perform(&self, assignment: &Assignment) -> Result<Product, Failure> {
        let material = Material::<S>::of(assignment)?;
        let request = self.request(assignment, &material)?;
        let settle = |answer: &Value| self.task.settle(&material.subject, answer);
        let shown = live::Shown::new(self.task.kind(), &assignment.live);
        let sink = assignment.live.is_on().then_some(&shown as &dyn Sink);
        let checked = complete_checked_by(self.provider.as_ref(), &request, sink, &|answer| {
            settle(answer).err().unwrap_or_default()
        })
        .await?;
        let mut settled = settle(&checked.value).map_err(|_| {
            Failure::new(ErrorClass::Internal, "a checked answer did not settle")
                .used(checked.usage)
        })?;
        let mut media = Vec::new();
        if self.task.drawn().is_some() {
            let (task, subject) = (self.task, material.subject);
            // Drawing holds a processor: not on a thread that other jobs wait for.
            let drawn = tokio::task::spawn_blocking(move || task.illustrate(&subject, settled));
            (settled, media) = drawn
                .await
                .map_err(|error| defect("the drawing was broken off", error))
                .and_then(|drawn| drawn)
                .map_err(|failure| failure.used(checked.usage))?;
        }
        if settled.content.len() > MAX_OUTPUT_BYTES {
            return Err(Failure::new(
                ErrorClass::TooLong,
                format!(
                    "the artifact has {} bytes; at most {MAX_OUTPUT_BYTES} are taken",
                    settled.content.len()
                ),
            )
            .used(checked.usage));
        }
        Ok(Product {
            content: settled.content,
            facts: settled.facts,
            provenance: Provenance {
                agent: self.task.kind().to_owned(),
                model: checked.model,
                prompt_version: self.card.version.clone(),
                usage: checked.usage,
                ..Provenance::default()
            },
            media,
        })
    }
}
