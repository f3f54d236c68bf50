use std::{collections::BTreeMap, os::unix::fs::PermissionsExt};

use bus::signature::PublicKey;
use tempfile::TempDir;

use super::*;

fn fill(dir: &TempDir, subscribers: &[&str], rotate: &[Secret]) -> Vec<String> {
    let subscribers: Vec<_> = subscribers
        .iter()
        .map(|tenant| TenantId::new(*tenant).unwrap())
        .collect();
    let setup = Setup::open(dir.path()).unwrap();
    setup.fill("db:5432", &subscribers, rotate).unwrap()
}

/// Every file by its path: its text and its mode.
fn files(dir: &TempDir) -> BTreeMap<String, (String, u32)> {
    let mut found = BTreeMap::new();
    for folder in fs::read_dir(dir.path()).unwrap() {
        let folder = folder.unwrap();
        for file in fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            let name = [folder.file_name(), file.file_name()].map(|it| it.into_string().unwrap());
            let mode = file.metadata().unwrap().permissions().mode() & 0o777;
            let text = fs::read_to_string(file.path()).unwrap();
            found.insert(name.join("/"), (text, mode));
        }
    }
    found.remove("keys/lock");
    found
}

fn read(dir: &TempDir, path: &str) -> String {
    let text = fs::read_to_string(dir.path().join(path)).unwrap();
    text.trim().to_owned()
}

#[test]
fn a_second_start_changes_nothing_and_brings_back_what_was_lost() {
    let dir = TempDir::new().unwrap();
    let made = fill(&dir, &[], &[]);
    assert_eq!(made.len(), 10, "{made:?}");
    let first = files(&dir);
    assert!(fill(&dir, &[], &[]).is_empty());
    assert_eq!(files(&dir), first);
    for lost in ["orchestrator", "agent-worker", "nats", "admin"] {
        fs::remove_dir_all(dir.path().join(lost)).unwrap();
    }
    fs::write(dir.path().join("audit-worker/verify.keys"), "stale").unwrap();
    assert!(fill(&dir, &[], &[]).is_empty());
    assert_eq!(files(&dir), first);
}

#[test]
fn each_folder_holds_what_its_service_needs_and_others_cannot_read_it() {
    let dir = TempDir::new().unwrap();
    fill(&dir, &["acme"], &[]);
    let files = files(&dir);
    let names: Vec<_> = files
        .keys()
        .filter(|name| !name.starts_with("keys/"))
        .collect();
    assert_eq!(
        names,
        [
            "admin/api.key",
            "admin/nats.seed",
            "admin/owner.url",
            "admin/service.url",
            "admin/subscriber-acme.seed",
            "agent-worker/nats.seed",
            "agent-worker/verify.keys",
            "audit-worker/nats.seed",
            "audit-worker/verify.keys",
            "event-gateway/nats.seed",
            "event-gateway/session.secrets",
            "nats/nats.conf",
            "orchestrator/database.url",
            "orchestrator/nats.seed",
            "orchestrator/signing.key",
            "orchestrator/verify.keys",
            "postgres/password",
        ]
    );
    for (name, (_, mode)) in &files {
        let right = if name == "postgres/password" {
            0o640
        } else {
            0o600
        };
        assert_eq!(*mode, right, "{name}");
    }
    let seeds: std::collections::BTreeSet<_> = files
        .iter()
        .filter(|(name, _)| name.starts_with("keys/") && name.ends_with(SEED))
        .map(|(_, (seed, _))| seed.trim())
        .collect();
    assert_eq!(seeds.len(), 6);
    let (configuration, _) = &files["nats/nats.conf"];
    for seed in seeds {
        assert!(
            !configuration.contains(seed),
            "a seed is told to the server"
        );
        let key = UserKey::from_seed(seed).unwrap().public();
        assert!(configuration.contains(&key), "{key}");
    }
    let signer = Signer::new(&Seed::parse(&read(&dir, "orchestrator/signing.key")).unwrap());
    let public = signer.unwrap().public_key().to_string();
    assert_eq!(read(&dir, "agent-worker/verify.keys"), public);
    assert_eq!(read(&dir, "orchestrator/verify.keys"), public);
    read(&dir, "event-gateway/session.secrets")
        .parse::<Secrets>()
        .unwrap();
    let admin = Setup::admin(dir.path()).unwrap();
    assert!(admin.api_key.starts_with(API_KEY_PREFIX));
    assert!(admin.owner_url.starts_with("postgres://pressrun:"));
    assert!(admin.service_url.ends_with("@db:5432/pressrun"));
    assert_eq!(admin.service_url, read(&dir, "orchestrator/database.url"));
}

#[test]
fn a_rotated_secret_is_new_and_the_others_stay() {
    let dir = TempDir::new().unwrap();
    fill(&dir, &["acme"], &[]);
    let before = files(&dir);
    let old_key = read(&dir, "agent-worker/verify.keys");
    fill(&dir, &[], &[Secret::Signing]);
    let keys = read(&dir, "agent-worker/verify.keys");
    let keys: Vec<PublicKey> = keys.split(',').map(|key| key.parse().unwrap()).collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[1].to_string(), old_key);
    let changed = |before: &BTreeMap<String, (String, u32)>| -> Vec<String> {
        let now = files(&dir);
        let differs = now
            .iter()
            .filter(|(name, text)| before.get(*name) != Some(text));
        differs
            .map(|(name, _)| name.clone())
            .filter(|name| name.starts_with("keys/"))
            .collect()
    };
    assert_eq!(
        changed(&before),
        ["keys/signing.key", "keys/signing.retired.pub"]
    );
    for (secret, expected) in [
        (Secret::Api, &["keys/api.key"][..]),
        (Secret::Database, &["keys/service.password"]),
        (Secret::Session, &["keys/session.secrets"]),
        (
            Secret::Nats,
            &[
                "keys/agent-worker.seed",
                "keys/audit-worker.seed",
                "keys/event-gateway.seed",
                "keys/operator.seed",
                "keys/orchestrator.seed",
                "keys/subscriber-acme.seed",
            ],
        ),
    ] {
        let before = files(&dir);
        let made = fill(&dir, &[], &[secret]);
        assert_eq!(made.len(), expected.len(), "{made:?}");
        assert_eq!(changed(&before), expected, "{secret:?}");
    }
    let newer = read(&dir, "event-gateway/session.secrets");
    fill(&dir, &[], &[Secret::Session]);
    let newest = read(&dir, "event-gateway/session.secrets");
    newest.parse::<Secrets>().unwrap();
    let first = |text: &str| text.split(',').next().map(str::to_owned);
    assert_eq!(newest.split(',').nth(1).map(str::to_owned), first(&newer));
}

#[test]
fn what_is_broken_is_named_and_not_replaced() {
    let dir = TempDir::new().unwrap();
    fill(&dir, &[], &[]);
    for (file, text) in [
        ("keys/signing.key", "nonsense"),
        ("keys/operator.seed", "nonsense"),
        ("keys/api.key", " \n"),
    ] {
        let path = dir.path().join(file);
        let good = fs::read_to_string(&path).unwrap();
        fs::write(&path, text).unwrap();
        let refused = Setup::open(dir.path()).unwrap().fill("db:5432", &[], &[]);
        let said = format!("{:#}", refused.unwrap_err());
        let name = file.rsplit('/').next().unwrap();
        assert!(said.contains(name), "{said}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        fs::write(&path, good).unwrap();
    }
    let held = Setup::open(dir.path()).unwrap();
    assert!(Setup::open(dir.path()).is_err(), "two at once");
    drop(held);
    let empty = TempDir::new().unwrap();
    let said = format!("{:#}", Setup::admin(empty.path()).err().unwrap());
    assert!(said.contains("pressrun init"), "{said}");
}
