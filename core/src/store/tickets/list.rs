//! Lists of tickets: filters, orders and exact totals.

use super::{super::counts, Priority, Status, Ticket, columns, fold};
use crate::store::{ReadTx, Result, Scoped as _, conn::on, sql::one_of};
use inboxops_proto::{
    clock::Timestamp,
    id::{AgentId, InboxId, TenantId},
};
use sqlx::{Database, Encode, QueryBuilder, Type};
use uuid::Uuid;

/// Whose tickets a filter keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssigneeFilter {
    /// Nobody's.
    Nobody,
    /// This agent's.
    Agent(AgentId),
}

/// By what tickets are ordered; ties are broken by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// Time at which it was opened.
    CreatedAt,
    /// Time of the last visible change.
    UpdatedAt,
    /// Number.
    Number,
}

/// Order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub key: SortKey,
    /// Greatest first.
    pub descending: bool,
}

impl Default for Sort {
    fn default() -> Sort {
        Sort { key: SortKey::CreatedAt, descending: true }
    }
}

impl Sort {
    /// From the contract's words: `created_at`, `-updated_at` and so on.
    pub fn parse(text: &str) -> Option<Sort> {
        let (descending, name) = match text.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, text),
        };
        let key = match name {
            "created_at" => SortKey::CreatedAt,
            "updated_at" => SortKey::UpdatedAt,
            "ticket_number" => SortKey::Number,
            _ => return None,
        };
        Some(Sort { key, descending })
    }

    fn order(self) -> &'static str {
        match (self.key, self.descending) {
            (SortKey::CreatedAt, false) => " ORDER BY created_at, id",
            (SortKey::CreatedAt, true) => " ORDER BY created_at DESC, id DESC",
            (SortKey::UpdatedAt, false) => " ORDER BY updated_at, id",
            (SortKey::UpdatedAt, true) => " ORDER BY updated_at DESC, id DESC",
            (SortKey::Number, false) => " ORDER BY number, id",
            (SortKey::Number, true) => " ORDER BY number DESC, id DESC",
        }
    }
}

/// Which tickets a list keeps; an empty member keeps all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// In any of these states.
    pub status: Vec<Status>,
    /// Of any of these inboxes.
    pub inbox: Vec<InboxId>,
    /// Of any of these agents, or nobody's.
    pub assignee: Vec<AssigneeFilter>,
    /// Of any of these priorities.
    pub priority: Vec<Priority>,
    /// With this tag, by id or by name.
    pub tag: Option<String>,
    /// Of this requester, letter case aside.
    pub requester_email: Option<String>,
    /// With this text in the subject, letter case aside.
    pub subject_contains: Option<String>,
    /// Opened at this time or later.
    pub created_since: Option<Timestamp>,
    /// Changed at this time or later.
    pub updated_since: Option<Timestamp>,
    /// Order.
    pub sort: Sort,
}

impl Filter {
    /// Whether the cube alone tells how many tickets it keeps.
    pub fn is_counted(&self) -> bool {
        self.tag.is_none()
            && self.requester_email.is_none()
            && self.subject_contains.is_none()
            && self.created_since.is_none()
            && self.updated_since.is_none()
    }
}

/// How many tickets the filter keeps, exactly.
pub async fn count(tx: &mut ReadTx, filter: &Filter) -> Result<i64> {
    if filter.is_counted() {
        return counts::sum(tx, filter).await;
    }
    let tenant = tx.tenant();
    let link = tx.link();
    let contains = if link.is_pg() { "strpos" } else { "instr" };
    on!(link, c, D => {
        let mut query = QueryBuilder::<D>::new("SELECT COUNT(*) FROM tickets WHERE tenant_id = ");
        narrow(&mut query, tenant, filter, contains);
        query.build_query_scalar::<i64>().fetch_one(c).await
    })
}

/// A page of the tickets that the filter keeps.
pub async fn list(tx: &mut ReadTx, filter: &Filter, limit: i64, offset: i64) -> Result<Vec<Ticket>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let contains = if link.is_pg() { "strpos" } else { "instr" };
    on!(link, c, D => {
        let mut query = QueryBuilder::<D>::new(concat!("SELECT ", columns!(), " FROM tickets WHERE tenant_id = "));
        narrow(&mut query, tenant, filter, contains);
        query.push(filter.sort.order());
        query.push(" LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
        query.build_query_as::<Ticket>().fetch_all(c).await
    })
}

/// Adds the conditions of a filter; `contains` is the database's function that finds a text in another.
fn narrow<D: Database>(query: &mut QueryBuilder<D>, tenant: TenantId, filter: &Filter, contains: &str)
where
    Uuid: for<'q> Encode<'q, D> + Type<D>,
    String: for<'q> Encode<'q, D> + Type<D>,
    i16: for<'q> Encode<'q, D> + Type<D>,
    i64: for<'q> Encode<'q, D> + Type<D>,
{
    query.push_bind(tenant.0);
    one_of(query, " AND status IN", filter.status.iter().map(|it| it.code()));
    one_of(query, " AND priority IN", filter.priority.iter().map(|it| it.code()));
    one_of(query, " AND inbox_id IN", filter.inbox.iter().map(|it| it.0));
    if !filter.assignee.is_empty() {
        let agents: Vec<_> = filter
            .assignee
            .iter()
            .filter_map(|it| match it {
                AssigneeFilter::Agent(agent) => Some(agent.0),
                AssigneeFilter::Nobody => None,
            })
            .collect();
        query.push(" AND (");
        if filter.assignee.contains(&AssigneeFilter::Nobody) {
            query.push("assignee_id IS NULL").push(if agents.is_empty() { "" } else { " OR " });
        }
        one_of(query, "assignee_id IN", agents);
        query.push(")");
    }
    if let Some(tag) = &filter.tag {
        query.push(
            " AND id IN (SELECT x.ticket_id FROM tags t JOIN ticket_tags x ON x.tag_id = t.id WHERE t.tenant_id = ",
        );
        query.push_bind(tenant.0).push(" AND (t.name_folded = ").push_bind(fold(tag));
        if let Ok(id) = inboxops_proto::id::parse(tag) {
            query.push(" OR t.id = ").push_bind(id);
        }
        query.push("))");
    }
    if let Some(email) = &filter.requester_email {
        query.push(" AND requester_folded = ").push_bind(fold(email));
    }
    if let Some(text) = &filter.subject_contains {
        query.push(" AND ").push(contains).push("(subject_folded, ").push_bind(fold(text)).push(") > 0");
    }
    if let Some(since) = filter.created_since {
        query.push(" AND created_at >= ").push_bind(since.micros());
    }
    if let Some(since) = filter.updated_since {
        query.push(" AND updated_at >= ").push_bind(since.micros());
    }
}
