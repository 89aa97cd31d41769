//! Finds ids of deliveries by what their rows contain, newest or oldest first. Each class of rows has its own index by
//! endpoint, kind of event and id, so a few deliveries among ten million are found as fast as among ten. Leased
//! deliveries, and tests that wait, are few at any time and are read as a whole.

use super::{Shown, State, state};
use crate::store::{
    Result,
    db::{
        conn::{Conn, Link},
        row::from_row,
        sql::{Rows, Sql, Type, found, row_statements, statements},
    },
};
use inboxops_proto::id::{DeliveryId, EndpointId};
use sqlx::SqliteConnection;
use uuid::Uuid;

/// All kinds of events. Deliveries of any other code are not found.
pub(crate) const KINDS: [i16; 8] = [0, 1, 2, 3, 4, 5, 6, 7];

/// A class of rows that has its own index. Leased deliveries, and tests that wait, are in none. Statements get the
/// conditions from [`class!`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Wait, and had no request so far.
    Untried,
    /// Wait after a request.
    Tried,
    Delivered,
    /// Failed for good.
    Failed,
    Stopped,
}

/// The condition of a [`Class`], worded as in its index.
macro_rules! class {
    (untried) => {
        concat!("state < ", $crate::store::deliveries::state!(leased), " AND attempt = 0 AND NOT test")
    };
    (tried) => {
        concat!("state < ", $crate::store::deliveries::state!(leased), " AND attempt > 0 AND NOT test")
    };
    (delivered) => {
        concat!("state = ", $crate::store::deliveries::state!(delivered))
    };
    (failed) => {
        concat!("state = ", $crate::store::deliveries::state!(failed))
    };
    (stopped) => {
        concat!("state = ", $crate::store::deliveries::state!(stopped))
    };
}
pub(in crate::store) use class;

impl Class {
    pub(crate) const ALL: [Class; 5] = [Class::Untried, Class::Tried, Class::Delivered, Class::Failed, Class::Stopped];
    /// The classes of finished deliveries.
    pub(crate) const ENDED: [Class; 3] = [Class::Delivered, Class::Failed, Class::Stopped];

    /// The classes whose rows may have these states, with the lane paused or not; all classes if `shown` is empty.
    pub(crate) fn of(shown: &[Shown], paused: bool) -> Vec<Class> {
        let is_shown = |class: &Class| {
            shown.is_empty()
                || shown.contains(&match class {
                    Class::Untried | Class::Tried if paused => Shown::Paused,
                    Class::Untried => Shown::Pending,
                    Class::Tried => Shown::Retrying,
                    Class::Delivered => Shown::Delivered,
                    Class::Failed => Shown::Failed,
                    Class::Stopped => Shown::Canceled,
                })
        };
        Class::ALL.into_iter().filter(is_shown).collect()
    }
}

/// A search for ids.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Walk<'a> {
    pub(in crate::store) endpoints: &'a [EndpointId],
    /// Of these kinds of events; empty for all.
    pub(in crate::store) kinds: &'a [i16],
    pub(in crate::store) classes: &'a [Class],
    /// The first id.
    pub(in crate::store) from: Uuid,
    /// The id after the last.
    pub(in crate::store) to: Uuid,
    pub(in crate::store) limit: usize,
}

// SQLite is told the index. PostgreSQL has no choice: no other index has these rows, by this condition, in this order.
// With `kind =` the order would be that of ids, and where matches look frequent the planner would scan all ids. With
// the endpoint in the row comparison, PostgreSQL before 18 ends the scan by the first member only, and would read the
// endpoint's whole log for a kind without rows.
macro_rules! part {
    (sqlite, $index:literal, $rows:expr, $way:literal) => {
        concat!(
            "SELECT id FROM deliveries INDEXED BY ",
            $index,
            " WHERE endpoint_id = $1 AND kind = $2 AND ",
            $rows,
            " AND id >= $3 AND id < $4 ORDER BY id ",
            $way,
            " LIMIT $5"
        )
    };
    (pg, $rows:expr, $way:literal) => {
        concat!(
            "SELECT id FROM deliveries WHERE ",
            $rows,
            " AND endpoint_id = o.endpoint AND (kind, id) >= (o.kind_of, $3) AND (kind, id) < (o.kind_of, $4) ORDER BY kind ",
            $way,
            ", id ",
            $way,
            " LIMIT $5"
        )
    };
}

macro_rules! of_each {
    ($way:literal, $($parts:tt)*) => {
        concat!(
            "SELECT found.id FROM (SELECT endpoint, kind_of FROM unnest($1::uuid[]) AS e (endpoint) \
             CROSS JOIN unnest($2::smallint[]) AS k (kind_of)) o CROSS JOIN LATERAL (", $($parts)*,
            ") found ORDER BY found.id ", $way, " LIMIT $5"
        )
    };
}

macro_rules! walk {
    ($index:literal, $rows:expr, $way:literal) => {
        Sql::each(part!(sqlite, $index, $rows, $way), of_each!($way, part!(pg, $rows, $way)))
    };
}

macro_rules! walk_all {
    ($way:literal) => {
        Sql::each(
            concat!(
                "SELECT id FROM (",
                part!(sqlite, "deliveries_untried", class!(untried), $way),
                ") UNION ALL SELECT id FROM (",
                part!(sqlite, "deliveries_tried", class!(tried), $way),
                ") UNION ALL SELECT id FROM (",
                part!(sqlite, "deliveries_delivered", class!(delivered), $way),
                ") UNION ALL SELECT id FROM (",
                part!(sqlite, "deliveries_failed", class!(failed), $way),
                ") UNION ALL SELECT id FROM (",
                part!(sqlite, "deliveries_stopped", class!(stopped), $way),
                ")"
            ),
            of_each!(
                $way,
                concat!(
                    "(",
                    part!(pg, class!(untried), $way),
                    ") UNION ALL (",
                    part!(pg, class!(tried), $way),
                    ") UNION ALL (",
                    part!(pg, class!(delivered), $way),
                    ") UNION ALL (",
                    part!(pg, class!(failed), $way),
                    ") UNION ALL (",
                    part!(pg, class!(stopped), $way),
                    ")"
                )
            ),
        )
    };
}

statements! {
    NEWEST = walk_all!("DESC");
    NEWEST_UNTRIED = walk!("deliveries_untried", class!(untried), "DESC");
    NEWEST_TRIED = walk!("deliveries_tried", class!(tried), "DESC");
    NEWEST_DELIVERED = walk!("deliveries_delivered", class!(delivered), "DESC");
    NEWEST_FAILED = walk!("deliveries_failed", class!(failed), "DESC");
    NEWEST_STOPPED = walk!("deliveries_stopped", class!(stopped), "DESC");
    OLDEST = walk_all!("ASC");
    OLDEST_UNTRIED = walk!("deliveries_untried", class!(untried), "ASC");
    OLDEST_TRIED = walk!("deliveries_tried", class!(tried), "ASC");
    OLDEST_DELIVERED = walk!("deliveries_delivered", class!(delivered), "ASC");
    OLDEST_FAILED = walk!("deliveries_failed", class!(failed), "ASC");
    OLDEST_STOPPED = walk!("deliveries_stopped", class!(stopped), "ASC");
}

row_statements! {
    FEW = Rows {
        head: "WITH v (key) AS (VALUES",
        row: &[Type::Uuid],
        tail: concat!(
            ") SELECT id, endpoint_id, kind, state, attempt, stop, test FROM deliveries INDEXED BY deliveries_leased \
             WHERE state = ", state!(leased), " AND endpoint_id IN (SELECT key FROM v) \
             UNION ALL SELECT id, endpoint_id, kind, state, attempt, stop, test \
             FROM deliveries INDEXED BY deliveries_tests \
             WHERE state = ", state!(waiting), " AND test AND endpoint_id IN (SELECT key FROM v)"
        ),
        // Separate branches in the order of their indexes, so that the planner does not use another index by endpoint.
        tail_pg: Some(concat!(
            ") SELECT id, endpoint_id, kind, state, attempt, stop, test FROM (\
             (SELECT id, endpoint_id, kind, state, attempt, stop, test FROM deliveries \
             WHERE state = ", state!(leased), " ORDER BY due_at OFFSET 0) \
             UNION ALL (SELECT id, endpoint_id, kind, state, attempt, stop, test FROM deliveries \
             WHERE state = ", state!(waiting), " AND test ORDER BY due_at OFFSET 0)) few \
             WHERE endpoint_id IN (SELECT key FROM v)"
        )),
    };
}

/// A leased delivery, or a test that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct OffLaneDelivery {
    pub(in crate::store) id: DeliveryId,
    pub(in crate::store) endpoint: EndpointId,
    pub(in crate::store) kind: i16,
    pub(in crate::store) shown: Shown,
}

from_row!(OffLaneDelivery in "deliveries", row => {
    let state: State = row.code("state")?;
    let tried = row.get::<i64>("attempt")? - i64::from(state == State::Leased) > 0;
    Ok(OffLaneDelivery {
        id: DeliveryId(row.get("id")?),
        endpoint: EndpointId(row.get("endpoint_id")?),
        kind: row.get("kind")?,
        // Pauses do not apply to tests.
        shown: Shown::of(state, tried, row.get("stop")?, false),
    })
});

/// The leased deliveries of these endpoints, and their tests that wait.
pub(in crate::store) async fn few(link: &mut Link, endpoints: &[EndpointId]) -> Result<Vec<OffLaneDelivery>> {
    let keys: Vec<Uuid> = endpoints.iter().map(|it| it.0).collect();
    found(link, &FEW, &keys).await
}

/// The direction of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Way {
    Newest,
    Oldest,
}

impl Way {
    fn statements(self, classes: &[Class]) -> Vec<Sql> {
        let (of_all, of_class) = match self {
            Way::Newest => (NEWEST, [NEWEST_UNTRIED, NEWEST_TRIED, NEWEST_DELIVERED, NEWEST_FAILED, NEWEST_STOPPED]),
            Way::Oldest => (OLDEST, [OLDEST_UNTRIED, OLDEST_TRIED, OLDEST_DELIVERED, OLDEST_FAILED, OLDEST_STOPPED]),
        };
        match classes.len() {
            all if all == Class::ALL.len() => vec![of_all],
            _ => classes.iter().map(|class| of_class[*class as usize]).collect(),
        }
    }

    /// Keeps the wanted number of the ids found, and narrows the search to what may still matter.
    fn keep(self, walk: &mut Walk<'_>, found: &mut Vec<Uuid>) {
        match self {
            Way::Newest => found.sort_unstable_by(|one, other| other.cmp(one)),
            Way::Oldest => found.sort_unstable(),
        }
        found.truncate(walk.limit);
        if let (Some(last), true) = (found.last(), found.len() == walk.limit) {
            match self {
                Way::Newest => walk.from = *last,
                Way::Oldest => walk.to = *last,
            }
        }
    }
}

/// The first ids of a search, without leased deliveries and tests that wait.
pub(in crate::store) async fn walk(link: &mut Link, way: Way, mut walk: Walk<'_>) -> Result<Vec<DeliveryId>> {
    let mut found = Vec::new();
    let kinds = if walk.kinds.is_empty() { &KINDS } else { walk.kinds }.to_vec();
    let endpoints: Vec<Uuid> = walk.endpoints.iter().map(|it| it.0).collect();
    for sql in way.statements(walk.classes) {
        link.busy = true;
        let result = match &mut link.conn {
            Conn::Pg(conn) => {
                let ids = sqlx::query_scalar::<_, Uuid>(sql.pg.unwrap_or_default());
                let ids = ids.bind(endpoints.clone()).bind(kinds.clone()).bind(walk.from).bind(walk.to);
                ids.bind(limit(&walk)).fetch_all(&mut *conn).await.map(|ids| {
                    found.extend(ids);
                    way.keep(&mut walk, &mut found);
                })
            }
            Conn::Sqlite(conn) => one_by_one(conn, sql, way, (&endpoints, &kinds), &mut walk, &mut found).await,
        };
        link.note(result)?;
    }
    Ok(found.into_iter().map(DeliveryId).collect())
}

async fn one_by_one(
    conn: &mut SqliteConnection,
    sql: Sql,
    way: Way,
    (endpoints, kinds): (&[Uuid], &[i16]),
    walk: &mut Walk<'_>,
    found: &mut Vec<Uuid>,
) -> sqlx::Result<()> {
    for endpoint in endpoints {
        for kind in kinds {
            let ids = sqlx::query_scalar::<_, Uuid>(sql.sqlite.unwrap_or_default()).bind(*endpoint).bind(*kind);
            let ids = ids.bind(walk.from).bind(walk.to).bind(limit(walk)).fetch_all(&mut *conn).await?;
            found.extend(ids);
            way.keep(walk, found);
        }
    }
    Ok(())
}

fn limit(walk: &Walk<'_>) -> i64 {
    i64::try_from(walk.limit).unwrap_or(i64::MAX)
}
