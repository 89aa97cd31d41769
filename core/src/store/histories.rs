//! Rows of `histories`: which pasts the contents of this database have. A cursor names the history that it was made in
//! and how far it had come, so that a restored database goes on with the cursors of its own past and refuses others.

use super::{
    ReadTx, Result, Scoped as _,
    db::{
        conn::{Link, Target, on},
        row::from_row,
        sql::{Sql, statements},
        tx,
    },
    horizon,
};
use inboxops_proto::clock::Timestamp;
use std::time::UNIX_EPOCH;
use uuid::Uuid;

/// A point in a history: the history, and the number of its newest event at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HistoryPoint {
    /// The first 8 bytes of the history's id, which are random.
    pub(crate) history: u64,
    pub(crate) seq: i64,
}

/// The histories of a database, oldest first; never empty once it is open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histories(Vec<History>);

#[derive(Clone, Debug)]
struct History {
    id: u64,
    began_after: i64,
}

from_row!(History in "histories", row => {
    let id: Uuid = row.get("id")?;
    Ok(History { id: id.as_u64_pair().0, began_after: row.get("began_after")? })
});

statements! {
    // A dump that is restored has other tables, in this cluster or in another one.
    ORIGIN = Sql::pg(
        "SELECT system_identifier::text || '/' || 'histories'::regclass::oid::text FROM pg_control_system()",
    );
    // For a role that may not see the cluster's identity.
    ORIGIN_IN_CLUSTER = Sql::pg("SELECT 'histories'::regclass::oid::text");
    BEGIN = Sql::each(
        "INSERT INTO histories (ordinal, id, origin, began_after, began_at) \
         SELECT last.ordinal + 1, randomblob(16), $1, \
         COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0), $2 \
         FROM (SELECT COALESCE(MAX(ordinal), 0) AS ordinal FROM histories) last \
         WHERE NOT EXISTS (SELECT 1 FROM histories h WHERE h.ordinal = last.ordinal AND h.origin = $1) \
         ON CONFLICT (ordinal) DO NOTHING",
        "INSERT INTO histories (ordinal, id, origin, began_after, began_at) \
         SELECT last.ordinal + 1, gen_random_uuid(), $1::text, \
         COALESCE((SELECT MAX(seq) FROM events), 0), $2::bigint \
         FROM (SELECT COALESCE(MAX(ordinal), 0) AS ordinal FROM histories) last \
         WHERE NOT EXISTS (SELECT 1 FROM histories h WHERE h.ordinal = last.ordinal AND h.origin = $1::text) \
         ON CONFLICT (ordinal) DO NOTHING",
    );
    ALL_OF_THEM = Sql::both("SELECT id, began_after FROM histories WHERE ordinal >= 1 ORDER BY ordinal");
    // PostgreSQL's sequence is ahead of what is visible, and in a dump ahead of the dump's rows, since it is read last:
    // the newest event itself counts, which retention keeps.
    NEWEST_EVENT = Sql::each(
        "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)",
        "SELECT COALESCE((SELECT MAX(seq) FROM events), 0)",
    );
}

impl Histories {
    /// Whether a cursor of that point may go on here, where the newest event is `now`.
    pub(crate) fn cover(&self, point: HistoryPoint, now: i64) -> bool {
        let Some(at) = self.0.iter().position(|it| it.id == point.history) else { return false };
        // Beginnings rise, but for databases that were restored more than once: every later one has to be after it.
        self.0[at + 1..].iter().map(|later| later.began_after).chain([now]).all(|end| point.seq <= end)
    }

    /// The point at which an event is the newest.
    pub(super) fn at(&self, seq: i64) -> HistoryPoint {
        HistoryPoint { history: self.newest(), seq }
    }

    fn newest(&self) -> u64 {
        self.0.last().map_or(0, |it| it.id)
    }
}

/// Begins a history if the database has none, or lies in another place than when it was last opened; returns all.
pub(in crate::store) async fn open(link: &mut Link, target: &Target, now: Timestamp) -> Result<Histories> {
    let origin = origin(link, target).await?;
    let begin = BEGIN.on(link);
    let all = ALL_OF_THEM.on(link);
    // Of two cores that open it at once the second waits, and finds the history of the first.
    tx::begin(link).await?;
    let began = on!(link, c, D =>
        sqlx::query::<D>(begin).bind(&origin).bind(now.micros()).execute(c).await.map(|it| it.rows_affected()))?;
    if began > 0 && link.is_pg() {
        horizon::begin_life(link).await?;
    }
    link.run("COMMIT").await?;
    on!(link, c, D => sqlx::query_as::<D, History>(all).fetch_all(c).await).map(Histories)
}

/// Identifies the place that the database lies in. A copy of a file has a time of creation of its own.
async fn origin(link: &mut Link, target: &Target) -> Result<String> {
    if let Target::Sqlite(options) = target {
        let created = std::fs::metadata(options.get_filename()).and_then(|it| it.created()).ok();
        let since = created.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        return Ok(since.map_or_else(String::new, |since| since.as_nanos().to_string()));
    }
    let whole = ORIGIN.on(link);
    let part = ORIGIN_IN_CLUSTER.on(link);
    let found = on!(link, c, D => sqlx::query_scalar::<D, String>(whole).fetch_one(c).await);
    match found {
        Err(_) if !link.lost => {
            link.clear();
            on!(link, c, D => sqlx::query_scalar::<D, String>(part).fetch_one(c).await)
        }
        found => found,
    }
}

/// The present point in the present history.
pub(crate) async fn point(tx: &mut ReadTx) -> Result<HistoryPoint> {
    let history = tx.histories().newest();
    let link = tx.link();
    let sql = NEWEST_EVENT.on(link);
    let seq = on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).fetch_one(c).await)?;
    Ok(HistoryPoint { history, seq })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_covers_its_own_past_alone() {
        let of = |id, began_after| History { id, began_after };
        let point = |history, seq| HistoryPoint { history, seq };
        let restored = Histories(vec![of(1, 0), of(2, 100), of(3, 150)]);
        for (history, seq, covered) in [
            (1, 0, true),
            (1, 100, true),
            (1, 101, false),
            (2, 101, true),
            (2, 150, true),
            (2, 151, false),
            (3, 151, true),
            (3, 200, true),
            (3, 201, false),
            (4, 1, false),
        ] {
            assert_eq!(restored.cover(point(history, seq), 200), covered, "history {history} at {seq}");
        }
        let twice = Histories(vec![of(1, 0), of(2, 100), of(3, 50)]);
        assert!(twice.cover(point(1, 50), 60) && !twice.cover(point(1, 80), 90), "a backup of before the first one");
    }
}
