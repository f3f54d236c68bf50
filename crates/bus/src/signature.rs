//! Signatures of jobs, so that nobody but an orchestrator gives an agent work.
//!
//! A batch is signed once: the envelopes are the leaves of a Merkle tree, the root is signed (Ed25519),
//! and each envelope carries its place, its path to the root and the signature. So signing costs one
//! signature per batch, and verifying one per batch too, as verified roots are remembered.
//!
//! Signed are subject, id, kind and body. Who, until when and under which lease stands in the body.

mod key;
mod tree;

use std::{
    collections::BTreeMap,
    fmt,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lru::LruCache;
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};

pub use self::key::{InvalidKey, PublicKey, Seed};
use self::tree::{HASH_BYTES, Hash, leaf, path_to, root_of, signed_text};
use crate::{
    envelope::Envelope,
    limits::{MAX_PROOF_DEPTH, MAX_SIGNED_BATCH, VERIFIED_ROOTS},
};

const SIGNATURE_BYTES: usize = 64;

/// Why an envelope is not taken for the orchestrator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It carries none.
    #[error("the message is not signed")]
    Missing,
    /// The header is not a signature.
    #[error("the signature cannot be read")]
    Malformed,
    /// No key with this id is known.
    #[error("the message is signed with an unknown key")]
    UnknownKey,
    /// Something signed is not as it was signed, or the key's holder never signed it.
    #[error("the signature does not fit the message")]
    Wrong,
}

/// Signs with one private key.
pub struct Signer {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl Signer {
    /// A signer with the key of this seed.
    ///
    /// # Errors
    /// When no key can be made of it.
    pub fn new(seed: &Seed) -> Result<Self, InvalidKey> {
        let pair = seed.pair()?;
        let public = PublicKey::of(&pair)?;
        Ok(Self { pair, public })
    }

    /// The key that verifies what this signs; to be given to the workers.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Puts a signature on each envelope: one signing for up to
    /// [`MAX_SIGNED_BATCH`] of them.
    pub fn sign_batch(&self, batch: &mut [Envelope]) {
        for part in batch.chunks_mut(MAX_SIGNED_BATCH) {
            let leaves: Vec<Hash> = part.iter().map(leaf).collect();
            let levels = tree::levels(leaves);
            let Some(root) = levels.last().and_then(|level| level.first()) else {
                continue;
            };
            let signature = self.pair.sign(&signed_text(root));
            for (index, envelope) in part.iter_mut().enumerate() {
                let mut proof = signature.as_ref().to_vec();
                for hash in path_to(&levels, index) {
                    proof.extend_from_slice(&hash);
                }
                let key = self.public.id();
                let proof = URL_SAFE_NO_PAD.encode(proof);
                envelope.signature = format!("{key}.{index}.{proof}");
            }
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("key", &self.public.id())
            .finish_non_exhaustive()
    }
}

/// Verifies what the holders of some keys signed.
pub struct Verifier {
    keys: BTreeMap<String, UnparsedPublicKey<Vec<u8>>>,
    verified: Mutex<LruCache<Signed, ()>>,
}

/// A root that was verified, with the key and the signature that did it.
#[derive(PartialEq, Eq, Hash)]
struct Signed {
    key: String,
    root: Hash,
    signature: [u8; SIGNATURE_BYTES],
}

impl Verifier {
    /// Takes what any of these keys signed: while keys are changed, the old and the new one.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        let keys = keys.into_iter().map(|key| {
            let id = key.id().to_owned();
            (id, UnparsedPublicKey::new(&ED25519, key.bytes().to_vec()))
        });
        let size = NonZeroUsize::new(VERIFIED_ROOTS).unwrap_or(NonZeroUsize::MIN);
        Self {
            keys: keys.collect(),
            verified: Mutex::new(LruCache::new(size)),
        }
    }

    /// Whether a known key signed exactly this subject, id, kind and body. Reads nothing of the body.
    ///
    /// # Errors
    /// When not; the message is to be refused unread.
    pub fn verify(&self, envelope: &Envelope) -> Result<(), SignatureError> {
        if envelope.signature.is_empty() {
            return Err(SignatureError::Missing);
        }
        let header = Header::parse(&envelope.signature).ok_or(SignatureError::Malformed)?;
        let key = self
            .keys
            .get(header.key)
            .ok_or(SignatureError::UnknownKey)?;
        let signed = Signed {
            key: header.key.to_owned(),
            root: root_of(leaf(envelope), header.index, &header.path),
            signature: header.signature,
        };
        if self.cache().get(&signed).is_some() {
            return Ok(());
        }
        key.verify(&signed_text(&signed.root), &signed.signature)
            .map_err(|_unspecified| SignatureError::Wrong)?;
        self.cache().put(signed, ());
        Ok(())
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, LruCache<Signed, ()>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("keys", &self.keys.keys())
            .finish_non_exhaustive()
    }
}

/// The header `<key id>.<index>.<base64url of signature and path>`.
struct Header<'a> {
    key: &'a str,
    index: usize,
    signature: [u8; SIGNATURE_BYTES],
    path: Vec<Hash>,
}

impl<'a> Header<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split('.');
        let (key, index, proof) = (parts.next()?, parts.next()?, parts.next()?);
        // Decoding is bounded before it begins: base64 takes four characters for three bytes.
        let longest = (SIGNATURE_BYTES + MAX_PROOF_DEPTH * HASH_BYTES).div_ceil(3) * 4;
        if parts.next().is_some() || proof.len() > longest {
            return None;
        }
        let number: usize = index.parse().ok()?;
        if number.to_string() != index {
            return None;
        }
        let proof = URL_SAFE_NO_PAD.decode(proof).ok()?;
        let (signature, path) = proof.split_first_chunk::<SIGNATURE_BYTES>()?;
        let (path, rest) = path.as_chunks::<HASH_BYTES>();
        // An index beyond the tree would give one leaf several spellings.
        if !rest.is_empty() || path.len() > MAX_PROOF_DEPTH || number >> path.len() != 0 {
            return None;
        }
        Some(Self {
            key,
            index: number,
            signature: *signature,
            path: path.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests;
