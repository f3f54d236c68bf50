//! Brands, templates and resources over real processes: gRPC, JSON, the command line; tenants, roles, bad
//! input; and that a run keeps what it was made of.

use std::{collections::BTreeMap, process::Output};

use reqwest::{Client, StatusCode};
use rig::Binary;
use serde_json::{Value, json};
use service::env;
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
        assert!(entry.author.starts_with("key-"), "{entry:?}");
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

#[tokio::test]
async fn the_same_over_json() -> anyhow::Result<()> {
    let world = world(1).await?;
    let base = world.stack.url(Role::EventGateway)?.to_owned();
    let client = Client::new();
    let url = format!("{base}/v1/library/brand/tern");
    let put = async |body: Vec<u8>| {
        let request = client.put(&url).bearer_auth(&world.editor);
        let answer = request
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await?;
        let status = answer.status();
        anyhow::Ok((status, answer.json::<Value>().await?))
    };
    let body = |version: u32, name: &str| {
        let whole = json!({ "brand": { "name": name }, "if_version": version });
        whole.to_string().into_bytes()
    };
    let (status, entry) = put(body(0, "Tern")).await?;
    assert_eq!((status, &entry["version"]), (StatusCode::OK, &json!(1)));
    let (status, stale) = put(body(0, "Other")).await?;
    assert_eq!(
        (status, &stale["code"]),
        (StatusCode::CONFLICT, &json!("ABORTED"))
    );
    assert_eq!(stale["errors"][0]["path"], "if_version");
    assert_eq!(put(body(1, "Other")).await?.0, StatusCode::OK);

    // What is no brand, and no JSON.
    let deep = format!("{{\"brand\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    for (body, wanted) in [
        (vec![b'"', 0xff, b'"'], StatusCode::BAD_REQUEST),
        (deep.into_bytes(), StatusCode::BAD_REQUEST),
        (vec![b'x'; 10 << 20], StatusCode::PAYLOAD_TOO_LARGE),
        (
            b"{\"brand\":{\"nmae\":\"x\"}}".to_vec(),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            b"{\"brand\":{\"name\":\"\\u0000\"}}".to_vec(),
            StatusCode::BAD_REQUEST,
        ),
        (
            b"{\"resource\":{\"name\":\"x\",\"text\":\"y\"}}".to_vec(),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            b"{\"name\":\"x\",\"brand\":{\"name\":\"x\"}}".to_vec(),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
    ] {
        let (status, details) = put(body).await?;
        assert_eq!(status, wanted, "{details}");
    }

    let get = async |path: &str| {
        let request = client
            .get(format!("{base}{path}"))
            .bearer_auth(&world.viewer);
        let answer = request.send().await?;
        let status = answer.status();
        anyhow::Ok((status, answer.json::<Value>().await?))
    };
    let (_, newest) = get("/v1/library/brand/tern").await?;
    assert_eq!(
        (&newest["version"], &newest["brand"]["name"]),
        (&json!(2), &json!("Other"))
    );
    let (_, first) = get("/v1/library/brand/tern?version=1").await?;
    assert_eq!(first["brand"]["name"], "Tern");
    let (_, list) = get("/v1/library/brand").await?;
    assert_eq!(list["entries"][0]["title"], "Other");
    let (_, versions) = get("/v1/library/brand/tern/versions?page_size=1").await?;
    assert_eq!(versions["next_cursor"], "2");
    assert_eq!(get("/v1/library/logo").await?.0, StatusCode::BAD_REQUEST);
    assert_eq!(
        get("/v1/library/brand/none").await?.0,
        StatusCode::NOT_FOUND
    );

    let delete = async |key: &str, query: &str| {
        let request = client.delete(format!("{url}{query}")).bearer_auth(key);
        anyhow::Ok(request.send().await?.status())
    };
    assert_eq!(delete(&world.viewer, "").await?, StatusCode::FORBIDDEN);
    assert_eq!(
        delete(&world.editor, "?if_version=1").await?,
        StatusCode::CONFLICT
    );
    assert_eq!(
        delete(&world.editor, "?if_version=2").await?,
        StatusCode::OK
    );
    assert_eq!(
        get("/v1/library/brand/tern").await?.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        get("/v1/library/brand/tern?version=1").await?.1["deleted"],
        true
    );
    Ok(())
}

#[tokio::test]
async fn the_command_line_keeps_and_uses_them() -> anyhow::Result<()> {
    let world = world(0).await?;
    let home = tempfile::tempdir()?;
    let program = Binary::path("pressrun").await?;
    let orchestrator = world.stack.url(Role::Orchestrator)?.to_owned();
    let pressrun = async |arguments: &[&str]| -> anyhow::Result<Output> {
        let mut command = tokio::process::Command::new(&program);
        command
            .args(arguments)
            .current_dir(home.path())
            .env(env::ORCHESTRATOR_URL, &orchestrator)
            .env(env::API_KEY, &world.editor)
            .kill_on_drop(true);
        Ok(command.output().await?)
    };
    let said = async |arguments: &[&str]| -> anyhow::Result<(i32, String, String)> {
        let output = pressrun(arguments).await?;
        Ok((
            output.status.code().unwrap_or(-1),
            String::from_utf8(output.stdout)?,
            String::from_utf8(output.stderr)?,
        ))
    };
    let samples = crate::root().join("crates/pressrun/samples");
    let sample = |name: &str| samples.join(name).display().to_string();

    let (code, out, err) = said(&["brand", "put", &sample("brand.yaml"), "--name", "tern"]).await?;
    assert_eq!((code, out.as_str()), (0, "tern@1\n"), "{err}");
    let (_, out, _) = said(&["resource", "put", &sample("tern-test-report.md")]).await?;
    assert_eq!(out, "tern-test-report@1\n");
    let (_, out, err) = said(&["template", "put", &sample("product-launch.template.yaml")]).await?;
    assert_eq!(out, "product-launch@1\n", "{err}");

    // What is shown can be put again: the same content makes no new version.
    let (_, shown, _) = said(&["brand", "show", "tern"]).await?;
    std::fs::write(home.path().join("tern.yaml"), &shown)?;
    let (_, out, err) = said(&["brand", "put", "tern.yaml"]).await?;
    assert_eq!(out, "tern@1\n", "{err}");
    std::fs::write(
        home.path().join("tern.yaml"),
        shown.replace("calm", "lively"),
    )?;
    let (code, _, err) = said(&["brand", "put", "tern.yaml", "--if-version", "7"]).await?;
    assert!(
        code == 4 && err.contains("version 1 of brand `tern` is the newest"),
        "{err}"
    );
    let (_, out, _) = said(&["brand", "put", "tern.yaml", "--if-version", "1"]).await?;
    assert_eq!(out, "tern@2\n");
    let (_, out, _) = said(&["brand", "show", "tern@1", "--output", "json"]).await?;
    assert!(
        out.contains("\"calm\"") && out.contains("\"version\":1"),
        "{out}"
    );
    let (_, out, _) = said(&["brand", "list"]).await?;
    assert!(out.lines().count() == 2 && out.contains("Tern"), "{out}");
    let (_, out, _) = said(&["brand", "versions", "tern"]).await?;
    assert_eq!(out.lines().count(), 3, "{out}");

    let launch = [
        "--template",
        "product-launch",
        "--set",
        "product=Tern 3",
        "--set",
        "price=149",
        "--set",
        "day=2026-11-21",
        "--set",
        "benefit=Dry feet on wet trails.",
    ];
    let (code, out, err) = said(&[&["validate", "--output", "json"], &launch[..]].concat()).await?;
    assert_eq!(code, 0, "{err}");
    let whole: Value = serde_json::from_str(&out)?;
    assert_eq!(whole["name"], "Launch of Tern 3");
    assert_eq!(whole["brand"]["voice"]["adjectives"][0], "lively");
    let (code, _, err) = said(&[
        "validate",
        "--template",
        "product-launch",
        "--set",
        "price=x",
    ])
    .await?;
    for path in [
        "template.values.product",
        "template.values.price",
        "template.values.day",
    ] {
        assert!(code == 3 && err.contains(path), "{err}");
    }
    let (code, out, err) = said(
        &[
            &[
                "submit",
                "--wait-for-workers",
                "--brand",
                "tern@1",
                "--resource",
                "tern-test-report",
            ],
            &launch[..],
        ]
        .concat(),
    )
    .await?;
    assert_eq!(code, 0, "{err}");
    let kept = world.brief_of(out.trim()).await?;
    assert_eq!(
        kept.brand
            .expect("a brand")
            .voice
            .expect("a voice")
            .adjectives[0],
        "calm"
    );
    assert_eq!(kept.resources.len(), 1);
    let brief = sample("tern-trail-shoe.yaml");
    let (code, out, _) = said(&["validate", &brief, "--brand", "tern"]).await?;
    assert!(code == 0 && out.ends_with("has no fault\n"));
    let (code, _, err) = said(&["validate", &brief, "--brand", "none"]).await?;
    assert!(
        code == 3 && err.contains("brief.brand_ref: there is no brand `none`"),
        "{err}"
    );
    let post = sample("post.md");
    let (code, out, _) = said(&["audit", &post, "--brand", "tern"]).await?;
    assert!(code == 7 && out.contains("terms.banned"), "{out}");

    let (code, _, _) = said(&["brand", "rm", "tern"]).await?;
    assert_eq!(code, 0);
    let (code, _, err) = said(&["brand", "rm", "tern"]).await?;
    assert!(
        code == 4 && err.contains("there is no brand `tern`"),
        "{err}"
    );
    let (code, _, _) = said(&["brand", "show", "tern"]).await?;
    assert_eq!(code, 4);
    Ok(())
}
