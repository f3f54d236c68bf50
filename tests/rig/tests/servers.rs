//! The rig against the real servers.

use std::time::Duration;

use rig::{Binary, Nats, Postgres};

#[tokio::test]
async fn postgres_gives_fresh_databases_and_recovers_from_a_crash() {
    let mut postgres = Postgres::own().await.unwrap();
    let version: u32 = postgres
        .query("show server_version_num")
        .await
        .unwrap()
        .parse()
        .unwrap();
    assert!(version >= 150_000, "{version}");
    assert_eq!(postgres.query("show fsync").await.unwrap(), "on");
    assert_ne!(
        postgres.database().await.unwrap(),
        postgres.database().await.unwrap()
    );

    postgres.query("create table kept (n int)").await.unwrap();
    postgres.query("insert into kept values (7)").await.unwrap();
    postgres.stop_immediate().await.unwrap();
    assert!(postgres.query("select 1").await.is_err());
    postgres.restart().await.unwrap();
    assert_eq!(postgres.query("select n from kept").await.unwrap(), "7");
}

#[tokio::test]
async fn nats_comes_back_on_its_port_and_can_forget_everything() {
    let mut nats = Nats::own().await.unwrap();
    let numbers: Vec<u32> = nats.version().split('.').flat_map(str::parse).collect();
    assert!(numbers >= vec![2, 12], "{}", nats.version());

    let before = nats.pid();
    assert!(
        nats.wipe().is_err(),
        "a running server must not lose its store"
    );
    nats.kill9().await.unwrap();
    nats.wipe().unwrap();
    nats.restart().await.unwrap();
    assert_ne!(nats.pid(), before);
}

#[tokio::test]
async fn a_wrong_configuration_fails_with_what_the_server_said() {
    let Err(error) = Nats::with_config("no_such_option: {").await.map(drop) else {
        panic!("the server took a broken configuration");
    };
    assert!(error.to_string().contains("Parse error"), "{error:#}");
}

#[tokio::test]
async fn a_process_is_killed_restarted_and_gone_at_the_end() {
    let mut process = Binary::at("/bin/sh")
        .arg("-c")
        .arg("echo \"hello $WHO\"; trap 'exit 3' TERM; while :; do sleep 0.01; done")
        .env("WHO", "rig")
        .start()
        .await
        .unwrap();
    let first = process.pid().unwrap();
    until("the first greeting", || process.log() == "hello rig\n").await;
    process.kill9().await.unwrap();
    assert!(!process.is_running());
    process.restart().await.unwrap();
    let second = process.pid().unwrap();
    assert_ne!(first, second);
    until("the second greeting", || process.log().lines().count() == 2).await;
    assert_eq!(process.terminate(Duration::from_secs(20)).await.unwrap(), 3);
    assert_eq!(process.log(), "hello rig\nhello rig\n");
    process.restart().await.unwrap();
    let third = process.pid().unwrap();
    drop(process);
    assert!(!std::path::Path::new(&format!("/proc/{third}")).exists());
}

/// The test process itself dies by SIGKILL: played by a copy of this test binary.
#[tokio::test]
async fn nothing_is_left_when_the_test_process_is_killed() {
    const ROLE: &str = "RIG_TEST_HOLD";
    if std::env::var_os(ROLE).is_some() {
        let postgres = Postgres::own().await.unwrap();
        let nats = Nats::own().await.unwrap();
        let pids = format!("{} {}", postgres.pid().unwrap(), nats.pid().unwrap());
        std::fs::write(std::env::var_os(ROLE).unwrap(), pids).unwrap();
        std::future::pending::<()>().await;
    }

    let folder = tempfile::tempdir().unwrap();
    let told = folder.path().join("pids");
    let mut holder = Binary::at(std::env::current_exe().unwrap())
        .arg("nothing_is_left_when_the_test_process_is_killed")
        .env(ROLE, &told)
        .start()
        .await
        .unwrap();
    let pids = || std::fs::read_to_string(&told).unwrap_or_default();
    until("both servers", || {
        assert!(holder.is_running(), "{}", holder.log());
        pids().contains(' ')
    })
    .await;
    holder.kill9().await.unwrap();
    for pid in pids().split(' ') {
        let process = std::path::PathBuf::from(format!("/proc/{pid}"));
        until("the end of a server", || !process.exists()).await;
    }
}

/// The environment belongs to the whole process: played by a copy of this test binary.
#[tokio::test]
async fn servers_that_the_environment_names_are_used_and_left_clean() {
    const ROLE: &str = "RIG_TEST_GUEST";
    if std::env::var_os(ROLE).is_some() {
        let mut postgres = Postgres::start().await.unwrap();
        let mut nats = Nats::start().await.unwrap();
        assert_eq!((postgres.pid(), nats.pid()), (None, None));
        assert!(postgres.database().await.unwrap().contains("/rig_"));
        assert!(postgres.stop_immediate().await.is_err());
        assert!(nats.kill9().await.is_err());
        return;
    }

    let postgres = Postgres::own().await.unwrap();
    let nats = Nats::own().await.unwrap();
    let guest = Binary::at(std::env::current_exe().unwrap())
        .arg("servers_that_the_environment_names_are_used_and_left_clean")
        .env(ROLE, "1")
        .env("DATABASE_URL", postgres.admin_url())
        .env("NATS_URL", nats.url())
        .start()
        .await
        .unwrap();
    let status = guest.ended(Duration::from_secs(60)).await.unwrap();
    assert_eq!(status, 0, "{}", guest.log());
    assert!(guest.log().contains("1 passed"), "{}", guest.log());
    let left = postgres
        .query("select count(*) from pg_database where datname like 'rig%'")
        .await
        .unwrap();
    assert_eq!(left, "0");
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let limit = tokio::time::Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(tokio::time::Instant::now() < limit, "no sign of {what}");
        tokio::task::yield_now().await;
    }
}
