//! Connections between two requests: a bounded number, for a few seconds, each for the one endpoint at the one version
//! of its configuration for which its address was checked. It opens nothing.

use super::connection::{Connection, Http1, Http2};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Greatest number of unused connections, over all endpoints.
pub const IDLE_CONNECTIONS_MAX: usize = 256;

/// Whose connection: the endpoint and the version of its configuration.
pub type Key = (Uuid, u32);

/// All connections that wait for a request.
pub struct Pool {
    idle_max: Duration,
    age_max: Duration,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    http1: HashMap<Key, Vec<Idle>>,
    http2: HashMap<Key, Http2>,
    /// Number in `http1`, and so the number of sockets that only wait.
    idle: usize,
}

struct Idle {
    connection: Http1,
    since: Instant,
}

impl Pool {
    /// A pool whose connections stay unused no longer than `idle_max`, and are used no longer than `age_max`.
    pub fn new(idle_max: Duration, age_max: Duration) -> Pool {
        Pool { idle_max, age_max, inner: Mutex::default() }
    }

    /// A connection for the next request, the most recently used one first.
    pub fn take(&self, key: &Key, now: Instant) -> Option<Connection> {
        let mut dropped = Vec::new();
        let mut inner = self.lock();
        if let Some(shared) = inner.http2.get_mut(key) {
            if shared.is_open() && now < shared.born + self.age_max {
                shared.used = now;
                return Some(Connection::Http2(shared.clone()));
            }
            inner.http2.remove(key);
        }
        let taken = loop {
            let Some(idle) = inner.http1.get_mut(key).and_then(Vec::pop) else { break None };
            inner.idle -= 1;
            if self.is_fresh(&idle, now) {
                break Some(Connection::Http1(idle.connection));
            }
            dropped.push(idle);
        };
        // Closing a socket is a system call.
        drop(inner);
        taken
    }

    /// Keeps a connection on which nothing is under way, if there is room.
    pub fn put(&self, key: Key, connection: Connection, now: Instant) {
        let mut inner = self.lock();
        match connection {
            Connection::Http1(connection) => {
                if inner.idle < IDLE_CONNECTIONS_MAX {
                    inner.idle += 1;
                    inner.http1.entry(key).or_default().push(Idle { connection, since: now });
                }
            }
            Connection::Http2(mut connection) => {
                connection.used = now;
                inner.http2.entry(key).or_insert(connection);
            }
        }
    }

    /// Forgets a shared connection on which a request failed; what else runs on it ends undisturbed.
    pub fn forget(&self, key: &Key, failed: &Http2) {
        let mut inner = self.lock();
        if inner.http2.get(key).is_some_and(|shared| shared.is_same(failed)) {
            inner.http2.remove(key);
        }
    }

    /// Closes what was unused too long.
    pub fn sweep(&self, now: Instant) {
        let mut dropped = Vec::new();
        let mut inner = self.lock();
        inner.http1.retain(|_, list| {
            dropped.extend(list.extract_if(.., |idle| !self.is_fresh(idle, now)));
            !list.is_empty()
        });
        inner.idle -= dropped.len();
        inner.http2.retain(|_, shared| {
            let wanted = shared.is_busy() || now < shared.used + self.idle_max;
            shared.is_open() && wanted && now < shared.born + self.age_max
        });
        drop(inner);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_fresh(&self, idle: &Idle, now: Instant) -> bool {
        let connection = &idle.connection;
        connection.is_open() && now < idle.since + self.idle_max && now < connection.born + self.age_max
    }
}
