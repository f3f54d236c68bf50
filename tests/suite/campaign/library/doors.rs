//! The same library through its other doors: JSON, and the command line.

use std::process::Output;

use reqwest::{Client, StatusCode};
use rig::Binary;
use serde_json::{Value, json};
use service::env;
use system_tests::stack::Role;

use super::world;

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
