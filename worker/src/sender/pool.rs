//! Idle connections: a bounded number, each kept as long as its receiver will surely keep it open, and reused only for
//! the endpoint and configuration version for which its address was checked. It opens nothing.

use super::{
    connection::{Connection, Http1, Http2},
    idle,
};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Greatest number of idle connections, over all endpoints.
pub const IDLE_CONNECTIONS_MAX: usize = 256;

/// The endpoint and its configuration version.
pub(super) type Key = (Uuid, u32);

/// All idle and shared connections.
pub(super) struct Pool {
    idle_max: Duration,
    age_max: Duration,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    http1: HashMap<Key, Vec<IdleConnection>>,
    http2: HashMap<Key, Http2>,
    /// Number of connections in `http1`, which is the number of idle sockets.
    idle: usize,
}

struct IdleConnection {
    connection: Http1,
    /// End of its use.
    until: Instant,
}

impl Pool {
    /// A pool whose connections are idle no longer than `idle_max` and used no longer than `age_max`.
    pub(super) fn new(idle_max: Duration, age_max: Duration) -> Pool {
        Pool { idle_max, age_max, inner: Mutex::default() }
    }

    /// A connection for the next request, the most recently used one first.
    pub(super) fn take(&self, key: &Key, now: Instant) -> Option<Connection> {
        let mut dropped = Vec::new();
        let mut dropped_shared = None;
        let mut inner = self.lock();
        if let Some(shared) = inner.http2.get_mut(key) {
            if self.is_good(shared, now) {
                return Some(Connection::Http2(shared.clone()));
            }
            dropped_shared = inner.http2.remove(key);
        }
        let taken = loop {
            let Some(idle) = inner.http1.get_mut(key).and_then(Vec::pop) else { break None };
            inner.idle -= 1;
            if is_fresh(&idle, now) {
                break Some(Connection::Http1(idle.connection));
            }
            dropped.push(idle);
        };
        // Closing a socket is a system call.
        drop(inner);
        drop(dropped_shared);
        taken
    }

    /// Keeps a connection without a request for at most `idle`, if there is room.
    pub(super) fn put(&self, key: Key, connection: Http1, idle: Duration, now: Instant) {
        let until = (now + idle.min(self.idle_max)).min(connection.born + self.age_max);
        let mut inner = self.lock();
        if until > now && inner.idle < IDLE_CONNECTIONS_MAX {
            inner.idle += 1;
            inner.http1.entry(key).or_default().push(IdleConnection { connection, until });
        }
    }

    /// Shares a connection with other requests, unless one is already shared.
    pub(super) fn share(&self, key: Key, connection: &Http2) {
        let mut inner = self.lock();
        let known = inner.http2.entry(key).or_insert_with(|| connection.clone());
        if !known.is_open() {
            *known = connection.clone();
        }
    }

    /// A request on a connection ended: it is idle from now on, and others may use it.
    pub(super) fn rest(&self, key: Key, connection: &Http2) {
        self.share(key, connection);
        if let Some(shared) = self.lock().http2.get_mut(&key).filter(|shared| shared.is_same(connection)) {
            shared.used = connection.used;
        }
    }

    /// Stops sharing a connection on which a request failed; its other requests continue.
    pub(super) fn forget(&self, key: &Key, failed: &Http2) {
        let mut inner = self.lock();
        if inner.http2.get(key).is_some_and(|shared| shared.is_same(failed)) {
            inner.http2.remove(key);
        }
    }

    /// Closes connections that have been idle too long.
    pub(super) fn close_idle(&self, now: Instant) {
        let mut dropped = Vec::new();
        let mut inner = self.lock();
        inner.http1.retain(|_, list| {
            dropped.extend(list.extract_if(.., |idle| !is_fresh(idle, now)));
            !list.is_empty()
        });
        inner.idle -= dropped.len();
        inner.http2.retain(|_, shared| self.is_good(shared, now));
        drop(inner);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// HTTP/2 servers announce no idle time.
    fn is_good(&self, shared: &Http2, now: Instant) -> bool {
        let idle_max = idle::UNANNOUNCED_MAX.min(self.idle_max);
        let wanted = shared.is_busy() || now < shared.used + idle_max;
        shared.is_open() && wanted && now < shared.born + self.age_max
    }
}

fn is_fresh(idle: &IdleConnection, now: Instant) -> bool {
    idle.connection.is_open() && now < idle.until
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sender::{connection::Tasks, heard::Transcript};

    const KEY: Key = (Uuid::nil(), 1);

    /// A connection that nobody closes, and its other end.
    async fn http1(tasks: &Tasks) -> (Http1, tokio::io::DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(1024);
        match Connection::http1(ours, Transcript::default(), tasks).await {
            Ok(Connection::Http1(connection)) => (connection, theirs),
            _ => panic!("it is HTTP/1"),
        }
    }

    #[tokio::test]
    async fn a_connection_is_used_again_until_its_time_and_not_from_then_on() {
        let (tasks, secs) = (Tasks::default(), Duration::from_secs);
        for (announced, lives) in [
            (secs(1), secs(1)),
            (Duration::from_millis(500), Duration::from_millis(500)),
            (secs(4), secs(4)),
            // Whatever is announced, no longer than our own limit.
            (secs(71), secs(4)),
            (Duration::MAX, secs(4)),
        ] {
            for (after, used) in [(lives - Duration::from_millis(1), true), (lives, false)] {
                let pool = Pool::new(secs(4), secs(60));
                let (connection, _open) = http1(&tasks).await;
                let now = connection.born;
                pool.put(KEY, connection, announced, now);
                assert_eq!(pool.take(&KEY, now + after).is_some(), used, "{announced:?} after {after:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_connection_that_has_no_time_is_not_kept_and_an_old_one_not_longer_than_its_age() {
        let (tasks, secs) = (Tasks::default(), Duration::from_secs);
        let pool = Pool::new(secs(4), secs(60));
        let (connection, _open) = http1(&tasks).await;
        let born = connection.born;
        pool.put(KEY, connection, Duration::ZERO, born);
        assert!(pool.take(&KEY, born).is_none());
        let (connection, _open) = http1(&tasks).await;
        let born = connection.born;
        pool.put(KEY, connection, secs(4), born + secs(59));
        assert!(pool.take(&KEY, born + secs(60)).is_none());
    }

    #[tokio::test]
    async fn what_has_no_time_left_is_closed_and_nothing_else() {
        let (tasks, secs) = (Tasks::default(), Duration::from_secs);
        let pool = Pool::new(secs(4), secs(60));
        let (short, _a) = http1(&tasks).await;
        let (long, _b) = http1(&tasks).await;
        let now = short.born.max(long.born);
        pool.put(KEY, short, secs(1), now);
        pool.put(KEY, long, secs(4), now);
        pool.close_idle(now + secs(2));
        assert!(pool.take(&KEY, now + secs(2)).is_some());
        assert!(pool.take(&KEY, now + secs(2)).is_none());
    }

    #[tokio::test]
    async fn a_shared_connection_lies_idle_for_a_second_from_its_last_end_on() {
        let (tasks, secs) = (Tasks::default(), Duration::from_secs);
        let (ours, _theirs) = tokio::io::duplex(64 * 1024);
        let Ok(Connection::Http2(mut shared)) = Connection::http2(ours, Transcript::default(), &tasks).await else {
            panic!("it is HTTP/2")
        };
        let (pool, born) = (Pool::new(secs(4), secs(60)), shared.born);
        pool.share(KEY, &shared);
        // While a request uses it, others may too, however long that takes.
        assert!(pool.take(&KEY, born + secs(10)).is_some());
        shared.used = born + secs(10);
        pool.rest(KEY, &shared);
        drop(shared);
        assert!(pool.take(&KEY, born + secs(10) + Duration::from_millis(999)).is_some());
        assert!(pool.take(&KEY, born + secs(11)).is_none());
    }
}
