//! What is judged from answers that real processes give only when something is wrong with a whole machine.

use model::Timestamp;
use wire::{
    agent::v1::{Worker, WorkerAgent},
    system::v1::{GetStatusResponse, Part},
};

use super::{Finding, Level, agents, local, services};

fn of<'a>(findings: &'a [Finding], check: &str) -> &'a Finding {
    findings
        .iter()
        .find(|found| found.check == check)
        .unwrap_or_else(|| panic!("nothing of {check}: {findings:?}"))
}

fn status() -> GetStatusResponse {
    GetStatusResponse {
        version: "1.0.0".into(),
        replica: "r".into(),
        ready: true,
        schema: 2,
        schema_wanted: 2,
        ..GetStatusResponse::default()
    }
}

#[test]
fn clocks_apart_are_told_whichever_is_ahead() {
    let level = |theirs: i64, store: i64| {
        let status = GetStatusResponse {
            time: Some(Timestamp(theirs).into()),
            store_time: Some(Timestamp(store).into()),
            ..status()
        };
        // The question took 100 ms.
        let findings = services::clocks(Timestamp(1_000_000), Timestamp(1_000_100), &status);
        [findings[0].level, findings[1].level]
    };
    assert_eq!(level(1_000_050, 1_000_050), [Level::Ok, Level::Ok]);
    assert_eq!(level(1_005_000, 1_005_000), [Level::Warning, Level::Ok]);
    assert_eq!(level(995_000, 1_060_000), [Level::Warning, Level::Fault]);
    assert_eq!(level(2_000_000, 2_000_000), [Level::Fault, Level::Ok]);
    assert_eq!(level(0, 0), [Level::Fault, Level::Ok]);
}

#[test]
fn schema_versions_parts_and_streams_are_judged() {
    let look = |change: fn(&mut GetStatusResponse)| {
        let mut status = status();
        change(&mut status);
        services::orchestrator("http://o", &status, "1.0.0")
    };
    assert!(look(|_| ()).iter().all(|found| found.level == Level::Ok));
    let old = look(|status| status.schema = 1);
    assert_eq!(of(&old, "schema").level, Level::Fault);
    assert!(of(&old, "schema").advice.contains("pressrun migrate"));
    let newer = look(|status| status.schema = 3);
    assert_eq!(of(&newer, "schema").level, Level::Warning);
    let unknown = look(|status| status.schema = 0);
    assert_eq!(of(&unknown, "schema").level, Level::Warning);
    let streams = look(|status| status.missing_streams = vec!["OUTCOMES".into()]);
    assert_eq!(of(&streams, "streams").level, Level::Fault);
    let other = look(|status| status.version = "0.9.0".into());
    assert_eq!(of(&other, "orchestrator").level, Level::Warning);
    let away = look(|status| {
        status.parts = vec![Part {
            name: "postgres".into(),
            state: "no connection".into(),
        }];
        status.schema = 0;
    });
    assert_eq!(of(&away, "postgres").level, Level::Fault);
    assert!(!away.iter().any(|found| found.check == "schema"));
}

fn worker(name: &str, version: &str, agent: WorkerAgent) -> Worker {
    Worker {
        name: name.into(),
        version: version.into(),
        agents: vec![agent],
        ..Worker::default()
    }
}

fn agent(change: impl FnOnce(&mut WorkerAgent)) -> WorkerAgent {
    let mut agent = WorkerAgent {
        kind: "copy".into(),
        slots: 4,
        model: "m-1".into(),
        version: "p-1".into(),
        ..WorkerAgent::default()
    };
    change(&mut agent);
    agent
}

#[test]
fn workers_their_versions_and_their_models_are_judged() {
    let needed = ["copy".to_owned()].into();
    let look = |workers: &[Worker]| agents::judge(workers, &needed);
    let none = look(&[]);
    assert_eq!(of(&none, "workers").level, Level::Fault);
    assert_eq!(of(&none, "agent copy").level, Level::Fault);

    let unused = look(&[worker("a", "1", agent(|_| ()))]);
    assert!(
        unused.iter().all(|found| found.level == Level::Ok),
        "{unused:?}"
    );
    assert!(of(&unused, "model of copy").found.contains("no job yet"));
    let used = look(&[worker(
        "a",
        "1",
        agent(|agent| agent.done_ms = Some(12_000)),
    )]);
    assert!(
        of(&used, "model of copy")
            .found
            .contains("answered 12 s ago")
    );

    let mixed = look(&[
        worker("a", "1", agent(|_| ())),
        worker("b", "2", agent(|agent| agent.version = "p-2".into())),
    ]);
    assert_eq!(of(&mixed, "workers").level, Level::Warning);
    assert!(of(&mixed, "workers").found.contains("1, 2"));
    assert_eq!(of(&mixed, "agent copy").level, Level::Warning);

    let offline = look(&[worker(
        "a",
        "1",
        agent(|agent| agent.model = "offline".into()),
    )]);
    assert_eq!(of(&offline, "model of copy").level, Level::Warning);
    let refused = look(&[worker(
        "a",
        "1",
        agent(|agent| agent.failure = "auth".into()),
    )]);
    assert_eq!(of(&refused, "model of copy").level, Level::Fault);
    let limited = look(&[worker(
        "a",
        "1",
        agent(|agent| agent.failure = "rate_limited".into()),
    )]);
    assert_eq!(of(&limited, "model of copy").level, Level::Warning);
}

#[test]
fn a_full_disk_and_a_key_that_others_read_are_faults() {
    assert_eq!(local::room("d", 10).level, Level::Fault);
    assert_eq!(local::room("d", 500).level, Level::Warning);
    assert_eq!(local::room("d", 5_000).level, Level::Ok);

    use std::os::unix::fs::PermissionsExt;
    let dir = std::env::temp_dir().join(format!("pressrun-doctor-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let key = dir.join("signing.key");
    std::fs::write(&key, "secret").expect("a file");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("its mode");
    let findings = local::look(&dir);
    std::fs::remove_dir_all(&dir).expect("removed");
    let open = findings
        .iter()
        .find(|found| found.found.contains("others may read"));
    assert_eq!(
        open.map(|found| found.level),
        Some(Level::Fault),
        "{findings:?}"
    );
    assert_eq!(local::look(&dir)[0].level, Level::Warning);
}
