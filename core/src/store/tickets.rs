//! Rows of `tickets`: inserted with others of their group, updated, and found. What a change does to a ticket is in
//! `tickets/rules.rs` of the core; lists are in `tickets/list.rs`.

mod list;
mod lookup;

#[cfg(test)]
pub(super) use list::LIST_ALL;
pub(crate) use list::{After, AssigneeFilter, Filter, Sort, StatementRun, list, list_after};
#[cfg(test)]
pub(crate) use list::{SortKey, TicketPage, list_after_and_tell, list_and_tell};
pub(crate) use lookup::Lookup;

use super::{
    Db, ReadTx, Result, Scoped as _, TenantScope, Tx,
    db::{
        conn::{Link, on},
        group::Writing,
        row::{codes, from_row},
        sql::{Rows, Sql, Type, row_statements, statements, write_rows},
    },
    fold,
    spans::Kind,
    subjects,
};
use inboxops_proto::{
    clock::Timestamp,
    id::{AgentId, InboxId, TagId, TenantId, TicketId},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

codes! {
    /// State of a ticket.
    Status {
        /// Waits for an answer of the team.
        Open = 1 "open",
        /// Waits for the customer or somebody else.
        Pending = 2 "pending",
        /// Answered; may be reopened.
        Solved = 3 "solved",
        /// Done.
        Closed = 4 "closed",
    }
}

codes! {
    /// Urgency of a ticket.
    Priority {
        /// Can wait.
        Low = 1 "low",
        /// As usual.
        Normal = 2 "normal",
        /// Before others.
        High = 3 "high",
        /// Now.
        Urgent = 4 "urgent",
    }
}

codes! {
    /// Channel by which a ticket or an inbox gets its messages.
    Channel {
        /// Mail.
        Email = 1 "email",
        Api = 2 "api",
        /// A form or a chat on a web page.
        Web = 3 "web",
    }
}

/// The customer of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Requester {
    /// Name; may be empty.
    pub(crate) name: String,
    pub(crate) email: String,
}

/// A tag in the row of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TagRef {
    pub(crate) id: TagId,
    pub(crate) name: String,
}

/// One conversation with a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) id: TicketId,
    pub(crate) tenant: TenantId,
    /// Number within the tenant, from 1.
    pub(crate) number: u32,
    pub(crate) subject: String,
    pub(crate) status: Status,
    pub(crate) priority: Priority,
    pub(crate) inbox: InboxId,
    pub(crate) assignee: Option<AgentId>,
    /// The customer.
    pub(crate) requester: Option<Requester>,
    /// Tags, by name.
    pub(crate) tags: Vec<TagRef>,
    /// Channel by which it came.
    pub(crate) channel: Channel,
    /// Number of messages without internal notes.
    pub(crate) message_count: u32,
    pub(crate) last_message_at: Option<Timestamp>,
    /// Time at which it was opened.
    pub(crate) created_at: Timestamp,
    /// Time of the last visible change.
    pub(crate) updated_at: Timestamp,
    /// When it became solved; set in that state only.
    pub(crate) solved_at: Option<Timestamp>,
    /// When it was closed; set in that state only.
    pub(crate) closed_at: Option<Timestamp>,
    /// Grows by 1 with every visible change.
    pub(crate) version: u32,
}

impl Ticket {
    /// A new open ticket; the caller fills in the rest.
    pub(crate) fn blank(at: Timestamp) -> Ticket {
        Ticket {
            id: TicketId(Uuid::nil()),
            tenant: TenantId(Uuid::nil()),
            number: 0,
            subject: String::new(),
            status: Status::Open,
            priority: Priority::Normal,
            inbox: InboxId(Uuid::nil()),
            assignee: None,
            requester: None,
            tags: Vec::new(),
            channel: Channel::Api,
            message_count: 0,
            last_message_at: None,
            created_at: at,
            updated_at: at,
            solved_at: None,
            closed_at: None,
            version: 1,
        }
    }
}

/// Names a ticket: by its id or by its number in the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TicketRef {
    Id(TicketId),
    Number(u32),
}

/// A tag in the JSON of a ticket's row.
#[derive(Serialize, Deserialize)]
struct StoredTag {
    id: Uuid,
    name: String,
}

fn write_tags(tags: &[TagRef]) -> String {
    if tags.is_empty() {
        return "[]".to_owned();
    }
    let tags: Vec<_> = tags.iter().map(|tag| StoredTag { id: tag.id.0, name: tag.name.clone() }).collect();
    serde_json::to_string(&tags).expect("ids and names are always JSON")
}

fn read_tags(text: &str) -> serde_json::Result<Vec<TagRef>> {
    if text == "[]" {
        return Ok(Vec::new());
    }
    let tags: Vec<StoredTag> = serde_json::from_str(text)?;
    Ok(tags.into_iter().map(|tag| TagRef { id: TagId(tag.id), name: tag.name }).collect())
}

macro_rules! columns {
    () => {
        "id, tenant_id, number, subject, status, priority, inbox_id, assignee_id, requester_name, requester_email, \
         tags, channel, message_count, last_message_at, created_at, updated_at, solved_at, closed_at, version"
    };
}
pub(super) use columns;

from_row!(Ticket in "tickets", row => {
    let name: Option<String> = row.get("requester_name")?;
    Ok(Ticket {
        id: TicketId(row.get("id")?),
        tenant: TenantId(row.get("tenant_id")?),
        number: row.number("number")?,
        subject: row.get("subject")?,
        status: row.code("status")?,
        priority: row.code("priority")?,
        inbox: InboxId(row.get("inbox_id")?),
        assignee: row.opt("assignee_id", AgentId)?,
        requester: row.opt("requester_email", |email: String| Requester { name: name.unwrap_or_default(), email })?,
        tags: row.parsed("tags", read_tags)?,
        channel: row.code("channel")?,
        message_count: row.number("message_count")?,
        last_message_at: row.opt_time("last_message_at")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        solved_at: row.opt_time("solved_at")?,
        closed_at: row.opt_time("closed_at")?,
        version: row.number("version")?,
    })
});

statements! {
    BY_ID = Sql::both(concat!("SELECT ", columns!(), " FROM tickets WHERE id = $1 AND tenant_id = $2"));
    BY_NUMBER = Sql::both(concat!("SELECT ", columns!(), " FROM tickets WHERE number = $1 AND tenant_id = $2"));
    LOCK_BY_ID = Sql::each(
        concat!("SELECT ", columns!(), " FROM tickets WHERE id = $1 AND tenant_id = $2"),
        concat!("SELECT ", columns!(), " FROM tickets WHERE id = $1 AND tenant_id = $2 FOR UPDATE"),
    );
    LOCK_BY_NUMBER = Sql::each(
        concat!("SELECT ", columns!(), " FROM tickets WHERE number = $1 AND tenant_id = $2"),
        concat!("SELECT ", columns!(), " FROM tickets WHERE number = $1 AND tenant_id = $2 FOR UPDATE"),
    );
    UPDATE = Sql::both(
        "UPDATE tickets SET subject = $3, subject_folded = $4, status = $5, priority = $6, inbox_id = $7, \
         assignee_id = $8, requester_name = $9, requester_email = $10, requester_folded = $11, tags = $12, \
         message_count = $13, last_message_at = $14, updated_at = $15, solved_at = $16, closed_at = $17, \
         version = $18 WHERE id = $1 AND tenant_id = $2",
    );
}

row_statements! {
    INSERT = Rows {
        head: "INSERT INTO tickets (id, tenant_id, number, subject, subject_folded, status, priority, inbox_id, \
               assignee_id, requester_name, requester_email, requester_folded, tags, channel, message_count, \
               last_message_at, created_at, updated_at, solved_at, closed_at, version) VALUES",
        row: &[
            Type::Uuid, Type::Uuid, Type::Big, Type::Text, Type::Text, Type::Small, Type::Small, Type::Uuid, Type::Uuid,
            Type::Text, Type::Text, Type::Text, Type::Text, Type::Small, Type::Big, Type::Big, Type::Big, Type::Big,
            Type::Big, Type::Big, Type::Big,
        ],
        tail: "",
        tail_pg: None,
    };
    TOGETHER = Rows {
        head: "WITH asked (ticket, owner) AS (VALUES",
        row: &[Type::Uuid, Type::Uuid],
        tail: concat!(") SELECT ", columns!(), " FROM asked JOIN tickets ON id = ticket AND tenant_id = owner"),
        tail_pg: None,
    };
}

/// The next ticket number of the tenant. A number that a refusing closure took is used again.
pub(crate) async fn next_number(tx: &mut Tx<'_>) -> Result<u32> {
    let tenant = tx.tenant();
    tx.writing.next_number(tenant).await
}

/// Keeps other cores from opening tickets of the tenant until the end of the transaction. True if one may have done so
/// since the transaction began; then earlier look-ups may be outdated.
pub(crate) async fn hold_opening(tx: &mut Tx<'_>) -> Result<bool> {
    let tenant = tx.tenant();
    tx.writing.hold_numbers(tenant).await
}

/// Adds a ticket: it is inserted with others at the end of the group, and counted. Its `tenant` must be the
/// transaction's.
pub(crate) fn insert(tx: &mut Tx<'_>, ticket: &Ticket) {
    let ticket = Ticket { tenant: tx.tenant(), ..ticket.clone() };
    tx.writing.count(&ticket, 1);
    tx.writing.span(ticket.tenant, Kind::Created, ticket.created_at, 1);
    tx.writing.span(ticket.tenant, Kind::Updated, ticket.updated_at, 1);
    if ticket.number.is_multiple_of(subjects::BLOCK) {
        tx.index_soon();
    }
    tx.writing.job.tickets.push(ticket);
}

/// Locks the ticket until the end of the transaction.
pub(crate) async fn lock(tx: &mut Tx<'_>, named: TicketRef) -> Result<Option<Ticket>> {
    tx.writing.flush_tickets().await?;
    let tenant = tx.tenant();
    one(tx.link(), tenant, named, LOCK_BY_ID, LOCK_BY_NUMBER).await
}

/// The ticket in a snapshot.
pub(crate) async fn read(tx: &mut ReadTx, named: TicketRef) -> Result<Option<Ticket>> {
    let tenant = tx.tenant();
    one(tx.link(), tenant, named, BY_ID, BY_NUMBER).await
}

/// The ticket, by a single statement.
pub(crate) async fn find(db: &Db, scope: TenantScope, named: TicketRef) -> Result<Option<Ticket>> {
    read(&mut db.peek(scope).await?, named).await
}

async fn one(
    link: &mut Link,
    tenant: TenantId,
    named: TicketRef,
    by_id: Sql,
    by_number: Sql,
) -> Result<Option<Ticket>> {
    match named {
        TicketRef::Id(id) => {
            let sql = by_id.on(link);
            on!(link, c, D => sqlx::query_as::<D, Ticket>(sql).bind(id.0).bind(tenant.0).fetch_optional(c).await)
        }
        TicketRef::Number(number) => {
            let sql = by_number.on(link);
            on!(link, c, D => sqlx::query_as::<D, Ticket>(sql)
                .bind(i64::from(number))
                .bind(tenant.0)
                .fetch_optional(c)
                .await)
        }
    }
}

/// Replaces `old`, which this transaction has locked, by `new`, and updates the counts.
pub(crate) async fn update(tx: &mut Tx<'_>, old: &Ticket, new: &Ticket) -> Result<()> {
    let place = |ticket: &Ticket| (ticket.inbox, ticket.status, ticket.priority, ticket.assignee);
    if place(old) != place(new) {
        let tenant = tx.tenant();
        tx.writing.count(&Ticket { tenant, ..old.clone() }, -1);
        tx.writing.count(&Ticket { tenant, ..new.clone() }, 1);
    }
    let tenant = tx.tenant();
    tx.writing.span(tenant, Kind::Updated, old.updated_at, -1);
    tx.writing.span(tenant, Kind::Updated, new.updated_at, 1);
    if subjects::note(tx, old, new).await? {
        tx.index_soon();
    }
    let link = tx.writing();
    let sql = UPDATE.on(link);
    let requester = new.requester.as_ref();
    on!(link, c, D => sqlx::query::<D>(sql)
        .bind(old.id.0)
        .bind(tenant.0)
        .bind(&new.subject)
        .bind(subjects::fold(&new.subject))
        .bind(new.status.code())
        .bind(new.priority.code())
        .bind(new.inbox.0)
        .bind(new.assignee.map(|id| id.0))
        .bind(requester.map(|it| &it.name))
        .bind(requester.map(|it| &it.email))
        .bind(requester.map(|it| fold(&it.email)))
        .bind(write_tags(&new.tags))
        .bind(i64::from(new.message_count))
        .bind(new.last_message_at.map(Timestamp::micros))
        .bind(new.updated_at.micros())
        .bind(new.solved_at.map(Timestamp::micros))
        .bind(new.closed_at.map(Timestamp::micros))
        .bind(i64::from(new.version))
        .execute(c)
        .await
        .map(drop))
}

impl Writing {
    /// Inserts the waiting tickets: at the end of the group, or before a job reads the table.
    pub(super) async fn flush_tickets(&mut self) -> Result<()> {
        self.wrote |= !self.job.tickets.is_empty();
        let mut tickets = std::mem::take(&mut self.group.tickets);
        tickets.append(&mut self.job.tickets);
        write_rows!(&mut self.link, INSERT, &tickets, |query, ticket| {
            let requester = ticket.requester.as_ref();
            query
                .bind(ticket.id.0)
                .bind(ticket.tenant.0)
                .bind(i64::from(ticket.number))
                .bind(&ticket.subject)
                .bind(subjects::fold(&ticket.subject))
                .bind(ticket.status.code())
                .bind(ticket.priority.code())
                .bind(ticket.inbox.0)
                .bind(ticket.assignee.map(|id| id.0))
                .bind(requester.map(|it| &it.name))
                .bind(requester.map(|it| &it.email))
                .bind(requester.map(|it| fold(&it.email)))
                .bind(write_tags(&ticket.tags))
                .bind(ticket.channel.code())
                .bind(i64::from(ticket.message_count))
                .bind(ticket.last_message_at.map(Timestamp::micros))
                .bind(ticket.created_at.micros())
                .bind(ticket.updated_at.micros())
                .bind(ticket.solved_at.map(Timestamp::micros))
                .bind(ticket.closed_at.map(Timestamp::micros))
                .bind(i64::from(ticket.version))
        });
        Ok(())
    }
}
