//! `pressrun key`.

use anyhow::{Context, anyhow};
use bus::signature::{Seed, Signer};
use model::{ContentHash, TenantId};
use service::{auth::Role, env, secret};
use store::{
    port::Queries,
    postgres::{Options, Postgres},
};

use crate::{Failure, args::Key, output, setup::API_KEY_PREFIX, stack};

/// `own` is the key that the caller was given.
pub(super) async fn key(key: Key, own: Option<&str>) -> Result<(), Failure> {
    match key {
        Key::Show => {
            let own =
                own.with_context(|| format!("no key: name its file in {}", env::API_KEY_FILE))?;
            output::line(own)
        }
        Key::Signing { file } => {
            let seed = Seed::generate().map_err(anyhow::Error::from)?;
            stack::write_secret(&file, &seed.reveal())?;
            let signer = Signer::new(&seed).map_err(anyhow::Error::from)?;
            output::line(&signer.public_key().to_string())
        }
        Key::Api {
            database_url,
            database_url_file,
            tenant,
            role,
            label,
        } => {
            let tenant = TenantId::new(tenant).map_err(anyhow::Error::from)?;
            let role =
                Role::parse(&role).ok_or_else(|| anyhow!("`{role}` is no role; see --help"))?;
            let database_url = secret::required(
                "the database's address",
                env::DATABASE_URL,
                database_url,
                database_url_file.as_deref(),
            )
            .map_err(anyhow::Error::from)?;
            let store = Postgres::connect(&Options::new(&database_url))
                .await
                .context("Postgres does not answer")?;
            let key = format!(
                "{API_KEY_PREFIX}{}",
                Seed::generate().map_err(anyhow::Error::from)?.reveal()
            );
            store
                .save_api_key(
                    &tenant,
                    &ContentHash::of(key.as_bytes()),
                    role.as_str(),
                    &label,
                )
                .await
                .context("the key cannot be kept")?;
            output::line(&key)
        }
    }
}
