//! Sessions and form tokens. Nothing is kept: a session is the caller's key, sealed into a cookie that only
//! who has the [`Secrets`] can open. Without any, a process makes its own: a restart asks everyone to log in
//! again, and no other replica knows them.

use std::{fmt, str::FromStr};

use ::service::clock;
use axum::http::{HeaderMap, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf, hmac,
    rand::{SecureRandom, SystemRandom},
};

use crate::limits::{MAX_COOKIE_BYTES, MAX_SESSION_SECRETS, SESSION};

/// The cookie's name.
const COOKIE: &str = "pressrun_session";
/// What the seal is for; another use of the same secret would not open it.
const PURPOSE: &[u8] = b"pressrun console session v1";
/// What the form tokens are made for.
const TOKENS: &[u8] = b"pressrun console token v1";
/// Bytes of a secret.
const SECRET_BYTES: usize = 32;

type Secret = [u8; SECRET_BYTES];

/// What sessions are sealed with by all replicas behind one address: the first seals, each opens. Two while
/// one takes the other's place. The default is none: a process makes one for itself.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(Vec<Secret>);

/// Never shows what it holds.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

impl Secrets {
    /// A new secret as text: only to be written to where secrets are kept.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<String, NoRandomness> {
        let mut secret: Secret = [0; SECRET_BYTES];
        SystemRandom::new().fill(&mut secret)?;
        Ok(model::id::hex(&secret))
    }
}

/// Why a text holds no secrets of sessions. Says nothing of the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSecrets {
    /// One of them is of another form.
    #[error(
        "secret {0} of the sessions is not {digits} hexadecimal digits; `openssl rand -hex {SECRET_BYTES}` makes one",
        digits = 2 * SECRET_BYTES
    )]
    Form(usize),
    /// None, or too many.
    #[error(
        "{0} secrets of sessions are given; give one, or {MAX_SESSION_SECRETS} while one replaces the other"
    )]
    Count(usize),
}

impl FromStr for Secrets {
    type Err = NoSecrets;

    /// Secrets with a comma or white space between them, the newest first.
    fn from_str(text: &str) -> Result<Self, NoSecrets> {
        let parts = text.split(|c: char| c == ',' || c.is_whitespace());
        let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        if !(1..=MAX_SESSION_SECRETS).contains(&parts.len()) {
            return Err(NoSecrets::Count(parts.len()));
        }
        let secrets = (1..)
            .zip(parts)
            .map(|(i, part)| secret(part).ok_or(NoSecrets::Form(i)));
        secrets.collect::<Result<_, _>>().map(Self)
    }
}

fn secret(hex: &str) -> Option<Secret> {
    let digits = hex.as_bytes();
    let mut secret = [0; SECRET_BYTES];
    if digits.len() != 2 * SECRET_BYTES {
        return None;
    }
    for (byte, pair) in secret.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(secret)
}

/// What one secret gives: a key for each use.
struct Keys {
    seal: LessSafeKey,
    mac: hmac::Key,
}

impl Keys {
    fn of(secret: &Secret) -> Result<Self, NoRandomness> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(secret);
        let seal = root.expand(&[PURPOSE], &CHACHA20_POLY1305)?;
        let mac = root.expand(&[TOKENS], hmac::HMAC_SHA256)?;
        Ok(Self {
            seal: LessSafeKey::new(UnboundKey::from(seal)),
            mac: hmac::Key::from(mac),
        })
    }

    /// What was sealed with this key.
    fn open(&self, nonce: [u8; NONCE_LEN], sealed: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = self
            .seal
            .open_in_place(nonce, Aad::from(PURPOSE), &mut sealed);
        opened.ok().map(|opened| opened.to_vec())
    }
}

/// The system gives no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no randomness, so sessions cannot be sealed")]
pub struct NoRandomness;

impl From<ring::error::Unspecified> for NoRandomness {
    fn from(_: ring::error::Unspecified) -> Self {
        Self
    }
}

/// Seals and opens sessions, makes and checks form tokens.
pub(super) struct Sessions {
    newest: Keys,
    older: Vec<Keys>,
    random: SystemRandom,
}

impl Sessions {
    /// With the replicas' common secrets, else with one of its own.
    pub(super) fn new(Secrets(secrets): &Secrets) -> Result<Self, NoRandomness> {
        let random = SystemRandom::new();
        let mut keys = secrets.iter().map(Keys::of);
        let newest = match keys.next() {
            Some(keys) => keys?,
            None => {
                let mut own = [0; SECRET_BYTES];
                random.fill(&mut own)?;
                Keys::of(&own)?
            }
        };
        Ok(Self {
            newest,
            older: keys.collect::<Result<_, _>>()?,
            random,
        })
    }

    fn keys(&self) -> impl Iterator<Item = &Keys> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    /// The value of `set-cookie` that begins a session with this key. `secure`: only over TLS.
    pub(super) fn begin(&self, key: &str, secure: bool) -> Result<String, NoRandomness> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce)?;
        let until = clock::now().after(SESSION);
        let mut sealed = until.0.to_be_bytes().to_vec();
        sealed.extend_from_slice(key.as_bytes());
        self.newest.seal.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(PURPOSE),
            &mut sealed,
        )?;
        let mut value = nonce.to_vec();
        value.extend_from_slice(&sealed);
        let (value, age) = (URL_SAFE_NO_PAD.encode(value), SESSION.as_secs());
        Ok(cookie(&value, age, secure))
    }

    /// The value of `set-cookie` that ends a session.
    pub(super) fn end() -> String {
        cookie("", 0, false)
    }

    /// The key of a session that has not ended.
    pub(super) fn key(&self, cookie: &str) -> Option<String> {
        let value = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let (nonce, sealed) = value.split_first_chunk::<NONCE_LEN>()?;
        let opened = self.keys().find_map(|keys| keys.open(*nonce, sealed))?;
        let (until, key) = opened.split_first_chunk::<8>()?;
        let fresh = clock::now().0 < i64::from_be_bytes(*until);
        fresh.then(|| String::from_utf8(key.to_vec()).ok())?
    }

    /// The token that forms of this session carry. `session` is its cookie, or what stands for one.
    pub(super) fn token(&self, session: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.newest.mac, session.as_bytes()))
    }

    /// Whether a form of this session was made by us.
    pub(super) fn is_token(&self, session: &str, token: &str) -> bool {
        let Ok(tag) = URL_SAFE_NO_PAD.decode(token) else {
            return false;
        };
        self.keys()
            .any(|keys| hmac::verify(&keys.mac, session.as_bytes(), &tag).is_ok())
    }
}

/// 128 random bits, for the policy that names the page's own script and style.
pub(super) fn nonce() -> Result<String, NoRandomness> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn cookie(value: &str, age: u64, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}")
}

/// The session cookie that a request carries.
pub(super) fn cookie_of(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE && !value.is_empty()).then_some(value))
        .filter(|value| value.len() <= MAX_COOKIE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf";
    const NEW: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn own() -> Sessions {
        Sessions::new(&Secrets::default()).expect("randomness")
    }

    fn with(secrets: &str) -> Sessions {
        Sessions::new(&secrets.parse().expect("secrets")).expect("keys")
    }

    fn value(set: &str) -> &str {
        let (_, rest) = set.split_once('=').expect("a cookie");
        rest.split_once(';').expect("attributes").0
    }

    #[test]
    fn a_session_gives_its_key_back_and_no_other_process_can_open_it() {
        let sessions = own();
        let set = sessions.begin("k-1", true).expect("randomness");
        assert!(set.contains("HttpOnly; SameSite=Strict; Secure"), "{set}");
        assert!(!set.contains("k-1"));
        assert_eq!(sessions.key(value(&set)).as_deref(), Some("k-1"));
        assert_eq!(own().key(value(&set)), None);
        let mut forged = value(&set).to_owned();
        forged.replace_range(30..31, if &forged[30..31] == "A" { "B" } else { "A" });
        for bad in [forged.as_str(), "", "AAAA", "?"] {
            assert_eq!(sessions.key(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_token_is_good_for_its_own_session_only() {
        let sessions = own();
        let token = sessions.token("a");
        assert!(sessions.is_token("a", &token));
        assert!(!sessions.is_token("b", &token));
        assert!(!sessions.is_token("a", ""));
        assert!(!own().is_token("a", &token));
    }

    #[test]
    fn replicas_with_one_secret_open_each_others_sessions_and_forms() {
        let (here, there) = (with(OLD), with(OLD));
        let set = here.begin("k-1", true).expect("randomness");
        assert_eq!(there.key(value(&set)).as_deref(), Some("k-1"));
        assert!(there.is_token("a", &here.token("a")));
        assert_eq!(with(NEW).key(value(&set)), None);
        assert!(!with(NEW).is_token("a", &here.token("a")));
    }

    #[test]
    fn a_secret_is_replaced_without_ending_a_session() {
        let before = with(OLD).begin("k-1", true).expect("randomness");
        let known = with(&format!("{OLD},{NEW}"));
        let turned = with(&format!("{NEW}\n{OLD}\n"));
        for sessions in [&known, &turned] {
            assert_eq!(sessions.key(value(&before)).as_deref(), Some("k-1"));
            assert!(sessions.is_token("a", &with(OLD).token("a")));
        }
        // The first seals: in between every replica opens what any other has sealed.
        let after = turned.begin("k-2", true).expect("randomness");
        assert_eq!(known.key(value(&after)).as_deref(), Some("k-2"));
        assert_eq!(with(OLD).key(value(&after)), None);
        assert_eq!(with(NEW).key(value(&after)).as_deref(), Some("k-2"));
    }

    #[test]
    fn secrets_of_another_form_are_refused_and_never_shown() {
        let short = &OLD[..62];
        let other = OLD.replace('a', "g");
        for (text, why) in [
            ("", NoSecrets::Count(0)),
            (" , ", NoSecrets::Count(0)),
            (&[OLD; 3].join(","), NoSecrets::Count(3)),
            (short, NoSecrets::Form(1)),
            (&format!("{OLD},{other}"), NoSecrets::Form(2)),
            (&format!("{OLD}é"), NoSecrets::Form(1)),
        ] {
            let refused = text.parse::<Secrets>().expect_err("refused");
            assert_eq!(refused, why);
            assert!(!refused.to_string().contains(short), "{refused}");
        }
        let secrets: Secrets = OLD.to_uppercase().parse().expect("a secret");
        assert_eq!(format!("{secrets:?}"), "Secrets(1)");
        assert_eq!(Ok(secrets), OLD.parse());
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let headers = HeaderMap::from_iter([(
            header::COOKIE,
            "a=1; pressrun_session=xyz; b=2".parse().expect("a value"),
        )]);
        assert_eq!(cookie_of(&headers), Some("xyz"));
        assert_eq!(cookie_of(&HeaderMap::new()), None);
    }
}
