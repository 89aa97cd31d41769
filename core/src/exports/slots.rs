//! Which tenants this core exports, one export of each at a time, and how fast all of them together may read. Other
//! cores are kept away by a lock in the database.

use inboxops_proto::id::TenantId;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The tenants that are being exported.
#[derive(Clone, Default)]
pub(super) struct Slots(Arc<Mutex<HashSet<TenantId>>>);

/// A tenant's only export; it is over when this is dropped.
pub(super) struct Slot {
    slots: Slots,
    tenant: TenantId,
}

impl Slots {
    /// The slot of a tenant; `None` while it is taken.
    pub(super) fn take(&self, tenant: TenantId) -> Option<Slot> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant);
        free.then(|| Slot { slots: self.clone(), tenant })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.tenant);
    }
}

/// Spreads the reading of all exports over time, so that writers and other readers keep their share of the machine.
pub(super) struct Pace {
    lines_per_second: f64,
    /// When all lines so far have had their time.
    paid_at: Mutex<Option<Instant>>,
}

impl Pace {
    pub(super) fn new(lines_per_second: u32) -> Pace {
        Pace { lines_per_second: f64::from(lines_per_second), paid_at: Mutex::default() }
    }

    /// When to go on after so many lines, whose reading began at `began`.
    pub(super) fn after(&self, lines: usize, began: Instant) -> Instant {
        let time = Duration::from_secs_f64(lines as f64 / self.lines_per_second);
        let mut paid_at = self.paid_at.lock().unwrap_or_else(PoisonError::into_inner);
        let next = paid_at.map_or(began, |paid_at| paid_at.max(began)) + time;
        *paid_at = Some(next);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_slot_is_free_again_once_it_is_dropped() {
        let slots = Slots::default();
        let tenant = |n| TenantId(Uuid::from_u128(n));
        let first = slots.take(tenant(1)).expect("free");
        assert!(slots.take(tenant(1)).is_none());
        assert!(slots.take(tenant(2)).is_some(), "another tenant's is free");
        drop(first);
        assert!(slots.take(tenant(1)).is_some());
    }

    #[test]
    fn lines_have_their_time_whoever_reads_them() {
        let pace = Pace::new(1000);
        let start = Instant::now();
        let millis = |count| start + Duration::from_millis(count);
        assert_eq!(pace.after(500, start), millis(500));
        assert_eq!(pace.after(500, start), millis(1000), "two at once share it");
        assert_eq!(pace.after(500, millis(700)), millis(1500));
        assert_eq!(pace.after(500, millis(9000)), millis(9500), "time that nobody used is lost");
    }
}
