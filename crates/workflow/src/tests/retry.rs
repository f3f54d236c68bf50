//! Waits between attempts.

use std::time::Duration;

use model::ErrorClass;
use proptest::prelude::*;

use crate::Retry;

fn millis(wait: Option<Duration>) -> Option<u128> {
    wait.map(|wait| wait.as_millis())
}

proptest! {
    #[test]
    fn a_wait_is_within_its_doubled_bound_and_the_cap(failed in 1..200_u32, jitter in any::<u64>()) {
        let retry = Retry { max_attempts: u32::MAX, ..Retry::STANDARD };
        let bound = 500_u128.saturating_mul(1 << (failed - 1).min(60)).min(30_000);
        let wait = millis(retry.wait(ErrorClass::Network, failed, None, jitter));
        prop_assert_eq!(wait, Some(u128::from(jitter) % (bound + 1)));
    }
}

#[test]
fn the_last_attempt_and_a_class_that_stays_are_final() {
    let retry = Retry::STANDARD;
    let wait = |class, failed| retry.wait(class, failed, None, 0);
    assert_eq!(wait(ErrorClass::Timeout, 2), Some(Duration::ZERO));
    assert_eq!(wait(ErrorClass::Timeout, 3), None);
    assert_eq!(wait(ErrorClass::Auth, 1), None);
    assert_eq!(Retry::NONE.wait(ErrorClass::Timeout, 1, None, 0), None);
}

#[test]
fn a_wait_that_the_provider_asked_for_is_kept_up_to_a_minute() {
    let asked = |seconds| {
        let asked = Some(Duration::from_secs(seconds));
        millis(Retry::STANDARD.wait(ErrorClass::RateLimited, 1, asked, 7))
    };
    assert_eq!(asked(45), Some(45_000));
    assert_eq!(asked(3_600), Some(60_000));
}
