//! `pressrun migrate`.

use anyhow::Context;

use crate::{Failure, output};

pub(super) async fn migrate(database_url: &str) -> Result<(), Failure> {
    store::postgres::migrate(database_url)
        .await
        .context("the schema cannot be brought up to date")?;
    output::line("the schema is up to date")
}
