//! The catalogue, the making of it, and what a campaign costs.

use futures::future::join_all;
use sqlx::{Executor, PgConnection};
use store::{port::Transition, postgres::migrate};

use super::admin;
use crate::fixture::{Driver, SUBMITTED, at, commit_one, connect, database};

async fn list(on: &mut PgConnection, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(on).await.expect("lists")
}

/// The rules of the catalogue that are broken, and by what. Each query names what breaks a rule; new tables,
/// views and functions fall under them by themselves.
pub(super) async fn broken_rules(admin: &mut PgConnection) -> Vec<(&'static str, Vec<String>)> {
    let rules = [
        (
            "a table without forced row-level security",
            "select relname::text from pg_class where relnamespace = 'public'::regnamespace \
             and relkind in ('r', 'p') and relname <> '_sqlx_migrations' \
             and not (relrowsecurity and relforcerowsecurity)",
        ),
        (
            "a table whose application policy does not ask for the tenant",
            "select relname::text from pg_class c where relnamespace = 'public'::regnamespace \
             and relkind in ('r', 'p') and relname <> '_sqlx_migrations' and not exists ( \
             select from pg_policies p where p.tablename = c.relname and p.roles = '{pressrun_app}' \
             and p.cmd = 'ALL' and p.qual like '%app.tenants%')",
        ),
        (
            "a policy of another kind",
            "select format('%s on %s', policyname, tablename) from pg_policies \
             where not (roles = '{pressrun_app}' and qual like '%app.tenants%') \
             and not (roles = '{pressrun_scan}' and cmd = 'SELECT')",
        ),
        (
            "a unique key that does not lead with the tenant",
            "select indexrelid::regclass::text from pg_index i \
             join pg_class c on c.oid = i.indrelid \
             join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] \
             where c.relnamespace = 'public'::regnamespace and c.relname <> '_sqlx_migrations' \
             and i.indisunique and a.attname <> 'tenant'",
        ),
        (
            "a view with its owner's rights",
            "select relname::text from pg_class where relnamespace = 'public'::regnamespace \
             and relkind in ('v', 'm') \
             and not coalesce(reloptions @> '{security_invoker=true}', false)",
        ),
        (
            "a function with its owner's rights, or for everyone",
            "select oid::regprocedure::text from pg_proc p \
             where pronamespace = 'public'::regnamespace and (prosecdef or exists ( \
             select from aclexplode(coalesce(proacl, acldefault('f', proowner))) where grantee = 0))",
        ),
        (
            "a role with too many rights",
            "select rolname::text from pg_roles where rolname in ('pressrun_app', 'pressrun_scan') \
             and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb)",
        ),
        (
            "an application that inherits the scan's policies, or owns something",
            "select rolname::text from pg_roles where rolname = 'pressrun_app' and (rolinherit \
             or exists (select from pg_class where relowner = pg_roles.oid))",
        ),
    ];
    let mut broken = Vec::new();
    for (rule, sql) in rules {
        let by = list(admin, sql).await;
        if !by.is_empty() {
            broken.push((rule, by));
        }
    }
    broken
}

#[tokio::test]
async fn the_catalogue_keeps_the_rules() {
    let mut admin = admin(&database().await).await;
    assert_eq!(broken_rules(&mut admin).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_of_one_cluster_migrate_at_once_and_again() {
    let cluster = rig::Postgres::own()
        .await
        .expect("a cluster without our roles");
    let urls = join_all((0..4).map(|_| cluster.database())).await;
    let urls: Vec<String> = urls
        .into_iter()
        .map(|url| url.expect("a database"))
        .collect();
    let twice = urls.iter().chain(&urls).map(|url| migrate(url));
    for done in join_all(twice).await {
        done.expect("migrates");
    }
    for url in &urls {
        connect(url).await;
    }
    let error = migrate("nonsense://secret").await.expect_err("no address");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_database_without_tables_is_named_as_such() {
    let cluster = rig::Postgres::shared().await.expect("a cluster");
    let url = cluster.database().await.expect("a database");
    // The role is the cluster's, and other tests may not have made it yet.
    migrate(&database().await).await.expect("migrates");
    let refused = store::postgres::Postgres::connect(&store::postgres::Options::new(url)).await;
    let error = refused.expect_err("no tables").to_string();
    assert!(error.contains("pressrun migrate"), "{error}");
}

/// Sessions report what they counted when they end; the administrator's session after that.
async fn counted(store: store::postgres::Postgres, url: &str) -> PgConnection {
    store.close().await;
    let mut admin = admin(url).await;
    let sessions = "select count(*) from pg_stat_activity \
         where application_name = 'pressrun' and datname = current_database()";
    while sqlx::query_scalar::<_, i64>(sessions)
        .fetch_one(&mut admin)
        .await
        .expect("asks")
        > 0
    {}
    admin
}

/// Plans are made while the tables are empty; they must find rows by key all the same.
#[tokio::test]
async fn a_commit_reads_no_row_but_its_own() {
    let url = database().await;
    let store = connect(&url).await;
    let campaigns = 30;
    for i in 0..campaigns {
        for transition in Driver::new("acme", &format!("r{i}"), Some(&format!("k{i}"))).whole() {
            commit_one(&store, transition).await.expect("commits");
        }
    }
    let mut admin = counted(store, &url).await;
    let read: Vec<String> = list(
        &mut admin,
        "select format('%s %s', relname, seq_tup_read + idx_tup_fetch) \
         from pg_stat_user_tables where relname in ('runs', 'jobs') order by relname",
    )
    .await;
    // Four jobs withdrawn; four updates, and one look for the campaign's row.
    let expected = [
        format!("jobs {}", 4 * campaigns),
        format!("runs {}", 5 * campaigns),
    ];
    assert_eq!(read, expected);
}

/// What the tables say of themselves in a quiet moment, with few rows in them, must not decide how rows are found when
/// there are many: sessions plan once.
#[tokio::test]
async fn a_commit_after_a_quiet_moment_reads_no_run_but_its_own() {
    let url = database().await;
    let store = connect(&url).await;
    let mut few: Vec<_> = (0..8)
        .map(|i| Driver::new("acme", &format!("few{i}"), None))
        .collect();
    for driver in &mut few {
        let submit = driver.submit();
        commit_one(&store, submit).await.expect("commits");
    }
    let before = read_of("runs", counted(store, &url).await).await;
    let mut admin = admin(&url).await;
    admin.execute("vacuum analyze runs").await.expect("vacuums");

    // A session that plans now, and then meets many runs.
    let store = connect(&url).await;
    let mut many: Vec<_> = (0..100)
        .map(|i| Driver::new("acme", &format!("many{i}"), None))
        .collect();
    for driver in few.iter_mut().chain(&mut many) {
        if driver.run.sequence == 0 {
            let submit = driver.submit();
            commit_one(&store, submit).await.expect("commits");
        }
        let finish = driver.finish("copy", at(SUBMITTED + 1_000));
        commit_one(&store, finish).await.expect("commits");
    }
    let read = read_of("runs", counted(store, &url).await).await - before;
    assert_eq!(read, 108, "one moved by each commit");
}

#[tokio::test]
async fn a_commit_after_a_quiet_moment_reads_no_job_but_its_own() {
    let url = database().await;
    let store = connect(&url).await;
    for i in 0..150 {
        for transition in Driver::new("acme", &format!("whole{i}"), None).whole() {
            commit_one(&store, transition).await.expect("commits");
        }
    }
    for i in 0..8 {
        let submit = Driver::new("acme", &format!("few{i}"), None).submit();
        commit_one(&store, submit).await.expect("commits");
    }
    let mut admin = admin(&url).await;
    admin.execute("vacuum analyze jobs").await.expect("vacuums");

    // A session that plans now, and then meets many jobs.
    store.close().await;
    let store = connect(&url).await;
    let mut many: Vec<_> = (0..100)
        .map(|i| Driver::new("acme", &format!("many{i}"), None))
        .collect();
    for driver in &mut many {
        let submit = driver.submit();
        commit_one(&store, submit).await.expect("commits");
    }
    let before = read_of("jobs", counted(store, &url).await).await;
    let store = connect(&url).await;
    for driver in &mut many {
        let finish = driver.finish("copy", at(SUBMITTED + 1_000));
        commit_one(&store, finish).await.expect("commits");
    }
    let read = read_of("jobs", counted(store, &url).await).await - before;
    assert_eq!(read, 100, "one withdrawn by each commit");
}

async fn read_of(table: &str, mut admin: PgConnection) -> i64 {
    sqlx::query_scalar(
        "select seq_tup_read + idx_tup_fetch from pg_stat_user_tables where relname = $1",
    )
    .bind(table)
    .fetch_one(&mut admin)
    .await
    .expect("asks")
}

/// Rows are what a campaign costs (`docs/benchmarks.md`); a new one shows here.
#[tokio::test]
async fn a_campaign_writes_few_rows_and_stays_in_its_page() {
    let url = database().await;
    let store = connect(&url).await;
    let mut driver = Driver::new("acme", "r1", Some("k"));
    for transition in driver.whole() {
        let transition: Transition = transition;
        commit_one(&store, transition).await.expect("commits");
    }
    let mut admin = counted(store, &url).await;
    let written: Vec<String> = list(
        &mut admin,
        "select format('%s %s', relname, n_tup_ins + n_tup_upd + n_tup_del) \
         from pg_stat_user_tables where relname <> '_sqlx_migrations' \
         and n_tup_ins + n_tup_upd + n_tup_del > 0 order by relname",
    )
    .await;
    assert_eq!(
        written,
        [
            "artifact_versions 4",
            "artifacts 3",
            "audit_reports 1",
            "blobs 1",
            "campaigns 1",
            "jobs 8",
            "run_events 5",
            "run_snapshots 1",
            "runs 5",
        ]
    );
    let hot: i64 =
        sqlx::query_scalar("select n_tup_hot_upd from pg_stat_user_tables where relname = 'runs'")
            .fetch_one(&mut admin)
            .await
            .expect("asks");
    assert_eq!(hot, 3, "all but the last, which clears the timer");
}
