//! Limits sign-in attempts by leaky buckets: one for an account from one address, one for the address, one for the
//! account from anywhere. The last one is large and blocks for seconds only, so that nobody can lock others out; login
//! links do not use it. It knows no store: each core counts for itself.

use crate::limits::network;
use inboxops_proto::{clock::Timestamp, failure::Failure, reason::Reason};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Greatest number of buckets. A full map drops those that are nearly empty, or else all.
const BUCKETS_MAX: usize = 100_000;

/// Attempts that a bucket holds, and the time in which one leaks out.
struct Size {
    attempts: u32,
    each: Duration,
}

/// Bucket of an account from one address.
const PAIR: Size = Size { attempts: 5, each: Duration::from_secs(30) };
/// Bucket of an address, for all accounts.
const ADDRESS: Size = Size { attempts: 20, each: Duration::from_secs(3) };
/// Bucket of an account, from all addresses.
const ACCOUNT: Size = Size { attempts: 60, each: Duration::from_secs(1) };

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Pair([u8; 32], IpAddr),
    Address(IpAddr),
    Account([u8; 32]),
}

impl Key {
    fn size(&self) -> &'static Size {
        match self {
            Key::Pair(..) => &PAIR,
            Key::Address(_) => &ADDRESS,
            Key::Account(_) => &ACCOUNT,
        }
    }
}

/// All buckets, each with the time at which it will be empty.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    empty_at: Mutex<HashMap<Key, Timestamp>>,
}

/// An attempt that was admitted. It counts unless it is forgiven.
#[must_use]
#[derive(Debug)]
pub(crate) struct Attempt(Vec<Key>);

impl Attempts {
    /// Counts an attempt at an account (the hash of its address), or with a code.
    pub(crate) fn begin(
        &self,
        account: Option<[u8; 32]>,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Attempt, Failure> {
        let address = address.map(network);
        let keys: Vec<Key> = [
            account.zip(address).map(|(account, address)| Key::Pair(account, address)),
            address.map(Key::Address),
            account.map(Key::Account),
        ]
        .into_iter()
        .flatten()
        .collect();
        let mut empty_at = self.empty_at.lock().unwrap_or_else(PoisonError::into_inner);
        for key in &keys {
            let filled = empty_at.get(key).map_or(Duration::ZERO, |at| at.since(now));
            let room = key.size().each * (key.size().attempts - 1);
            if filled > room {
                let wait = (filled - room).as_secs_f64().ceil();
                return Err(Failure::new(Reason::RateLimited)
                    .message("Too many attempts to sign in.")
                    .fact("limit_scope", if matches!(key, Key::Address(_)) { "ip" } else { "account" })
                    .retry_after(wait as u32));
            }
        }
        if empty_at.len() + keys.len() > BUCKETS_MAX {
            empty_at.retain(|_, at| *at > now);
            if empty_at.len() + keys.len() > BUCKETS_MAX {
                empty_at.clear();
            }
        }
        for key in &keys {
            let at = empty_at.entry(key.clone()).or_insert(now);
            *at = (*at).max(now).plus(key.size().each);
        }
        Ok(Attempt(keys))
    }

    /// Uncounts an attempt that succeeded.
    pub(crate) fn forgive(&self, attempt: Attempt) {
        let mut empty_at = self.empty_at.lock().unwrap_or_else(PoisonError::into_inner);
        for key in attempt.0 {
            if let Some(at) = empty_at.get_mut(&key) {
                *at = at.minus(key.size().each);
            }
        }
    }

    /// Drops empty buckets.
    pub(crate) fn retain_recent(&self, now: Timestamp) {
        self.empty_at.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, at| *at > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000_000);
    const ADA: Option<[u8; 32]> = Some([1; 32]);
    const BOB: Option<[u8; 32]> = Some([2; 32]);

    fn from(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn the_sixth_failure_waits_and_other_addresses_and_accounts_do_not() {
        let attempts = Attempts::default();
        for _ in 0..5 {
            drop(attempts.begin(ADA, from(1), NOW).expect("let through"));
        }
        let refused = attempts.begin(ADA, from(1), NOW).expect_err("too many");
        assert_eq!((refused.reason, refused.retry_after_secs), (Reason::RateLimited, Some(30)));
        drop(attempts.begin(ADA, from(2), NOW).expect("the owner, from elsewhere"));
        drop(attempts.begin(BOB, from(1), NOW).expect("somebody else"));
        drop(attempts.begin(ADA, from(1), NOW.plus(Duration::from_secs(30))).expect("half a minute later"));
    }

    #[test]
    fn success_is_not_counted() {
        let attempts = Attempts::default();
        for _ in 0..200 {
            let attempt = attempts.begin(ADA, from(1), NOW).expect("let through");
            attempts.forgive(attempt);
        }
    }

    #[test]
    fn an_account_is_never_shut_for_longer_than_seconds() {
        let attempts = Attempts::default();
        for address in 0..60 {
            drop(attempts.begin(ADA, from(address), NOW).expect("let through"));
        }
        let refused = attempts.begin(ADA, from(100), NOW).expect_err("a flood from everywhere");
        assert_eq!(refused.retry_after_secs, Some(1));
        drop(attempts.begin(ADA, from(100), NOW.plus(Duration::from_secs(1))).expect("a second later"));
    }

    #[test]
    fn neighbours_of_one_network_are_one_address() {
        let attempts = Attempts::default();
        for host in 0..20u16 {
            let address = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host));
            drop(attempts.begin(None, Some(address), NOW).expect("let through"));
        }
        let address = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 9, 9, 9, 9));
        assert!(attempts.begin(None, Some(address), NOW).is_err());
        attempts.retain_recent(NOW.plus(Duration::from_secs(3600)));
        assert!(attempts.empty_at.lock().unwrap().is_empty());
    }
}
