//! The deliveries of one endpoint that wait in memory, in the order in which they are sent. It counts the claimed ones
//! among them and knows no limit.

use crate::store::Leased;
use inboxops_proto::clock::Timestamp;
use std::collections::VecDeque;

#[derive(Debug, Default)]
pub(super) struct WaitQueue {
    deliveries: VecDeque<Leased>,
    claimed: usize,
}

impl WaitQueue {
    pub(super) fn len(&self) -> usize {
        self.deliveries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    pub(super) fn front(&self) -> Option<&Leased> {
        self.deliveries.front()
    }

    pub(super) fn pop_front(&mut self) -> Option<Leased> {
        let leased = self.deliveries.pop_front()?;
        self.claimed -= usize::from(leased.claimed);
        Some(leased)
    }

    /// Inserts a delivery in its place: one from a commit at the end, a claimed one before all later events, so that
    /// first attempts keep the order of events although some were parked.
    pub(super) fn insert(&mut self, leased: Leased) {
        let later = |waiting: &Leased| !waiting.claimed && waiting.event > leased.event;
        let ordered = leased.claimed && self.claimed < self.deliveries.len();
        let at = if ordered { self.deliveries.iter().position(later) } else { None };
        self.claimed += usize::from(leased.claimed);
        self.deliveries.insert(at.unwrap_or(self.deliveries.len()), leased);
    }

    /// Inserts a delivery before all others.
    pub(super) fn push_front(&mut self, leased: Leased) {
        self.claimed += usize::from(leased.claimed);
        self.deliveries.push_front(leased);
    }

    /// Takes out those that may not stay, wherever they are.
    pub(super) fn take_unless(&mut self, stays: impl Fn(&Leased) -> bool) -> Vec<Leased> {
        if self.deliveries.iter().all(&stays) {
            return Vec::new();
        }
        let (kept, taken): (VecDeque<Leased>, VecDeque<Leased>) = self.deliveries.drain(..).partition(stays);
        self.deliveries = kept;
        self.count();
        Vec::from(taken)
    }

    /// Takes out what has waited here since before a moment.
    pub(super) fn take_older(&mut self, moment: Timestamp) -> Vec<Leased> {
        self.take_unless(|leased| leased.since >= moment)
    }

    /// Takes out all but the first `kept`.
    pub(super) fn take_behind(&mut self, kept: usize) -> Vec<Leased> {
        if self.deliveries.len() <= kept {
            return Vec::new();
        }
        let taken = self.deliveries.split_off(kept);
        self.count();
        Vec::from(taken)
    }

    fn count(&mut self) {
        self.claimed = self.deliveries.iter().filter(|leased| leased.claimed).count();
    }
}
