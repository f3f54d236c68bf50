//! `pressrun migrate`.

use anyhow::Context;
use model::{ContentHash, TenantId};
use service::{auth::Role, env, secret};
use store::{
    port::Queries,
    postgres::{self, Options, Postgres},
};

use crate::{Failure, args::Migrate, output, setup::Setup};

pub(super) async fn migrate(options: Migrate) -> Result<(), Failure> {
    let Some(dir) = options.dir else {
        let database_url = secret::required(
            "the database's address",
            env::DATABASE_URL,
            options.database_url,
            options.database_url_file.as_deref(),
        )
        .map_err(anyhow::Error::from)?;
        return schema(&database_url).await;
    };
    let tenant = TenantId::new(options.tenant).map_err(anyhow::Error::from)?;
    let admin = Setup::admin(&dir)?;
    schema(&admin.owner_url).await?;
    postgres::ensure_login(&admin.owner_url, &admin.service_url)
        .await
        .context("the services cannot be let in")?;
    // As the services log in: what is wrong with that shows here.
    let store = Postgres::connect(&Options::new(&admin.service_url))
        .await
        .context("the services' login does not work")?;
    store
        .save_api_key(
            &tenant,
            &ContentHash::of(admin.api_key.as_bytes()),
            Role::Admin.as_str(),
            "pressrun init",
        )
        .await
        .context("the first API key cannot be kept")?;
    store.close().await;
    output::line(&format!(
        "services may log in, and the first API key is an admin's of tenant {tenant}"
    ))
}

async fn schema(database_url: &str) -> Result<(), Failure> {
    postgres::migrate(database_url)
        .await
        .context("the schema cannot be brought up to date")?;
    output::line("the schema is up to date")
}
