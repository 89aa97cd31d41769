//! Rows of `endpoint_health`: statistics of an endpoint's results. The caller decides what follows from them.
//! `docs/delivery.md` draws the states of a delivery and says who moves it.

use super::{
    Result, Scoped, SystemTx, Tx,
    db::{
        conn::{Link, on},
        row::from_row,
        sql::{Rows, Sql, Type, read_rows, row_statements, statements},
    },
    deliveries::State,
};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, TenantId},
};
use sqlx::QueryBuilder;
use uuid::Uuid;

/// The delivery of the latest attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastDelivery {
    pub(crate) delivery: DeliveryId,
    /// Its state after the attempt.
    pub(crate) state: State,
    pub(crate) response_status: Option<u16>,
    pub(crate) error_code: Option<String>,
    /// When the attempt was recorded.
    pub(crate) at: Timestamp,
}

/// The health of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Health {
    pub(crate) endpoint: EndpointId,
    pub(crate) tenant: TenantId,
    pub(crate) failures_in_row: u32,
    /// Time of the first of them.
    pub(crate) failing_since: Option<Timestamp>,
    pub(crate) last_success_at: Option<Timestamp>,
    /// The delivery of the latest attempt, tests excluded.
    pub(crate) last: Option<LastDelivery>,
    /// Warnings since the last success.
    pub(crate) warned: i16,
}

from_row!(Health in "endpoint_health", row => {
    let delivery: Option<Uuid> = row.get("last_delivery_id")?;
    Ok(Health {
        endpoint: EndpointId(row.get("endpoint_id")?),
        tenant: TenantId(row.get("tenant_id")?),
        failures_in_row: u32::try_from(row.get::<i64>("failures_in_row")?).unwrap_or(u32::MAX),
        failing_since: row.opt_time("failing_since")?,
        last_success_at: row.opt_time("last_success_at")?,
        last: match (delivery, row.opt_code::<State>("last_state")?, row.opt_time("last_at")?) {
            (Some(delivery), Some(state), Some(at)) => Some(LastDelivery {
                delivery: DeliveryId(delivery),
                state,
                response_status: row.opt_number("last_response_status")?,
                error_code: row.get("last_error_code")?,
                at,
            }),
            _ => None,
        },
        warned: row.get("warned")?,
    })
});

macro_rules! columns {
    () => {
        "endpoint_id, tenant_id, failures_in_row, failing_since, last_success_at, last_delivery_id, last_state, \
         last_response_status, last_error_code, last_at, warned"
    };
}

statements! {
    WARN = Sql::both("UPDATE endpoint_health SET warned = $2 WHERE endpoint_id = $1");
    FORGIVE = Sql::both(concat!(
        "UPDATE endpoint_health SET failures_in_row = 0, failing_since = NULL, warned = 0 \
         WHERE endpoint_id = $1 AND tenant_id = $2 RETURNING ",
        columns!()
    ));
    NOW = Sql::both(concat!("SELECT ", columns!(), " FROM endpoint_health WHERE endpoint_id = $1"));
}

row_statements! {
    // A batch with a success restarts the count of failures; one without continues it.
    UPSERT = Rows {
        head: concat!("INSERT INTO endpoint_health (", columns!(), ") VALUES"),
        row: &[
            Type::Uuid, Type::Uuid, Type::Big, Type::Big, Type::Big, Type::Uuid, Type::Small, Type::Big, Type::Text,
            Type::Big, Type::Small,
        ],
        tail: concat!(
            "ON CONFLICT (endpoint_id) DO UPDATE SET \
             failures_in_row = CASE WHEN excluded.last_success_at IS NULL \
             THEN endpoint_health.failures_in_row + excluded.failures_in_row ELSE excluded.failures_in_row END, \
             failing_since = CASE WHEN excluded.last_success_at IS NULL \
             THEN COALESCE(endpoint_health.failing_since, excluded.failing_since) ELSE excluded.failing_since END, \
             last_success_at = COALESCE(excluded.last_success_at, endpoint_health.last_success_at), \
             last_delivery_id = excluded.last_delivery_id, last_state = excluded.last_state, \
             last_response_status = excluded.last_response_status, last_error_code = excluded.last_error_code, \
             last_at = excluded.last_at, \
             warned = CASE WHEN excluded.last_success_at IS NULL THEN endpoint_health.warned ELSE excluded.warned END \
             RETURNING ",
            columns!()
        ),
        tail_pg: None,
    };
}

/// Adds the results of one batch, one row for each endpoint, and returns the endpoints' new health. The numbers in
/// `news` are those of the batch; `last_success_at` is set if the batch had a success.
pub(super) async fn learn(link: &mut Link, news: &[Health]) -> Result<Vec<Health>> {
    Ok(read_rows!(link, UPSERT, news, Health, |query, it| {
        let last = it.last.as_ref();
        query
            .bind(it.endpoint.0)
            .bind(it.tenant.0)
            .bind(i64::from(it.failures_in_row))
            .bind(it.failing_since.map(Timestamp::micros))
            .bind(it.last_success_at.map(Timestamp::micros))
            .bind(last.map(|last| last.delivery.0))
            .bind(last.map(|last| last.state.code()))
            .bind(last.and_then(|last| last.response_status).map(i64::from))
            .bind(last.and_then(|last| last.error_code.as_deref()))
            .bind(last.map(|last| last.at.micros()))
            .bind(it.warned)
    }))
}

/// The health of these endpoints of the tenant; those without any attempt are left out.
pub(crate) async fn of(tx: &mut impl Scoped, endpoints: &[EndpointId]) -> Result<Vec<Health>> {
    if endpoints.is_empty() {
        return Ok(Vec::new());
    }
    let tenant = tx.tenant();
    on!(tx.link(), c, D => {
        let mut query = QueryBuilder::<D>::new(concat!("SELECT ", columns!(), " FROM endpoint_health WHERE tenant_id = "));
        query.push_bind(tenant.0).push(" AND endpoint_id IN (");
        let mut list = query.separated(", ");
        for endpoint in endpoints {
            list.push_bind(endpoint.0);
        }
        query.push(")");
        query.build_query_as::<Health>().fetch_all(c).await
    })
}

/// Resets the failures of an endpoint, and returns its new health.
pub(crate) async fn forgive(tx: &mut Tx<'_>, endpoint: EndpointId) -> Result<Option<Health>> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = FORGIVE.on(link);
    on!(link, c, D =>
        sqlx::query_as::<D, Health>(sql).bind(endpoint.0).bind(tenant.0).fetch_optional(c).await)
}

/// The endpoint's health, in any tenant.
pub(crate) async fn now(tx: &mut SystemTx<'_>, endpoint: EndpointId) -> Result<Option<Health>> {
    let link = tx.writing();
    let sql = NOW.on(link);
    on!(link, c, D => sqlx::query_as::<D, Health>(sql).bind(endpoint.0).fetch_optional(c).await)
}

/// Records how many warnings were sent for an endpoint.
pub(crate) async fn warn(tx: &mut SystemTx<'_>, endpoint: EndpointId, warned: i16) -> Result<()> {
    let link = tx.writing();
    let sql = WARN.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(endpoint.0).bind(warned).execute(c).await.map(drop))
}
