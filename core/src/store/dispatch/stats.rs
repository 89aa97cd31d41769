//! Queue statistics for monitoring: the oldest due delivery, and what is stuck.

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
    /// When the oldest due delivery became due.
    pub(crate) oldest_due: Option<Timestamp>,
    /// Endpoints with due deliveries, and expired leases, that nobody has handled since the given time. A full lane is
    /// postponed for moments only, so a lane that does not move is handled by nobody.
    pub(crate) stuck: i64,
}

statements! {
    STANDING = Sql::both(concat!(
        "SELECT (SELECT min(due_at) FROM lanes WHERE due_at IS NOT NULL AND NOT paused AND due_at <= $1), \
         (SELECT count(*) FROM lanes WHERE due_at IS NOT NULL AND NOT paused AND due_at < $2) \
         + (SELECT count(*) FROM deliveries WHERE state = ", state!(leased), " AND due_at < $2)"
    ));
}

/// The present statistics. What has not been handled since `stuck_since` is stuck.
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
