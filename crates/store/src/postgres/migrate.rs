//! Bringing a database up to date, as its owner.

use sqlx::{
    Connection, Executor, PgConnection,
    migrate::{Migration, MigrationType, Migrator},
};

use crate::{limits::ROLE_TRIES, port::StoreError};

use super::connect::parse;

/// The application's role must not inherit the scan's policies: it takes that role up for one
/// transaction at a time. The owner, who migrates, gets neither.
const ROLES: [(&str, &str); 3] = [
    (
        "select exists (select from pg_roles where rolname = 'pressrun_app')",
        "create role pressrun_app noinherit",
    ),
    (
        "select exists (select from pg_roles where rolname = 'pressrun_scan')",
        "create role pressrun_scan",
    ),
    (
        "select pg_has_role('pressrun_app', 'pressrun_scan', 'member')",
        "grant pressrun_scan to pressrun_app",
    ),
];

/// Services compare it with what they were built for.
const SCHEMA_NUMBER: (&str, &str) = (
    "select has_table_privilege('pressrun_app', '_sqlx_migrations', 'select')",
    "grant select on _sqlx_migrations to pressrun_app",
);

/// Makes or updates the tables of the database at `url`, and the roles `pressrun_app` and
/// `pressrun_scan` when the cluster does not have them. Runs as the database's owner; whoever makes the
/// roles beforehand spares it the right to create roles. Several may run at once.
///
/// # Errors
/// When the database cannot be reached, the owner lacks a right, or the database was made by a newer
/// version.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        StoreError::Unavailable(format!("{what}: {error}"))
    };
    let mut connection = PgConnection::connect_with(&parse(url)?)
        .await
        .map_err(|error| failed("the database cannot be reached", &error))?;
    for (there, make) in ROLES {
        ensure(&mut connection, there, make)
            .await
            .map_err(|error| failed("the roles cannot be made", &error))?;
    }
    migrations()
        .run_direct(None, &mut connection, false)
        .await
        .map_err(|error| failed("the tables cannot be brought up to date", &error))?;
    let (there, grant) = SCHEMA_NUMBER;
    ensure(&mut connection, there, grant)
        .await
        .map_err(|error| {
            failed(
                "the services cannot be let read the schema's number",
                &error,
            )
        })?;
    connection
        .close()
        .await
        .map_err(|error| failed("the connection did not end well", &error))
}

/// Makes what is not there. No lock keeps others from making it too (roles belong to the whole cluster):
/// whoever loses a race looks again.
async fn ensure(
    connection: &mut PgConnection,
    there: &'static str,
    make: &'static str,
) -> Result<(), sqlx::Error> {
    let mut tries = 1;
    loop {
        if sqlx::query_scalar(there)
            .fetch_one(&mut *connection)
            .await?
        {
            return Ok(());
        }
        match connection.execute(make).await {
            Ok(_) => return Ok(()),
            Err(error) if tries < ROLE_TRIES && lost_race(&error) => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

/// `duplicate_object`, `unique_violation`, or the `internal_error` "tuple concurrently updated".
fn lost_race(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.code())
        .is_some_and(|code| ["42710", "23505", "XX000"].contains(&code.as_ref()))
}

/// The number of the schema that this program was built for.
pub(super) fn newest() -> u32 {
    let newest = migrations().iter().map(|migration| migration.version).max();
    newest.map_or(0, |number| u32::try_from(number).unwrap_or(0))
}

fn migrations() -> Migrator {
    let files = [
        (
            "tables",
            include_str!("../../migrations/postgres/0001_tables.sql"),
        ),
        (
            "functions",
            include_str!("../../migrations/postgres/0002_functions.sql"),
        ),
        (
            "library",
            include_str!("../../migrations/postgres/0003_library.sql"),
        ),
    ];
    let numbered = (1..).zip(files).map(|(number, (name, text))| {
        let text = sqlx::SqlSafeStr::into_sql_str(text);
        Migration::new(number, name.into(), MigrationType::Simple, text, false)
    });
    Migrator::with_migrations(numbered.collect())
}
