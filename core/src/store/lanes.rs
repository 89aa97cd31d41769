//! Rows of `lanes`: one for each endpoint, with the due time of its first waiting delivery and the number of waiting
//! ones. Code that makes a delivery wait marks the lane afterwards, so that a claim never misses it; code that moves
//! one to or from waiting updates the lane in the same transaction, so that the numbers are exact.

use super::{
    Db, Result, Scoped,
    db::{
        conn::{Link, on},
        sql::{Rows, Sql, Type, found, row_statements, statements, write_rows},
    },
};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, TenantId},
};
use std::collections::BTreeMap;
use uuid::Uuid;

// Codes of `tenants`, which updates lanes; a test compares them.
macro_rules! plan {
    (business) => {
        "3"
    };
}

macro_rules! webhooks {
    (by_plan) => {
        "1"
    };
    (on) => {
        "2"
    };
}

// The condition for sending to an endpoint. The plans from Business up include webhooks.
macro_rules! runs {
    () => {
        concat!(
            "EXISTS (SELECT 1 FROM endpoints e JOIN tenants t ON t.id = e.tenant_id WHERE e.id = lanes.endpoint_id \
             AND e.enabled AND e.disabled_reason IS NULL AND e.deleted_at IS NULL AND (t.webhooks = ",
            webhooks!(on),
            " OR (t.webhooks = ",
            webhooks!(by_plan),
            " AND t.plan >= ",
            plan!(business),
            ")))"
        )
    };
}

statements! {
    INSERT = Sql::both("INSERT INTO lanes (endpoint_id, tenant_id, due_at, paused) VALUES ($1, $2, NULL, $3)");
    PAUSE_ONE = Sql::both(concat!("UPDATE lanes SET paused = NOT ", runs!(), " WHERE endpoint_id = $1"));
    PAUSE_TENANT = Sql::both(concat!(
        "UPDATE lanes SET paused = NOT ", runs!(), " WHERE endpoint_id IN (SELECT id FROM endpoints WHERE tenant_id = $1)"
    ));
    STANDING = Sql::both(
        "SELECT l.paused, COALESCE(h.failures_in_row, 0), l.due_at FROM lanes l \
         LEFT JOIN endpoint_health h ON h.endpoint_id = l.endpoint_id WHERE l.endpoint_id = $1",
    );
    HOLD = Sql::pg("SELECT 1 FROM lanes WHERE endpoint_id = $1 FOR UPDATE");
    HOLD_OF = Sql::pg(
        "SELECT 1 FROM lanes WHERE endpoint_id = (SELECT endpoint_id FROM deliveries WHERE id = $1 AND tenant_id = $2) \
         FOR UPDATE",
    );
    NEXT_DUE = Sql::both("SELECT MIN(due_at) FROM lanes WHERE due_at IS NOT NULL AND NOT paused");
}

// A lane without new waiting deliveries keeps its time: `v.at` is NULL then.
macro_rules! moved {
    () => {
        "UPDATE lanes SET due_at = CASE WHEN v.at IS NULL OR lanes.due_at < v.at THEN lanes.due_at ELSE v.at END, \
         untried = lanes.untried + v.untried, tried = lanes.tried + v.tried "
    };
}

row_statements! {
    PAUSED = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: ") SELECT l.endpoint_id, l.tenant_id, l.paused FROM v JOIN lanes l ON l.endpoint_id = v.key",
        tail_pg: None,
    };
    MOVE = Rows {
        head: "WITH v (key, at, untried, tried) AS (VALUES",
        row: &[Type::Uuid, Type::Big, Type::Big, Type::Big],
        tail: concat!(") ", moved!(), "FROM v WHERE lanes.endpoint_id = v.key"),
        // Locks in the order of endpoints, as every core does.
        tail_pg: Some(concat!(
            "), held AS (SELECT endpoint_id FROM lanes WHERE endpoint_id IN (SELECT key FROM v) \
             ORDER BY endpoint_id FOR UPDATE) ",
            moved!(),
            "FROM v, held WHERE held.endpoint_id = v.key AND lanes.endpoint_id = held.endpoint_id"
        )),
    };
}

/// The number of waiting deliveries of an endpoint, without tests, which are sent whatever its lane says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WaitCounts {
    /// Without a request so far.
    pub(crate) untried: i64,
    /// After a request that did not succeed.
    pub(crate) tried: i64,
}

impl WaitCounts {
    /// Counts deliveries with this number of requests that began to wait (below 0: that no longer wait).
    pub(crate) fn add(&mut self, attempts: i64, by: i64) {
        *if attempts > 0 { &mut self.tried } else { &mut self.untried } += by;
    }
}

/// A batch's changes of lanes, in the order in which rows are locked.
#[derive(Debug, Default)]
pub(super) struct Moves(BTreeMap<EndpointId, (Option<Timestamp>, WaitCounts)>);

impl Moves {
    /// A delivery with this number of requests waits until `at`.
    pub(super) fn waits(&mut self, endpoint: EndpointId, at: Timestamp, attempts: i64, test: bool) {
        let (due, waiting) = self.0.entry(endpoint).or_default();
        *due = Some(due.map_or(at, |due| due.min(at)));
        if !test {
            waiting.add(attempts, 1);
        }
    }

    /// A delivery that already waits is due at `at` or earlier.
    pub(super) fn due(&mut self, endpoint: EndpointId, at: Timestamp) {
        let (due, _) = self.0.entry(endpoint).or_default();
        *due = Some(due.map_or(at, |due| due.min(at)));
    }

    /// A delivery with this number of requests no longer waits.
    pub(super) fn leaves(&mut self, endpoint: EndpointId, attempts: i64, test: bool) {
        if !test {
            self.0.entry(endpoint).or_default().1.add(attempts, -1);
        }
    }
}

pub(super) async fn insert(link: &mut Link, tenant: TenantId, endpoint: EndpointId) -> Result<()> {
    let sql = INSERT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(endpoint.0).bind(tenant.0).bind(true).execute(c).await.map(drop))
}

/// Pauses or resumes the lane of an endpoint according to its row and its tenant's plan.
pub(super) async fn pause_as_enabled(link: &mut Link, endpoint: EndpointId) -> Result<()> {
    let sql = PAUSE_ONE.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(endpoint.0).execute(c).await.map(drop))
}

/// The same for all lanes of a tenant, after a change of its plan or of an override.
pub(super) async fn pause_as_entitled(link: &mut Link, tenant: TenantId) -> Result<()> {
    let sql = PAUSE_TENANT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(tenant.0).execute(c).await.map(drop))
}

/// Applies a batch's changes to the lanes.
pub(super) async fn apply(link: &mut Link, moves: &Moves) -> Result<()> {
    let moves: Vec<_> = moves.0.iter().collect();
    write_rows!(link, MOVE, &moves, |query, (endpoint, (due, waiting))| query
        .bind(endpoint.0)
        .bind(due.map(Timestamp::micros))
        .bind(waiting.untried)
        .bind(waiting.tried));
    Ok(())
}

/// Locks the lane of a delivery's endpoint. A claim locks lanes before deliveries, so code that changes a waiting
/// delivery does the same, or the two would deadlock (PostgreSQL).
pub(super) async fn hold_of(link: &mut Link, tenant: TenantId, delivery: DeliveryId) -> Result<()> {
    if let Some(sql) = HOLD_OF.pg.filter(|_| link.is_pg()) {
        on!(link, c, D => sqlx::query::<D>(sql).bind(delivery.0).bind(tenant.0).execute(c).await.map(drop))?;
    }
    Ok(())
}

/// The same for an endpoint.
pub(super) async fn hold(link: &mut Link, endpoint: EndpointId) -> Result<()> {
    if let Some(sql) = HOLD.pg.filter(|_| link.is_pg()) {
        on!(link, c, D => sqlx::query::<D>(sql).bind(endpoint.0).execute(c).await.map(drop))?;
    }
    Ok(())
}

/// These endpoints of the tenant, grouped by whether their lanes are paused.
pub(super) async fn by_pause(tx: &mut impl Scoped, endpoints: &[EndpointId]) -> Result<[(bool, Vec<EndpointId>); 2]> {
    let tenant = tx.tenant();
    let keys = endpoints.iter().map(|it| it.0).collect::<Vec<_>>();
    let rows: Vec<(Uuid, Uuid, bool)> = found(tx.link(), &PAUSED, &keys).await?;
    let of = |paused| {
        let rows = rows.iter().filter(|row| row.1 == tenant.0 && row.2 == paused);
        (paused, rows.map(|row| EndpointId(row.0)).collect())
    };
    Ok([of(false), of(true)])
}

/// The state of an endpoint's lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LaneState {
    /// Whether events are held back.
    pub(crate) paused: bool,
    pub(crate) failures_in_row: u32,
    /// When the first of its waiting deliveries is due.
    pub(crate) due_at: Option<Timestamp>,
}

/// The state of an endpoint's lane, in any tenant.
pub(crate) async fn standing(db: &Db, endpoint: EndpointId) -> Result<Option<LaneState>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = STANDING.on(link);
    let row =
        on!(link, c, D => sqlx::query_as::<D, (bool, i64, Option<i64>)>(sql).bind(endpoint.0).fetch_optional(c).await)?;
    Ok(row.map(|(paused, failures, due_at)| LaneState {
        paused,
        failures_in_row: u32::try_from(failures).unwrap_or(u32::MAX),
        due_at: due_at.map(Timestamp::from_micros),
    }))
}

/// When the next lane is due.
pub(crate) async fn next_due(db: &Db) -> Result<Option<Timestamp>> {
    first_due(db.lookup().await?.link()).await
}

/// The same on a given connection.
pub(super) async fn first_due(link: &mut Link) -> Result<Option<Timestamp>> {
    let sql = NEXT_DUE.on(link);
    let due = on!(link, c, D => sqlx::query_scalar::<D, Option<i64>>(sql).fetch_one(c).await)?;
    Ok(due.map(Timestamp::from_micros))
}

#[cfg(test)]
mod tests {
    use crate::store::tenants::{Plan, overridden};

    #[test]
    fn plans_and_overrides_in_statements_are_those_of_rows() {
        let business: i16 = plan!(business).parse().unwrap();
        assert_eq!(business, Plan::Business.code());
        assert!(Plan::ALL.iter().all(|plan| plan.includes_integrations() == (plan.code() >= business)));
        let read = |code: &str| overridden(code.parse().unwrap());
        assert_eq!([webhooks!(by_plan), webhooks!(on)].map(read), [None, Some(true)]);
    }
}
