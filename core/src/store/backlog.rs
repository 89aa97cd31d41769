//! The backlog of endpoints: how many deliveries of each state are open, how old the oldest is, and how long the first
//! due one has been due. Lanes keep the numbers of waiting deliveries. Leased deliveries, and tests that wait, are few
//! at any time and are counted on request. The cost does not depend on the number of deliveries.

use super::{
    Db, Result, Scoped,
    db::{
        conn::on,
        row::from_row,
        sql::{Rows, Sql, Type, found, row_statements, statements},
    },
    deliveries::{Shown, state},
    lanes::WaitCounts,
};
use inboxops_proto::{
    clock::Timestamp,
    id::{EndpointId, TenantId},
};
use std::{cmp::Reverse, collections::BTreeMap, time::Duration};
use uuid::Uuid;

/// The backlog of one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// Open deliveries by their shown state, tests included; states without any are left out.
    pub(crate) open: BTreeMap<Shown, i64>,
    /// Deliveries that will be sent, those in flight included, without tests.
    pub(crate) waiting: i64,
    /// When the oldest of those was made.
    pub(crate) oldest_at: Option<Timestamp>,
    /// When the first delivery that is not in flight is or was due; `None` while the endpoint's lane is paused.
    pub(crate) due_at: Option<Timestamp>,
}

impl Backlog {
    /// How long the longest due delivery has been due; zero if none is.
    pub(crate) fn behind(&self, now: Timestamp) -> Duration {
        self.due_at.filter(|due| *due < now).map_or(Duration::ZERO, |due| now.since(due))
    }

    fn count(&mut self, shown: Shown, by: i64) {
        if by > 0 {
            *self.open.entry(shown).or_default() += by;
        }
    }

    fn lane(&mut self, lane: &Lane) {
        // Below 0 only while a core of an earlier release moves deliveries without updating the counts.
        let WaitCounts { untried, tried } =
            WaitCounts { untried: lane.waiting.untried.max(0), tried: lane.waiting.tried.max(0) };
        if lane.paused {
            self.count(Shown::Paused, untried + tried);
        } else {
            self.count(Shown::Pending, untried);
            self.count(Shown::Retrying, tried);
        }
        self.waiting += untried + tried;
        self.oldest_at = lane.oldest_at;
        self.due_at = lane.due_at.filter(|_| !lane.paused);
    }

    fn few(&mut self, few: &OffLaneCounts) {
        self.count(few.shown, few.count);
        if !few.test && few.shown != Shown::Canceled {
            self.waiting += few.count;
            self.oldest_at = Some(self.oldest_at.map_or(few.oldest_at, |at| at.min(few.oldest_at)));
        }
    }
}

/// What waits at an endpoint, from its lane and the first entries of its indexes.
struct Lane {
    endpoint: EndpointId,
    tenant: TenantId,
    paused: bool,
    waiting: WaitCounts,
    oldest_at: Option<Timestamp>,
    due_at: Option<Timestamp>,
}

from_row!(Lane in "lanes", row => Ok(Lane {
    endpoint: EndpointId(row.get("endpoint_id")?),
    tenant: TenantId(row.get("tenant_id")?),
    paused: row.get("paused")?,
    waiting: WaitCounts { untried: row.get("untried")?, tried: row.get("tried")? },
    oldest_at: row.of("deliveries").opt_time("oldest_at")?,
    due_at: row.of("deliveries").opt_time("due_at")?,
}));

/// Leased deliveries of an endpoint, and its waiting tests, counted by their shown state.
struct OffLaneCounts {
    endpoint: EndpointId,
    shown: Shown,
    test: bool,
    count: i64,
    oldest_at: Timestamp,
}

from_row!(OffLaneCounts in "deliveries", row => Ok(OffLaneCounts {
    endpoint: EndpointId(row.get("endpoint_id")?),
    // Pauses do not apply to tests.
    shown: Shown::of(row.code("state")?, row.get("tried")?, row.get("stop")?, false),
    test: row.get("test")?,
    count: row.get("count")?,
    oldest_at: row.time("oldest_at")?,
}));

// The index is named for SQLite; for PostgreSQL see `deliveries::walk`.
macro_rules! first {
    (sqlite, $column:literal, $index:literal, $rows:expr) => {
        concat!(
            "(SELECT d.",
            $column,
            " FROM deliveries d INDEXED BY ",
            $index,
            " WHERE d.endpoint_id = l.endpoint_id AND ",
            $rows,
            " ORDER BY d.",
            $column,
            " LIMIT 1)"
        )
    };
    (pg, $column:literal, $index:literal, $rows:expr) => {
        concat!(
            "(SELECT d.",
            $column,
            " FROM deliveries d WHERE ",
            $rows,
            " AND (d.endpoint_id, d.",
            $column,
            ") >= (l.endpoint_id, -9223372036854775808) \
             AND (d.endpoint_id, d.",
            $column,
            ") <= (l.endpoint_id, 9223372036854775807) \
             ORDER BY d.endpoint_id, d.",
            $column,
            " LIMIT (SELECT 1))"
        )
    };
}

macro_rules! oldest {
    ($db:ident) => {
        first!(
            $db,
            "created_at",
            "deliveries_oldest",
            concat!("d.state <= ", state!(waiting), " AND d.attempt >= 0 AND NOT d.test")
        )
    };
}

macro_rules! due {
    ($db:ident) => {
        first!($db, "due_at", "deliveries_waiting", concat!("d.state = ", state!(waiting), " AND NOT d.test"))
    };
}

macro_rules! lanes {
    ($oldest:expr, $due:expr) => {
        concat!(
            ") SELECT l.endpoint_id, l.tenant_id, l.paused, l.untried, l.tried, ",
            $oldest,
            " AS oldest_at, ",
            $due,
            " AS due_at FROM v JOIN lanes l ON l.endpoint_id = v.key"
        )
    };
}

macro_rules! of_tenants {
    ($heads:expr) => {
        concat!(
            "SELECT tenant_id, waiting, CASE WHEN paused THEN NULL ELSE due_at END FROM (SELECT l.tenant_id AS tenant_id, \
             l.untried + l.tried AS waiting, l.paused AS paused, ", $heads, " AS due_at FROM lanes l \
             JOIN endpoints e ON e.id = l.endpoint_id WHERE e.deleted_at IS NULL AND l.untried + l.tried > 0) lane"
        )
    };
}

statements! {
    TENANTS = Sql::each(of_tenants!(due!(sqlite)), of_tenants!(due!(pg)));
}

row_statements! {
    LANES = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: lanes!(oldest!(sqlite), due!(sqlite)),
        tail_pg: Some(lanes!(oldest!(pg), due!(pg))),
    };
    FEW = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: concat!(
            ") SELECT endpoint_id, state, attempt > 1 AS tried, stop, test, COUNT(*) AS count, \
             MIN(created_at) AS oldest_at FROM deliveries INDEXED BY deliveries_leased \
             WHERE state = ", state!(leased), " AND endpoint_id IN (SELECT key FROM v) GROUP BY 1, 2, 3, 4, 5 \
             UNION ALL SELECT endpoint_id, state, attempt > 0, stop, test, COUNT(*), MIN(created_at) \
             FROM deliveries INDEXED BY deliveries_tests WHERE state = ", state!(waiting), " AND test \
             AND endpoint_id IN (SELECT key FROM v) GROUP BY 1, 2, 3, 4, 5"
        ),
        tail_pg: Some(concat!(
            ") SELECT endpoint_id, state, tried, stop, test, COUNT(*) AS count, MIN(created_at) AS oldest_at FROM (\
             (SELECT endpoint_id, state, attempt > 1 AS tried, stop, test, created_at FROM deliveries \
             WHERE state = ", state!(leased), " ORDER BY due_at OFFSET 0) \
             UNION ALL (SELECT endpoint_id, state, attempt > 0 AS tried, stop, test, created_at FROM deliveries \
             WHERE state = ", state!(waiting), " AND test ORDER BY due_at OFFSET 0)) few \
             WHERE endpoint_id IN (SELECT key FROM v) GROUP BY 1, 2, 3, 4, 5"
        )),
    };
}

/// The backlogs of these endpoints of the tenant.
pub(crate) async fn of(tx: &mut impl Scoped, endpoints: &[EndpointId]) -> Result<BTreeMap<EndpointId, Backlog>> {
    let tenant = tx.tenant();
    let keys = endpoints.iter().map(|it| it.0).collect::<Vec<Uuid>>();
    let lanes: Vec<Lane> = found(tx.link(), &LANES, &keys).await?;
    let few: Vec<OffLaneCounts> = found(tx.link(), &FEW, &keys).await?;
    let mut all = BTreeMap::new();
    for lane in lanes.iter().filter(|lane| lane.tenant == tenant) {
        let mut backlog = Backlog::default();
        backlog.lane(lane);
        few.iter().filter(|few| few.endpoint == lane.endpoint).for_each(|few| backlog.few(few));
        all.insert(lane.endpoint, backlog);
    }
    Ok(all)
}

/// The backlog of one tenant, without deliveries in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OfTenant {
    pub(crate) tenant: TenantId,
    /// Deliveries that wait for their time or for a slot, without tests.
    pub(crate) waiting: i64,
    /// How long the longest due delivery has been due.
    pub(crate) behind: Duration,
}

/// The tenants with waiting deliveries, the most behind first.
pub(crate) async fn of_tenants(db: &Db, now: Timestamp) -> Result<Vec<OfTenant>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = TENANTS.on(link);
    let rows = on!(link, c, D => sqlx::query_as::<D, (Uuid, i64, Option<i64>)>(sql).fetch_all(c).await)?;
    let mut all: BTreeMap<Uuid, (i64, Option<i64>)> = BTreeMap::new();
    for (tenant, waiting, due) in rows {
        let of = all.entry(tenant).or_default();
        of.0 += waiting;
        of.1 = due.into_iter().chain(of.1).min();
    }
    let behind = |due: Option<i64>| due.map_or(Duration::ZERO, |at| now.since(Timestamp::from_micros(at)));
    let mut all: Vec<OfTenant> = all
        .into_iter()
        .map(|(tenant, (waiting, due))| OfTenant { tenant: TenantId(tenant), waiting, behind: behind(due) })
        .collect();
    all.sort_by_key(|of| Reverse((of.behind, of.waiting)));
    Ok(all)
}
