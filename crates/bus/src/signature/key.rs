//! Keys: the secret seed of a signer and the public key of its verifiers.

use std::{fmt, path::Path, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use model::id::hex;
use ring::{
    rand::{SecureRandom, SystemRandom},
    signature::{Ed25519KeyPair, KeyPair},
};
use sha2::{Digest, Sha256};

const KEY_BYTES: usize = 32;
/// Longest text that is read as a key, bytes.
const MAX_TEXT_BYTES: usize = 256;

/// Why something is no key. Says nothing of what was read.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKey {
    /// Not the text of a key.
    #[error("not a key: expected 32 bytes as base64url, 43 characters")]
    Text,
    /// The file cannot be read.
    #[error("cannot read the key file: {0}")]
    File(#[source] std::io::Error),
    /// The system gives no randomness.
    #[error("no key can be made: the system gives no randomness")]
    Randomness,
}

/// The secret that a signing key is made of. Never shown by `Debug`.
#[derive(Clone)]
pub struct Seed([u8; KEY_BYTES]);

impl Seed {
    /// A new one from the system's randomness.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn generate() -> Result<Self, InvalidKey> {
        let mut bytes = [0; KEY_BYTES];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_unspecified| InvalidKey::Randomness)?;
        Ok(Self(bytes))
    }

    /// Reads the text that [`Seed::reveal`] gives, such as an environment variable holds.
    ///
    /// # Errors
    /// When the text is no key.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        decode(text).map(Self)
    }

    /// Reads a file that holds the text of a seed.
    ///
    /// # Errors
    /// When the file cannot be read or holds no key.
    pub fn load(path: &Path) -> Result<Self, InvalidKey> {
        Self::parse(&std::fs::read_to_string(path).map_err(InvalidKey::File)?)
    }

    /// The secret as text: only to be written to where secrets are kept.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub(super) fn pair(&self) -> Result<Ed25519KeyPair, InvalidKey> {
        Ed25519KeyPair::from_seed_unchecked(&self.0).map_err(|_rejected| InvalidKey::Text)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// The key that verifies; its text is base64url.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    bytes: [u8; KEY_BYTES],
    id: String,
}

impl PublicKey {
    /// Names the key in signatures: 16 hex digits of its SHA-256.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Keys with commas between them, as a list of whom to believe is written.
    ///
    /// # Errors
    /// When one of them is no key.
    pub fn list(text: &str) -> Result<Vec<Self>, InvalidKey> {
        text.split(',').map(str::parse).collect()
    }

    pub(super) fn of(pair: &Ed25519KeyPair) -> Result<Self, InvalidKey> {
        let bytes = pair.public_key().as_ref();
        bytes
            .try_into()
            .map(Self::new)
            .map_err(|_length| InvalidKey::Text)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn new(bytes: [u8; KEY_BYTES]) -> Self {
        let mut id = hex(&Sha256::digest(bytes));
        id.truncate(16);
        Self { bytes, id }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.bytes))
    }
}

impl FromStr for PublicKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        decode(text).map(Self::new)
    }
}

fn decode(text: &str) -> Result<[u8; KEY_BYTES], InvalidKey> {
    let text = text.trim().trim_end_matches('=');
    if text.len() > MAX_TEXT_BYTES {
        return Err(InvalidKey::Text);
    }
    // Tools that make seeds mostly write the other base64 alphabet.
    let text = text.replace('+', "-").replace('/', "_");
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidKey::Text)?;
    bytes.try_into().map_err(|_length| InvalidKey::Text)
}
