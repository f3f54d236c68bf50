//! What conditions and lists read of a run.

use model::StepName;
use workflow::condition::{Scope, Value};

use crate::run::{Phase, Run};

/// What conditions may read: the input, declared facts, and how each step ended.
pub(crate) struct Facts<'a>(pub(crate) &'a Run);

impl Scope for Facts<'_> {
    fn input(&self, path: &[String]) -> Option<Value> {
        let mut at = &*self.0.input;
        for key in path {
            at = at.get(key)?;
        }
        match at {
            serde_json::Value::Bool(value) => Some(Value::Bool(*value)),
            serde_json::Value::Number(value) => value.as_f64().map(Value::Number),
            serde_json::Value::String(value) => Some(Value::Text(value.clone())),
            serde_json::Value::Array(list) => Some(Value::List(list.len())),
            serde_json::Value::Null | serde_json::Value::Object(_) => None,
        }
    }

    fn fact(&self, step: &StepName, name: &str) -> Option<Value> {
        let step = self.0.steps.get(step)?;
        match name {
            "done" => Some(Value::Bool(step.phase == Phase::Done)),
            "failed" => Some(Value::Bool(step.phase == Phase::Failed)),
            "skipped" => Some(Value::Bool(step.phase == Phase::Skipped)),
            _ => step
                .result
                .as_ref()
                .filter(|_| !step.kept)?
                .facts
                .get(name)
                .map(|fact| match fact {
                    model::fact::Fact::Bool(value) => Value::Bool(*value),
                    model::fact::Fact::Number(value) => Value::Number(*value),
                    model::fact::Fact::Text(value) => Value::Text(value.clone()),
                    model::fact::Fact::Keys(keys) => Value::List(keys.len()),
                }),
        }
    }
}
