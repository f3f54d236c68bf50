//! The definitions that Pressrun brings along.

use std::sync::OnceLock;

use model::{
    AgentKind,
    fact::{FactType, FactTypes},
};

use crate::{Catalogue, Plan, Shape, compile};

/// The definitions' sources. The first mode of a workflow is the one that an empty mode means.
const SOURCES: [&str; 3] = [
    include_str!("../definitions/campaign.parallel.yaml"),
    include_str!("../definitions/campaign.sequential.yaml"),
    include_str!("../definitions/publications.yaml"),
];

/// Facts that each built-in agent declares.
const AGENTS: [(&str, &[(&str, FactType)]); 8] = [
    ("copy", &[("words", FactType::Number)]),
    ("short_copy", &[("variants", FactType::Number)]),
    ("visual_concept", &[]),
    ("text_only", &[("chars", FactType::Number)]),
    ("text_image", &[("chars", FactType::Number)]),
    ("text_template", &[("chars", FactType::Number)]),
    (
        "carousel",
        &[("chars", FactType::Number), ("slides", FactType::Number)],
    ),
    (
        "audit_campaign",
        &[
            ("score", FactType::Number),
            ("verdict", FactType::Text),
            ("findings", FactType::Number),
        ],
    ),
];

/// The roles that a key may have; those of the services' doors.
const ROLES: [&str; 6] = [
    "viewer",
    "editor",
    "approver",
    "publisher",
    "operator",
    "admin",
];

/// No built-in plan has that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// There is no such workflow.
    #[error("unknown workflow `{name}`; known are {known}")]
    Workflow {
        /// What was asked for.
        name: String,
        /// The workflows that there are.
        known: String,
    },
    /// The workflow has no such mode.
    #[error("workflow `{workflow}` has no mode `{name}`; it has {known}")]
    Mode {
        /// The workflow.
        workflow: String,
        /// What was asked for.
        name: String,
        /// The modes that it has, its default first.
        known: String,
    },
}

/// Every built-in plan, compiled once.
pub fn all() -> &'static [Plan] {
    static PLANS: OnceLock<Vec<Plan>> = OnceLock::new();
    // A test compiles each source, so none is left out here.
    PLANS.get_or_init(|| {
        SOURCES
            .iter()
            .filter_map(|source| compile(source, catalogue()).ok())
            .collect()
    })
}

/// The built-in plan of a workflow and mode; an empty mode means the workflow's default.
///
/// # Errors
/// When there is no such workflow, or it has no such mode.
pub fn find(workflow: &str, mode: &str) -> Result<&'static Plan, Unknown> {
    let of_workflow = || all().iter().filter(|plan| plan.workflow == workflow);
    if of_workflow().next().is_none() {
        return Err(Unknown::Workflow {
            name: shown(workflow),
            known: join(all().iter().map(|plan| &plan.workflow)),
        });
    }
    of_workflow()
        .find(|plan| mode.is_empty() || plan.mode == mode)
        .ok_or_else(|| Unknown::Mode {
            workflow: workflow.to_owned(),
            name: shown(mode),
            known: join(of_workflow().map(|plan| &plan.mode)),
        })
}

/// What the built-in definitions may name.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| Catalogue {
        agents: AGENTS
            .iter()
            .filter_map(|(name, facts)| agent(name, facts))
            .collect(),
        inputs: [
            ("CampaignInput".to_owned(), campaign_input()),
            ("ContentPlan".to_owned(), content_plan()),
        ]
        .into(),
        roles: ROLES.iter().map(ToString::to_string).collect(),
    })
}

fn agent(name: &str, facts: &[(&str, FactType)]) -> Option<(AgentKind, FactTypes)> {
    let facts = facts
        .iter()
        .map(|(name, kind)| ((*name).to_owned(), *kind))
        .collect();
    Some((AgentKind::new(name).ok()?, facts))
}

/// The input of `campaign`: what of the brief is wanted, the options of the submit, and the brief.
fn campaign_input() -> Shape {
    use Shape::{Bool, List, Number, Text};
    let brand = Shape::object([
        ("name", Text),
        ("palette", List),
        ("fonts", List),
        ("banned_terms", List),
        ("required_disclosures", List),
        ("inclusive_language", Bool),
    ]);
    let brief = Shape::object([
        ("name", Text),
        ("objective", Text),
        ("audience", Text),
        ("offer", Text),
        ("brand", brand),
        ("key_messages", List),
        ("proof_points", List),
        ("platforms", List),
        ("language", Text),
        ("must_include", List),
        ("must_avoid", List),
        ("disclaimers", List),
        ("resources", List),
    ]);
    let wants = Shape::object([
        ("copy", Bool),
        ("short_copy", Bool),
        ("visual_concept", Bool),
    ]);
    let options = Shape::object([("mode", Text), ("dry_run", Bool), ("priority", Number)]);
    Shape::object([("wants", wants), ("options", options), ("brief", brief)])
}

/// The input of `publications`.
fn content_plan() -> Shape {
    use Shape::{List, Number, Text};
    let item = [
        ("id", Text),
        ("title", Text),
        ("content_type", Text),
        ("platform", Text),
        ("topic", Text),
        ("resource_ids", List),
    ];
    Shape::object([
        ("campaign_id", Text),
        ("items", Shape::each(item)),
        ("resources", List),
        ("templates", List),
        ("max_parallel", Number),
    ])
}

/// What a message repeats of a name that came from outside.
fn shown(name: &str) -> String {
    name.chars().take(40).collect()
}

/// Each name once, in order.
fn join<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let mut known: Vec<&str> = names.map(String::as_str).collect();
    known.dedup();
    known.join(", ")
}
