//! Who may use whom (docs/architecture.md), over `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde::Deserialize;

use crate::root;

/// The crates in the order of the design's table: a crate uses only those before it.
const TABLE: [(u8, &str); 22] = [
    (0, "model"),
    (0, "workflow"),
    (0, "engine"),
    (1, "wire"),
    (2, "store"),
    (2, "bus"),
    (2, "service"),
    (3, "llm"),
    (3, "render"),
    (3, "channels"),
    (3, "worker"),
    (3, "agents"),
    (3, "audit"),
    (4, "orchestrator"),
    (4, "agent-worker"),
    (4, "audit-worker"),
    (4, "event-gateway"),
    (4, "pressrun"),
    (5, "channel-sim"),
    (5, "sim"),
    (OUTSIDE, "rig"),
    (OUTSIDE, "system-tests"),
];
const BINARIES: u8 = 4;
const DEVELOPMENT: u8 = 5;
/// Not part of the product: they see every crate, and what they use of other packages is their affair.
const OUTSIDE: u8 = 6;

/// (crate, what it must not reach through normal dependencies of the workspace)
const WALLS: [(&str, &[&str]); 6] = [
    ("worker", &["engine", "store"]),
    ("agents", &["engine", "store"]),
    ("audit", &["engine", "store"]),
    ("agent-worker", &["engine", "store"]),
    ("audit-worker", &["engine", "store"]),
    ("event-gateway", &["engine", "store"]),
];

/// (package, the one crate that may use it)
const SOLE_USERS: [(&str, &str); 2] = [("sqlx", "store"), ("async-nats", "bus")];

const PURE: [&str; 3] = ["model", "workflow", "engine"];
/// Clocks, randomness, IO, async and logging, at whatever depth.
const IMPURE: [&str; 14] = [
    "async-trait",
    "env_logger",
    "fastrand",
    "futures",
    "futures-core",
    "getrandom",
    "log",
    "metrics",
    "mio",
    "rand",
    "rand_core",
    "rayon",
    "tokio",
    "tracing",
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    dependencies: Vec<Declared>,
}

#[derive(Deserialize)]
struct Declared {
    name: String,
    /// None for a normal one, else `dev` or `build`.
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Resolved>,
}

#[derive(Deserialize)]
struct Resolved {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// What the rules look at; names only, so that a test can plant a fault.
#[derive(Clone, Default)]
struct Graph {
    /// Our crates: what each declares, and whether for its tests only.
    declared: BTreeMap<String, Vec<(String, bool)>>,
    /// Every package: the normal dependencies that were resolved.
    linked: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn read() -> Self {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked"])
            .current_dir(root())
            .output()
            .expect("cargo starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo metadata: {said}");
        let metadata: Metadata = serde_json::from_slice(&output.stdout).expect("metadata parses");

        let names: BTreeMap<&str, &str> = metadata
            .packages
            .iter()
            .map(|package| (package.id.as_str(), package.name.as_str()))
            .collect();
        let mut graph = Self::default();
        for package in &metadata.packages {
            if metadata.workspace_members.contains(&package.id) {
                let declared = package.dependencies.iter();
                let declared = declared
                    .map(|d| (d.name.clone(), d.kind.as_deref() == Some("dev")))
                    .collect();
                graph.declared.insert(package.name.clone(), declared);
            }
        }
        for node in &metadata.resolve.nodes {
            let normal = node
                .deps
                .iter()
                .filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind.is_none()))
                .map(|dep| names[dep.pkg.as_str()].to_owned());
            // Two versions of one package count as one: the rules speak of names.
            let name = names[node.id.as_str()].to_owned();
            graph.linked.entry(name).or_default().extend(normal);
        }
        graph
    }

    /// Everything that is linked with `start`, itself left out.
    fn reach(&self, start: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open = vec![start];
        while let Some(name) = open.pop() {
            for next in self.linked.get(name).into_iter().flatten() {
                if seen.insert(next.as_str()) {
                    open.push(next);
                }
            }
        }
        seen
    }

    fn plant(&self, user: &str, used: &str) -> Self {
        let mut graph = self.clone();
        let declared = graph.declared.entry(user.to_owned()).or_default();
        declared.push((used.to_owned(), false));
        let linked = graph.linked.entry(user.to_owned()).or_default();
        linked.insert(used.to_owned());
        graph
    }
}

/// The place of a crate in the table, and its layer.
fn place(name: &str) -> Option<(usize, u8)> {
    let at = TABLE.iter().position(|(_, known)| *known == name)?;
    Some((at, TABLE[at].0))
}

fn faults(graph: &Graph) -> Vec<String> {
    let mut faults = Vec::new();
    for (user, declared) in &graph.declared {
        let Some((user_at, layer)) = place(user) else {
            faults.push(format!(
                "{user} is in no layer: give it a place in the table"
            ));
            continue;
        };
        if layer == OUTSIDE {
            continue;
        }
        for (used, for_tests) in declared {
            let sole = SOLE_USERS.iter().find(|(package, _)| package == used);
            if let Some((_, sole)) = sole
                && sole != user
            {
                faults.push(format!("{user} uses {used}: only {sole} does"));
            }
            let Some((used_at, used_layer)) = place(used) else {
                continue;
            };
            let allowed = match used_layer {
                // Its own tests switch a feature of it on.
                _ if used == user => *for_tests,
                OUTSIDE => used == "rig" && *for_tests,
                // `pressrun dev` alone wires the binaries and the simulated networks together.
                DEVELOPMENT => user == "pressrun" || layer == DEVELOPMENT && used_at < user_at,
                BINARIES => user == "pressrun" || layer == DEVELOPMENT,
                _ => used_at < user_at,
            };
            if !allowed {
                faults.push(format!(
                    "{user} (layer {layer}) must not use {used} (layer {used_layer})"
                ));
            }
        }
    }
    for (user, forbidden) in WALLS {
        let reach = graph.reach(user);
        let through = forbidden.iter().filter(|name| reach.contains(*name));
        faults.extend(through.map(|name| format!("{user} must never reach {name}")));
    }
    for user in PURE {
        let reach = graph.reach(user);
        let through = IMPURE.iter().filter(|name| reach.contains(*name));
        faults.extend(through.map(|name| format!("{user} is pure, but links {name}")));
    }
    faults
}

#[test]
fn every_crate_keeps_to_its_layer() {
    let faults = faults(&Graph::read());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_planted_dependency_is_found() {
    let graph = Graph::read();
    let known = faults(&graph);
    let planted = [
        ("model", "workflow"),
        ("store", "bus"),
        ("wire", "store"),
        ("orchestrator", "event-gateway"),
        ("worker", "store"),
        ("event-gateway", "orchestrator"),
        ("orchestrator", "sim"),
        ("orchestrator", "sqlx"),
        ("worker", "async-nats"),
        ("engine", "tokio"),
        ("workflow", "rand"),
        ("bus", "rig"),
        ("newcomer", "model"),
    ];
    for (user, used) in planted {
        let found = faults(&graph.plant(user, used));
        assert_ne!(found, known, "{user} -> {used} was not found");
    }
    // Walls hold at any depth: `service` may use `engine` by the table, the workers then reach it.
    let found = faults(&graph.plant("service", "engine"));
    assert!(
        found.contains(&"agent-worker must never reach engine".to_owned()),
        "{found:?}"
    );
}
