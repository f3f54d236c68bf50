//! What a step's condition may read.

use std::collections::BTreeSet;

use model::{AgentKind, StepName};

use super::{Graph, items::type_of, join};
use crate::{
    Catalogue, Shape,
    condition::{Type, Types},
    definition::Work,
};

/// Facts of every step, whatever its agent declares.
const BUILT_IN: [&str; 3] = ["done", "failed", "skipped"];

pub(super) struct Reads<'a> {
    pub(super) graph: &'a Graph<'a>,
    /// What has ended by then; unknown while the graph has a circle.
    pub(super) before: Option<&'a BTreeSet<usize>>,
    pub(super) catalogue: &'a Catalogue,
}

impl Reads<'_> {
    /// The shape of the input, if its name is known.
    pub(super) fn shape(&self) -> Option<&Shape> {
        if let Some(described) = &self.graph.definition.fields {
            return Some(described);
        }
        let input = self.graph.definition.input.as_ref()?;
        self.catalogue.inputs.get(&input.value)
    }
}

impl Types for Reads<'_> {
    fn input(&self, path: &[String]) -> Result<Option<Type>, String> {
        match self.shape() {
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
        let read = &self.graph.steps[*at];
        if read.for_each.is_some() {
            return Err(format!(
                "facts are of its items, which conditions cannot name; of the whole there are {}",
                join(BUILT_IN.into_iter())
            ));
        }
        let work = match &read.work {
            Some(Work::Loop(_) | Work::Review(_)) => {
                let known = join(BUILT_IN.into_iter());
                return Err(format!("the step has no fact `{name}`; it has {known}"));
            }
            Some(work) => work.agents(),
            None => Vec::new(),
        };
        let agent = work
            .first()
            .and_then(|agent| AgentKind::new(agent.value.as_str()).ok());
        let Some(facts) = agent.and_then(|agent| self.catalogue.agents.get(&agent)) else {
            return Ok(None);
        };
        match facts.get(name) {
            Some(fact) => Ok(Some(type_of(*fact))),
            None => {
                let known = join(BUILT_IN.into_iter().chain(facts.keys().map(String::as_str)));
                Err(format!("the step has no fact `{name}`; it has {known}"))
            }
        }
    }
}
