//! What only Postgres promises.

mod faults;
mod isolation;
mod planted;
mod schema;

use sqlx::{Connection, PgConnection};

/// A session of the administrator in the database.
async fn admin(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("connects")
}
