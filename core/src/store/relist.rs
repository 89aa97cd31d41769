//! Recounts what lists are counted by where it does not add up: after cores of an earlier release wrote tickets and
//! tags without counting them (PostgreSQL, where several releases may run at the same time), or after rows were written
//! without the store. The deltas of cores stay; the missing counts go into a slot that belongs to no core, so that
//! nobody waits.

pub(crate) use super::earlier::RecountStep;

use super::{
    Db, Result, SystemTx,
    counts::grain,
    db::{
        conn::on,
        sql::{Sql, statements},
    },
    earlier, spans,
};
use inboxops_proto::{clock::Timestamp, id::TenantId};
use uuid::Uuid;

/// The name under which the database records that everything must be recounted.
const NAME: &str = "relist";
/// Tenants in one read.
const TENANTS_MAX: i64 = 256;

/// Tickets by one kind of time, in the spans of one level.
macro_rules! spans_of {
    ($kind:literal, $column:literal, $level:literal, $shift:literal) => {
        concat!(
            "INSERT INTO spans (tenant_id, kind, level, at, slot, n) SELECT $1, ",
            $kind,
            ", ",
            $level,
            ", at, -1, SUM(n) \
             FROM (SELECT ",
            $column,
            " >> ",
            $shift,
            " AS at, COUNT(*) AS n FROM tickets \
             WHERE tenant_id = $1 AND status IN (1, 2, 3, 4) GROUP BY ",
            $column,
            " >> ",
            $shift,
            " \
             UNION ALL SELECT at, CASE WHEN slot >= 0 THEN -n ELSE 0 END FROM spans \
             WHERE tenant_id = $1 AND kind = ",
            $kind,
            " AND level = ",
            $level,
            ") d GROUP BY at \
             ON CONFLICT (tenant_id, kind, level, at, slot) DO UPDATE SET n = excluded.n"
        )
    };
}

/// Seconds only for spans with many tickets and for those that still grow.
macro_rules! seconds_of {
    ($kind:literal, $column:literal) => {
        concat!(
            "INSERT INTO spans (tenant_id, kind, level, at, slot, n) SELECT $1, ",
            $kind,
            ", 1, at, -1, SUM(n) \
             FROM (SELECT t.",
            $column,
            " >> 20 AS at, 1 AS n FROM (SELECT at FROM spans \
             WHERE tenant_id = $1 AND kind = ",
            $kind,
            " AND level = 2 GROUP BY at HAVING SUM(n) > 2048 OR at >= $2) s \
             CROSS JOIN tickets t WHERE t.tenant_id = $1 AND t.status IN (1, 2, 3, 4) \
             AND t.",
            $column,
            " >= s.at << 31 AND t.",
            $column,
            " < (s.at + 1) << 31 \
             UNION ALL SELECT at, CASE WHEN slot >= 0 THEN -n ELSE 0 END FROM spans \
             WHERE tenant_id = $1 AND kind = ",
            $kind,
            " AND level = 1) d GROUP BY at \
             ON CONFLICT (tenant_id, kind, level, at, slot) DO UPDATE SET n = excluded.n"
        )
    };
}

statements! {
    // Whether something does not add up: tickets by their times, tags of tickets.
    ODD = Sql::both(concat!(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM tenants t WHERE \
         (SELECT COALESCE(SUM(n), 0) FROM counts WHERE tenant_id = t.id AND grain = ", grain!(coarse), ") <> \
         (SELECT COALESCE(SUM(n), 0) FROM spans WHERE tenant_id = t.id AND kind = 1 AND level = 3) \
         OR (SELECT COALESCE(SUM(n), 0) FROM counts WHERE tenant_id = t.id AND grain = ", grain!(coarse), ") <> \
         (SELECT COALESCE(SUM(n), 0) FROM spans WHERE tenant_id = t.id AND kind = 2 AND level = 3)) \
         OR (SELECT COUNT(*) FROM ticket_tags) <> \
         (SELECT COALESCE(SUM(n), 0) FROM counts WHERE grain = ", grain!(tagged), ") THEN 1 ELSE 0 END"
    ));
    TENANTS = Sql::both("SELECT id FROM tenants WHERE id > $1 ORDER BY id LIMIT $2");
    OPENED_AT = Sql::both(
        "UPDATE ticket_tags SET opened_at = \
         COALESCE((SELECT created_at FROM tickets t WHERE t.id = ticket_tags.ticket_id), 0) \
         WHERE opened_at = 0 AND tag_id IN (SELECT id FROM tags WHERE tenant_id = $1)",
    );
    // `$2` is the id of no assignee.
    TAGGED = Sql::both(concat!(
        "INSERT INTO counts (tenant_id, grain, inbox_id, status, priority, assignee_id, slot, n) \
         SELECT $1, ", grain!(tagged), ", tag_id, 0, 0, $2, -1, SUM(n) FROM (\
         SELECT tag_id, COUNT(*) AS n FROM ticket_tags WHERE tag_id IN (SELECT id FROM tags WHERE tenant_id = $1) \
         GROUP BY tag_id \
         UNION ALL SELECT inbox_id, CASE WHEN slot >= 0 THEN -n ELSE 0 END FROM counts \
         WHERE tenant_id = $1 AND grain = ", grain!(tagged), ") d GROUP BY tag_id \
         ON CONFLICT (tenant_id, grain, inbox_id, status, priority, assignee_id, slot) DO UPDATE SET n = excluded.n"
    ));
    CREATED_3 = Sql::both(spans_of!("1", "created_at", "3", "42"));
    CREATED_2 = Sql::both(spans_of!("1", "created_at", "2", "31"));
    UPDATED_3 = Sql::both(spans_of!("2", "updated_at", "3", "42"));
    UPDATED_2 = Sql::both(spans_of!("2", "updated_at", "2", "31"));
    CREATED_1 = Sql::both(seconds_of!("1", "created_at"));
    UPDATED_1 = Sql::both(seconds_of!("2", "updated_at"));
}

/// The next step of the recount.
pub(crate) async fn look(db: &Db, now: Timestamp) -> Result<RecountStep> {
    let mut reader = db.snapshot().await?;
    let link = reader.link();
    let known = earlier::look(link, NAME, now).await?;
    if known != RecountStep::Nothing {
        return Ok(known);
    }
    let odd = ODD.on(link);
    let odd = on!(link, c, D => sqlx::query_scalar::<D, i32>(odd).fetch_one(c).await)?;
    Ok(if odd != 0 { RecountStep::Note } else { RecountStep::Nothing })
}

/// Records that everything must be recounted.
pub(crate) async fn note(tx: &mut SystemTx<'_>) -> Result<()> {
    earlier::note(tx, NAME).await
}

/// Tenants after one, by id.
pub(crate) async fn tenants(db: &Db, after: Option<TenantId>) -> Result<Vec<TenantId>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = TENANTS.on(link);
    let after = after.map_or(Uuid::nil(), |it| it.0);
    let ids = on!(link, c, D => sqlx::query_scalar::<D, Uuid>(sql).bind(after).bind(TENANTS_MAX).fetch_all(c).await)?;
    Ok(ids.into_iter().map(TenantId).collect())
}

/// One step of a tenant's recount. Each is a transaction of its own, so that nobody waits long, and compares the rows
/// with the counts at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step(usize);

/// All of them, in order.
pub(crate) fn steps() -> impl Iterator<Item = Step> {
    (0..STEPS.len()).map(Step)
}

const STEPS: [(Sql, Second); 8] = [
    (OPENED_AT, Second::Nothing),
    (TAGGED, Second::Nobody),
    (CREATED_3, Second::Nothing),
    (CREATED_2, Second::Nothing),
    (CREATED_1, Second::Growing),
    (UPDATED_3, Second::Nothing),
    (UPDATED_2, Second::Nothing),
    (UPDATED_1, Second::Growing),
];

/// The second parameter of a step, beside the tenant.
#[derive(Clone, Copy, Debug)]
enum Second {
    Nothing,
    Nobody,
    /// The first span that may still grow.
    Growing,
}

/// Runs one step for a tenant.
pub(crate) async fn count(tx: &mut SystemTx<'_>, tenant: TenantId, Step(step): Step, now: Timestamp) -> Result<()> {
    let (sql, second) = STEPS[step];
    let link = tx.writing();
    if link.is_pg() {
        // With very many tickets it may take longer than an ordinary statement is allowed to.
        link.run("SET LOCAL statement_timeout = 0").await?;
    }
    let sql = sql.on(link);
    on!(link, c, D => {
        let query = sqlx::query::<D>(sql).bind(tenant.0);
        let query = match second {
            Second::Nothing => query,
            Second::Nobody => query.bind(Uuid::nil()),
            Second::Growing => query.bind(spans::span_of(now.minus(spans::SETTLED))),
        };
        query.execute(c).await.map(drop)
    })
}

/// Records that everything has been recounted.
pub(crate) async fn done(tx: &mut SystemTx<'_>) -> Result<()> {
    earlier::done(tx, NAME).await
}
