//! Rows of `service_tokens`: credentials of the operator's own programs. They belong to no tenant.

use super::{
    Db, Result, SystemTx,
    db::{
        conn::on,
        row::from_row,
        sql::{Sql, statements},
    },
};
use inboxops_proto::{clock::Timestamp, id::ServiceTokenId};

/// A token of an edge, a worker, or another program of the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceToken {
    pub(crate) id: ServiceTokenId,
    pub(crate) name: String,
    /// Whether it may only call dispatch.
    pub(crate) dispatch_only: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) revoked_at: Option<Timestamp>,
}

from_row!(ServiceToken in "service_tokens", row => Ok(ServiceToken {
    id: ServiceTokenId(row.get("id")?),
    name: row.get("name")?,
    dispatch_only: row.get("dispatch_only")?,
    created_at: row.time("created_at")?,
    revoked_at: row.opt_time("revoked_at")?,
}));

macro_rules! columns {
    () => {
        "id, name, dispatch_only, created_at, revoked_at"
    };
}

statements! {
    BY_HASH = Sql::both(concat!(
        "SELECT ", columns!(), " FROM service_tokens WHERE hash = $1 AND revoked_at IS NULL"
    ));
    GET = Sql::both(concat!("SELECT ", columns!(), " FROM service_tokens WHERE id = $1"));
    LIST = Sql::both(concat!(
        "SELECT ", columns!(), " FROM service_tokens WHERE revoked_at IS NULL ORDER BY id DESC LIMIT $1 OFFSET $2"
    ));
    LIST_ALL = Sql::both(concat!(
        "SELECT ", columns!(), " FROM service_tokens ORDER BY id DESC LIMIT $1 OFFSET $2"
    ));
    // In the order of ids on PostgreSQL, so that it is read by the index: nothing else tells revoked ones apart.
    COUNT = Sql::each(
        "SELECT COUNT(*) FROM service_tokens WHERE revoked_at IS NULL",
        "SELECT COUNT(*) FROM (SELECT revoked_at FROM service_tokens ORDER BY id OFFSET 0) one \
         WHERE revoked_at IS NULL",
    );
    COUNT_ALL = Sql::both("SELECT COUNT(*) FROM service_tokens");
    REVOKE = Sql::both(concat!(
        "UPDATE service_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING ", columns!()
    ));
    INSERT = Sql::both(
        "INSERT INTO service_tokens (id, name, hash, dispatch_only, created_at) VALUES ($1, $2, $3, $4, $5)",
    );
}

/// The token with this SHA-256, unless it was revoked.
pub(crate) async fn find_by_hash(db: &Db, hash: [u8; 32]) -> Result<Option<ServiceToken>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = BY_HASH.on(link);
    on!(link, c, D => sqlx::query_as::<D, ServiceToken>(sql).bind(&hash[..]).fetch_optional(c).await)
}

/// The token with this id, revoked ones included.
pub(crate) async fn find(db: &Db, id: ServiceTokenId) -> Result<Option<ServiceToken>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = GET.on(link);
    on!(link, c, D => sqlx::query_as::<D, ServiceToken>(sql).bind(id.0).fetch_optional(c).await)
}

/// A page of tokens, newest first, and how many there are.
pub(crate) async fn list(db: &Db, revoked_too: bool, limit: i64, offset: i64) -> Result<(Vec<ServiceToken>, i64)> {
    let mut reader = db.snapshot().await?;
    let link = reader.link();
    let (list, count) = if revoked_too { (LIST_ALL, COUNT_ALL) } else { (LIST, COUNT) };
    let (list, count) = (list.on(link), count.on(link));
    let total = on!(link, c, D => sqlx::query_scalar::<D, i64>(count).fetch_one(c).await)?;
    let tokens =
        on!(link, c, D => sqlx::query_as::<D, ServiceToken>(list).bind(limit).bind(offset).fetch_all(c).await)?;
    Ok((tokens, total))
}

/// Revokes a token; `None` if there is none, or if it is revoked already.
pub(crate) async fn revoke(tx: &mut SystemTx<'_>, id: ServiceTokenId, at: Timestamp) -> Result<Option<ServiceToken>> {
    let link = tx.writing();
    let sql = REVOKE.on(link);
    on!(link, c, D =>
        sqlx::query_as::<D, ServiceToken>(sql).bind(id.0).bind(at.micros()).fetch_optional(c).await)
}

/// Inserts a token with this hash.
pub(crate) async fn insert(tx: &mut SystemTx<'_>, token: &ServiceToken, hash: [u8; 32]) -> Result<()> {
    let link = tx.writing();
    let sql = INSERT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql)
        .bind(token.id.0)
        .bind(&token.name)
        .bind(&hash[..])
        .bind(token.dispatch_only)
        .bind(token.created_at.micros())
        .execute(c)
        .await
        .map(drop))
}
