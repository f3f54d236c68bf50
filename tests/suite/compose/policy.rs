//! What every service of the file keeps to; a new one falls under it by itself.

use std::{collections::BTreeSet, time::Duration};

use super::{Compose, Service, compose, seconds};
use crate::root;

/// A stop takes the programs at most this long.
const STOPS_WITHIN: Duration = Duration::from_secs(25);
/// Variables that would hold a secret itself.
const SECRETS: [&str; 6] = [
    "PRESSRUN_DATABASE_URL",
    "PRESSRUN_VERIFY_KEYS",
    "PRESSRUN_API_KEY",
    "PRESSRUN_MODEL_KEY",
    "POSTGRES_PASSWORD",
    "PGPASSWORD",
];

/// Checks every service; all faults at once.
fn each(check: impl Fn(&str, &Service, &mut Vec<String>)) {
    let compose = compose().expect("the file");
    let mut faults = Vec::new();
    for (name, service) in &compose.services {
        let mut of_this = Vec::new();
        check(name, service, &mut of_this);
        faults.extend(of_this.into_iter().map(|fault| format!("{name}: {fault}")));
    }
    assert!(compose.services.len() >= 8, "services are missing");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn expect(faults: &mut Vec<String>, holds: bool, fault: &str) {
    if !holds {
        faults.push(fault.to_owned());
    }
}

#[test]
fn a_container_can_do_no_more_than_it_must() {
    each(|_, service, faults| {
        expect(faults, service.read_only, "its root can be written");
        expect(faults, !service.privileged, "it is privileged");
        expect(faults, service.cap_drop == ["ALL"], "it keeps capabilities");
        expect(faults, service.cap_add.is_empty(), "it adds capabilities");
        let locked = service
            .security_opt
            .iter()
            .any(|option| option == "no-new-privileges:true");
        expect(faults, locked, "it can gain privileges");
        expect(
            faults,
            service.pids_limit > 0,
            "it has no limit of processes",
        );
        let memory = service.mem_limit.trim_end_matches(['m', 'g']);
        let bounded = memory.parse::<u32>().is_ok_and(|size| size > 0);
        expect(faults, bounded, "it has no limit of memory");
        let user = service.user.split_once(':');
        let rootless = user.is_some_and(|(user, group)| {
            let plain = |id: &str| id.parse::<u32>().is_ok_and(|id| id > 0);
            plain(user) && plain(group)
        });
        expect(faults, rootless, "its user is root or has a name only");
        let own_network = service
            .network_mode
            .as_deref()
            .is_none_or(|mode| mode == "none");
        expect(
            faults,
            own_network,
            "it shares a network that is not its own",
        );
    });
}

#[test]
fn nothing_is_open_beyond_this_machine() {
    each(|_, service, faults| {
        for port in &service.ports {
            expect(
                faults,
                port.starts_with("127.0.0.1:"),
                &format!("port {port}"),
            );
        }
    });
}

#[test]
fn an_image_is_the_same_tomorrow() {
    each(|_, service, faults| {
        let tag = service.image.rsplit_once(':').map_or("", |(_, tag)| tag);
        let version = tag.trim_start_matches('v').split(['.', '-']);
        let pinned = version.take(2).all(|part| part.parse::<u32>().is_ok());
        expect(
            faults,
            pinned || service.image == "pressrun:local",
            &format!("{} names no version", service.image),
        );
    });
}

#[test]
fn a_service_says_whether_it_is_well_and_is_given_time_to_stop() {
    each(|_, service, faults| {
        if service.once() {
            expect(faults, service.ours(), "whose job is this?");
            return;
        }
        expect(
            faults,
            service.restart == "unless-stopped",
            "nothing restarts it",
        );
        let checked = service.healthcheck.as_ref().is_some_and(|health| {
            let times = [&health.interval, &health.timeout];
            health.test.first().is_some_and(|word| word == "CMD")
                && times.iter().all(|text| seconds(text).is_ok())
                && health.retries > 0
        });
        expect(faults, checked, "nothing checks its health");
        let least = if service.ours() {
            STOPS_WITHIN
        } else {
            Duration::from_secs(10)
        };
        let patient = seconds(&service.stop_grace_period).is_ok_and(|time| time > least);
        expect(faults, patient, "it is killed while it stops");
    });
}

#[test]
fn secrets_come_in_files() {
    each(|_, service, faults| {
        for (name, value) in &service.environment {
            expect(
                faults,
                !SECRETS.contains(&name.as_str()),
                &format!("{name} holds a secret"),
            );
            expect(
                faults,
                !value.contains('@'),
                &format!("{name} holds a log-in"),
            );
            // Where spans go is the one thing that may be said from outside, and need not.
            let outside = value.contains("${");
            let optional =
                value == &format!("${{{name}:-}}") && name == service::env::OTLP_ENDPOINT;
            expect(
                faults,
                !outside || optional,
                &format!("{name} is taken from outside"),
            );
        }
    });
}

#[test]
fn every_variable_is_one_that_the_programs_know() {
    let path = root().join("crates/service/src/env.rs");
    let known = std::fs::read_to_string(path).expect("the names");
    each(|_, service, faults| {
        if service.ours() {
            for name in service.environment.keys() {
                let spelled = known.contains(&format!("= \"{name}\";"));
                expect(faults, spelled, &format!("nobody reads {name}"));
            }
        }
    });
}

#[test]
fn every_command_is_a_program_of_the_image() {
    let dockerfile = std::fs::read_to_string(root().join("deploy/Dockerfile")).expect("a file");
    each(|_, service, faults| {
        let mut programs = Vec::new();
        if service.ours() {
            programs.extend(service.line().first().copied());
            let health = service.healthcheck.as_ref();
            programs.extend(health.and_then(|health| Some(health.test.get(1)?.as_str())));
            expect(faults, !programs.is_empty(), "it runs nothing");
        }
        for program in programs {
            let main = root().join("crates").join(program).join("src/main.rs");
            expect(
                faults,
                main.exists(),
                &format!("{program} is no program of ours"),
            );
            let built = dockerfile.contains(&format!("--bin {program}"));
            expect(faults, built, &format!("the image does not hold {program}"));
        }
    });
}

/// The port that is asked is the port that is listened on.
#[test]
fn a_health_check_asks_the_service_itself() {
    each(|_, service, faults| {
        let (Some(listen), Some(health)) = (
            service.environment.get(service::env::LISTEN),
            &service.healthcheck,
        ) else {
            return;
        };
        let port = listen.rsplit(':').next().unwrap_or_default();
        let url = format!("http://127.0.0.1:{port}/health/ready");
        let asked = health.test[1..] == ["pressrun", "health", &url];
        expect(faults, asked, "its health check asks something else");
    });
}

#[test]
fn a_service_reads_its_own_secrets_and_nobody_elses() {
    let compose = compose().expect("the file");
    let secrets: BTreeSet<&str> = [
        "keys",
        "admin",
        "nats",
        "postgres",
        "orchestrator",
        "agent-worker",
        "audit-worker",
        "event-gateway",
    ]
    .into();
    let mut used = BTreeSet::new();
    for (name, service) in &compose.services {
        for mount in service.mounts().expect("mounts") {
            if mount.source.starts_with('.') {
                assert!(
                    mount.source.starts_with("./deploy/") && mount.read_only,
                    "{name}: {mount:?}"
                );
                continue;
            }
            assert!(
                compose.volumes.contains_key(mount.source),
                "{name}: {mount:?}"
            );
            used.insert(mount.source);
            if name == "init" {
                let target = format!("/pressrun/{}", mount.source);
                assert_eq!(mount.target, target, "{name}");
            } else if secrets.contains(mount.source) {
                let own = mount.source == name;
                let admins = mount.source == "admin" && ["migrate", "cli"].contains(&name.as_str());
                assert!(mount.read_only && (own || admins), "{name}: {mount:?}");
            }
        }
    }
    let declared: BTreeSet<&str> = compose.volumes.keys().map(String::as_str).collect();
    assert_eq!(used, declared, "volumes");
}

#[test]
fn the_database_is_the_orchestrators_alone() {
    let compose = compose().expect("the file");
    let on = |network: &str| -> Vec<&str> {
        let members = compose.services.iter();
        let members = members.filter(|(_, it)| it.networks.iter().any(|name| name == network));
        members.map(|(name, _)| name.as_str()).collect()
    };
    assert_eq!(on("data"), ["migrate", "orchestrator", "postgres"]);
    assert_eq!(compose.services["postgres"].networks, ["data"]);
    assert_eq!(compose.services["nats"].networks, ["bus"]);
    for closed in ["data", "bus"] {
        assert!(compose.networks[closed].internal, "{closed} leads out");
    }
    for (name, service) in &compose.services {
        let known = |network: &String| compose.networks.contains_key(network);
        assert!(service.networks.iter().all(known), "{name}");
    }
}

#[test]
fn a_worker_can_be_run_many_times() {
    let compose = compose().expect("the file");
    for name in ["agent-worker", "audit-worker"] {
        let worker = &compose.services[name];
        assert!(
            worker.ports.is_empty() && worker.container_name.is_none(),
            "{name}"
        );
        assert!(
            !worker.environment.contains_key(service::env::INSTANCE),
            "{name}"
        );
    }
}

#[test]
fn whoever_is_waited_for_is_there_and_can_be_waited_for() {
    let Compose { services, .. } = compose().expect("the file");
    for (name, service) in &services {
        for (other, condition) in &service.depends_on {
            let other = services
                .get(other)
                .unwrap_or_else(|| panic!("{name}: {other}?"));
            let fits = match condition.condition.as_str() {
                "service_completed_successfully" => other.once(),
                "service_healthy" => other.healthcheck.is_some(),
                _ => false,
            };
            assert!(fits, "{name}: {}", condition.condition);
            let apart = !other.profiles.is_empty() && service.profiles.is_empty();
            assert!(!apart, "{name} waits for what may not be started");
        }
    }
    let without: Vec<_> = services
        .iter()
        .filter(|(_, it)| it.profiles.is_empty())
        .collect();
    assert_eq!(without.len(), 8, "what starts without a profile");
}

#[test]
fn the_image_is_built_from_what_is_locked_and_runs_as_nobody() {
    let text = std::fs::read_to_string(root().join("deploy/Dockerfile")).expect("a file");
    assert!(
        !text.to_lowercase().contains("# syntax"),
        "a syntax line needs the network"
    );
    assert!(text.contains("cargo build --locked --release"));
    let of = |word: &'static str| text.lines().filter_map(move |line| line.strip_prefix(word));
    for base in of("FROM ") {
        let image = base.split_whitespace().next().unwrap_or_default();
        let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
        assert!(!["", "latest"].contains(&tag), "{image}");
    }
    assert_eq!(of("USER ").next_back(), Some("65532:65532"));
    for (name, service) in compose().expect("the file").services {
        assert!(!service.ours() || service.user == "65532:65532", "{name}");
    }
    let ignored = std::fs::read_to_string(root().join(".dockerignore")).expect("a file");
    let let_in: BTreeSet<_> = ignored
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();
    let needed = ["Cargo.lock", "Cargo.toml", "crates", "proto", "tests"];
    assert_eq!(let_in, needed.into(), "what the build sees");
}
