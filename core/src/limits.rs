//! Rate limits: the exact rolling window of each tenant, and the window of failed authentications of each address. It
//! knows no store; `store::rate_windows` keeps the windows that several processes share.

use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock as _};
use inboxops_proto::{clock::Timestamp, failure::Failure, id::TenantId, reason::Reason};
use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tonic::metadata::{MetadataMap, MetadataValue};

/// Length of the window.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);
/// Largest limit that is counted exactly; a larger one is counted in steps of [`STEP_MICROS`].
pub(crate) const EXACT_MAX: u32 = 10_000;
const STEP_MICROS: i64 = 100_000;

/// State of a tenant's rate limit after a request was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RateLimitState {
    pub(crate) accepted: bool,
    /// Requests that the window allows.
    pub(crate) limit: u32,
    /// Requests that the window still allows.
    pub(crate) remaining: u32,
    /// Time at which the oldest request leaves the window.
    pub(crate) frees_at: Timestamp,
}

impl RateLimitState {
    /// The headers for an answer.
    pub(crate) fn headers(&self, now: Timestamp) -> MetadataMap {
        let wait = self.wait_secs(now);
        let mut headers = MetadataMap::with_capacity(5);
        let mut put = |name, value: String| {
            if let Ok(value) = MetadataValue::try_from(value) {
                headers.insert(name, value);
            }
        };
        put("ratelimit-policy", format!("\"tenant\";q={};w={}", self.limit, WINDOW.as_secs()));
        put("ratelimit", format!("\"tenant\";r={};t={wait}", self.remaining));
        put("x-ratelimit-limit", self.limit.to_string());
        put("x-ratelimit-remaining", self.remaining.to_string());
        put("x-ratelimit-reset", (now.secs() + i64::from(wait)).to_string());
        headers
    }

    /// The refusal, if the request is over the limit.
    pub(crate) fn refusal(&self, now: Timestamp) -> Option<Failure> {
        let message = || format!("The limit of {} requests a minute is reached.", self.limit);
        (!self.accepted).then(|| {
            Failure::new(Reason::RateLimited)
                .message(message())
                .fact("limit_scope", "tenant")
                .retry_after(self.wait_secs(now))
        })
    }

    /// Whole seconds until the window has room again.
    fn wait_secs(&self, now: Timestamp) -> u32 {
        let wait = self.frees_at.since(now);
        u32::try_from(wait.as_micros().div_ceil(1_000_000)).unwrap_or(u32::MAX)
    }
}

/// The accepted requests of one tenant in the last minute.
#[derive(Debug, Default)]
struct Window {
    hits: VecDeque<(i64, u32)>,
    count: u32,
}

impl Window {
    fn admit(&mut self, limit: u32, now: Timestamp) -> RateLimitState {
        self.expire(now);
        let accepted = self.count < limit;
        if accepted {
            let at = match limit {
                0..=EXACT_MAX => now.micros(),
                // The end of the step, so that a request never leaves the window early.
                _ => (now.micros() / STEP_MICROS + 1) * STEP_MICROS,
            };
            match self.hits.back_mut() {
                Some((last, count)) if *last == at => *count += 1,
                _ => self.hits.push_back((at, 1)),
            }
            self.count += 1;
        }
        let oldest = self.hits.front().map_or(now, |(at, _)| Timestamp::from_micros(*at));
        RateLimitState { accepted, limit, remaining: limit.saturating_sub(self.count), frees_at: oldest.plus(WINDOW) }
    }

    fn expire(&mut self, now: Timestamp) {
        let end = now.minus(WINDOW).micros();
        while let Some((_, count)) = self.hits.pop_front_if(|(at, _)| *at <= end) {
            self.count -= count;
        }
    }
}

/// The windows of all tenants, in memory.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    tenants: Mutex<HashMap<TenantId, Window>>,
}

impl Windows {
    /// Counts a request of `tenant`, if fewer than `limit` were accepted in the last minute.
    pub(crate) fn admit(&self, tenant: TenantId, limit: u32, now: Timestamp) -> RateLimitState {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.entry(tenant).or_default().admit(limit, now)
    }

    /// Drops empty windows.
    pub(crate) fn retain_recent(&self, now: Timestamp) {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.retain(|_, window| {
            window.expire(now);
            window.count > 0
        });
    }
}

/// Failed authentications of each client address.
pub(crate) struct FailedAuth {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
}

impl FailedAuth {
    /// The first `per_minute` failures of an address get their own answer, later ones a 429.
    pub(crate) fn new(per_minute: u32) -> FailedAuth {
        let quota = Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
        FailedAuth { limiter: DefaultKeyedRateLimiter::dashmap(quota) }
    }

    /// Counts a failure of `peer`; returns the refusal to answer with when there were too many.
    pub(crate) fn count(&self, peer: IpAddr) -> Result<(), Failure> {
        self.limiter.check_key(&peer).map_err(|until| {
            let wait = until.wait_time_from(self.limiter.clock().now());
            Failure::new(Reason::RateLimited)
                .message("Too many failed authentications from this address.")
                .fact("limit_scope", "ip")
                .retry_after(u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX))
        })
    }

    /// Drops addresses without recent failures; otherwise the limiter would grow for ever.
    pub(crate) fn retain_recent(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inboxops_proto::clock::Clock;
    use proptest::prelude::*;

    fn tenant() -> TenantId {
        TenantId::new(Timestamp::from_micros(0), 1)
    }

    #[test]
    fn a_request_leaves_the_window_exactly_after_a_minute() {
        let (windows, clock) = (Windows::default(), Clock::manual(Timestamp::from_micros(1_000_000_000)));
        let admit = || windows.admit(tenant(), 2, clock.now());
        assert!(admit().accepted);
        clock.advance(Duration::from_secs(10));
        assert!(admit().accepted);
        let refused = admit();
        assert_eq!((refused.accepted, refused.remaining), (false, 0));
        assert_eq!(refused.refusal(clock.now()).unwrap().retry_after_secs, Some(50));
        clock.advance(Duration::from_secs(50) - Duration::from_micros(1));
        assert_eq!(admit().refusal(clock.now()).unwrap().retry_after_secs, Some(1));
        clock.advance(Duration::from_micros(1));
        assert!(admit().accepted, "the first one is a minute old");
        assert!(!admit().accepted, "the second one is not");
    }

    #[test]
    fn headers_tell_where_the_tenant_stands() {
        let now = Timestamp::from_micros(1_795_507_200_000_000);
        let headers = Windows::default().admit(tenant(), 100, now).headers(now);
        let text = |name| headers.get(name).unwrap().to_str().unwrap();
        assert_eq!(text("ratelimit-policy"), "\"tenant\";q=100;w=60");
        assert_eq!(text("ratelimit"), "\"tenant\";r=99;t=60");
        assert_eq!(text("x-ratelimit-reset"), "1795507260");
    }

    #[test]
    fn quiet_windows_are_forgotten() {
        let windows = Windows::default();
        windows.admit(tenant(), 5, Timestamp::from_micros(0));
        windows.retain_recent(Timestamp::from_micros(60_000_000));
        assert!(windows.tenants.lock().unwrap().is_empty());
    }

    #[test]
    fn only_the_failures_of_an_address_above_the_limit_are_refused() {
        let failed = FailedAuth::new(3);
        let (one, two) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        assert!((0..3).all(|_| failed.count(one).is_ok()));
        let refused = failed.count(one).unwrap_err();
        assert_eq!((refused.reason, refused.facts[0].1.as_str()), (Reason::RateLimited, "ip"));
        assert!(failed.count(two).is_ok());
    }

    proptest! {
        /// Checks the rule itself: no window of a minute ever holds more than the limit, and nothing is refused while
        /// it holds fewer.
        #[test]
        fn the_window_is_exact(gaps in proptest::collection::vec(0i64..20_000_000, 1..200), limit in 1u32..8) {
            let windows = Windows::default();
            let (mut now, mut accepted) = (0i64, Vec::<i64>::new());
            for gap in gaps {
                now += gap;
                let inside = accepted.iter().filter(|at| **at > now - 60_000_000).count();
                let standing = windows.admit(tenant(), limit, Timestamp::from_micros(now));
                prop_assert_eq!(standing.accepted, inside < limit as usize);
                if standing.accepted { accepted.push(now); }
            }
        }
    }
}
