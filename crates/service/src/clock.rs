//! The wall clock, for the edge alone. Runs live on the store's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use model::Timestamp;

/// Now, by this machine's clock; the epoch when the clock stands before it.
pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::default().after(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_stand_at_the_epoch() {
        assert!(now() > Timestamp(1_700_000_000_000));
    }
}
