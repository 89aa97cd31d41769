//! Rows of `recoveries`: jobs that make deliveries for missed events or send deliveries again, and the parts of the
//! outbox that they read. The core decides what a job does with an event or a delivery.

use super::{
    Db, Result, Scoped, SystemTx, Tx,
    changes::Place,
    db::{
        conn::{Link, on},
        row::{codes, from_row},
        sql::{Sql, statements},
    },
    horizon::shift,
};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, EventId, InboxId, RecoveryId, TenantId},
};
use std::time::Duration;
use uuid::Uuid;

/// The least difference of two times.
const MOMENT: Duration = Duration::from_micros(1);

codes! {
    /// Kind of a job.
    What {
        /// Makes deliveries for events that were missed.
        Recover = 1 "recover",
        /// Sends deliveries again.
        Resend = 2 "resend",
    }
}

/// A job of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recovery {
    pub(crate) id: RecoveryId,
    pub(crate) tenant: TenantId,
    pub(crate) endpoint: EndpointId,
    pub(crate) what: What,
    /// Id that the jobs of one call share.
    pub(crate) batch: RecoveryId,
    /// The filter of a resend, as JSON; empty for a recovery.
    pub(crate) filter: String,
    /// Events from this time on.
    pub(crate) since: Timestamp,
    /// The end of its period.
    pub(crate) until: Timestamp,
    /// Place of the last event that it has read.
    pub(crate) after_event: Place,
    /// The last delivery that it has read.
    pub(crate) after: Option<DeliveryId>,
    /// Size of the job, in deliveries.
    pub(crate) matched: u32,
    /// Deliveries that it has made or sent again.
    pub(crate) created: u32,
    pub(crate) done: bool,
    /// The transaction that created it; filled in by the store.
    pub(crate) fence: i64,
    pub(crate) created_at: Timestamp,
}

impl Recovery {
    /// Whether, with the horizon at `end`, the transaction that made the job has ended, and all that began before it. On
    /// SQLite they have.
    pub(crate) fn is_settled(&self, end: Place) -> bool {
        self.fence == 0 || end.xact > self.fence
    }

    /// The last moment of its period, whose end is excluded. A job that was made without an end includes the moment at
    /// which it was made.
    pub(crate) fn last(&self) -> Timestamp {
        if self.until < self.created_at { self.until.minus(MOMENT) } else { self.until }
    }
}

from_row!(Recovery in "recoveries", row => {
    let id = RecoveryId(row.get("id")?);
    Ok(Recovery {
        id,
        tenant: TenantId(row.get("tenant_id")?),
        endpoint: EndpointId(row.get("endpoint_id")?),
        what: row.code("kind")?,
        batch: row.opt("batch_id", RecoveryId)?.unwrap_or(id),
        filter: row.get("filter")?,
        since: row.time("since")?,
        until: row.time("until")?,
        after_event: Place { xact: row.get("after_xact")?, seq: row.get("after_seq")? },
        after: row.opt("after_id", DeliveryId)?,
        matched: row.number("matched")?,
        created: row.number("created")?,
        done: row.get("done")?,
        fence: row.get("fence")?,
        created_at: row.time("created_at")?,
    })
});

/// An event as a job reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PastEvent {
    /// Its place in the log of events.
    pub(crate) place: Place,
    pub(crate) id: EventId,
    pub(crate) kind: i16,
    /// Its inbox.
    pub(crate) inbox: Option<InboxId>,
    /// The inbox that the ticket left by it.
    pub(crate) left: Option<InboxId>,
    pub(crate) test: bool,
    /// When it happened.
    pub(crate) at: Timestamp,
}

from_row!(PastEvent in "events", row => Ok(PastEvent {
    place: Place { xact: row.get("xact")?, seq: row.get("seq")? },
    id: EventId(row.get("id")?),
    kind: row.get("kind")?,
    inbox: row.opt("inbox_id", InboxId)?,
    left: row.opt("left_inbox_id", InboxId)?,
    test: row.get("test")?,
    at: row.time("created_at")?,
}));

macro_rules! columns {
    () => {
        "id, tenant_id, endpoint_id, kind, batch_id, filter, since, until, after_seq, after_id, matched, created, done, \
         fence, created_at, after_xact"
    };
}

statements! {
    INSERT = Sql::each(
        concat!(
            "INSERT INTO recoveries (", columns!(), ", updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, $14, $15, $14)"
        ),
        concat!(
            "INSERT INTO recoveries (", columns!(), ", updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
             $12, $13, pg_current_xact_id()::text::bigint + ", shift!(), ", $14, $15, $14)"
        ),
    );
    GET = Sql::both(concat!("SELECT ", columns!(), " FROM recoveries WHERE id = $1 AND tenant_id = $2"));
    OF_BATCH = Sql::both(concat!(
        "SELECT ", columns!(), " FROM recoveries WHERE batch_id = $1 AND tenant_id = $2 ORDER BY id"
    ));
    OPEN = Sql::both("SELECT id FROM recoveries WHERE NOT done ORDER BY id LIMIT $1");
    OPEN_OF = Sql::both("SELECT id FROM recoveries WHERE NOT done AND endpoint_id = $1 LIMIT 1");
    TAKE = Sql::each(
        concat!("SELECT ", columns!(), " FROM recoveries WHERE id = $1 AND NOT done"),
        concat!("SELECT ", columns!(), " FROM recoveries WHERE id = $1 AND NOT done FOR UPDATE SKIP LOCKED"),
    );
    SAVE = Sql::both(
        "UPDATE recoveries SET after_xact = $2, after_seq = $3, after_id = $4, matched = $5, created = $6, done = $7, \
         updated_at = $8 WHERE id = $1",
    );
    // Few rows, which writers of PostgreSQL find by key, since they may not scan.
    DELETE_OF_ENDPOINT = Sql::each(
        "DELETE FROM recoveries WHERE endpoint_id = $1",
        "DELETE FROM recoveries WHERE id >= '00000000-0000-0000-0000-000000000000' AND endpoint_id = $1",
    );
    // The last older event, by its id, which begins with the time.
    BEFORE = Sql::each(
        "SELECT 0, seq FROM events WHERE id < $1 ORDER BY id DESC LIMIT 1",
        "SELECT xact::text::bigint, seq FROM events WHERE id < $1 ORDER BY id DESC LIMIT 1",
    );
    // A plain `xact` in ORDER BY would be the selected cast, which has no index.
    EVENTS = Sql::each(
        "SELECT 0 AS xact, seq, id, kind, inbox_id, left_inbox_id, test, created_at FROM events \
         WHERE tenant_id = $1 AND $2 IS NOT NULL AND seq > $3 ORDER BY seq LIMIT $4",
        "SELECT xact::text::bigint AS xact, seq, id, kind, inbox_id, left_inbox_id, test, created_at FROM events \
         WHERE tenant_id = $1 AND (xact, seq) > ($2::bigint::text::xid8, $3::bigint) ORDER BY events.xact, events.seq LIMIT $4",
    );
    // Up to a horizon.
    SETTLED_EVENTS = Sql::each(
        "SELECT 0 AS xact, seq, id, kind, inbox_id, left_inbox_id, test, created_at FROM events \
         WHERE tenant_id = $1 AND $2 IS NOT NULL AND seq > $3 AND $5 IS NOT NULL ORDER BY seq LIMIT $4",
        "SELECT xact::text::bigint AS xact, seq, id, kind, inbox_id, left_inbox_id, test, created_at FROM events \
         WHERE tenant_id = $1 AND (xact, seq) > ($2::bigint::text::xid8, $3::bigint) \
         AND xact < $5::bigint::text::xid8 ORDER BY events.xact, events.seq LIMIT $4",
    );
}

pub(crate) async fn insert(tx: &mut Tx<'_>, job: &Recovery) -> Result<()> {
    let tenant = tx.tenant();
    let link = tx.writing();
    let sql = INSERT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql)
        .bind(job.id.0)
        .bind(tenant.0)
        .bind(job.endpoint.0)
        .bind(job.what.code())
        .bind(job.batch.0)
        .bind(&job.filter)
        .bind(job.since.micros())
        .bind(job.until.micros())
        .bind(job.after_event.seq)
        .bind(job.after.map(|it| it.0))
        .bind(i64::from(job.matched))
        .bind(i64::from(job.created))
        .bind(job.done)
        .bind(job.created_at.micros())
        .bind(job.after_event.xact)
        .execute(c)
        .await
        .map(drop))
}

pub(crate) async fn get(tx: &mut impl Scoped, id: RecoveryId) -> Result<Option<Recovery>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = GET.on(link);
    on!(link, c, D => sqlx::query_as::<D, Recovery>(sql).bind(id.0).bind(tenant.0).fetch_optional(c).await)
}

pub(crate) async fn of_batch(tx: &mut impl Scoped, batch: RecoveryId) -> Result<Vec<Recovery>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = OF_BATCH.on(link);
    on!(link, c, D => sqlx::query_as::<D, Recovery>(sql).bind(batch.0).bind(tenant.0).fetch_all(c).await)
}

/// The open job of an endpoint. Call it with the endpoint locked; then there are never two.
pub(crate) async fn open_of(tx: &mut Tx<'_>, endpoint: EndpointId) -> Result<Option<RecoveryId>> {
    let link = tx.link();
    let sql = OPEN_OF.on(link);
    let id = on!(link, c, D => sqlx::query_scalar::<D, Uuid>(sql).bind(endpoint.0).fetch_optional(c).await)?;
    Ok(id.map(RecoveryId))
}

/// The open jobs of all tenants, oldest first, at most `limit`.
pub(crate) async fn open(db: &Db, limit: i64) -> Result<Vec<RecoveryId>> {
    let mut reader = db.lookup().await?;
    let link = reader.link();
    let sql = OPEN.on(link);
    let ids = on!(link, c, D => sqlx::query_scalar::<D, Uuid>(sql).bind(limit).fetch_all(c).await)?;
    Ok(ids.into_iter().map(RecoveryId).collect())
}

/// Locks an open job until the end of the transaction; `None` if it is done or another core has locked it.
pub(crate) async fn take(tx: &mut SystemTx<'_>, id: RecoveryId) -> Result<Option<Recovery>> {
    let link = tx.reading();
    let sql = TAKE.on(link);
    on!(link, c, D => sqlx::query_as::<D, Recovery>(sql).bind(id.0).fetch_optional(c).await)
}

/// Records the progress of a job.
pub(crate) async fn save(tx: &mut Tx<'_>, job: &Recovery, now: Timestamp) -> Result<()> {
    let link = tx.writing();
    let sql = SAVE.on(link);
    on!(link, c, D => sqlx::query::<D>(sql)
        .bind(job.id.0)
        .bind(job.after_event.xact)
        .bind(job.after_event.seq)
        .bind(job.after.map(|it| it.0))
        .bind(i64::from(job.matched))
        .bind(i64::from(job.created))
        .bind(job.done)
        .bind(now.micros())
        .execute(c)
        .await
        .map(drop))
}

/// Deletes the jobs of a deleted endpoint.
pub(super) async fn delete_of_endpoint(link: &mut Link, endpoint: EndpointId) -> Result<()> {
    let sql = DELETE_OF_ENDPOINT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(endpoint.0).execute(c).await.map(drop))
}

/// Place of the last event, of any tenant, whose id has a time before `at`; the very beginning if there is none.
///
/// Places and times are not in the same order: a transaction that began earlier may contain a later event. Callers that
/// need every event since a time ask for a time that is earlier by the greatest possible difference.
pub(crate) async fn place_before(tx: &mut impl Scoped, at: Timestamp) -> Result<Place> {
    let link = tx.link();
    let sql = BEFORE.on(link);
    let first = EventId::new(at, 0);
    let place = on!(link, c, D => sqlx::query_as::<D, (i64, i64)>(sql).bind(first.0).fetch_optional(c).await)?;
    Ok(place.map_or(Place::default(), |(xact, seq)| Place { xact, seq }))
}

/// The tenant's events after a place, in order, at most `limit`.
pub(crate) async fn events_after(tx: &mut impl Scoped, place: Place, limit: i64) -> Result<Vec<PastEvent>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = EVENTS.on(link);
    on!(link, c, D => sqlx::query_as::<D, PastEvent>(sql)
        .bind(tenant.0)
        .bind(place.xact)
        .bind(place.seq)
        .bind(limit)
        .fetch_all(c)
        .await)
}

/// The same, but only up to a horizon, before which no event can appear any more.
pub(crate) async fn settled_events_after(
    tx: &mut impl Scoped,
    place: Place,
    end: Place,
    limit: i64,
) -> Result<Vec<PastEvent>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = SETTLED_EVENTS.on(link);
    on!(link, c, D => sqlx::query_as::<D, PastEvent>(sql)
        .bind(tenant.0)
        .bind(place.xact)
        .bind(place.seq)
        .bind(limit)
        .bind(end.xact)
        .fetch_all(c)
        .await)
}
