//! Rows of `tallies`: results of attempts by endpoint and hour, and the number of deliveries in each end state. They
//! are written as summed deltas, one row for each endpoint and hour of a batch, so that reading them costs the same
//! with a million deliveries as with ten.

use super::{
    ReadTx, Result, Scoped,
    db::{
        conn::{Link, on},
        row::from_row,
        sql::{Rows, Sql, Type, row_statements, statements, write_rows},
    },
    deliveries::State,
};
use inboxops_proto::{
    clock::Timestamp,
    id::{EndpointId, TenantId},
};
use sqlx::QueryBuilder;
use std::{collections::BTreeMap, ops::AddAssign, time::Duration};

/// An hour.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
/// Upper bounds of the response-time columns, in milliseconds.
pub(crate) const TOOK_MS: [u32; 11] = [5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 15_000];
/// The hour of the row that counts deliveries.
const DELIVERIES: i64 = 0;

/// Changes of the number of deliveries in each end state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EndCounts {
    pub(crate) delivered: i64,
    /// Failed for good.
    pub(crate) failed: i64,
    pub(crate) stopped: i64,
}

impl EndCounts {
    /// Counts deliveries that reached this state (below 0: that left it); only end states count.
    pub(crate) fn add(&mut self, state: State, by: i64) {
        match state {
            State::Delivered => self.delivered += by,
            State::Failed => self.failed += by,
            State::Stopped => self.stopped += by,
            State::Waiting | State::Leased => {}
        }
    }
}

/// Attempts in a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AttemptCounts {
    /// Answered 2xx.
    pub(crate) succeeded: i64,
    pub(crate) failed: i64,
    /// Responses by duration, see [`TOOK_MS`].
    pub(crate) took: [i64; TOOK_MS.len()],
}

impl AttemptCounts {
    /// Counts an attempt; `took_ms` is set if there was a response.
    pub(crate) fn add(&mut self, succeeded: bool, took_ms: Option<u32>) {
        *if succeeded { &mut self.succeeded } else { &mut self.failed } += 1;
        if let Some(took) = took_ms {
            let at = TOOK_MS.iter().position(|most| took <= *most).unwrap_or(TOOK_MS.len() - 1);
            self.took[at] += 1;
        }
    }
}

impl AddAssign for AttemptCounts {
    fn add_assign(&mut self, other: AttemptCounts) {
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.took.iter_mut().zip(other.took).for_each(|(sum, more)| *sum += more);
    }
}

/// A batch's changes, in the order in which rows are locked.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<(EndpointId, i64), (TenantId, AttemptCounts, i64)>);

impl Tally {
    fn row(&mut self, tenant: TenantId, endpoint: EndpointId, hour: i64) -> &mut (TenantId, AttemptCounts, i64) {
        self.0.entry((endpoint, hour)).or_insert_with(|| (tenant, AttemptCounts::default(), 0))
    }

    /// An attempt that ended at `at`.
    pub(super) fn attempt(&mut self, tenant: TenantId, endpoint: EndpointId, at: Timestamp) -> &mut AttemptCounts {
        &mut self.row(tenant, endpoint, hour(at)).1
    }

    /// Deliveries that reached an end state or left it.
    pub(super) fn ended(&mut self, tenant: TenantId, endpoint: EndpointId, state: State, by: i64) {
        let mut ended = EndCounts::default();
        ended.add(state, by);
        if ended != EndCounts::default() {
            self.stand(tenant, endpoint, ended);
        }
    }

    fn stand(&mut self, tenant: TenantId, endpoint: EndpointId, ended: EndCounts) {
        let (_, went, stopped) = self.row(tenant, endpoint, DELIVERIES);
        went.succeeded += ended.delivered;
        went.failed += ended.failed;
        *stopped += ended.stopped;
    }
}

/// The hour of a moment, counted since 1970.
pub(crate) fn hour(at: Timestamp) -> i64 {
    at.secs().div_euclid(3600)
}

/// The response-time columns, in the order of [`TOOK_MS`].
const TOOK_COLUMNS: [&str; TOOK_MS.len()] = [
    "took_5",
    "took_10",
    "took_20",
    "took_50",
    "took_100",
    "took_200",
    "took_500",
    "took_1000",
    "took_2000",
    "took_5000",
    "took_15000",
];

macro_rules! took {
    () => {
        "took_5, took_10, took_20, took_50, took_100, took_200, took_500, took_1000, took_2000, took_5000, took_15000"
    };
}

statements! {
    DELETE_OF_ENDPOINT = Sql::both("DELETE FROM tallies WHERE endpoint_id = $1");
}

row_statements! {
    ADD = Rows {
        head: concat!("INSERT INTO tallies (endpoint_id, hour, tenant_id, succeeded, failed, stopped, ", took!(), ") VALUES"),
        row: &[
            Type::Uuid, Type::Big, Type::Uuid, Type::Big, Type::Big, Type::Big, Type::Big, Type::Big, Type::Big,
            Type::Big, Type::Big, Type::Big, Type::Big, Type::Big, Type::Big, Type::Big, Type::Big,
        ],
        tail: "ON CONFLICT (endpoint_id, hour) DO UPDATE SET succeeded = tallies.succeeded + excluded.succeeded, \
               failed = tallies.failed + excluded.failed, stopped = tallies.stopped + excluded.stopped, \
               took_5 = tallies.took_5 + excluded.took_5, took_10 = tallies.took_10 + excluded.took_10, \
               took_20 = tallies.took_20 + excluded.took_20, took_50 = tallies.took_50 + excluded.took_50, \
               took_100 = tallies.took_100 + excluded.took_100, took_200 = tallies.took_200 + excluded.took_200, \
               took_500 = tallies.took_500 + excluded.took_500, took_1000 = tallies.took_1000 + excluded.took_1000, \
               took_2000 = tallies.took_2000 + excluded.took_2000, took_5000 = tallies.took_5000 + excluded.took_5000, \
               took_15000 = tallies.took_15000 + excluded.took_15000",
        tail_pg: None,
    };
}

/// Adds the changes of a batch.
pub(super) async fn add(link: &mut Link, tally: &Tally) -> Result<()> {
    let rows: Vec<_> = tally.0.iter().collect();
    write_rows!(link, ADD, &rows, |query, ((endpoint, hour), (tenant, went, stopped))| {
        let query = query.bind(endpoint.0).bind(*hour).bind(tenant.0);
        let query = query.bind(went.succeeded).bind(went.failed).bind(*stopped);
        went.took.into_iter().fold(query, |query, took| query.bind(took))
    });
    Ok(())
}

/// Counts deliveries of one endpoint that reached an end state or left it.
pub(super) async fn stand(link: &mut Link, tenant: TenantId, endpoint: EndpointId, ended: EndCounts) -> Result<()> {
    if ended == EndCounts::default() {
        return Ok(());
    }
    let mut tally = Tally::default();
    tally.stand(tenant, endpoint, ended);
    add(link, &tally).await
}

/// Deletes the rows of a deleted endpoint.
pub(super) async fn delete_of_endpoint(link: &mut Link, endpoint: EndpointId) -> Result<()> {
    let sql = DELETE_OF_ENDPOINT.on(link);
    on!(link, c, D => sqlx::query::<D>(sql).bind(endpoint.0).execute(c).await.map(drop))
}

/// The counts of an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EndpointCounts {
    /// Deliveries in each end state.
    pub(crate) ended: EndCounts,
    /// Attempts by hour.
    pub(crate) hours: BTreeMap<i64, AttemptCounts>,
}

struct Row(EndpointId, i64, AttemptCounts, i64);

from_row!(Row in "tallies", row => {
    let mut went = AttemptCounts { succeeded: row.get("succeeded")?, failed: row.get("failed")?, ..AttemptCounts::default() };
    for (took, column) in went.took.iter_mut().zip(TOOK_COLUMNS) {
        *took = row.get(column)?;
    }
    Ok(Row(EndpointId(row.get("endpoint_id")?), row.get("hour")?, went, row.get("stopped")?))
});

/// The counts of these endpoints of the tenant, from an hour on.
pub(crate) async fn of(
    tx: &mut ReadTx,
    endpoints: &[EndpointId],
    from: i64,
) -> Result<BTreeMap<EndpointId, EndpointCounts>> {
    let mut all: BTreeMap<EndpointId, EndpointCounts> =
        endpoints.iter().map(|id| (*id, EndpointCounts::default())).collect();
    if endpoints.is_empty() {
        return Ok(all);
    }
    let tenant = tx.tenant();
    let rows = on!(tx.link(), c, D => {
        let mut query = QueryBuilder::<D>::new(concat!(
            "SELECT endpoint_id, hour, succeeded, failed, stopped, ", took!(), " FROM tallies WHERE tenant_id = "
        ));
        query.push_bind(tenant.0).push(" AND (hour = 0 OR hour >= ").push_bind(from).push(") AND endpoint_id IN (");
        let mut list = query.separated(", ");
        for endpoint in endpoints {
            list.push_bind(endpoint.0);
        }
        query.push(")");
        query.build_query_as::<Row>().fetch_all(c).await
    })?;
    for Row(endpoint, hour, went, stopped) in rows {
        let known = all.entry(endpoint).or_default();
        if hour == DELIVERIES {
            known.ended = EndCounts { delivered: went.succeeded, failed: went.failed, stopped };
        } else {
            known.hours.insert(hour, went);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::{TOOK_COLUMNS, TOOK_MS};

    #[test]
    fn columns_of_times_say_which_times() {
        assert_eq!(TOOK_COLUMNS.map(str::to_owned), TOOK_MS.map(|most| format!("took_{most}")));
        assert_eq!(took!(), TOOK_COLUMNS.join(", "));
    }
}
