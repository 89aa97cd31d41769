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
}

from_row!(ServiceToken in "service_tokens", row => Ok(ServiceToken {
    id: ServiceTokenId(row.get("id")?),
    name: row.get("name")?,
    dispatch_only: row.get("dispatch_only")?,
    created_at: row.time("created_at")?,
}));

statements! {
    BY_HASH = Sql::both(
        "SELECT id, name, dispatch_only, created_at FROM service_tokens WHERE hash = $1 AND revoked_at IS NULL",
    );
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
