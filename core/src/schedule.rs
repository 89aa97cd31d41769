//! The retry schedule: one pure function of how an attempt ended. It knows no database and no clock.
//! `docs/delivery.md` draws the states of a delivery and says who moves it.

use inboxops_proto::{
    clock::Timestamp,
    limits::{ATTEMPTS_MAX, RETRY_AFTER_MAX_SECS},
};
use std::time::Duration;

/// Longest time that a receiver's `Retry-After` can delay an attempt.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(RETRY_AFTER_MAX_SECS as u64);
/// Longest jitter.
pub(crate) const JITTER_MAX: Duration = Duration::from_secs(60);

/// What happens to a delivery after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Delivered,
    /// It is retried, not before this time.
    Retry(Timestamp),
    /// It has failed for good.
    Failed,
}

/// How an attempt ended, as the schedule sees it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AttemptEnd {
    /// The receiver answered 2xx.
    pub(crate) succeeded: bool,
    /// The receiver asks for no further attempt: status 410 or `webhook-delivery: abort-message`.
    pub(crate) stop: bool,
    /// Delay that the receiver asks for.
    pub(crate) retry_after: Duration,
    /// The delivery is a test, which has a single attempt.
    pub(crate) test: bool,
}

/// Decides after an attempt that ended at `now`. `failures` counts the failed attempts, this one included if it failed.
/// `chance` in 0..=65535 spreads retries; it only ever delays them.
pub(crate) fn next(ended: AttemptEnd, failures: u32, now: Timestamp, chance: u16) -> Next {
    if ended.succeeded {
        return Next::Delivered;
    }
    if ended.stop || ended.test || failures >= ATTEMPTS_MAX {
        return Next::Failed;
    }
    let step = step(failures);
    let jitter = (step / 10).min(JITTER_MAX) * u32::from(chance) / u32::from(u16::MAX);
    Next::Retry(now.plus((step + jitter).max(ended.retry_after.min(RETRY_AFTER_MAX))))
}

/// Time between failed attempt `n` and the next: 1, 2, 4, … 256 minutes.
fn step(n: u32) -> Duration {
    Duration::from_secs(60 << n.clamp(1, ATTEMPTS_MAX - 1).saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Timestamp = Timestamp::from_micros(1_795_507_200_000_000);

    #[test]
    fn the_steps_double_from_one_minute_and_the_tenth_failure_is_the_last() {
        let mut at = START;
        for (failures, minutes) in (1..=9).zip([1, 2, 4, 8, 16, 32, 64, 128, 256]) {
            let Next::Retry(due) = next(AttemptEnd::default(), failures, at, 0) else {
                panic!("attempt {failures} ended it")
            };
            assert_eq!(due.since(at), Duration::from_secs(minutes * 60));
            at = due;
        }
        assert_eq!(at.since(START), Duration::from_secs((8 * 60 + 31) * 60));
        assert_eq!(next(AttemptEnd::default(), 10, at, 0), Next::Failed);
    }

    #[test]
    fn a_stop_and_a_test_end_at_once() {
        assert_eq!(next(AttemptEnd { stop: true, ..AttemptEnd::default() }, 1, START, 0), Next::Failed);
        assert_eq!(next(AttemptEnd { test: true, ..AttemptEnd::default() }, 1, START, 0), Next::Failed);
        assert_eq!(
            next(AttemptEnd { succeeded: true, test: true, ..AttemptEnd::default() }, 0, START, 0),
            Next::Delivered
        );
    }

    proptest! {
        #[test]
        fn jitter_is_only_later_and_bounded(failures in 1u32..10, chance: u16) {
            let Next::Retry(due) = next(AttemptEnd::default(), failures, START, chance) else { unreachable!() };
            let (waited, step) = (due.since(START), step(failures));
            prop_assert!(waited >= step);
            prop_assert!(waited <= step + (step / 10).min(JITTER_MAX));
        }

        #[test]
        fn retry_after_only_delays_and_is_capped(failures in 1u32..10, chance: u16, asked in 0u64..100_000_000) {
            let plain = next(AttemptEnd::default(), failures, START, chance);
            let ended = AttemptEnd { retry_after: Duration::from_secs(asked), ..AttemptEnd::default() };
            let (Next::Retry(plain), Next::Retry(due)) = (plain, next(ended, failures, START, chance)) else { unreachable!() };
            prop_assert!(due >= plain);
            prop_assert!(due <= plain.max(START.plus(RETRY_AFTER_MAX)));
        }
    }
}
