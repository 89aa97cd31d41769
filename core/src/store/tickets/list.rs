//! Lists of tickets: filters, orders and exact totals. `list/plan.rs` finds the ids of a page; the tickets are read by
//! id.

mod plan;
mod source;
mod stream;
mod text;
mod walk;

#[cfg(test)]
pub(in crate::store) use plan::ALL as LIST_ALL;
pub(crate) use text::StatementRun;

use super::{Priority, Status, Ticket, columns};
use crate::store::{ReadTx, Result, Scoped as _};
use inboxops_proto::{
    clock::Timestamp,
    id::{AgentId, InboxId, TicketId},
};
use std::collections::HashMap;
use text::{Text, Value};
use uuid::Uuid;

/// A condition on the assignee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AssigneeFilter {
    /// No assignee.
    Nobody,
    /// This agent.
    Agent(AgentId),
}

/// The sort key of a list; ties are broken by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortKey {
    /// Time at which it was opened.
    CreatedAt,
    /// Time of the last visible change.
    UpdatedAt,
    Number,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sort {
    pub(crate) key: SortKey,
    /// Greatest first.
    pub(crate) descending: bool,
}

impl Default for Sort {
    fn default() -> Sort {
        Sort { key: SortKey::CreatedAt, descending: true }
    }
}

impl Sort {
    /// The value by which a ticket is ordered, before its id.
    pub(crate) fn key_of(self, ticket: &Ticket) -> i64 {
        match self.key {
            SortKey::CreatedAt => ticket.created_at.micros(),
            SortKey::UpdatedAt => ticket.updated_at.micros(),
            SortKey::Number => i64::from(ticket.number),
        }
    }

    /// Parses `created_at`, `-updated_at` and so on.
    pub(crate) fn parse(text: &str) -> Option<Sort> {
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
}

/// The filter of a list; an empty member does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// With any of these ids.
    pub(crate) ids: Vec<TicketId>,
    /// In any of these states.
    pub(crate) status: Vec<Status>,
    /// Of any of these inboxes.
    pub(crate) inbox: Vec<InboxId>,
    /// Of any of these agents, or of none.
    pub(crate) assignee: Vec<AssigneeFilter>,
    /// Of any of these priorities.
    pub(crate) priority: Vec<Priority>,
    /// With this tag, by id or by name.
    pub(crate) tag: Option<String>,
    /// Of this requester, ignoring letter case.
    pub(crate) requester_email: Option<String>,
    /// With this text in the subject, ignoring letter case, marks and variants of letters.
    pub(crate) subject_contains: Option<String>,
    /// Opened at this time or later.
    pub(crate) created_since: Option<Timestamp>,
    /// Changed at this time or later.
    pub(crate) updated_since: Option<Timestamp>,
    /// Changed before this time.
    pub(crate) updated_until: Option<Timestamp>,
    pub(crate) sort: Sort,
}

/// Where a page by cursor begins: after the ticket with this sort key and id, whether or not it is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct After {
    pub(crate) key: i64,
    pub(crate) id: Uuid,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TicketPage {
    /// The exact number of tickets that match the filter.
    pub(crate) total: i64,
    pub(crate) tickets: Vec<Ticket>,
}

/// Numbers of ids in one statement, so that few texts serve all pages.
const SIZES: [usize; 4] = [1, 8, 32, 128];

/// At most `limit` of the tickets that match the filter, after `offset` others, and the total.
pub(crate) async fn list(tx: &mut ReadTx, filter: &Filter, limit: i64, offset: i64) -> Result<TicketPage> {
    let (total, ids) = plan::page(tx, filter, limit, offset, None).await?;
    Ok(TicketPage { total, tickets: read(tx, &ids).await? })
}

/// At most `limit` of the tickets that match the filter, after a place in their order, and the total.
pub(crate) async fn list_after(tx: &mut ReadTx, filter: &Filter, limit: i64, after: After) -> Result<TicketPage> {
    let (total, ids) = plan::page(tx, filter, limit, 0, Some(after)).await?;
    Ok(TicketPage { total, tickets: read(tx, &ids).await? })
}

/// The same as [`list_after`], with the statements that found the page.
#[cfg(test)]
pub(crate) async fn list_after_and_tell(
    tx: &mut ReadTx,
    filter: &Filter,
    limit: i64,
    after: After,
) -> Result<(TicketPage, Vec<StatementRun>)> {
    tx.asked = Some(Vec::new());
    let listed = list_after(tx, filter, limit, after).await?;
    Ok((listed, tx.asked.take().unwrap_or_default()))
}

/// The same as [`list`], with the statements that found the page, for tests of their plans.
#[cfg(test)]
pub(crate) async fn list_and_tell(
    tx: &mut ReadTx,
    filter: &Filter,
    limit: i64,
    offset: i64,
) -> Result<(TicketPage, Vec<StatementRun>)> {
    tx.asked = Some(Vec::new());
    let listed = list(tx, filter, limit, offset).await?;
    Ok((listed, tx.asked.take().unwrap_or_default()))
}

/// The tickets with these ids, in their order.
async fn read(tx: &mut ReadTx, ids: &[Uuid]) -> Result<Vec<Ticket>> {
    let tenant = tx.tenant();
    let mut tickets = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(SIZES[SIZES.len() - 1]) {
        let size = SIZES.into_iter().find(|size| *size >= ids.len()).unwrap_or_default();
        let asked = ids.iter().copied().chain(std::iter::repeat(Uuid::nil())).take(size);
        let mut text = Text::new(tx.link().is_pg(), concat!("SELECT ", columns!(), " FROM tickets WHERE"));
        text.one_of(" id IN", asked.map(Value::Uuid));
        // Written as a truth value, so that no planner searches by tenant: SQLite would read all of its tickets.
        text.push(" AND (tenant_id = ").bind(Value::Uuid(tenant.0)).push(") IS TRUE");
        let found = text.tickets(tx).await?;
        tickets.extend(found.into_iter().map(|ticket| (ticket.id.0, ticket)));
    }
    Ok(ids.iter().filter_map(|id| tickets.remove(id)).collect())
}
