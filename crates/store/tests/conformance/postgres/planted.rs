//! Bugs put into a database on purpose: the checks of this suite must find each of them.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, Executor, PgConnection};
use store::{
    CommitPath,
    postgres::{Options, Postgres},
};

use super::{admin, schema::broken_rules};
use crate::fixture::{Driver, commit_one, database};

/// A check and what it must find: the change that plants a bug, and the rule of the catalogue that it breaks.
const CATALOGUE: [(&str, &str); 5] = [
    (
        "alter table blobs disable row level security",
        "a table without forced row-level security",
    ),
    (
        "alter table jobs no force row level security",
        "a table without forced row-level security",
    ),
    (
        "alter policy own_tenant on runs using (true)",
        "a table whose application policy does not ask for the tenant",
    ),
    (
        "alter function save_plan_v1(text, text, text) security definer",
        "a function with its owner's rights, or for everyone",
    ),
    (
        "create unique index planted on runs (idempotency_key)",
        "a unique key that does not lead with the tenant",
    ),
];

#[tokio::test]
async fn what_opens_a_tenants_rows_is_caught() {
    for (change, rule) in CATALOGUE {
        let mut admin = admin(&database().await).await;
        assert!(broken_rules(&mut admin).await.is_empty());
        admin.execute(change).await.expect(change);
        let broken = broken_rules(&mut admin).await;
        let found = broken.iter().any(|(broken, _)| *broken == rule);
        assert!(found, "{change}: {broken:?}");
    }
}

/// Whether a session names no tenant any more once its transaction is over: a write that forgets to name one
/// is refused, on the very session that has just committed for a tenant.
async fn sessions_forget_their_tenant(url: &str) -> bool {
    let mut options = Options::new(url);
    // One to write, one to read.
    options.max_connections = 2;
    let store = Postgres::connect(&options).await.expect("connects");
    let mut driver = Driver::new("acme", "r1", None);
    commit_one(&store, driver.submit()).await.expect("commits");
    let mut admin = admin(url).await;
    // It goes on with what the session has.
    admin
        .execute(
            "create or replace function save_plan_v1(tenant text, hash text, plan text) returns void \
             language sql as 'insert into workflows values ($1, $2, $3)'",
        )
        .await
        .expect("forgets");
    let (plan, hash) = (driver.plan.to_json(), driver.plan.hash());
    let kept = store.save_plan(&driver.run.tenant, &hash, &plan).await;
    kept.is_err()
}

/// Names the tenant for the session instead of for the transaction, in every function.
async fn set_for_the_session(admin: &mut PgConnection) {
    let bodies: Vec<String> = sqlx::query_scalar(
        "select pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace \
         and prosrc like '%set_config(%'",
    )
    .fetch_all(&mut *admin)
    .await
    .expect("lists");
    assert!(!bodies.is_empty(), "no function names a tenant");
    let mut change = String::new();
    for body in bodies {
        let planted = body.replace(", true);", ", false);");
        assert_ne!(planted, body);
        writeln!(change, "{planted};").expect("a text takes everything");
    }
    admin.execute(AssertSqlSafe(change)).await.expect("plants");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_forgets_its_tenant() {
    assert!(sessions_forget_their_tenant(&database().await).await);
}

/// The same check finds `SET` in place of `SET LOCAL`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_set_for_the_session_is_caught() {
    let url = database().await;
    set_for_the_session(&mut admin(&url).await).await;
    assert!(!sessions_forget_their_tenant(&url).await);
}
