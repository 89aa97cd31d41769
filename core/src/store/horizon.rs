//! The horizon of readers: the place before which no event and no change can still appear, and how long it has been held
//! back.
//!
//! On SQLite there is one writer, and commits have the order of numbers. On PostgreSQL rows carry the number of their
//! transaction, and a transaction with a smaller number may commit later. `pg_snapshot_xmin` would be a horizon, but it
//! is that of the whole server: a transaction in another database, which cannot write here, would stop all readers.
//! [`horizon!`] leaves those out. That every row before it has been committed or never will be, as seen by the snapshot
//! of the same statement, follows from this:
//!
//! - A transaction with a number below the snapshot's `xmax` that is not in its list has ended when the snapshot was
//!   taken. The list lacks the reader's own transaction, which is therefore compared apart.
//! - The sessions are read after the snapshot was taken, so a session that is shown with a number of the list has had
//!   it since before, and is one and the same session while its row is read. A session never changes its database, and
//!   its transaction cannot write to another one. The same holds for prepared transactions.
//! - Whatever is not known to be of another database counts as ours: a transaction that has ended since the snapshot,
//!   and one whose session has no database. So the horizon may step back for a moment; nothing that was read before
//!   depends on it, and statements that have to agree take one horizon by value.
//! - On a standby the list is empty though transactions run on the primary. An empty list gives `xmin`, which is right
//!   there, and equals `xmax` on a primary.
//!
//! A dump that is restored into another cluster, or tables that were replicated to one, bring the numbers of an earlier
//! life along, which would lie in the future of the new cluster, and later among its own. So each life of a database
//! adds a shift to its numbers, 2^40 more than the life before, which no server's numbers reach: whatever was numbered
//! before is past, rows and readers' places alike. The shift is in `meta`, and in the defaults of both columns.
//!
//! Within a transaction PostgreSQL shows the sessions as they were when it was first asked. A reader's transaction has
//! one snapshot, which is older; a writer's has one for each statement, so a writer has them read anew.

use super::{
    Db, Error, Result, Tx,
    changes::Place,
    db::{
        conn::{Link, on},
        sql::{Sql, statements},
    },
};
use sqlx::AssertSqlSafe;
use std::time::{Duration, Instant};

/// Time after which the log tells that readers wait.
const TOLD_AFTER: Duration = Duration::from_secs(5);

/// The horizon, as an expression of PostgreSQL: the number of a transaction.
macro_rules! horizon {
    () => {
        "(SELECT (LEAST(pg_current_xact_id_if_assigned(), \
         MIN(running.number) FILTER (WHERE running.number::xid <> ALL (ARRAY(\
         SELECT a.backend_xid FROM pg_stat_get_activity(NULL) a WHERE a.backend_xid IS NOT NULL \
         AND a.datid <> (SELECT oid FROM pg_database WHERE datname = current_database()) \
         UNION ALL SELECT p.transaction FROM pg_prepared_xact() p \
         WHERE p.dbid <> (SELECT oid FROM pg_database WHERE datname = current_database())))), \
         CASE WHEN COUNT(*) = 0 THEN pg_snapshot_xmin(pg_current_snapshot()) \
         ELSE pg_snapshot_xmax(pg_current_snapshot()) END)::text::bigint \
         + COALESCE((SELECT value::bigint FROM meta WHERE key = 'xact_shift'), 0))::text::xid8 \
         FROM pg_snapshot_xip(pg_current_snapshot()) running (number))"
    };
}
pub(in crate::store) use horizon;

/// A number, as a `bigint` of PostgreSQL, that is after those of all transactions so far.
macro_rules! beyond {
    () => {
        "(pg_snapshot_xmax(pg_current_snapshot())::text::bigint \
         + COALESCE((SELECT value::bigint FROM meta WHERE key = 'xact_shift'), 0))"
    };
}
pub(in crate::store) use beyond;

/// What this life of the database adds to the number of a transaction, as a `bigint` of PostgreSQL.
macro_rules! shift {
    () => {
        "COALESCE((SELECT value::bigint FROM meta WHERE key = 'xact_shift'), 0)"
    };
}
pub(in crate::store) use shift;

/// The number of the newest event, which retention keeps.
macro_rules! newest {
    () => {
        "COALESCE((SELECT MAX(seq) FROM events), 0)"
    };
}

/// On SQLite it is the last place as well.
macro_rules! newest_on_sqlite {
    () => {
        "SELECT 0, last.seq, last.seq FROM \
         (SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0) AS seq) last"
    };
}

statements! {
    // With the number of the newest event.
    END = Sql::each(
        newest_on_sqlite!(),
        concat!("SELECT ", horizon!(), "::text::bigint, 0::bigint, ", newest!()),
    );
    // No place that was ever given is behind this one, even when the horizon has stepped back.
    FARTHEST = Sql::each(
        newest_on_sqlite!(),
        concat!("SELECT ", beyond!(), ", 0::bigint, ", newest!()),
    );
    // Always in a later history; in the first that is known only if the newest events lie in the future.
    SHIFT_MORE = Sql::pg(concat!(
        "INSERT INTO meta (key, value) SELECT 'xact_shift', (", shift!(), " + (1::bigint << 40))::text \
         WHERE (SELECT MAX(ordinal) FROM histories) > 1 OR EXISTS (SELECT 1 FROM \
         (SELECT xact FROM events ORDER BY seq DESC LIMIT 1000) newest \
         WHERE newest.xact::text::bigint >= pg_current_xact_id()::text::bigint + ", shift!(), ") \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value RETURNING value::bigint"
    ));
    READ_SESSIONS_ANEW = Sql::pg("SELECT pg_stat_clear_snapshot()");
    // On a standby every transaction is read-only. Below `xmax` the horizon is the number of a transaction that runs; the
    // shift leaves the 32 bits alone that a session shows. Of strangers' sessions PostgreSQL shows the program, not what
    // it does.
    LOOK = Sql::pg(concat!(
        "SELECT NOT current_setting('transaction_read_only')::boolean, horizon.xact::text::bigint, \
         horizon.xact::text::bigint < ", beyond!(), ", \
         COALESCE((SELECT MIN('process ' || a.pid || COALESCE(' of ' || NULLIF(a.application_name, ''), '')) \
         FROM pg_stat_get_activity(NULL) a WHERE a.backend_xid = horizon.xact::xid), \
         (SELECT MIN('prepared transaction ' || p.gid) FROM pg_prepared_xact() p \
         WHERE p.transaction = horizon.xact::xid)) \
         FROM (SELECT ", horizon!(), " AS xact OFFSET 0) horizon"
    ));
}

/// The horizon of events: the place after all that a reader may be given now. Also the number of the newest event.
pub(super) async fn end(link: &mut Link) -> Result<(Place, i64)> {
    place(link, END).await
}

/// The same in a transaction that writes.
pub(crate) async fn end_for_writer(tx: &mut Tx<'_>) -> Result<Place> {
    let link = &mut tx.writing.link;
    if link.is_pg() {
        let anew = READ_SESSIONS_ANEW.on(link);
        link.run(anew).await?;
    }
    Ok(end(link).await?.0)
}

/// A place that no reader of events can have passed, and the number of the newest event.
pub(super) async fn farthest(link: &mut Link) -> Result<(Place, i64)> {
    place(link, FARTHEST).await
}

async fn place(link: &mut Link, sql: Sql) -> Result<(Place, i64)> {
    let sql = sql.on(link);
    let (xact, seq, newest) = on!(link, c, D => sqlx::query_as::<D, (i64, i64, i64)>(sql).fetch_one(c).await)?;
    Ok((Place { xact, seq }, newest))
}

/// Begins a life of the database, in the transaction that begins its history.
pub(super) async fn begin_life(link: &mut Link) -> Result<()> {
    let sql = SHIFT_MORE.on(link);
    let shift = on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).fetch_optional(c).await)?;
    let Some(shift) = shift else { return Ok(()) };
    for table in ["events", "changes"] {
        let number = format!("((pg_current_xact_id()::text::bigint + {shift})::text)::xid8");
        let sql = AssertSqlSafe(format!("ALTER TABLE {table} ALTER COLUMN xact SET DEFAULT {number}"));
        on!(link, c, D => sqlx::query::<D>(sql).execute(c).await.map(drop))?;
    }
    tracing::info!(shift, "the database is a copy: transactions of its earlier life count as past");
    Ok(())
}

/// The transaction that has been the oldest of this database for a while.
#[derive(Clone, Copy, Debug)]
struct Holder {
    xact: i64,
    since: Instant,
    told: bool,
}

/// How long readers of events have waited for one transaction, as far as the looks at the database tell.
#[derive(Debug, Default)]
pub(super) struct HorizonAge(Option<Holder>);

impl HorizonAge {
    /// Takes the transaction that holds readers back, and who runs it, as far as PostgreSQL shows it.
    fn see(&mut self, xact: Option<i64>, holder: Option<&str>, now: Instant) {
        let before = self.0.take();
        let Some(xact) = xact else {
            if before.is_some_and(|it| it.told) {
                tracing::info!("readers of events go on");
            }
            return;
        };
        let mut held = before.filter(|it| it.xact == xact).unwrap_or(Holder { xact, since: now, told: false });
        let seconds = now.duration_since(held.since).as_secs();
        if !held.told && seconds >= TOLD_AFTER.as_secs() {
            held.told = true;
            tracing::warn!(
                transaction = xact,
                holder,
                seconds,
                "readers of events wait for a transaction in this database that has been open for {seconds} s: {}",
                holder.unwrap_or("nobody shows it")
            );
        }
        self.0 = Some(held);
    }

    fn age(&self, now: Instant) -> Duration {
        self.0.map_or(Duration::ZERO, |held| now.duration_since(held.since))
    }
}

impl Db {
    /// Whether the database answers and takes writes; also looks how far readers of events may go. A file is not asked.
    pub(crate) async fn ping(&self) -> Result<()> {
        if !self.is_shared() {
            return Ok(());
        }
        let mut reader = self.lookup().await?;
        let link = reader.link();
        let sql = LOOK.on(link);
        let (takes_writes, xact, holds, holder) = on!(link, c, D =>
            sqlx::query_as::<D, (bool, i64, bool, Option<String>)>(sql).fetch_one(c).await)?;
        self.horizon_age().see(holds.then_some(xact), holder.as_deref(), Instant::now());
        if takes_writes {
            return Ok(());
        }
        // A session stays with its server, but a new one may find another.
        link.lost = true;
        Err(Error::ReadOnly)
    }

    /// How long readers of events have waited for one transaction, as of the last [`Db::ping`]; `None` on SQLite, where
    /// they wait for none.
    pub(crate) fn events_held_for(&self) -> Option<Duration> {
        self.is_shared().then(|| self.horizon_age().age(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_is_that_of_one_transaction() {
        let mut seen = HorizonAge::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(seen.age(at(0)), Duration::ZERO);
        seen.see(Some(7), Some("process 100 of psql"), at(0));
        seen.see(Some(7), None, at(6));
        assert_eq!(seen.age(at(8)), Duration::from_secs(8));
        seen.see(Some(9), None, at(9));
        assert_eq!(seen.age(at(10)), Duration::from_secs(1), "another one");
        seen.see(None, None, at(11));
        assert_eq!(seen.age(at(12)), Duration::ZERO, "nobody waits");
    }
}
