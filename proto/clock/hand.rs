//! A clock that a test moves, with the tasks that wait for it. Moving it wakes those whose time has come at once, so
//! that a test can tell when all of them wait again.

use super::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::sync::oneshot;

/// A movable clock.
#[derive(Debug)]
pub struct Hand {
    at: AtomicI64,
    sleepers: Mutex<Sleepers>,
}

#[derive(Debug, Default)]
struct Sleepers {
    count: u64,
    waiting: BTreeMap<(Timestamp, u64), oneshot::Sender<()>>,
}

/// Removes a waiting task when it is woken or gives up.
struct Asleep<'a>(&'a Hand, (Timestamp, u64));

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        self.0.sleepers().waiting.remove(&self.1);
    }
}

impl Hand {
    pub(super) fn new(at: Timestamp) -> Hand {
        Hand { at: AtomicI64::new(at.micros()), sleepers: Mutex::default() }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp(self.at.load(Ordering::SeqCst))
    }

    pub(super) fn advance(&self, by: Duration) {
        let mut sleepers = self.sleepers();
        self.at.fetch_add(i64::try_from(by.as_micros()).unwrap_or(0), Ordering::SeqCst);
        let later = sleepers.waiting.split_off(&(self.now(), u64::MAX));
        for (_, wake) in std::mem::replace(&mut sleepers.waiting, later) {
            let _ = wake.send(());
        }
    }

    pub(super) async fn until(&self, at: Timestamp) {
        let (wake, woken) = oneshot::channel();
        let _asleep = {
            let mut sleepers = self.sleepers();
            if at <= self.now() {
                return;
            }
            sleepers.count += 1;
            let key = (at, sleepers.count);
            sleepers.waiting.insert(key, wake);
            Asleep(self, key)
        };
        let _ = woken.await;
    }

    pub(super) fn asleep(&self) -> usize {
        self.sleepers().waiting.len()
    }

    fn sleepers(&self) -> MutexGuard<'_, Sleepers> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use futures_util::FutureExt as _;

    const NOON: Timestamp = Timestamp::from_micros(1_795_521_600_000_000);

    #[test]
    fn moving_the_hand_wakes_whom_it_passes() {
        let clock = Clock::manual(NOON);
        let mut early = Box::pin(clock.until(NOON.plus(Duration::from_secs(1))));
        let mut late = Box::pin(clock.until(NOON.plus(Duration::from_secs(2))));
        assert_eq!((early.as_mut().now_or_never(), late.as_mut().now_or_never()), (None, None));
        assert_eq!(clock.asleep(), 2);
        clock.advance(Duration::from_micros(999_999));
        assert_eq!((early.as_mut().now_or_never(), clock.asleep()), (None, 2));
        clock.advance(Duration::from_micros(1));
        assert_eq!(clock.asleep(), 1, "woken before it runs");
        assert_eq!((early.as_mut().now_or_never(), late.as_mut().now_or_never()), (Some(()), None));
        drop(late);
        assert_eq!(clock.asleep(), 0, "one that gives up waits no more");
        assert_eq!(clock.until(NOON).now_or_never(), Some(()), "the past is not waited for");
    }
}
