//! Deliveries by the batch, for jobs: how they stand, made for events that were missed, given a new schedule.

use super::{Shown, State};
use crate::store::{
    Result, Scoped, Tx,
    conn::on,
    lanes,
    sql::{Rows, Sql, Type, chunks, found, from_row, row_statements, statements},
    tallies::{self, Ended},
};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, EventId},
};

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};
use uuid::Uuid;

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// State of its row.
    pub state: State,
    /// The same as it is shown.
    pub shown: Shown,
    /// Whether any of its requests succeeded.
    pub succeeded: bool,
}

/// A delivery in the order of ids, as a job sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Its id.
    pub id: DeliveryId,
    /// Kind of its event.
    pub kind: i16,
    /// State of its row.
    pub state: State,
    /// The same as it is shown.
    pub shown: Shown,
}

from_row!(Passed, row => {
    let Row(id, Standing { state, shown, .. }) = Row::from_row(row)?;
    Ok(Passed { id, kind: row.try_get(6)?, state, shown })
});

struct Row(DeliveryId, Standing);

from_row!(Row, row => {
    let (state, attempt) = (State::read(row.try_get(1)?)?, row.try_get::<i64, _>(2)?);
    let (stop, paused) = (row.try_get::<bool, _>(3)?, row.try_get::<bool, _>(4)?);
    let shown = Shown::of(state, attempt - i64::from(state == State::Leased) > 0, stop, paused);
    Ok(Row(DeliveryId(row.try_get(0)?), Standing { state, shown, succeeded: row.try_get(5)? }))
});

/// A delivery that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its id.
    pub id: DeliveryId,
    /// Its event.
    pub event: EventId,
    /// Kind of the event.
    pub kind: i16,
}

statements! {
    DUE = Sql::both(
        "SELECT COUNT(*) FROM (SELECT 1 FROM deliveries WHERE endpoint_id = $1 AND state = 0 AND due_at <= $2 LIMIT $3) d",
    );
    WAITING = Sql::both(
        "SELECT tried, paused, COUNT(*) FROM (SELECT d.attempt > 0 AS tried, l.paused AND NOT d.test AS paused FROM deliveries d \
         JOIN lanes l ON l.endpoint_id = d.endpoint_id WHERE d.endpoint_id = $1 AND d.state = 0 LIMIT $2) w \
         GROUP BY tried, paused",
    );
    LEASED = Sql::both(
        "SELECT endpoint_id, attempt > 1, stop, COUNT(*) FROM deliveries WHERE state = 1 AND tenant_id = $1 \
         GROUP BY endpoint_id, attempt > 1, stop",
    );
    STRETCH = Sql::both(
        "SELECT d.id, d.state, d.attempt, d.stop, l.paused AND NOT d.test, FALSE, d.kind FROM deliveries d \
         JOIN lanes l ON l.endpoint_id = d.endpoint_id WHERE d.endpoint_id = $1 AND d.id > $2 AND d.id < $3 \
         ORDER BY d.id LIMIT $4",
    );
}

row_statements! {
    STANDINGS = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: ") SELECT d.id, d.state, d.attempt, d.stop, l.paused AND NOT d.test, d.state = 2 OR EXISTS (SELECT 1 FROM attempts a \
               WHERE a.delivery_id = d.id AND a.succeeded) \
               FROM v JOIN deliveries d ON d.id = v.key JOIN lanes l ON l.endpoint_id = d.endpoint_id",
        tail_pg: None,
    };
    INSERT_WAITING = Rows {
        head: "INSERT INTO deliveries (id, tenant_id, endpoint_id, event_id, kind, test, state, attempt, failures, \
               due_at, token, incarnation, created_at) VALUES",
        row: &[
            Type::Uuid, Type::Uuid, Type::Uuid, Type::Uuid, Type::Small, Type::Bool, Type::Small, Type::Big, Type::Big,
            Type::Big, Type::Big, Type::Big, Type::Big,
        ],
        tail: "ON CONFLICT (id) DO NOTHING RETURNING id",
        tail_pg: None,
    };
    // Only while it stands as it did when it was read, so that what is counted off is what it was.
    REARM = Rows {
        head: "WITH v (key, was, at) AS (VALUES",
        row: &[Type::Uuid, Type::Small, Type::Big],
        tail: ") UPDATE deliveries SET state = 0, failures = 0, due_at = v.at, token = deliveries.token + 1, \
               settled_at = NULL, stop = FALSE FROM v WHERE deliveries.id = v.key AND deliveries.state = v.was \
               AND deliveries.state <> 1 RETURNING deliveries.id",
        tail_pg: None,
    };
}

/// How these deliveries stand; those that there are not are missing.
pub async fn standings(tx: &mut impl Scoped, ids: &[DeliveryId]) -> Result<HashMap<DeliveryId, Standing>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = found(tx.link(), &STANDINGS, &ids).await?;
    Ok(rows.into_iter().map(|Row(id, standing)| (id, standing)).collect())
}

/// Deliveries of an endpoint after one of them, of events up to a time, oldest first, at most `limit`.
pub async fn stretch(
    tx: &mut impl Scoped,
    endpoint: EndpointId,
    after: Option<DeliveryId>,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Passed>> {
    let link = tx.link();
    let sql = STRETCH.on(link);
    let (after, to) = (after.map_or(Uuid::nil(), |it| it.0), DeliveryId::new(until.plus(Duration::from_millis(1)), 0));
    on!(link, c, D => sqlx::query_as::<D, Passed>(sql)
        .bind(endpoint.0)
        .bind(after)
        .bind(to.0)
        .bind(limit)
        .fetch_all(c)
        .await)
}

/// How many deliveries of an endpoint are due, counted up to `most`.
pub async fn due(tx: &mut impl Scoped, endpoint: EndpointId, now: Timestamp, most: i64) -> Result<i64> {
    let link = tx.link();
    let sql = DUE.on(link);
    on!(link, c, D =>
        sqlx::query_scalar::<D, i64>(sql).bind(endpoint.0).bind(now.micros()).bind(most).fetch_one(c).await)
}

/// How many deliveries of an endpoint wait, by how they are shown, counted up to `most`.
pub async fn waiting(tx: &mut impl Scoped, endpoint: EndpointId, most: i64) -> Result<Vec<(Shown, i64)>> {
    let link = tx.link();
    let sql = WAITING.on(link);
    let rows = on!(link, c, D =>
        sqlx::query_as::<D, (bool, bool, i64)>(sql).bind(endpoint.0).bind(most).fetch_all(c).await)?;
    let shown = |tried, paused| Shown::of(State::Waiting, tried, false, paused);
    Ok(rows.into_iter().map(|(tried, paused, count)| (shown(tried, paused), count)).collect())
}

/// How many deliveries of each endpoint are leased, by how they are shown. There are never more than memory and
/// workers hold.
pub async fn leased(tx: &mut impl Scoped) -> Result<HashMap<EndpointId, Vec<(Shown, i64)>>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = LEASED.on(link);
    let rows = on!(link, c, D =>
        sqlx::query_as::<D, (Uuid, bool, bool, i64)>(sql).bind(tenant.0).fetch_all(c).await)?;
    let mut all: HashMap<EndpointId, Vec<(Shown, i64)>> = HashMap::new();
    for (endpoint, tried, stop, count) in rows {
        all.entry(EndpointId(endpoint)).or_default().push((Shown::of(State::Leased, tried, stop, false), count));
    }
    Ok(all)
}

/// Makes deliveries that are due now and returns how many there were not before.
pub async fn make(tx: &mut Tx<'_>, endpoint: EndpointId, all: &[Made], now: Timestamp) -> Result<u32> {
    let (tenant, mut made) = (tx.tenant(), Vec::with_capacity(all.len()));
    let link = tx.writing();
    for chunk in chunks(all) {
        let sql = INSERT_WAITING.text(chunk.len(), link.is_pg());
        let ids = on!(link, c, D => {
            let mut query = sqlx::query_scalar::<D, Uuid>(sql);
            for it in chunk {
                query = query
                    .bind(it.id.0)
                    .bind(tenant.0)
                    .bind(endpoint.0)
                    .bind(it.event.0)
                    .bind(it.kind)
                    .bind(false)
                    .bind(State::Waiting.code())
                    .bind(0_i64)
                    .bind(0_i64)
                    .bind(now.micros())
                    .bind(0_i64)
                    .bind(0_i64)
                    .bind(now.micros());
            }
            query.fetch_all(c).await
        })?;
        made.extend(ids.into_iter().map(DeliveryId));
    }
    if !made.is_empty() {
        lanes::mark(link, &BTreeMap::from([(endpoint, now)])).await?;
    }
    let count = u32::try_from(made.len()).unwrap_or(u32::MAX);
    tx.changed(made);
    Ok(count)
}

/// Gives deliveries, read in these states, a new schedule that is due now; returns how many. What is leased, and what
/// changed since, is left alone.
pub async fn rearm_all(
    tx: &mut Tx<'_>,
    endpoint: EndpointId,
    all: &[(DeliveryId, State)],
    now: Timestamp,
) -> Result<u32> {
    let (tenant, mut changed) = (tx.tenant(), Ended::default());
    let was: HashMap<Uuid, State> = all.iter().map(|(id, state)| (id.0, *state)).collect();
    let (link, mut rearmed) = (tx.writing(), Vec::with_capacity(all.len()));
    for chunk in chunks(all) {
        let sql = REARM.text(chunk.len(), link.is_pg());
        let ids = on!(link, c, D => {
            let mut query = sqlx::query_scalar::<D, Uuid>(sql);
            for (id, state) in chunk {
                query = query.bind(id.0).bind(state.code()).bind(now.micros());
            }
            query.fetch_all(c).await
        })?;
        ids.iter().filter_map(|id| was.get(id)).for_each(|state| changed.add(*state, -1));
        rearmed.extend(ids.into_iter().map(DeliveryId));
    }
    if !rearmed.is_empty() {
        lanes::mark(link, &BTreeMap::from([(endpoint, now)])).await?;
        tallies::stand(link, tenant, endpoint, changed).await?;
    }
    let count = u32::try_from(rearmed.len()).unwrap_or(u32::MAX);
    tx.changed(rearmed);
    Ok(count)
}
