//! The claim: due lanes in the order of their times and, in statements that begin after those lanes are locked, the
//! first due deliveries of each. A lane that was served goes behind all lanes that are already due; this is the
//! rotation.

use crate::store::{
    Leased, Result, SystemTx,
    db::{
        conn::{Conn, Link, on},
        row::from_row,
        sql::{Rows, Sql, Type, found, read_rows, row_statements, statements, write_rows},
    },
    deliveries::state,
    lanes::{self, WaitCounts},
};
use bytes::Bytes;
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, EventId, TenantId},
};
use std::{collections::HashMap, time::Duration};
use uuid::Uuid;

/// Greatest number of lanes that one claim serves.
pub(crate) const CLAIM_LANES_MAX: i64 = 16;
/// When a lane that cannot be served now is due again. The core that has no room for it claims from it by name as soon
/// as there is some.
pub(crate) const FULL_PAUSE: Duration = Duration::from_secs(1);

/// A lane that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) tenant: TenantId,
    pub(crate) endpoint: EndpointId,
}

/// An endpoint's room for deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// This many requests; 0 if it is full.
    Free(u32),
    /// Nothing before this time, when its lane is due again.
    NotBefore(Timestamp),
}

impl From<u32> for Room {
    fn from(room: u32) -> Room {
        Room::Free(room)
    }
}

/// The parameters of a claim.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) now: Timestamp,
    /// End of the leases.
    pub(crate) lease_until: Timestamp,
    /// Greatest number of lanes, at most [`CLAIM_LANES_MAX`].
    pub(crate) lanes: i64,
}

/// A lane that a claim read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LaneVisit {
    /// Whose it is.
    pub(crate) turn: Turn,
    /// Whether it has more due deliveries.
    pub(crate) more: bool,
}

/// The result of a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClaimResult {
    /// The leased deliveries, in due order.
    pub(crate) leased: Vec<Leased>,
    pub(crate) looked: Vec<LaneVisit>,
    /// Whether it read as many lanes as it may; then more lanes may be due.
    pub(crate) more: bool,
    /// When the next lane is due, as far as a claim of whatever is due can tell; never before the time of the claim.
    pub(crate) next: Option<Timestamp>,
}

macro_rules! tests {
    () => {
        concat!(
            "SELECT d.id, d.due_at FROM deliveries d JOIN endpoints e ON e.id = d.endpoint_id WHERE d.state = ",
            state!(waiting),
            " AND d.test AND d.due_at <= $1 AND e.deleted_at IS NULL ORDER BY d.due_at, d.id LIMIT $2"
        )
    };
}

statements! {
    TURNS = Sql::each(
        "SELECT endpoint_id, tenant_id FROM lanes WHERE due_at IS NOT NULL AND NOT paused AND due_at <= $1 \
         ORDER BY due_at LIMIT $2",
        "SELECT endpoint_id, tenant_id FROM lanes WHERE due_at IS NOT NULL AND NOT paused AND due_at <= $1 \
         ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED",
    );
    // Tests are sent to paused endpoints as well; `claim` skips those lanes.
    TESTS = Sql::each(tests!(), concat!(tests!(), " FOR UPDATE OF d SKIP LOCKED"));
    HEADS_OF_ONE = Sql::sqlite(concat!(
        "SELECT id, due_at FROM deliveries \
         WHERE endpoint_id = $1 AND state = ", state!(waiting), " ORDER BY due_at, id LIMIT $2"
    ));
    HEADS = Sql::pg(concat!(
        "SELECT w.endpoint_id, c.id, c.due_at FROM unnest($1::uuid[], $2::bigint[]) AS w (endpoint_id, room) \
         CROSS JOIN LATERAL (SELECT d.id, d.due_at FROM deliveries d WHERE d.endpoint_id = w.endpoint_id \
         AND d.state = ", state!(waiting), " ORDER BY d.due_at, d.id LIMIT w.room + 1) c \
         ORDER BY w.endpoint_id, c.due_at, c.id"
    ));
}

row_statements! {
    TURNS_OF = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: ") SELECT lanes.endpoint_id, lanes.tenant_id FROM v JOIN lanes ON lanes.endpoint_id = v.key \
               WHERE lanes.due_at IS NOT NULL AND NOT lanes.paused",
        // A lane that another core has locked is served there.
        tail_pg: Some(") SELECT lanes.endpoint_id, lanes.tenant_id FROM lanes WHERE lanes.endpoint_id IN (SELECT key FROM v) \
               AND lanes.due_at IS NOT NULL AND NOT lanes.paused ORDER BY lanes.endpoint_id FOR UPDATE SKIP LOCKED"),
    };
    LEASE = Rows {
        head: "WITH v (key, until, core) AS (VALUES",
        row: &[Type::Uuid, Type::Big, Type::Big],
        tail: concat!(
            ") UPDATE deliveries SET state = ", state!(leased), ", attempt = attempt + 1, token = token + 1, \
             due_at = v.until, incarnation = v.core FROM v \
             WHERE deliveries.id = v.key AND deliveries.state + 0 = ", state!(waiting), " \
             RETURNING deliveries.id, deliveries.tenant_id, deliveries.endpoint_id, deliveries.event_id, \
             deliveries.kind, deliveries.test, deliveries.token, deliveries.attempt, deliveries.failures, \
             deliveries.created_at, deliveries.due_at, \
             COALESCE(deliveries.error_code = 'stale_connection', FALSE) AS fresh, deliveries.thin"
        ),
        tail_pg: None,
    };
    SET_LANES = Rows {
        head: "WITH v (key, at, untried, tried) AS (VALUES",
        row: &[Type::Uuid, Type::Big, Type::Big, Type::Big],
        tail: ") UPDATE lanes SET due_at = v.at, untried = lanes.untried - v.untried, tried = lanes.tried - v.tried \
               FROM v WHERE lanes.endpoint_id = v.key",
        tail_pg: None,
    };
    BODIES = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: ") SELECT events.id, events.body FROM v JOIN events ON events.id = v.key",
        tail_pg: None,
    };
    VERSIONS = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: ") SELECT endpoints.id, endpoints.version FROM v JOIN endpoints ON endpoints.id = v.key",
        tail_pg: None,
    };
}

// A row of `LEASE`; columns of other tables and the time of the lease are filled in afterwards.
from_row!(Leased in "deliveries", row => Ok(Leased {
    delivery: DeliveryId(row.get("id")?),
    tenant: TenantId(row.get("tenant_id")?),
    endpoint: EndpointId(row.get("endpoint_id")?),
    endpoint_version: 0,
    event: EventId(row.get("event_id")?),
    kind: row.get("kind")?,
    test: row.get("test")?,
    token: row.get("token")?,
    attempt: row.number("attempt")?,
    failures: row.number("failures")?,
    created_at: row.time("created_at")?,
    lease_until: row.time("due_at")?,
    fresh: row.get("fresh")?,
    thin: row.get("thin")?,
    trace: None,
    body: Bytes::new(),
    claimed: true,
    since: Timestamp::default(),
}));

/// Leases due deliveries of any tenant. `room` returns the number of free requests of an endpoint. It is called once
/// for each lane of the claim, and again if the job runs again. The result is in due order.
pub(crate) async fn claim<R: Into<Room>>(
    tx: &mut SystemTx<'_>,
    claim: Claim,
    mut room: impl FnMut(Turn) -> R,
) -> Result<ClaimResult> {
    let core = tx.writing.core.incarnation;
    let link = tx.writing();
    let turns = turns(link, claim).await?;
    let more = !turns.is_empty() && i64::try_from(turns.len()).is_ok_and(|n| n >= claim.lanes.min(CLAIM_LANES_MAX));
    let turns: Vec<(Turn, Room)> = turns.into_iter().map(|turn| (turn, room(turn).into())).collect();
    let mut claimed = serve(link, claim, &turns, core).await?;
    claimed.next = lanes::first_due(link).await?.map(|at| at.max(claim.now));
    claimed.more = more;
    Ok(claimed)
}

/// Leases due deliveries of these endpoints, at most the given number of each, whenever their lanes are due.
pub(crate) async fn claim_of(tx: &mut SystemTx<'_>, claim: Claim, rooms: &[(EndpointId, u32)]) -> Result<ClaimResult> {
    let core = tx.writing.core.incarnation;
    let link = tx.writing();
    let keys: Vec<Uuid> = rooms.iter().map(|(endpoint, _)| endpoint.0).collect();
    let found: Vec<(Uuid, Uuid)> = found(link, &TURNS_OF, &keys).await?;
    let room = |endpoint: Uuid| rooms.iter().find(|(it, _)| it.0 == endpoint).map_or(0, |(_, room)| *room);
    let turns: Vec<(Turn, Room)> = found.into_iter().map(|row| (turn(row), Room::Free(room(row.0)))).collect();
    serve(link, claim, &turns, core).await
}

/// Leases the due deliveries of these lanes for which there is room, and sets when each lane is due again.
async fn serve(link: &mut Link, claim: Claim, turns: &[(Turn, Room)], core: i64) -> Result<ClaimResult> {
    if turns.is_empty() {
        return Ok(ClaimResult::default());
    }
    let mut rooms = Vec::new();
    let mut next = Vec::new();
    let mut looked = Vec::new();
    for (turn, room) in turns {
        let full = claim.now.plus(FULL_PAUSE);
        let at = match room {
            Room::Free(0) => full,
            Room::Free(room) => {
                rooms.push((*turn, i64::from(*room)));
                continue;
            }
            Room::NotBefore(at) => (*at).max(full),
        };
        next.push((turn.endpoint.0, Some(at.micros())));
        looked.push(LaneVisit { turn: *turn, more: true });
    }
    let mut due = Vec::new();
    for (turn, room, heads) in heads(link, &rooms).await? {
        let (taken, then) = served(&heads, usize::try_from(room).unwrap_or(usize::MAX), claim.now.micros());
        due.extend(heads[..taken].iter().map(|(id, at)| (*at, *id)));
        next.push((turn.endpoint.0, then));
        looked.push(LaneVisit { turn, more: then.is_some_and(|at| at <= claim.now.micros()) });
    }
    due.sort_unstable();
    let mut leased = lease(link, &due, claim, core).await?;
    next.sort_unstable();
    set_lanes(link, &next, &left(&leased)).await?;
    complete(link, &mut leased).await?;
    Ok(ClaimResult { leased, looked, more: false, next: None })
}

/// How many of a lane's heads are leased, and when the lane is due again: behind all that are already due, which is the
/// rotation, or never if nothing waits. `heads` has one more than the room.
pub(crate) fn served<Id>(heads: &[(Id, i64)], room: usize, now: i64) -> (usize, Option<i64>) {
    let taken = heads.iter().take(room).take_while(|(_, at)| *at <= now).count();
    (taken, heads.get(taken).map(|(_, at)| (*at).max(now)))
}

/// Leases at most `most` due tests, whatever their endpoints' lanes say.
pub(crate) async fn claim_tests(tx: &mut SystemTx<'_>, claim: Claim, most: i64) -> Result<Vec<Leased>> {
    let core = tx.writing.core.incarnation;
    let link = tx.writing();
    let sql = TESTS.on(link);
    let due = on!(link, c, D =>
        sqlx::query_as::<D, (Uuid, i64)>(sql).bind(claim.now.micros()).bind(most).fetch_all(c).await)?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let due: Vec<(i64, Uuid)> = due.into_iter().map(|(id, at)| (at, id)).collect();
    let mut leased = lease(link, &due, claim, core).await?;
    complete(link, &mut leased).await?;
    Ok(leased)
}

async fn turns(link: &mut Link, claim: Claim) -> Result<Vec<Turn>> {
    let sql = TURNS.on(link);
    let limit = claim.lanes.min(CLAIM_LANES_MAX);
    let rows = on!(link, c, D => sqlx::query_as::<D, (Uuid, Uuid)>(sql)
        .bind(claim.now.micros())
        .bind(limit)
        .fetch_all(c)
        .await)?;
    Ok(rows.into_iter().map(turn).collect())
}

fn turn((endpoint, tenant): (Uuid, Uuid)) -> Turn {
    Turn { tenant: TenantId(tenant), endpoint: EndpointId(endpoint) }
}

/// The first waiting deliveries of a lane, with their due times: its room and one more, to know what follows.
type Heads = (Turn, i64, Vec<(Uuid, i64)>);

async fn heads(link: &mut Link, rooms: &[(Turn, i64)]) -> Result<Vec<Heads>> {
    let mut lanes: Vec<Heads> = rooms.iter().map(|(turn, room)| (*turn, *room, Vec::new())).collect();
    link.busy = true;
    let result = async {
        match &mut link.conn {
            Conn::Sqlite(conn) => {
                let sql = HEADS_OF_ONE.sqlite.unwrap_or_default();
                for (turn, room, heads) in &mut lanes {
                    *heads = sqlx::query_as(sql).bind(turn.endpoint.0).bind(*room + 1).fetch_all(&mut *conn).await?;
                }
            }
            Conn::Pg(conn) => {
                let sql = HEADS.pg.unwrap_or_default();
                let endpoints: Vec<Uuid> = rooms.iter().map(|(turn, _)| turn.endpoint.0).collect();
                let rooms: Vec<i64> = rooms.iter().map(|(_, room)| *room).collect();
                let query = sqlx::query_as::<_, (Uuid, Uuid, i64)>(sql).bind(endpoints).bind(rooms);
                for (endpoint, id, due_at) in query.fetch_all(&mut *conn).await? {
                    if let Some((_, _, heads)) = lanes.iter_mut().find(|(turn, _, _)| turn.endpoint.0 == endpoint) {
                        heads.push((id, due_at));
                    }
                }
            }
        }
        Ok(())
    }
    .await;
    link.note(result)?;
    Ok(lanes)
}

async fn lease(link: &mut Link, due: &[(i64, Uuid)], claim: Claim, core: i64) -> Result<Vec<Leased>> {
    let mut leased = read_rows!(link, LEASE, due, Leased, |query, (_, id)| query
        .bind(*id)
        .bind(claim.lease_until.micros())
        .bind(core));
    let order: HashMap<Uuid, usize> = due.iter().enumerate().map(|(at, (_, id))| (*id, at)).collect();
    for it in &mut leased {
        it.since = claim.now;
    }
    leased.sort_unstable_by_key(|it| order.get(&it.delivery.0).copied());
    Ok(leased)
}

/// How many deliveries of each endpoint no longer wait.
fn left(leased: &[Leased]) -> HashMap<Uuid, WaitCounts> {
    let mut left: HashMap<Uuid, WaitCounts> = HashMap::new();
    for it in leased.iter().filter(|it| !it.test) {
        left.entry(it.endpoint.0).or_default().add(i64::from(it.attempt) - 1, 1);
    }
    left
}

async fn set_lanes(link: &mut Link, next: &[(Uuid, Option<i64>)], left: &HashMap<Uuid, WaitCounts>) -> Result<()> {
    write_rows!(link, SET_LANES, next, |query, (endpoint, at)| {
        let left = left.get(endpoint).copied().unwrap_or_default();
        query.bind(*endpoint).bind(*at).bind(left.untried).bind(left.tried)
    });
    Ok(())
}

/// Adds bodies and the endpoints' versions.
async fn complete(link: &mut Link, leased: &mut [Leased]) -> Result<()> {
    let distinct = |ids: &mut Vec<Uuid>| {
        ids.sort_unstable();
        ids.dedup();
    };
    let mut events: Vec<Uuid> = leased.iter().map(|it| it.event.0).collect();
    let mut endpoints: Vec<Uuid> = leased.iter().map(|it| it.endpoint.0).collect();
    distinct(&mut events);
    distinct(&mut endpoints);
    let rows: Vec<(Uuid, String)> = found(link, &BODIES, &events).await?;
    let bodies: HashMap<Uuid, Bytes> = rows.into_iter().map(|(id, body)| (id, Bytes::from(body))).collect();
    let rows: Vec<(Uuid, i64)> = found(link, &VERSIONS, &endpoints).await?;
    let versions: HashMap<Uuid, i64> = rows.into_iter().collect();
    for it in leased {
        // Retention keeps an event while a delivery refers to it.
        it.body = bodies.get(&it.event.0).cloned().ok_or(sqlx::Error::RowNotFound)?;
        it.endpoint_version = versions.get(&it.endpoint.0).and_then(|v| u32::try_from(*v).ok()).unwrap_or(0);
    }
    Ok(())
}
