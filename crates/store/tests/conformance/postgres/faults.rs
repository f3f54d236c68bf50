//! Slow and broken links, and callers who go away.

use std::{future::poll_fn, task::Poll, time::Duration};

use sqlx::PgConnection;
use store::{
    CommitPath, Queries,
    port::CommitError,
    postgres::{Options, Postgres},
};
use tokio::time::Instant;

use super::admin;
use crate::{
    fixture::{Driver, at, commit_one, connect, database},
    link::Link,
};

/// A store behind a link, with one session to write and one to read.
async fn linked(url: &str, drop_begin: bool) -> (Postgres, Link) {
    let mut parts = url::Url::parse(url).expect("a URL");
    let server = (
        parts.host_str().expect("a host"),
        parts.port().unwrap_or(5432),
    );
    let link = Link::to(format!("{}:{}", server.0, server.1)).await;
    parts.set_host(Some("127.0.0.1")).expect("a host");
    parts.set_port(Some(link.address.port())).expect("a port");
    let mut options = Options::new(parts);
    options.max_connections = 2;
    options.drop_begin = drop_begin;
    let store = Postgres::connect(&options).await.expect("connects");
    (store, link)
}

/// Polls the call until the link holds an answer, then goes away.
async fn drop_held<T>(link: &Link, call: impl Future<Output = T>) {
    let mut call = std::pin::pin!(call);
    let mut held = std::pin::pin!(link.holds());
    poll_fn(|context| {
        if held.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        assert!(
            call.as_mut().poll(context).is_pending(),
            "ended without the answer"
        );
        Poll::Pending
    })
    .await;
}

/// Whether every session of the store comes to be idle, outside any transaction.
async fn settles(admin: &mut PgConnection) -> bool {
    let deadline = Instant::now() + Duration::from_secs(3);
    loop {
        let busy: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where application_name = 'pressrun' \
             and datname = current_database() and state <> 'idle'",
        )
        .fetch_one(&mut *admin)
        .await
        .expect("asks");
        if busy == 0 {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
    }
}

async fn dropped_read_settles(drop_begin: bool) -> bool {
    let url = database().await;
    let mut admin = admin(&url).await;
    let (store, link) = linked(&url, drop_begin).await;
    let mut driver = Driver::new("acme", "r1", None);
    commit_one(&store, driver.submit()).await.expect("commits");
    let (tenant, run) = (driver.run.tenant.clone(), driver.run.id.clone());
    store.run(&tenant, &run).await.expect("reads");
    let mut all = true;
    // Answers of a read: to begin, to the statements, to the commit.
    for answers in 0..3 {
        assert!(settles(&mut admin).await);
        link.hold_after(answers);
        drop_held(&link, store.run(&tenant, &run)).await;
        link.release();
        all &= settles(&mut admin).await;
        // The sessions work on.
        store
            .run(&tenant, &run)
            .await
            .expect("reads")
            .expect("is there");
        store
            .load(&tenant, &run)
            .await
            .expect("reads")
            .expect("is there");
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_read_leaves_no_transaction_open() {
    assert!(dropped_read_settles(false).await);
}

/// The same test finds the bug when it is put in; where the session's end comes first, in another round.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_begin_is_caught() {
    for _ in 0..5 {
        if !dropped_read_settles(true).await {
            return;
        }
    }
    panic!("five rounds of it found nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_commit_is_neither_lost_nor_doubled() {
    let url = database().await;
    let mut admin = admin(&url).await;
    let (store, link) = linked(&url, false).await;
    let mut first = Driver::new("acme", "first", None);
    commit_one(&store, first.submit()).await.expect("commits");
    for round in 0..10 {
        let mut driver = Driver::new("acme", &format!("r{round}"), None);
        let submit = driver.submit();
        link.hold_after(0);
        drop_held(&link, store.commit(vec![submit.clone()])).await;
        link.release();
        let verdict = commit_one(&store, submit).await;
        assert!(
            matches!(verdict, Err(CommitError::Stale { expected: 0, .. })),
            "{verdict:?}"
        );
        assert_eq!(driver.stored(&store).await, driver.run);
        commit_one(&store, driver.finish("copy", at(1)))
            .await
            .expect("commits");
    }
    assert!(settles(&mut admin).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_an_unknown_fate() {
    let url = database().await;
    let (store, link) = linked(&url, false).await;
    let direct = connect(&url).await;
    let mut driver = Driver::new("acme", "r1", None);
    commit_one(&store, driver.submit()).await.expect("commits");
    let finish = driver.finish("copy", at(1));
    link.hold_after(0);
    let (verdict, ()) = futures::join!(commit_one(&store, finish), async {
        link.holds().await;
        link.cut();
    });
    assert!(
        matches!(verdict, Err(CommitError::Unknown(_))),
        "{verdict:?}"
    );
    assert_eq!(
        driver.stored(&direct).await,
        driver.run,
        "whoever looks finds out"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_killed_by_an_administrator_are_replaced() {
    let url = database().await;
    let mut admin = admin(&url).await;
    let store = connect(&url).await;
    let mut driver = Driver::new("acme", "r1", None);
    commit_one(&store, driver.submit()).await.expect("commits");
    let kill = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
         where application_name = 'pressrun' and datname = current_database()";
    sqlx::query(kill).execute(&mut admin).await.expect("kills");
    let finish = driver.finish("copy", at(1));
    // The first use of a dead session may not know whether it was heard; looking settles it.
    let mut verdict = commit_one(&store, finish.clone()).await;
    while matches!(
        verdict,
        Err(CommitError::Unknown(_) | CommitError::Unavailable(_))
    ) {
        verdict = commit_one(&store, finish.clone()).await;
    }
    assert!(
        matches!(verdict, Ok(()) | Err(CommitError::Stale { .. })),
        "{verdict:?}"
    );
    assert_eq!(driver.stored(&connect(&url).await).await, driver.run);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_is_the_databases() {
    let url = database().await;
    let mut admin = admin(&url).await;
    let store = connect(&url).await;
    let clock = "select floor(extract(epoch from clock_timestamp()) * 1000)::bigint";
    let before: i64 = sqlx::query_scalar(clock)
        .fetch_one(&mut admin)
        .await
        .expect("asks");
    let now = store.now().await.expect("measured").0;
    let after: i64 = sqlx::query_scalar(clock)
        .fetch_one(&mut admin)
        .await
        .expect("asks");
    // Half the way of the measuring question may be missing on either side.
    assert!(
        (before - 1_000..=after + 1_000).contains(&now),
        "{before} {now} {after}"
    );
}
