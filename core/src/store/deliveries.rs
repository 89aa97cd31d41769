//! Rows of `deliveries` and `attempts` as the tenant sees them: lists, one, send again, stop. How they move by
//! themselves is in `dispatch`.

use super::{
    ReadTx, Result, Scoped, Tx,
    conn::on,
    lanes,
    sql::{Rows, Sql, Type, chunks, codes, from_row, row_statements, statements},
};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, EventId, TenantId},
};
use sqlx::QueryBuilder;
use std::collections::BTreeMap;

codes! {
    /// State of a delivery's row.
    State {
        /// Waits for its time.
        Waiting = 0 "waiting",
        /// Handed to somebody who will report.
        Leased = 1 "leased",
        /// The receiver answered 2xx.
        Delivered = 2 "delivered",
        /// All attempts failed.
        Failed = 3 "failed",
        /// Stopped by hand.
        Stopped = 4 "stopped",
    }
}

codes! {
    /// State of a delivery as it is shown.
    Shown {
        /// Not tried yet.
        Pending = 1 "pending",
        /// Tried without success, will be tried again.
        Retrying = 2 "retrying",
        /// The receiver answered 2xx.
        Delivered = 3 "delivered",
        /// All attempts failed.
        Failed = 4 "failed",
        /// Waits for its endpoint to be switched on again.
        Paused = 5 "paused",
        /// Stopped by hand.
        Canceled = 6 "canceled",
    }
}

/// One event for one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Its tenant.
    pub tenant: TenantId,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// Its event.
    pub event: EventId,
    /// Kind of the event.
    pub kind: i16,
    /// Whether it is a test.
    pub test: bool,
    /// State.
    pub state: State,
    /// Requests, the one under way included.
    pub attempt: u32,
    /// Failed attempts of the running schedule.
    pub failures: u32,
    /// When it is due; the end of its lease while leased.
    pub due_at: Timestamp,
    /// Fencing token.
    pub token: i64,
    /// HTTP status of the last answer.
    pub response_status: Option<u16>,
    /// Why the last attempt failed.
    pub error_code: Option<String>,
    /// Time at which it was made.
    pub created_at: Timestamp,
    /// Time at which it came to its end.
    pub settled_at: Option<Timestamp>,
    /// Whether its endpoint's lane is paused.
    pub paused: bool,
}

impl Delivery {
    /// Requests whose end is recorded.
    pub fn attempts(&self) -> u32 {
        self.attempt - u32::from(self.state == State::Leased)
    }

    /// Rises with every change of the row: the token with each lease and each way out of one without a request, and a
    /// report ends the lease of its token.
    pub fn revision(&self) -> u32 {
        let open = i64::from(self.state != State::Leased);
        u32::try_from(self.token.saturating_mul(2).saturating_add(open)).unwrap_or(u32::MAX)
    }

    /// Its state as it is shown.
    pub fn shown(&self) -> Shown {
        match self.state {
            State::Delivered => Shown::Delivered,
            State::Failed => Shown::Failed,
            State::Stopped => Shown::Canceled,
            // A test goes out whether its endpoint is on or not.
            State::Waiting if self.paused && !self.test => Shown::Paused,
            State::Waiting | State::Leased if self.attempts() > 0 => Shown::Retrying,
            State::Waiting | State::Leased => Shown::Pending,
        }
    }
}

impl Shown {
    /// The same as a condition on rows; 0 and 1 are waiting and leased.
    const fn condition(self) -> &'static str {
        match self {
            Shown::Pending => {
                "((d.state = 0 AND d.attempt = 0 AND (d.test OR NOT l.paused)) OR (d.state = 1 AND d.attempt = 1))"
            }
            Shown::Retrying => {
                "((d.state = 0 AND d.attempt > 0 AND (d.test OR NOT l.paused)) OR (d.state = 1 AND d.attempt > 1))"
            }
            Shown::Delivered => "d.state = 2",
            Shown::Failed => "d.state = 3",
            Shown::Paused => "(d.state = 0 AND l.paused AND NOT d.test)",
            Shown::Canceled => "d.state = 4",
        }
    }
}

from_row!(Delivery, row => {
    let number = |value: i64| u32::try_from(value).map_err(|error| sqlx::Error::Decode(error.into()));
    Ok(Delivery {
        id: DeliveryId(row.try_get(0)?),
        tenant: TenantId(row.try_get(1)?),
        endpoint: EndpointId(row.try_get(2)?),
        event: EventId(row.try_get(3)?),
        kind: row.try_get(4)?,
        test: row.try_get(5)?,
        state: State::read(row.try_get(6)?)?,
        attempt: number(row.try_get(7)?)?,
        failures: number(row.try_get(8)?)?,
        due_at: Timestamp::from_micros(row.try_get(9)?),
        token: row.try_get(10)?,
        response_status: row.try_get::<Option<i64>, _>(11)?.and_then(|status| u16::try_from(status).ok()),
        error_code: row.try_get(12)?,
        created_at: Timestamp::from_micros(row.try_get(13)?),
        settled_at: row.try_get::<Option<i64>, _>(14)?.map(Timestamp::from_micros),
        paused: row.try_get(15)?,
    })
});

/// One HTTP request of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Number, from 1.
    pub n: u32,
    /// Time at which it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// HTTP status of the answer.
    pub response_status: Option<u16>,
    /// First bytes of the answer's body.
    pub response_body: Option<String>,
    /// Headers of the answer, as JSON.
    pub response_headers: String,
    /// Headers of the request, as JSON.
    pub request_headers: String,
    /// Why it failed, from the catalogue.
    pub error_code: Option<String>,
    /// Why it failed, as a sentence.
    pub error: Option<String>,
    /// Whether the receiver answered 2xx.
    pub succeeded: bool,
}

from_row!(Attempt, row => {
    let number = |value: i64| u32::try_from(value).map_err(|error| sqlx::Error::Decode(error.into()));
    Ok(Attempt {
        n: number(row.try_get(0)?)?,
        started_at: Timestamp::from_micros(row.try_get(1)?),
        duration_ms: number(row.try_get(2)?)?,
        response_status: row.try_get::<Option<i64>, _>(3)?.and_then(|status| u16::try_from(status).ok()),
        response_body: row.try_get(4)?,
        response_headers: row.try_get(5)?,
        request_headers: row.try_get(6)?,
        error_code: row.try_get(7)?,
        error: row.try_get(8)?,
        succeeded: row.try_get(9)?,
    })
});

macro_rules! select {
    () => {
        "SELECT d.id, d.tenant_id, d.endpoint_id, d.event_id, d.kind, d.test, d.state, d.attempt, d.failures, \
         d.due_at, d.token, d.response_status, d.error_code, d.created_at, d.settled_at, l.paused \
         FROM deliveries d JOIN lanes l ON l.endpoint_id = d.endpoint_id \
         JOIN endpoints e ON e.id = d.endpoint_id AND e.deleted_at IS NULL"
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
    // Nothing that is leased: its request may be under way.
    REARM = Sql::both(
        "UPDATE deliveries SET state = 0, failures = 0, due_at = $3, token = token + 1, settled_at = NULL \
         WHERE id = $1 AND tenant_id = $2 AND state <> 1",
    );
    STOP = Sql::both(
        "UPDATE deliveries SET state = 4, token = token + 1, settled_at = $3 \
         WHERE id = $1 AND tenant_id = $2 AND state = 0",
    );
}

row_statements! {
    THESE = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: concat!(") ", select!(), " JOIN v ON v.key = d.id"),
        tail_pg: None,
    };
}

/// Ids that one statement of [`existing`] asks for.
const EXISTING_CHUNK: usize = 200;

/// Where a list of deliveries starts, and what it keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In any of these states; all when empty.
    pub shown: Vec<Shown>,
    /// Only those before this one.
    pub before: Option<DeliveryId>,
}

/// Deliveries of an endpoint, newest first, at most `limit`.
pub async fn list(tx: &mut ReadTx, endpoint: EndpointId, page: &Page, limit: i64) -> Result<Vec<Delivery>> {
    let tenant = tx.tenant();
    on!(tx.link(), c, D => {
        let mut query = QueryBuilder::<D>::new(concat!(select!(), " WHERE d.endpoint_id = "));
        query.push_bind(endpoint.0).push(" AND d.tenant_id = ").push_bind(tenant.0);
        if let Some(before) = page.before {
            query.push(" AND d.id < ").push_bind(before.0);
        }
        if !page.shown.is_empty() {
            let mut any = query.push(" AND (").separated(" OR ");
            for shown in &page.shown {
                any.push(shown.condition());
            }
            query.push(")");
        }
        query.push(" ORDER BY d.id DESC LIMIT ").push_bind(limit);
        query.build_query_as::<Delivery>().fetch_all(c).await
    })
}

/// Which of these deliveries there are.
pub async fn existing(tx: &mut ReadTx, ids: &[DeliveryId]) -> Result<Vec<DeliveryId>> {
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

/// The delivery with this id.
pub async fn get(tx: &mut impl Scoped, id: DeliveryId) -> Result<Option<Delivery>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = GET.on(link);
    on!(link, c, D => sqlx::query_as::<D, Delivery>(sql).bind(id.0).bind(tenant.0).fetch_optional(c).await)
}

/// Those of these deliveries that are the tenant's, as they are now.
pub async fn these(tx: &mut impl Scoped, ids: &[DeliveryId]) -> Result<Vec<Delivery>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let mut rows = Vec::with_capacity(ids.len());
    for chunk in chunks(ids) {
        let sql = THESE.text(chunk.len(), link.is_pg());
        rows.extend(on!(link, c, D => {
            let mut query = sqlx::query_as::<D, Delivery>(sql);
            for id in chunk {
                query = query.bind(id.0);
            }
            query.fetch_all(c).await
        })?);
    }
    rows.retain(|row| row.tenant == tenant);
    Ok(rows)
}

/// The delivery, held until the end of the transaction.
pub async fn lock(tx: &mut Tx<'_>, id: DeliveryId) -> Result<Option<Delivery>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = LOCK.on(link);
    on!(link, c, D => sqlx::query_as::<D, Delivery>(sql).bind(id.0).bind(tenant.0).fetch_optional(c).await)
}

/// Every attempt of a delivery, oldest first.
pub async fn attempts(tx: &mut impl Scoped, id: DeliveryId) -> Result<Vec<Attempt>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = ATTEMPTS.on(link);
    on!(link, c, D => sqlx::query_as::<D, Attempt>(sql).bind(id.0).bind(tenant.0).fetch_all(c).await)
}

/// Starts a new schedule that is due now; attempt numbers go on. False while a request of it may be under way.
pub async fn rearm(tx: &mut Tx<'_>, delivery: &Delivery, now: Timestamp) -> Result<bool> {
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
    lanes::mark(link, &BTreeMap::from([(delivery.endpoint, now)])).await?;
    tx.changed((done > 0).then_some(delivery.id));
    Ok(done > 0)
}

/// Stops the retries of a delivery that waits; false when it does not wait.
pub async fn stop(tx: &mut Tx<'_>, id: DeliveryId, now: Timestamp) -> Result<bool> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = STOP.on(link);
    let done = on!(link, c, D => sqlx::query::<D>(sql)
        .bind(id.0)
        .bind(tenant.0)
        .bind(now.micros())
        .execute(c)
        .await
        .map(|it| it.rows_affected()))?;
    tx.changed((done > 0).then_some(id));
    Ok(done > 0)
}
