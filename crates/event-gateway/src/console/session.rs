//! Sessions and form tokens. Nothing is kept: a session is the caller's key, sealed into a cookie that only
//! this process can open; a restart asks everyone to log in again.

use ::service::clock;
use axum::http::{HeaderMap, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    aead::{self, Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
    rand::{SecureRandom, SystemRandom},
};

use crate::limits::{MAX_COOKIE_BYTES, SESSION};

/// The cookie's name.
const COOKIE: &str = "pressrun_session";
/// What the seal is for; another use of the same secret would not open it.
const PURPOSE: &[u8] = b"pressrun console session v1";

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
    seal: LessSafeKey,
    mac: hmac::Key,
    random: SystemRandom,
}

impl Sessions {
    pub(super) fn new() -> Result<Self, NoRandomness> {
        let random = SystemRandom::new();
        let mut secret = [0; 32];
        random.fill(&mut secret)?;
        let seal = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &secret)?);
        let mac = hmac::Key::generate(hmac::HMAC_SHA256, &random)?;
        Ok(Self { seal, mac, random })
    }

    /// The value of `set-cookie` that begins a session with this key. `secure`: only over TLS.
    pub(super) fn begin(&self, key: &str, secure: bool) -> Result<String, NoRandomness> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce)?;
        let until = clock::now().after(SESSION);
        let mut sealed = until.0.to_be_bytes().to_vec();
        sealed.extend_from_slice(key.as_bytes());
        self.seal.seal_in_place_append_tag(
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
        let (nonce, sealed) = value.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let opened: &[u8] =
            aead::LessSafeKey::open_in_place(&self.seal, nonce, Aad::from(PURPOSE), &mut sealed)
                .ok()?;
        let (until, key) = opened.split_first_chunk::<8>()?;
        let fresh = clock::now().0 < i64::from_be_bytes(*until);
        fresh.then(|| String::from_utf8(key.to_vec()).ok())?
    }

    /// The token that forms of this session carry. `session` is its cookie, or what stands for one.
    pub(super) fn token(&self, session: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.mac, session.as_bytes()))
    }

    /// Whether a form of this session was made by us.
    pub(super) fn is_token(&self, session: &str, token: &str) -> bool {
        URL_SAFE_NO_PAD
            .decode(token)
            .is_ok_and(|tag| hmac::verify(&self.mac, session.as_bytes(), &tag).is_ok())
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

    fn value(set: &str) -> &str {
        let (_, rest) = set.split_once('=').expect("a cookie");
        rest.split_once(';').expect("attributes").0
    }

    #[test]
    fn a_session_gives_its_key_back_and_no_other_process_can_open_it() {
        let sessions = Sessions::new().expect("randomness");
        let set = sessions.begin("k-1", true).expect("randomness");
        assert!(set.contains("HttpOnly; SameSite=Strict; Secure"), "{set}");
        assert!(!set.contains("k-1"));
        assert_eq!(sessions.key(value(&set)).as_deref(), Some("k-1"));
        assert_eq!(Sessions::new().expect("randomness").key(value(&set)), None);
        let mut forged = value(&set).to_owned();
        forged.replace_range(30..31, if &forged[30..31] == "A" { "B" } else { "A" });
        for bad in [forged.as_str(), "", "AAAA", "?"] {
            assert_eq!(sessions.key(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_token_is_good_for_its_own_session_only() {
        let sessions = Sessions::new().expect("randomness");
        let token = sessions.token("a");
        assert!(sessions.is_token("a", &token));
        assert!(!sessions.is_token("b", &token));
        assert!(!sessions.is_token("a", ""));
        let other = Sessions::new().expect("randomness");
        assert!(!other.is_token("a", &token));
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
