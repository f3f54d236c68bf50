//! One item of a content plan, as its job brings it.

use llm::offline::ItemWork;
use minijinja::context;
use model::{
    ErrorClass, Failure,
    content_plan::{
        ContentPlan, ContentType, PlanItem, PlanResource, PlanTemplate, ResourceKind, Workspace,
    },
    job::{JobInput, Recovery},
    platform::Platform,
};
use serde_json::{Map, Value, json};
use worker::Assignment;

use crate::{
    addresses::Addresses,
    material::{Material, Room, Subject, unread},
};

/// Most faults of an earlier answer that a model is shown.
const MAX_FAULTS: usize = 16;
/// Longest of them, bytes.
const MAX_FAULT_BYTES: usize = 300;

/// What one publication is made of.
#[derive(Clone)]
pub(crate) struct Publication {
    pub(crate) item: PlanItem,
    pub(crate) platform: Platform,
    pub(crate) workspace: Workspace,
    /// Those that the item draws on; none when less is asked for.
    pub(crate) resources: Vec<PlanResource>,
    pub(crate) template: Option<PlanTemplate>,
    pub(crate) recovery: Recovery,
}

impl Publication {
    /// The addresses that it may carry: those that the item and its workspace spell out, and the resources that are
    /// addresses themselves. What stands within a resource's text may be others' and does not count.
    pub(crate) fn addresses(&self) -> Addresses {
        let item = &self.item;
        let brand = &self.workspace.brand;
        let texts = [
            &item.title,
            &item.topic,
            &self.workspace.audience,
            &brand.name,
        ]
        .into_iter()
        .chain(&item.objective)
        .chain(&item.instructions)
        .chain(&brand.required_disclosures);
        Addresses::in_texts(texts, self.urls())
    }

    fn urls(&self) -> impl Iterator<Item = &String> {
        let urls = self.resources.iter();
        urls.filter(|resource| resource.known_kind() == Some(ResourceKind::Url))
            .filter_map(|resource| resource.body.as_ref())
    }

    /// Most characters of a text whose place takes `most`, in this attempt.
    pub(crate) fn limit(&self, most: u32) -> u32 {
        self.recovery.limit_chars.map_or(most, |own| own.min(most))
    }

    fn has(&self, strategy: &str) -> bool {
        self.recovery.strategy == strategy
    }
}

impl Subject for Publication {
    const SYSTEM: &'static str = include_str!("../prompts/publication_system.md");
    const FENCE: &'static str = "publication.md";

    fn of(input: &JobInput) -> Result<Self, Failure> {
        let refused = |message: String| Failure::new(ErrorClass::InvalidInput, message);
        let own = input
            .item
            .as_ref()
            .ok_or_else(|| refused("the job carries no item of a plan".to_owned()))?;
        let mut plan: ContentPlan = serde_json::from_str(input.input.get())
            .map_err(|error| unread("content plan", &error))?;
        let item: PlanItem = serde_json::from_str(own.value.get())
            .map_err(|error| unread("content plan's item", &error))?;
        // The others are the business of their own jobs.
        plan.items = vec![item.clone()];
        if let Some(problem) = plan.problems().first() {
            let path = problem
                .path
                .replacen("items[0]", &format!("items[{}]", own.index), 1);
            return Err(refused(format!("the plan has faults; the first is {path}")));
        }
        let platform = item
            .known_platform()
            .ok_or_else(|| refused("the item names no known platform".to_owned()))?;
        let recovery = input.recovery.clone().unwrap_or_default();
        let simple = recovery.strategy == Recovery::SIMPLIFIED;
        let drawn_on = item.resource_ids.iter().filter(|_| !simple);
        Ok(Self {
            resources: drawn_on
                .filter_map(|id| plan.resource(id).cloned())
                .collect(),
            template: item
                .template_id
                .as_ref()
                .and_then(|id| plan.template(id).cloned()),
            item,
            platform,
            workspace: plan.workspace,
            recovery,
        })
    }

    fn shown(&self) -> Map<String, Value> {
        let mut room = Room::default();
        let resources: Vec<Value> = self
            .resources
            .iter()
            .map(|resource| {
                let mut body = resource.body.clone().unwrap_or_default();
                room.cut(&mut body);
                json!({ "name": resource.name, "kind": resource.kind, "body": body })
            })
            .collect();
        let mut all = Map::from_iter([
            ("item".to_owned(), json!(self.item)),
            ("workspace".to_owned(), json!(self.workspace)),
            ("resources".to_owned(), resources.into()),
        ]);
        if let Some(template) = &self.template {
            let slots = json!({ "name": template.name, "slots": template.slots });
            all.insert("template".to_owned(), slots);
        }
        if !self.recovery.faults.is_empty() {
            let faults = self.recovery.faults.iter().take(MAX_FAULTS);
            let faults: Vec<&str> = faults
                .map(|fault| &fault[..fault.floor_char_boundary(MAX_FAULT_BYTES)])
                .collect();
            all.insert("faults".to_owned(), json!(faults));
        }
        all
    }

    fn work(
        material: &Material<Self>,
        assignment: &Assignment,
    ) -> Result<Value, serde_json::Error> {
        let own = &material.subject;
        let optimizing = own.has(Recovery::OPTIMIZATION);
        let texts = own.resources.iter().filter(|resource| {
            matches!(
                resource.known_kind(),
                Some(ResourceKind::Text | ResourceKind::Document)
            )
        });
        let mut room = Room::default();
        serde_json::to_value(ItemWork {
            item: own.item.clone(),
            workspace: own.workspace.clone(),
            texts: texts
                .filter_map(|resource| resource.body.clone())
                .map(|mut text| {
                    room.cut(&mut text);
                    text
                })
                .collect(),
            link: own.urls().next().cloned(),
            template: own.template.clone(),
            seed: assignment.job.to_string(),
            revision: assignment.revision,
            note: material.note.clone(),
            // A text that is rewritten is said again.
            said: if optimizing {
                Vec::new()
            } else {
                material.said()
            },
            simple: own.simple(),
            rewrite: material.previous.clone().filter(|_| optimizing),
            limit_chars: own.recovery.limit_chars,
        })
    }

    fn context(&self) -> minijinja::Value {
        context! {
            platform => self.platform.as_str(),
            recovering => !self.recovery.strategy.is_empty(),
            simplified => self.simple(),
            optimizing => self.has(Recovery::OPTIMIZATION),
            repairing => self.has(Recovery::REPAIR),
            faulty => !self.recovery.faults.is_empty(),
            limited => self.recovery.limit_chars.unwrap_or(0),
        }
    }

    fn simple(&self) -> bool {
        self.has(Recovery::SIMPLIFIED)
    }
}

/// The content type of an item must be the agent's own: anything else is a defect of the plan's workflow.
pub(crate) fn expect(publication: &Publication, kind: ContentType) -> Result<(), Failure> {
    if publication.item.known_type() == Some(kind) {
        return Ok(());
    }
    Err(Failure::new(
        ErrorClass::InvalidInput,
        format!("the item is no `{}`", kind.as_str()),
    ))
}
