//! Moves deliveries: claims them from lanes in rotation, parks them, settles them by workers' reports, and takes back
//! expired leases. The lease's token fences every move. The caller decides what follows an attempt.
//! `docs/delivery.md` draws the states of a delivery and says who moves it.

mod claim;
mod due;
mod report;
mod stats;

#[cfg(test)]
pub(crate) use claim::served;
pub(crate) use claim::{CLAIM_LANES_MAX, Claim, ClaimResult, FULL_PAUSE, Room, claim, claim_of, claim_tests};
pub(crate) use due::{Due, beat, due};
pub(crate) use report::{BatchResult, Next, Report, SentRequest, Use, report};
pub(crate) use stats::{QueueStats, standing};

#[cfg(test)]
pub(super) use claim::{ALL as CLAIM_ALL, ALL_ROWS as CLAIM_ALL_ROWS};
#[cfg(test)]
pub(super) use due::ALL as DUE_ALL;
#[cfg(test)]
pub(super) use report::ALL_ROWS as REPORT_ALL_ROWS;
#[cfg(test)]
pub(super) use stats::ALL as STATS_ALL;

use super::{
    Db, Result, SystemTx, cores,
    db::{
        conn::on,
        row::from_row,
        sql::{Rows, Sql, Type, read_rows, row_statements, statements, write_rows},
    },
    deliveries::{State, state},
    lanes::{self, Moves},
    tallies::{self, Tally},
};
use inboxops_proto::{
    FailureCode,
    clock::Timestamp,
    id::{DeliveryId, EndpointId, TenantId},
};

/// Greatest number of leases that one reap takes back.
pub(crate) const REAP_MAX: i64 = 500;
/// Failure code of an attempt whose lease expired without a report.
pub(crate) const WORKER_LOST: &str = FailureCode::WorkerLost.name();

/// Failure code of an attempt over a connection that the receiver had closed. The delivery is sent again at once, under
/// the next number and over a new connection; the attempt counts as a failure neither of the delivery nor of the
/// endpoint.
pub(crate) const STALE_CONNECTION: &str = FailureCode::StaleConnection.name();

/// A lease, identified by what fences it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lease {
    pub(crate) delivery: DeliveryId,
    /// Its fencing token.
    pub(crate) token: i64,
}

/// An open lease, with what its report needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenLease {
    pub(crate) lease: Lease,
    pub(crate) tenant: TenantId,
    pub(crate) endpoint: EndpointId,
    pub(crate) test: bool,
    pub(crate) attempt: u32,
    /// Failed attempts before this one.
    pub(crate) failures: u32,
    /// Whether the previous attempt ended with a stale connection.
    pub(crate) fresh: bool,
}

from_row!(OpenLease in "deliveries", row => Ok(OpenLease {
    lease: Lease { delivery: DeliveryId(row.get("id")?), token: row.get("token")? },
    tenant: TenantId(row.get("tenant_id")?),
    endpoint: EndpointId(row.get("endpoint_id")?),
    test: row.get("test")?,
    attempt: row.number("attempt")?,
    failures: row.number("failures")?,
    fresh: row.get("fresh")?,
}));

/// Which leases a reap takes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Expired leases.
    Ended,
    /// All leases, at the start of a single process.
    All,
    /// Leases of other cores that are dead or have signed out (PostgreSQL).
    OfDeadCores,
}

/// A lease that expired without a report.
struct LostLease {
    delivery: DeliveryId,
    tenant: TenantId,
    endpoint: EndpointId,
    attempt: i64,
    until: Timestamp,
    test: bool,
}

from_row!(LostLease in "deliveries", row => Ok(LostLease {
    delivery: DeliveryId(row.get("id")?),
    tenant: TenantId(row.get("tenant_id")?),
    endpoint: EndpointId(row.get("endpoint_id")?),
    attempt: row.get("attempt")?,
    until: row.time("due_at")?,
    test: row.get("test")?,
}));

macro_rules! lost {
    () => {
        concat!(
            "SELECT id, tenant_id, endpoint_id, attempt, due_at, test FROM deliveries WHERE state = ",
            state!(leased)
        )
    };
}

statements! {
    ENDED = Sql::each(
        concat!(lost!(), " AND due_at <= $1 ORDER BY due_at LIMIT $2"),
        concat!(lost!(), " AND due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED"),
    );
    // The core that runs this is alive, even if its own beat is old because the process was suspended.
    OF_DEAD_CORES = Sql::pg(concat!(
        lost!(),
        " AND incarnation <> $3 \
         AND incarnation NOT IN (SELECT incarnation FROM cores WHERE slot >= 0 AND seen_at > $1) \
         ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED"
    ));
}

/// The state of a delivery whose lease ended without a result.
macro_rules! given_back {
    () => {
        concat!("CASE WHEN stop THEN ", state!(stopped), " ELSE ", state!(waiting), " END")
    };
}

// `state + 0` keeps planners from using the index of leases, which may be small when they plan and large later: these
// rows are found by id.
row_statements! {
    OPEN = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: concat!(
            ") SELECT d.id, d.token, d.tenant_id, d.endpoint_id, d.test, d.attempt, d.failures, \
             COALESCE(d.error_code = 'stale_connection', FALSE) AS fresh FROM v \
             JOIN deliveries d ON d.id = v.key WHERE d.state + 0 = ", state!(leased)
        ),
        tail_pg: None,
    };
    PARK = Rows {
        head: "WITH v (key, fence, at) AS (VALUES",
        row: &[Type::Uuid, Type::Big, Type::Big],
        tail: concat!(
            ") UPDATE deliveries SET state = ", given_back!(), ", stop = FALSE, \
             settled_at = CASE WHEN stop THEN v.at END, due_at = v.at, token = token + 1, attempt = attempt - 1 FROM v \
             WHERE deliveries.id = v.key AND deliveries.token = v.fence \
             AND deliveries.state + 0 = ", state!(leased), " \
             RETURNING deliveries.tenant_id, deliveries.endpoint_id, deliveries.state, deliveries.attempt, \
             deliveries.test"
        ),
        tail_pg: None,
    };
    TAKE_BACK = Rows {
        head: "WITH v (key, at) AS (VALUES",
        row: &[Type::Uuid, Type::Big],
        tail: concat!(
            ") UPDATE deliveries SET state = ", given_back!(), ", stop = FALSE, \
             settled_at = CASE WHEN stop THEN v.at END, due_at = v.at, token = token + 1, error_code = 'worker_lost' \
             FROM v WHERE deliveries.id = v.key AND deliveries.state + 0 = ", state!(leased), " \
             RETURNING deliveries.tenant_id, deliveries.endpoint_id, deliveries.state, deliveries.attempt, \
             deliveries.test"
        ),
        tail_pg: None,
    };
    LOST_ATTEMPTS = Rows {
        head: "INSERT INTO attempts (delivery_id, n, tenant_id, endpoint_id, started_at, duration_ms, \
               response_headers, request_headers, error_code, error, succeeded, recorded_at) VALUES",
        row: &[
            Type::Uuid, Type::Big, Type::Uuid, Type::Uuid, Type::Big, Type::Big, Type::Text, Type::Text, Type::Text,
            Type::Text, Type::Bool, Type::Big,
        ],
        tail: "",
        tail_pg: None,
    };
}

/// The open leases of these deliveries, whoever holds them.
pub(crate) async fn open(db: &Db, ids: &[DeliveryId]) -> Result<Vec<OpenLease>> {
    let mut reader = db.lookup().await?;
    Ok(read_rows!(reader.link(), OPEN, ids, OpenLease, |query, id| query.bind(id.0)))
}

/// Parks leases that cannot be used now: their deliveries are due at once, and no request is counted. Leases that have
/// ended are left alone. Returns how many were parked.
pub(crate) async fn park(tx: &mut SystemTx<'_>, leases: &[Lease], now: Timestamp) -> Result<usize> {
    let mut leases = leases.to_vec();
    leases.sort_unstable();
    leases.dedup_by_key(|lease| lease.delivery);
    let link = tx.writing();
    let rows = read_rows!(link, PARK, &leases, FreedLease, |query, lease| query
        .bind(lease.delivery.0)
        .bind(lease.token)
        .bind(now.micros()));
    let mut moves = Moves::default();
    let mut tally = Tally::default();
    given_back(&rows, now, &mut moves, &mut tally);
    lanes::apply(link, &moves).await?;
    tallies::add(link, &tally).await?;
    Ok(rows.len())
}

/// A delivery whose lease has ended, as it is now.
struct FreedLease {
    tenant: TenantId,
    endpoint: EndpointId,
    state: State,
    /// Requests made.
    attempts: i64,
    test: bool,
}

from_row!(FreedLease in "deliveries", row => Ok(FreedLease {
    tenant: TenantId(row.get("tenant_id")?),
    endpoint: EndpointId(row.get("endpoint_id")?),
    state: row.code("state")?,
    attempts: row.get("attempt")?,
    test: row.get("test")?,
}));

/// Counts what waits again, and what was canceled while leased and now ends.
fn given_back(rows: &[FreedLease], now: Timestamp, moves: &mut Moves, tally: &mut Tally) {
    for it in rows {
        if it.state == State::Waiting {
            moves.waits(it.endpoint, now, it.attempts, it.test);
        }
        tally.ended(it.tenant, it.endpoint, it.state, 1);
    }
}

/// Takes back at most [`REAP_MAX`] leases. Each becomes a failed attempt `worker_lost` with its own number; the
/// delivery is due at once, its schedule unchanged. Returns the count; call it again while that is [`REAP_MAX`].
pub(crate) async fn reap(tx: &mut SystemTx<'_>, which: Which, now: Timestamp) -> Result<usize> {
    let own = tx.writing.core.incarnation;
    let link = tx.writing();
    let (sql, before) = match which {
        Which::Ended => (ENDED, now),
        Which::All => (ENDED, Timestamp::from_micros(i64::MAX)),
        Which::OfDeadCores if !link.is_pg() => return Ok(0),
        Which::OfDeadCores => (OF_DEAD_CORES, now.minus(cores::SILENCE)),
    };
    let sql = sql.on(link);
    let mut lost = on!(link, c, D => {
        let mut query = sqlx::query_as::<D, LostLease>(sql).bind(before.micros()).bind(REAP_MAX);
        if which == Which::OfDeadCores {
            query = query.bind(own);
        }
        query.fetch_all(c).await
    })?;
    lost.sort_unstable_by_key(|lost| lost.delivery);
    let mut moves = Moves::default();
    let mut tally = Tally::default();
    for it in lost.iter().filter(|it| !it.test) {
        tally.attempt(it.tenant, it.endpoint, now).add(false, None);
    }
    let rows = read_rows!(link, TAKE_BACK, &lost, FreedLease, |query, it| query.bind(it.delivery.0).bind(now.micros()));
    given_back(&rows, now, &mut moves, &mut tally);
    write_rows!(link, LOST_ATTEMPTS, &lost, |query, it| {
        let started = it.until.minus(super::LEASE);
        let took = i64::try_from(now.since(started).as_millis()).unwrap_or(i64::MAX);
        query
            .bind(it.delivery.0)
            .bind(it.attempt)
            .bind(it.tenant.0)
            .bind(it.endpoint.0)
            .bind(started.micros())
            .bind(took.min(i64::from(u32::MAX)))
            .bind("[]")
            .bind("[]")
            .bind(WORKER_LOST)
            .bind(FailureCode::WorkerLost.sentence())
            .bind(false)
            .bind(now.micros())
    });
    lanes::apply(link, &moves).await?;
    tallies::add(link, &tally).await?;
    tx.changed(lost.iter().map(|lost| (lost.tenant, lost.delivery)));
    Ok(lost.len())
}
