//! The sealed columns of endpoints, for a change of the master key. It knows no key.

use super::SealedBytes;
use crate::store::{
    Result, SystemTx,
    db::{
        conn::on,
        row::from_row,
        sql::{Sql, statements},
    },
};
use inboxops_proto::id::{EndpointId, TenantId};
use uuid::Uuid;

/// Greatest number of rows in one read.
pub(crate) const BATCH_MAX: i64 = 256;

/// The sealed columns of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The endpoint, also a deleted one whose row still exists.
    pub(crate) id: EndpointId,
    pub(crate) tenant: TenantId,
    pub(crate) secret: SealedBytes,
    pub(crate) other_secret: Option<SealedBytes>,
    pub(crate) headers: Option<SealedBytes>,
}

from_row!(Row in "endpoints", row => {
    let sealed = |bytes: Option<Vec<u8>>, key: Option<i16>| Some(SealedBytes { bytes: bytes?, key: key? });
    Ok(Row {
        id: EndpointId(row.get("id")?),
        tenant: TenantId(row.get("tenant_id")?),
        secret: SealedBytes { bytes: row.get("secret")?, key: row.get("secret_key")? },
        other_secret: sealed(row.get("other_secret")?, row.get("other_secret_key")?),
        headers: sealed(row.get("headers")?, row.get("headers_key")?),
    })
});

statements! {
    READ = Sql::both(
        "SELECT id, tenant_id, secret, secret_key, other_secret, other_secret_key, headers, headers_key \
         FROM endpoints WHERE id > $1 ORDER BY id LIMIT $2",
    );
    WRITE = Sql::both(
        "UPDATE endpoints SET secret = $2, secret_key = $3, other_secret = $4, other_secret_key = $5, headers = $6, \
         headers_key = $7 WHERE id = $1",
    );
}

/// Rows of all tenants after one, by id, at most [`BATCH_MAX`].
pub(crate) async fn after(tx: &mut SystemTx<'_>, after: Option<EndpointId>) -> Result<Vec<Row>> {
    let link = tx.reading();
    let sql = READ.on(link);
    let after = after.map_or(Uuid::nil(), |it| it.0);
    on!(link, c, D => sqlx::query_as::<D, Row>(sql).bind(after).bind(BATCH_MAX).fetch_all(c).await)
}

/// Updates the sealed columns and nothing else: for readers, the row has not changed.
pub(crate) async fn update(tx: &mut SystemTx<'_>, row: &Row) -> Result<()> {
    let link = tx.writing();
    let sql = WRITE.on(link);
    let bytes = |sealed: &Option<SealedBytes>| sealed.as_ref().map(|it| it.bytes.clone());
    let key = |sealed: &Option<SealedBytes>| sealed.as_ref().map(|it| it.key);
    on!(link, c, D => sqlx::query::<D>(sql)
        .bind(row.id.0)
        .bind(&row.secret.bytes)
        .bind(row.secret.key)
        .bind(bytes(&row.other_secret))
        .bind(key(&row.other_secret))
        .bind(bytes(&row.headers))
        .bind(key(&row.headers))
        .execute(c)
        .await
        .map(drop))
}
