//! The optional rate limit of an endpoint, enforced by `governor` on the hub's time.

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use inboxops_proto::clock::Timestamp;
use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// The hub's time, for `governor`.
#[derive(Clone, Debug)]
struct HubClock(Arc<AtomicU64>);

impl Clock for HubClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.load(Ordering::Relaxed))
    }
}

/// The rate limit of one endpoint, as far as this core may use it.
#[derive(Debug)]
pub(super) struct Pace {
    limiter: RateLimiter<NotKeyed, InMemoryState, HubClock, NoOpMiddleware<Nanos>>,
    time: HubClock,
    rate: u32,
}

/// Whether a request may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permit {
    /// It may, and is counted.
    Taken,
    /// It may not before this time.
    NotBefore(Timestamp),
}

impl Pace {
    /// A limit of `rate` requests a second, which `cores` share equally.
    pub(super) fn new(rate: u32, cores: u32, now: Timestamp) -> Pace {
        let time = HubClock(Arc::new(AtomicU64::new(nanos(now))));
        Pace { limiter: RateLimiter::direct_with_clock(quota(rate, cores), time.clone()), time, rate }
    }

    /// The configured requests a second.
    pub(super) fn rate(&self) -> u32 {
        self.rate
    }

    /// Takes one request, if the rate allows one.
    pub(super) fn take(&mut self, now: Timestamp) -> Permit {
        self.time.0.store(nanos(now), Ordering::Relaxed);
        match self.limiter.check() {
            Ok(()) => Permit::Taken,
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.time.now());
                // Times have whole microseconds: this is the first one that is not too early.
                Permit::NotBefore(now.plus(wait + Duration::from_nanos(999)))
            }
        }
    }
}

/// No second, wherever it begins, has more than `rate` requests; the burst counts in it as well.
fn quota(rate: u32, cores: u32) -> Quota {
    let at_once = NonZeroU32::MIN.saturating_add(rate / AT_ONCE_PART);
    let steady = rate.saturating_sub(at_once.get() - 1).max(1);
    let every = Duration::from_secs(1) * cores.max(1) / steady;
    // If several cores share the rate, all bursts together are no larger.
    let at_once = NonZeroU32::new(at_once.get() / cores.max(1)).unwrap_or(NonZeroU32::MIN);
    // Never zero: even the highest rate leaves a millisecond.
    Quota::with_period(every).unwrap_or(Quota::per_second(NonZeroU32::MIN)).allow_burst(at_once)
}

/// The burst is one part in so many of the rate, so that high rates need no timer for each request.
const AT_ONCE_PART: u32 = 50;

fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.micros()).unwrap_or(0).saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Timestamp = Timestamp::from_micros(1_795_507_200_000_000);

    /// Times at which a sender that always has something sends, over five seconds.
    fn sent(rate: u32, cores: u32) -> Vec<Timestamp> {
        let (mut pace, mut now, mut sent) = (Pace::new(rate, cores, START), START, Vec::new());
        while now.since(START) < Duration::from_secs(5) {
            match pace.take(now) {
                Permit::Taken => sent.push(now),
                Permit::NotBefore(ready_at) => {
                    assert!(ready_at > now, "waiting makes it ready");
                    now = ready_at;
                }
            }
        }
        sent
    }

    proptest! {
        #[test]
        fn no_second_has_more_than_the_rate_and_none_much_less(rate in 1u32..=1000) {
            let sent = sent(rate, 1);
            for (first, at) in sent.iter().enumerate() {
                let within = sent[first..].iter().take_while(|it| it.since(*at) < Duration::from_secs(1)).count();
                prop_assert!(within <= rate as usize, "{within} in a second at {rate}");
            }
            prop_assert!(sent.len() >= (rate * 5) as usize * 9 / 10, "{} in five seconds at {rate}", sent.len());
        }

        #[test]
        fn cores_that_share_a_rate_stay_below_it_together(rate in 1u32..=1000, cores in 1u32..=8) {
            let each = sent(rate, cores).len() as u32;
            prop_assert!(each * cores <= rate * 5 + cores * (rate / AT_ONCE_PART + 1));
        }
    }
}
