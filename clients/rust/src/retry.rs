//! When a failed attempt is made again, and how long that waits. Pure but for [`random`].

use crate::Error;
use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    time::Duration,
};

const BASE: Duration = Duration::from_millis(250);
const CAP: Duration = Duration::from_secs(10);
/// A server that wants to be left alone for longer is obeyed by failing.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(120);
/// For those who go on for ever.
pub(crate) const FOR_EVER: u32 = u32::MAX;

/// Random bits. Every state of the standard library's maps is made from the system's random numbers.
pub(crate) fn bits() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// From 0 to 1.
pub(crate) fn random() -> f64 {
    bits() as f64 / u64::MAX as f64
}

/// The pause before repeat `number`, from 0: any time up to a bound that doubles ("full jitter").
pub(crate) fn backoff(number: u32, random: f64) -> Duration {
    let bound = BASE.saturating_mul(1 << number.min(20)).min(CAP);
    bound.mul_f64(random.clamp(0.0, 1.0))
}

/// How long to wait before repeat `number`; `None` if the failure is final. Writes have an idempotency key, so they are
/// repeated like reads. 409 `idempotency_in_progress` on a repeat is about an earlier attempt of ours.
pub(crate) fn wait_before(error: &Error, number: u32, max_retries: u32, random: f64) -> Option<Duration> {
    let is_passing = match error {
        Error::Connection(_) | Error::Timeout(_) => true,
        Error::Api(error) => {
            let is_ours = number > 0 && error.code == "idempotency_in_progress";
            // Over the limit, or a server (or a proxy before it) that cannot answer now.
            matches!(error.status, 429 | 502 | 503 | 504) || is_ours
        }
        _ => false,
    };
    if !is_passing || number >= max_retries {
        return None;
    }
    let own = backoff(number, random);
    match error.retry_after() {
        None => Some(own),
        Some(wanted) if wanted > RETRY_AFTER_MAX && max_retries != FOR_EVER => None,
        Some(wanted) => Some(wanted + own.min(Duration::from_secs(1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ApiError;

    fn failure(status: u16, code: &str, retry_after: Option<u64>) -> Error {
        let retry_after = retry_after.map(Duration::from_secs);
        Error::Api(Box::new(ApiError { status, code: code.into(), retry_after, ..Default::default() }))
    }

    #[test]
    fn pauses_double_up_to_a_bound() {
        let bounds: Vec<u128> = [0, 1, 2, 3, 4, 5, 6, 99].iter().map(|at| backoff(*at, 1.0).as_millis()).collect();
        assert_eq!(bounds, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
        assert_eq!(backoff(6, 0.0), Duration::ZERO);
    }

    #[test]
    fn only_what_may_pass_is_repeated() {
        for status in [429, 502, 503, 504] {
            assert!(wait_before(&failure(status, "any", None), 0, 4, 0.5).is_some(), "{status}");
        }
        for status in [200, 302, 400, 401, 403, 404, 409, 412, 422, 500] {
            assert!(wait_before(&failure(status, "any", None), 0, 4, 0.5).is_none(), "{status}");
        }
        assert!(wait_before(&Error::Timeout(Duration::ZERO), 3, 4, 0.5).is_some());
        assert!(wait_before(&Error::Timeout(Duration::ZERO), 4, 4, 0.5).is_none());
        assert!(wait_before(&Error::Invalid("no id".into()), 0, 4, 0.5).is_none());
    }

    #[test]
    fn a_write_in_progress_is_waited_for_if_it_may_be_ours() {
        let error = failure(409, "idempotency_in_progress", Some(1));
        assert_eq!(wait_before(&error, 0, 4, 1.0), None);
        assert_eq!(wait_before(&error, 1, 4, 1.0), Some(Duration::from_millis(1500)));
    }

    #[test]
    fn retry_after_is_obeyed_or_ends_it() {
        assert_eq!(wait_before(&failure(429, "any", Some(7)), 0, 4, 0.0), Some(Duration::from_secs(7)));
        assert_eq!(wait_before(&failure(429, "any", Some(120)), 6, 9, 1.0), Some(Duration::from_secs(121)));
        assert_eq!(wait_before(&failure(429, "any", Some(121)), 0, 4, 0.0), None);
        assert!(wait_before(&failure(503, "any", Some(600)), 0, FOR_EVER, 0.0).is_some());
    }

    #[test]
    fn random_numbers_differ_and_stay_in_bounds() {
        let all: std::collections::HashSet<u64> = (0..1000).map(|_| bits()).collect();
        assert_eq!(all.len(), 1000);
        assert!((0..1000).map(|_| random()).all(|it| (0.0..=1.0).contains(&it)));
    }
}
