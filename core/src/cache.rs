//! A small cache for the gate's lookups. A load that races with a change never stores the old value: it fills the cache
//! only when nothing changed between its start and its end.

use inboxops_proto::clock::Timestamp;
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Greatest number of entries; a full cache is emptied.
const ENTRIES_MAX: usize = 50_000;

/// Values by key, each cached for a fixed time at most.
pub(crate) struct Cache<K, V> {
    entries: RwLock<HashMap<K, (V, Timestamp)>>,
    generation: AtomicU64,
    keep: Duration,
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    /// A cache whose entries are loaded again after `keep`.
    pub(crate) fn new(keep: Duration) -> Cache<K, V> {
        Cache { entries: RwLock::default(), generation: AtomicU64::new(0), keep }
    }

    /// The value of `key`, unless it is too old at `now`.
    pub(crate) fn get(&self, key: &K, now: Timestamp) -> Option<V> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).filter(|(_, until)| now < *until).map(|(value, _)| value.clone())
    }

    /// Marks the start of a load; pass the result to [`Cache::fill`].
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Stores a value whose load began at `generation`, unless something changed since.
    pub(crate) fn fill(&self, key: K, value: V, generation: u64, now: Timestamp) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if self.generation.load(Ordering::SeqCst) != generation {
            return;
        }
        if entries.len() >= ENTRIES_MAX {
            entries.clear();
        }
        entries.insert(key, (value, now.plus(self.keep)));
    }

    /// Empties the cache. Keys and plans change rarely, so one rule for all changes is cheap and cannot miss any.
    pub(crate) fn clear(&self) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::SeqCst);
        entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(0);

    #[test]
    fn a_load_that_races_a_change_fills_nothing() {
        let cache = Cache::new(Duration::from_secs(5));
        let begun = cache.generation();
        cache.clear();
        cache.fill("key", 1, begun, NOW);
        assert_eq!(cache.get(&"key", NOW), None);
        cache.fill("key", 2, cache.generation(), NOW);
        assert_eq!(cache.get(&"key", NOW), Some(2));
    }

    #[test]
    fn an_entry_ends_by_itself() {
        let cache = Cache::new(Duration::from_secs(5));
        cache.fill("key", 1, cache.generation(), NOW);
        assert_eq!(cache.get(&"key", NOW.plus(Duration::from_micros(4_999_999))), Some(1));
        assert_eq!(cache.get(&"key", NOW.plus(Duration::from_secs(5))), None);
    }
}
