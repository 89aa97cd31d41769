//! Transactions as the nouns see them: of one tenant to write or to read, or of the system. A query without a tenant
//! does not compile, since a [`TenantScope`] is made by the gate and by system jobs only.

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

/// The right to see and change one tenant's rows.
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

/// A transaction of one tenant, to write or to read.
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

    /// Leaves an event: at the end of the group it is written with its deliveries, which after the commit are handed
    /// to dispatch.
    pub(crate) fn emit(&mut self, event: NewEvent) {
        self.writing.job.events.push(event);
    }

    /// Leaves something to do after the commit, whether or not the caller still listens. It must not block.
    pub(crate) fn after(&mut self, effect: impl FnOnce() + Send + 'static) {
        self.writing.job.after.push(Box::new(effect));
    }

    /// Tells those who follow, after the commit, that deliveries of the tenant changed.
    pub(in crate::store) fn changed(&mut self, deliveries: impl IntoIterator<Item = DeliveryId>) {
        self.writing.job.changed.entry(self.scope.0).or_default().extend(deliveries);
    }

    /// Tells the index of subjects, after the commit, that it has something to follow.
    pub(in crate::store) fn index_soon(&mut self) {
        let behind = self.writing.behind.clone();
        let tenant = self.scope.0;
        self.after(move || behind.add(tenant));
    }

    /// For a statement that changes rows.
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

/// A write transaction of no tenant: dispatch, the operator, upkeep.
pub(crate) struct SystemTx<'a> {
    pub(in crate::store) writing: &'a mut Writing,
}

impl SystemTx<'_> {
    /// The right to act for a tenant that the operator named.
    pub(crate) fn scope_of(&self, tenant: TenantId) -> TenantScope {
        TenantScope::new(tenant)
    }

    /// The same transaction, seen as one of a tenant.
    pub(crate) fn enter(&mut self, tenant: TenantId) -> Tx<'_> {
        Tx { writing: self.writing, scope: TenantScope(tenant) }
    }

    /// Leaves something to do after the commit. It must not block.
    pub(crate) fn after(&mut self, effect: impl FnOnce() + Send + 'static) {
        self.writing.job.after.push(Box::new(effect));
    }

    /// Tells those who follow, after the commit, that deliveries changed.
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

/// Runs `BEGIN`, so that the transaction can write.
pub(in crate::store) async fn begin(link: &mut Link) -> Result<()> {
    // A deferred transaction of SQLite that reads first cannot write when another process did meanwhile.
    let sql = if link.is_pg() { "BEGIN" } else { "BEGIN IMMEDIATE" };
    on!(link, c, D => sqlx::query(sql).execute(c).await.map(drop))
}
