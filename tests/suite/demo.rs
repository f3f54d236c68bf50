//! `pressrun demo`: the main job in one process, and a crash in the middle of it.

use std::{ffi::OsString, path::Path};

use anyhow::Context;
use rig::Binary;
use service::env;
use system_tests::{
    fake_model::{self, Act, Rule},
    stack::{Model, until},
};
use wire::campaign::v1::OrchestrationResult;

/// Largest result that is read, bytes.
const MAX_RESULT: usize = 4 * 1024 * 1024;

fn arguments(data_dir: &Path, mode: &str) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["demo", "--once", "--output", "json", "--mode", mode]
        .map(OsString::from)
        .into();
    arguments.extend(["--data-dir".into(), data_dir.into()]);
    arguments
}

/// Runs it to its end; what it printed.
async fn demo(
    data_dir: &Path,
    mode: &str,
    model: Option<&Model>,
) -> anyhow::Result<OrchestrationResult> {
    let mut command = tokio::process::Command::new(Binary::path("pressrun").await?);
    command.args(arguments(data_dir, mode)).kill_on_drop(true);
    if let Some(model) = model {
        command
            .env(env::MODEL_URL, &model.url)
            .env(env::MODEL, fake_model::MODEL);
    }
    let output = command.output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    wire::json::from_json(&output.stdout, MAX_RESULT).context("what it printed is no result")
}

fn assert_whole(result: &OrchestrationResult, model: &str) -> anyhow::Result<()> {
    assert_eq!(result.status, "success");
    let artifacts = result.artifacts.as_ref().context("artifacts")?;
    assert!(artifacts.copy.is_some() && artifacts.short_copy.is_some());
    assert!(artifacts.visual_concept.is_some());
    assert_eq!(artifacts.versions.len(), 3);
    for version in artifacts.versions.values() {
        assert_eq!((version.number, version.model.as_str()), (1, model));
    }
    assert!(result.audit_report.is_some());
    Ok(())
}

#[tokio::test]
async fn ends_with_three_artifacts_and_a_report_without_any_server() -> anyhow::Result<()> {
    for mode in ["parallel", "sequential"] {
        let home = tempfile::tempdir()?;
        let result = demo(home.path(), mode, None).await?;
        assert_whole(&result, "offline")?;
        let poster = home.path().join("posters").join(&result.run_id);
        let png = std::fs::read(poster.join("poster.png"))?;
        assert!(png.starts_with(b"\x89PNG"));
        assert!(poster.join("poster.svg").is_file());
        // The same again is the same run.
        assert_eq!(demo(home.path(), mode, None).await?, result);
    }
    Ok(())
}

#[tokio::test]
async fn after_a_crash_finished_agents_are_not_called_again() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let model = Model::start(1, (5, 50)).await?;
    let hang = Rule {
        brief: None,
        task: Some("visual_concept".to_owned()),
        times: None,
        act: Act::Hang,
    };
    model.rule(&hang).await?;
    let calls = |task: &str| -> anyhow::Result<usize> {
        let calls = model.calls()?.into_iter();
        Ok(calls
            .filter(|call| call.task == task && !call.dropped)
            .count())
    };

    // In sequence the third agent is only called once the second artifact is stored and audited.
    let mut binary = Binary::new("pressrun")
        .env(env::MODEL_URL, &model.url)
        .env(env::MODEL, fake_model::MODEL);
    for argument in arguments(home.path(), "sequential") {
        binary = binary.arg(argument);
    }
    let mut process = binary.start().await?;
    until("the call of the third agent", async || {
        anyhow::ensure!(process.is_running(), "it ended: {}", process.log());
        Ok((calls("visual_concept")? == 1).then_some(()))
    })
    .await?;
    process.kill9().await?;
    model.unrule(None).await?;

    let result = demo(home.path(), "sequential", Some(&model)).await?;
    assert_whole(&result, fake_model::MODEL)?;
    let counts = [
        calls("copy")?,
        calls("short_copy")?,
        calls("visual_concept")?,
    ];
    assert_eq!(counts, [1, 1, 2]);
    Ok(())
}
