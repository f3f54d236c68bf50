use proptest::prelude::*;

use super::*;

fn item(id: &str, content_type: &str) -> PlanItem {
    PlanItem {
        id: id.into(),
        title: "First steps".into(),
        content_type: content_type.into(),
        platform: "LinkedIn".into(),
        topic: "How a week with the planner begins".into(),
        ..PlanItem::default()
    }
}

fn good() -> ContentPlan {
    ContentPlan {
        max_parallel: 1,
        campaign_id: "autumn".into(),
        items: vec![
            PlanItem {
                resource_ids: vec!["facts".into(), "page".into()],
                scheduled_for: Some("2026-11-21T09:30:00+01:00".into()),
                ..item("1", "text_only")
            },
            PlanItem {
                template_id: Some("quote".into()),
                ..item("2", "text_template")
            },
            item("3", "text_image"),
            item("4", "carousel"),
        ],
        workspace: Workspace {
            brand: Brand {
                name: "Harbor".into(),
                ..Brand::default()
            },
            language: "en".into(),
            audience: "Small retailers".into(),
        },
        resources: vec![
            resource("facts", "text", Some("One list."), None),
            resource("page", "url", Some("https://harbor.example/"), None),
            resource("photo", "image", None, Some(&"a".repeat(64))),
            resource("paper", "document", None, Some(&"b".repeat(64))),
        ],
        templates: vec![PlanTemplate {
            id: "quote".into(),
            name: "Quote".into(),
            slots: vec![Slot {
                name: "quote".into(),
                max_chars: 140,
                optional: false,
            }],
            canvas: Canvas {
                width: 1080,
                height: 1350,
            },
            layout: "stack".into(),
        }],
    }
}

fn resource(id: &str, kind: &str, body: Option<&str>, blob: Option<&str>) -> PlanResource {
    PlanResource {
        id: id.into(),
        name: id.into(),
        kind: kind.into(),
        body: body.map(str::to_owned),
        blob: blob.map(str::to_owned),
    }
}

fn paths(plan: &ContentPlan) -> Vec<String> {
    plan.problems().into_iter().map(|p| p.path).collect()
}

#[test]
fn a_good_plan_has_no_problem_and_goes_through_json() {
    let plan = good();
    assert_eq!(plan.problems(), []);
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<ContentPlan>(&json).unwrap(), plan);
    assert!(serde_json::from_str::<ContentPlan>(&json.replacen('{', "{\"more\":1,", 1)).is_err());
    for kind in ContentType::ALL {
        assert_eq!(ContentType::parse(kind.as_str()), Some(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
}

#[test]
fn every_fault_is_reported_at_once_by_path() {
    let mut plan = good();
    plan.campaign_id = "Autumn 26".into();
    plan.workspace.brand.name = " ".into();
    plan.workspace.language = "english please".into();
    plan.items[0].resource_ids.push("nowhere".into());
    plan.items[0].scheduled_for = Some("tomorrow".into());
    plan.items[1].template_id = None;
    plan.items[2].id = "1".into();
    plan.items[2].platform = "myspace".into();
    plan.items[3].content_type = "Carousel".into();
    plan.items[3].template_id = Some("gone".into());
    plan.resources[0].body = None;
    plan.resources[1].body = Some("javascript:alert(1)".into());
    plan.resources[2].kind = "video".into();
    plan.templates[0].slots[0].max_chars = 0;
    plan.templates[0].canvas.height = MAX_CANVAS + 1;
    plan.templates[0].layout = "circle".into();
    assert_eq!(
        paths(&plan),
        [
            "campaign_id",
            "workspace.brand.name",
            "workspace.language",
            "items[2].id",
            "items[0].scheduled_for",
            "items[0].resource_ids[2]",
            "items[1].template_id",
            "items[2].platform",
            "items[3].content_type",
            "items[3].template_id",
            "resources[0]",
            "resources[1].body",
            "resources[2].kind",
            "templates[0].slots[0].max_chars",
            "templates[0].canvas.height",
            "templates[0].layout",
        ]
    );
}

#[test]
fn an_empty_plan_and_one_without_end_are_refused() {
    let mut plan = good();
    plan.items.clear();
    assert_eq!(paths(&plan), ["items"]);
    plan.items = (0..=MAX_ITEMS)
        .map(|i| item(&i.to_string(), "text_only"))
        .collect();
    assert_eq!(paths(&plan), ["items"]);
}

#[test]
fn each_list_has_its_own_names() {
    let mut plan = good();
    plan.resources.push(plan.resources[0].clone());
    plan.templates.push(plan.templates[0].clone());
    let slot = plan.templates[0].slots[0].clone();
    plan.templates[0].slots.push(slot);
    plan.templates[0].slots.push(Slot {
        name: "No Name".into(),
        max_chars: 1,
        optional: true,
    });
    assert_eq!(
        paths(&plan),
        [
            "resources[4].id",
            "templates[1].id",
            "templates[0].slots[1].name",
            "templates[0].slots[2].name"
        ]
    );
}

proptest! {
    /// Whatever it holds, a plan is judged and never ends the process.
    #[test]
    fn any_texts_are_judged(texts in prop::collection::vec(".{0,80}", 8), side: u32) {
        let mut plan = good();
        let [id, title, kind, platform, moment, body, slot, layout] = texts.try_into().unwrap();
        plan.items[0].id = id;
        plan.items[0].title = title;
        plan.items[0].content_type = kind;
        plan.items[0].platform = platform;
        plan.items[0].scheduled_for = Some(moment);
        plan.resources[1].body = Some(body);
        plan.templates[0].slots[0].name = slot;
        plan.templates[0].layout = layout;
        plan.templates[0].canvas.width = side;
        for problem in plan.problems() {
            prop_assert!(!problem.message.is_empty());
        }
    }
}
