//! The Merkle tree over a batch. Where a level ends in a node without a neighbour, its neighbour is
//! [`EMPTY`]. Leaves, nodes and the signed text begin differently, so that none passes for another.

use sha2::{Digest, Sha256};

use crate::envelope::Envelope;

pub(super) const HASH_BYTES: usize = 32;
pub(super) type Hash = [u8; HASH_BYTES];

const EMPTY: Hash = [0; HASH_BYTES];
const LEAF: [u8; 1] = [0];
const NODE: [u8; 1] = [1];
const SIGNED: &[u8] = b"pressrun jobs v1\0";

/// The hash of what is signed of an envelope. Each part goes in with its length.
pub(super) fn leaf(envelope: &Envelope) -> Hash {
    let mut hash = Sha256::new_with_prefix(LEAF);
    let parts: [&[u8]; 4] = [
        envelope.subject.as_str().as_bytes(),
        envelope.id.as_bytes(),
        envelope.kind.as_bytes(),
        &envelope.body,
    ];
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// All levels, from the leaves to the root.
pub(super) fn levels(leaves: Vec<Hash>) -> Vec<Vec<Hash>> {
    let mut levels = vec![leaves];
    while let Some(level) = levels.last().filter(|level| level.len() > 1) {
        let above = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => node(left, right),
                [left] => node(left, &EMPTY),
                _ => EMPTY,
            })
            .collect();
        levels.push(above);
    }
    levels
}

/// The neighbours on the way from a leaf to the root.
pub(super) fn path_to(levels: &[Vec<Hash>], index: usize) -> impl Iterator<Item = Hash> {
    let below_root = levels.len().saturating_sub(1);
    levels
        .iter()
        .take(below_root)
        .enumerate()
        .map(move |(height, level)| level.get((index >> height) ^ 1).copied().unwrap_or(EMPTY))
}

/// The root that a leaf and its path lead to.
pub(super) fn root_of(leaf: Hash, index: usize, path: &[Hash]) -> Hash {
    path.iter().enumerate().fold(leaf, |hash, (height, other)| {
        if (index >> height) & 1 == 0 {
            node(&hash, other)
        } else {
            node(other, &hash)
        }
    })
}

/// What the key signs for a root.
pub(super) fn signed_text(root: &Hash) -> Vec<u8> {
    [SIGNED, root].concat()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new_with_prefix(NODE)
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}
