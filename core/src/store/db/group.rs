//! A group of writes: its connection, what its jobs looked up, and the rows that they leave for its end: inserts that
//! are merged into few statements, numbers, counts, and callbacks that wait for the commit. It is the only file of the
//! engine that knows tables; the tables that leave rows import it.

use super::{Core, conn::Link, error::Result, news::News};
use crate::store::{
    answers::Answer,
    counts::CountKey,
    events::{Leased, NewEvent},
    inboxes::InboxState,
    spans::SpanKey,
    subjects::LaggingTenants,
    tickets::Ticket,
};
use inboxops_proto::{
    clock::Clock,
    id::{AgentId, DeliveryId, InboxId, TenantId},
    trace::SpanContext,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// A callback after the commit: a hand-over, a cache invalidation, a wake-up. It must not block.
pub(in crate::store) type Effect = Box<dyn FnOnce() + Send>;

/// The rows that one job, or the earlier jobs of a group, left for the group's end.
#[derive(Default)]
pub(in crate::store) struct Batch {
    pub(in crate::store) tickets: Vec<Ticket>,
    pub(in crate::store) events: Vec<NewEvent>,
    pub(in crate::store) answers: Vec<(TenantId, Answer)>,
    /// In the order of keys, in which every core locks the rows of counts.
    pub(in crate::store) counts: BTreeMap<CountKey, i64>,
    /// In the order of keys as well.
    pub(in crate::store) spans: BTreeMap<SpanKey, i64>,
    /// Last number given, by tenant.
    pub(in crate::store) numbers: HashMap<TenantId, u32>,
    /// The news for followers: deliveries that changed, and tenants with events.
    pub(in crate::store) changed: BTreeMap<TenantId, Vec<DeliveryId>>,
    pub(in crate::store) leased: Vec<Leased>,
    pub(in crate::store) after: Vec<Effect>,
}

impl Batch {
    /// Adds what a successful job left.
    pub(in crate::store) fn absorb(&mut self, job: &mut Batch) {
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
        self.leased.append(&mut job.leased);
        self.after.append(&mut job.after);
    }
}

/// A writer's connection and the state of the running group.
pub(in crate::store) struct Writing {
    pub(in crate::store) link: Link,
    pub(in crate::store) clock: Clock,
    pub(in crate::store) core: Core,
    pub(in crate::store) news: Arc<News>,
    pub(in crate::store) behind: Arc<LaggingTenants>,
    /// What the successful jobs of the group left.
    pub(in crate::store) group: Batch,
    /// What the running job left.
    pub(in crate::store) job: Batch,
    /// Whether the running job has changed a row.
    pub(in crate::store) wrote: bool,
    /// The place in a trace of the running job's caller.
    pub(in crate::store) trace: Option<SpanContext>,
    pub(in crate::store) lookups: Lookups,
}

/// Look-ups of the group's jobs that the group itself did not change.
#[derive(Default)]
pub(in crate::store) struct Lookups {
    pub(in crate::store) inboxes: HashMap<(TenantId, InboxId), Option<InboxState>>,
    pub(in crate::store) agents: HashMap<(TenantId, AgentId), bool>,
    /// Answers to earlier writes with the idempotency keys of this group.
    pub(in crate::store) answers: HashMap<TenantId, HashMap<String, Answer>>,
}

impl Writing {
    pub(in crate::store) fn new(
        link: Link,
        clock: Clock,
        core: Core,
        news: Arc<News>,
        behind: Arc<LaggingTenants>,
    ) -> Writing {
        Writing {
            link,
            clock,
            core,
            news,
            behind,
            group: Batch::default(),
            job: Batch::default(),
            wrote: false,
            trace: None,
            lookups: Lookups::default(),
        }
    }

    /// Clears the state after a commit or rollback.
    pub(in crate::store) fn reset(&mut self) {
        self.group = Batch::default();
        self.job = Batch::default();
        self.wrote = false;
        self.lookups = Lookups::default();
    }

    /// Writes what the group left, in the order that all cores follow; counts, the hottest rows, come last.
    pub(in crate::store) async fn flush(&mut self) -> Result<(Vec<Leased>, Vec<Effect>)> {
        self.flush_tickets().await?;
        self.flush_numbers().await?;
        self.flush_answers().await?;
        self.flush_events().await?;
        self.flush_changes().await?;
        self.flush_counts().await?;
        self.flush_spans().await?;
        Ok((std::mem::take(&mut self.group.leased), std::mem::take(&mut self.group.after)))
    }
}
