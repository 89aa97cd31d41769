//! Cores of an earlier release beside this one (PostgreSQL): they do not maintain the counts that later releases keep.
//! Once they are gone, the counts are recounted; the database records that this is still to be done.

use super::{
    Result, SystemTx,
    db::{
        conn::{Link, on},
        sql::{Sql, statements},
    },
    meta,
};
use inboxops_proto::clock::Timestamp;
use std::time::Duration;

/// A core that was seen within this time may still commit.
const LATELY: Duration = Duration::from_secs(60);

statements! {
    LOOK = Sql::both(
        "SELECT (SELECT COUNT(*) FROM cores WHERE slot >= 0 AND NOT counts AND seen_at > $1), \
         (SELECT COUNT(*) FROM meta WHERE key = $2)",
    );
    DONE = Sql::both("DELETE FROM meta WHERE key = $1");
}

/// The next step of a recount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecountStep {
    /// None: the counts are right.
    Nothing,
    /// The counts are wrong or may become so: a core that does not maintain them runs, or did a moment ago, and that is
    /// not recorded yet.
    Note,
    /// Such a core still runs.
    Wait,
    Count,
}

/// The next step for the counts with this name in the database.
pub(super) async fn look(link: &mut Link, name: &str, now: Timestamp) -> Result<RecountStep> {
    let sql = LOOK.on(link);
    let (strangers, due) = on!(link, c, D => sqlx::query_as::<D, (i64, i64)>(sql)
        .bind(now.minus(LATELY).micros())
        .bind(name)
        .fetch_one(c)
        .await)?;
    Ok(match (strangers > 0, due > 0) {
        (false, false) => RecountStep::Nothing,
        (true, false) => RecountStep::Note,
        (true, true) => RecountStep::Wait,
        (false, true) => RecountStep::Count,
    })
}

/// Records that they must be recounted.
pub(super) async fn note(tx: &mut SystemTx<'_>, name: &str) -> Result<()> {
    meta::put(tx, name, "due").await
}

/// Records that they have been recounted.
pub(super) async fn done(tx: &mut SystemTx<'_>, name: &str) -> Result<()> {
    let link = tx.writing();
    let sql = DONE.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(name).execute(c).await.map(drop))
}
