//! Deletes old rows: they are found by reads outside any transaction and deleted in small batches: finished deliveries
//! with their attempts, events that no delivery refers to, and expired rows. Each delete checks its conditions again.

use super::{
    Db, Result, SystemTx,
    db::{
        conn::{Link, on},
        row::from_row,
        sql::{Rows, Sql, Type, found, row_statements, statements},
    },
    deliveries::{
        State, state,
        walk::{self, Class, Walk, Way},
    },
    events::delivery_id,
    tallies::{self, Tally},
};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, EventId, TenantId},
};
use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
};
use uuid::Uuid;

/// Greatest number of rows that one batch reads or deletes.
pub(crate) const BATCH_MAX: i64 = 256;
/// The newest deliveries of each endpoint are kept, whatever their age.
pub(crate) const NEWEST_KEPT: i64 = 100;
/// The tables of [`delete_expired`]: answers to idempotency keys, and finished jobs.
pub(crate) const EXPIRING: usize = 2;

statements! {
    CLAIM = Sql::both(
        "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value \
         WHERE meta.value < $3 RETURNING value",
    );
    CLAIMED = Sql::both("SELECT COUNT(*) FROM meta WHERE key = $1 AND value >= $2");
    ENDPOINTS = Sql::both("SELECT id, tenant_id FROM endpoints WHERE id > $1 ORDER BY id LIMIT $2");
    OF_TENANT = Sql::both("SELECT id FROM endpoints WHERE tenant_id = $1");
    OLD_HOURS = Sql::both("SELECT COUNT(*) FROM (SELECT 1 FROM tallies WHERE endpoint_id = $1 AND hour > 0 AND hour < $2 LIMIT 1) h");
    DELETE_HOURS = Sql::both("DELETE FROM tallies WHERE endpoint_id = $1 AND hour > 0 AND hour < $2");
    // The newest stays: it says how far the history has come.
    EVENTS = Sql::both(
        "SELECT seq, id, tenant_id, created_at FROM events WHERE seq > $1 AND seq < (SELECT MAX(seq) FROM events) \
         ORDER BY seq LIMIT $2",
    );
    EXPIRED_ANSWERS = Sql::both(
        "DELETE FROM answers WHERE (tenant_id, key) IN \
         (SELECT tenant_id, key FROM answers WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
    );
    // By key as in `recoveries`, since writers may not scan.
    OLD_JOBS = Sql::each(
        "DELETE FROM recoveries WHERE id IN (SELECT id FROM recoveries WHERE done AND updated_at < $1 LIMIT $2)",
        "DELETE FROM recoveries WHERE id IN (SELECT id FROM recoveries \
         WHERE id >= '00000000-0000-0000-0000-000000000000' AND done AND updated_at < $1 LIMIT $2)",
    );
}

row_statements! {
    PASSED = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: ") SELECT deliveries.id, state, created_at, COALESCE(settled_at, created_at) AS ended_at FROM v \
               JOIN deliveries ON deliveries.id = v.key",
        tail_pg: None,
    };
    // A delivery that was resent meanwhile waits, and stays.
    DELETE_DELIVERIES = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: concat!(
            ") DELETE FROM deliveries WHERE id IN (SELECT key FROM v) \
             AND state >= ", state!(delivered), " RETURNING id, state"
        ),
        tail_pg: None,
    };
    DELETE_OF_ENDPOINT = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: ") DELETE FROM deliveries WHERE id IN (SELECT key FROM v)",
        tail_pg: None,
    };
    DELETE_ATTEMPTS = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: ") DELETE FROM attempts WHERE delivery_id IN (SELECT key FROM v)",
        tail_pg: None,
    };
    THERE = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: ") SELECT deliveries.id FROM v JOIN deliveries ON deliveries.id = v.key",
        tail_pg: None,
    };
    DELETE_EVENTS = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Big],
        tail: ") DELETE FROM events WHERE seq IN (SELECT key FROM v)",
        tail_pg: None,
    };
}

/// Claims a periodic duty for this core, if its last run was not after `since`; returns whether it got it.
pub(crate) async fn claim(tx: &mut SystemTx<'_>, what: &str, now: Timestamp, since: Timestamp) -> Result<bool> {
    let link = tx.writing();
    let sql = CLAIM.on(link);
    let claimed = on!(link, c, D => sqlx::query_scalar::<D, String>(sql)
        .bind(what)
        .bind(text(now))
        .bind(text(since))
        .fetch_optional(c)
        .await)?;
    Ok(claimed.is_some())
}

/// Whether it was done after `since`.
pub(crate) async fn claimed(db: &Db, what: &str, since: Timestamp) -> Result<bool> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = CLAIMED.on(link);
    let count = on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).bind(what).bind(text(since)).fetch_one(c).await)?;
    Ok(count > 0)
}

/// A time as text that sorts like a number.
fn text(at: Timestamp) -> String {
    format!("{:020}", at.micros().max(0))
}

/// Endpoints of all tenants after one, by id, also deleted ones whose rows still exist.
pub(crate) async fn endpoints(db: &Db, after: Option<EndpointId>) -> Result<Vec<(EndpointId, TenantId)>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = ENDPOINTS.on(link);
    let after = after.map_or(Uuid::nil(), |it| it.0);
    let rows = on!(link, c, D =>
        sqlx::query_as::<D, (Uuid, Uuid)>(sql).bind(after).bind(BATCH_MAX).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(endpoint, tenant)| (EndpointId(endpoint), TenantId(tenant))).collect())
}

/// The oldest of the newest deliveries that are kept whatever their age; `None` if there are no more than those.
pub(crate) async fn oldest_kept(db: &Db, endpoint: EndpointId) -> Result<Option<DeliveryId>> {
    let mut reader = db.snapshot().await?;
    let link = reader.link();
    let limit = usize::try_from(NEWEST_KEPT).unwrap_or_default();
    let all =
        Walk { endpoints: &[endpoint], kinds: &[], classes: &Class::ALL, from: Uuid::nil(), to: Uuid::max(), limit };
    let mut ids = walk::walk(link, Way::Newest, all).await?;
    ids.extend(walk::few(link, &[endpoint]).await?.into_iter().map(|it| it.id));
    ids.sort_unstable_by_key(|id| Reverse(*id));
    Ok(ids.get(limit - 1).copied())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OldDelivery {
    pub(crate) id: DeliveryId,
    pub(crate) state: State,
    /// When it was created, or finished if that was later.
    pub(crate) at: Timestamp,
}

from_row!(OldDelivery in "deliveries", row => Ok(OldDelivery {
    id: DeliveryId(row.get("id")?),
    state: row.code("state")?,
    at: row.time("created_at")?.max(row.time("ended_at")?),
}));

/// Finished deliveries of an endpoint between two ids, at most [`BATCH_MAX`].
pub(crate) async fn deliveries(
    db: &Db,
    endpoint: EndpointId,
    after: Option<DeliveryId>,
    before: DeliveryId,
) -> Result<Vec<OldDelivery>> {
    let mut reader = db.snapshot().await?;
    let link = reader.link();
    let ended = Walk {
        endpoints: &[endpoint],
        kinds: &[],
        classes: &Class::ENDED,
        from: after.map_or(Uuid::nil(), |it| Uuid::from_u128(it.0.as_u128().saturating_add(1))),
        to: before.0,
        limit: usize::try_from(BATCH_MAX).unwrap_or_default(),
    };
    let ids: Vec<Uuid> = walk::walk(link, Way::Oldest, ended).await?.into_iter().map(|it| it.0).collect();
    let mut rows: Vec<OldDelivery> = found(link, &PASSED, &ids).await?;
    rows.sort_unstable_by_key(|row| row.id);
    Ok(rows)
}

/// A delivery that was deleted.
struct Deleted {
    id: Uuid,
    state: State,
}

from_row!(Deleted in "deliveries", row => Ok(Deleted { id: row.get("id")?, state: row.code("state")? }));

/// Deletes those of these deliveries that are finished, with their attempts; returns how many.
pub(crate) async fn delete_deliveries(
    tx: &mut SystemTx<'_>,
    tenant: TenantId,
    endpoint: EndpointId,
    ids: &[DeliveryId],
) -> Result<usize> {
    let link = tx.writing();
    let mut tally = Tally::default();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let gone: Vec<Deleted> = found(link, &DELETE_DELIVERIES, &ids).await?;
    gone.iter().for_each(|it| tally.ended(tenant, endpoint, it.state, -1));
    let gone: Vec<Uuid> = gone.into_iter().map(|it| it.id).collect();
    let _: Vec<(Uuid,)> = found(link, &DELETE_ATTEMPTS, &gone).await?;
    tallies::add(link, &tally).await?;
    Ok(gone.len())
}

/// Deletes deliveries of a deleted endpoint in any state, with their attempts, at most `limit`; returns how many.
pub(super) async fn delete_of_endpoint(link: &mut Link, endpoint: EndpointId, limit: usize) -> Result<usize> {
    let all =
        Walk { endpoints: &[endpoint], kinds: &[], classes: &Class::ALL, from: Uuid::nil(), to: Uuid::max(), limit };
    let mut ids: Vec<Uuid> = walk::walk(link, Way::Oldest, all).await?.into_iter().map(|it| it.0).collect();
    let few = walk::few(link, &[endpoint]).await?;
    ids.extend(few.into_iter().map(|it| it.id.0).take(limit - ids.len()));
    let _: Vec<(Uuid,)> = found(link, &DELETE_ATTEMPTS, &ids).await?;
    let _: Vec<(Uuid,)> = found(link, &DELETE_OF_ENDPOINT, &ids).await?;
    Ok(ids.len())
}

/// Whether an endpoint has tallies of hours before this one.
pub(crate) async fn has_old_hours(db: &Db, endpoint: EndpointId, before: i64) -> Result<bool> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = OLD_HOURS.on(link);
    let count = on!(link, c, D => sqlx::query_scalar::<D, i64>(sql).bind(endpoint.0).bind(before).fetch_one(c).await)?;
    Ok(count > 0)
}

pub(crate) async fn delete_hours(tx: &mut SystemTx<'_>, endpoint: EndpointId, before: i64) -> Result<()> {
    let link = tx.writing();
    let sql = DELETE_HOURS.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(endpoint.0).bind(before).execute(c).await.map(drop))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OldEvent {
    pub(crate) seq: i64,
    pub(crate) id: EventId,
    pub(crate) tenant: TenantId,
    /// When it happened.
    pub(crate) at: Timestamp,
}

from_row!(OldEvent in "events", row => Ok(OldEvent {
    seq: row.get("seq")?,
    id: EventId(row.get("id")?),
    tenant: TenantId(row.get("tenant_id")?),
    at: row.time("created_at")?,
}));

/// Events of all tenants after a number, at most `limit`.
pub(crate) async fn events(db: &Db, after: i64, limit: i64) -> Result<Vec<OldEvent>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = EVENTS.on(link);
    on!(link, c, D => sqlx::query_as::<D, OldEvent>(sql).bind(after).bind(limit).fetch_all(c).await)
}

/// Those of these events that a delivery refers to. Ids of deliveries follow from those of events and endpoints, so
/// that no index by event is needed.
pub(crate) async fn referred(db: &Db, events: &[OldEvent]) -> Result<HashSet<EventId>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let mut by_tenant: HashMap<TenantId, Vec<EventId>> = HashMap::new();
    events.iter().for_each(|event| by_tenant.entry(event.tenant).or_default().push(event.id));
    let mut referred = HashSet::new();
    for (tenant, events) in by_tenant {
        for endpoint in endpoints_of(link, tenant).await? {
            let ids: HashMap<Uuid, EventId> =
                events.iter().map(|event| (delivery_id(*event, endpoint).0, *event)).collect();
            let keys: Vec<Uuid> = ids.keys().copied().collect();
            let there: Vec<(Uuid,)> = found(link, &THERE, &keys).await?;
            referred.extend(there.iter().filter_map(|(id,)| ids.get(id)));
        }
    }
    Ok(referred)
}

async fn endpoints_of(link: &mut Link, tenant: TenantId) -> Result<Vec<EndpointId>> {
    let sql = OF_TENANT.on(link);
    let ids = on!(link, c, D => sqlx::query_scalar::<D, Uuid>(sql).bind(tenant.0).fetch_all(c).await)?;
    Ok(ids.into_iter().map(EndpointId).collect())
}

pub(crate) async fn delete_events(tx: &mut SystemTx<'_>, seqs: &[i64]) -> Result<()> {
    let _: Vec<(i64,)> = found(tx.writing(), &DELETE_EVENTS, seqs).await?;
    Ok(())
}

/// Deletes at most [`BATCH_MAX`] rows of the table with this number of [`EXPIRING`]; returns whether there may be more.
pub(crate) async fn delete_expired(tx: &mut SystemTx<'_>, table: usize, times: [Timestamp; EXPIRING]) -> Result<bool> {
    let link = tx.writing();
    let sql = [EXPIRED_ANSWERS, OLD_JOBS][table].on(link);
    let deleted = on!(link, c, D => sqlx::query::<D>(sql)
        .bind(times[table].micros())
        .bind(BATCH_MAX)
        .execute(c)
        .await
        .map(|it| it.rows_affected()))?;
    Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted >= BATCH_MAX))
}
