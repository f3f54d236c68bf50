//! `make test-clients`: the files of `docs/how-to/clients`, exactly as they stand there, against real
//! processes. What they print must be what happened.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, ensure};
use clap::Parser;
use rig::{Binary, Process};
use service::env;
use system_tests::stack::{LIMIT, Layout, Role, Stack, until};
use wire::campaign::v1::{Options, SubmitRequest};

/// Where the files are.
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/how-to/clients");

/// Runs the documented clients.
#[derive(Parser)]
#[command(version)]
struct Command {
    /// A Python with the packages of `docs/how-to/clients/requirements.txt`.
    #[arg(long, default_value = "target/tools/clients/bin/python")]
    python: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let python = std::path::absolute(Command::parse().python)?;
    ensure!(python.exists(), "{} is not there", python.display());
    followers(&python).await?;
    agent(&python).await
}

/// Submits by gRPC, and follows the run in every way.
async fn followers(python: &Path) -> anyhow::Result<()> {
    let stack = Stack::start(&Layout::default()).await?;
    let brief = format!("{FILES}/brief.json");
    let submitted = run(&stack, python, "submit_and_watch.py", &[&brief]).await?;
    let mut lines = submitted.lines();
    let run_id = lines.next().and_then(|line| line.strip_prefix("run "));
    let run_id = run_id.context("no run was told")?.to_owned();
    let clients = stack.clients()?;
    let stored = clients.stored_events(&run_id).await?;
    for event in &stored {
        let told = format!(
            "{} {} {} {}",
            event.sequence, event.r#type, event.state, event.message
        );
        ensure!(
            lines.next() == Some(told.as_str()),
            "`{told}` is missing:\n{submitted}"
        );
    }
    ensure!(lines.next() == Some("status success"), "{submitted}");
    ensure!(submitted.contains("\nheadline "), "{submitted}");

    let heard = run(&stack, python, "subscribe_nats.py", &["local", &run_id]).await?;
    let expected: String = stored
        .iter()
        .map(|event| {
            format!(
                "{run_id} {} {} {}\n",
                event.sequence, event.r#type, event.state
            )
        })
        .collect();
    ensure!(
        heard == expected,
        "heard on NATS:\n{heard}\nstored:\n{expected}"
    );

    for last in [0, 3] {
        let arguments = [run_id.as_str(), &last.to_string()];
        let streamed = run(&stack, Path::new("sh"), "watch_sse.sh", &arguments).await?;
        let numbers: Vec<&str> = streamed
            .lines()
            .filter_map(|line| line.strip_prefix("id:"))
            .filter_map(|id| id.rsplit('.').next())
            .collect();
        let expected: Vec<String> = stored
            .iter()
            .filter(|event| event.sequence > last)
            .map(|event| event.sequence.to_string())
            .collect();
        ensure!(
            numbers == expected,
            "{numbers:?} are not {expected:?}:\n{streamed}"
        );
    }
    Ok(())
}

/// The worker in Python hosts `copy`, and no other worker does.
async fn agent(python: &Path) -> anyhow::Result<()> {
    let layout = Layout {
        agent_workers: 0,
        gateways: 0,
        ..Layout::default()
    };
    let stack = Stack::start(&layout).await?;
    let mut worker: Process = Binary::at(python)
        .arg("-u")
        .arg(format!("{FILES}/agent.py"))
        .env(env::NATS_URL, stack.nats.url())
        .env(env::VERIFY_KEYS, stack.signer.public_key().to_string())
        .env(env::INSTANCE, "python-agent")
        .start()
        .await?;
    let clients = stack.clients()?;
    let mut brief: serde_json::Value =
        serde_json::from_slice(&std::fs::read(format!("{FILES}/brief.json"))?)?;
    brief["deliverables"] = serde_json::json!(["copy"]);
    let request = SubmitRequest {
        brief: Some(serde_json::from_value(brief)?),
        options: Some(Options {
            // The other agents are not asked for, and not there.
            wait_for_workers: true,
            ..Options::default()
        }),
        ..SubmitRequest::default()
    };
    let run_id = clients.submit(&request).await?.run_id;
    let result = clients.at_rest(&run_id).await;
    let result = result.with_context(|| worker.log())?;
    let version = result
        .artifacts
        .as_ref()
        .and_then(|artifacts| artifacts.versions.get("copy"))
        .with_context(|| format!("no copy: {result:?}\n{}", worker.log()))?;
    ensure!(version.model == "template", "{version:?}");
    ensure!(
        result.audit_report.is_some(),
        "the auditor did not judge it: {result:?}"
    );
    ensure!(
        worker
            .log()
            .contains(&format!("done {run_id} copy attempt 1")),
        "{}",
        worker.log()
    );

    // A job that nobody signed is refused, and the worker lives on.
    let bus = stack.bus().await?;
    let mut forged = forged_job()?;
    let body = forged.body.clone();
    for taken in bus::Bus::publish(&bus, vec![forged.clone()]).await {
        taken?;
    }
    until("the refusal of an unsigned job", async || {
        Ok(worker.log().contains("refused").then_some(()))
    })
    .await?;
    // Signed for another body.
    stack.signer.sign_batch(std::slice::from_mut(&mut forged));
    forged.body = [b" ".as_slice(), &body].concat().into();
    forged.id = format!("{}x", forged.id);
    for taken in bus::Bus::publish(&bus, vec![forged]).await {
        taken?;
    }
    until("the refusal of a forged job", async || {
        Ok((worker.log().matches("refused").count() >= 2).then_some(()))
    })
    .await?;
    let code = worker.terminate(Duration::from_secs(20)).await?;
    ensure!(code == 0, "it ended with {code}:\n{}", worker.log());
    Ok(())
}

fn forged_job() -> anyhow::Result<bus::Envelope> {
    let kind = model::AgentKind::new("copy")?;
    let run = model::RunId::new("01900000-0000-7000-8000-00000000000f")?;
    let id = model::JobId::derive(&run, &model::StepName::new("copy")?, "", 0, 1, 1);
    let job = wire::job::v1::Job {
        id: id.to_string(),
        token: 1,
        agent: kind.to_string(),
        ..Default::default()
    };
    Ok(bus::Envelope {
        subject: bus::Subject::job(&kind, &id),
        id: format!("{id}.1"),
        kind: "pressrun.job.v1.Job".to_owned(),
        traceparent: String::new(),
        signature: String::new(),
        body: wire::json::to_json(&job)?.into(),
    })
}

/// What a file prints; it must end well and in time.
async fn run(
    stack: &Stack,
    program: &Path,
    file: &str,
    arguments: &[&str],
) -> anyhow::Result<String> {
    let mut command = tokio::process::Command::new(program);
    command
        .arg(format!("{FILES}/{file}"))
        .args(arguments)
        .env(env::ORCHESTRATOR_URL, stack.url(Role::Orchestrator)?)
        .env(env::GATEWAY_URL, stack.url(Role::EventGateway)?)
        .env(env::NATS_URL, stack.nats.url())
        .env_remove(env::API_KEY)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output())
        .await
        .with_context(|| format!("{file} did not end"))??;
    let text = String::from_utf8(output.stdout)?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{file}: {}\n{text}{error}",
        output.status
    );
    Ok(text)
}
