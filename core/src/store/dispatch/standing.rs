//! How dispatch stands, in a few numbers: what waits, since when, and whether anything is left lying.

use crate::store::{
    Db, Result,
    conn::on,
    sql::{Sql, statements},
};
use inboxops_proto::clock::Timestamp;

/// Greatest number of waiting deliveries that are counted.
pub const WAITING_MAX: i64 = 1_000_000;

/// How dispatch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Deliveries that wait, up to [`WAITING_MAX`].
    pub waiting: i64,
    /// Since when the first of those that are due is due.
    pub oldest_due: Option<Timestamp>,
    /// Endpoints with something due and leases that are over, since before the moment that was asked for. A lane that
    /// is full is put off for moments only, so one that stands still was looked at by nobody.
    pub stuck: i64,
}

statements! {
    STANDING = Sql::both(
        "SELECT (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE state = 0 LIMIT $3) w), \
         (SELECT min(due_at) FROM lanes WHERE due_at IS NOT NULL AND NOT paused AND due_at <= $1), \
         (SELECT count(*) FROM lanes WHERE due_at IS NOT NULL AND NOT paused AND due_at < $2) \
         + (SELECT count(*) FROM deliveries WHERE state = 1 AND due_at < $2)",
    );
}

/// How dispatch stands now; stuck is what nobody looked after since before `stuck_since`.
pub async fn standing(db: &Db, now: Timestamp, stuck_since: Timestamp) -> Result<Standing> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = STANDING.on(link);
    let (waiting, oldest, stuck) = on!(link, c, D => sqlx::query_as::<D, (i64, Option<i64>, i64)>(sql)
        .bind(now.micros())
        .bind(stuck_since.micros())
        .bind(WAITING_MAX)
        .fetch_one(c)
        .await)?;
    Ok(Standing { waiting, oldest_due: oldest.map(Timestamp::from_micros), stuck })
}
