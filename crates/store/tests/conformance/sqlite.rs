//! What only SQLite promises.

use sqlx::{Connection, Executor, SqliteConnection};
use store::{CommitPath, sqlite::Sqlite};

use crate::fixture::{Driver, at, commit_all, commit_one};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reopened_file_holds_what_was_committed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("made/store.db");
    let mut driver = Driver::new("acme", "r1", None);
    for name in ["copy", "short_copy"] {
        let store = Sqlite::open(&path).await.expect("opens");
        let next = if driver.run.sequence == 0 {
            driver.submit()
        } else {
            driver.finish(name, at(1))
        };
        commit_one(&store, next).await.expect("commits");
        store.close().await;
    }
    let store = Sqlite::open(&path).await.expect("opens");
    assert_eq!(driver.stored(&store).await, driver.run);
}

/// The caller need not wait for the close: a new opener finds every answered commit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_store_keeps_its_promises() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    let mut driver = Driver::new("acme", "r1", None);
    let store = Sqlite::open(&path).await.expect("opens");
    commit_all(&store, driver.whole()).await;
    drop(store);
    let store = Sqlite::open(&path).await.expect("opens");
    assert_eq!(driver.stored(&store).await, driver.run);
}

/// A snapshot that another version wrote is passed over: the events alone give the run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_of_another_form_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    let store = Sqlite::open(&path).await.expect("opens");
    let mut driver = Driver::new("acme", "r1", None);
    commit_all(&store, driver.whole()).await;
    let mut other = SqliteConnection::connect(&format!("sqlite://{}", path.display()))
        .await
        .expect("connects");
    other
        .execute("update run_snapshots set format = 2, body = 'of the future'")
        .await
        .expect("writes");
    let stored = store.load(&driver.run.tenant, &driver.run.id).await;
    assert_eq!(stored.expect("reads").expect("is there").snapshot, None);
    assert_eq!(driver.stored(&store).await, driver.run);
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("made/store.db");
    let _store = Sqlite::open(&path).await.expect("opens");
    let mode = |path: &std::path::Path| {
        let meta = std::fs::metadata(path).expect("is there");
        meta.permissions().mode() & 0o777
    };
    assert_eq!(mode(&folder.path().join("made")), 0o700);
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn a_path_that_cannot_be_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "no database, but long enough to be looked at as one").expect("writes");
    let error = Sqlite::open(&file)
        .await
        .expect_err("no database")
        .to_string();
    assert!(error.contains("file"), "{error}");
    assert!(Sqlite::open(file.join("below")).await.is_err());
}

#[tokio::test]
async fn a_file_of_another_build_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    Sqlite::open(&path).await.expect("opens").close().await;
    let mut file = SqliteConnection::connect(&format!("sqlite://{}", path.display()))
        .await
        .expect("opens");
    file.execute("update _sqlx_migrations set checksum = x'00'")
        .await
        .expect("changes");
    file.close().await.expect("closes");
    let Err(error) = Sqlite::open(&path).await else {
        panic!("opened");
    };
    let error = error.to_string();
    assert!(error.contains("another build"), "{error}");
    assert!(error.contains("--data-dir"), "{error}");
}
