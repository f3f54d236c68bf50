//! What a step's condition may read.

use std::collections::BTreeSet;

use model::{AgentKind, StepName, fact::FactType};

use super::{Graph, join};
use crate::{
    Catalogue,
    condition::{Type, Types},
};

/// Facts of every step, whatever its agent declares.
const BUILT_IN: [&str; 3] = ["done", "failed", "skipped"];

pub(super) struct Reads<'a> {
    pub(super) graph: &'a Graph<'a>,
    /// What has ended by then; unknown while the graph has a circle.
    pub(super) before: Option<&'a BTreeSet<usize>>,
    pub(super) catalogue: &'a Catalogue,
}

impl Types for Reads<'_> {
    fn input(&self, path: &[String]) -> Result<Option<Type>, String> {
        let input = self.graph.definition.input.as_ref();
        match input.and_then(|input| self.catalogue.inputs.get(&input.value)) {
            Some(shape) => shape.find(path).map(Some),
            None => Ok(None),
        }
    }

    fn fact(&self, step: &StepName, name: &str) -> Result<Option<Type>, String> {
        let Some(at) = self.graph.index.get(step.as_str()) else {
            return Err(format!("there is no step `{step}`"));
        };
        if self.before.is_some_and(|before| !before.contains(at)) {
            return Err(format!(
                "`{step}` may not have ended by then; add it to `needs`"
            ));
        }
        if BUILT_IN.contains(&name) {
            return Ok(Some(Type::Bool));
        }
        let agent = self.graph.steps[*at]
            .work
            .as_ref()
            .map(|work| work.agent().value);
        let agent = agent.and_then(|agent| AgentKind::new(agent).ok());
        let Some(facts) = agent.and_then(|agent| self.catalogue.agents.get(&agent)) else {
            return Ok(None);
        };
        match facts.get(name) {
            Some(FactType::Bool) => Ok(Some(Type::Bool)),
            Some(FactType::Number) => Ok(Some(Type::Number)),
            Some(FactType::Text) => Ok(Some(Type::Text)),
            Some(FactType::Keys) => Ok(Some(Type::List)),
            None => {
                let known = join(BUILT_IN.into_iter().chain(facts.keys().map(String::as_str)));
                Err(format!("the step has no fact `{name}`; it has {known}"))
            }
        }
    }
}
