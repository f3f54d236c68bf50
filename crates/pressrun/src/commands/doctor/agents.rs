//! The workers that are alive: which agents they host, of which version, and whether their models answered.

use std::collections::BTreeSet;

use serde_json::json;
use wire::agent::v1::{ListWorkersRequest, Worker, WorkerAgent};

use super::{Finding, services::ANSWER};
use crate::client::Client;

const WORKERS: &str = "workers";
const MODEL: &str = "model";
/// What the built-in writer calls itself.
const OFFLINE: &str = "offline";
/// What an auditor that asks no model names in place of one.
const RULES: &str = "rules";
/// A worker that was not heard for two of its beats.
const LATE_MS: u64 = 7_000;

pub(super) async fn look(client: &Client) -> Vec<Finding> {
    let mut agents = client.agents();
    let answer = agents.list_workers(ListWorkersRequest {});
    match tokio::time::timeout(ANSWER, answer).await {
        Ok(Ok(answer)) => judge(&answer.into_inner().workers, &needed()),
        // Whether the key is good is looked at by itself.
        Ok(Err(status)) => vec![Finding::fault(
            WORKERS,
            format!("cannot be listed: {}", status.message()),
            "mend the key or the orchestrator first",
        )],
        Err(_) => vec![Finding::fault(
            WORKERS,
            "cannot be listed: no answer",
            "see the orchestrator's log",
        )],
    }
}

/// The agent kinds that the built-in workflows use.
fn needed() -> BTreeSet<String> {
    let steps = workflow::builtin::all().iter().flat_map(|plan| &plan.steps);
    steps
        .flat_map(|step| step.agents().map(ToString::to_string).collect::<Vec<_>>())
        .collect()
}

/// What the list of workers says.
pub(super) fn judge(workers: &[Worker], needed: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let stopping = workers.iter().filter(|worker| worker.draining).count();
    let versions: BTreeSet<&str> = workers
        .iter()
        .map(|worker| worker.version.as_str())
        .collect();
    let late: Vec<&str> = workers
        .iter()
        .filter(|worker| worker.silent_ms > LATE_MS)
        .map(|worker| worker.name.as_str())
        .collect();
    let count = match workers.len() {
        0 => "none is alive".to_owned(),
        1 => "1 is alive".to_owned(),
        many => format!("{many} are alive"),
    };
    findings.push(if workers.is_empty() {
        Finding::fault(
            WORKERS,
            count,
            "start agent-worker and audit-worker; do they reach the same NATS? `curl` their /health/ready",
        )
    } else if versions.len() > 1 {
        let versions: Vec<_> = versions
            .iter()
            .map(|version| if version.is_empty() { "unknown" } else { version })
            .collect();
        Finding::warning(
            WORKERS,
            format!("{count}, of the versions {}", versions.join(", ")),
            "finish the upgrade: docs/how-to/upgrade.md has the order",
        )
    } else if !late.is_empty() {
        Finding::warning(
            WORKERS,
            format!("{count}, not heard for 7 s: {}", late.join(", ")),
            "is it stopped, or its network slow? after 10 s it hosts nothing",
        )
    } else if stopping > 0 {
        Finding::warning(
            WORKERS,
            format!("{count}, {stopping} of them stopping"),
            "start others if they are not to be replaced by themselves",
        )
    } else {
        let version = versions.first().copied().filter(|version| !version.is_empty());
        Finding::ok(WORKERS, format!("{count}, version {}", version.unwrap_or("unknown")))
    });
    let hosts = |kind: &str| -> Vec<(&Worker, &WorkerAgent)> {
        workers
            .iter()
            .filter(|worker| !worker.draining)
            .flat_map(|worker| worker.agents.iter().map(move |agent| (worker, agent)))
            .filter(|(_, agent)| agent.kind == kind)
            .collect()
    };
    for kind in needed {
        let hosts = hosts(kind);
        findings.push(hosted(kind, &hosts));
        findings.extend(model(kind, &hosts));
    }
    findings
}

fn hosted(kind: &str, hosts: &[(&Worker, &WorkerAgent)]) -> Finding {
    let check = format!("agent {kind}");
    let slots: u32 = hosts.iter().map(|(_, agent)| agent.slots).sum();
    let versions: BTreeSet<&str> = hosts
        .iter()
        .map(|(_, agent)| agent.version.as_str())
        .collect();
    let versions: Vec<_> = versions.into_iter().collect();
    let found = format!(
        "{} with {slots} slots, version {}",
        match hosts.len() {
            1 => "1 worker".to_owned(),
            many => format!("{many} workers"),
        },
        versions.join(", ")
    );
    if hosts.is_empty() {
        let worker = if kind.starts_with("audit") {
            "audit-worker"
        } else {
            "agent-worker"
        };
        Finding::fault(
            check,
            "no live worker hosts it: submits are refused, and runs that need it wait",
            format!("start {worker}"),
        )
    } else if versions.len() > 1 {
        Finding::warning(
            check,
            found,
            "the same brief gives other results on each: use one version",
        )
    } else {
        Finding::ok(check, found)
    }
}

/// What the last jobs of an agent say of its model; nothing for auditors by rules.
fn model(kind: &str, hosts: &[(&Worker, &WorkerAgent)]) -> Option<Finding> {
    let check = format!("{MODEL} of {kind}");
    let names: BTreeSet<&str> = hosts
        .iter()
        .map(|(_, agent)| agent.model.as_str())
        .filter(|model| !model.is_empty() && *model != RULES)
        .collect();
    if names.is_empty() {
        return None;
    }
    let name = names.iter().copied().collect::<Vec<_>>().join(", ");
    if let Some((worker, agent)) = hosts.iter().find(|(_, agent)| !agent.failure.is_empty()) {
        let ago = seconds(agent.failed_ms);
        let found = format!(
            "{name}: the last job on {} failed {ago} ago: {}",
            worker.name, agent.failure
        );
        return Some(match agent.failure.as_str() {
            "auth" => Finding::fault(check, found, "mend PRESSRUN_MODEL_KEY of the agent-workers"),
            "provider" | "timeout" | "network" => Finding::fault(
                check,
                found,
                "does the model's server run? mend PRESSRUN_MODEL_URL",
            ),
            "rate_limited" => Finding::warning(
                check,
                found,
                "fewer slots, or a larger allowance at the provider",
            ),
            _ => Finding::warning(
                check,
                found,
                "see the run's errors: `pressrun runs --status failed`",
            ),
        });
    }
    let done = hosts.iter().filter_map(|(_, agent)| agent.done_ms).min();
    let used = match done {
        Some(_) => format!("answered {} ago", seconds(done)),
        None => "no job yet: whether it answers is not known".to_owned(),
    };
    Some(if names.contains(OFFLINE) {
        Finding::warning(
            check,
            format!("{name}: the offline writer, no model is asked; {used}"),
            "set PRESSRUN_MODEL_URL and PRESSRUN_MODEL of the agent-workers: docs/how-to/connect-a-model.md",
        )
    } else if done.is_some() {
        Finding::ok(check, format!("{name}: {used}"))
    } else {
        Finding::ok(
            check,
            format!("{name}: {used}; --call-model asks the model that is set here"),
        )
    })
}

fn seconds(ms: Option<u64>) -> String {
    format!("{} s", ms.unwrap_or_default() / 1_000)
}

/// Asks the model of this machine's settings for one word; costs a few tokens.
pub(super) async fn call_model(settings: &llm::Settings) -> Finding {
    let unusable = |why: String| {
        Finding::fault(
            MODEL,
            why,
            "the same settings as the agent-workers': docs/how-to/connect-a-model.md",
        )
    };
    let provider = match settings.provider() {
        Ok(Some(provider)) => provider,
        Ok(None) => return unusable("--call-model: no model is set here".to_owned()),
        Err(failure) => return unusable(failure.message),
    };
    let request = llm::Request {
        task: "doctor".to_owned(),
        input: json!({}),
        system: "You check a connection.".to_owned(),
        prompt: "Answer with {\"ok\": true} and nothing else.".to_owned(),
        schema: json!({
            "type": "object", "additionalProperties": false, "required": ["ok"],
            "properties": {"ok": {"type": "boolean"}},
        }),
        schema_name: "doctor".to_owned(),
        max_output_tokens: 64,
        temperature: None,
        repair: None,
    };
    let asked = std::time::Instant::now();
    match provider.complete(&request).await {
        Ok(answer) => Finding::ok(
            MODEL,
            format!(
                "{} answered within {} ms, {} tokens",
                answer.model,
                asked.elapsed().as_millis(),
                answer.usage.input_tokens + answer.usage.output_tokens
            ),
        ),
        Err(failure) => unusable(format!(
            "{}: {}: {}",
            provider.model(),
            failure.class,
            failure.message
        )),
    }
}
