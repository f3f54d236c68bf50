//! A definition that has every part of the engine in it, beside the built-in campaigns.

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

use model::AgentKind;
use workflow::{Catalogue, Plan, Shape, builtin};

use crate::draws::Draws;

/// Two lists, one of them in a loop, agents chosen by item and agents that take over.
const EVERYTHING: &str = include_str!("everything.yaml");
/// The agents of a campaign, and its steps.
pub(crate) const AGENTS: [&str; 3] = ["copy", "short_copy", "visual_concept"];
/// How many of the clients submit it.
const SHARE: f64 = 0.3;
/// Most items of a list.
const MAX_ITEMS: u64 = 6;

/// What is made in a run of `plan` and can be made again.
pub(crate) fn made(plan: &Plan) -> &'static [&'static str] {
    if plan.workflow == "campaign" {
        &AGENTS
    } else {
        &["outline", "drafts.0", "items.0", "items.1"]
    }
}

/// The modes of a campaign.
pub(crate) const MODES: [&str; 2] = ["parallel", "sequential"];

/// Who is asked for anything in any of the plans; hosting others would only lengthen what workers announce.
pub(crate) fn agents() -> &'static BTreeSet<AgentKind> {
    static AGENTS: OnceLock<BTreeSet<AgentKind>> = OnceLock::new();
    AGENTS.get_or_init(|| {
        let campaigns = MODES.map(|mode| builtin::find("campaign", mode).ok());
        let everything = everything();
        let plans = campaigns.into_iter().flatten().chain(everything.as_deref());
        plans.flat_map(Plan::agents).cloned().collect()
    })
}

/// The plan of everything and an input for it, for some of the clients.
pub(crate) fn draw(draws: &Draws, number: u64) -> Option<(Arc<Plan>, String)> {
    if draws.chance(SHARE) {
        return Some((everything()?, work(draws, number)));
    }
    None
}

fn everything() -> Option<Arc<Plan>> {
    static PLAN: OnceLock<Option<Arc<Plan>>> = OnceLock::new();
    let compiled = || {
        let item = [("id", Shape::Text), ("kind", Shape::Text)];
        let work = Shape::object([
            ("first", Shape::each(item.clone())),
            ("second", Shape::each(item)),
            ("at_once", Shape::Number),
            ("pace", Shape::Text),
        ]);
        let catalogue = Catalogue {
            inputs: [("Work".to_owned(), work)].into(),
            ..builtin::catalogue().clone()
        };
        workflow::compile(EVERYTHING, &catalogue).ok().map(Arc::new)
    };
    PLAN.get_or_init(compiled).clone()
}

fn work(draws: &Draws, number: u64) -> String {
    let list = || -> Vec<_> {
        (0..draws.between(0, MAX_ITEMS))
            .map(|at| {
                // One that no agent does, now and then.
                let kinds = ["copy", "copy", "short_copy", "visual_concept", "poem"];
                let kind = draws.pick(&kinds);
                serde_json::json!({ "id": format!("k{at}"), "kind": kind })
            })
            .collect()
    };
    serde_json::json!({
        "first": list(), "second": list(), "at_once": draws.between(1, 4), "number": number,
        "pace": draws.pick(&["fast", "slow"]),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn everything_compiles() {
        assert!(super::everything().is_some());
    }
}
