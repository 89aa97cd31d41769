//! When time alone makes something due: the end of the first lease and the first test. Also the beat, by which a core
//! records that it lives and, in the same statement, learns what other cores may have left.

use crate::store::{
    Db, Error, Queue, Result,
    cores::{self, SILENCE},
    db::{
        conn::{Conn, on},
        row::from_row,
        sql::{Sql, statements},
    },
    deliveries::state,
};
use inboxops_proto::clock::Timestamp;

/// When something is due that no commit or report announces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// When the first lease ends.
    pub(crate) lease: Option<Timestamp>,
    /// When the first waiting test is due.
    pub(crate) test: Option<Timestamp>,
}

/// The answer to a beat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beat {
    /// The other live cores, by incarnation.
    pub(crate) others: Vec<i64>,
    /// What is due, of any core.
    pub(crate) due: Due,
    /// Whether any job is open.
    pub(crate) jobs: bool,
}

macro_rules! due {
    () => {
        concat!(
            "(SELECT MIN(due_at) FROM deliveries WHERE state = ",
            state!(leased),
            ") AS lease, (SELECT MIN(due_at) FROM deliveries WHERE state = ",
            state!(waiting),
            " AND test) AS test"
        )
    };
}

statements! {
    DUE = Sql::both(concat!("SELECT ", due!()));
    BEAT = Sql::pg(concat!(
        "WITH beat AS (UPDATE cores SET seen_at = $2, settled_until = $4 WHERE incarnation = $1 RETURNING 1) \
         SELECT EXISTS (SELECT 1 FROM beat) AS known, \
         ARRAY(SELECT incarnation FROM cores WHERE slot >= 0 AND seen_at > $3 AND incarnation <> $1) AS others, ",
        due!(),
        ", EXISTS (SELECT 1 FROM recoveries WHERE NOT done) AS jobs"
    ));
}

from_row!(Due in "deliveries", row => Ok(Due { lease: row.opt_time("lease")?, test: row.opt_time("test")? }));

/// The answer to a beat, and whether this core's row still exists.
struct Known(bool, Beat);

from_row!(Known in "cores" of sqlx::postgres::PgRow, row => {
    let due = row.of("deliveries");
    let beat = Beat {
        others: row.get("others")?,
        due: Due { lease: due.opt_time("lease")?, test: due.opt_time("test")? },
        jobs: row.of("recoveries").get("jobs")?,
    };
    Ok(Known(row.get("known")?, beat))
});

/// What is due, of any core.
pub(crate) async fn due(db: &Db) -> Result<Due> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = DUE.on(link);
    on!(link, c, D => sqlx::query_as::<D, Due>(sql).fetch_one(c).await)
}

/// Records that this core lives (PostgreSQL); call it about every 2 s. SQLite has one process.
pub(crate) async fn beat(db: &Db, settled: Timestamp) -> Result<Beat> {
    let incarnation = db.core().incarnation;
    let now = db.clock().now();
    db.system(Queue::Claims, async move |tx| {
        let link = tx.writing();
        let sql = BEAT.on(link);
        let Conn::Pg(conn) = &mut link.conn else { return Err(Error::Closed) };
        link.busy = true;
        let row = sqlx::query_as::<sqlx::Postgres, Known>(sql)
            .bind(incarnation)
            .bind(now.micros())
            .bind(now.minus(SILENCE).micros())
            .bind(settled.micros())
            .fetch_one(conn)
            .await;
        let Known(known, beat) = link.note(row)?;
        if !known {
            cores::sign_in_again(link, incarnation, now).await?;
        }
        Ok(beat)
    })
    .await
}
