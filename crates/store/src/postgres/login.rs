//! The role that services log in as, made by the database's owner.

use std::num::NonZeroU32;

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    digest::{SHA256, SHA256_OUTPUT_LEN, digest},
    error::Unspecified,
    hmac, pbkdf2,
    rand::{SecureRandom, SystemRandom},
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::connect::parse;
use crate::port::StoreError;

/// As Postgres does it: `scram_iterations`, and the length of its salts.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("not zero");
const SALT_BYTES: usize = 16;

/// Makes the role of `login`, a URL with name and password, or gives the one that is there this password.
/// It owns nothing, inherits nothing and may act as `pressrun_app` alone. `owner` is the URL of the
/// database's owner, after [`migrate`](super::migrate).
///
/// # Errors
/// When the database cannot be reached, the owner may not make roles, or `login` has a name or a password
/// with other characters than ASCII letters, digits, `_` and `-`.
pub async fn ensure_login(owner: &str, login: &str) -> Result<(), StoreError> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        StoreError::Unavailable(format!("{what}: {error}"))
    };
    let (name, password) = credentials(login).ok_or_else(|| {
        StoreError::Unavailable(
            "the services' database address has no name and password of letters, digits, _ and -"
                .to_owned(),
        )
    })?;
    let mut connection = PgConnection::connect_with(&parse(owner)?)
        .await
        .map_err(|error| failed("the database cannot be reached", &error))?;
    // Only what a password is checked with leaves this process, so no log of statements tells it.
    let verifier = verifier(password).map_err(|error| failed("no password can be set", &error))?;
    let statement = format!(
        "do $make$ begin
            if not exists (select from pg_roles where rolname = '{name}') then
                create role \"{name}\";
            end if;
            alter role \"{name}\" login noinherit nosuperuser nocreatedb nocreaterole
                noreplication nobypassrls password '{verifier}';
            grant pressrun_app to \"{name}\";
        end $make$"
    );
    connection
        .execute(AssertSqlSafe(statement))
        .await
        .map_err(|error| failed("the services' role cannot be made", &error))?;
    connection
        .close()
        .await
        .map_err(|error| failed("the connection did not end well", &error))
}

/// What Postgres keeps of a password (SCRAM-SHA-256, RFC 5802), as `psql` makes it for `\password`.
fn verifier(password: &str) -> Result<String, Unspecified> {
    let mut salt = [0; SALT_BYTES];
    SystemRandom::new().fill(&mut salt)?;
    let mut salted = [0; SHA256_OUTPUT_LEN];
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        ITERATIONS,
        &salt,
        password.as_bytes(),
        &mut salted,
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let client = hmac::sign(&key, b"Client Key");
    let stored = digest(&SHA256, client.as_ref());
    let server = hmac::sign(&key, b"Server Key");
    Ok(format!(
        "SCRAM-SHA-256${ITERATIONS}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored),
        STANDARD.encode(server)
    ))
}

/// Name and password of a URL, when both are of characters that need no quoting anywhere.
fn credentials(url: &str) -> Option<(&str, &str)> {
    let (_scheme, rest) = url.split_once("://")?;
    let (user, _host) = rest.split_once('@')?;
    let (name, password) = user.split_once(':')?;
    let plain = |text: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        !text.is_empty() && text.chars().all(plain)
    };
    (plain(name) && plain(password)).then_some((name, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_leave_its_quotes_is_refused() {
        let read = credentials("postgres://pressrun_service:a-B_9@db:5432/pressrun");
        assert_eq!(read, Some(("pressrun_service", "a-B_9")));
        for bad in [
            "postgres://db/pressrun",
            "postgres://name@db/pressrun",
            "postgres://name:@db/pressrun",
            "postgres://na'me:secret@db/pressrun",
            "postgres://na\"me:secret@db/pressrun",
            "postgres://name:sec'ret@db/pressrun",
            "postgres://name:sec$$ret@db/pressrun",
            "nonsense",
        ] {
            assert_eq!(credentials(bad), None, "{bad}");
        }
    }
}
