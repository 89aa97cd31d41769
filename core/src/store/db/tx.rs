//! Transactions as the nouns see them: a tenant's, for writing or reading, or the system's. A query without a tenant
//! does not compile, because only the gate and system jobs make a [`TenantScope`].

use super::{
    conn::{Link, on},
    error::Result,
    group::Writing,
};
use crate::store::events::NewEvent;
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, TenantId},
};

/// The right to read and change one tenant's rows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TenantScope(TenantId);

impl TenantScope {
    /// For the gate, which has authenticated a caller of this tenant.
    pub(crate) fn new(tenant: TenantId) -> TenantScope {
        TenantScope(tenant)
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.0
    }
}

/// A transaction of one tenant, for writing or reading.
pub(crate) trait Scoped {
    fn tenant(&self) -> TenantId;
    #[doc(hidden)]
    fn link(&mut self) -> &mut Link;
}

/// A tenant's write transaction; may run again, see [`super::Db::write`].
pub(crate) struct Tx<'a> {
    pub(in crate::store) writing: &'a mut Writing,
    pub(in crate::store) scope: TenantScope,
}

impl Tx<'_> {
    pub(crate) fn tenant(&self) -> TenantId {
        self.scope.0
    }

    /// Adds an event: it is written with its deliveries at the end of the group, and dispatch receives those after the
    /// commit.
    pub(crate) fn emit(&mut self, event: NewEvent) {
        self.writing.job.events.push(NewEvent { trace: self.writing.trace, ..event });
    }

    /// Adds a callback for after the commit. It runs even if the caller has gone away, and must not block.
    pub(crate) fn after(&mut self, effect: impl FnOnce() + Send + 'static) {
        self.writing.job.after.push(Box::new(effect));
    }

    /// Notifies followers after the commit that deliveries of the tenant changed.
    pub(in crate::store) fn changed(&mut self, deliveries: impl IntoIterator<Item = DeliveryId>) {
        self.writing.job.changed.entry(self.scope.0).or_default().extend(deliveries);
    }

    /// Notifies the index of subjects after the commit.
    pub(in crate::store) fn index_soon(&mut self) {
        let behind = self.writing.behind.clone();
        let tenant = self.scope.0;
        self.after(move || behind.add(tenant));
    }

    /// The connection for a statement that changes rows.
    pub(in crate::store) fn writing(&mut self) -> &mut Link {
        self.writing.wrote = true;
        &mut self.writing.link
    }
}

impl Scoped for Tx<'_> {
    fn tenant(&self) -> TenantId {
        self.scope.0
    }

    fn link(&mut self) -> &mut Link {
        &mut self.writing.link
    }
}

/// A write transaction of no tenant, for dispatch, the operator and upkeep.
pub(crate) struct SystemTx<'a> {
    pub(in crate::store) writing: &'a mut Writing,
}

impl SystemTx<'_> {
    /// The right to act for a tenant that the operator named.
    pub(crate) fn scope_of(&self, tenant: TenantId) -> TenantScope {
        TenantScope::new(tenant)
    }

    /// The same transaction as one of a tenant.
    pub(crate) fn enter(&mut self, tenant: TenantId) -> Tx<'_> {
        Tx { writing: self.writing, scope: TenantScope(tenant) }
    }

    /// Adds a callback for after the commit. It must not block.
    pub(crate) fn after(&mut self, effect: impl FnOnce() + Send + 'static) {
        self.writing.job.after.push(Box::new(effect));
    }

    /// Notifies followers after the commit that deliveries changed.
    pub(in crate::store) fn changed(&mut self, deliveries: impl IntoIterator<Item = (TenantId, DeliveryId)>) {
        for (tenant, delivery) in deliveries {
            self.writing.job.changed.entry(tenant).or_default().push(delivery);
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.writing.clock.now()
    }

    pub(in crate::store) fn reading(&mut self) -> &mut Link {
        &mut self.writing.link
    }

    pub(in crate::store) fn writing(&mut self) -> &mut Link {
        self.writing.wrote = true;
        &mut self.writing.link
    }
}

/// Begins a transaction that can write.
pub(in crate::store) async fn begin(link: &mut Link) -> Result<()> {
    // A deferred transaction of SQLite that has read cannot write if another process wrote meanwhile.
    let sql = if link.is_pg() { "BEGIN" } else { "BEGIN IMMEDIATE" };
    on!(link, c, D => sqlx::query(sql).execute(c).await.map(drop))
}
