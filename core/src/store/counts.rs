//! Rows of `counts`: exact numbers of tickets, kept as sums of deltas that the writing transactions add. Each core has
//! a slot of its own, so that cores do not wait for each other's hottest rows.

use super::{
    ReadTx, Result, Scoped as _,
    db::{
        conn::on,
        group::Writing,
        sql::{Rows, Sql, Type, one_of, row_statements, statements, write_rows},
    },
    tickets::{AssigneeFilter, Filter, Ticket},
};
use inboxops_proto::id::{TagId, TenantId};
use sqlx::{Database, Encode, QueryBuilder, Type as SqlType};
use uuid::Uuid;

/// Key of one cell; rows are locked in the order of its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CountKey {
    tenant: TenantId,
    grain: i16,
    inbox: Uuid,
    status: i16,
    /// 0 in the coarse grain.
    priority: i16,
    /// Nil in the coarse grain, and for no assignee.
    assignee: Uuid,
}

const COARSE: i16 = 1;
pub(super) const FINE: i16 = 2;
/// The grain of tags: the tag takes the place of the inbox.
const TAGGED: i16 = 3;

/// The same in the text of a statement.
macro_rules! grain {
    (coarse) => {
        "1"
    };
    (tagged) => {
        "3"
    };
}
pub(super) use grain;

statements! {
    OF_TAG = Sql::both(concat!(
        "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM counts \
         WHERE tenant_id = $1 AND grain = ", grain!(tagged), " AND inbox_id = $2"
    ));
}

row_statements! {
    ADD = Rows {
        head: "INSERT INTO counts (tenant_id, grain, inbox_id, status, priority, assignee_id, slot, n) VALUES",
        row: &[Type::Uuid, Type::Small, Type::Uuid, Type::Small, Type::Small, Type::Uuid, Type::Small, Type::Big],
        tail: "ON CONFLICT (tenant_id, grain, inbox_id, status, priority, assignee_id, slot) \
               DO UPDATE SET n = counts.n + excluded.n",
        tail_pg: None,
    };
}

impl Writing {
    /// Counts a ticket (`by` = 1) or uncounts it (-1) at the end of the group.
    pub(super) fn count(&mut self, ticket: &Ticket, by: i64) {
        let coarse = CountKey {
            tenant: ticket.tenant,
            grain: COARSE,
            inbox: ticket.inbox.0,
            status: ticket.status.code(),
            priority: 0,
            assignee: Uuid::nil(),
        };
        let assignee = ticket.assignee.map_or(Uuid::nil(), |agent| agent.0);
        let fine = CountKey { grain: FINE, priority: ticket.priority.code(), assignee, ..coarse };
        for key in [coarse, fine] {
            *self.job.counts.entry(key).or_default() += by;
        }
    }

    /// Counts a ticket of a tag (`by` = 1) or uncounts it (-1) at the end of the group.
    pub(super) fn count_tagged(&mut self, tenant: TenantId, tag: TagId, by: i64) {
        let nil = Uuid::nil();
        let key = CountKey { tenant, grain: TAGGED, inbox: tag.0, status: 0, priority: 0, assignee: nil };
        *self.job.counts.entry(key).or_default() += by;
    }

    pub(super) async fn flush_counts(&mut self) -> Result<()> {
        let mut counts: Vec<_> = std::mem::take(&mut self.group.counts).into_iter().collect();
        counts.retain(|(_, by)| *by != 0);
        let slot = self.core.slot;
        write_rows!(&mut self.link, ADD, &counts, |query, (key, by)| query
            .bind(key.tenant.0)
            .bind(key.grain)
            .bind(key.inbox)
            .bind(key.status)
            .bind(key.priority)
            .bind(key.assignee)
            .bind(slot)
            .bind(*by));
        Ok(())
    }
}

/// The number of tickets with the filter's status, inbox, priority and assignee.
pub(super) async fn sum(tx: &mut ReadTx, filter: &Filter) -> Result<i64> {
    let tenant = tx.tenant();
    let fine = !filter.priority.is_empty() || !filter.assignee.is_empty();
    on!(tx.link(), c, D => {
        let mut query = QueryBuilder::<D>::new("SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM counts");
        cells(&mut query, tenant, if fine { FINE } else { COARSE }, filter);
        query.build_query_scalar::<i64>().fetch_one(c).await
    })
}

/// Adds ` WHERE` and the condition that selects the cells of a filter.
pub(super) fn cells<D: Database>(query: &mut QueryBuilder<D>, tenant: TenantId, grain: i16, filter: &Filter)
where
    Uuid: for<'q> Encode<'q, D> + SqlType<D>,
    i16: for<'q> Encode<'q, D> + SqlType<D>,
{
    query.push(" WHERE tenant_id = ").push_bind(tenant.0).push(" AND grain = ").push_bind(grain);
    one_of(query, " AND inbox_id IN", filter.inbox.iter().map(|it| it.0));
    one_of(query, " AND status IN", filter.status.iter().map(|it| it.code()));
    one_of(query, " AND priority IN", filter.priority.iter().map(|it| it.code()));
    let agent = |it: &AssigneeFilter| match it {
        AssigneeFilter::Nobody => Uuid::nil(),
        AssigneeFilter::Agent(agent) => agent.0,
    };
    one_of(query, " AND assignee_id IN", filter.assignee.iter().map(agent));
}

pub(super) async fn tagged(tx: &mut ReadTx, tag: TagId) -> Result<i64> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = OF_TAG.on(link);
    on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).bind(tenant.0).bind(tag.0).fetch_one(c).await)
}

#[cfg(test)]
mod tests {
    use super::{COARSE, TAGGED};

    #[test]
    fn grains_in_statements_are_those_of_rows() {
        assert_eq!([grain!(coarse), grain!(tagged)], [COARSE, TAGGED].map(|grain| grain.to_string()));
    }
}
