//! Rows of `changes`: the log of commits, one row for each commit, which followers read from their place on. Also the
//! rule for reading rows that are numbered before they are committed, which events share.

use super::{
    Db, Result, SystemTx,
    db::{
        conn::{Link, on},
        group::Writing,
        row::from_row,
        sql::{Sql, statements},
    },
    horizon::{beyond, horizon},
};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, TenantId},
};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};
use uuid::Uuid;

/// How long a row is kept, and therefore how old a reader's place may be.
pub(crate) const KEPT: Duration = Duration::from_secs(15 * 60);
/// Greatest number of rows in one read.
pub(crate) const ROWS_MAX: i64 = 64;
/// Greatest number of rows in one deletion.
pub(crate) const DELETE_MAX: i64 = 1000;

/// A place in the order of commits. On PostgreSQL numbers are given before commits, so rows are ordered by transaction
/// first, and a reader stops before the oldest transaction of this database that still runs (`horizon`). On SQLite the
/// number is enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The transaction; 0 on SQLite.
    pub(crate) xact: i64,
    /// The row's number.
    pub(crate) seq: i64,
}

/// The changes of commits, by tenant; a tenant with new events only has no deliveries.
pub(crate) type ChangesByTenant = HashMap<TenantId, Vec<DeliveryId>>;

/// A part of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passage {
    pub(crate) changed: ChangesByTenant,
    /// The place after these rows.
    pub(crate) end: Place,
    /// Whether there are more rows already.
    pub(crate) more: bool,
}

struct Row {
    place: Place,
    body: Vec<u8>,
}

from_row!(Row in "changes", row => Ok(Row {
    place: Place { xact: row.get("xact")?, seq: row.get("seq")? },
    body: row.get("body")?,
}));

statements! {
    INSERT = Sql::both("INSERT INTO changes (at, body) VALUES ($1, $2)");
    // A plain `xact` in ORDER BY would be the selected cast, which has no index.
    SINCE = Sql::each(
        "SELECT 0 AS xact, seq, body FROM changes WHERE $1 IS NOT NULL AND seq > $2 ORDER BY seq LIMIT $3",
        concat!(
            "SELECT xact::text::bigint AS xact, seq, body FROM changes \
             WHERE (xact, seq) > ($1::bigint::text::xid8, $2::bigint) AND xact < ",
            horizon!(),
            " ORDER BY changes.xact, changes.seq LIMIT $3"
        ),
    );
    // Transactions that began earlier and still run may insert before the newest row.
    END = Sql::each(
        "SELECT 0, COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0)",
        concat!("SELECT ", horizon!(), "::text::bigint, 0::bigint"),
    );
    // No place that was ever given is behind this one, even when the horizon has stepped back.
    FARTHEST = Sql::each(
        "SELECT 0, COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0)",
        concat!("SELECT ", beyond!(), ", 0::bigint"),
    );
    DELETE_OLD = Sql::each(
        "DELETE FROM changes WHERE seq IN (SELECT seq FROM changes ORDER BY seq LIMIT $2) AND at < $1",
        "DELETE FROM changes WHERE (xact, seq) IN (SELECT xact, seq FROM changes ORDER BY xact, seq LIMIT $2) \
         AND at < $1",
    );
}

/// The place after everything committed, or an earlier one, but never one after which something earlier may still be
/// committed.
pub(crate) async fn end(db: &Db) -> Result<Place> {
    place(db, END).await
}

/// A place that no reader can have passed.
pub(crate) async fn farthest(db: &Db) -> Result<Place> {
    place(db, FARTHEST).await
}

async fn place(db: &Db, sql: Sql) -> Result<Place> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = sql.on(link);
    let (xact, seq) = on!(link, c, D => sqlx::query_as::<D, (i64, i64)>(sql).fetch_one(c).await)?;
    Ok(Place { xact, seq })
}

/// The changes of commits after a place, at most [`ROWS_MAX`] rows.
pub(crate) async fn since(db: &Db, place: Place) -> Result<Passage> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = SINCE.on(link);
    let rows = on!(link, c, D => sqlx::query_as::<D, Row>(sql)
        .bind(place.xact)
        .bind(place.seq)
        .bind(ROWS_MAX)
        .fetch_all(c)
        .await)?;
    let more = i64::try_from(rows.len()).is_ok_and(|rows| rows == ROWS_MAX);
    let end = rows.last().map_or(place, |row| row.place);
    let mut changed = ChangesByTenant::new();
    rows.iter().for_each(|row| decode(&row.body, &mut changed));
    for ids in changed.values_mut() {
        ids.sort_unstable();
        ids.dedup();
    }
    Ok(Passage { changed, end, more })
}

/// Deletes rows older than [`KEPT`], at most [`DELETE_MAX`]; returns whether there may be more.
pub(crate) async fn delete_old(tx: &mut SystemTx<'_>, now: Timestamp) -> Result<bool> {
    let link = tx.writing();
    let sql = DELETE_OLD.on(link);
    let before = now.minus(KEPT).micros();
    let gone = on!(link, c, D => sqlx::query::<D>(sql)
        .bind(before)
        .bind(DELETE_MAX)
        .execute(c)
        .await
        .map(|it| it.rows_affected()))?;
    Ok(i64::try_from(gone).is_ok_and(|gone| gone == DELETE_MAX))
}

impl Writing {
    /// Writes the changes of the group, and notifies followers after the commit.
    pub(super) async fn flush_changes(&mut self) -> Result<()> {
        if self.group.changed.is_empty() {
            return Ok(());
        }
        let at = self.clock.now().micros();
        let body = encode(&std::mem::take(&mut self.group.changed));
        insert(&mut self.link, at, body).await?;
        let news = self.news.clone();
        self.group.after.push(Box::new(move || news.ring()));
        Ok(())
    }
}

async fn insert(link: &mut Link, at: i64, body: Vec<u8>) -> Result<()> {
    let sql = INSERT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(at).bind(body).execute(c).await.map(drop))
}

fn encode(changed: &BTreeMap<TenantId, Vec<DeliveryId>>) -> Vec<u8> {
    let mut body = Vec::with_capacity(changed.values().map(|ids| 20 + 16 * ids.len()).sum());
    for (tenant, ids) in changed {
        body.extend_from_slice(tenant.0.as_bytes());
        body.extend_from_slice(&u32::try_from(ids.len()).unwrap_or(u32::MAX).to_be_bytes());
        ids.iter().for_each(|id| body.extend_from_slice(id.0.as_bytes()));
    }
    body
}

/// Of a row that is cut short, which no release writes, the complete entries count.
fn decode(mut body: &[u8], into: &mut ChangesByTenant) {
    let id = |body: &mut &[u8]| body.split_off(..16).and_then(|bytes| Uuid::from_slice(bytes).ok());
    while let Some(tenant) = id(&mut body) {
        let ids = into.entry(TenantId(tenant)).or_default();
        let Some(count) = body.split_off(..4).and_then(|bytes| bytes.try_into().ok()) else { return };
        for _ in 0..u32::from_be_bytes(count) {
            let Some(delivery) = id(&mut body) else { return };
            ids.push(DeliveryId(delivery));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let (one, other) = (TenantId(Uuid::from_u128(1)), TenantId(Uuid::from_u128(2)));
        let ids: Vec<_> = (10..13).map(|n| DeliveryId(Uuid::from_u128(n))).collect();
        let body = encode(&BTreeMap::from([(one, ids.clone()), (other, Vec::new())]));
        let mut read = ChangesByTenant::new();
        decode(&body, &mut read);
        assert_eq!(read, ChangesByTenant::from([(one, ids), (other, Vec::new())]));
        for cut in 0..body.len() {
            decode(&body[..cut], &mut ChangesByTenant::new());
        }
    }
}
