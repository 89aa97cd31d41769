//! Rate limits: the exact rolling windows of tenants and of keys with a share, the refusals of each key, and the failed
//! authentications of each address. It knows no store; `store::rate_windows` keeps the windows that several processes
//! share.

mod window;

pub(crate) use window::Windows;

use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock as _};
use inboxops_proto::{
    clock::Timestamp,
    failure::Failure,
    id::{ApiKeyId, TenantId},
    reason::Reason,
};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tonic::metadata::{MetadataMap, MetadataValue};
use window::Window;

/// Length of the window.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);
/// Largest limit that is counted exactly; a larger one is counted in steps.
pub(crate) const EXACT_MAX: u32 = 10_000;
/// Greatest number of calls a minute that a key may make without being allowed to, in each process. They count in no
/// window.
pub(crate) const REFUSALS_MAX: u32 = 600;

/// What a call is counted against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    pub(crate) tenant: TenantId,
    /// Requests that the tenant's window allows.
    pub(crate) limit: u32,
    /// The key's own share, no greater than the limit.
    pub(crate) share: Option<(ApiKeyId, u32)>,
}

impl Allowance {
    /// The share is capped at the limit.
    pub(crate) fn new(tenant: TenantId, limit: u32, share: Option<(ApiKeyId, u32)>) -> Allowance {
        Allowance { tenant, limit, share: share.map(|(key, share)| (key, share.min(limit))) }
    }

    /// The part of one of several processes: large limits are divided among them.
    pub(crate) fn part(&self, processes: u32) -> Allowance {
        let part = |limit: u32| if limit > EXACT_MAX { limit.div_ceil(processes.max(1)) } else { limit };
        Allowance { limit: part(self.limit), share: self.share.map(|(key, share)| (key, part(share))), ..*self }
    }
}

/// State of one window after a request was counted or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WindowState {
    /// Requests that the window allows.
    pub(crate) limit: u32,
    /// Requests that the window still allows.
    pub(crate) remaining: u32,
    /// Time at which the oldest request leaves the window.
    pub(crate) frees_at: Timestamp,
}

impl WindowState {
    /// Whole seconds until the window has more room.
    fn wait_secs(&self, now: Timestamp) -> u32 {
        let wait = self.frees_at.since(now);
        u32::try_from(wait.as_micros().div_ceil(1_000_000)).unwrap_or(u32::MAX)
    }
}

/// State of a key's rate limits after a request was counted or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RateLimitState {
    pub(crate) accepted: bool,
    pub(crate) tenant: WindowState,
    /// Of the key's own share, if it has one.
    pub(crate) key: Option<WindowState>,
}

impl RateLimitState {
    /// The headers for an answer.
    pub(crate) fn headers(&self, now: Timestamp) -> MetadataMap {
        let (scope, told) = self.told();
        let wait = told.wait_secs(now);
        let window = WINDOW.as_secs();
        let mut headers = MetadataMap::with_capacity(5);
        let mut put = |name, value: String| {
            if let Ok(value) = MetadataValue::try_from(value) {
                headers.insert(name, value);
            }
        };
        let mut policy = format!("\"tenant\";q={};w={window}", self.tenant.limit);
        if let Some(key) = self.key {
            policy.push_str(&format!(", \"key\";q={};w={window}", key.limit));
        }
        put("ratelimit-policy", policy);
        put("ratelimit", format!("\"{scope}\";r={};t={wait}", told.remaining));
        put("x-ratelimit-limit", told.limit.to_string());
        put("x-ratelimit-remaining", told.remaining.to_string());
        put("x-ratelimit-reset", (now.secs() + i64::from(wait)).to_string());
        headers
    }

    /// The refusal, if the request is over a limit.
    pub(crate) fn refusal(&self, now: Timestamp) -> Option<Failure> {
        if self.accepted {
            return None;
        }
        let (scope, told) = self.told();
        // When both windows are full, a request must wait for both.
        let full = [Some(self.tenant), self.key].into_iter().flatten().filter(|state| state.remaining == 0);
        let wait = full.map(|state| state.wait_secs(now)).max().unwrap_or_default();
        let message = match scope {
            "key" => format!("The key's share of {} requests a minute is used up.", told.limit),
            _ => format!("The limit of {} requests a minute is reached.", told.limit),
        };
        let failure = Failure::new(Reason::RateLimited).message(message);
        Some(failure.fact("limit_scope", scope).retry_after(wait))
    }

    /// The window with the smaller remainder; the key's own in a tie, since the caller can do more about that.
    fn told(&self) -> (&'static str, WindowState) {
        match self.key {
            Some(key) if key.remaining <= self.tenant.remaining => ("key", key),
            _ => ("tenant", self.tenant),
        }
    }
}

/// The calls of each key that plan or scope refused in the last minute, in memory.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    keys: Mutex<HashMap<ApiKeyId, Window>>,
}

impl Refusals {
    /// Counts a refusal; returns the one to answer with instead when there were too many.
    pub(crate) fn count(&self, key: ApiKeyId, now: Timestamp) -> Result<(), Failure> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let window = keys.entry(key).or_default();
        if window.has_room(REFUSALS_MAX, now) {
            window.add(REFUSALS_MAX, now);
            return Ok(());
        }
        let wait = window.state(REFUSALS_MAX, now).wait_secs(now);
        let message = "Too many calls of this key that it may not make.";
        Err(Failure::new(Reason::RateLimited).message(message).fact("limit_scope", "refusals").retry_after(wait))
    }

    /// Drops keys without recent refusals.
    pub(crate) fn retain_recent(&self, now: Timestamp) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|_, window| !window.is_over(now));
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
        self.limiter.check_key(&network(peer)).map_err(|until| {
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

/// What counts as one address: for IPv6 the 64 bits that a provider assigns to a customer.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & (u128::MAX << 64))),
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_507_200_000_000);

    fn of(remaining: u32, limit: u32, secs: u64) -> WindowState {
        WindowState { limit, remaining, frees_at: NOW.plus(Duration::from_secs(secs)) }
    }

    fn told(state: &RateLimitState) -> [String; 5] {
        let headers = state.headers(NOW);
        ["ratelimit-policy", "ratelimit", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]
            .map(|name| headers.get(name).unwrap().to_str().unwrap().to_owned())
    }

    #[test]
    fn headers_tell_where_the_tenant_stands() {
        let state = RateLimitState { accepted: true, tenant: of(99, 100, 60), key: None };
        assert_eq!(told(&state), ["\"tenant\";q=100;w=60", "\"tenant\";r=99;t=60", "100", "99", "1795507260"]);
        assert_eq!(state.refusal(NOW), None);
    }

    #[test]
    fn headers_tell_both_policies_and_the_window_with_the_smaller_remainder() {
        let both = "\"tenant\";q=100;w=60, \"key\";q=20;w=60";
        for (tenant, key, expected) in [
            (of(57, 100, 12), of(3, 20, 30), ["\"key\";r=3;t=30", "20", "3", "1795507230"]),
            (of(2, 100, 12), of(3, 20, 30), ["\"tenant\";r=2;t=12", "100", "2", "1795507212"]),
            (of(3, 100, 12), of(3, 20, 30), ["\"key\";r=3;t=30", "20", "3", "1795507230"]),
        ] {
            let state = RateLimitState { accepted: true, tenant, key: Some(key) };
            let told = told(&state);
            assert_eq!((told[0].as_str(), &told[1..]), (both, &expected.map(str::to_owned)[..]));
        }
    }

    #[test]
    fn a_refusal_names_the_full_window_and_waits_for_all_that_are_full() {
        let refusal = |tenant, key| {
            let failure = RateLimitState { accepted: false, tenant, key }.refusal(NOW).unwrap();
            (failure.facts[0].1.clone(), failure.retry_after_secs.unwrap())
        };
        assert_eq!(refusal(of(0, 100, 12), None), ("tenant".to_owned(), 12));
        assert_eq!(refusal(of(0, 100, 12), Some(of(1, 20, 30))), ("tenant".to_owned(), 12));
        assert_eq!(refusal(of(5, 100, 50), Some(of(0, 20, 30))), ("key".to_owned(), 30));
        assert_eq!(refusal(of(0, 100, 50), Some(of(0, 20, 30))), ("key".to_owned(), 50));
        assert_eq!(refusal(of(0, 100, 0), None).1, 1, "at least a second");
    }

    #[test]
    fn only_large_limits_are_divided() {
        let (tenant, key) = (TenantId::new(NOW, 1), ApiKeyId::new(NOW, 2));
        let part = |limit, share| {
            let part = Allowance::new(tenant, limit, Some((key, share))).part(3);
            (part.limit, part.share.unwrap().1)
        };
        assert_eq!(part(100, 200), (100, 100));
        assert_eq!(part(30_000, 10_000), (10_000, 10_000));
        assert_eq!(part(30_000, 20_000), (10_000, 6_667));
    }

    #[test]
    fn a_key_may_be_refused_600_times_a_minute() {
        let (refusals, key, other) = (Refusals::default(), ApiKeyId::new(NOW, 1 << 64), ApiKeyId::new(NOW, 2 << 64));
        assert!((0..600).all(|_| refusals.count(key, NOW).is_ok()));
        let later = NOW.plus(Duration::from_secs(59));
        let failure = refusals.count(key, later).unwrap_err();
        assert_eq!((failure.reason, failure.facts[0].1.as_str()), (Reason::RateLimited, "refusals"));
        assert_eq!(failure.retry_after_secs, Some(1));
        assert!(refusals.count(other, later).is_ok());
        refusals.retain_recent(NOW.plus(WINDOW));
        assert_eq!(refusals.keys.lock().unwrap().len(), 1);
        assert!(refusals.count(key, NOW.plus(WINDOW)).is_ok());
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

    #[test]
    fn the_hosts_of_one_network_fail_as_one_address() {
        let failed = FailedAuth::new(3);
        let at = |network, host| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, network, 0, 0, 0, host));
        assert!((0..3).all(|host| failed.count(at(1, host)).is_ok()));
        assert!(failed.count(at(1, 9)).is_err(), "a customer has 2^64 of these");
        assert!(failed.count(at(2, 9)).is_ok());
    }

    #[test]
    fn what_counts_as_one_address() {
        for (address, counted) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::"),
            ("2001:db8:0:2::1", "2001:db8:0:2::"),
            ("::1", "::"),
        ] {
            let network = network(address.parse().unwrap());
            assert_eq!(network, counted.parse::<IpAddr>().unwrap(), "{address}");
        }
    }
}
