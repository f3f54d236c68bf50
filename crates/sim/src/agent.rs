//! Agents that take a while, fail at times, and are counted by a log that no crash touches.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use model::{
    AgentKind, ErrorClass, Failure,
    fact::{Fact, FactType, FactTypes},
    job::Product,
    limits::{MAX_ARTIFACT_BYTES, MAX_INLINE_BYTES},
    usage::{Provenance, Usage},
};
use worker::{Agent, AgentCard, Assignment};

use crate::{invariants::Invariant, plans, world::World};

/// How agents fail.
const CLASSES: [ErrorClass; 9] = [
    ErrorClass::RateLimited,
    ErrorClass::Network,
    ErrorClass::Timeout,
    ErrorClass::Provider,
    ErrorClass::Schema,
    ErrorClass::Transient,
    ErrorClass::InvalidInput,
    ErrorClass::Policy,
    ErrorClass::Internal,
];

/// How long a job may go on after its cancel, in calm weather.
const CALLED_BACK: Duration = Duration::from_secs(2);

/// A simulated agent on one worker.
struct Simulated {
    world: Arc<World>,
    worker: String,
    card: AgentCard,
}

/// One agent of every kind that a run may ask for.
pub(crate) fn all(world: &Arc<World>, worker: &str) -> Vec<Arc<dyn Agent>> {
    let agent = |(kind, facts): (&AgentKind, &FactTypes)| -> Arc<dyn Agent> {
        Arc::new(Simulated {
            world: world.clone(),
            worker: worker.to_owned(),
            card: AgentCard {
                kind: kind.clone(),
                output_schema: serde_json::json!({ "type": "object" }),
                facts: facts.clone(),
                model: "simulated".to_owned(),
                version: "1".to_owned(),
                max_output_bytes: MAX_ARTIFACT_BYTES,
                input_price_microusd: 0,
                output_price_microusd: 0,
            },
        })
    };
    let known = &workflow::builtin::catalogue().agents;
    let wanted = plans::agents().iter();
    wanted
        .filter_map(|kind| known.get_key_value(kind))
        .map(agent)
        .collect()
}

#[async_trait]
impl Agent for Simulated {
    fn card(&self) -> &AgentCard {
        &self.card
    }

    async fn perform(&self, assignment: &Assignment) -> Result<Product, Failure> {
        let Assignment { job, step, .. } = assignment;
        let call = {
            let mut log = self.world.log();
            let calls = log.calls.entry(job.clone()).or_default();
            *calls += 1;
            *calls
        };
        let (world, worker) = (&self.world, &self.worker);
        world.trace(format_args!("{worker} call {call} of {job} for {step}"));
        let weather = &world.weather;
        let draws = world.draws(&format!("{job} {call}"));
        tokio::time::sleep(draws.millis(1, weather.slowest_agent)).await;
        world.trace(format_args!("{worker} call {call} of {job} ended"));
        self.wanted(assignment);
        if draws.chance(weather.agent_fails)
            && let Some(class) = draws.pick(&CLASSES)
        {
            let wait = (*class == ErrorClass::RateLimited)
                .then(|| Duration::from_millis(draws.between(0, 5_000)));
            return Err(Failure::new(*class, "simulated").retry_after(wait));
        }
        let padding = if draws.chance(weather.large_results) {
            MAX_INLINE_BYTES
        } else {
            0
        };
        // Each call gives another text, so that it shows which call's result was stored.
        let content = serde_json::json!({
            "step": step.as_str(), "revision": assignment.revision, "attempt": assignment.attempt,
            "call": call, "padding": "x".repeat(padding),
        });
        let facts: BTreeMap<_, _> = self
            .card
            .facts
            .iter()
            .map(|(name, kind)| (name.clone(), fact(*kind)))
            .collect();
        Ok(Product {
            content: content.to_string(),
            facts,
            provenance: Provenance {
                agent: self.card.kind.to_string(),
                model: self.card.model.clone(),
                prompt_version: self.card.version.clone(),
                usage: Usage {
                    input_tokens: 1,
                    output_tokens: 1,
                    cost_microusd: 1,
                },
                ..Provenance::default()
            },
            media: Vec::new(),
        })
    }
}

impl Simulated {
    /// What was cancelled in calm weather is called back: no call goes on for it.
    fn wanted(&self, assignment: &Assignment) {
        let Assignment { job, run, .. } = assignment;
        let cancelled = self.world.tables().of(run).and_then(|row| {
            let (at, jobs) = row.cancelled.as_ref()?;
            // One that had ended by then may come again for an ack that was lost before.
            jobs.contains(job).then_some(*at)
        });
        if let (Some(cancelled), Some(settled)) = (cancelled, self.world.settled())
            && cancelled > settled
            && cancelled.elapsed() > CALLED_BACK
        {
            let what = format!("job {job} was worked on although run {run} was cancelled before");
            self.world.violate(Invariant::I10, what);
        }
    }
}

fn fact(kind: FactType) -> Fact {
    match kind {
        FactType::Number => Fact::Number(1.0),
        FactType::Bool => Fact::Bool(true),
        FactType::Text => Fact::Text("pass".to_owned()),
        FactType::Keys => Fact::Keys(Vec::new()),
    }
}
