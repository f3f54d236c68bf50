//! Randomness: every concern draws from a stream of its own, so that what one concern draws never shifts
//! what another one gets.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One stream of draws.
pub(crate) struct Draws(Mutex<ChaCha8Rng>);

impl Draws {
    /// The stream of a concern.
    pub(crate) fn new(seed: u64, concern: &str) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // FNV-1a: any fixed function of the name will do.
        let stream = concern
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        rng.set_stream(stream);
        Self(Mutex::new(rng))
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut ChaCha8Rng) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Any number.
    pub(crate) fn any(&self) -> u64 {
        self.draw(|rng| rng.random())
    }

    /// Whether something of this probability happens.
    pub(crate) fn chance(&self, probability: f64) -> bool {
        probability > 0.0 && self.draw(|rng| rng.random_bool(probability.min(1.0)))
    }

    /// A number from `least` to `most`, both included.
    pub(crate) fn between(&self, least: u64, most: u64) -> u64 {
        self.draw(|rng| rng.random_range(least..=most.max(least)))
    }

    /// A duration from `least` to `most` milliseconds.
    pub(crate) fn millis(&self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.between(least, most))
    }

    /// A rate up to `most`, or none at all: a world in which everything is broken hides more than it shows.
    pub(crate) fn rate(&self, most: f64) -> f64 {
        self.draw(|rng| {
            if rng.random_bool(0.5) {
                rng.random_range(0.0..most)
            } else {
                0.0
            }
        })
    }

    /// One of them.
    pub(crate) fn pick<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        let last = of.len().checked_sub(1)?;
        of.get(usize::try_from(self.between(0, last as u64)).unwrap_or(0))
    }
}
