//! Rows of `cores`: the processes that share a PostgreSQL. A lease names its core, so that another core can take it
//! back when that core is dead. Dispatch's beat records that a core lives.

use super::{
    Core, Db,
    conn::{Link, on},
    error::Result,
    sql::{Sql, statements},
    tx::SystemTx,
};
use inboxops_proto::clock::Timestamp;
use std::time::Duration;

/// A core that has been silent for this long counts as dead.
pub(crate) const SILENCE: Duration = Duration::from_secs(10);
/// Tries to find a free slot before the oldest dead core loses its own.
const SIGN_IN_TRIES: u32 = 8;

statements! {
    SIGN_IN = Sql::pg(
        "INSERT INTO cores (slot, started_at, seen_at, counts, settled_until) \
         SELECT s, $1, $1, TRUE, $1 FROM generate_series(0, 1000) s WHERE NOT EXISTS (SELECT 1 FROM cores c WHERE c.slot = s) \
         ORDER BY s LIMIT 1 ON CONFLICT (slot) DO NOTHING RETURNING incarnation, slot",
    );
    SIGN_OUT = Sql::both("DELETE FROM cores WHERE incarnation = $1");
    // Under its old incarnation, which its leases have. It gets another slot; slots only keep counts apart.
    SIGN_IN_AGAIN = Sql::pg(
        "INSERT INTO cores (incarnation, slot, started_at, seen_at, counts, settled_until) OVERRIDING SYSTEM VALUE \
         SELECT $1, s, $2, $2, TRUE, $2 FROM generate_series(0, 1000) s \
         WHERE NOT EXISTS (SELECT 1 FROM cores c WHERE c.slot = s) ORDER BY s LIMIT 1 ON CONFLICT DO NOTHING",
    );
    // Writers may not scan: these few rows are read by their index, and every row has a slot.
    OTHERS = Sql::both("SELECT COUNT(*) FROM cores WHERE slot >= 0 AND seen_at > $1 AND incarnation <> $2");
    // A core of an earlier release reports no time.
    SETTLED = Sql::both(
        "SELECT MIN(settled_until), MAX(settled_until) FROM cores WHERE slot >= 0 AND seen_at > $1 AND incarnation <> $2",
    );
    DELETE_DEAD = Sql::both("DELETE FROM cores WHERE slot >= 0 AND seen_at < $1");
}

pub(in crate::store) async fn sign_in(link: &mut Link, now: Timestamp) -> Result<Core> {
    let sign_in = SIGN_IN.on(link);
    let delete = DELETE_DEAD.on(link);
    // Leases of cores this old have long been taken back.
    let dead = now.minus(SILENCE * 60).micros();
    on!(link, c, D => sqlx::query::<D>(delete).bind(dead).execute(c).await.map(drop))?;
    for _ in 0..SIGN_IN_TRIES {
        let row = on!(link, c, D =>
            sqlx::query_as::<D, (i64, i16)>(sign_in).bind(now.micros()).fetch_optional(c).await)?;
        if let Some((incarnation, slot)) = row {
            return Ok(Core { incarnation, slot });
        }
    }
    Err(super::error::Error::Unavailable)
}

pub(in crate::store) async fn sign_out(tx: &mut SystemTx<'_>, incarnation: i64) -> Result<()> {
    let link = tx.writing();
    let sql = SIGN_OUT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(incarnation).execute(c).await.map(drop))
}

/// The number of other live cores; none on SQLite.
pub(crate) async fn others(tx: &mut SystemTx<'_>) -> Result<i64> {
    let since = tx.now().minus(SILENCE).micros();
    let own = tx.writing.core.incarnation;
    let link = tx.reading();
    let sql = OTHERS.on(link);
    on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).bind(since).bind(own).fetch_one(c).await)
}

/// The times before which all writes of the other live cores have ended, as they last reported: of the core that is
/// furthest behind, and of the one that is furthest ahead. `None` without other cores.
pub(crate) async fn settled(db: &Db) -> Result<Option<(Timestamp, Timestamp)>> {
    let since = db.clock().now().minus(SILENCE).micros();
    let own = db.core().incarnation;
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = SETTLED.on(link);
    let (first, last) = on!(link, c, D =>
        sqlx::query_as::<D, (Option<i64>, Option<i64>)>(sql).bind(since).bind(own).fetch_one(c).await)?;
    Ok(first.zip(last).map(|(first, last)| (Timestamp::from_micros(first), Timestamp::from_micros(last))))
}

/// Signs in again under the same incarnation, after other cores took this one for dead.
pub(in crate::store) async fn sign_in_again(link: &mut Link, incarnation: i64, now: Timestamp) -> Result<()> {
    let sql = SIGN_IN_AGAIN.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(incarnation).bind(now.micros()).execute(c).await.map(drop))
}
