//! Rows of `tags` and `ticket_tags`. Code that changes the latter also updates the copy in the ticket's row.

use super::{
    Result, Scoped, Tx,
    by_name::{self, NamedPage, after_name},
    db::{
        conn::on,
        row::from_row,
        sql::{Sql, statements},
    },
    tickets::Ticket,
};
use inboxops_proto::{
    clock::Timestamp,
    id::{TagId, TicketId},
};

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) id: TagId,
    /// Its name, as first written.
    pub(crate) name: String,
    /// Color as `#rrggbb`.
    pub(crate) color: Option<String>,
    pub(crate) created_at: Timestamp,
}

from_row!(Tag in "tags", row => Ok(Tag {
    id: TagId(row.get("id")?),
    name: row.get("name")?,
    color: row.get("color")?,
    created_at: row.time("created_at")?,
}));

statements! {
    GET = Sql::both("SELECT id, name, color, created_at FROM tags WHERE id = $1 AND tenant_id = $2");
    GET_BY_NAME = Sql::both("SELECT id, name, color, created_at FROM tags WHERE tenant_id = $1 AND name_folded = $2");
    INSERT = Sql::both(
        "INSERT INTO tags (id, tenant_id, name, name_folded, color, created_at) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (tenant_id, name_folded) DO NOTHING RETURNING id, name, color, created_at",
    );
    LIST = Sql::both(
        "SELECT id, name, color, created_at FROM tags WHERE tenant_id = $1 \
         ORDER BY name_folded, id LIMIT $2 OFFSET $3",
    );
    LIST_AFTER = Sql::both(concat!(
        "SELECT id, name, color, created_at FROM tags WHERE tenant_id = $1 AND ", after_name!("tags"),
        " ORDER BY name_folded, id LIMIT $5"
    ));
    COUNT = Sql::both("SELECT COUNT(*) FROM tags WHERE tenant_id = $1");
    LIST_OF_TICKET = Sql::both(
        "SELECT t.id, t.name, t.color, t.created_at FROM ticket_tags x JOIN tags t ON t.id = x.tag_id \
         WHERE x.ticket_id = $1 AND x.tenant_id = $2 ORDER BY t.name_folded, t.id",
    );
    ATTACH = Sql::both(
        "INSERT INTO ticket_tags (ticket_id, tag_id, tenant_id, created_at, opened_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (ticket_id, tag_id) DO NOTHING",
    );
    DETACH = Sql::both("DELETE FROM ticket_tags WHERE ticket_id = $1 AND tag_id = $2 AND tenant_id = $3");
}

pub(crate) async fn get(tx: &mut impl Scoped, id: TagId) -> Result<Option<Tag>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = GET.on(link);
    on!(link, c, D => sqlx::query_as::<D, Tag>(sql).bind(id.0).bind(tenant.0).fetch_optional(c).await)
}

/// The tag with this folded name.
pub(crate) async fn get_by_name(tx: &mut impl Scoped, folded: &str) -> Result<Option<Tag>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = GET_BY_NAME.on(link);
    on!(link, c, D => sqlx::query_as::<D, Tag>(sql).bind(tenant.0).bind(folded).fetch_optional(c).await)
}

/// The tag with this folded name: the existing one, or `new`.
pub(crate) async fn get_or_insert(tx: &mut Tx<'_>, new: &Tag, folded: &str) -> Result<Tag> {
    if let Some(tag) = get_by_name(tx, folded).await? {
        return Ok(tag);
    }
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = INSERT.on(link);
    let made = on!(link, c, D => sqlx::query_as::<D, Tag>(sql)
        .bind(new.id.0)
        .bind(tenant.0)
        .bind(&new.name)
        .bind(folded)
        .bind(&new.color)
        .bind(new.created_at.micros())
        .fetch_optional(c)
        .await)?;
    match made {
        Some(tag) => Ok(tag),
        // Another core inserted it between the two statements; it is visible now.
        None => Ok(get_by_name(tx, folded).await?.ok_or(sqlx::Error::RowNotFound)?),
    }
}

/// Adds a tag to a ticket. Update the ticket's copy as well.
pub(crate) async fn attach(tx: &mut Tx<'_>, ticket: &Ticket, tag: TagId, at: Timestamp) -> Result<()> {
    // The ticket itself may still wait in the group for its insert; no statement here reads it.
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = ATTACH.on(link);
    let attached = on!(link, c, D => sqlx::query::<D>(sql)
        .bind(ticket.id.0)
        .bind(tag.0)
        .bind(tenant.0)
        .bind(at.micros())
        .bind(ticket.created_at.micros())
        .execute(c)
        .await
        .map(|it| it.rows_affected()))?;
    if attached > 0 {
        tx.writing.count_tagged(tenant, tag, 1);
    }
    Ok(())
}

/// Removes a tag from a ticket. Update the ticket's copy as well.
pub(crate) async fn detach(tx: &mut Tx<'_>, ticket: TicketId, tag: TagId) -> Result<()> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = DETACH.on(link);
    let detached = on!(link, c, D => sqlx::query::<D>(sql)
        .bind(ticket.0)
        .bind(tag.0)
        .bind(tenant.0)
        .execute(c)
        .await
        .map(|it| it.rows_affected()))?;
    if detached > 0 {
        tx.writing.count_tagged(tenant, tag, -1);
    }
    Ok(())
}

/// A page of the tenant's tags by name.
pub(crate) async fn list(tx: &mut impl Scoped, page: NamedPage<'_>) -> Result<Vec<Tag>> {
    by_name::page(tx, LIST, LIST_AFTER, page).await
}

/// How many tags the tenant has.
pub(crate) async fn count(tx: &mut impl Scoped) -> Result<i64> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = COUNT.on(link);
    on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).bind(tenant.0).fetch_one(c).await)
}

/// The tags of a ticket by name.
pub(crate) async fn list_of_ticket(tx: &mut impl Scoped, ticket: TicketId) -> Result<Vec<Tag>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = LIST_OF_TICKET.on(link);
    on!(link, c, D => sqlx::query_as::<D, Tag>(sql).bind(ticket.0).bind(tenant.0).fetch_all(c).await)
}
