//! What makes a plan unfit for work.

use std::collections::BTreeSet;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    Canvas, ContentPlan, ContentType, MAX_CANVAS, MAX_ITEM_RESOURCES, MAX_ITEMS, MAX_KEY_CHARS,
    MAX_PARALLEL, MAX_RESOURCES, MAX_SLOT_CHARS, MAX_SLOTS, MAX_TEMPLATES, MAX_TITLE_CHARS,
    MIN_CANVAS, PlanItem, PlanResource, PlanTemplate, ResourceKind, TEMPLATE_LAYOUTS, Workspace,
};
use crate::{
    CampaignId, ContentHash, EntryName,
    brief::{MAX_RESOURCE_BYTES, MAX_TEXT_CHARS, is_language_tag},
    platform::Platform,
    validate::Problems,
};

/// Characters of a user's text that a fault shows.
const MAX_SHOWN_CHARS: usize = 40;

pub(super) fn plan(plan: &ContentPlan, all: &mut Problems) {
    if let Err(error) = CampaignId::new(plan.campaign_id.as_str()) {
        all.push("campaign_id", error.to_string());
    }
    workspace(&plan.workspace, all);

    all.check(
        "max_parallel",
        (1..=MAX_PARALLEL).contains(&plan.max_parallel),
        format!("must be 1 to {MAX_PARALLEL}"),
    );
    all.check(
        "items",
        !plan.items.is_empty(),
        "must hold at least one item",
    );
    all.at_most("items", plan.items.len(), MAX_ITEMS);
    all.at_most("resources", plan.resources.len(), MAX_RESOURCES);
    all.at_most("templates", plan.templates.len(), MAX_TEMPLATES);
    let resources: BTreeSet<&str> = plan.resources.iter().map(|r| r.id.as_str()).collect();
    let templates: BTreeSet<&str> = plan.templates.iter().map(|t| t.id.as_str()).collect();

    keys("items", plan.items.iter().map(|item| &item.id), all);
    for (i, each) in plan.items.iter().enumerate().take(MAX_ITEMS) {
        item(&format!("items[{i}]"), each, &resources, &templates, all);
    }
    keys("resources", plan.resources.iter().map(|r| &r.id), all);
    for (i, each) in plan.resources.iter().enumerate().take(MAX_RESOURCES) {
        resource(&format!("resources[{i}]"), each, all);
    }
    keys("templates", plan.templates.iter().map(|t| &t.id), all);
    for (i, each) in plan.templates.iter().enumerate().take(MAX_TEMPLATES) {
        template(&format!("templates[{i}]"), each, all);
    }
}

fn workspace(workspace: &Workspace, all: &mut Problems) {
    for problem in workspace.brand.problems() {
        all.push(format!("workspace.{}", problem.path), problem.message);
    }
    all.check(
        "workspace.language",
        is_language_tag(&workspace.language),
        "must be a BCP 47 tag such as `en` or `de-CH`",
    );
    all.text("workspace.audience", &workspace.audience, MAX_TEXT_CHARS);
}

/// Each id has its form and stands once.
fn keys<'a>(list: &str, ids: impl Iterator<Item = &'a String>, all: &mut Problems) {
    let mut seen = BTreeSet::new();
    for (i, id) in ids.enumerate() {
        let path = format!("{list}[{i}].id");
        line(&path, id, MAX_KEY_CHARS, all);
        all.check(
            path,
            seen.insert(id),
            format!("`{}` stands twice", shown(id)),
        );
    }
}

/// A required text on one line.
fn line(path: &str, text: &str, max: usize, all: &mut Problems) {
    if text.contains(['\n', '\r', '\t']) {
        all.push(path, "must stand on one line, without tabs");
    } else {
        all.text(path, text, max);
    }
}

fn item(
    path: &str,
    item: &PlanItem,
    resources: &BTreeSet<&str>,
    templates: &BTreeSet<&str>,
    all: &mut Problems,
) {
    line(&format!("{path}.title"), &item.title, MAX_TITLE_CHARS, all);
    all.check(
        format!("{path}.content_type"),
        item.known_type().is_some(),
        format!(
            "unknown content type `{}`; known are {}",
            shown(&item.content_type),
            ContentType::ALL.map(ContentType::as_str).join(", ")
        ),
    );
    all.check(
        format!("{path}.platform"),
        item.known_platform().is_some(),
        format!(
            "unknown platform `{}`; known are {}",
            shown(&item.platform),
            Platform::names()
        ),
    );
    if let Some(moment) = &item.scheduled_for {
        all.check(
            format!("{path}.scheduled_for"),
            moment.len() <= MAX_KEY_CHARS && OffsetDateTime::parse(moment, &Rfc3339).is_ok(),
            "must be a moment by RFC 3339 such as 2026-11-21T09:30:00Z",
        );
    }
    all.text(&format!("{path}.topic"), &item.topic, MAX_TEXT_CHARS);
    for (name, text) in [
        ("objective", &item.objective),
        ("instructions", &item.instructions),
    ] {
        if let Some(text) = text {
            all.text(&format!("{path}.{name}"), text, MAX_TEXT_CHARS);
        }
    }
    all.at_most(
        &format!("{path}.resource_ids"),
        item.resource_ids.len(),
        MAX_ITEM_RESOURCES,
    );
    let named = item.resource_ids.iter().take(MAX_ITEM_RESOURCES);
    for (i, id) in named.enumerate() {
        all.check(
            format!("{path}.resource_ids[{i}]"),
            resources.contains(id.as_str()),
            format!("there is no resource `{}`", shown(id)),
        );
    }
    match &item.template_id {
        Some(id) => all.check(
            format!("{path}.template_id"),
            templates.contains(id.as_str()),
            format!("there is no template `{}`", shown(id)),
        ),
        None => all.check(
            format!("{path}.template_id"),
            item.known_type() != Some(ContentType::TextTemplate),
            "must name a template, as `text_template` fills one",
        ),
    }
}

fn resource(path: &str, resource: &PlanResource, all: &mut Problems) {
    line(
        &format!("{path}.name"),
        &resource.name,
        MAX_TITLE_CHARS,
        all,
    );
    let Some(kind) = resource.known_kind() else {
        let known = "text, url, image, document";
        all.push(
            format!("{path}.kind"),
            format!(
                "unknown kind `{}`; known are {known}",
                shown(&resource.kind)
            ),
        );
        return;
    };
    let rule = match kind {
        ResourceKind::Text => "must have a `body` and no `blob`, as it is a text",
        ResourceKind::Url => "must have its address in `body` and no `blob`",
        ResourceKind::Image => "must have a `blob` and no `body`, as it is a picture",
        ResourceKind::Document => "must have exactly one of `body` and `blob`",
    };
    match (&resource.body, &resource.blob) {
        (Some(body), None) if kind == ResourceKind::Url => {
            all.web_address(&format!("{path}.body"), body);
        }
        (Some(body), None) if kind != ResourceKind::Image => {
            all.text(&format!("{path}.body"), body, MAX_RESOURCE_BYTES);
            all.check(
                format!("{path}.body"),
                body.len() <= MAX_RESOURCE_BYTES,
                format!("must be at most {MAX_RESOURCE_BYTES} bytes"),
            );
        }
        (None, Some(hash)) if matches!(kind, ResourceKind::Image | ResourceKind::Document) => {
            all.check(
                format!("{path}.blob"),
                ContentHash::new(hash.as_str()).is_ok(),
                "must be the SHA-256 of an uploaded blob, 64 hex digits",
            );
        }
        _ => all.push(path, rule),
    }
}

fn template(path: &str, template: &PlanTemplate, all: &mut Problems) {
    line(
        &format!("{path}.name"),
        &template.name,
        MAX_TITLE_CHARS,
        all,
    );
    let slots = format!("{path}.slots");
    all.check(
        slots.as_str(),
        !template.slots.is_empty(),
        "must hold at least one slot",
    );
    all.at_most(&slots, template.slots.len(), MAX_SLOTS);
    let mut seen = BTreeSet::new();
    for (i, slot) in template.slots.iter().enumerate().take(MAX_SLOTS) {
        let path = format!("{slots}[{i}]");
        match EntryName::new(slot.name.as_str()) {
            Ok(_) => all.check(
                format!("{path}.name"),
                seen.insert(&slot.name),
                format!("`{}` stands twice", slot.name),
            ),
            Err(_) => all.push(
                format!("{path}.name"),
                "must be 1 to 64 characters out of a-z, 0-9, `_` and `-`",
            ),
        }
        all.check(
            format!("{path}.max_chars"),
            (1..=MAX_SLOT_CHARS).contains(&slot.max_chars),
            format!("must be 1 to {MAX_SLOT_CHARS}"),
        );
    }
    let Canvas { width, height } = template.canvas;
    for (name, side) in [("width", width), ("height", height)] {
        all.check(
            format!("{path}.canvas.{name}"),
            (MIN_CANVAS..=MAX_CANVAS).contains(&side),
            format!("must be {MIN_CANVAS} to {MAX_CANVAS} pixels"),
        );
    }
    all.check(
        format!("{path}.layout"),
        TEMPLATE_LAYOUTS.contains(&template.layout.as_str()),
        format!(
            "unknown layout `{}`; known are {}",
            shown(&template.layout),
            TEMPLATE_LAYOUTS.join(", ")
        ),
    );
}

fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN_CHARS).collect()
}
