//! Metrics by their names: what the code has, what the documents tell, what the alert rules ask. One list each, and
//! the same.

use std::collections::BTreeSet;

use serde::Deserialize;
use service::metric::{self, Kind};
use system_tests::stack::Role;

use crate::root;

const DOCS: &str = "docs/operations.md";
const RULES: &str = "deploy/prometheus/rules.yml";
const SCRAPES: &str = "deploy/prometheus/prometheus.yml";
const PREFIX: &str = "pressrun_";
/// They begin as metrics do.
const DATABASE_ROLES: [&str; 3] = ["pressrun_app", "pressrun_scan", "pressrun_service"];

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn in_code() -> BTreeSet<&'static str> {
    metric::ALL.iter().map(|(name, ..)| *name).collect()
}

/// Every word of a text that is a metric's name.
fn names(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with(PREFIX))
        .collect()
}

/// The name without what Prometheus adds to that of a histogram.
fn family(name: &str) -> &str {
    let of_histogram = |base: &&str| {
        metric::ALL
            .iter()
            .any(|(name, kind, _)| name == base && matches!(kind, Kind::Seconds | Kind::Sizes))
    };
    ["_bucket", "_sum", "_count"]
        .into_iter()
        .find_map(|suffix| name.strip_suffix(suffix).filter(of_histogram))
        .unwrap_or(name)
}

#[test]
fn every_metric_of_the_code_is_in_the_list() {
    let source = read("crates/service/src/metric.rs");
    let spelled: BTreeSet<_> = source
        .lines()
        .filter(|line| line.starts_with("pub const") && line.contains("&str"))
        .flat_map(names)
        .collect();
    assert_eq!(spelled, in_code());
}

#[test]
fn every_metric_is_documented_and_every_documented_one_exists() {
    let text = read(DOCS);
    let rows: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(name, _)| name)
        .filter(|name| name.starts_with(PREFIX))
        .collect();
    assert_eq!(rows, in_code(), "the table of {DOCS}");
    let told = names(&text);
    let unknown: Vec<_> = told
        .iter()
        .filter(|name| !in_code().contains(**name) && !DATABASE_ROLES.contains(name))
        .collect();
    assert!(unknown.is_empty(), "{DOCS} tells of {unknown:?}");
}

/// A counter that is born at its first increment has none for Prometheus, and no alert would see it.
#[tokio::test]
async fn what_alerts_count_is_there_before_it_happens() -> anyhow::Result<()> {
    let stack = crate::shared().await?;
    for (role, wanted) in [
        (
            Role::AgentWorker,
            "pressrun_jobs_refused_total{reason=\"signature\"}",
        ),
        (
            Role::Orchestrator,
            "pressrun_outcomes_total{result=\"corrupt\"} 0",
        ),
        (
            Role::Orchestrator,
            "pressrun_commits_total{result=\"unknown\"} 0",
        ),
        (Role::Orchestrator, "pressrun_redrives_total "),
    ] {
        let url = format!("{}/metrics", stack.url(role)?);
        let text = reqwest::get(url).await?.text().await?;
        anyhow::ensure!(text.contains(wanted), "{wanted}: {text}");
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    rules: Vec<Rule>,
}

/// As Prometheus reads an alert; a field that it does not know is a fault for it too.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    alert: String,
    expr: String,
    #[serde(default, rename = "for")]
    lasts: Option<String>,
    labels: Labels,
    annotations: Annotations,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    severity: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Annotations {
    summary: String,
    description: String,
}

/// Whether every bracket and quote is closed.
fn is_balanced(expr: &str) -> bool {
    let (mut open, mut quoted) = (Vec::new(), false);
    for c in expr.chars() {
        match c {
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.pop() != Some(c) => return false,
            _ => {}
        }
    }
    open.is_empty() && !quoted
}

#[test]
fn alert_rules_ask_for_what_there_is_and_say_what_to_do() {
    let rules: Rules = serde_saphyr::from_str(&read(RULES)).expect("a rule file");
    let mut alerts = BTreeSet::new();
    let documented = read(DOCS);
    for (group, rule) in rules
        .groups
        .iter()
        .flat_map(|group| group.rules.iter().map(move |rule| (&group.name, rule)))
    {
        let alert = &rule.alert;
        assert!(alert.starts_with("Pressrun"), "{alert} of {group}");
        assert!(alerts.insert(alert.clone()), "{alert} is there twice");
        assert!(is_balanced(&rule.expr), "{alert}: {}", rule.expr);
        for name in names(&rule.expr) {
            assert!(in_code().contains(family(name)), "{alert} asks for {name}");
        }
        assert!(
            ["page", "ticket"].contains(&rule.labels.severity.as_str()),
            "{alert}"
        );
        assert!(!rule.annotations.summary.is_empty(), "{alert}");
        assert!(
            !rule.annotations.description.is_empty(),
            "{alert} says nothing to do"
        );
        for name in names(&rule.annotations.description) {
            assert!(in_code().contains(family(name)), "{alert} tells of {name}");
        }
        let is_duration = |text: &String| {
            text.strip_suffix(['s', 'm', 'h'])
                .is_some_and(|number| number.parse::<u32>().is_ok())
        };
        assert!(
            rule.lasts.iter().all(is_duration),
            "{alert}: {:?}",
            rule.lasts
        );
        assert!(
            documented.contains(&format!("`{alert}`")),
            "{DOCS} does not tell of {alert}"
        );
    }
    assert!(!alerts.is_empty());
    let told = documented.split('`').filter(|word| {
        word.starts_with("Pressrun") && word.chars().all(|c| c.is_ascii_alphabetic())
    });
    for alert in told {
        assert!(alerts.contains(alert), "{DOCS} tells of {alert}");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scrapes {
    global: Global,
    rule_files: Vec<String>,
    scrape_configs: Vec<Scrape>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Global {
    scrape_interval: String,
    evaluation_interval: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scrape {
    job_name: String,
    dns_sd_configs: Vec<Dns>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dns {
    names: Vec<String>,
    r#type: String,
    port: u16,
}

#[test]
fn every_process_is_scraped() {
    let config: Scrapes = serde_saphyr::from_str(&read(SCRAPES)).expect("a configuration");
    assert_eq!(config.rule_files, ["rules.yml"]);
    assert_eq!(
        config.global.scrape_interval,
        config.global.evaluation_interval
    );
    let scraped: BTreeSet<_> = config
        .scrape_configs
        .iter()
        .map(|scrape| {
            let [dns] = scrape.dns_sd_configs.as_slice() else {
                panic!("{} has one source", scrape.job_name);
            };
            assert_eq!(
                (dns.r#type.as_str(), &dns.names),
                ("A", &vec![scrape.job_name.clone()])
            );
            (scrape.job_name.as_str(), dns.port)
        })
        .collect();
    let all = [
        ("agent-worker", 7500),
        ("audit-worker", 7500),
        ("event-gateway", 3131),
        ("orchestrator", 7400),
    ];
    assert_eq!(scraped, BTreeSet::from(all));
}
