//! Rows of `deliveries` and `attempts` as the tenant sees them: reads, resend, cancel. Lists are in `log`, bulk
//! operations for jobs in `bulk`; how deliveries move by themselves is in `dispatch`.

mod bulk;
mod log;
mod search;
pub(super) mod walk;

pub(crate) use bulk::{DeliveryState, NewDelivery, due, make, rearm_all, states, stretch};
pub(crate) use log::{Page, Range, count, list};
pub(crate) use search::{Search, StatusRange, search};
#[cfg(test)]
pub(crate) use walk::KINDS;

#[cfg(test)]
pub(super) use bulk::{ALL as BULK_ALL, ALL_ROWS as BULK_ALL_ROWS};
#[cfg(test)]
pub(super) use search::ALL as SEARCH_ALL;

use super::{
    ReadTx, Result, Scoped, Tx,
    db::{
        conn::on,
        row::{codes, from_row},
        sql::{Rows, Sql, Type, found, row_statements, statements},
    },
    lanes::{self, Moves},
    tallies::{self, EndCounts},
};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, EventId, TenantId, TicketId},
};
use sqlx::QueryBuilder;
use uuid::Uuid;

codes! {
    /// State of a delivery's row. Statements get its codes from [`state!`].
    State {
        /// Waits until it is due.
        Waiting = 0 "waiting",
        /// A core or worker holds its lease.
        Leased = 1 "leased",
        /// The receiver answered 2xx.
        Delivered = 2 "delivered",
        /// All attempts failed.
        Failed = 3 "failed",
        /// Canceled by a person.
        Stopped = 4 "stopped",
    }
}

/// The code of a [`State`] in the text of a statement, as in `concat!("… WHERE state = ", state!(leased))`. Partial
/// indexes match by text, so the codes are literally those of the migrations.
macro_rules! state {
    (waiting) => {
        "0"
    };
    (leased) => {
        "1"
    };
    (delivered) => {
        "2"
    };
    (failed) => {
        "3"
    };
    (stopped) => {
        "4"
    };
}
pub(super) use state;

codes! {
    /// State of a delivery in the API.
    Shown {
        /// Not tried yet.
        Pending = 1 "pending",
        /// Failed at least once, and will be retried.
        Retrying = 2 "retrying",
        /// The receiver answered 2xx.
        Delivered = 3 "delivered",
        /// All attempts failed.
        Failed = 4 "failed",
        /// Waits until its endpoint is enabled again.
        Paused = 5 "paused",
        /// Canceled by a person.
        Canceled = 6 "canceled",
    }
}

/// One event for one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) id: DeliveryId,
    pub(crate) tenant: TenantId,
    pub(crate) endpoint: EndpointId,
    pub(crate) event: EventId,
    pub(crate) kind: i16,
    pub(crate) test: bool,
    pub(crate) state: State,
    /// Requests, one in flight included.
    pub(crate) attempt: u32,
    /// Failed attempts of the present schedule.
    pub(crate) failures: u32,
    /// When it is due; while leased, the end of its lease.
    pub(crate) due_at: Timestamp,
    /// Fencing token.
    pub(crate) token: i64,
    /// HTTP status of the last response.
    pub(crate) response_status: Option<u16>,
    /// Why the last attempt failed.
    pub(crate) error_code: Option<String>,
    pub(crate) created_at: Timestamp,
    /// When it reached its end state.
    pub(crate) settled_at: Option<Timestamp>,
    /// Whether its endpoint's lane is paused; tests ignore that.
    pub(crate) paused: bool,
    /// Whether it ends as canceled unless its request succeeds; only while leased.
    pub(crate) stop: bool,
    /// How long the last request took, in milliseconds.
    pub(crate) duration_ms: Option<u32>,
    /// Requests that ended with a stale connection; they do not count.
    pub(crate) stale: u32,
    /// Whether the event is sent in its thin form.
    pub(crate) thin: bool,
    /// The ticket of its event.
    pub(crate) ticket: Option<TicketId>,
    pub(crate) ticket_number: Option<u32>,
    /// The ticket's subject as it is now.
    pub(crate) subject: Option<String>,
    /// Greatest number of requests a second to its endpoint.
    pub(crate) endpoint_rate: Option<u32>,
    /// Failed attempts in a row of its endpoint.
    pub(crate) endpoint_failures: Option<i64>,
}

impl Delivery {
    /// Requests whose end is recorded.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempt - u32::from(self.state == State::Leased)
    }

    /// Requests that count: not those over stale connections, which were repeated at once.
    pub(crate) fn attempts_counted(&self) -> u32 {
        self.attempts().saturating_sub(self.stale)
    }

    /// Whether it can still be canceled.
    pub(crate) fn can_stop(&self) -> bool {
        self.state == State::Waiting || (self.state == State::Leased && !self.stop)
    }

    pub(crate) fn shown(&self) -> Shown {
        Shown::of(self.state, self.attempts() > 0, self.stop, self.paused)
    }

    /// A number that grows with every change of the row.
    pub(crate) fn revision(&self) -> u32 {
        revision(self.state, self.token, self.stop)
    }
}

/// The token grows with every change but two: the end of a lease, and a cancellation during a request.
pub(crate) fn revision(state: State, token: i64, stop: bool) -> u32 {
    let step = match (state, stop) {
        (State::Leased, false) => 0,
        (State::Leased, true) => 1,
        _ => 2,
    };
    u32::try_from(token * 4 + step).unwrap_or(u32::MAX)
}

impl Shown {
    /// Derived from a row: its state, whether a request has ended, whether it is to be canceled, whether its lane is
    /// paused.
    pub(super) fn of(state: State, tried: bool, stop: bool, paused: bool) -> Shown {
        match state {
            State::Delivered => Shown::Delivered,
            State::Failed => Shown::Failed,
            State::Stopped => Shown::Canceled,
            State::Leased if stop => Shown::Canceled,
            State::Waiting if paused => Shown::Paused,
            State::Waiting | State::Leased if tried => Shown::Retrying,
            State::Waiting | State::Leased => Shown::Pending,
        }
    }
}

from_row!(Delivery in "deliveries", row => Ok(Delivery {
    id: DeliveryId(row.get("id")?),
    tenant: TenantId(row.get("tenant_id")?),
    endpoint: EndpointId(row.get("endpoint_id")?),
    event: EventId(row.get("event_id")?),
    kind: row.get("kind")?,
    test: row.get("test")?,
    state: row.code("state")?,
    attempt: row.number("attempt")?,
    failures: row.number("failures")?,
    due_at: row.time("due_at")?,
    token: row.get("token")?,
    response_status: row.opt_number("response_status")?,
    error_code: row.get("error_code")?,
    created_at: row.time("created_at")?,
    settled_at: row.opt_time("settled_at")?,
    paused: row.of("lanes").get("paused")?,
    stop: row.get("stop")?,
    duration_ms: row.of("attempts").opt_number("duration_ms")?,
    stale: row.number("stale")?,
    thin: row.get("thin")?,
    ticket: row.of("events").opt("ticket_id", TicketId)?.filter(|ticket| !ticket.0.is_nil()),
    ticket_number: row.of("tickets").opt_number("ticket_number")?,
    subject: row.of("tickets").get("subject")?,
    endpoint_rate: row.of("endpoints").opt_number("rate_per_second")?,
    endpoint_failures: row.of("endpoint_health").get("failures_in_row")?,
}));

/// One HTTP request of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) n: u32,
    pub(crate) started_at: Timestamp,
    /// Duration in milliseconds.
    pub(crate) duration_ms: u32,
    pub(crate) response_status: Option<u16>,
    /// The start of the response body.
    pub(crate) response_body: Option<String>,
    /// Response headers, as JSON.
    pub(crate) response_headers: String,
    /// Request headers, as JSON.
    pub(crate) request_headers: String,
    /// Why it failed: a failure code.
    pub(crate) error_code: Option<String>,
    /// Why it failed, as a sentence.
    pub(crate) error: Option<String>,
    /// Whether the receiver answered 2xx.
    pub(crate) succeeded: bool,
}

from_row!(Attempt in "attempts", row => Ok(Attempt {
    n: row.number("n")?,
    started_at: row.time("started_at")?,
    duration_ms: row.number("duration_ms")?,
    response_status: row.opt_number("response_status")?,
    response_body: row.get("response_body")?,
    response_headers: row.get("response_headers")?,
    request_headers: row.get("request_headers")?,
    error_code: row.get("error_code")?,
    error: row.get("error")?,
    succeeded: row.get("succeeded")?,
}));

macro_rules! columns {
    () => {
        "d.id, d.tenant_id, d.endpoint_id, d.event_id, d.kind, d.test, d.state, d.attempt, d.failures, d.due_at, d.token, \
         d.response_status, d.error_code, d.created_at, d.settled_at, l.paused AND NOT d.test AS paused, d.stop, \
         a.duration_ms, d.stale, d.thin, ev.ticket_id, k.number AS ticket_number, k.subject, e.rate_per_second, \
         h.failures_in_row"
    };
}

macro_rules! joins {
    () => {
        concat!(
            "JOIN lanes l ON l.endpoint_id = d.endpoint_id \
             JOIN endpoints e ON e.id = d.endpoint_id AND e.deleted_at IS NULL \
             LEFT JOIN attempts a ON a.delivery_id = d.id AND a.n = d.attempt - CASE WHEN d.state = ",
            state!(leased),
            " THEN 1 ELSE 0 END \
             LEFT JOIN events ev ON ev.id = d.event_id LEFT JOIN tickets k ON k.id = ev.ticket_id \
             LEFT JOIN endpoint_health h ON h.endpoint_id = d.endpoint_id"
        )
    };
}

macro_rules! select {
    () => {
        concat!("SELECT ", columns!(), " FROM deliveries d ", joins!())
    };
}

statements! {
    GET = Sql::both(concat!(select!(), " WHERE d.id = $1 AND d.tenant_id = $2"));
    LOCK = Sql::each(
        concat!(select!(), " WHERE d.id = $1 AND d.tenant_id = $2"),
        concat!(select!(), " WHERE d.id = $1 AND d.tenant_id = $2 FOR UPDATE OF d"),
    );
    ATTEMPTS = Sql::both(
        "SELECT n, started_at, duration_ms, response_status, response_body, response_headers, request_headers, \
         error_code, error, succeeded FROM attempts WHERE delivery_id = $1 AND tenant_id = $2 ORDER BY n",
    );
    // Not while leased: a request may be in flight. A test keeps its form, since data of a caller's own has no thin one.
    REARM = Sql::both(concat!(
        "UPDATE deliveries SET state = ", state!(waiting), ", failures = 0, due_at = $3, token = token + 1, \
         settled_at = NULL, \
         thin = CASE WHEN test THEN thin \
         ELSE COALESCE((SELECT e.thin FROM endpoints e WHERE e.id = deliveries.endpoint_id), thin) END \
         WHERE id = $1 AND tenant_id = $2 AND state <> ", state!(leased)
    ));
    // A lease keeps its token, so that its report is accepted.
    STOP = Sql::both(concat!(
        "UPDATE deliveries SET \
         state = CASE WHEN state = ", state!(waiting), " THEN ", state!(stopped), " ELSE state END, \
         stop = (state = ", state!(leased), "), \
         token = token + CASE WHEN state = ", state!(waiting), " THEN 1 ELSE 0 END, \
         settled_at = CASE WHEN state = ", state!(waiting), " THEN CAST($3 AS BIGINT) END \
         WHERE id = $1 AND tenant_id = $2 \
         AND (state = ", state!(waiting), " OR (state = ", state!(leased), " AND NOT stop))"
    ));
}

row_statements! {
    THESE = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: concat!(") SELECT ", columns!(), " FROM v JOIN deliveries d ON d.id = v.key ", joins!()),
        tail_pg: None,
    };
}

/// Ids in one statement of [`existing`].
const EXISTING_CHUNK: usize = 200;

/// Those of these deliveries that exist.
pub(crate) async fn existing(tx: &mut ReadTx, ids: &[DeliveryId]) -> Result<Vec<DeliveryId>> {
    let tenant = tx.tenant();
    let mut found = Vec::new();
    for some in ids.chunks(EXISTING_CHUNK) {
        let rows = on!(tx.link(), c, D => {
            let mut query = QueryBuilder::<D>::new("SELECT id FROM deliveries WHERE tenant_id = ");
            query.push_bind(tenant.0).push(" AND id IN (");
            let mut list = query.separated(", ");
            for id in some {
                list.push_bind(id.0);
            }
            query.push(")");
            query.build_query_scalar::<uuid::Uuid>().fetch_all(c).await
        })?;
        found.extend(rows.into_iter().map(DeliveryId));
    }
    Ok(found)
}

pub(crate) async fn get(tx: &mut impl Scoped, id: DeliveryId) -> Result<Option<Delivery>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = GET.on(link);
    on!(link, c, D => sqlx::query_as::<D, Delivery>(sql).bind(id.0).bind(tenant.0).fetch_optional(c).await)
}

/// Those of these deliveries that belong to the tenant, as they are now.
pub(crate) async fn these(tx: &mut impl Scoped, ids: &[DeliveryId]) -> Result<Vec<Delivery>> {
    let tenant = tx.tenant();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let mut rows: Vec<Delivery> = found(tx.link(), &THESE, &ids).await?;
    rows.retain(|row| row.tenant == tenant);
    Ok(rows)
}

/// Locks the delivery and its endpoint's lane until the end of the transaction.
pub(crate) async fn lock(tx: &mut Tx<'_>, id: DeliveryId) -> Result<Option<Delivery>> {
    let tenant = tx.tenant();
    let link = tx.link();
    lanes::hold_of(link, tenant, id).await?;
    let sql = LOCK.on(link);
    on!(link, c, D => sqlx::query_as::<D, Delivery>(sql).bind(id.0).bind(tenant.0).fetch_optional(c).await)
}

/// Every attempt of a delivery, oldest first.
pub(crate) async fn attempts(tx: &mut impl Scoped, id: DeliveryId) -> Result<Vec<Attempt>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = ATTEMPTS.on(link);
    on!(link, c, D => sqlx::query_as::<D, Attempt>(sql).bind(id.0).bind(tenant.0).fetch_all(c).await)
}

/// Starts a new schedule that is due now; attempt numbers continue. `delivery` is locked. False while a request may be
/// in flight.
pub(crate) async fn rearm(tx: &mut Tx<'_>, delivery: &Delivery, now: Timestamp) -> Result<bool> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = REARM.on(link);
    let done = on!(link, c, D => sqlx::query::<D>(sql)
        .bind(delivery.id.0)
        .bind(tenant.0)
        .bind(now.micros())
        .execute(c)
        .await
        .map(|it| it.rows_affected()))?;
    if done == 0 {
        return Ok(false);
    }
    let mut moves = Moves::default();
    match delivery.state {
        State::Waiting => moves.due(delivery.endpoint, now),
        _ => moves.waits(delivery.endpoint, now, delivery.attempt.into(), delivery.test),
    }
    lanes::apply(link, &moves).await?;
    let mut left = EndCounts::default();
    left.add(delivery.state, -1);
    tallies::stand(link, tenant, delivery.endpoint, left).await?;
    tx.changed([delivery.id]);
    Ok(true)
}

/// Cancels a locked delivery: at once if it waits, after its request if it is leased. False if it has ended or is
/// already canceled.
pub(crate) async fn stop(tx: &mut Tx<'_>, delivery: &Delivery, now: Timestamp) -> Result<bool> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = STOP.on(link);
    let done = on!(link, c, D => sqlx::query::<D>(sql)
        .bind(delivery.id.0)
        .bind(tenant.0)
        .bind(now.micros())
        .execute(c)
        .await
        .map(|it| it.rows_affected()))?;
    if done > 0 && delivery.state == State::Waiting {
        let mut moves = Moves::default();
        moves.leaves(delivery.endpoint, delivery.attempt.into(), delivery.test);
        lanes::apply(link, &moves).await?;
        tallies::stand(link, tenant, delivery.endpoint, EndCounts { stopped: 1, ..EndCounts::default() }).await?;
    }
    tx.changed((done > 0).then_some(delivery.id));
    Ok(done > 0)
}

#[cfg(test)]
mod tests {
    use super::State;

    #[test]
    fn states_in_statements_are_those_of_rows() {
        let words = [state!(waiting), state!(leased), state!(delivered), state!(failed), state!(stopped)];
        let codes: Vec<String> = State::ALL.iter().map(|state| state.code().to_string()).collect();
        assert_eq!(codes, words);
    }
}
