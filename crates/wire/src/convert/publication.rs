//! Content plans.

use model::content_plan as plan;

use crate::publication::v1 as pb;

impl From<pb::ContentPlan> for plan::ContentPlan {
    /// As it stands; [`plan::ContentPlan::problems`] says what is wrong with it.
    fn from(wire: pb::ContentPlan) -> Self {
        Self {
            campaign_id: wire.campaign_id,
            items: wire.items.into_iter().map(Into::into).collect(),
            workspace: wire.workspace.unwrap_or_default().into(),
            resources: wire.resources.into_iter().map(Into::into).collect(),
            templates: wire.templates.into_iter().map(Into::into).collect(),
            max_parallel: wire.max_parallel.max(1),
        }
    }
}

impl From<pb::PlanItem> for plan::PlanItem {
    fn from(wire: pb::PlanItem) -> Self {
        Self {
            id: wire.id,
            title: wire.title,
            content_type: wire.content_type,
            platform: wire.platform,
            scheduled_for: wire.scheduled_for,
            topic: wire.topic,
            objective: wire.objective,
            resource_ids: wire.resource_ids,
            template_id: wire.template_id,
            instructions: wire.instructions,
        }
    }
}

impl From<pb::Workspace> for plan::Workspace {
    fn from(wire: pb::Workspace) -> Self {
        Self {
            brand: wire.brand.unwrap_or_default().into(),
            language: if wire.language.is_empty() {
                "en".to_owned()
            } else {
                wire.language
            },
            audience: wire.audience,
        }
    }
}

impl From<pb::PlanResource> for plan::PlanResource {
    fn from(wire: pb::PlanResource) -> Self {
        Self {
            id: wire.id,
            name: wire.name,
            kind: wire.kind,
            body: wire.body,
            blob: wire.blob,
        }
    }
}

impl From<pb::PlanTemplate> for plan::PlanTemplate {
    fn from(wire: pb::PlanTemplate) -> Self {
        let canvas = wire.canvas.unwrap_or_default();
        Self {
            id: wire.id,
            name: wire.name,
            slots: wire.slots.into_iter().map(Into::into).collect(),
            canvas: plan::Canvas {
                width: canvas.width,
                height: canvas.height,
            },
            layout: wire.layout,
        }
    }
}

impl From<pb::Slot> for plan::Slot {
    fn from(wire: pb::Slot) -> Self {
        Self {
            name: wire.name,
            max_chars: wire.max_chars,
            optional: wire.optional,
        }
    }
}
