//! `pressrun doctor` against real processes, with faults planted one after another.

use model::ContentHash;
use rig::Binary;
use serde_json::Value;
use service::env;
use system_tests::{
    brief,
    stack::{Layout, Role, Stack, until},
};

struct Told {
    code: Option<i32>,
    report: Value,
}

impl Told {
    /// Level, what was found and what to do, of a check.
    fn of(&self, check: &str) -> (String, String, String) {
        let findings = self.report["findings"].as_array().expect("findings");
        let found = findings.iter().find(|found| found["check"] == check);
        let found = found.unwrap_or_else(|| panic!("nothing of {check}: {}", self.report));
        let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        (text("level"), text("found"), text("advice"))
    }

    fn level(&self, check: &str) -> String {
        self.of(check).0
    }
}

async fn doctor(orchestrator: &str, gateway: &str, key: Option<&str>) -> anyhow::Result<Told> {
    let mut command = tokio::process::Command::new(Binary::path("pressrun").await?);
    command
        .args(["doctor", "--output", "json"])
        .env(env::ORCHESTRATOR_URL, orchestrator)
        .env(env::GATEWAY_URL, gateway)
        .env_remove(env::API_KEY);
    if let Some(key) = key {
        command.env(env::API_KEY, key);
    }
    let output = command.output().await?;
    let report = serde_json::from_slice(&output.stdout);
    let report = report
        .map_err(|error| anyhow::anyhow!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok(Told {
        code: output.status.code(),
        report,
    })
}

#[tokio::test]
async fn it_finds_what_was_broken_and_says_what_to_do() -> anyhow::Result<()> {
    let mut stack = Stack::start(&Layout::default()).await?;
    crate::workers_heard(&stack).await?;
    let orchestrator = stack.url(Role::Orchestrator)?.to_owned();
    let gateway = stack.url(Role::EventGateway)?.to_owned();

    let well = doctor(&orchestrator, &gateway, None).await?;
    assert_eq!(
        (well.code, &well.report["faults"]),
        (Some(0), &Value::from(0)),
        "{}",
        well.report
    );
    for check in [
        "orchestrator",
        "postgres",
        "nats",
        "schema",
        "streams",
        "clock",
        "key",
        "gateway",
        "workers",
        "agent copy",
        "agent audit_campaign",
    ] {
        assert_eq!(well.level(check), "ok", "{check}: {}", well.report);
    }
    assert!(
        well.of("model of copy").1.contains("no job yet"),
        "{}",
        well.report
    );
    let clients = stack.clients()?;
    let run = clients
        .submit(&brief::request("doctor", "parallel"))
        .await?
        .run_id;
    clients.at_rest(&run).await?;
    until("word of the model", async || {
        let told = doctor(&orchestrator, &gateway, None).await?;
        Ok(told
            .of("model of copy")
            .1
            .contains("answered")
            .then_some(()))
    })
    .await?;

    // The wrong address: a fault that names it, and nothing else is asked of nobody.
    let nobody = "http://127.0.0.1:1";
    let told = doctor(nobody, &gateway, None).await?;
    assert_eq!(told.code, Some(8));
    let (level, found, advice) = told.of("orchestrator");
    assert_eq!(level, "fault");
    assert!(
        found.contains(nobody) && advice.contains("--orchestrator-url"),
        "{found} {advice}"
    );

    // An older schema than the program was built for.
    stack.query("delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)").await?;
    let told = doctor(&orchestrator, &gateway, None).await?;
    assert_eq!(
        (told.code, told.level("schema").as_str()),
        (Some(8), "fault")
    );

    // No worker for one kind.
    let audit = stack.process(Role::AuditWorker)?;
    audit.kill9().await?;
    until("the audit worker's silence", async || {
        let told = doctor(&orchestrator, &gateway, None).await?;
        Ok((told.level("agent audit_campaign") == "fault").then_some(()))
    })
    .await?;

    // No gateway.
    stack.process(Role::EventGateway)?.kill9().await?;
    let told = doctor(&orchestrator, &gateway, None).await?;
    assert_eq!(told.level("gateway"), "fault");

    // No bus.
    stack.nats.kill9().await?;
    until("the fault of NATS", async || {
        let told = doctor(&orchestrator, &gateway, None).await?;
        Ok((told.level("nats") == "fault").then_some(()))
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn it_tells_a_key_what_it_may_know() -> anyhow::Result<()> {
    let layout = Layout {
        agent_workers: 0,
        audit_workers: 0,
        api_keys: true,
        ..Layout::default()
    };
    let stack = Stack::start(&layout).await?;
    let orchestrator = stack.url(Role::Orchestrator)?.to_owned();
    let gateway = stack.url(Role::EventGateway)?.to_owned();
    for role in ["viewer", "operator"] {
        let hash = ContentHash::of(format!("doctor-{role}-key").as_bytes());
        stack
            .query(&format!(
                "select save_api_key_v1('acme', '{hash}', '{role}', 'test', 0)"
            ))
            .await?;
    }
    let told = doctor(&orchestrator, &gateway, Some("doctor-operator-key")).await?;
    assert_eq!(told.level("postgres"), "ok");
    assert!(told.of("key").1.contains("tenant acme, role operator"));
    // Nobody works here.
    assert_eq!(
        (told.code, told.level("workers").as_str()),
        (Some(8), "fault")
    );

    let told = doctor(&orchestrator, &gateway, Some("doctor-viewer-key")).await?;
    assert_eq!(told.level("orchestrator"), "warning");
    assert_eq!(told.level("key"), "warning");

    for wrong in [Some("no-such-key"), None] {
        let told = doctor(&orchestrator, &gateway, wrong).await?;
        assert_eq!(told.code, Some(8));
        let (level, _, advice) = told.of("key");
        assert_eq!(level, "fault");
        assert!(advice.contains("PRESSRUN_API_KEY"), "{advice}");
    }
    Ok(())
}
