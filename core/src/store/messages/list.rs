//! Lists of messages without notes: first the sizes of their bodies, which tell how much of them an answer can hold,
//! then the messages themselves, so that no page of long bodies is ever in memory as a whole.

use super::{Message, message_kind};
use crate::store::{
    ReadTx, Result, Scoped as _,
    db::{
        conn::on,
        row::from_row,
        sql::{Sql, keys, statements},
    },
};
use inboxops_proto::{
    clock::Timestamp,
    id::{MessageId, TicketId},
};
use std::collections::HashMap;
use uuid::Uuid;

/// A message as far as it matters for the size of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageSize {
    pub(crate) id: MessageId,
    pub(crate) ticket: TicketId,
    pub(crate) created_at: Timestamp,
    /// Size of the plain text in bytes.
    pub(crate) text: usize,
    /// Size of the HTML in bytes.
    pub(crate) html: usize,
}

from_row!(MessageSize in "messages", row => Ok(MessageSize {
    id: MessageId(row.get("id")?),
    ticket: TicketId(row.get("ticket_id")?),
    created_at: row.time("created_at")?,
    text: row.number("text_bytes")?,
    html: row.number("html_bytes")?,
}));

/// The rows of a page, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageSpan {
    /// The page begins after a message of this time and id.
    pub(crate) after: (i64, Uuid),
    /// Messages of this time or later are left out.
    pub(crate) until: Timestamp,
    pub(crate) limit: i64,
    pub(crate) offset: i64,
}

/// Before all messages.
pub(crate) const BEGIN: (i64, Uuid) = (i64::MIN, Uuid::nil());
/// Beyond all times.
pub(crate) const NO_END: Timestamp = Timestamp::from_micros(i64::MAX);

/// `octet_length` does not read the bodies.
macro_rules! sizes {
    () => {
        "id, ticket_id, created_at, CAST(octet_length(body_text) AS BIGINT) AS text_bytes, \
         CAST(octet_length(body_html) AS BIGINT) AS html_bytes"
    };
}

/// The columns of whole messages in `m`, bodies cut after $3 characters.
macro_rules! cut_columns {
    () => {
        "m.id, m.ticket_id, m.kind, m.author_kind, m.author_id, m.author_name, m.author_email, \
         substr(m.body_text, 1, CAST($3 AS INTEGER)) AS body_text, \
         substr(m.body_html, 1, CAST($3 AS INTEGER)) AS body_html, m.truncated, m.created_at, m.sent_at"
    };
}

macro_rules! no_note {
    () => {
        concat!(" AND kind <> ", message_kind!(internal_note))
    };
}

// Where the messages of tickets are wanted, the tenant is compared as a truth value: no planner may search by it.
statements! {
    OF_TICKET = Sql::both(concat!(
        "SELECT ", sizes!(), " FROM messages WHERE ticket_id = $7 AND (tenant_id = $1) IS TRUE", no_note!(),
        " AND (created_at, id) > ($2, $3) AND created_at < $4 ORDER BY created_at, id LIMIT $5 OFFSET $6"
    ));
    OF_ALL = Sql::each(
        concat!(
            "SELECT ", sizes!(), " FROM messages INDEXED BY messages_created WHERE tenant_id = $1", no_note!(),
            " AND (created_at, id) > ($2, $3) AND created_at < $4 ORDER BY created_at, id LIMIT $5 OFFSET $6"
        ),
        concat!(
            "SELECT ", sizes!(), " FROM messages WHERE tenant_id = $1", no_note!(),
            " AND (created_at, id) > ($2, $3) AND created_at < $4 ORDER BY created_at, id LIMIT $5 OFFSET $6"
        ),
    );
    OF_SOME = Sql::each(
        concat!(
            "SELECT ", sizes!(), " FROM (SELECT value AS ticket FROM json_each($7)) asked CROSS JOIN messages \
             WHERE messages.id IN (SELECT m.id FROM messages m INDEXED BY messages_ticket \
             WHERE m.ticket_id = unhex(asked.ticket) AND (m.tenant_id = $1) IS TRUE AND m.kind <> ",
            message_kind!(internal_note), " AND (m.created_at, m.id) > ($2, $3) AND m.created_at < $4 \
             ORDER BY m.created_at, m.id LIMIT $5) ORDER BY created_at, messages.id LIMIT $5 OFFSET $6"
        ),
        concat!(
            "SELECT x.* FROM unnest(CAST($7::text AS uuid[])) AS asked (ticket) CROSS JOIN LATERAL (SELECT ", sizes!(),
            " FROM messages WHERE ticket_id = asked.ticket AND (tenant_id = $1) IS TRUE", no_note!(),
            " AND (created_at, id) > ($2, $3) AND created_at < $4 ORDER BY created_at, id LIMIT $5) x \
             ORDER BY x.created_at, x.id LIMIT $5 OFFSET $6"
        ),
    );
    NEWEST = Sql::each(
        concat!(
            "SELECT ", sizes!(), " FROM (SELECT value AS ticket FROM json_each($2)) asked CROSS JOIN messages \
             WHERE messages.id IN (SELECT m.id FROM messages m INDEXED BY messages_ticket \
             WHERE m.ticket_id = unhex(asked.ticket) AND (m.tenant_id = $1) IS TRUE AND m.kind <> ",
            message_kind!(internal_note), " ORDER BY m.created_at DESC, m.id DESC LIMIT $3)"
        ),
        concat!(
            "SELECT x.* FROM unnest(CAST($2::text AS uuid[])) AS asked (ticket) CROSS JOIN LATERAL (SELECT ", sizes!(),
            " FROM messages WHERE ticket_id = asked.ticket AND (tenant_id = $1) IS TRUE", no_note!(),
            " ORDER BY created_at DESC, id DESC LIMIT $3) x"
        ),
    );
    BODIES = Sql::each(
        concat!(
            "SELECT ", cut_columns!(), " FROM json_each($2) asked CROSS JOIN messages m \
             WHERE m.id = unhex(asked.value) AND (m.tenant_id = $1) IS TRUE"
        ),
        concat!(
            "SELECT ", cut_columns!(), " FROM unnest(CAST($2::text AS uuid[])) AS asked (key) CROSS JOIN LATERAL \
             (SELECT * FROM messages WHERE id = asked.key AND (tenant_id = $1) IS TRUE OFFSET 0) m"
        ),
    );
}

/// The messages of one ticket.
pub(crate) async fn of_ticket(tx: &mut ReadTx, ticket: TicketId, span: MessageSpan) -> Result<Vec<MessageSize>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = OF_TICKET.on(link);
    on!(link, c, D => sqlx::query_as::<D, MessageSize>(sql)
        .bind(tenant.0)
        .bind(span.after.0)
        .bind(span.after.1)
        .bind(span.until.micros())
        .bind(span.limit)
        .bind(span.offset)
        .bind(ticket.0)
        .fetch_all(c)
        .await)
}

/// The messages of these tickets, or of all tickets if none is named.
pub(crate) async fn of_tickets(tx: &mut ReadTx, tickets: &[TicketId], span: MessageSpan) -> Result<Vec<MessageSize>> {
    let tenant = tx.tenant();
    let link = tx.link();
    if tickets.is_empty() {
        let sql = OF_ALL.on(link);
        return on!(link, c, D => sqlx::query_as::<D, MessageSize>(sql)
            .bind(tenant.0)
            .bind(span.after.0)
            .bind(span.after.1)
            .bind(span.until.micros())
            .bind(span.limit)
            .bind(span.offset)
            .fetch_all(c)
            .await);
    }
    let sql = OF_SOME.on(link);
    let keys = keys(link.is_pg(), tickets.iter().map(|it| it.0));
    on!(link, c, D => sqlx::query_as::<D, MessageSize>(sql)
        .bind(tenant.0)
        .bind(span.after.0)
        .bind(span.after.1)
        .bind(span.until.micros())
        .bind(span.limit)
        .bind(span.offset)
        .bind(keys)
        .fetch_all(c)
        .await)
}

/// The newest messages of each of these tickets, at most `each`, oldest first.
pub(crate) async fn newest(
    tx: &mut ReadTx,
    tickets: &[TicketId],
    each: i64,
) -> Result<HashMap<TicketId, Vec<MessageSize>>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = NEWEST.on(link);
    let keys = keys(link.is_pg(), tickets.iter().map(|it| it.0));
    let mut rows = on!(link, c, D => sqlx::query_as::<D, MessageSize>(sql)
        .bind(tenant.0)
        .bind(keys)
        .bind(each)
        .fetch_all(c)
        .await)?;
    rows.sort_unstable_by_key(|it| (it.created_at, it.id));
    let mut by_ticket: HashMap<TicketId, Vec<MessageSize>> = HashMap::new();
    rows.into_iter().for_each(|it| by_ticket.entry(it.ticket).or_default().push(it));
    Ok(by_ticket)
}

/// These messages with at most `cut` characters of each body, in any order.
pub(crate) async fn bodies(tx: &mut ReadTx, ids: &[MessageId], cut: usize) -> Result<HashMap<MessageId, Message>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = BODIES.on(link);
    let keys = keys(link.is_pg(), ids.iter().map(|it| it.0));
    let cut = i32::try_from(cut).unwrap_or(i32::MAX);
    let rows = on!(link, c, D => sqlx::query_as::<D, Message>(sql)
        .bind(tenant.0)
        .bind(keys)
        .bind(cut)
        .fetch_all(c)
        .await)?;
    Ok(rows.into_iter().map(|message| (message.id, message)).collect())
}
