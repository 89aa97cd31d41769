//! Rows of `rate_windows`: the rolling rate limit that all processes on one PostgreSQL share. It is one statement,
//! whose commit need not be durable.

use super::{
    Db, Error, Result,
    db::{
        conn::Conn,
        sql::{Sql, statements},
    },
};
use inboxops_proto::{clock::Timestamp, id::TenantId};
use std::time::Duration;

/// Length of the window.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);

/// State of a tenant's window after a request was counted or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) accepted: bool,
    /// Accepted requests in the window, this one included.
    pub(crate) used: u32,
    /// When the oldest of them leaves the window.
    pub(crate) oldest_leaves_at: Option<Timestamp>,
}

statements! {
    // A refused request changes nothing; RETURNING then has no row.
    ADMIT = Sql::pg(
        "INSERT INTO rate_windows AS w (tenant_id, hits) VALUES ($1, ARRAY[$2::bigint]) \
         ON CONFLICT (tenant_id) DO UPDATE SET hits = array_append( \
         ARRAY(SELECT h FROM unnest(w.hits) WITH ORDINALITY AS u (h, n) WHERE h > $3 ORDER BY n), $2::bigint) \
         WHERE (SELECT COUNT(*) FROM unnest(w.hits) h WHERE h > $3) < $4 \
         RETURNING cardinality(hits)::bigint, (SELECT MIN(h) FROM unnest(w.hits) h)",
    );
    STANDING = Sql::pg(
        "SELECT COUNT(*), MIN(h) FROM rate_windows w, unnest(w.hits) h WHERE w.tenant_id = $1 AND h > $2",
    );
}

/// Counts a request of the tenant if fewer than `limit` were accepted in the window (PostgreSQL). On SQLite the caller
/// keeps its own window, since one process sees all requests.
pub(crate) async fn admit(db: &Db, tenant: TenantId, limit: u32, now: Timestamp) -> Result<Window> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let since = now.minus(WINDOW).micros();
    let admit = ADMIT.on(link);
    let standing = STANDING.on(link);
    let Conn::Pg(conn) = &mut link.conn else { return Err(Error::Closed) };
    link.busy = true;
    let admitted = sqlx::query_as::<_, (i64, Option<i64>)>(admit)
        .bind(tenant.0)
        .bind(now.micros())
        .bind(since)
        .bind(i64::from(limit))
        .fetch_optional(&mut *conn)
        .await;
    let admitted = link.note(admitted)?;
    if let Some((used, oldest)) = admitted {
        return Ok(window(true, used, oldest));
    }
    let Conn::Pg(conn) = &mut link.conn else { return Err(Error::Closed) };
    link.busy = true;
    let full = sqlx::query_as::<_, (i64, Option<i64>)>(standing).bind(tenant.0).bind(since).fetch_one(conn).await;
    let (used, oldest) = link.note(full)?;
    Ok(window(false, used, oldest))
}

fn window(accepted: bool, used: i64, oldest: Option<i64>) -> Window {
    Window {
        accepted,
        used: u32::try_from(used).unwrap_or(u32::MAX),
        oldest_leaves_at: oldest.map(|at| Timestamp::from_micros(at).plus(WINDOW)),
    }
}
