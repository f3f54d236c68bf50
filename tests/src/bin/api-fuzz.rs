//! `make test-api-fuzz`: schemathesis against the JSON API of real processes. No call may break the gateway
//! or be answered other than the OpenAPI document says.

use std::{io::Write, path::Path, process::ExitCode};

use anyhow::{Context, bail};
use clap::Parser;
use model::ContentHash;
use system_tests::{
    brief,
    stack::{Layout, Role, Stack},
};
use tonic::Request;

/// Where a recorded report goes.
const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/records/api-fuzz.md");
/// The fuzzer's key.
const KEY: &str = "fuzz-0123456789abcdef";
/// Runs that are there when it begins.
const RUNS: usize = 3;

/// Fuzzes the JSON API with schemathesis.
#[derive(Parser)]
#[command(version)]
struct Command {
    /// The program `st` of schemathesis.
    #[arg(long, default_value = "target/tools/schemathesis/bin/st")]
    schemathesis: String,
    /// Test cases of each operation, at most.
    #[arg(long, default_value_t = 100)]
    examples: u32,
    /// Seed of the cases.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Also write the report to docs/records/api-fuzz.md.
    #[arg(long)]
    record: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let command = Command::parse();
    let layout = Layout {
        api_keys: true,
        ..Layout::default()
    };
    let mut stack = Stack::start(&layout).await?;
    let runs = prepare(&stack).await?;
    let gateway = stack.url(Role::EventGateway)?.to_owned();
    let output = command.fuzz(&gateway, &runs)?;
    for role in Role::ALL {
        if !stack.process(role)?.is_running() {
            bail!("{} did not survive", role.binary());
        }
    }
    writeln!(std::io::stdout(), "{}", output.text)?;
    if command.record {
        record(&command, &output.text)?;
    }
    Ok(if output.held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A key, and runs at rest to look at.
async fn prepare(stack: &Stack) -> anyhow::Result<Vec<String>> {
    let hash = ContentHash::of(KEY.as_bytes());
    stack
        .query(&format!(
            "select save_api_key_v1('fuzz', '{hash}', 'admin', 'fuzz', 0)"
        ))
        .await?;
    let clients = stack.clients()?;
    let mut runs = Vec::new();
    for number in 0..RUNS {
        let mut request = brief::request(&format!("fuzz {number}"), "parallel");
        request.options.get_or_insert_default().wait_for_workers = true;
        let mut request = Request::new(request);
        request
            .metadata_mut()
            .insert("authorization", format!("Bearer {KEY}").parse()?);
        let result = clients.campaigns.clone().run(request).await?.into_inner();
        runs.push(result.run_id);
    }
    Ok(runs)
}

struct Output {
    text: String,
    held: bool,
}

impl Command {
    /// What the fuzzer says of each round: once with any run id, once with those that there are.
    fn fuzz(&self, gateway: &str, runs: &[String]) -> anyhow::Result<Output> {
        let files = tempfile::TempDir::new()?;
        let program = Path::new(&self.schemathesis)
            .canonicalize()
            .with_context(|| format!("{} is not there", self.schemathesis))?;
        let known = format!(
            "[parameters]\n\"path.run_id\" = {}\n\"path.step\" = {}\n\"path.version\" = [0, 1]\n",
            serde_json::to_string(runs)?,
            r#"["copy", "short_copy", "visual_concept"]"#
        );
        let mut all = Output {
            text: String::new(),
            held: true,
        };
        for (name, parameters) in [("any", ""), ("known", known.as_str())] {
            let config = files.path().join(format!("{name}.toml"));
            std::fs::write(&config, format!("{parameters}\n{CHECKS}"))?;
            let run = std::process::Command::new(&program)
                .arg("--config-file")
                .arg(&config)
                .args(["run", &format!("{gateway}/openapi.json"), "--no-color"])
                .args(["--header", &format!("Authorization: Bearer {KEY}")])
                .args(["--checks", "all", "--continue-on-failure"])
                // A stream does not end.
                .args(["--exclude-path", "/v1/events"])
                .args(["--request-timeout", "30", "--suppress-health-check", "all"])
                .args(["--max-examples", &self.examples.to_string()])
                .args(["--seed", &self.seed.to_string()])
                .current_dir(files.path())
                .output()
                .with_context(|| format!("{} does not start", program.display()))?;
            all.held &= run.status.success();
            all.text.push_str(&format!("== run ids: {name}\n"));
            all.text.push_str(&String::from_utf8_lossy(&run.stdout));
            all.text.push_str(&String::from_utf8_lossy(&run.stderr));
        }
        Ok(all)
    }
}

/// A brief that fits the document may still be refused: by what no schema says, or by the state of a run.
const CHECKS: &str = "\
[checks.positive_data_acceptance]
expected-statuses = [\"2xx\", \"304\", \"400\", \"401\", \"403\", \"404\", \"409\", \"412\", \"422\", \"429\"]

[checks.negative_data_rejection]
expected-statuses = [\"400\", \"401\", \"403\", \"404\", \"405\", \"406\", \"409\", \"413\", \"415\", \"422\", \"429\"]
";

fn record(command: &Command, text: &str) -> anyhow::Result<()> {
    let path = Path::new(RECORD);
    let lines: Vec<_> = text
        .lines()
        .map(str::trim_end)
        // Where the files of this one run were.
        .filter(|line| !line.contains("Configuration:"))
        .collect();
    let text = format!(
        "# Fuzzing the JSON API\n\nWritten by `make test-api-fuzz` (`cargo run -p system-tests --bin api-fuzz -- \
         --record`): schemathesis with all its checks against `/openapi.json` of a real gateway, orchestrator, \
         workers, Postgres and NATS. {} cases of each operation at most, seed {}; once with any run ids, once with \
         those of finished runs.\n\n```\n{}\n```\n",
        command.examples,
        command.seed,
        lines.join("\n").trim()
    );
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}
