//! What a worker answers: checked when it comes in, so that nothing but facts, hashes and ids of the right
//! form reach the run.

use std::time::Duration;

use model::{
    ContentHash, ErrorClass, Failure, JobId, RunId, TenantId,
    fact::{Facts, MAX_FACTS_BYTES},
    id::InvalidId,
    job::Product,
    limits::MAX_ARTIFACT_BYTES,
    usage::{Provenance, Usage},
};

use crate::{job::v1 as pb, json};

/// Longest name of a worker, agent, model or version, bytes.
pub const MAX_NAME_BYTES: usize = 200;

/// An outcome with ids and bounds checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Of which job.
    pub job: JobId,
    /// The lease token that the job was sent with.
    pub token: u64,
    /// Whose.
    pub tenant: TenantId,
    /// Of which run.
    pub run: RunId,
    /// The worker process.
    pub worker: String,
    /// How it ended.
    pub answer: Answer,
    /// What was used, whatever the end.
    pub usage: Usage,
    /// How long the agent worked, milliseconds.
    pub duration_ms: u64,
}

/// How a job ended. On the wire the worker, the usage and the duration of a provenance are those of its
/// [`Outcome`].
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// With a result.
    Product(Product),
    /// With a result that was too large for a message and lies in the store.
    Uploaded {
        /// Of its bytes.
        hash: ContentHash,
        /// The declared facts.
        facts: Facts,
        /// Who made it and by what means.
        provenance: Provenance,
    },
    /// Without.
    Failure(Failure),
    /// Not finished: the worker stops.
    HandBack,
}

/// Why an outcome is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("outcome.{field}: {why}")]
pub struct Malformed {
    /// The field's path in the message.
    pub field: &'static str,
    /// What is wrong.
    pub why: String,
}

impl From<Usage> for pb::Usage {
    fn from(model: Usage) -> Self {
        Self {
            input_tokens: model.input_tokens,
            output_tokens: model.output_tokens,
            cost_microusd: model.cost_microusd,
        }
    }
}

impl From<pb::Usage> for Usage {
    fn from(wire: pb::Usage) -> Self {
        Self {
            input_tokens: wire.input_tokens,
            output_tokens: wire.output_tokens,
            cost_microusd: wire.cost_microusd,
        }
    }
}

impl From<Failure> for pb::Failure {
    fn from(model: Failure) -> Self {
        Self {
            class: model.class.as_str().to_owned(),
            message: model.message,
            retry_after_ms: model
                .retry_after
                .map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

impl From<pb::Failure> for Failure {
    /// A class that only a newer worker knows becomes `internal`: not tried again, and told by its name.
    fn from(wire: pb::Failure) -> Self {
        let failure = match ErrorClass::parse(&wire.class) {
            Some(class) => Self::new(class, wire.message),
            None => {
                let class: String = wire.class.chars().take(40).collect();
                let message = format!("unknown class of error `{class}`: {}", wire.message);
                Self::new(ErrorClass::Internal, message)
            }
        };
        failure.retry_after(wire.retry_after_ms.map(Duration::from_millis))
    }
}

impl From<Outcome> for pb::Outcome {
    fn from(model: Outcome) -> Self {
        use pb::outcome::Result as Wire;
        let result = match model.answer {
            Answer::Product(product) => {
                let hash = ContentHash::of(product.content.as_bytes());
                Wire::Product(pb::Product {
                    content_json: product.content,
                    ..result(hash, &product.facts, product.provenance)
                })
            }
            Answer::Uploaded {
                hash,
                facts,
                provenance,
            } => Wire::Product(result(hash, &facts, provenance)),
            Answer::Failure(failure) => Wire::Failure(failure.into()),
            Answer::HandBack => Wire::HandBack(pb::HandBack {}),
        };
        Self {
            job_id: model.job.to_string(),
            token: model.token,
            tenant: model.tenant.to_string(),
            run_id: model.run.to_string(),
            worker: model.worker,
            result: Some(result),
            usage: Some(model.usage.into()),
            duration_ms: model.duration_ms,
        }
    }
}

/// A result without its content.
fn result(hash: ContentHash, facts: &Facts, provenance: Provenance) -> pb::Product {
    pb::Product {
        content_json: String::new(),
        hash: hash.to_string(),
        facts_json: if facts.is_empty() {
            String::new()
        } else {
            serde_json::json!(facts).to_string()
        },
        agent: provenance.agent,
        model: provenance.model,
        prompt_version: provenance.prompt_version,
    }
}

impl TryFrom<pb::Outcome> for Outcome {
    type Error = Malformed;

    fn try_from(wire: pb::Outcome) -> Result<Self, Malformed> {
        use pb::outcome::Result as Wire;
        let usage = wire.usage.map(Usage::from).unwrap_or_default();
        let worker = name("worker", wire.worker)?;
        let answer = match wire.result {
            Some(Wire::Product(product)) => {
                answer(product, worker.clone(), usage, wire.duration_ms)?
            }
            Some(Wire::Failure(failure)) => Answer::Failure(failure.into()),
            Some(Wire::HandBack(_)) => Answer::HandBack,
            None => return Err(malformed("result", "is missing")),
        };
        Ok(Self {
            job: id("job_id", JobId::new(wire.job_id))?,
            token: wire.token,
            tenant: id("tenant", TenantId::new(wire.tenant))?,
            run: id("run_id", RunId::new(wire.run_id))?,
            worker,
            answer,
            usage,
            duration_ms: wire.duration_ms,
        })
    }
}

fn answer(
    product: pb::Product,
    worker: String,
    usage: Usage,
    duration_ms: u64,
) -> Result<Answer, Malformed> {
    let hash = id("product.hash", ContentHash::new(product.hash))?;
    let facts = facts(&product.facts_json)?;
    let provenance = Provenance {
        agent: name("product.agent", product.agent)?,
        model: name("product.model", product.model)?,
        prompt_version: name("product.prompt_version", product.prompt_version)?,
        worker,
        usage,
        duration_ms,
    };
    if product.content_json.is_empty() {
        return Ok(Answer::Uploaded {
            hash,
            facts,
            provenance,
        });
    }
    json::checked(product.content_json.as_bytes(), MAX_ARTIFACT_BYTES)
        .map_err(|error| malformed("product.content_json", error))?;
    if ContentHash::of(product.content_json.as_bytes()) != hash {
        return Err(malformed("product.hash", "is not that of the content"));
    }
    Ok(Answer::Product(Product {
        content: product.content_json,
        facts,
        provenance,
        // They went through the door before.
        media: Vec::new(),
    }))
}

fn facts(text: &str) -> Result<Facts, Malformed> {
    if text.is_empty() {
        return Ok(Facts::new());
    }
    json::from_json(text.as_bytes(), MAX_FACTS_BYTES)
        .map_err(|error| malformed("product.facts_json", error))
}

fn id<T>(field: &'static str, id: Result<T, InvalidId>) -> Result<T, Malformed> {
    id.map_err(|error| malformed(field, error))
}

fn name(field: &'static str, text: String) -> Result<String, Malformed> {
    if text.len() > MAX_NAME_BYTES {
        let why = format!(
            "has {} bytes; at most {MAX_NAME_BYTES} are taken",
            text.len()
        );
        return Err(malformed(field, why));
    }
    Ok(text)
}

fn malformed(field: &'static str, why: impl ToString) -> Malformed {
    Malformed {
        field,
        why: why.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use model::fact::Fact;
    use proptest::prelude::*;

    use super::*;

    fn outcome(answer: Answer) -> Outcome {
        Outcome {
            job: JobId::new("0123456789abcdef0123456789abcdef").expect("a job id"),
            token: 7,
            tenant: TenantId::new("acme").expect("a token"),
            run: RunId::new("r1").expect("a token"),
            worker: "w1".into(),
            answer,
            usage: Usage {
                input_tokens: 1,
                output_tokens: 2,
                cost_microusd: 3,
            },
            duration_ms: 40,
        }
    }

    fn provenance() -> Provenance {
        Provenance {
            agent: "copy".into(),
            model: "offline".into(),
            prompt_version: "3".into(),
            worker: "w1".into(),
            usage: Usage {
                input_tokens: 1,
                output_tokens: 2,
                cost_microusd: 3,
            },
            duration_ms: 40,
        }
    }

    fn product() -> Product {
        let facts = Facts::from([
            ("score".to_owned(), Fact::Number(0.5)),
            (
                "sections".to_owned(),
                Fact::Keys(vec!["a".into(), "b".into()]),
            ),
        ]);
        Product {
            content: r#"{"a": 1}"#.into(),
            facts,
            provenance: provenance(),
            media: Vec::new(),
        }
    }

    fn back(wire: pb::Outcome) -> Result<Outcome, Malformed> {
        Outcome::try_from(wire)
    }

    /// The outcome of `product()` with one thing spoilt.
    fn spoilt(spoil: impl FnOnce(&mut pb::Outcome, &mut pb::Product)) -> &'static str {
        let mut wire = pb::Outcome::from(outcome(Answer::Product(product())));
        let Some(pb::outcome::Result::Product(mut inner)) = wire.result.take() else {
            panic!("a product")
        };
        spoil(&mut wire, &mut inner);
        wire.result = Some(pb::outcome::Result::Product(inner));
        back(wire).expect_err("spoilt").field
    }

    #[test]
    fn every_answer_survives_the_wire() {
        let failure = Failure::new(ErrorClass::RateLimited, "slow down")
            .retry_after(Some(Duration::from_millis(1_500)));
        let uploaded = Answer::Uploaded {
            hash: ContentHash::of(b"x"),
            facts: Facts::new(),
            provenance: provenance(),
        };
        for answer in [
            Answer::Product(product()),
            uploaded,
            Answer::Failure(failure),
            Answer::HandBack,
        ] {
            let outcome = outcome(answer);
            assert_eq!(back(outcome.clone().into()), Ok(outcome));
        }
    }

    #[test]
    fn what_is_spoilt_is_named() {
        assert_eq!(
            spoilt(|_, product| product.content_json.push(' ')),
            "product.hash"
        );
        assert_eq!(spoilt(|_, product| product.hash.clear()), "product.hash");
        assert_eq!(
            spoilt(|_, product| product.facts_json = r#"{"a": {"b": 1}}"#.into()),
            "product.facts_json"
        );
        assert_eq!(
            spoilt(|_, product| product.facts_json =
                format!(r#"{{"a": "{}"}}"#, "x".repeat(MAX_FACTS_BYTES))),
            "product.facts_json"
        );
        assert_eq!(
            spoilt(|_, product| {
                product.content_json = "[".repeat(10_000);
                product.hash = ContentHash::of(product.content_json.as_bytes()).to_string();
            }),
            "product.content_json"
        );
        assert_eq!(
            spoilt(|_, product| product.model = "m".repeat(201)),
            "product.model"
        );
        assert_eq!(spoilt(|outcome, _| outcome.job_id = "J".into()), "job_id");
        assert_eq!(spoilt(|outcome, _| outcome.tenant = "a.b".into()), "tenant");
        assert_eq!(spoilt(|outcome, _| outcome.run_id.clear()), "run_id");
        let mut wire = pb::Outcome::from(outcome(Answer::HandBack));
        wire.result = None;
        assert_eq!(back(wire).expect_err("no result").field, "result");
    }

    #[test]
    fn an_unknown_class_is_not_tried_again() {
        let wire = pb::Failure {
            class: "moonphase".into(),
            message: "full".into(),
            retry_after_ms: None,
        };
        let failure = Failure::from(wire);
        assert_eq!(failure.class, ErrorClass::Internal);
        assert_eq!(failure.message, "unknown class of error `moonphase`: full");
    }

    proptest! {
        #[test]
        fn failures_survive_the_wire(message in "\\PC{0,80}", wait in proptest::option::of(any::<u64>())) {
            let failure = Failure::new(ErrorClass::Provider, message).retry_after(wait.map(Duration::from_millis));
            prop_assert_eq!(Failure::from(pb::Failure::from(failure.clone())), failure);
        }
    }
}
