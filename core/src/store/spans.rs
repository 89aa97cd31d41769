//! Rows of `spans`: exact numbers of tickets by the time at which they were created or last changed, kept as sums of
//! deltas that the writing transactions add. They tell how many tickets are newer than a time, and where in the order
//! of time a page begins, without reading tickets except those of one short span.

use super::{
    Db, ReadTx, Result, Scoped as _, SystemTx,
    db::{
        conn::on,
        group::Writing,
        row::from_row,
        sql::{Rows, Sql, Type, row_statements, statements, write_rows},
    },
};
use inboxops_proto::{clock::Timestamp, id::TenantId};
use std::time::Duration;

/// Which time of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// When it was opened.
    Created = 1,
    /// When it was last changed.
    Updated = 2,
}

/// Key of one row; rows are locked in the order of its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SpanKey {
    tenant: TenantId,
    kind: Kind,
    level: i16,
    at: i64,
}

/// Duration of a span of each level, as a power of two in microseconds: a second, 36 minutes, 51 days.
const SHIFTS: [u32; 3] = [20, 31, 42];
/// Spans of a level in one of the next level.
const FAN: u32 = 11;
/// Tickets that are counted or skipped one by one. If a span has more, its seconds are used.
pub(crate) const LOOK_MAX: i64 = 4096;
/// A finished span with at most this many tickets needs no seconds.
const FEW: i64 = 2048;
/// Time after which a span gets no more tickets, unless a clock was set back.
pub(super) const SETTLED: Duration = Duration::from_secs(2 * 3600);

statements! {
    // Whole spans after the span of the time, by level; the span itself; and its seconds.
    SINCE = Sql::both(
        "SELECT (SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM spans \
         WHERE tenant_id = $1 AND kind = $2 AND level = 3 AND at > $3) AS seasons, \
         (SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM spans \
         WHERE tenant_id = $1 AND kind = $2 AND level = 2 AND at > $4 AND at < ($3 + 1) * 2048) AS spans, \
         (SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM spans \
         WHERE tenant_id = $1 AND kind = $2 AND level = 2 AND at = $4) AS own, \
         (SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM spans \
         WHERE tenant_id = $1 AND kind = $2 AND level = 1 AND at > $5 AND at < ($4 + 1) * 2048) AS seconds, \
         (SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM spans \
         WHERE tenant_id = $1 AND kind = $2 AND level = 1 AND at >= $4 * 2048 AND at < ($4 + 1) * 2048) AS all_seconds",
    );
    COUNT_CREATED = Sql::both(
        "SELECT COUNT(*) FROM tickets WHERE tenant_id = $1 AND status IN (1, 2, 3, 4) \
         AND created_at >= $2 AND created_at < $3",
    );
    COUNT_UPDATED = Sql::both(
        "SELECT COUNT(*) FROM tickets WHERE tenant_id = $1 AND status IN (1, 2, 3, 4) \
         AND updated_at >= $2 AND updated_at < $3",
    );
    NEWEST = Sql::both(
        "SELECT at, CAST(n AS BIGINT) AS n, CAST(before AS BIGINT) AS before, CAST(of_all AS BIGINT) AS of_all FROM (\
         SELECT at, SUM(n) AS n, \
         SUM(SUM(n)) OVER (ORDER BY at DESC) - SUM(n) AS before, SUM(SUM(n)) OVER () AS of_all FROM spans \
         WHERE tenant_id = $1 AND kind = $2 AND level = $3 AND at >= $4 AND at < $5 GROUP BY at) s \
         WHERE before <= $6 AND before + n > $6 LIMIT 1",
    );
    OLDEST = Sql::both(
        "SELECT at, CAST(n AS BIGINT) AS n, CAST(before AS BIGINT) AS before, CAST(of_all AS BIGINT) AS of_all FROM (\
         SELECT at, SUM(n) AS n, \
         SUM(SUM(n)) OVER (ORDER BY at) - SUM(n) AS before, SUM(SUM(n)) OVER () AS of_all FROM spans \
         WHERE tenant_id = $1 AND kind = $2 AND level = $3 AND at >= $4 AND at < $5 GROUP BY at) s \
         WHERE before <= $6 AND before + n > $6 LIMIT 1",
    );
    NEEDLESS = Sql::both(
        "SELECT span FROM (SELECT DISTINCT at / 2048 AS span FROM spans \
         WHERE tenant_id = $1 AND kind = $2 AND level = 1 AND at >= $3 AND at < $4) s \
         WHERE (SELECT COALESCE(SUM(n), 0) FROM spans \
         WHERE tenant_id = $1 AND kind = $2 AND level = 2 AND at = s.span) <= $5 ORDER BY span",
    );
    DELETE_SECONDS = Sql::both(
        "DELETE FROM spans WHERE tenant_id = $1 AND kind = $2 AND level = 1 AND at >= $3 * 2048 AND at < ($3 + 1) * 2048 \
         AND (SELECT SUM(n) FROM spans WHERE tenant_id = $1 AND kind = $2 AND level = 2 AND at = $3) <= $4",
    );
}

row_statements! {
    ADD = Rows {
        head: "INSERT INTO spans (tenant_id, kind, level, at, slot, n) VALUES",
        row: &[Type::Uuid, Type::Small, Type::Small, Type::Big, Type::Small, Type::Big],
        tail: "ON CONFLICT (tenant_id, kind, level, at, slot) DO UPDATE SET n = spans.n + excluded.n",
        tail_pg: None,
    };
    // Seconds of a finished span, if it has any.
    ADD_KEPT = Rows {
        head: "INSERT INTO spans (tenant_id, kind, level, at, slot, n) \
               SELECT column1, column2, column3, column4, column5, column6 FROM (VALUES",
        row: &[Type::Uuid, Type::Small, Type::Small, Type::Big, Type::Small, Type::Big],
        tail: ") v WHERE (SELECT n FROM spans s WHERE s.tenant_id = column1 AND s.kind = column2 AND s.level = column3 \
               AND s.at >= (column4 / 2048) * 2048 AND s.at < (column4 / 2048 + 1) * 2048 LIMIT 1) IS NOT NULL \
               ON CONFLICT (tenant_id, kind, level, at, slot) DO UPDATE SET n = spans.n + excluded.n",
        tail_pg: None,
    };
}

/// The span of 36 minutes that contains a time.
pub(super) fn span_of(at: Timestamp) -> i64 {
    at.micros() >> SHIFTS[1]
}

impl Writing {
    /// Counts a ticket in the spans of a time (`by` = 1) or uncounts it (-1) at the end of the group.
    pub(super) fn span(&mut self, tenant: TenantId, kind: Kind, at: Timestamp, by: i64) {
        for (level, shift) in (1..).zip(SHIFTS) {
            *self.job.spans.entry(SpanKey { tenant, kind, level, at: at.micros() >> shift }).or_default() += by;
        }
    }

    pub(super) async fn flush_spans(&mut self) -> Result<()> {
        let mut spans: Vec<_> = std::mem::take(&mut self.group.spans).into_iter().collect();
        spans.retain(|(_, by)| *by != 0);
        if spans.is_empty() {
            return Ok(());
        }
        let ended = self.clock.now().minus(SETTLED).micros() >> SHIFTS[0];
        let (kept, spans): (Vec<_>, Vec<_>) = spans.into_iter().partition(|(key, _)| key.level == 1 && key.at < ended);
        self.add_spans(ADD_KEPT, &kept).await?;
        self.add_spans(ADD, &spans).await
    }

    async fn add_spans(&mut self, rows: Rows, spans: &[(SpanKey, i64)]) -> Result<()> {
        let slot = self.core.slot;
        write_rows!(&mut self.link, rows, spans, |query, (key, by)| query
            .bind(key.tenant.0)
            .bind(key.kind as i16)
            .bind(key.level)
            .bind(key.at)
            .bind(slot)
            .bind(*by));
        Ok(())
    }
}

/// Numbers of tickets around a time.
struct Sums {
    /// In spans of 51 days after the one that contains the time.
    seasons: i64,
    /// In spans of 36 minutes after the one that contains the time, up to the next span of 51 days.
    spans: i64,
    /// In the span of 36 minutes that contains the time.
    own: i64,
    /// In seconds of that span after the one that contains the time.
    seconds: i64,
    /// In all seconds of that span.
    all_seconds: i64,
}

from_row!(Sums in "spans", row => Ok(Sums {
    seasons: row.get("seasons")?,
    spans: row.get("spans")?,
    own: row.get("own")?,
    seconds: row.get("seconds")?,
    all_seconds: row.get("all_seconds")?,
}));

/// The number of tickets of this time or newer, if the spans can be trusted.
pub(super) async fn since(tx: &mut ReadTx, kind: Kind, since: Timestamp) -> Result<i64> {
    let tenant = tx.tenant();
    let [second, span, season] = SHIFTS.map(|shift| since.micros() >> shift);
    let link = tx.link();
    let sql = SINCE.on(link);
    let sums = on!(link, c, D => sqlx::query_as::<D, Sums>(sql)
        .bind(tenant.0)
        .bind(kind as i16)
        .bind(season)
        .bind(span)
        .bind(second)
        .fetch_one(c)
        .await)?;
    // Seconds that do not add up are missing, because the span had few tickets.
    let by_second = sums.own > LOOK_MAX && sums.all_seconds == sums.own;
    let end = if by_second { (second + 1) << SHIFTS[0] } else { (span + 1) << SHIFTS[1] };
    let rest = between(tx, kind, since.micros(), end).await?;
    Ok(sums.seasons + sums.spans + if by_second { sums.seconds } else { 0 } + rest)
}

/// The number of tickets of this time or newer, counted one by one.
pub(super) async fn counted_since(tx: &mut ReadTx, kind: Kind, since: Timestamp) -> Result<i64> {
    between(tx, kind, since.micros(), i64::MAX).await
}

async fn between(tx: &mut ReadTx, kind: Kind, from: i64, to: i64) -> Result<i64> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = match kind {
        Kind::Created => COUNT_CREATED,
        Kind::Updated => COUNT_UPDATED,
    };
    let sql = sql.on(link);
    on!(link, c, D =>
        sqlx::query_scalar::<D, i64>(sql).bind(tenant.0).bind(from).bind(to).fetch_one(c).await)
}

/// A position in the order of time: `skip` tickets after the nearer bound of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// The range in microseconds, end excluded.
    pub(super) range: (i64, i64),
    /// Tickets of the range before the position.
    pub(super) skip: i64,
}

struct SpanRow {
    at: i64,
    n: i64,
    before: i64,
    of_all: i64,
}

from_row!(SpanRow in "spans", row => Ok(SpanRow {
    at: row.get("at")?,
    n: row.get("n")?,
    before: row.get("before")?,
    of_all: row.get("of_all")?,
}));

/// The position of the ticket that `skip` others precede: newer ones (`newest_first`) or older ones.
pub(super) async fn seek(tx: &mut ReadTx, kind: Kind, skip: i64, newest_first: bool) -> Result<Option<Position>> {
    let tenant = tx.tenant();
    let mut place = Position { range: (i64::MIN, i64::MAX), skip };
    let mut from = i64::MIN;
    let mut to = i64::MAX;
    let mut own = None;
    for (level, shift) in [(3i16, SHIFTS[2]), (2, SHIFTS[1]), (1, SHIFTS[0])] {
        let link = tx.link();
        let sql = if newest_first { NEWEST.on(link) } else { OLDEST.on(link) };
        let found = on!(link, c, D => sqlx::query_as::<D, SpanRow>(sql)
            .bind(tenant.0)
            .bind(kind as i16)
            .bind(level)
            .bind(from)
            .bind(to)
            .bind(place.skip)
            .fetch_optional(c)
            .await)?;
        // The seconds of a span may be missing.
        let Some(found) = found.filter(|it| own.is_none_or(|own| own == it.of_all)) else {
            return Ok(own.map(|_| place));
        };
        let begin = found.at << shift;
        let end = (found.at + 1) << shift;
        place = Position {
            range: if newest_first { (place.range.0, end) } else { (begin, place.range.1) },
            skip: place.skip - found.before,
        };
        if found.n <= LOOK_MAX {
            break;
        }
        (from, to, own) = (found.at << FAN, (found.at + 1) << FAN, Some(found.n));
    }
    Ok(Some(place))
}

/// Spans of 36 minutes that began at `from` or later, ended well before `now`, and have seconds although they have few
/// tickets.
pub(crate) async fn needless(
    db: &Db,
    tenant: TenantId,
    kind: Kind,
    from: Timestamp,
    now: Timestamp,
) -> Result<Vec<i64>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = NEEDLESS.on(link);
    on!(link, c, D => sqlx::query_scalar::<D, i64>(sql)
        .bind(tenant.0)
        .bind(kind as i16)
        .bind(span_of(from) << FAN)
        .bind(span_of(now.minus(SETTLED)) << FAN)
        .bind(FEW)
        .fetch_all(c)
        .await)
}

/// Deletes the seconds of those of these spans that have few tickets.
pub(crate) async fn delete_seconds(tx: &mut SystemTx<'_>, tenant: TenantId, kind: Kind, spans: &[i64]) -> Result<()> {
    let link = tx.writing();
    let sql = DELETE_SECONDS.on(link);
    for span in spans {
        on!(link, c, D => sqlx::query::<D>(sql)
            .bind(tenant.0)
            .bind(kind as i16)
            .bind(*span)
            .bind(FEW)
            .execute(c)
            .await
            .map(drop))?;
    }
    Ok(())
}
