//! How dispatch stands, in a few numbers: since when anything is due, and whether anything is left lying.

use crate::store::{
    Db, Result,
    db::{
        conn::on,
        sql::{Sql, statements},
    },
    deliveries::state,
};
use inboxops_proto::clock::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueStats {
    /// Since when the first of those that are due is due.
    pub(crate) oldest_due: Option<Timestamp>,
    /// Endpoints with something due and leases that are over, since before the moment that was asked for. A lane that
    /// is full is put off for moments only, so one that stands still was looked at by nobody.
    pub(crate) stuck: i64,
}

statements! {
    STANDING = Sql::both(concat!(
        "SELECT (SELECT min(due_at) FROM lanes WHERE due_at IS NOT NULL AND NOT paused AND due_at <= $1), \
         (SELECT count(*) FROM lanes WHERE due_at IS NOT NULL AND NOT paused AND due_at < $2) \
         + (SELECT count(*) FROM deliveries WHERE state = ", state!(leased), " AND due_at < $2)"
    ));
}

/// How dispatch stands now; stuck is what nobody looked after since before `stuck_since`.
pub(crate) async fn standing(db: &Db, now: Timestamp, stuck_since: Timestamp) -> Result<QueueStats> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = STANDING.on(link);
    let (oldest, stuck) = on!(link, c, D => sqlx::query_as::<D, (Option<i64>, i64)>(sql)
        .bind(now.micros())
        .bind(stuck_since.micros())
        .fetch_one(c)
        .await)?;
    Ok(QueueStats { oldest_due: oldest.map(Timestamp::from_micros), stuck })
}
