//! Rows of `events`: the outbox. Events are added to a transaction and written with their deliveries at the end of its
//! group, see `fanout`.

use super::{
    ReadTx, Result, Scoped,
    changes::Place,
    db::{
        conn::on,
        row::from_row,
        sql::{Sql, statements},
    },
    histories::HistoryPoint,
    horizon,
};
use bytes::Bytes;
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, EventId, GroupId, InboxId, TenantId, TicketId},
    trace::SpanContext,
};
use uuid::Uuid;

/// An event to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewEvent {
    /// Its id, the `webhook-id` of every request.
    pub(crate) id: EventId,
    /// The transaction's tenant.
    pub(crate) tenant: TenantId,
    /// Its kind, a bit of the endpoints' masks: 0 to 62.
    pub(crate) kind: i16,
    /// Id that the events of one action share.
    pub(crate) group: GroupId,
    /// Its inbox, for endpoints that are limited to some inboxes.
    pub(crate) inbox: Option<InboxId>,
    /// The inbox that the ticket left by this event: endpoints that are limited to that inbox get the event as well.
    pub(crate) left: Option<InboxId>,
    /// The ticket that it is about.
    pub(crate) ticket: Option<TicketId>,
    /// When it happened.
    pub(crate) at: Timestamp,
    /// The body as it is stored, signed and sent.
    pub(crate) body: String,
    /// A test event: only for this version of this endpoint, whatever it subscribes to, and in no list of events.
    pub(crate) test_of: Option<TestOf>,
    /// The place in a trace of the call that made it; filled in by the transaction and not stored.
    pub(crate) trace: Option<SpanContext>,
}

/// The endpoint of a test event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TestOf {
    pub(crate) endpoint: EndpointId,
    pub(crate) version: u32,
    /// Whether it gets the thin form.
    pub(crate) thin: bool,
}

/// A leased delivery, with everything that dispatch needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leased {
    pub(crate) delivery: DeliveryId,
    pub(crate) tenant: TenantId,
    pub(crate) endpoint: EndpointId,
    /// Version of the endpoint's configuration.
    pub(crate) endpoint_version: u32,
    pub(crate) event: EventId,
    pub(crate) kind: i16,
    pub(crate) test: bool,
    /// Fencing token of the lease.
    pub(crate) token: i64,
    /// Number of the attempt, from 1.
    pub(crate) attempt: u32,
    /// Failed attempts of the present schedule.
    pub(crate) failures: u32,
    /// Whether the previous attempt ended with a stale connection, so that this one gets a new connection.
    pub(crate) fresh: bool,
    /// Whether the thin form of the event is sent.
    pub(crate) thin: bool,
    pub(crate) created_at: Timestamp,
    /// Whether a claim leased it, in due order; otherwise the commit that made it.
    pub(crate) claimed: bool,
    /// When it was leased; it has waited in memory since.
    pub(crate) since: Timestamp,
    pub(crate) lease_until: Timestamp,
    /// The place in a trace of its cause, known to the core that made the delivery, until it parks it.
    pub(crate) trace: Option<SpanContext>,
    /// The stored body, shared by all deliveries of the event; dispatch replaces it by the thin form.
    pub(crate) body: Bytes,
}

/// The id of the delivery of an event to an endpoint: the event's id combined with the endpoint's. It is not random, so
/// a fan-out that runs again makes the same rows, and ids sort as events do.
pub(crate) fn delivery_id(event: EventId, endpoint: EndpointId) -> DeliveryId {
    let mut bytes = *event.0.as_bytes();
    // Version and time come before byte 8, which has the variant.
    for (byte, cross) in bytes[9..].iter_mut().zip(&endpoint.0.as_bytes()[9..]) {
        *byte ^= cross;
    }
    DeliveryId(Uuid::from_bytes(bytes))
}

/// An event in the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoggedEvent {
    /// Its place in the log of events.
    pub(crate) place: Place,
    pub(crate) kind: i16,
    /// When it happened.
    pub(crate) at: Timestamp,
    /// The body as it is sent.
    pub(crate) body: String,
}

from_row!(LoggedEvent in "events", row => Ok(LoggedEvent {
    place: Place { xact: row.get("xact")?, seq: row.get("seq")? },
    kind: row.get("kind")?,
    at: row.time("created_at")?,
    body: row.get("body")?,
}));

/// A row of `events`.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: EventId,
    pub(crate) kind: i16,
    /// Id that the events of one action share.
    pub(crate) group: GroupId,
    /// When it happened.
    pub(crate) at: Timestamp,
    pub(crate) body: String,
}

from_row!(Event in "events", row => Ok(Event {
    id: EventId(row.get("id")?),
    kind: row.get("kind")?,
    group: GroupId(row.get("group_id")?),
    at: row.time("created_at")?,
    body: row.get("body")?,
}));

statements! {
    // The newest by the order of the index, and of those the ones from a time on: no index has both.
    NEWEST = Sql::each(
        "SELECT id, kind, group_id, created_at, body FROM \
         (SELECT id, kind, group_id, created_at, body, test FROM events WHERE tenant_id = $1 \
         ORDER BY seq DESC LIMIT $3) newest WHERE created_at >= $2 AND NOT test",
        "SELECT id, kind, group_id, created_at, body FROM \
         (SELECT id, kind, group_id, created_at, body, test FROM events WHERE tenant_id = $1 \
         ORDER BY xact DESC, seq DESC LIMIT $3) newest WHERE created_at >= $2 AND NOT test",
    );
    BODY = Sql::both("SELECT body FROM events WHERE id = $1 AND tenant_id = $2");
    OF_TICKET = Sql::both("SELECT id, tenant_id FROM events WHERE ticket_id = $1 ORDER BY id DESC LIMIT $2");
    // A plain `xact` in ORDER BY would be the selected cast, which has no index.
    SINCE = Sql::each(
        "SELECT 0 AS xact, seq, kind, created_at, body FROM events WHERE tenant_id = $1 AND $2 IS NOT NULL \
         AND seq > $3 AND NOT test AND (1 << kind) & $4 <> 0 AND $6 IS NOT NULL ORDER BY seq LIMIT $5",
        "SELECT xact::text::bigint AS xact, seq, kind, created_at, body FROM events WHERE tenant_id = $1 \
         AND (xact, seq) > ($2::bigint::text::xid8, $3::bigint) AND xact < $6::bigint::text::xid8 \
         AND NOT test AND (1::bigint << kind) & $4::bigint <> 0 ORDER BY events.xact, events.seq LIMIT $5",
    );
}

/// The place after all events that may be read now: an event before it does not appear later.
pub(crate) async fn end(tx: &mut ReadTx) -> Result<Place> {
    Ok(end_point(tx).await?.0)
}

/// The same, and the present point in the history.
pub(crate) async fn end_point(tx: &mut ReadTx) -> Result<(Place, HistoryPoint)> {
    let (place, newest) = horizon::end(tx.link()).await?;
    Ok((place, tx.histories().at(newest)))
}

/// A place that no reader can have passed, and the present point in the history.
pub(crate) async fn farthest(tx: &mut ReadTx) -> Result<(Place, HistoryPoint)> {
    let (place, newest) = horizon::farthest(tx.link()).await?;
    Ok((place, tx.histories().at(newest)))
}

/// Events after a place and before the [`end`] that the same snapshot has, of the kinds in `mask`, in order, at most
/// `limit`, without tests.
pub(crate) async fn since(
    tx: &mut ReadTx,
    place: Place,
    end: Place,
    mask: i64,
    limit: i64,
) -> Result<Vec<LoggedEvent>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = SINCE.on(link);
    on!(link, c, D => sqlx::query_as::<D, LoggedEvent>(sql)
        .bind(tenant.0)
        .bind(place.xact)
        .bind(place.seq)
        .bind(mask)
        .bind(limit)
        .bind(end.xact)
        .fetch_all(c)
        .await)
}

/// The newest events about a ticket, newest first, at most `limit`.
pub(crate) async fn of_ticket(tx: &mut impl Scoped, ticket: TicketId, limit: i64) -> Result<Vec<EventId>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = OF_TICKET.on(link);
    let rows = on!(link, c, D =>
        sqlx::query_as::<D, (Uuid, Uuid)>(sql).bind(ticket.0).bind(limit).fetch_all(c).await)?;
    Ok(rows.into_iter().filter(|(_, owner)| *owner == tenant.0).map(|(id, _)| EventId(id)).collect())
}

/// The events since a time among the newest `limit`, newest first, without tests.
pub(crate) async fn newest(tx: &mut impl Scoped, since: Timestamp, limit: i64) -> Result<Vec<Event>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = NEWEST.on(link);
    let mut events = on!(link, c, D => sqlx::query_as::<D, Event>(sql)
        .bind(tenant.0)
        .bind(since.micros())
        .bind(limit)
        .fetch_all(c)
        .await)?;
    events.sort_by_key(|event| std::cmp::Reverse((event.at, event.id)));
    Ok(events)
}

pub(crate) async fn body(tx: &mut impl Scoped, id: EventId) -> Result<Option<String>> {
    let tenant = tx.tenant();
    let link = tx.link();
    let sql = BODY.on(link);
    on!(link, c, D => sqlx::query_scalar::<D, String>(sql).bind(id.0).bind(tenant.0).fetch_optional(c).await)
}
