//! Rows of `endpoints`. Secrets and headers are sealed before they come here. The core defines what a subscription
//! means; here it is a mask of event kinds.

pub(crate) mod sealed;

use super::{
    Db, ReadTx, Result, Scoped, SystemTx, Tx,
    db::{
        conn::{Link, on},
        row::{codes, from_row},
        sql::{Rows, Sql, Type, found, row_statements, statements},
    },
    fanout::LEASE,
    lanes, recoveries, retention, tallies,
};
use inboxops_proto::{
    clock::Timestamp,
    id::{EndpointId, InboxId, TenantId},
};
use std::time::Duration;
use uuid::Uuid;

/// How long the rows of a deleted endpoint are kept: longer than any lease, so that a request in flight is still
/// recorded, and nothing is written for an endpoint that no longer exists.
pub(crate) const ROWS_KEPT: Duration = LEASE.saturating_mul(2);

/// Bytes sealed with one of the master keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SealedBytes {
    /// Nonce, ciphertext and tag.
    pub(crate) bytes: Vec<u8>,
    /// Version of the master key.
    pub(crate) key: i16,
}

/// The second live secret of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OtherSecret {
    pub(crate) sealed: SealedBytes,
    /// Its last characters.
    pub(crate) hint: String,
    /// Whether it is the next secret; otherwise it is the previous one.
    pub(crate) is_next: bool,
    /// When it is promoted, or ends.
    pub(crate) until: Timestamp,
    /// Hours for which the present secret continues to sign after the promotion of this one.
    pub(crate) keep_hours: u32,
}

/// A webhook endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) id: EndpointId,
    pub(crate) tenant: TenantId,
    /// URL to post to.
    pub(crate) url: String,
    /// Description for people.
    pub(crate) description: Option<String>,
    /// The subscription, as given.
    pub(crate) events: Vec<String>,
    /// The same as a bit mask: `1 << kind`.
    pub(crate) mask: i64,
    /// Inboxes whose events it gets; empty for all.
    pub(crate) inboxes: Vec<InboxId>,
    /// Whether the tenant has enabled it.
    pub(crate) enabled: bool,
    /// Why InboxOps disabled it.
    pub(crate) disabled_reason: Option<String>,
    /// Greatest number of requests a second.
    pub(crate) rate_per_second: Option<u32>,
    /// Whether it gets the thin form of events.
    pub(crate) thin: bool,
    pub(crate) headers: Option<SealedBytes>,
    /// The secret that signs `X-InboxOps-Signature`.
    pub(crate) secret: SealedBytes,
    /// Its last characters.
    pub(crate) secret_hint: String,
    pub(crate) other_secret: Option<OtherSecret>,
    /// Grows with every change that a worker must know.
    pub(crate) version: u32,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl Endpoint {
    /// Whether it gets an event of this kind, of the first inbox, that moved its ticket out of the second; fan-out
    /// decides it in the same way.
    pub(crate) fn wants(&self, kind: i16, of: [Option<InboxId>; 2]) -> bool {
        super::fanout::wants(self.mask, &self.inboxes, kind, of)
    }
}

macro_rules! columns {
    () => {
        "id, tenant_id, url, description, events, mask, inbox_ids, enabled, disabled_reason, rate_per_second, headers, \
         headers_key, secret, secret_key, secret_hint, other_secret, other_secret_key, other_secret_hint, \
         other_secret_role, other_secret_until, version, created_at, updated_at, keep_old_hours, \
         thin"
    };
}

codes! {
    /// The role of the second live secret. Statements get its codes from [`secret_role!`].
    SecretRole {
        /// The next secret.
        Next = 1 "next",
        /// The previous secret.
        Before = 2 "before",
    }
}

/// The code of a [`SecretRole`] in the text of a statement.
macro_rules! secret_role {
    (next) => {
        "1"
    };
    (before) => {
        "2"
    };
}

from_row!(Endpoint in "endpoints", row => {
    let sealed = |bytes: Option<Vec<u8>>, key: Option<i16>| Some(SealedBytes { bytes: bytes?, key: key? });
    let other = (
        sealed(row.get("other_secret")?, row.get("other_secret_key")?),
        row.get::<Option<String>>("other_secret_hint")?,
        row.opt_code::<SecretRole>("other_secret_role")?,
        row.opt_time("other_secret_until")?,
    );
    Ok(Endpoint {
        id: EndpointId(row.get("id")?),
        tenant: TenantId(row.get("tenant_id")?),
        url: row.get("url")?,
        description: row.get("description")?,
        events: row.parsed("events", read_events)?,
        mask: row.get("mask")?,
        inboxes: row.parsed("inbox_ids", read_inboxes)?,
        enabled: row.get("enabled")?,
        disabled_reason: row.get("disabled_reason")?,
        rate_per_second: row.opt_number("rate_per_second")?,
        thin: row.get("thin")?,
        headers: sealed(row.get("headers")?, row.get("headers_key")?),
        secret: SealedBytes { bytes: row.get("secret")?, key: row.get("secret_key")? },
        secret_hint: row.get("secret_hint")?,
        other_secret: match other {
            (Some(sealed), Some(hint), Some(role), Some(until)) => {
                Some(OtherSecret {
                    sealed,
                    hint,
                    is_next: role == SecretRole::Next,
                    until,
                    keep_hours: row.opt_number("keep_old_hours")?.unwrap_or(0),
                })
            }
            _ => None,
        },
        version: row.number("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
});

fn read_events(text: &str) -> serde_json::Result<Vec<String>> {
    serde_json::from_str(text)
}

pub(super) fn read_inboxes(text: &str) -> serde_json::Result<Vec<InboxId>> {
    if text == "[]" {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = serde_json::from_str(text)?;
    Ok(ids.into_iter().map(InboxId).collect())
}

fn write_json<T: serde::Serialize>(items: &[T]) -> String {
    serde_json::to_string(items).expect("names and ids are always JSON")
}

statements! {
    GET = Sql::both(concat!(
        "SELECT ", columns!(), " FROM endpoints WHERE id = $1 AND tenant_id = $2 AND deleted_at IS NULL"
    ));
    LOCK = Sql::each(
        concat!("SELECT ", columns!(), " FROM endpoints WHERE id = $1 AND tenant_id = $2 AND deleted_at IS NULL"),
        concat!(
            "SELECT ", columns!(),
            " FROM endpoints WHERE id = $1 AND tenant_id = $2 AND deleted_at IS NULL FOR UPDATE"
        ),
    );
    LIST = Sql::both(concat!(
        "SELECT ", columns!(), " FROM endpoints WHERE tenant_id = $1 AND deleted_at IS NULL \
         ORDER BY id DESC LIMIT $2 OFFSET $3"
    ));
    LIST_AFTER = Sql::both(concat!(
        "SELECT ", columns!(), " FROM endpoints WHERE tenant_id = $1 AND deleted_at IS NULL AND id < $2 \
         ORDER BY id DESC LIMIT $3"
    ));
    COUNT = Sql::both("SELECT COUNT(*) FROM endpoints WHERE tenant_id = $1 AND deleted_at IS NULL");
    INSERT = Sql::both(
        "INSERT INTO endpoints (id, tenant_id, url, description, events, mask, inbox_ids, enabled, disabled_reason, \
         rate_per_second, headers, headers_key, secret, secret_key, secret_hint, other_secret, other_secret_key, \
         other_secret_hint, other_secret_role, other_secret_until, keep_old_hours, version, thin, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
         $23, $24, $25)",
    );
    UPDATE = Sql::both(
        "UPDATE endpoints SET url = $3, description = $4, events = $5, mask = $6, inbox_ids = $7, enabled = $8, \
         disabled_reason = $9, rate_per_second = $10, headers = $11, headers_key = $12, secret = $13, \
         secret_key = $14, secret_hint = $15, other_secret = $16, other_secret_key = $17, other_secret_hint = $18, \
         other_secret_role = $19, other_secret_until = $20, keep_old_hours = $21, version = $22, thin = $23, updated_at = $24 \
         WHERE id = $1 AND tenant_id = $2",
    );
    DELETE = Sql::both(
        "UPDATE endpoints SET deleted_at = $3, updated_at = $3, version = version + 1 \
         WHERE id = $1 AND tenant_id = $2 AND deleted_at IS NULL",
    );
    DISABLE = Sql::both(
        "UPDATE endpoints SET disabled_reason = $2, updated_at = $3, version = version + 1 \
         WHERE id = $1 AND disabled_reason IS NULL AND deleted_at IS NULL AND version = COALESCE($4, version) \
         RETURNING tenant_id",
    );
    // Readers apply the rules of a rotation themselves; this only keeps no secret longer than needed.
    EXPIRE_SECRETS = Sql::both(concat!(
        "UPDATE endpoints SET other_secret = NULL, other_secret_key = NULL, other_secret_hint = NULL, \
         other_secret_role = NULL, other_secret_until = NULL, keep_old_hours = NULL \
         WHERE other_secret_until <= $1 AND other_secret_role = ", secret_role!(before)
    ));
    PROMOTE_SECRETS = Sql::both(concat!(
        "UPDATE endpoints SET secret = other_secret, secret_key = other_secret_key, secret_hint = other_secret_hint, \
         other_secret = secret, other_secret_key = secret_key, other_secret_hint = secret_hint, \
         other_secret_role = ", secret_role!(before), ", \
         other_secret_until = other_secret_until + 3600000000 * keep_old_hours, keep_old_hours = 0 \
         WHERE other_secret_until <= $1 AND other_secret_role = ", secret_role!(next)
    ));
    FIND_DELETED = Sql::both("SELECT id FROM endpoints WHERE deleted_at <= $1 ORDER BY deleted_at LIMIT 1");
    DELETE_LANE = Sql::both("DELETE FROM lanes WHERE endpoint_id = $1");
    DELETE_HEALTH = Sql::both("DELETE FROM endpoint_health WHERE endpoint_id = $1");
    DELETE_ROW = Sql::both("DELETE FROM endpoints WHERE id = $1");
}

row_statements! {
    LOAD = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: concat!(") SELECT ", columns!(), " FROM v JOIN endpoints ON endpoints.id = v.key WHERE deleted_at IS NULL"),
        tail_pg: None,
    };
}

macro_rules! bind_all {
    ($query:expr, $endpoint:expr) => {{
        let endpoint: &Endpoint = $endpoint;
        let headers = endpoint.headers.as_ref();
        let other = endpoint.other_secret.as_ref();
        $query
            .bind(&endpoint.url)
            .bind(&endpoint.description)
            .bind(write_json(&endpoint.events))
            .bind(endpoint.mask)
            .bind(write_json(&endpoint.inboxes.iter().map(|inbox| inbox.0).collect::<Vec<_>>()))
            .bind(endpoint.enabled)
            .bind(&endpoint.disabled_reason)
            .bind(endpoint.rate_per_second.map(i64::from))
            .bind(headers.map(|sealed| &sealed.bytes))
            .bind(headers.map(|sealed| sealed.key))
            .bind(&endpoint.secret.bytes)
            .bind(endpoint.secret.key)
            .bind(&endpoint.secret_hint)
            .bind(other.map(|other| &other.sealed.bytes))
            .bind(other.map(|other| other.sealed.key))
            .bind(other.map(|other| &other.hint))
            .bind(other.map(|other| if other.is_next { SecretRole::Next } else { SecretRole::Before }.code()))
            .bind(other.map(|other| other.until.micros()))
            .bind(other.map(|other| i64::from(other.keep_hours)))
            .bind(i64::from(endpoint.version))
            .bind(endpoint.thin)
    }};
}

/// Inserts an endpoint and its lane. Its `tenant` must be the transaction's.
pub(crate) async fn insert(tx: &mut Tx<'_>, endpoint: &Endpoint) -> Result<()> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = INSERT.on(link);
    on!(link, c, D => bind_all!(sqlx::query::<D>(sql).bind(endpoint.id.0).bind(tenant.0), endpoint)
        .bind(endpoint.created_at.micros())
        .bind(endpoint.updated_at.micros())
        .execute(c)
        .await
        .map(drop))?;
    lanes::insert(link, tenant, endpoint.id).await?;
    lanes::pause_as_enabled(link, endpoint.id).await
}

/// Updates an endpoint, with the version that the caller has given it, and pauses or resumes its lane.
pub(crate) async fn update(tx: &mut Tx<'_>, endpoint: &Endpoint) -> Result<()> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = UPDATE.on(link);
    on!(link, c, D => bind_all!(sqlx::query::<D>(sql).bind(endpoint.id.0).bind(tenant.0), endpoint)
        .bind(endpoint.updated_at.micros())
        .execute(c)
        .await
        .map(drop))?;
    lanes::pause_as_enabled(link, endpoint.id).await
}

/// Deletes an endpoint: it and its deliveries disappear at once, and [`delete_rows`] deletes their rows in small
/// batches. False if it does not exist.
pub(crate) async fn delete(tx: &mut Tx<'_>, id: EndpointId, at: Timestamp) -> Result<bool> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = DELETE.on(link);
    let done = on!(link, c, D =>
        sqlx::query::<D>(sql).bind(id.0).bind(tenant.0).bind(at.micros()).execute(c).await.map(|it| it.rows_affected()))?;
    lanes::pause_as_enabled(link, id).await?;
    Ok(done > 0)
}

/// Disables an endpoint that still has this version, with a reason for its tenant. Returns the tenant; `None` if it is
/// already disabled.
pub(crate) async fn disable(
    tx: &mut SystemTx<'_>,
    id: EndpointId,
    version: Option<u32>,
    reason: &str,
    at: Timestamp,
) -> Result<Option<TenantId>> {
    let link = tx.writing();
    let sql = DISABLE.on(link);
    let tenant = on!(link, c, D =>
        sqlx::query_scalar::<D, uuid::Uuid>(sql)
            .bind(id.0).bind(reason).bind(at.micros()).bind(version.map(i64::from)).fetch_optional(c).await)?;
    lanes::pause_as_enabled(link, id).await?;
    Ok(tenant.map(TenantId))
}

/// Updates rows whose secrets time has changed: promoted staged ones, expired old ones. Settings and versions stay,
/// since every reader of a row applies the time itself.
pub(crate) async fn pass_time(tx: &mut SystemTx<'_>, now: Timestamp) -> Result<()> {
    let link = tx.writing();
    for sql in [PROMOTE_SECRETS, EXPIRE_SECRETS] {
        let sql = sql.on(link);
        on!(link, c, D => sqlx::query::<D>(sql).bind(now.micros()).execute(c).await.map(drop))?;
    }
    Ok(())
}

pub(crate) async fn get(tx: &mut impl Scoped, id: EndpointId) -> Result<Option<Endpoint>> {
    let tenant = tx.tenant();
    one(tx.link(), GET, id, tenant).await
}

/// Locks the endpoint until the end of the transaction.
pub(crate) async fn lock(tx: &mut Tx<'_>, id: EndpointId) -> Result<Option<Endpoint>> {
    let tenant = tx.tenant();
    one(tx.link(), LOCK, id, tenant).await
}

async fn one(link: &mut Link, sql: Sql, id: EndpointId, tenant: TenantId) -> Result<Option<Endpoint>> {
    let sql = sql.on(link);
    on!(link, c, D => sqlx::query_as::<D, Endpoint>(sql).bind(id.0).bind(tenant.0).fetch_optional(c).await)
}

/// A page of endpoints, newest first.
pub(crate) async fn list(tx: &mut ReadTx, limit: i64, offset: i64) -> Result<Vec<Endpoint>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = LIST.on(link);
    on!(link, c, D =>
        sqlx::query_as::<D, Endpoint>(sql).bind(tenant.0).bind(limit).bind(offset).fetch_all(c).await)
}

/// The endpoints after one, newest first.
pub(crate) async fn list_after(tx: &mut ReadTx, after: EndpointId, limit: i64) -> Result<Vec<Endpoint>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = LIST_AFTER.on(link);
    on!(link, c, D =>
        sqlx::query_as::<D, Endpoint>(sql).bind(tenant.0).bind(after.0).bind(limit).fetch_all(c).await)
}

/// How many endpoints the tenant has.
pub(crate) async fn count(tx: &mut impl Scoped) -> Result<i64> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = COUNT.on(link);
    on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).bind(tenant.0).fetch_one(c).await)
}

/// The endpoints with these ids, of any tenant, for dispatch. Deleted ones are left out.
pub(crate) async fn load(db: &Db, ids: &[EndpointId]) -> Result<Vec<Endpoint>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    found(db.lookup().await?.link(), &LOAD, &ids).await
}

/// Deletes at most `limit` deliveries of an endpoint that was deleted [`ROWS_KEPT`] ago, or the endpoint itself once it
/// has none. False when nothing is left.
pub(crate) async fn delete_rows(tx: &mut SystemTx<'_>, now: Timestamp, limit: usize) -> Result<bool> {
    let link = tx.writing();
    let sql = FIND_DELETED.on(link);
    let Some(id) = on!(link, c, D => sqlx::query_scalar::<D, Uuid>(sql)
        .bind(now.minus(ROWS_KEPT).micros())
        .fetch_optional(c)
        .await)?
    else {
        return Ok(false);
    };
    if retention::delete_of_endpoint(link, EndpointId(id), limit).await? == 0 {
        tallies::delete_of_endpoint(link, EndpointId(id)).await?;
        recoveries::delete_of_endpoint(link, EndpointId(id)).await?;
        for sql in [DELETE_LANE, DELETE_HEALTH, DELETE_ROW] {
            let sql = sql.on(link);
            on!(link, c, D => sqlx::query::<D>(sql).bind(id).execute(c).await.map(drop))?;
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::SecretRole;

    #[test]
    fn roles_of_secrets_in_statements_are_those_of_rows() {
        assert_eq!(secret_role!(next), SecretRole::Next.code().to_string());
        assert_eq!(secret_role!(before), SecretRole::Before.code().to_string());
    }
}
