//! Rows of `lanes`: one per endpoint, saying when the first of its waiting deliveries is due. Whoever makes a delivery
//! wait marks the lane afterwards, so that a claim never misses it.

use super::{
    Db, Result,
    conn::{Link, on},
    sql::{Rows, Sql, Type, chunks, row_statements, statements},
};
use inboxops_proto::{
    clock::Timestamp,
    id::{EndpointId, TenantId},
};
use std::collections::BTreeMap;

// What an endpoint needs to be sent to: 3 and up are the plans that include webhooks, 2 is the override that does.
macro_rules! runs {
    () => {
        "EXISTS (SELECT 1 FROM endpoints e JOIN tenants t ON t.id = e.tenant_id WHERE e.id = lanes.endpoint_id \
         AND e.enabled AND e.disabled_reason IS NULL AND e.deleted_at IS NULL \
         AND (t.webhooks = 2 OR (t.webhooks = 1 AND t.plan >= 3)))"
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
    NEXT_DUE = Sql::both("SELECT MIN(due_at) FROM lanes WHERE due_at IS NOT NULL AND NOT paused");
}

row_statements! {
    MARK = Rows {
        head: "WITH v (key, at) AS (VALUES",
        row: &[Type::Uuid, Type::Big],
        tail: ") UPDATE lanes SET due_at = CASE WHEN lanes.due_at < v.at THEN lanes.due_at ELSE v.at END \
               FROM v WHERE lanes.endpoint_id = v.key",
        // Locks in the order of endpoints, as every core does.
        tail_pg: Some("), held AS (SELECT endpoint_id FROM lanes WHERE endpoint_id IN (SELECT key FROM v) \
               ORDER BY endpoint_id FOR UPDATE) \
               UPDATE lanes SET due_at = CASE WHEN lanes.due_at < v.at THEN lanes.due_at ELSE v.at END \
               FROM v, held WHERE held.endpoint_id = v.key AND lanes.endpoint_id = held.endpoint_id"),
    };
}

pub(super) async fn insert(link: &mut Link, tenant: TenantId, endpoint: EndpointId) -> Result<()> {
    let sql = INSERT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(endpoint.0).bind(tenant.0).bind(true).execute(c).await.map(drop))
}

/// Pauses or releases the lane of an endpoint, as its row and its tenant's plan say.
pub(super) async fn pause_as_enabled(link: &mut Link, endpoint: EndpointId) -> Result<()> {
    let sql = PAUSE_ONE.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(endpoint.0).execute(c).await.map(drop))
}

/// The same for all lanes of a tenant, after its plan or an override changed.
pub(super) async fn pause_as_entitled(link: &mut Link, tenant: TenantId) -> Result<()> {
    let sql = PAUSE_TENANT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(tenant.0).execute(c).await.map(drop))
}

/// Marks lanes: something waits in them that is due at the given time, or earlier.
pub(super) async fn mark(link: &mut Link, due: &BTreeMap<EndpointId, Timestamp>) -> Result<()> {
    let due: Vec<_> = due.iter().map(|(endpoint, at)| (endpoint.0, at.micros())).collect();
    for chunk in chunks(&due) {
        let sql = MARK.text(chunk.len(), link.is_pg());
        on!(link, c, D => {
            let mut query = sqlx::query::<D>(sql);
            for (endpoint, at) in chunk {
                query = query.bind(*endpoint).bind(*at);
            }
            query.execute(c).await.map(drop)
        })?;
    }
    Ok(())
}

/// How an endpoint stands with dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether nothing is sent to it.
    pub paused: bool,
    /// Failures in a row.
    pub failures_in_row: u32,
    /// When the first of what waits for it is due.
    pub due_at: Option<Timestamp>,
}

/// How an endpoint stands, whoever's it is.
pub async fn standing(db: &Db, endpoint: EndpointId) -> Result<Option<Standing>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = STANDING.on(link);
    let row =
        on!(link, c, D => sqlx::query_as::<D, (bool, i64, Option<i64>)>(sql).bind(endpoint.0).fetch_optional(c).await)?;
    Ok(row.map(|(paused, failures, due_at)| Standing {
        paused,
        failures_in_row: u32::try_from(failures).unwrap_or(u32::MAX),
        due_at: due_at.map(Timestamp::from_micros),
    }))
}

/// When the next lane is due.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>> {
    first_due(db.lookup().await?.link()).await
}

/// The same where a connection is at hand.
pub(super) async fn first_due(link: &mut Link) -> Result<Option<Timestamp>> {
    let sql = NEXT_DUE.on(link);
    let due = on!(link, c, D => sqlx::query_scalar::<D, Option<i64>>(sql).fetch_one(c).await)?;
    Ok(due.map(Timestamp::from_micros))
}
