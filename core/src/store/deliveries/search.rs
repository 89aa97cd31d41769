//! Searches of the log by everything that its clients may ask for. Candidates come from an index, newest first by the
//! time of the event, and their rows decide. One call examines a bounded number of candidates: where a filter selects
//! few of very many, a page may be short although others follow.

use super::{
    Delivery, Shown,
    log::{self, Page, Range},
};
use crate::store::{
    ReadTx, Result, Scoped as _,
    db::{
        conn::{Link, on},
        sql::{Sql, keys, numbers, statements},
    },
};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, TicketId},
};
use std::{cmp::Reverse, time::Duration};
use uuid::Uuid;

/// Candidates whose rows one step reads.
const STEP_MAX: usize = 500;
/// Greatest number of candidates that one call examines.
const LOOK_MAX: usize = 10_000;
/// The least difference of two times.
const MOMENT: Duration = Duration::from_micros(1);

/// Statuses of responses, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusRange {
    pub(crate) from: u16,
    pub(crate) to: u16,
}

/// What is searched for; empty lists stand for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Search {
    pub(crate) shown: Vec<Shown>,
    pub(crate) kinds: Vec<i16>,
    /// Statuses of the last response.
    pub(crate) statuses: Vec<StatusRange>,
    /// The ids that the deliveries of the wanted events have, newest first; `None` for all events.
    pub(crate) ids: Option<Vec<DeliveryId>>,
    /// Of events about this ticket.
    pub(crate) ticket: Option<TicketId>,
    /// Made from this time on.
    pub(crate) since: Option<Timestamp>,
    /// Made before this time.
    pub(crate) until: Option<Timestamp>,
    /// Only deliveries before this one.
    pub(crate) before: Option<DeliveryId>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FoundPage {
    /// Its deliveries, newest first.
    pub(crate) deliveries: Vec<Delivery>,
    /// Where the next page continues; `None` at the end.
    pub(crate) next: Option<DeliveryId>,
}

/// The newest deliveries that one step of a recovery made: of an endpoint, at one time.
macro_rules! made_at_once {
    (sqlite, $step:literal, $limit:literal) => {
        concat!(
            "SELECT d.id FROM deliveries d INDEXED BY deliveries_recovered WHERE d.endpoint_id = ",
            $step,
            ".endpoint AND d.recovered AND d.created_at = ",
            $step,
            ".at AND d.id < $3 ORDER BY d.id DESC LIMIT ",
            $limit
        )
    };
    (pg, $step:literal, $limit:literal) => {
        concat!(
            "SELECT id FROM deliveries WHERE endpoint_id = ",
            $step,
            ".endpoint AND recovered AND (created_at, id) >= (",
            $step,
            ".at, '00000000-0000-0000-0000-000000000000'::uuid) AND (created_at, id) < (",
            $step,
            ".at, $3) ORDER BY created_at DESC, id DESC LIMIT ",
            $limit
        )
    };
}

// SQLite is told the index. For PostgreSQL see the `walk` module: the row comparison leaves it no other one, and the
// fence keeps it from scanning ids backwards.
statements! {
    ANSWERED = Sql::each(
        "SELECT deliveries.id FROM json_each($1) e CROSS JOIN json_each($2) s CROSS JOIN deliveries \
         WHERE deliveries.id IN (SELECT d.id FROM deliveries d INDEXED BY deliveries_answered \
         WHERE d.endpoint_id = unhex(e.value) AND d.response_status = s.value AND d.id >= $3 AND d.id < $4 \
         ORDER BY d.id DESC LIMIT $5) ORDER BY deliveries.id DESC LIMIT $5",
        "SELECT found.id FROM (SELECT endpoint, code FROM unnest(CAST($1::text AS uuid[])) AS e (endpoint) \
         CROSS JOIN unnest(CAST($2::text AS bigint[])) AS s (code)) o CROSS JOIN LATERAL (SELECT id FROM deliveries \
         WHERE response_status IS NOT NULL AND endpoint_id = o.endpoint \
         AND (response_status, id) >= (o.code, $3) AND (response_status, id) < (o.code, $4) \
         ORDER BY response_status DESC, id DESC LIMIT $5) found ORDER BY found.id DESC LIMIT $5",
    );
    // A recovery makes deliveries in steps, each at one time, and ids do not follow these times. So the times are read
    // first, one row for each step. The newest ids are those of as many steps at most: of those that have the newest.
    RECOVERED = Sql::each(
        concat!(
            "WITH RECURSIVE made (endpoint, at) AS (SELECT unhex(e.value), \
             (SELECT d.created_at FROM deliveries d INDEXED BY deliveries_recovered \
             WHERE d.endpoint_id = unhex(e.value) AND d.recovered AND d.created_at >= $2 \
             ORDER BY d.created_at LIMIT 1) FROM json_each($1) e \
             UNION ALL SELECT m.endpoint, \
             (SELECT d.created_at FROM deliveries d INDEXED BY deliveries_recovered \
             WHERE d.endpoint_id = m.endpoint AND d.recovered AND d.created_at > m.at \
             ORDER BY d.created_at LIMIT 1) FROM made m WHERE m.at IS NOT NULL), \
             newest (endpoint, at, top) AS (SELECT m.endpoint, m.at, (",
            made_at_once!(sqlite, "m", "1"),
            ") AS top FROM made m WHERE m.at IS NOT NULL ORDER BY top DESC LIMIT $4) \
             SELECT deliveries.id FROM newest n CROSS JOIN deliveries WHERE deliveries.id IN (",
            made_at_once!(sqlite, "n", "$4"), ") ORDER BY deliveries.id DESC LIMIT $4"
        ),
        concat!(
            "WITH RECURSIVE made (endpoint, at) AS (SELECT e.endpoint, (SELECT created_at FROM deliveries \
             WHERE endpoint_id = e.endpoint AND recovered AND created_at >= $2 ORDER BY created_at, id LIMIT 1) \
             FROM unnest(CAST($1::text AS uuid[])) AS e (endpoint) UNION ALL SELECT m.endpoint, \
             (SELECT created_at FROM deliveries WHERE endpoint_id = m.endpoint AND recovered AND created_at > m.at \
             ORDER BY created_at, id LIMIT 1) FROM made m WHERE m.at IS NOT NULL), \
             newest (endpoint, at, top) AS (SELECT m.endpoint, m.at, f.id FROM made m CROSS JOIN LATERAL (",
            made_at_once!(pg, "m", "1"), ") f ORDER BY f.id DESC LIMIT $4) \
             SELECT found.id FROM newest n CROSS JOIN LATERAL (", made_at_once!(pg, "n", "$4"), ") found \
             ORDER BY found.id DESC LIMIT $4"
        ),
    );
}

impl Search {
    /// The endpoint's log with as much of the filter as its indexes answer.
    fn page(&self, before: Option<DeliveryId>) -> Page {
        // The event is never later than its delivery.
        let range = Range { since: self.since, until: self.until.map(|at| at.minus(MOMENT)) };
        Page { shown: self.shown.clone(), kinds: self.kinds.clone(), ids: None, range, before }
    }

    fn keeps(&self, row: &Delivery, endpoints: &[EndpointId]) -> bool {
        let answered = |range: &StatusRange| row.response_status.is_some_and(|it| it >= range.from && it <= range.to);
        endpoints.contains(&row.endpoint)
            && (self.shown.is_empty() || self.shown.contains(&row.shown()))
            && (self.kinds.is_empty() || self.kinds.contains(&row.kind))
            && (self.statuses.is_empty() || self.statuses.iter().any(answered))
            && self.ticket.is_none_or(|ticket| row.ticket == Some(ticket))
            && self.since.is_none_or(|since| row.created_at >= since)
            && self.until.is_none_or(|until| row.created_at < until)
    }
}

/// Deliveries of these endpoints of the tenant, newest first, at most `limit`.
pub(crate) async fn search(
    tx: &mut ReadTx,
    endpoints: &[EndpointId],
    search: &Search,
    limit: usize,
) -> Result<FoundPage> {
    let mut found: Vec<Delivery> = Vec::new();
    let mut before = search.before;
    let mut looked = 0;
    // One more than a page has at first; more while the rows are not those that are wanted.
    let mut step = limit.saturating_add(1).min(STEP_MAX);
    loop {
        let ids = candidates(tx, endpoints, search, before, step).await?;
        let mut rows = super::these(tx, &ids).await?;
        rows.retain(|row| search.keeps(row, endpoints));
        rows.sort_unstable_by_key(|row| Reverse(row.id));
        found.append(&mut rows);
        if found.len() > limit {
            found.truncate(limit);
            let next = found.last().map(|last| last.id);
            return Ok(FoundPage { deliveries: found, next });
        }
        if ids.len() < step {
            return Ok(FoundPage { deliveries: found, next: None });
        }
        before = ids.last().copied();
        looked += ids.len();
        if looked >= LOOK_MAX {
            return Ok(FoundPage { deliveries: found, next: before });
        }
        step = STEP_MAX;
    }
}

/// The ids of deliveries that may be wanted, newest first, at most `limit`.
async fn candidates(
    tx: &mut ReadTx,
    endpoints: &[EndpointId],
    search: &Search,
    before: Option<DeliveryId>,
    limit: usize,
) -> Result<Vec<DeliveryId>> {
    if let Some(ids) = &search.ids {
        let earlier = ids.iter().copied().filter(|id| before.is_none_or(|before| *id < before));
        return Ok(earlier.take(limit).collect());
    }
    let page = search.page(before);
    let (from, to) = page.bounds();
    let mut ids = if search.statuses.is_empty() {
        log::ids(tx, endpoints, &page, limit).await?
    } else {
        let codes = search.statuses.iter().flat_map(|range| range.from..=range.to).collect();
        answered(tx.link(), endpoints, codes, (from, to), limit).await?
    };
    if let Some(since) = search.since.filter(|_| ids.len() < limit) {
        // Their events are older than the time; those of later events are among the others.
        ids.extend(recovered(tx.link(), endpoints, since, to.min(from), limit - ids.len()).await?);
    }
    ids.sort_unstable_by_key(|id| Reverse(*id));
    ids.dedup();
    ids.truncate(limit);
    Ok(ids)
}

/// The newest ids with one of these statuses.
async fn answered(
    link: &mut Link,
    endpoints: &[EndpointId],
    mut codes: Vec<u16>,
    (from, to): (Uuid, Uuid),
    limit: usize,
) -> Result<Vec<DeliveryId>> {
    codes.sort_unstable();
    codes.dedup();
    let sql = ANSWERED.on(link);
    let keys = keys(link.is_pg(), endpoints.iter().map(|it| it.0));
    let codes = numbers(link.is_pg(), &codes);
    let ids = on!(link, c, D => sqlx::query_scalar::<D, Uuid>(sql)
        .bind(keys)
        .bind(codes)
        .bind(from)
        .bind(to)
        .bind(most(limit))
        .fetch_all(c)
        .await)?;
    Ok(ids.into_iter().map(DeliveryId).collect())
}

/// The newest ids of recovered deliveries that were made from a time on.
async fn recovered(
    link: &mut Link,
    endpoints: &[EndpointId],
    since: Timestamp,
    to: Uuid,
    limit: usize,
) -> Result<Vec<DeliveryId>> {
    let sql = RECOVERED.on(link);
    let keys = keys(link.is_pg(), endpoints.iter().map(|it| it.0));
    let ids = on!(link, c, D => sqlx::query_scalar::<D, Uuid>(sql)
        .bind(keys)
        .bind(since.micros())
        .bind(to)
        .bind(most(limit))
        .fetch_all(c)
        .await)?;
    Ok(ids.into_iter().map(DeliveryId).collect())
}

fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
