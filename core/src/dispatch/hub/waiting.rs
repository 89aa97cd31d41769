//! What waits in memory for one endpoint, in the order in which it goes out. It counts what was claimed among it and
//! knows no limit.

use crate::store::Leased;
use inboxops_proto::clock::Timestamp;
use std::collections::VecDeque;

#[derive(Debug, Default)]
pub(super) struct WaitQueue {
    items: VecDeque<Leased>,
    claimed: usize,
}

impl WaitQueue {
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn front(&self) -> Option<&Leased> {
        self.items.front()
    }

    pub(super) fn pop_front(&mut self) -> Option<Leased> {
        let item = self.items.pop_front()?;
        self.claimed -= usize::from(item.claimed);
        Some(item)
    }

    /// Puts one in its place: what a commit handed over at the end, what was claimed before everything that happened
    /// later, so that first attempts keep the order of events although some of them were parked.
    pub(super) fn insert(&mut self, item: Leased) {
        let later = |waiting: &Leased| !waiting.claimed && waiting.event > item.event;
        let ordered = item.claimed && self.claimed < self.items.len();
        let at = if ordered { self.items.iter().position(later) } else { None };
        self.claimed += usize::from(item.claimed);
        self.items.insert(at.unwrap_or(self.items.len()), item);
    }

    /// Puts one before all others.
    pub(super) fn push_front(&mut self, item: Leased) {
        self.claimed += usize::from(item.claimed);
        self.items.push_front(item);
    }

    /// Takes out those that may not stay, wherever they stand.
    pub(super) fn take_unless(&mut self, stays: impl Fn(&Leased) -> bool) -> Vec<Leased> {
        if self.items.iter().all(&stays) {
            return Vec::new();
        }
        let (kept, taken): (VecDeque<Leased>, VecDeque<Leased>) = self.items.drain(..).partition(stays);
        self.items = kept;
        self.count();
        Vec::from(taken)
    }

    /// Takes out what waits here since before a moment.
    pub(super) fn take_older(&mut self, moment: Timestamp) -> Vec<Leased> {
        self.take_unless(|item| item.since >= moment)
    }

    /// Takes out all but the first `kept`.
    pub(super) fn take_behind(&mut self, kept: usize) -> Vec<Leased> {
        if self.items.len() <= kept {
            return Vec::new();
        }
        let taken = self.items.split_off(kept);
        self.count();
        Vec::from(taken)
    }

    fn count(&mut self) {
        self.claimed = self.items.iter().filter(|item| item.claimed).count();
    }
}
