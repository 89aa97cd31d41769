//! What a group of writes leaves for its end: inserts that are merged into few statements, numbers, counts, and the
//! effects that wait for the commit. It knows rows, no SQL.

use super::{
    answers::Answer,
    counts::CountKey,
    events::{Handed, NewEvent},
    spans::SpanKey,
    tickets::Ticket,
};
use inboxops_proto::id::{DeliveryId, TenantId};
use std::collections::{BTreeMap, HashMap};

/// What happens after the commit: a hand-over, a cache drop, a wake-up. It must not block.
pub(super) type Effect = Box<dyn FnOnce() + Send>;

/// What one job, or the jobs of a group before it, left for later.
#[derive(Default)]
pub(super) struct Later {
    pub(super) tickets: Vec<Ticket>,
    pub(super) events: Vec<NewEvent>,
    pub(super) answers: Vec<(TenantId, Answer)>,
    /// In key order: every core takes the locks of counts in the same order.
    pub(super) counts: BTreeMap<CountKey, i64>,
    /// In key order, too.
    pub(super) spans: BTreeMap<SpanKey, i64>,
    /// Last number given, by tenant.
    pub(super) numbers: HashMap<TenantId, u32>,
    /// What those who follow are told: deliveries that changed, and tenants with events.
    pub(super) changed: BTreeMap<TenantId, Vec<DeliveryId>>,
    pub(super) handed: Vec<Handed>,
    pub(super) after: Vec<Effect>,
}

impl Later {
    /// Takes what a job that succeeded left.
    pub(super) fn absorb(&mut self, job: &mut Later) {
        self.tickets.append(&mut job.tickets);
        self.events.append(&mut job.events);
        self.answers.append(&mut job.answers);
        for (key, by) in std::mem::take(&mut job.counts) {
            *self.counts.entry(key).or_default() += by;
        }
        for (key, by) in std::mem::take(&mut job.spans) {
            *self.spans.entry(key).or_default() += by;
        }
        self.numbers.extend(job.numbers.drain());
        for (tenant, mut ids) in std::mem::take(&mut job.changed) {
            self.changed.entry(tenant).or_default().append(&mut ids);
        }
        self.handed.append(&mut job.handed);
        self.after.append(&mut job.after);
    }
}
