//! Choices that look free and are repeatable.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use sha2::{Digest, Sha256};

/// A row of choices that follows from its seed alone, on every machine and in every release.
pub(super) struct Picks(ChaCha8Rng);

impl Picks {
    /// Seeded by all `parts`; each goes in by its length and bytes, so that no two lists collide.
    pub(super) fn new<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(ChaCha8Rng::from_seed(hash.finalize().into()))
    }

    /// A number below `n`; 0 when `n` is 0.
    pub(super) fn below(&mut self, n: usize) -> usize {
        let n = n.max(1) as u64;
        // The bias of the remainder is far below anything a choice of phrases could show.
        usize::try_from(self.0.next_u64() % n).unwrap_or_default()
    }

    /// All of `items` in another order.
    pub(super) fn shuffled<T: Copy>(&mut self, items: &[T]) -> Vec<T> {
        let mut items = items.to_vec();
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_fixed_by_the_seed() {
        let order = |seed: &str| Picks::new([seed.as_bytes()]).shuffled(&[1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(order("a"), order("a"));
        assert_ne!(order("a"), order("b"));
        assert_eq!(
            order("a"),
            [8, 2, 5, 4, 7, 6, 3, 1],
            "changes only with a new version"
        );
    }
}
