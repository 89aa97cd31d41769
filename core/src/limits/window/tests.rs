//! The windows: exact to the microsecond, for tenant and key together.

use super::*;
use inboxops_proto::clock::Clock;
use proptest::prelude::*;
use std::time::Duration;

fn tenant() -> TenantId {
    TenantId::new(Timestamp::from_micros(0), 1)
}

fn key(n: u128) -> ApiKeyId {
    ApiKeyId::new(Timestamp::from_micros(0), n << 64)
}

fn whole(limit: u32) -> Allowance {
    Allowance::new(tenant(), limit, None)
}

#[test]
fn a_request_leaves_the_window_exactly_after_a_minute() {
    let (windows, clock) = (Windows::default(), Clock::manual(Timestamp::from_micros(1_000_000_000)));
    let admit = || windows.admit(&whole(2), clock.now());
    assert!(admit().accepted);
    clock.advance(Duration::from_secs(10));
    assert!(admit().accepted);
    let refused = admit();
    assert_eq!((refused.accepted, refused.tenant.remaining), (false, 0));
    assert_eq!(refused.refusal(clock.now()).unwrap().retry_after_secs, Some(50));
    clock.advance(Duration::from_secs(50) - Duration::from_micros(1));
    assert_eq!(admit().refusal(clock.now()).unwrap().retry_after_secs, Some(1));
    clock.advance(Duration::from_micros(1));
    assert!(admit().accepted, "the first one is a minute old");
    assert!(!admit().accepted, "the second one is not");
}

#[test]
fn quiet_windows_are_forgotten() {
    let windows = Windows::default();
    windows.admit(&Allowance::new(tenant(), 5, Some((key(1), 2))), Timestamp::from_micros(0));
    windows.retain_recent(Timestamp::from_micros(59_999_999));
    let kept = || {
        let all = windows.lock();
        (all.tenants.len(), all.keys.len())
    };
    assert_eq!(kept(), (1, 1));
    windows.retain_recent(Timestamp::from_micros(60_000_000));
    assert_eq!(kept(), (0, 0));
}

#[test]
fn a_full_window_keeps_the_other_as_it_is() {
    let (windows, now) = (Windows::default(), Timestamp::from_micros(0));
    let first = Allowance::new(tenant(), 5, Some((key(1), 2)));
    let remaining = |state: RateLimitState| (state.accepted, state.tenant.remaining, state.key.unwrap().remaining);
    assert_eq!(remaining(windows.admit(&first, now)), (true, 4, 1));
    assert_eq!(remaining(windows.admit(&first, now)), (true, 3, 0));
    assert_eq!(remaining(windows.admit(&first, now)), (false, 3, 0), "the tenant is not charged");
    let second = Allowance::new(tenant(), 5, Some((key(2), 9)));
    assert_eq!(second.share, Some((key(2), 5)), "a share is no greater than the limit");
    for left in [2, 1, 0] {
        assert_eq!(remaining(windows.admit(&second, now)), (true, left, left + 2));
    }
    assert_eq!(remaining(windows.admit(&second, now)), (false, 0, 2), "the key is not charged");
    assert_eq!(remaining(windows.standing(&second, now)), (false, 0, 2), "nor by looking");
}

#[test]
fn what_was_accepted_elsewhere_counts_from_its_own_time() {
    let (windows, second) = (Windows::default(), |secs: u64| Timestamp::from_micros(0).plus(Duration::from_secs(secs)));
    let allowance = Allowance::new(tenant(), 3, Some((key(1), 3)));
    assert_eq!(windows.add(&allowance, second(10)).key.unwrap().remaining, 2);
    let state = windows.add(&allowance, second(5));
    assert_eq!((state.tenant.remaining, state.tenant.frees_at), (1, second(65)), "the later one came first");
    windows.add(&allowance, second(10));
    assert!(!windows.standing(&allowance, second(64)).accepted);
    let state = windows.standing(&allowance, second(65));
    assert_eq!((state.accepted, state.tenant.remaining, state.tenant.frees_at), (true, 1, second(70)));
    assert_eq!(windows.standing(&allowance, second(70)).tenant.remaining, 3);
}

/// A request of the property below: how long after the last one, of which key, and whether it may be counted.
fn some_calls() -> impl Strategy<Value = Vec<(i64, usize, bool)>> {
    proptest::collection::vec((0i64..20_000_000, 0usize..3, prop::bool::weighted(0.8)), 1..200)
}

proptest! {
    /// Checks the rule itself: no minute ever holds more of the tenant's or of a key's requests than allowed, and
    /// nothing is refused while both hold fewer.
    #[test]
    fn the_windows_are_exact_together(calls in some_calls(), limit in 1u32..8, shares in [1u32..10, 1..10]) {
        let windows = Windows::default();
        let (mut now, mut accepted) = (0i64, Vec::<(i64, usize)>::new());
        for (gap, by, counts) in calls {
            now += gap;
            // The last key has no share.
            let share = shares.get(by).map(|share| (key(by as u128), *share));
            let allowance = Allowance::new(tenant(), limit, share);
            let inside = |of: Option<usize>| {
                let recent = accepted.iter().filter(|(at, _)| *at > now - 60_000_000);
                recent.filter(|(_, key)| of.is_none_or(|of| of == *key)).count() as u32
            };
            let (all, own) = (inside(None), inside(Some(by)));
            let room = all < limit && share.is_none_or(|(_, share)| own < share.min(limit));
            let at = Timestamp::from_micros(now);
            let state = if counts { windows.admit(&allowance, at) } else { windows.standing(&allowance, at) };
            prop_assert_eq!(state.accepted, room);
            let counted = u32::from(room && counts);
            prop_assert_eq!(state.tenant.remaining, limit.saturating_sub(all + counted));
            if let (Some(state), Some((_, share))) = (state.key, share) {
                prop_assert_eq!(state.remaining, share.min(limit).saturating_sub(own + counted));
            }
            if room && counts { accepted.push((now, by)); }
        }
    }
}
