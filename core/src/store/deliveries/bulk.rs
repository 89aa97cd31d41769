//! Bulk operations for recovery jobs: look up, create, reschedule.

use super::{
    Shown, State, state,
    walk::{self, Class, Walk, Way},
};
use crate::store::{
    Result, Scoped, Tx,
    db::{
        conn::on,
        row::from_row,
        sql::{Rows, Sql, Type, found, read_rows, row_statements, statements},
    },
    lanes::{self, Moves},
    tallies::{self, EndCounts},
};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, EventId},
};

use std::{collections::HashMap, time::Duration};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeliveryState {
    pub(crate) state: State,
    /// The state in the API.
    pub(crate) shown: Shown,
    /// Whether any of its requests succeeded.
    pub(crate) succeeded: bool,
    pub(crate) test: bool,
}

struct Row(DeliveryId, DeliveryState);

from_row!(Row in "deliveries", row => {
    let state: State = row.code("state")?;
    let tried = row.get::<i64>("attempt")? - i64::from(state == State::Leased) > 0;
    let shown = Shown::of(state, tried, row.get("stop")?, row.of("lanes").get("paused")?);
    let (succeeded, test) = (row.get("succeeded")?, row.get("test")?);
    Ok(Row(DeliveryId(row.get("id")?), DeliveryState { state, shown, succeeded, test }))
});

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewDelivery {
    pub(crate) id: DeliveryId,
    pub(crate) event: EventId,
    pub(crate) kind: i16,
}

statements! {
    DUE = Sql::both(concat!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM deliveries \
         WHERE endpoint_id = $1 AND state = ", state!(waiting), " AND due_at <= $2 LIMIT $3) d"
    ));
}

row_statements! {
    STANDINGS = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: concat!(
            ") SELECT d.id, d.state, d.attempt, d.stop, d.test, l.paused AND NOT d.test AS paused, \
             d.state = ", state!(delivered), " \
             OR EXISTS (SELECT 1 FROM attempts a WHERE a.delivery_id = d.id AND a.succeeded) AS succeeded \
             FROM v JOIN deliveries d ON d.id = v.key JOIN lanes l ON l.endpoint_id = d.endpoint_id"
        ),
        tail_pg: None,
    };
    TESTS = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: ") SELECT d.id FROM v JOIN deliveries d ON d.id = v.key WHERE d.test",
        tail_pg: None,
    };
    INSERT_WAITING = Rows {
        head: "INSERT INTO deliveries (id, tenant_id, endpoint_id, event_id, kind, test, state, attempt, failures, \
               due_at, token, incarnation, created_at, thin, recovered) VALUES",
        row: &[
            Type::Uuid, Type::Uuid, Type::Uuid, Type::Uuid, Type::Small, Type::Bool, Type::Small, Type::Big, Type::Big,
            Type::Big, Type::Big, Type::Big, Type::Big, Type::Bool, Type::Bool,
        ],
        tail: "ON CONFLICT (id) DO NOTHING RETURNING id",
        tail_pg: None,
    };
    // Only if its state has not changed since it was read, so that the counts stay exact.
    REARM = Rows {
        head: "WITH v (key, was, at) AS (VALUES",
        row: &[Type::Uuid, Type::Small, Type::Big],
        tail: concat!(
            ") UPDATE deliveries SET state = ", state!(waiting), ", failures = 0, due_at = v.at, \
             token = deliveries.token + 1, settled_at = NULL, stop = FALSE, \
             thin = COALESCE((SELECT e.thin FROM endpoints e WHERE e.id = deliveries.endpoint_id), deliveries.thin) \
             FROM v WHERE deliveries.id = v.key AND deliveries.state = v.was \
             AND deliveries.state <> ", state!(leased), " RETURNING deliveries.id, deliveries.attempt, deliveries.test"
        ),
        tail_pg: None,
    };
}

/// The states of these deliveries; those that do not exist are left out.
pub(crate) async fn states(tx: &mut impl Scoped, ids: &[DeliveryId]) -> Result<HashMap<DeliveryId, DeliveryState>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = found(tx.link(), &STANDINGS, &ids).await?;
    Ok(rows.into_iter().map(|Row(id, standing)| (id, standing)).collect())
}

/// How many of these deliveries are tests.
pub(super) async fn tests_among(tx: &mut impl Scoped, ids: &[DeliveryId]) -> Result<usize> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let tests: Vec<(Uuid,)> = found(tx.link(), &TESTS, &ids).await?;
    Ok(tests.len())
}

/// Deliveries of an endpoint after a given one, of events up to a time, in these states and of these kinds of events
/// (all kinds if none is named), oldest first, at most `limit`, leased ones excluded.
pub(crate) async fn stretch(
    tx: &mut impl Scoped,
    endpoint: EndpointId,
    (shown, kinds): (&[Shown], &[i16]),
    after: Option<DeliveryId>,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<DeliveryId>> {
    let mut ids = Vec::new();
    let from = after.map_or(Uuid::nil(), |it| Uuid::from_u128(it.0.as_u128().saturating_add(1)));
    let to = DeliveryId::new(until.plus(Duration::from_millis(1)), 0).0;
    for (paused, endpoints) in lanes::by_pause(tx, &[endpoint]).await? {
        let classes = Class::of(shown, paused);
        let walk = Walk { endpoints: &endpoints, kinds, classes: &classes, from, to, limit };
        ids.extend(walk::walk(tx.link(), Way::Oldest, walk).await?);
    }
    Ok(ids)
}

/// The number of due deliveries of an endpoint, counted up to `most`.
pub(crate) async fn due(tx: &mut impl Scoped, endpoint: EndpointId, now: Timestamp, most: i64) -> Result<i64> {
    let link = tx.link();
    let sql = DUE.on(link);
    on!(link, c, D =>
        sqlx::query_scalar::<D, i64>(sql).bind(endpoint.0).bind(now.micros()).bind(most).fetch_one(c).await)
}

/// Creates deliveries that are due now, of thin or full events; returns how many did not exist before.
pub(crate) async fn make(
    tx: &mut Tx<'_>,
    endpoint: EndpointId,
    thin: bool,
    all: &[NewDelivery],
    now: Timestamp,
) -> Result<u32> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let ids = read_rows!(link, INSERT_WAITING, all, (Uuid,), |query, it| query
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
        .bind(now.micros())
        .bind(thin)
        .bind(true));
    let made: Vec<DeliveryId> = ids.into_iter().map(|(id,)| DeliveryId(id)).collect();
    let mut moves = Moves::default();
    made.iter().for_each(|_| moves.waits(endpoint, now, 0, false));
    lanes::apply(link, &moves).await?;
    let count = u32::try_from(made.len()).unwrap_or(u32::MAX);
    tx.changed(made);
    Ok(count)
}

/// Gives deliveries that were read in these states a new schedule that is due now; returns how many. Leased and changed
/// ones are left alone.
pub(crate) async fn rearm_all(
    tx: &mut Tx<'_>,
    endpoint: EndpointId,
    all: &[(DeliveryId, State)],
    now: Timestamp,
) -> Result<u32> {
    let tenant = tx.tenant();
    let mut changed = EndCounts::default();
    let was: HashMap<Uuid, State> = all.iter().map(|(id, state)| (id.0, *state)).collect();
    let link = tx.writing();
    let mut moves = Moves::default();
    let mut rearmed = Vec::with_capacity(all.len());
    lanes::hold(link, endpoint).await?;
    let rows = read_rows!(link, REARM, all, (Uuid, i64, bool), |query, (id, state)| query
        .bind(id.0)
        .bind(state.code())
        .bind(now.micros()));
    for (id, attempts, test) in rows {
        match was.get(&id) {
            Some(State::Waiting) | None => moves.due(endpoint, now),
            Some(state) => {
                moves.waits(endpoint, now, attempts, test);
                changed.add(*state, -1);
            }
        }
        rearmed.push(DeliveryId(id));
    }
    lanes::apply(link, &moves).await?;
    tallies::stand(link, tenant, endpoint, changed).await?;
    let count = u32::try_from(rearmed.len()).unwrap_or(u32::MAX);
    tx.changed(rearmed);
    Ok(count)
}
