//! One ticket, for many callers at once: see `store/together.rs`.

use super::{TOGETHER, Ticket, TicketRef};
use crate::store::{
    Db, Result, TenantScope,
    conn::{Link, on},
    sql::padded,
    together::{Keyed, Together},
};
use inboxops_proto::id::{TenantId, TicketId};

/// Finds tickets by id.
pub struct Lookup {
    db: Db,
    together: Together<Ticket>,
}

impl Lookup {
    /// In this database.
    pub fn new(db: Db) -> Lookup {
        Lookup { together: Together::new(db.clone()), db }
    }

    /// The ticket as of now: what was committed before the call is seen.
    pub async fn find(&self, scope: TenantScope, named: TicketRef) -> Result<Option<Ticket>> {
        match named {
            TicketRef::Id(id) => self.together.find((id, scope.tenant())).await,
            TicketRef::Number(_) => super::find(&self.db, scope, named).await,
        }
    }
}

impl Keyed for Ticket {
    /// A ticket, and the tenant whose it must be.
    type Key = (TicketId, TenantId);

    async fn read(link: &mut Link, keys: &[Self::Key]) -> Result<Vec<Ticket>> {
        let size = padded(keys.len());
        let sql = TOGETHER.text(size, link.is_pg());
        on!(link, c, D => {
            let mut query = sqlx::query_as::<D, Ticket>(sql);
            for (ticket, tenant) in keys.iter().cycle().take(size) {
                query = query.bind(ticket.0).bind(tenant.0);
            }
            query.fetch_all(c).await
        })
    }

    fn is_of(&self, key: &Self::Key) -> bool {
        (self.id, self.tenant) == *key
    }
}
