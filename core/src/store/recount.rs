//! The numbers of lanes, counted anew after cores of an earlier release moved deliveries without them (PostgreSQL, where
//! several releases may run at a time). Whoever moves a delivery tells its lane in the same transaction, so a lane that is
//! held has no other numbers than those of what is committed.

use super::{
    Db, Result, SystemTx,
    conn::on,
    lanes, meta,
    sql::{Sql, statements},
};
use inboxops_proto::{clock::Timestamp, id::EndpointId};
use std::time::Duration;

/// A core that was seen within this time may still commit.
const LATELY: Duration = Duration::from_secs(60);
/// Under this name the database keeps that the lanes are to be counted.
const DUE: &str = "recount";

statements! {
    LOOK = Sql::both(
        "SELECT (SELECT COUNT(*) FROM cores WHERE slot >= 0 AND NOT lists AND seen_at > $1), \
         (SELECT COUNT(*) FROM meta WHERE key = $2)",
    );
    COUNT = Sql::both(
        "UPDATE lanes SET \
         untried = (SELECT COUNT(*) FROM deliveries WHERE endpoint_id = $1 AND state < 1 AND attempt = 0 AND NOT test), \
         tried = (SELECT COUNT(*) FROM deliveries WHERE endpoint_id = $1 AND state < 1 AND attempt > 0 AND NOT test) \
         WHERE endpoint_id = $1",
    );
    DONE = Sql::both("DELETE FROM meta WHERE key = $1");
}

/// What is to be done about the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Now {
    /// Nothing: they are right.
    Nothing,
    /// A core that does not keep them runs, or did a moment ago, and nobody has noted it.
    Note,
    /// It runs still.
    Wait,
    /// Count.
    Count,
}

/// What is to be done about the numbers now.
pub async fn look(db: &Db, now: Timestamp) -> Result<Now> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = LOOK.on(link);
    let (strangers, due) = on!(link, c, D => sqlx::query_as::<D, (i64, i64)>(sql)
        .bind(now.minus(LATELY).micros())
        .bind(DUE)
        .fetch_one(c)
        .await)?;
    Ok(match (strangers > 0, due > 0) {
        (false, false) => Now::Nothing,
        (true, false) => Now::Note,
        (true, true) => Now::Wait,
        (false, true) => Now::Count,
    })
}

/// Notes that the lanes are to be counted.
pub async fn note(tx: &mut SystemTx<'_>) -> Result<()> {
    meta::put(tx, DUE, "due").await
}

/// Counts what waits at an endpoint.
pub async fn count(tx: &mut SystemTx<'_>, endpoint: EndpointId) -> Result<()> {
    let link = tx.writing();
    lanes::hold(link, endpoint).await?;
    let sql = COUNT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(endpoint.0).execute(c).await.map(drop))
}

/// Notes that all are counted.
pub async fn done(tx: &mut SystemTx<'_>) -> Result<()> {
    let link = tx.writing();
    let sql = DONE.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(DUE).execute(c).await.map(drop))
}
