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
        conn::{Conn, Link},
        sql::{Sql, statements},
    },
};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId},
};
use sqlx::SqliteConnection;
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

// SQLite is told the index. For PostgreSQL see the `walk` module: the row comparison leaves it no other one, and the
// fence keeps it from scanning ids backwards.
statements! {
    ANSWERED = Sql::each(
        "SELECT id FROM deliveries INDEXED BY deliveries_answered WHERE endpoint_id = $1 AND response_status = $2 \
         AND id >= $3 AND id < $4 ORDER BY id DESC LIMIT $5",
        "SELECT found.id FROM (SELECT endpoint, code FROM unnest($1::uuid[]) AS e (endpoint) \
         CROSS JOIN unnest($2::bigint[]) AS s (code)) o CROSS JOIN LATERAL (SELECT id FROM deliveries \
         WHERE response_status IS NOT NULL AND endpoint_id = o.endpoint \
         AND (response_status, id) >= (o.code, $3) AND (response_status, id) < (o.code, $4) \
         ORDER BY response_status DESC, id DESC LIMIT $5) found ORDER BY found.id DESC LIMIT $5",
    );
    RECOVERED = Sql::each(
        "SELECT id FROM deliveries INDEXED BY deliveries_recovered WHERE endpoint_id = $1 AND recovered \
         AND created_at >= $2 AND id < $3 ORDER BY id DESC LIMIT $4",
        "SELECT found.id FROM unnest($1::uuid[]) AS e (endpoint) CROSS JOIN LATERAL (SELECT id FROM deliveries \
         WHERE endpoint_id = e.endpoint AND recovered AND created_at >= $2 AND id < $3 OFFSET 0) found \
         ORDER BY found.id DESC LIMIT $4",
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
    let keys: Vec<Uuid> = endpoints.iter().map(|it| it.0).collect();
    let mut ids = if search.statuses.is_empty() {
        log::ids(tx, endpoints, &page, limit).await?
    } else {
        let codes = search.statuses.iter().flat_map(|range| range.from..=range.to).map(i64::from).collect();
        answered(tx.link(), &keys, codes, (from, to), limit).await?
    };
    if let Some(since) = search.since {
        // They are older than their place among the others says.
        ids.extend(recovered(tx.link(), &keys, since, to, limit).await?);
    }
    ids.sort_unstable_by_key(|id| Reverse(*id));
    ids.dedup();
    ids.truncate(limit);
    Ok(ids)
}

/// The newest ids with one of these statuses.
async fn answered(
    link: &mut Link,
    endpoints: &[Uuid],
    mut codes: Vec<i64>,
    (from, to): (Uuid, Uuid),
    limit: usize,
) -> Result<Vec<DeliveryId>> {
    codes.sort_unstable();
    codes.dedup();
    link.busy = true;
    let result = match &mut link.conn {
        Conn::Pg(conn) => {
            let ids = sqlx::query_scalar::<_, Uuid>(ANSWERED.pg.unwrap_or_default()).bind(endpoints.to_vec());
            ids.bind(codes).bind(from).bind(to).bind(most(limit)).fetch_all(&mut *conn).await
        }
        Conn::Sqlite(conn) => answered_one_by_one(conn, endpoints, &codes, (from, to), limit).await,
    };
    Ok(link.note(result)?.into_iter().map(DeliveryId).collect())
}

async fn answered_one_by_one(
    conn: &mut SqliteConnection,
    endpoints: &[Uuid],
    codes: &[i64],
    (mut from, to): (Uuid, Uuid),
    limit: usize,
) -> sqlx::Result<Vec<Uuid>> {
    let mut found = Vec::new();
    for endpoint in endpoints {
        for code in codes {
            let ids = sqlx::query_scalar::<_, Uuid>(ANSWERED.sqlite.unwrap_or_default()).bind(*endpoint).bind(*code);
            found.extend(ids.bind(from).bind(to).bind(most(limit)).fetch_all(&mut *conn).await?);
            found.sort_unstable_by(|one: &Uuid, other| other.cmp(one));
            found.truncate(limit);
            if let (Some(last), true) = (found.last(), found.len() == limit) {
                from = *last;
            }
        }
    }
    Ok(found)
}

/// The newest ids of recovered deliveries that were made from a time on.
async fn recovered(
    link: &mut Link,
    endpoints: &[Uuid],
    since: Timestamp,
    to: Uuid,
    limit: usize,
) -> Result<Vec<DeliveryId>> {
    link.busy = true;
    let result = match &mut link.conn {
        Conn::Pg(conn) => {
            let ids = sqlx::query_scalar::<_, Uuid>(RECOVERED.pg.unwrap_or_default()).bind(endpoints.to_vec());
            ids.bind(since.micros()).bind(to).bind(most(limit)).fetch_all(&mut *conn).await
        }
        Conn::Sqlite(conn) => recovered_one_by_one(conn, endpoints, since, to, limit).await,
    };
    Ok(link.note(result)?.into_iter().map(DeliveryId).collect())
}

async fn recovered_one_by_one(
    conn: &mut SqliteConnection,
    endpoints: &[Uuid],
    since: Timestamp,
    to: Uuid,
    limit: usize,
) -> sqlx::Result<Vec<Uuid>> {
    let mut found = Vec::new();
    for endpoint in endpoints {
        let ids = sqlx::query_scalar::<_, Uuid>(RECOVERED.sqlite.unwrap_or_default()).bind(*endpoint);
        found.extend(ids.bind(since.micros()).bind(to).bind(most(limit)).fetch_all(&mut *conn).await?);
    }
    Ok(found)
}

fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
