//! Moves of deliveries, as tests make them.

use crate::store::{
    Db, LEASE, Leased, Queue,
    deliveries::Attempt,
    dispatch::{self, BatchResult, Claim, Lease, Next, Report, SentRequest, Use, Which},
};
use crate::tests::support::{StoredTenant, TestStore};
use inboxops_proto::clock::Timestamp;

/// Events of one commit, as their leased deliveries.
pub(super) async fn emit(fresh: &TestStore, tenant: &StoredTenant, count: usize) -> Vec<Leased> {
    fresh.leased.lock().unwrap().clear();
    let events: Vec<_> = (0..count).map(|_| tenant.event(fresh.now())).collect();
    let written = fresh.db.write(tenant.scope.clone(), async move |tx| -> crate::store::Result<_> {
        events.iter().for_each(|event| tx.emit(event.clone()));
        Ok(())
    });
    written.await.unwrap();
    std::mem::take(&mut *fresh.leased.lock().unwrap())
}

pub(super) fn lease(leased: &Leased) -> Lease {
    Lease { delivery: leased.delivery, token: leased.token }
}

pub(super) async fn park(db: &Db, leased: &[Leased]) -> usize {
    let (leases, now): (Vec<_>, _) = (leased.iter().map(lease).collect(), db.clock().now());
    db.system(Queue::Claims, async move |tx| dispatch::park(tx, &leases, now).await).await.unwrap()
}

pub(super) async fn claim(db: &Db, lanes: i64, room: u32) -> Vec<Leased> {
    let now = db.clock().now();
    let claim = Claim { now, lease_until: now.plus(LEASE), lanes };
    db.system(Queue::Claims, async move |tx| dispatch::claim(tx, claim, |_| room).await).await.unwrap().leased
}

pub(super) async fn reap(db: &Db, which: Which) -> usize {
    let now = db.clock().now();
    db.system(Queue::Claims, async move |tx| dispatch::reap(tx, which, now).await).await.unwrap()
}

pub(super) fn sent(leased: &Leased, at: Timestamp, next: Next) -> Report {
    let succeeded = next == Next::Delivered;
    let attempt = Attempt {
        n: leased.attempt,
        started_at: at,
        duration_ms: 12,
        response_status: Some(if succeeded { 200 } else { 500 }),
        response_body: Some("a\0b".to_owned()),
        response_headers: "[]".to_owned(),
        request_headers: "[]".to_owned(),
        error_code: (!succeeded).then(|| "http_5xx".to_owned()),
        error: (!succeeded).then(|| "The receiver answered 500.".to_owned()),
        succeeded,
    };
    Report { used: Use::Sent(SentRequest { attempt, next }), ..not_sent(leased, at) }
}

pub(super) fn not_sent(leased: &Leased, due_at: Timestamp) -> Report {
    Report {
        lease: lease(leased),
        tenant: leased.tenant,
        endpoint: leased.endpoint,
        test: leased.test,
        failures: leased.failures,
        used: Use::NotSent { due_at },
    }
}

pub(super) async fn report(db: &Db, reports: Vec<Report>) -> BatchResult {
    let now = db.clock().now();
    db.system(Queue::Outcomes, async move |tx| dispatch::report(tx, &reports, now).await).await.unwrap()
}
