//! Brands, templates and resources over real processes: tenants, roles, bad input; and that a run keeps what it
//! was made of.

mod doors;

use std::collections::BTreeMap;

use system_tests::{
    brief,
    stack::{Clients, Layout, Role, Stack, channel},
};
use tonic::{Code, Request, Status, transport::Channel};
use wire::{
    campaign::v1::{
        Brand, CampaignBrief, GetRequest as RunRequest, OrchestrationResult, Resource,
        SubmitRequest, SubmitResponse, TemplateUse,
    },
    library::v1::{
        DeleteRequest, Entry, GetRequest, ListRequest, ListVersionsRequest, Placeholder,
        PutRequest, Template, library_service_client::LibraryServiceClient, put_request::Content,
    },
    problem::problems_of,
};

use super::tenants::{code, key, with};

type Library = LibraryServiceClient<Channel>;

struct World {
    stack: Stack,
    clients: Clients,
    library: Library,
    editor: String,
    viewer: String,
    operator: String,
    other: String,
}

async fn world(gateways: usize) -> anyhow::Result<World> {
    let layout = Layout {
        agent_workers: 0,
        audit_workers: 0,
        gateways,
        api_keys: true,
        ..Layout::default()
    };
    let stack = Stack::start(&layout).await?;
    Ok(World {
        clients: stack.clients()?,
        library: Library::new(channel(stack.url(Role::Orchestrator)?)?),
        editor: key(&stack, "acme", "editor").await?,
        viewer: key(&stack, "acme", "viewer").await?,
        operator: key(&stack, "acme", "operator").await?,
        other: key(&stack, "umbrella", "admin").await?,
        stack,
    })
}

fn brand(banned: &str) -> Brand {
    Brand {
        name: "Tern".to_owned(),
        banned_terms: vec![banned.to_owned()],
        ..Brand::default()
    }
}

fn text(name: &str, text: &str) -> Resource {
    Resource {
        name: name.to_owned(),
        kind: "markdown".to_owned(),
        text: Some(text.to_owned()),
        blob: None,
    }
}

fn template() -> Template {
    let mut gapped = brief::brief("Launch of {{product}}");
    gapped.brand = None;
    gapped.offer = "{{product}} for {{price}}".to_owned();
    gapped.resource_refs = vec!["facts".to_owned()];
    let placeholder = |name: &str, kind: &str, default: Option<&str>| Placeholder {
        name: name.to_owned(),
        kind: kind.to_owned(),
        about: String::new(),
        default: default.map(str::to_owned),
    };
    Template {
        about: "A launch".to_owned(),
        placeholders: vec![
            placeholder("product", "", None),
            placeholder("price", "number", Some("99")),
        ],
        brief: Some(gapped),
    }
}

fn put(name: &str, content: Content) -> PutRequest {
    let kind = match &content {
        Content::Brand(_) => "brand",
        Content::Template(_) => "template",
        Content::Resource(_) => "resource",
        Content::Workflow(_) => "workflow",
    };
    PutRequest {
        kind: kind.to_owned(),
        name: name.to_owned(),
        content: Some(content),
        if_version: None,
    }
}

fn at(kind: &str, name: &str, version: u32) -> GetRequest {
    GetRequest {
        kind: kind.to_owned(),
        name: name.to_owned(),
        version,
    }
}

fn paths(status: &Status) -> Vec<String> {
    let problems = problems_of(status).into_iter();
    problems.map(|problem| problem.path).collect()
}

impl World {
    async fn put(&self, key: &str, request: PutRequest) -> Result<Entry, Status> {
        let answer = self.library.clone().put(with(key, request)).await;
        answer.map(tonic::Response::into_inner)
    }

    async fn get(&self, key: &str, request: GetRequest) -> Result<Entry, Status> {
        let answer = self.library.clone().get(with(key, request)).await;
        answer.map(tonic::Response::into_inner)
    }

    async fn delete(&self, key: &str, kind: &str, name: &str) -> Result<bool, Status> {
        let request = DeleteRequest {
            kind: kind.to_owned(),
            name: name.to_owned(),
            if_version: None,
        };
        let answer = self.library.clone().delete(with(key, request)).await;
        answer.map(|answer| answer.into_inner().deleted)
    }

    async fn submit(&self, request: &SubmitRequest) -> Result<SubmitResponse, Status> {
        let request = with(&self.editor, request.clone());
        let answer = self.clients.campaigns.clone().submit(request).await;
        answer.map(tonic::Response::into_inner)
    }

    async fn brief_of(&self, run_id: &str) -> anyhow::Result<CampaignBrief> {
        let request = with(&self.viewer, run(run_id));
        let answer = self.clients.campaigns.clone().get_brief(request).await?;
        Ok(answer.into_inner())
    }

    async fn result_of(&self, run_id: &str) -> anyhow::Result<OrchestrationResult> {
        let request = with(&self.viewer, run(run_id));
        let answer = self.clients.campaigns.clone().get(request).await?;
        Ok(answer.into_inner())
    }
}

fn run(run_id: &str) -> RunRequest {
    RunRequest {
        run_id: run_id.to_owned(),
    }
}

fn queued(mut request: SubmitRequest) -> SubmitRequest {
    request.options.get_or_insert_default().wait_for_workers = true;
    request
}

/// A submit of a brief that names a stored brand and a stored resource.
fn naming(brand: &str, resource: &str) -> SubmitRequest {
    let mut request = queued(brief::request("named", "parallel"));
    let brief = request.brief.get_or_insert_default();
    brief.brand = None;
    brief.brand_ref = brand.to_owned();
    brief.resource_refs = vec![resource.to_owned()];
    request
}

fn using(values: &[(&str, &str)]) -> SubmitRequest {
    let values = values.iter();
    queued(SubmitRequest {
        template: Some(TemplateUse {
            name: "launch".to_owned(),
            values: values
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>(),
            brand_ref: "tern".to_owned(),
            resource_refs: vec!["more".to_owned()],
        }),
        ..SubmitRequest::default()
    })
}

#[tokio::test]
async fn a_run_keeps_what_it_was_made_of() -> anyhow::Result<()> {
    let world = world(0).await?;
    let editor = &world.editor;
    for content in [
        ("tern", Content::Brand(brand("first"))),
        ("facts", Content::Resource(text("Facts", "# One"))),
        ("more", Content::Resource(text("More", "# Two"))),
        ("launch", Content::Template(template())),
    ] {
        let entry = world.put(editor, put(content.0, content.1)).await?;
        assert_eq!(entry.version, 1);
        assert_eq!(entry.author, "test", "the label of the key");
    }

    // By names, checked only: the whole brief comes back.
    let mut checked = naming("tern", "facts@1");
    checked.validate_only = true;
    let preview = world.submit(&checked).await?.brief.expect("the brief");
    assert_eq!(preview.brand, Some(brand_whole("first")));
    assert_eq!(preview.resources.last(), Some(&text("Facts", "# One")));
    assert!(preview.brand_ref.is_empty() && preview.resource_refs.is_empty());

    // A run, and another one after everything has changed and gone.
    let mut request = naming("tern", "facts");
    request.options.get_or_insert_default().idempotency_key = "autumn".to_owned();
    let first = world.submit(&request).await?;
    let made = world
        .put(editor, put("tern", Content::Brand(brand("second"))))
        .await?;
    assert_eq!(made.version, 2);
    let again = world.submit(&request).await?;
    assert!(again.existing && again.run_id == first.run_id, "{again:?}");
    let second = world.submit(&naming("tern", "facts")).await?;
    let pinned = world.submit(&naming("tern@1", "facts")).await?;
    assert!(world.delete(editor, "brand", "tern").await?);
    assert!(!world.delete(editor, "brand", "tern").await?);
    let again = world.submit(&request).await?;
    assert!(again.existing && again.run_id == first.run_id, "{again:?}");
    let gone = world
        .submit(&naming("tern", "facts"))
        .await
        .expect_err("gone");
    assert_eq!(paths(&gone), ["brief.brand_ref"]);
    for (run, banned, version) in [
        (&first, "first", "tern@1"),
        (&second, "second", "tern@2"),
        (&pinned, "first", "tern@1"),
    ] {
        let kept = world.brief_of(&run.run_id).await?;
        assert_eq!(kept.brand, Some(brand_whole(banned)), "{version}");
        assert_eq!(kept.resources.last(), Some(&text("Facts", "# One")));
        let sources = world
            .result_of(&run.run_id)
            .await?
            .sources
            .expect("sources");
        assert_eq!(
            (sources.brand.as_str(), sources.template.as_str()),
            (version, "")
        );
        assert_eq!(sources.resources, ["facts@1"]);
    }
    let plain = world
        .submit(&queued(brief::request("plain", "parallel")))
        .await?;
    assert_eq!(world.result_of(&plain.run_id).await?.sources, None);

    // By a template.
    world
        .put(editor, put("tern", Content::Brand(brand("third"))))
        .await?;
    let filled = world
        .submit(&using(&[("product", "Tern {{price}}")]))
        .await?;
    let kept = world.brief_of(&filled.run_id).await?;
    assert_eq!(
        (kept.name.as_str(), kept.offer.as_str()),
        ("Launch of Tern {{price}}", "Tern {{price}} for 99")
    );
    assert_eq!(kept.brand, Some(brand_whole("third")));
    let texts: Vec<_> = kept.resources.iter().map(|r| r.name.as_str()).collect();
    assert!(texts.ends_with(&["Facts", "More"]), "{texts:?}");
    let sources = world
        .result_of(&filled.run_id)
        .await?
        .sources
        .expect("sources");
    assert_eq!(
        (sources.template.as_str(), sources.brand.as_str()),
        ("launch@1", "tern@3")
    );
    Ok(())
}

/// As it comes back: a voice that is empty.
fn brand_whole(banned: &str) -> Brand {
    Brand {
        voice: Some(wire::campaign::v1::Voice::default()),
        ..brand(banned)
    }
}

#[tokio::test]
async fn every_fault_is_told_at_once_by_its_path() -> anyhow::Result<()> {
    let world = world(0).await?;
    let editor = &world.editor;
    world
        .put(editor, put("launch", Content::Template(template())))
        .await?;

    let mut request = naming("tern", "Facts!");
    let brief = request.brief.get_or_insert_default();
    brief.offer.clear();
    brief
        .resource_refs
        .extend(["none@7".to_owned(), "tern@0".to_owned()]);
    request.options.get_or_insert_default().priority = 9;
    request.options.get_or_insert_default().mode = "zigzag".to_owned();
    let refused = world.submit(&request).await.expect_err("faults");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(
        paths(&refused),
        [
            "brief.offer",
            "brief.resource_refs[0]",
            "brief.resource_refs[2]",
            "options.priority",
            "brief.brand_ref",
            "brief.resource_refs[1]",
            "options.mode",
        ]
    );
    let mut both = naming("tern", "facts");
    both.brief.get_or_insert_default().brand = Some(brand("x"));
    both.template = Some(TemplateUse::default());
    let refused = world.submit(&both).await.expect_err("faults");
    assert!(paths(&refused).starts_with(&["template".into(), "brief.brand".into()]));

    let refused = world
        .submit(&using(&[("price", "much"), ("prodct", "x")]))
        .await
        .expect_err("faults");
    assert_eq!(
        paths(&refused),
        [
            "template.values.product",
            "template.values.price",
            "template.values.prodct"
        ]
    );
    // Filled, it still has faults: where its text is too long, and what nobody keeps.
    let refused = world
        .submit(&using(&[("product", &"x".repeat(1_999))]))
        .await
        .expect_err("faults");
    assert_eq!(
        paths(&refused),
        [
            "brief.name",
            "brief.offer",
            "template.brand_ref",
            "brief.resource_refs[0]",
            "template.resource_refs[0]",
        ]
    );
    let mut unknown = using(&[]);
    unknown.template.get_or_insert_default().name = "other@3".to_owned();
    unknown.options.get_or_insert_default().priority = 9;
    let refused = world.submit(&unknown).await.expect_err("faults");
    assert_eq!(paths(&refused), ["template.name", "options.priority"]);

    // What is put.
    let mut bad = put(
        "Tern@1",
        Content::Brand(Brand {
            palette: vec!["red".to_owned()],
            post_at: "25:00".to_owned(),
            banned_terms: vec!["nul \0".to_owned()],
            ..Brand::default()
        }),
    );
    bad.kind = "logo".to_owned();
    let refused = world.put(editor, bad).await.expect_err("faults");
    assert_eq!(
        paths(&refused),
        [
            "kind",
            "name",
            "brand.name",
            "brand.banned_terms[0]",
            "brand.palette[0]",
            "brand.post_at",
        ]
    );
    let mut mixed = put("tern", Content::Resource(text("", "x")));
    mixed.kind = "brand".to_owned();
    let refused = world.put(editor, mixed).await.expect_err("faults");
    assert_eq!(paths(&refused), ["resource", "resource.name"]);
    let mut empty = put("tern", Content::Brand(brand("x")));
    empty.content = None;
    let refused = world.put(editor, empty).await.expect_err("faults");
    assert_eq!(paths(&refused), ["brand"]);
    let mut gaps = template();
    gaps.brief.get_or_insert_default().audience = "{{who}}".to_owned();
    gaps.placeholders[1].kind = "money".to_owned();
    let refused = world
        .put(editor, put("t", Content::Template(gaps)))
        .await
        .expect_err("faults");
    assert_eq!(
        paths(&refused),
        ["template.placeholders[1].kind", "template.brief.audience"]
    );
    let large = put("large", Content::Resource(text("r", &"x".repeat(10 << 20))));
    let refused = world.put(editor, large).await.expect_err("10 MiB");
    assert_eq!(refused.code(), Code::OutOfRange);
    let long = put(
        "long",
        Content::Resource(text("r", &"x".repeat(256 * 1024 + 1))),
    );
    let refused = world.put(editor, long).await.expect_err("too long");
    assert!(paths(&refused).contains(&"resource.text".to_owned()));

    // More than a request could carry: each is allowed, all together are not.
    let whole = "x".repeat(256 * 1024);
    let mut many = naming("tern", "big-0");
    world
        .put(editor, put("tern", Content::Brand(brand("x"))))
        .await?;
    for number in 0..5 {
        let name = format!("big-{number}");
        world
            .put(editor, put(&name, Content::Resource(text("r", &whole))))
            .await?;
        let refs = &mut many.brief.get_or_insert_default().resource_refs;
        if number > 0 {
            refs.push(name);
        }
    }
    let refused = world.submit(&many).await.expect_err("too much");
    assert_eq!(paths(&refused), ["brief.resource_refs[4]"]);
    Ok(())
}

#[tokio::test]
async fn tenants_and_roles_have_their_own() -> anyhow::Result<()> {
    let world = world(0).await?;
    let World {
        editor,
        viewer,
        operator,
        other,
        ..
    } = &world;
    let tern = || put("tern", Content::Brand(brand("x")));
    world.put(editor, tern()).await?;

    for key in [viewer, operator] {
        assert_eq!(code(world.put(key, tern()).await), Code::PermissionDenied);
        let deleted = world.delete(key, "brand", "tern").await;
        assert_eq!(code(deleted), Code::PermissionDenied);
        assert_eq!(world.get(key, at("brand", "tern", 0)).await?.version, 1);
    }
    assert_eq!(
        code(world.put("guessed", tern()).await),
        Code::Unauthenticated
    );
    let without = Request::new(at("brand", "tern", 0));
    assert_eq!(
        code(world.library.clone().get(without).await),
        Code::Unauthenticated
    );

    // The other tenant: nothing there, and nothing of it can be used.
    for request in [at("brand", "tern", 0), at("brand", "tern", 1)] {
        assert_eq!(code(world.get(other, request).await), Code::NotFound);
    }
    assert!(!world.delete(other, "brand", "tern").await?);
    let request = with(other, naming("tern", "facts"));
    let refused = world.clients.campaigns.clone().submit(request).await;
    assert_eq!(
        paths(&refused.expect_err("unknown")),
        ["brief.brand_ref", "brief.resource_refs[0]"]
    );
    let versions = ListVersionsRequest {
        kind: "brand".to_owned(),
        name: "tern".to_owned(),
        ..ListVersionsRequest::default()
    };
    let answer = world
        .library
        .clone()
        .list_versions(with(other, versions))
        .await;
    assert_eq!(code(answer), Code::NotFound);
    // A name of its own is another thing.
    let theirs = world
        .put(other, put("tern", Content::Brand(brand("theirs"))))
        .await?;
    assert_eq!(theirs.version, 1);
    world.delete(other, "brand", "tern").await?;
    assert_eq!(world.get(viewer, at("brand", "tern", 0)).await?.version, 1);

    // Pages.
    for name in ["a", "b", "c"] {
        world
            .put(editor, put(name, Content::Brand(brand("x"))))
            .await?;
    }
    let mut request = ListRequest {
        kind: "brand".to_owned(),
        page_size: 3,
        cursor: String::new(),
    };
    let mut pages = Vec::new();
    loop {
        let page = world
            .library
            .clone()
            .list(with(viewer, request.clone()))
            .await?
            .into_inner();
        assert!(page.entries.iter().all(|entry| entry.content.is_none()));
        pages.push(
            page.entries
                .into_iter()
                .map(|e| e.name)
                .collect::<Vec<_>>()
                .join(" "),
        );
        if page.next_cursor.is_empty() {
            break;
        }
        request.cursor = page.next_cursor;
    }
    assert_eq!(pages, ["a b c", "tern"]);
    request.cursor = "' or 1=1".to_owned();
    let refused = world.library.clone().list(with(viewer, request)).await;
    assert_eq!(paths(&refused.expect_err("no cursor")), ["cursor"]);
    Ok(())
}
