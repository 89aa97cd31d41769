//! Rows of `messages`. Lists without notes, which the public API shows, are in `messages/list.rs`.

pub(crate) mod list;

use super::{
    Result, Scoped, Tx,
    db::{
        conn::on,
        row::{codes, from_row},
        sql::{Sql, statements},
    },
};
use inboxops_proto::{
    clock::Timestamp,
    id::{InboxId, MessageId, TicketId},
};
use uuid::Uuid;

codes! {
    /// Kind of a message. Statements get its codes from [`message_kind!`].
    MessageKind {
        /// The customer wrote it.
        Inbound = 1 "inbound",
        /// It was sent to the customer.
        Outbound = 2 "outbound",
        /// Only agents see it.
        InternalNote = 3 "internal_note",
    }
}

/// The codes of [`MessageKind`] that statements use.
macro_rules! message_kind {
    (outbound) => {
        "2"
    };
    (internal_note) => {
        "3"
    };
}
pub(super) use message_kind;

codes! {
    /// Kind of an author.
    AuthorKind {
        Customer = 1 "customer",
        /// An agent of the tenant.
        Agent = 2 "agent",
        /// A program with an API key.
        ApiKey = 3 "api_key",
        /// InboxOps itself or a program of its operator.
        System = 4 "system",
    }
}

/// The author of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Author {
    pub(crate) kind: AuthorKind,
    /// Id of the agent or API key.
    pub(crate) id: Option<Uuid>,
    /// Name; may be empty.
    pub(crate) name: String,
    pub(crate) email: Option<String>,
}

/// One message of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) id: MessageId,
    pub(crate) ticket: TicketId,
    pub(crate) kind: MessageKind,
    pub(crate) author: Author,
    /// Plain text.
    pub(crate) text: String,
    /// Sanitised HTML.
    pub(crate) html: String,
    /// Whether a body was cut because it was too long.
    pub(crate) truncated: bool,
    /// Time at which it was recorded.
    pub(crate) created_at: Timestamp,
    /// When a mail was sent, according to its `Date` field.
    pub(crate) sent_at: Option<Timestamp>,
}

/// The mail data of a message, by which repeats are recognised and answers find their ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailIdentity {
    /// The inbox that received or sent it.
    pub(crate) inbox: InboxId,
    /// Equal for all copies of a mail in one inbox.
    pub(crate) dedup_key: Option<[u8; 32]>,
    /// Its `Message-ID`, at most [`MAIL_ID_MAX_CHARS`].
    pub(crate) message_id: Option<String>,
    /// `Message-ID` of the mail that it answers.
    pub(crate) in_reply_to: Option<String>,
    /// Id of a reply at its sending provider; unique within the tenant.
    pub(crate) provider_id: Option<String>,
}

/// Longest `Message-ID` that is stored; a PostgreSQL index takes no row of more than 2,700 bytes.
pub(crate) const MAIL_ID_MAX_CHARS: usize = 500;

from_row!(Message in "messages", row => Ok(Message {
    id: MessageId(row.get("id")?),
    ticket: TicketId(row.get("ticket_id")?),
    kind: row.code("kind")?,
    author: Author {
        kind: row.code("author_kind")?,
        id: row.get("author_id")?,
        name: row.get("author_name")?,
        email: row.get("author_email")?,
    },
    text: row.get("body_text")?,
    html: row.get("body_html")?,
    truncated: row.get("truncated")?,
    created_at: row.time("created_at")?,
    sent_at: row.opt_time("sent_at")?,
}));

macro_rules! columns {
    () => {
        "id, ticket_id, kind, author_kind, author_id, author_name, author_email, body_text, body_html, truncated, \
         created_at, sent_at"
    };
}
pub(super) use columns;

statements! {
    INSERT = Sql::both(
        "INSERT INTO messages (id, tenant_id, ticket_id, kind, author_kind, author_id, author_name, author_email, \
         body_text, body_html, truncated, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    );
    INSERT_MAILED = Sql::both(
        "INSERT INTO messages (id, tenant_id, ticket_id, kind, author_kind, author_id, author_name, author_email, \
         body_text, body_html, truncated, created_at, sent_at, inbox_id, dedup_key, message_id, in_reply_to, \
         provider_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) \
         ON CONFLICT DO NOTHING",
    );
    GET = Sql::both(concat!("SELECT ", columns!(), " FROM messages WHERE id = $1 AND tenant_id = $2"));
    SENT = Sql::both(concat!("SELECT ", columns!(), " FROM messages WHERE tenant_id = $1 AND provider_id = $2"));
    COUNT_NOTES = Sql::both(concat!(
        "SELECT COUNT(*) FROM messages WHERE ticket_id = $1 AND kind = ", message_kind!(internal_note)
    ));
    // In these the tenant is compared as a truth value, so that no planner searches a ticket's messages by tenant.
    COUNT = Sql::both("SELECT COUNT(*) FROM messages WHERE ticket_id = $1 AND (tenant_id = $2) IS TRUE");
    LIST = Sql::both(concat!(
        "SELECT ", columns!(), " FROM messages WHERE ticket_id = $1 AND (tenant_id = $2) IS TRUE \
         ORDER BY created_at, id LIMIT $3 OFFSET $4"
    ));
    AUTHORS = Sql::both(concat!(
        "SELECT DISTINCT author_email FROM messages WHERE ticket_id = $1 AND (tenant_id = $2) IS TRUE \
         AND kind <> ", message_kind!(internal_note), " AND author_email IS NOT NULL"
    ));
}

pub(crate) async fn insert(tx: &mut Tx<'_>, message: &Message) -> Result<()> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = INSERT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql)
        .bind(message.id.0)
        .bind(tenant.0)
        .bind(message.ticket.0)
        .bind(message.kind.code())
        .bind(message.author.kind.code())
        .bind(message.author.id)
        .bind(&message.author.name)
        .bind(&message.author.email)
        .bind(&message.text)
        .bind(&message.html)
        .bind(message.truncated)
        .bind(message.created_at.micros())
        .execute(c)
        .await
        .map(drop))
}

/// Inserts a message that was sent by mail; false if the inbox or the tenant already has it.
pub(crate) async fn insert_mailed(tx: &mut Tx<'_>, message: &Message, mailed: &MailIdentity) -> Result<bool> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = INSERT_MAILED.on(link);
    let done = on!(link, c, D => sqlx::query::<D>(sql)
        .bind(message.id.0)
        .bind(tenant.0)
        .bind(message.ticket.0)
        .bind(message.kind.code())
        .bind(message.author.kind.code())
        .bind(message.author.id)
        .bind(&message.author.name)
        .bind(&message.author.email)
        .bind(&message.text)
        .bind(&message.html)
        .bind(message.truncated)
        .bind(message.created_at.micros())
        .bind(message.sent_at.map(Timestamp::micros))
        .bind(mailed.inbox.0)
        .bind(mailed.dedup_key.as_ref().map(|key| &key[..]))
        .bind(&mailed.message_id)
        .bind(&mailed.in_reply_to)
        .bind(&mailed.provider_id)
        .execute(c)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

pub(crate) async fn get(tx: &mut Tx<'_>, id: MessageId) -> Result<Option<Message>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = GET.on(link);
    on!(link, c, D => sqlx::query_as::<D, Message>(sql).bind(id.0).bind(tenant.0).fetch_optional(c).await)
}

/// The reply with this provider id.
pub(crate) async fn sent(tx: &mut Tx<'_>, provider_id: &str) -> Result<Option<Message>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = SENT.on(link);
    on!(link, c, D =>
        sqlx::query_as::<D, Message>(sql).bind(tenant.0).bind(provider_id).fetch_optional(c).await)
}

/// The mail addresses of all authors in a ticket, except of notes.
pub(crate) async fn authors(tx: &mut Tx<'_>, ticket: TicketId) -> Result<Vec<String>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = AUTHORS.on(link);
    on!(link, c, D => sqlx::query_scalar::<D, String>(sql).bind(ticket.0).bind(tenant.0).fetch_all(c).await)
}

/// How many messages [`list`] pages through.
pub(crate) async fn count(tx: &mut impl Scoped, ticket: TicketId) -> Result<i64> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = COUNT.on(link);
    on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).bind(ticket.0).bind(tenant.0).fetch_one(c).await)
}

/// A page of a ticket's messages, oldest first, with internal notes: only for agents.
pub(crate) async fn list(tx: &mut impl Scoped, ticket: TicketId, limit: i64, offset: i64) -> Result<Vec<Message>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = LIST.on(link);
    on!(link, c, D => sqlx::query_as::<D, Message>(sql)
        .bind(ticket.0)
        .bind(tenant.0)
        .bind(limit)
        .bind(offset)
        .fetch_all(c)
        .await)
}

/// The number of internal notes of a ticket that the transaction has locked.
pub(crate) async fn count_notes(tx: &mut Tx<'_>, ticket: TicketId) -> Result<u32> {
    let link = tx.link();
    let sql = COUNT_NOTES.on(link);
    let count = on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).bind(ticket.0).fetch_one(c).await)?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::MessageKind;

    #[test]
    fn kinds_in_statements_are_those_of_rows() {
        assert_eq!(message_kind!(outbound), MessageKind::Outbound.code().to_string());
        assert_eq!(message_kind!(internal_note), MessageKind::InternalNote.code().to_string());
    }
}
