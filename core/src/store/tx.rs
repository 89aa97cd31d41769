//! Transactions as the nouns see them: of one tenant to write or to read, or of the system. A query without a tenant
//! does not compile, since a [`TenantScope`] is made by the gate and by system jobs only.

use super::{
    Result,
    answers::Answer,
    conn::{Link, on},
    db::Core,
    events::{Handed, NewEvent},
    inboxes::InboxState,
    later::{Effect, Later},
    news::News,
    subjects::Behind,
};
use inboxops_proto::{
    clock::{Clock, Timestamp},
    id::{AgentId, DeliveryId, InboxId, TenantId},
};
use std::{collections::HashMap, sync::Arc};

/// The right to see and change one tenant's rows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TenantScope(TenantId);

impl TenantScope {
    /// For the gate, which has authenticated a caller of this tenant.
    pub(crate) fn new(tenant: TenantId) -> TenantScope {
        TenantScope(tenant)
    }

    /// The tenant.
    pub fn tenant(&self) -> TenantId {
        self.0
    }
}

/// A transaction of one tenant, to write or to read.
pub trait Scoped {
    /// The tenant.
    fn tenant(&self) -> TenantId;
    #[doc(hidden)]
    fn link(&mut self) -> &mut Link;
}

/// A lane's connection with the state of the group that it runs.
pub(super) struct Session {
    pub(super) link: Link,
    pub(super) clock: Clock,
    pub(super) core: Core,
    pub(super) news: Arc<News>,
    pub(super) behind: Arc<Behind>,
    /// What the jobs of the group that succeeded left.
    pub(super) group: Later,
    /// What the running job left.
    pub(super) job: Later,
    /// Whether the running job has changed a row.
    pub(super) wrote: bool,
    pub(super) seen: Seen,
}

/// What jobs of the group looked up and the group itself did not change.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) inboxes: HashMap<(TenantId, InboxId), Option<InboxState>>,
    pub(super) agents: HashMap<(TenantId, AgentId), bool>,
    /// Answers to earlier writes, by the names of those of this group.
    pub(super) answers: HashMap<TenantId, HashMap<String, Answer>>,
}

impl Session {
    pub(super) fn new(link: Link, clock: Clock, core: Core, news: Arc<News>, behind: Arc<Behind>) -> Session {
        Session {
            link,
            clock,
            core,
            news,
            behind,
            group: Later::default(),
            job: Later::default(),
            wrote: false,
            seen: Seen::default(),
        }
    }

    /// Forgets a group that was rolled back or has ended.
    pub(super) fn reset(&mut self) {
        self.group = Later::default();
        self.job = Later::default();
        self.wrote = false;
        self.seen = Seen::default();
    }

    /// Writes what the group left, in the one order that every core keeps; counts, the hottest rows, last.
    pub(super) async fn flush(&mut self) -> Result<(Vec<Handed>, Vec<Effect>)> {
        self.flush_tickets().await?;
        self.flush_numbers().await?;
        self.flush_answers().await?;
        self.flush_events().await?;
        self.flush_changes().await?;
        self.flush_counts().await?;
        self.flush_spans().await?;
        Ok((std::mem::take(&mut self.group.handed), std::mem::take(&mut self.group.after)))
    }
}

/// A tenant's write transaction; may run again, see [`super::Db::write`].
pub struct Tx<'a> {
    pub(super) session: &'a mut Session,
    pub(super) scope: TenantScope,
}

impl Tx<'_> {
    /// The tenant.
    pub fn tenant(&self) -> TenantId {
        self.scope.0
    }

    /// Leaves an event: at the end of the group it is written with its deliveries, which after the commit are handed
    /// to dispatch.
    pub fn emit(&mut self, event: NewEvent) {
        self.session.job.events.push(event);
    }

    /// Leaves something to do after the commit, whether or not the caller still listens. It must not block.
    pub fn after(&mut self, effect: impl FnOnce() + Send + 'static) {
        self.session.job.after.push(Box::new(effect));
    }

    /// Tells those who follow, after the commit, that deliveries of the tenant changed.
    pub(super) fn changed(&mut self, deliveries: impl IntoIterator<Item = DeliveryId>) {
        self.session.job.changed.entry(self.scope.0).or_default().extend(deliveries);
    }

    /// Tells whoever keeps the index of subjects, after the commit, that it has something to follow.
    pub(super) fn index_soon(&mut self) {
        let (behind, tenant) = (self.session.behind.clone(), self.scope.0);
        self.after(move || behind.add(tenant));
    }

    /// For a statement that changes rows.
    pub(super) fn writing(&mut self) -> &mut Link {
        self.session.wrote = true;
        &mut self.session.link
    }
}

impl Scoped for Tx<'_> {
    fn tenant(&self) -> TenantId {
        self.scope.0
    }

    fn link(&mut self) -> &mut Link {
        &mut self.session.link
    }
}

/// A write transaction of no tenant: dispatch, the operator, upkeep.
pub struct SystemTx<'a> {
    pub(super) session: &'a mut Session,
}

impl SystemTx<'_> {
    /// The right to act for a tenant that the operator named.
    pub fn scope_of(&self, tenant: TenantId) -> TenantScope {
        TenantScope::new(tenant)
    }

    /// The same transaction, seen as one of a tenant.
    pub fn enter(&mut self, tenant: TenantId) -> Tx<'_> {
        Tx { session: self.session, scope: TenantScope(tenant) }
    }

    /// Leaves something to do after the commit. It must not block.
    pub fn after(&mut self, effect: impl FnOnce() + Send + 'static) {
        self.session.job.after.push(Box::new(effect));
    }

    /// Tells those who follow, after the commit, that deliveries changed.
    pub(super) fn changed(&mut self, deliveries: impl IntoIterator<Item = (TenantId, DeliveryId)>) {
        for (tenant, delivery) in deliveries {
            self.session.job.changed.entry(tenant).or_default().push(delivery);
        }
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.session.clock.now()
    }

    pub(super) fn reading(&mut self) -> &mut Link {
        &mut self.session.link
    }

    pub(super) fn writing(&mut self) -> &mut Link {
        self.session.wrote = true;
        &mut self.session.link
    }
}

/// Runs `BEGIN`, so that the transaction can write.
pub(super) async fn begin(link: &mut Link) -> Result<()> {
    // A deferred transaction of SQLite that reads first cannot write when another process did meanwhile.
    let sql = if link.is_pg() { "BEGIN" } else { "BEGIN IMMEDIATE" };
    on!(link, c, D => sqlx::query(sql).execute(c).await.map(drop))
}
