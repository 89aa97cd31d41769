//! Cores of an earlier release beside this one (PostgreSQL): what they write leaves out the numbers that later releases
//! keep. Once they have gone, whoever needs such numbers counts anew; the database keeps that it is still to be done.

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

/// What is to be done about some numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecountStep {
    /// Nothing: they are right.
    Nothing,
    /// They are wrong, or will be: a core that does not keep them runs, or did a moment ago, and nobody has noted it.
    Note,
    /// Such a core still runs.
    Wait,
    Count,
}

/// What is to be done now about the numbers that the database has this name for.
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

/// Notes that they are to be counted.
pub(super) async fn note(tx: &mut SystemTx<'_>, name: &str) -> Result<()> {
    meta::put(tx, name, "due").await
}

/// Notes that they are counted.
pub(super) async fn done(tx: &mut SystemTx<'_>, name: &str) -> Result<()> {
    let link = tx.writing();
    let sql = DONE.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(name).execute(c).await.map(drop))
}
