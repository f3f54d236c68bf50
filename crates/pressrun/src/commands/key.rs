//! `pressrun key`.

use anyhow::{Context, anyhow};
use bus::signature::{Seed, Signer};
use model::{ContentHash, TenantId};
use service::auth::Role;
use store::{
    port::Queries,
    postgres::{Options, Postgres},
};

use crate::{Failure, args::Key, output, stack};

/// What an API key begins with, so that secret scanners know one.
const API_KEY_PREFIX: &str = "prk_";

pub(super) async fn key(key: Key) -> Result<(), Failure> {
    match key {
        Key::Signing { file } => {
            let seed = Seed::generate().map_err(anyhow::Error::from)?;
            stack::write_secret(&file, &seed.reveal())?;
            let signer = Signer::new(&seed).map_err(anyhow::Error::from)?;
            output::line(&signer.public_key().to_string())
        }
        Key::Api {
            database_url,
            tenant,
            role,
            label,
        } => {
            let tenant = TenantId::new(tenant).map_err(anyhow::Error::from)?;
            let role =
                Role::parse(&role).ok_or_else(|| anyhow!("`{role}` is no role; see --help"))?;
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
