//! Row-level security is really in force.

use model::library::Kind;
use sqlx::{Connection, Executor, PgConnection, Row};
use store::{
    CommitPath, Library, Queries, StoreError,
    library::{NewEntry, Place},
    port::ReviewRow,
    postgres::Postgres,
    ready::Pace,
};

use super::admin;
use crate::{
    fixture::{Driver, at, commit_all, connect, database, step, tenant},
    suite::queue::queued,
};

const TABLES: [&str; 15] = [
    "api_keys",
    "artifact_versions",
    "artifacts",
    "audit_reports",
    "blobs",
    "campaigns",
    "jobs",
    "reviews",
    "library",
    "library_versions",
    "paces",
    "run_events",
    "run_snapshots",
    "runs",
    "workflows",
];

/// A job of the tenant that went at its pace.
async fn paced(store: &Postgres, owner: &str) {
    let submit = queued(Driver::new(owner, "paced", None).submit(), |row| {
        row.limits.paces.push(Pace {
            key: "rate:x".to_owned(),
            every_us: 1_000,
            burst: 1,
        });
    });
    commit_all(store, vec![submit]).await;
    let jobs = store.ready(None, 1, 1).await.expect("reads");
    store.claim(at(0), &jobs).await.expect("claims");
}

/// A database with rows of two tenants in every table.
async fn peopled() -> String {
    let url = database().await;
    let store = connect(&url).await;
    for owner in ["acme", "other"] {
        let mut whole = Driver::new(owner, "whole", Some("k"));
        commit_all(&store, whole.whole()).await;
        let mut open = Driver::new(owner, "open", None).submit();
        open.asked = vec![ReviewRow {
            step: step("sign_off"),
            subject: model::ContentHash::of(b"all that is asked about"),
            role: "approver".to_owned(),
            since: at(0),
            deadline: None,
        }];
        commit_all(&store, vec![open]).await;
        paced(&store, owner).await;
        let (hash, plan) = (whole.plan.hash(), whole.plan.to_json());
        store
            .save_plan(&tenant(owner), &hash, &plan)
            .await
            .expect("keeps");
        let key = model::ContentHash::of(owner.as_bytes());
        store
            .save_api_key(&tenant(owner), &key, "editor", "")
            .await
            .expect("keeps");
        let place = Place {
            tenant: tenant(owner),
            kind: Kind::Brand,
            name: model::EntryName::new("tern").expect("a token"),
        };
        let entry = NewEntry {
            hash: key,
            content: owner.to_owned(),
            title: String::new(),
            author: String::new(),
        };
        store.put_entry(&place, None, entry).await.expect("keeps");
    }
    store.close().await;
    url
}

async fn code(on: &mut PgConnection, sql: String) -> Option<String> {
    let failed = on.execute(sqlx::AssertSqlSafe(sql)).await.err()?;
    Some(failed.as_database_error()?.code()?.into_owned())
}

async fn count(on: &mut PgConnection, sql: String) -> i64 {
    let row = on
        .fetch_one(sqlx::AssertSqlSafe(sql))
        .await
        .expect("counts");
    row.get(0)
}

#[tokio::test]
async fn an_application_sees_only_the_tenants_it_names() {
    let mut admin = admin(&peopled().await).await;
    for table in TABLES {
        let all = count(
            &mut admin,
            format!("select count(distinct tenant) from {table}"),
        )
        .await;
        assert_eq!(all, 2, "{table} holds rows of both");
        let select = format!("select count(*) from {table}");

        let mut tx = admin.begin().await.expect("begins");
        tx.execute("set local role pressrun_app")
            .await
            .expect("becomes");
        let unset = code(&mut tx, select.clone()).await;
        tx.rollback().await.expect("ends");
        // 42704 when it was never set in the session, 22P02 when it is empty after a transaction.
        assert!(
            matches!(unset.as_deref(), Some("42704" | "22P02")),
            "{table}: {unset:?}"
        );

        let mut tx = admin.begin().await.expect("begins");
        tx.execute("set local role pressrun_app")
            .await
            .expect("becomes");
        tx.execute("set local app.tenants = '{acme}'")
            .await
            .expect("names");
        let foreign = format!("{select} where tenant <> 'acme'");
        assert_eq!(count(&mut tx, foreign).await, 0, "{table}");
        assert!(count(&mut tx, select.clone()).await > 0, "{table}");
        tx.execute("set local app.tenants = '{}'")
            .await
            .expect("names");
        assert_eq!(count(&mut tx, select).await, 0, "{table}");
        tx.rollback().await.expect("ends");
    }
}

#[tokio::test]
async fn an_application_cannot_write_for_others_or_rewrite_history() {
    let mut admin = admin(&peopled().await).await;
    let mut refused = async |sql: &str| {
        let mut tx = admin.begin().await.expect("begins");
        tx.execute("set local role pressrun_app")
            .await
            .expect("becomes");
        tx.execute("set local app.tenants = '{acme}'")
            .await
            .expect("names");
        let code = code(&mut tx, sql.to_owned()).await;
        tx.rollback().await.expect("ends");
        assert_eq!(code.as_deref(), Some("42501"), "{sql}");
    };
    refused("insert into blobs values ('other', 'h', 'c')").await;
    refused("update runs set tenant = 'other'").await;
    refused("update run_events set body = ''").await;
    refused("delete from run_events").await;
    refused("update artifact_versions set content = ''").await;
    refused("delete from runs").await;
    refused("update blobs set content = ''").await;
    refused("update library_versions set hash = ''").await;
    refused("update library set name = 'other'").await;
    refused("delete from library").await;
    refused("insert into library (tenant, kind, name, version) values ('other', 'brand', 'x', 1)")
        .await;
    refused("alter table runs disable row level security").await;
    refused("create table mine (n integer)").await;
    refused("delete from _sqlx_migrations").await;
    refused("update _sqlx_migrations set version = 0").await;
}

#[tokio::test]
async fn a_scan_sees_named_columns_only() {
    let mut admin = admin(&peopled().await).await;
    let granted: Vec<String> = sqlx::query_scalar(
        "select format('%s: %s', table_name, string_agg(column_name, ' ' order by column_name)) \
         from information_schema.column_privileges where grantee = 'pressrun_scan' \
         group by table_name, privilege_type order by 1",
    )
    .fetch_all(&mut admin)
    .await
    .expect("lists");
    assert_eq!(
        granted,
        [
            "api_keys: key_hash label role tenant",
            "jobs: agent gate job priority ready_at run score sent_at step tenant token",
            "run_events: at last_seq run tenant",
            "runs: run tenant wake_at",
        ]
    );
    let mut tx = admin.begin().await.expect("begins");
    tx.execute("set local role pressrun_scan")
        .await
        .expect("becomes");
    assert_eq!(
        count(&mut tx, "select count(tenant) from runs".to_owned()).await,
        6
    );
    assert_eq!(
        code(&mut tx, "select title from runs".to_owned())
            .await
            .as_deref(),
        Some("42501")
    );
    tx.rollback().await.expect("ends");
}

/// The sessions of the store are the application's, whoever logged in.
#[tokio::test]
async fn the_store_works_as_the_application() {
    let url = peopled().await;
    let mut admin = admin(&url).await;
    let store = connect(&url).await;
    let run = crate::fixture::run_id("whole");
    assert!(
        store
            .run(&tenant("acme"), &run)
            .await
            .expect("reads")
            .is_some()
    );
    admin
        .execute("revoke select on runs from pressrun_app")
        .await
        .expect("revokes");
    let refused = store.run(&tenant("acme"), &run).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
}
