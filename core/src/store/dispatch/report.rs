//! Records results of attempts: one batch settles deliveries, fenced by their tokens, inserts the attempts that pass
//! the fence, marks lanes for retries, and updates the endpoints' health.

use crate::store::{
    Result, SystemTx,
    db::{
        conn::Link,
        row::from_row,
        sql::{Rows, Type, read_rows, row_statements, write_rows},
    },
    deliveries::{Attempt, State, state},
    health::{self, Health, LastDelivery},
    lanes::{self, Moves},
    tallies::{self, Tally},
};
use inboxops_proto::{
    clock::Timestamp,
    id::{DeliveryId, EndpointId, TenantId},
};
use std::collections::{HashMap, HashSet};

use super::{Lease, STALE_CONNECTION};

/// What follows an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Delivered,
    /// It failed for good.
    Failed,
    /// It is retried.
    Retry {
        due_at: Timestamp,
        /// Failed attempts of the schedule, this one included unless it does not count.
        failures: u32,
    },
    /// It is sent again at once: the lease is extended under a new token, for the next attempt number.
    Again {
        lease_until: Timestamp,
    },
}

/// A request and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SentRequest {
    /// The attempt; its `n` is the lease's.
    pub(crate) attempt: Attempt,
    /// What follows it.
    pub(crate) next: Next,
}

/// What a worker did with a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Sent(SentRequest),
    /// It sent nothing.
    NotSent {
        due_at: Timestamp,
    },
}

impl Use {
    /// The request, if one was sent.
    pub(crate) fn sent(&self) -> Option<&SentRequest> {
        match self {
            Use::Sent(sent) => Some(sent),
            Use::NotSent { .. } => None,
        }
    }
}

/// A worker's report on one lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) lease: Lease,
    pub(crate) tenant: TenantId,
    pub(crate) endpoint: EndpointId,
    /// Whether the delivery is a test, which does not affect its endpoint's health.
    pub(crate) test: bool,
    /// Failed attempts before this one.
    pub(crate) failures: u32,
    /// What the worker did with it.
    pub(crate) used: Use,
}

impl Report {
    /// When the delivery is due again; `None` if it has ended.
    pub(crate) fn due_again(&self) -> Option<Timestamp> {
        match &self.used {
            Use::Sent(SentRequest { next: Next::Retry { due_at, .. }, .. }) | Use::NotSent { due_at } => Some(*due_at),
            Use::Sent(_) => None,
        }
    }

    /// The attempt, unless its connection was stale, which says nothing about the receiver.
    fn counted(&self) -> Option<&SentRequest> {
        let stale = |sent: &&SentRequest| sent.attempt.error_code.as_deref() == Some(STALE_CONNECTION);
        self.used.sent().filter(|sent| !stale(sent))
    }
}

/// The result of recording a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BatchResult {
    /// Deliveries whose report was recorded; the leases of the others had ended.
    pub(crate) accepted: HashSet<DeliveryId>,
    /// Those of them whose lease was extended for another request.
    pub(crate) again: HashSet<DeliveryId>,
    /// The health of the endpoints that the batch affected.
    pub(crate) health: Vec<Health>,
}

/// Whether a delivery was canceled meanwhile and has not ended: it is not retried.
macro_rules! stopped {
    () => {
        concat!("deliveries.stop AND v.next <= ", state!(leased))
    };
}

row_statements! {
    SETTLE = Rows {
        head: "WITH v (key, fence, next, back, fails, at, settled, status, code, now, stale) AS (VALUES",
        row: &[
            Type::Uuid, Type::Big, Type::Small, Type::Big, Type::Big, Type::Big, Type::Big, Type::Big, Type::Text,
            Type::Big, Type::Big,
        ],
        // Found by id, hence `state + 0`. `back` is 1 if nothing was sent: the attempt is not counted and the last
        // response stays. With `leased` as the next state the lease is extended.
        tail: concat!(
            ") UPDATE deliveries SET attempt = deliveries.attempt - v.back \
             + CASE WHEN v.next = ", state!(leased), " AND NOT deliveries.stop THEN 1 ELSE 0 END, \
             state = CASE WHEN ", stopped!(), " THEN ", state!(stopped), " ELSE v.next END, stop = FALSE, \
             token = deliveries.token + CASE WHEN v.next = ", state!(leased), " THEN 1 ELSE v.back END, \
             failures = v.fails, due_at = v.at, stale = deliveries.stale + v.stale, \
             settled_at = CASE WHEN ", stopped!(), " THEN v.now ELSE v.settled END, \
             response_status = CASE WHEN v.back = 1 THEN deliveries.response_status ELSE v.status END, \
             error_code = CASE WHEN v.back = 1 THEN deliveries.error_code ELSE v.code END FROM v \
             WHERE deliveries.id = v.key AND deliveries.token = v.fence \
             AND deliveries.state + 0 = ", state!(leased), " \
             RETURNING deliveries.id, deliveries.state, deliveries.attempt"
        ),
        tail_pg: None,
    };
    INSERT_ATTEMPTS = Rows {
        head: "INSERT INTO attempts (delivery_id, n, tenant_id, endpoint_id, started_at, duration_ms, response_status, \
               response_body, response_headers, request_headers, error_code, error, succeeded, recorded_at) VALUES",
        row: &[
            Type::Uuid, Type::Big, Type::Uuid, Type::Uuid, Type::Big, Type::Big, Type::Big, Type::Text, Type::Text,
            Type::Text, Type::Text, Type::Text, Type::Bool, Type::Big,
        ],
        tail: "",
        tail_pg: None,
    };
}

/// Records a batch of reports. Of two reports on one delivery the first counts.
pub(crate) async fn report(tx: &mut SystemTx<'_>, reports: &[Report], now: Timestamp) -> Result<BatchResult> {
    let mut reports: Vec<&Report> = reports.iter().collect();
    // In the order of ids, in which every core locks rows. The sort is stable, so that the first report on a lease
    // counts.
    reports.sort_by_key(|report| report.lease);
    reports.dedup_by_key(|report| report.lease.delivery);
    let link = tx.writing();
    let accepted = settle(link, &reports, now).await?;
    reports.retain(|report| accepted.contains_key(&report.lease.delivery));
    record(link, &reports, now).await?;
    lanes::apply(link, &moves(&reports, &accepted)).await?;
    let health = health::learn(link, &news(&reports, &accepted, now)).await?;
    tallies::add(link, &tally(&reports, &accepted)).await?;
    tx.changed(reports.iter().map(|report| (report.tenant, report.lease.delivery)));
    let again = accepted.iter().filter(|(_, (state, _))| *state == State::Leased).map(|(id, _)| *id).collect();
    Ok(BatchResult { accepted: accepted.into_keys().collect(), again, health })
}

fn state(next: Next) -> State {
    match next {
        Next::Delivered => State::Delivered,
        Next::Failed => State::Failed,
        Next::Retry { .. } => State::Waiting,
        Next::Again { .. } => State::Leased,
    }
}

/// The state of each delivery whose report passed the fence, and its number of requests.
type AcceptedReports = HashMap<DeliveryId, (State, i64)>;

/// A delivery whose state a report changed.
struct SettledRow {
    id: DeliveryId,
    state: State,
    attempts: i64,
}

from_row!(SettledRow in "deliveries", row => Ok(SettledRow {
    id: DeliveryId(row.get("id")?),
    state: row.code("state")?,
    attempts: row.get("attempt")?,
}));

async fn settle(link: &mut Link, reports: &[&Report], now: Timestamp) -> Result<AcceptedReports> {
    let rows = read_rows!(link, SETTLE, reports, SettledRow, |query, report| {
        let (next, failures, due_at) = match &report.used {
            Use::NotSent { due_at } => (State::Waiting, report.failures, *due_at),
            Use::Sent(SentRequest { next, .. }) => match next {
                Next::Retry { due_at, failures } => (State::Waiting, *failures, *due_at),
                Next::Again { lease_until } => (State::Leased, report.failures, *lease_until),
                Next::Delivered => (State::Delivered, report.failures, now),
                Next::Failed => (State::Failed, report.failures + 1, now),
            },
        };
        let attempt = report.used.sent().map(|sent| &sent.attempt);
        query
            .bind(report.lease.delivery.0)
            .bind(report.lease.token)
            .bind(next.code())
            .bind(i64::from(attempt.is_none()))
            .bind(i64::from(failures))
            .bind(due_at.micros())
            .bind((next != State::Waiting && next != State::Leased).then_some(now.micros()))
            .bind(attempt.and_then(|it| it.response_status).map(i64::from))
            .bind(attempt.and_then(|it| it.error_code.as_deref()))
            .bind(now.micros())
            .bind(i64::from(attempt.is_some() && report.counted().is_none()))
    });
    Ok(rows.into_iter().map(|it| (it.id, (it.state, it.attempts))).collect())
}

async fn record(link: &mut Link, reports: &[&Report], now: Timestamp) -> Result<()> {
    let sent: Vec<_> = reports.iter().filter_map(|report| Some((report, &report.used.sent()?.attempt))).collect();
    write_rows!(link, INSERT_ATTEMPTS, &sent, |query, (report, attempt)| query
        .bind(report.lease.delivery.0)
        .bind(i64::from(attempt.n))
        .bind(report.tenant.0)
        .bind(report.endpoint.0)
        .bind(attempt.started_at.micros())
        .bind(i64::from(attempt.duration_ms))
        .bind(attempt.response_status.map(i64::from))
        .bind(attempt.response_body.as_deref().map(without_nul))
        .bind(without_nul(&attempt.response_headers))
        .bind(without_nul(&attempt.request_headers))
        .bind(attempt.error_code.as_deref().map(without_nul))
        .bind(attempt.error.as_deref().map(without_nul))
        .bind(attempt.succeeded)
        .bind(now.micros()));
    Ok(())
}

/// PostgreSQL's text cannot contain NUL, and a receiver may send it.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// When an attempt ended.
fn end(sent: &SentRequest) -> Timestamp {
    Timestamp::from_micros(sent.attempt.started_at.micros() + 1000 * i64::from(sent.attempt.duration_ms))
}

/// The deliveries that wait again, and until when.
fn moves(reports: &[&Report], accepted: &AcceptedReports) -> Moves {
    let mut moves = Moves::default();
    for report in reports {
        if let Some((State::Waiting, attempts)) = accepted.get(&report.lease.delivery)
            && let Some(due_at) = report.due_again()
        {
            moves.waits(report.endpoint, due_at, *attempts, report.test);
        }
    }
    moves
}

/// Results of the attempts, and the deliveries that ended.
fn tally(reports: &[&Report], accepted: &AcceptedReports) -> Tally {
    let mut tally = Tally::default();
    for report in reports {
        if let Some((state, _)) = accepted.get(&report.lease.delivery) {
            tally.ended(report.tenant, report.endpoint, *state, 1);
        }
        if let (Some(sent), false) = (report.counted(), report.test) {
            let took = sent.attempt.response_status.map(|_| sent.attempt.duration_ms);
            tally.attempt(report.tenant, report.endpoint, end(sent)).add(sent.attempt.succeeded, took);
        }
    }
    tally
}

/// The changes of each endpoint's health, in the order of endpoints.
fn news(reports: &[&Report], accepted: &AcceptedReports, now: Timestamp) -> Vec<Health> {
    let mut by_endpoint: HashMap<EndpointId, Vec<(&Report, &SentRequest)>> = HashMap::new();
    for report in reports.iter().filter(|report| !report.test) {
        if let Some(sent) = report.counted() {
            by_endpoint.entry(report.endpoint).or_default().push((report, sent));
        }
    }
    let mut news: Vec<_> =
        by_endpoint.into_iter().map(|(endpoint, sent)| told(endpoint, sent, accepted, now)).collect();
    news.sort_unstable_by_key(|it| it.endpoint);
    news
}

fn told(
    endpoint: EndpointId,
    mut sent: Vec<(&Report, &SentRequest)>,
    accepted: &AcceptedReports,
    now: Timestamp,
) -> Health {
    sent.sort_by_key(|(_, sent)| end(sent));
    let (report, last) = sent[sent.len() - 1];
    let success = sent.iter().rposition(|(_, sent)| sent.attempt.succeeded);
    let failed = &sent[success.map_or(0, |at| at + 1)..];
    Health {
        endpoint,
        tenant: report.tenant,
        failures_in_row: u32::try_from(failed.len()).unwrap_or(u32::MAX),
        failing_since: failed.first().map(|(_, sent)| sent.attempt.started_at),
        last_success_at: success.map(|at| end(sent[at].1)),
        last: Some(LastDelivery {
            delivery: report.lease.delivery,
            state: accepted.get(&report.lease.delivery).map_or(state(last.next), |(state, _)| *state),
            response_status: last.attempt.response_status,
            error_code: last.attempt.error_code.clone(),
            at: now,
        }),
        warned: 0,
    }
}
