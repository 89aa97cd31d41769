//! Rows of `api_keys`. They have the SHA-256 of a key, never the key.

use super::{
    Db, Queue, Result, Scoped, Tx,
    db::{
        conn::on,
        row::from_row,
        sql::{Rows, Sql, Type, row_statements, statements, write_rows},
    },
};
use inboxops_proto::{
    clock::Timestamp,
    id::{ApiKeyId, TenantId},
};

/// An API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiKey {
    pub(crate) id: ApiKeyId,
    pub(crate) tenant: TenantId,
    pub(crate) name: String,
    /// Its first characters, for display.
    pub(crate) prefix: String,
    /// Names of its scopes, separated by spaces.
    pub(crate) scopes: String,
    pub(crate) created_at: Timestamp,
    /// Time of its last call, to the minute.
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
    /// The key that replaces it.
    pub(crate) replaced_by: Option<ApiKeyId>,
    /// Its own share of the tenant's rate limit.
    pub(crate) requests_per_minute: Option<u32>,
}

from_row!(ApiKey in "api_keys", row => Ok(ApiKey {
    id: ApiKeyId(row.get("id")?),
    tenant: TenantId(row.get("tenant_id")?),
    name: row.get("name")?,
    prefix: row.get("prefix")?,
    scopes: row.get("scopes")?,
    created_at: row.time("created_at")?,
    last_used_at: row.opt_time("last_used_at")?,
    expires_at: row.opt_time("expires_at")?,
    revoked_at: row.opt_time("revoked_at")?,
    replaced_by: row.opt("replaced_by", ApiKeyId)?,
    requests_per_minute: row.opt_number("requests_per_minute")?,
}));

macro_rules! columns {
    () => {
        "id, tenant_id, name, prefix, scopes, created_at, last_used_at, expires_at, revoked_at, replaced_by, \
         requests_per_minute"
    };
}

statements! {
    BY_HASH = Sql::both(concat!("SELECT ", columns!(), " FROM api_keys WHERE hash = $1"));
    OWNER = Sql::both("SELECT tenant_id FROM api_keys WHERE id = $1");
    GET = Sql::both(concat!("SELECT ", columns!(), " FROM api_keys WHERE id = $1 AND tenant_id = $2"));
    LIST = Sql::both(concat!(
        "SELECT ", columns!(), " FROM api_keys WHERE tenant_id = $1 AND revoked_at IS NULL \
         ORDER BY id DESC LIMIT $2 OFFSET $3"
    ));
    LIST_ALL = Sql::both(concat!(
        "SELECT ", columns!(), " FROM api_keys WHERE tenant_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3"
    ));
    COUNT = Sql::both("SELECT COUNT(*) FROM api_keys WHERE tenant_id = $1 AND revoked_at IS NULL");
    COUNT_ALL = Sql::both("SELECT COUNT(*) FROM api_keys WHERE tenant_id = $1");
    INSERT = Sql::both(
        "INSERT INTO api_keys (id, tenant_id, name, hash, prefix, scopes, created_at, expires_at, requests_per_minute) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    );
    UPDATE = Sql::both(concat!(
        "UPDATE api_keys SET name = COALESCE($3, name), requests_per_minute = CASE WHEN CAST($4 AS BIGINT) IS NULL \
         THEN requests_per_minute ELSE NULLIF(CAST($4 AS BIGINT), 0) END WHERE id = $1 AND tenant_id = $2 RETURNING ",
        columns!()
    ));
    // A key that expires before the grace period ends keeps its own end.
    REPLACE = Sql::both(concat!(
        "UPDATE api_keys SET replaced_by = $3, \
         expires_at = CASE WHEN expires_at IS NOT NULL AND expires_at < $4 THEN expires_at ELSE $4 END \
         WHERE id = $1 AND tenant_id = $2 AND replaced_by IS NULL RETURNING ",
        columns!()
    ));
    REVOKE = Sql::both(concat!(
        "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $3) WHERE id = $1 AND tenant_id = $2 RETURNING ",
        columns!()
    ));
}

row_statements! {
    MARK_USED = Rows {
        head: "WITH v (id, at) AS (VALUES",
        row: &[Type::Uuid, Type::Big],
        tail: ") UPDATE api_keys SET last_used_at = v.at FROM v WHERE api_keys.id = v.id \
               AND (api_keys.last_used_at IS NULL OR api_keys.last_used_at < v.at)",
        tail_pg: None,
    };
}

/// The key with this SHA-256, revoked and expired ones included.
pub(crate) async fn find_by_hash(db: &Db, hash: [u8; 32]) -> Result<Option<ApiKey>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = BY_HASH.on(link);
    on!(link, c, D => sqlx::query_as::<D, ApiKey>(sql).bind(&hash[..]).fetch_optional(c).await)
}

/// The tenant of the key with this id, for the operator, who may name a key without its tenant.
pub(crate) async fn owner(db: &Db, id: ApiKeyId) -> Result<Option<TenantId>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = OWNER.on(link);
    let owner = on!(link, c, D => sqlx::query_scalar::<D, uuid::Uuid>(sql).bind(id.0).fetch_optional(c).await)?;
    Ok(owner.map(TenantId))
}

pub(crate) async fn get(tx: &mut impl Scoped, id: ApiKeyId) -> Result<Option<ApiKey>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = GET.on(link);
    on!(link, c, D => sqlx::query_as::<D, ApiKey>(sql).bind(id.0).bind(tenant.0).fetch_optional(c).await)
}

/// A page of keys, newest first.
pub(crate) async fn list(tx: &mut impl Scoped, revoked_too: bool, limit: i64, offset: i64) -> Result<Vec<ApiKey>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = if revoked_too { LIST_ALL } else { LIST }.on(link);
    on!(link, c, D =>
        sqlx::query_as::<D, ApiKey>(sql).bind(tenant.0).bind(limit).bind(offset).fetch_all(c).await)
}

/// How many keys [`list`] pages through.
pub(crate) async fn count(tx: &mut impl Scoped, revoked_too: bool) -> Result<i64> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = if revoked_too { COUNT_ALL } else { COUNT }.on(link);
    on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).bind(tenant.0).fetch_one(c).await)
}

/// Inserts a key with this hash. Its `tenant` must be the transaction's.
pub(crate) async fn insert(tx: &mut Tx<'_>, key: &ApiKey, hash: [u8; 32]) -> Result<()> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = INSERT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql)
        .bind(key.id.0)
        .bind(tenant.0)
        .bind(&key.name)
        .bind(&hash[..])
        .bind(&key.prefix)
        .bind(&key.scopes)
        .bind(key.created_at.micros())
        .bind(key.expires_at.map(Timestamp::micros))
        .bind(key.requests_per_minute.map(i64::from))
        .execute(c)
        .await
        .map(drop))
}

/// Changes the name and the share, as far as they are given; a share of 0 is none.
pub(crate) async fn update(
    tx: &mut Tx<'_>,
    id: ApiKeyId,
    name: Option<&str>,
    share: Option<u32>,
) -> Result<Option<ApiKey>> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = UPDATE.on(link);
    on!(link, c, D => sqlx::query_as::<D, ApiKey>(sql)
        .bind(id.0)
        .bind(tenant.0)
        .bind(name)
        .bind(share.map(i64::from))
        .fetch_optional(c)
        .await)
}

/// Records the key that replaces one, which then ends at `ends`; `None` if it was already replaced.
pub(crate) async fn replace(tx: &mut Tx<'_>, id: ApiKeyId, by: ApiKeyId, ends: Timestamp) -> Result<Option<ApiKey>> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = REPLACE.on(link);
    on!(link, c, D => sqlx::query_as::<D, ApiKey>(sql)
        .bind(id.0)
        .bind(tenant.0)
        .bind(by.0)
        .bind(ends.micros())
        .fetch_optional(c)
        .await)
}

/// Revokes a key; one that is already revoked keeps its time.
pub(crate) async fn revoke(tx: &mut Tx<'_>, id: ApiKeyId, at: Timestamp) -> Result<Option<ApiKey>> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = REVOKE.on(link);
    on!(link, c, D =>
        sqlx::query_as::<D, ApiKey>(sql).bind(id.0).bind(tenant.0).bind(at.micros()).fetch_optional(c).await)
}

pub(crate) async fn mark_used(db: &Db, mut used: Vec<(ApiKeyId, Timestamp)>) -> Result<()> {
    used.sort_unstable();
    db.system(Queue::Claims, async move |tx| {
        let link = tx.writing();
        write_rows!(link, MARK_USED, &used, |query, (id, at)| query.bind(id.0).bind(at.micros()));
        Ok(())
    })
    .await
}
