//! Rows of `rate_windows`: the rolling rate limits that all processes on one PostgreSQL share. A request is counted by
//! one statement, whose commit need not be durable. A tenant's row has the windows of its keys as well, so that a request
//! counts in both windows or in none.

use super::{
    Db, Error, Result,
    db::{
        conn::{Conn, Link},
        row::from_row,
        sql::{Sql, statements},
    },
};
use inboxops_proto::{
    clock::Timestamp,
    id::{ApiKeyId, TenantId},
};
use std::time::Duration;

/// Length of the window.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);

/// The windows that a request counts in. At least one has a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SharedLimits {
    pub(crate) tenant: TenantId,
    /// Requests that the tenant's window allows; `None` if it is not counted here.
    pub(crate) limit: Option<u32>,
    /// The key, and the requests that its own window allows.
    pub(crate) key: Option<(ApiKeyId, u32)>,
}

/// State of the windows after a request was counted or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SharedState {
    pub(crate) accepted: bool,
    pub(crate) tenant: Use,
    pub(crate) key: Use,
}

/// What is in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Use {
    /// Accepted requests, the present one included.
    pub(crate) used: u32,
    /// When the oldest of them leaves the window.
    pub(crate) oldest_leaves_at: Option<Timestamp>,
}

/// A tenant's window and that of one of its keys.
#[derive(Default)]
struct Windows {
    tenant: Use,
    key: Use,
}

from_row!(Windows in "rate_windows" of sqlx::postgres::PgRow, row => {
    let leaves = |at: Option<Timestamp>| at.map(|at| at.plus(WINDOW));
    Ok(Windows {
        tenant: Use { used: row.number("used")?, oldest_leaves_at: leaves(row.opt_time("oldest")?) },
        key: Use { used: row.number("key_used")?, oldest_leaves_at: leaves(row.opt_time("key_oldest")?) },
    })
});

/// The tenant's requests in the window ($3), and one more ($2).
macro_rules! hits {
    () => {
        "hits = array_append( \
         ARRAY(SELECT h FROM unnest(w.hits) WITH ORDINALITY AS u (h, n) WHERE h > $3 ORDER BY n), $2::bigint)"
    };
}

/// The same for keys: times and keys at the same index. The argument is the key's parameter.
macro_rules! key_hits {
    ($key:literal) => {
        concat!(
            "key_hits = array_append( \
             ARRAY(SELECT h FROM unnest(w.key_hits) WITH ORDINALITY AS u (h, n) WHERE h > $3 ORDER BY n), $2::bigint), \
             key_ids = array_append(ARRAY(SELECT k FROM unnest(w.key_hits, w.key_ids) \
             WITH ORDINALITY AS u (h, k, n) WHERE h > $3 ORDER BY n), ",
            $key,
            "::uuid)"
        )
    };
}

/// Number and oldest of a key's requests that were left in the row.
macro_rules! key_use {
    ($key:literal) => {
        concat!(
            "(SELECT COUNT(*) FROM unnest(w.key_hits, w.key_ids) AS u (h, k) WHERE k = ",
            $key,
            ") AS key_used, (SELECT MIN(h) FROM unnest(w.key_hits, w.key_ids) AS u (h, k) WHERE k = ",
            $key,
            ") AS key_oldest"
        )
    };
}

statements! {
    // A refused request changes nothing; RETURNING then has no row. It reads the row that is locked, whatever the
    // statement's snapshot is.
    ADMIT = Sql::pg(concat!(
        "INSERT INTO rate_windows AS w (tenant_id, hits) VALUES ($1, ARRAY[$2::bigint]) \
         ON CONFLICT (tenant_id) DO UPDATE SET ", hits!(),
        " WHERE (SELECT COUNT(*) FROM unnest(w.hits) h WHERE h > $3) < $4 \
         RETURNING cardinality(hits)::bigint AS used, (SELECT MIN(h) FROM unnest(w.hits) h) AS oldest, \
         0::bigint AS key_used, NULL::bigint AS key_oldest",
    ));
    ADMIT_BOTH = Sql::pg(concat!(
        "INSERT INTO rate_windows AS w (tenant_id, hits, key_hits, key_ids) \
         VALUES ($1, ARRAY[$2::bigint], ARRAY[$2::bigint], ARRAY[$5::uuid]) \
         ON CONFLICT (tenant_id) DO UPDATE SET ", hits!(), ", ", key_hits!("$5"),
        " WHERE (SELECT COUNT(*) FROM unnest(w.hits) h WHERE h > $3) < $4 AND (SELECT COUNT(*) \
         FROM unnest(w.key_hits, w.key_ids) AS u (h, k) WHERE h > $3 AND k = $5) < $6 \
         RETURNING cardinality(hits)::bigint AS used, (SELECT MIN(h) FROM unnest(w.hits) h) AS oldest, ",
        key_use!("$5"),
    ));
    // For a tenant whose limit is too large to be counted here.
    ADMIT_KEY = Sql::pg(concat!(
        "INSERT INTO rate_windows AS w (tenant_id, hits, key_hits, key_ids) \
         VALUES ($1, '{}', ARRAY[$2::bigint], ARRAY[$4::uuid]) ON CONFLICT (tenant_id) DO UPDATE SET ", key_hits!("$4"),
        " WHERE (SELECT COUNT(*) FROM unnest(w.key_hits, w.key_ids) AS u (h, k) WHERE h > $3 AND k = $4) < $5 \
         RETURNING 0::bigint AS used, NULL::bigint AS oldest, ",
        key_use!("$4"),
    ));
    STANDING = Sql::pg(
        "SELECT (SELECT COUNT(*) FROM unnest(w.hits) h WHERE h > $2) AS used, \
         (SELECT MIN(h) FROM unnest(w.hits) h WHERE h > $2) AS oldest, \
         (SELECT COUNT(*) FROM unnest(w.key_hits, w.key_ids) AS u (h, k) WHERE h > $2 AND k = $3::uuid) AS key_used, \
         (SELECT MIN(h) FROM unnest(w.key_hits, w.key_ids) AS u (h, k) WHERE h > $2 AND k = $3::uuid) AS key_oldest \
         FROM rate_windows w WHERE w.tenant_id = $1",
    );
}

/// Counts a request if all its windows have room (PostgreSQL). On SQLite the caller keeps its own windows, since one
/// process sees all requests.
pub(crate) async fn admit(db: &Db, limits: SharedLimits, now: Timestamp) -> Result<SharedState> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = match (limits.limit, limits.key) {
        (_, None) => ADMIT.on(link),
        (Some(_), Some(_)) => ADMIT_BOTH.on(link),
        (None, Some(_)) => ADMIT_KEY.on(link),
    };
    let Conn::Pg(conn) = &mut link.conn else { return Err(Error::Closed) };
    link.busy = true;
    let mut query = sqlx::query_as::<sqlx::Postgres, Windows>(sql)
        .bind(limits.tenant.0)
        .bind(now.micros())
        .bind(now.minus(WINDOW).micros());
    if let Some(limit) = limits.limit {
        query = query.bind(i64::from(limit));
    }
    if let Some((key, share)) = limits.key {
        query = query.bind(key.0).bind(i64::from(share));
    }
    let admitted = query.fetch_optional(conn).await;
    if let Some(Windows { tenant, key }) = link.note(admitted)? {
        return Ok(SharedState { accepted: true, tenant, key });
    }
    // A request may have left a window between the two statements; this one is refused all the same.
    Ok(SharedState { accepted: false, ..look(link, limits, now).await? })
}

/// Whether all windows of a request have room; counts nothing.
pub(crate) async fn standing(db: &Db, limits: SharedLimits, now: Timestamp) -> Result<SharedState> {
    look(db.lookup().await?.link(), limits, now).await
}

async fn look(link: &mut Link, limits: SharedLimits, now: Timestamp) -> Result<SharedState> {
    let sql = STANDING.on(link);
    let Conn::Pg(conn) = &mut link.conn else { return Err(Error::Closed) };
    link.busy = true;
    let found = sqlx::query_as::<sqlx::Postgres, Windows>(sql)
        .bind(limits.tenant.0)
        .bind(now.minus(WINDOW).micros())
        .bind(limits.key.map(|(key, _)| key.0))
        .fetch_optional(conn)
        .await;
    let Windows { tenant, key } = link.note(found)?.unwrap_or_default();
    let has_room = |limit: Option<u32>, window: &Use| limit.is_none_or(|limit| window.used < limit);
    let accepted = has_room(limits.limit, &tenant) && has_room(limits.key.map(|(_, share)| share), &key);
    Ok(SharedState { accepted, tenant, key })
}
