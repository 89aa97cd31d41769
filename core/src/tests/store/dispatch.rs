//! Moves of deliveries: rotation, fences, parking, reaping, pauses, and the health of endpoints.

use super::moves::{claim, emit, not_sent, park, reap, report, sent};
use crate::store::{
    self, LEASE, Leased, Queue,
    deliveries::{Attempt, Delivery, Shown},
    dispatch::{self, CLAIM_LANES_MAX, Claim, ClaimResult, FULL_PAUSE, Next, REAP_MAX, Which},
    health::Health,
};
use crate::tests::support::{NOON, StoredTenant, TestStore, on_both};
use inboxops_proto::id::{DeliveryId, EndpointId};
use std::{collections::HashSet, time::Duration};

const MINUTE: Duration = Duration::from_secs(60);

async fn delivery(fresh: &TestStore, tenant: &StoredTenant, id: DeliveryId) -> (Delivery, Vec<Attempt>) {
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    let delivery = store::deliveries::get(&mut read, id).await.unwrap().expect("the delivery is there");
    (delivery, store::deliveries::attempts(&mut read, id).await.unwrap())
}

async fn health(fresh: &TestStore, tenant: &StoredTenant, endpoint: EndpointId) -> Health {
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    store::health::of(&mut read, &[endpoint]).await.unwrap().remove(0)
}

async fn due_work_is_taken_endpoint_by_endpoint_in_rotation(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let mut endpoints = Vec::new();
    for _ in 0..3 {
        endpoints.push(fresh.endpoint(&tenant).await);
    }
    let leased = emit(&fresh, &tenant, 4).await;
    assert_eq!(park(&fresh.db, &leased).await, 12);
    let mut turns = Vec::new();
    let mut taken = Vec::new();
    for _ in 0..6 {
        fresh.clock.advance(Duration::from_millis(1));
        let batch = claim(&fresh.db, 1, 2).await;
        assert_eq!(batch.len(), 2);
        turns.push(batch[0].endpoint);
        taken.extend(batch);
    }
    assert_eq!(turns[..3], turns[3..], "each endpoint once before any is served again");
    assert_eq!(
        {
            let mut sorted = turns[..3].to_vec();
            sorted.sort();
            sorted
        },
        endpoints
    );
    for endpoint in endpoints {
        let order: Vec<_> = taken.iter().filter(|it| it.endpoint == endpoint).map(|it| it.event).collect();
        assert!(order.is_sorted() && order.len() == 4, "in the order of events");
    }
    fresh.clock.advance(Duration::from_millis(1));
    assert!(claim(&fresh.db, 16, 8).await.is_empty());
    assert_eq!(store::lanes::next_due(&fresh.db).await.unwrap(), None);
}

async fn a_parked_delivery_is_claimed_as_the_attempt_it_was(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    fresh.endpoint(&tenant).await;
    let first = emit(&fresh, &tenant, 1).await.remove(0);
    assert_eq!(park(&fresh.db, std::slice::from_ref(&first)).await, 1);
    assert_eq!(park(&fresh.db, std::slice::from_ref(&first)).await, 0, "the lease is over");
    let again = claim(&fresh.db, 16, 8).await.remove(0);
    assert_eq!(again.delivery, first.delivery);
    assert_eq!(again.attempt, 1);
    assert_eq!(again.token, 3);
    assert_eq!(again.body, first.body);
    assert_eq!(again.endpoint_version, 1);
    assert_eq!(again.kind, first.kind);
    assert_eq!(again.lease_until, fresh.now().plus(LEASE));
}

async fn a_report_counts_once_and_only_with_its_token(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    fresh.endpoint(&tenant).await;
    let leased = emit(&fresh, &tenant, 1).await.remove(0);
    let old = Leased { token: leased.token - 1, ..leased.clone() };
    let refused = report(&fresh.db, vec![sent(&old, fresh.now(), Next::Delivered)]).await;
    assert!(refused.accepted.is_empty() && refused.health.is_empty());
    assert!(delivery(&fresh, &tenant, leased.delivery).await.1.is_empty(), "no attempt is recorded");

    let good = sent(&leased, fresh.now(), Next::Delivered);
    let recorded = report(&fresh.db, vec![good.clone(), good.clone()]).await;
    assert_eq!(recorded.accepted.len(), 1);
    let (row, attempts) = delivery(&fresh, &tenant, leased.delivery).await;
    assert_eq!(row.shown(), Shown::Delivered);
    assert_eq!(row.settled_at, Some(fresh.now()));
    assert_eq!(row.response_status, Some(200));
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].response_body.as_deref(), Some("a\u{fffd}b"), "NUL does not stop the writer");
    assert!(report(&fresh.db, vec![good]).await.accepted.is_empty());
    assert!(claim(&fresh.db, 16, 8).await.is_empty());
}

async fn a_retry_waits_for_its_time(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    fresh.endpoint(&tenant).await;
    let leased = emit(&fresh, &tenant, 1).await.remove(0);
    let due_at = fresh.now().plus(MINUTE);
    report(&fresh.db, vec![sent(&leased, fresh.now(), Next::Retry { due_at, failures: 1 })]).await;
    let (row, _) = delivery(&fresh, &tenant, leased.delivery).await;
    assert_eq!(row.shown(), Shown::Retrying);
    assert_eq!(row.due_at, due_at);
    assert_eq!(row.attempts(), 1);
    assert!(claim(&fresh.db, 16, 8).await.is_empty());
    assert_eq!(store::lanes::next_due(&fresh.db).await.unwrap(), Some(due_at));
    fresh.clock.advance(MINUTE);
    let again = claim(&fresh.db, 16, 8).await.remove(0);
    assert_eq!(again.attempt, 2);
    assert_eq!(again.failures, 1);
    assert_eq!(again.token, 2);
    let failed = report(&fresh.db, vec![sent(&again, fresh.now(), Next::Failed)]).await;
    assert_eq!(failed.accepted.len(), 1);
    let (row, attempts) = delivery(&fresh, &tenant, leased.delivery).await;
    assert_eq!(row.shown(), Shown::Failed);
    assert_eq!(row.failures, 2);
    assert_eq!(row.error_code.as_deref(), Some("http_5xx"));
    assert_eq!(attempts.iter().map(|it| it.n).collect::<Vec<_>>(), [1, 2]);
}

async fn what_was_not_sent_is_no_attempt(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    fresh.endpoint(&tenant).await;
    let leased = emit(&fresh, &tenant, 1).await.remove(0);
    let recorded = report(&fresh.db, vec![not_sent(&leased, fresh.now())]).await;
    assert_eq!(recorded.accepted.len(), 1);
    assert_eq!(recorded.health.len(), 0);
    let (row, attempts) = delivery(&fresh, &tenant, leased.delivery).await;
    assert_eq!(row.shown(), Shown::Pending);
    assert_eq!(attempts.len(), 0);
    assert_eq!(claim(&fresh.db, 16, 8).await[0].attempt, 1);
}

async fn a_lease_that_ends_is_an_attempt_lost_and_the_late_report_is_refused(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    fresh.endpoint(&tenant).await;
    let leased = emit(&fresh, &tenant, 1).await.remove(0);
    assert_eq!(reap(&fresh.db, Which::Ended).await, 0);
    fresh.clock.advance(LEASE);
    assert_eq!(reap(&fresh.db, Which::Ended).await, 1);
    let (row, attempts) = delivery(&fresh, &tenant, leased.delivery).await;
    assert_eq!(row.shown(), Shown::Retrying);
    assert_eq!(row.failures, 0);
    assert_eq!(row.due_at, fresh.now());
    assert_eq!(attempts.len(), 1);
    assert_eq!((attempts[0].started_at, attempts[0].error_code.as_deref()), (NOON, Some("worker_lost")));
    assert!(report(&fresh.db, vec![sent(&leased, fresh.now(), Next::Delivered)]).await.accepted.is_empty());
    let again = claim(&fresh.db, 16, 8).await.remove(0);
    assert_eq!(again.attempt, 2);
    assert_eq!(again.failures, 0);
    assert_eq!(report(&fresh.db, vec![sent(&again, fresh.now(), Next::Delivered)]).await.accepted.len(), 1);
}

async fn a_start_takes_back_every_lease_of_its_predecessor(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    fresh.endpoint(&tenant).await;
    let leased = emit(&fresh, &tenant, 600).await;
    assert_eq!(leased.len(), 600);
    assert_eq!(reap(&fresh.db, Which::All).await, usize::try_from(REAP_MAX).unwrap());
    assert_eq!(reap(&fresh.db, Which::All).await, 100);
    assert_eq!(reap(&fresh.db, Which::All).await, 0);
    assert_eq!(claim(&fresh.db, 16, 1000).await.len(), 600);
}

async fn a_full_endpoint_is_looked_at_again_soon(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    fresh.endpoint(&tenant).await;
    park(&fresh.db, &emit(&fresh, &tenant, 1).await).await;
    assert!(claim(&fresh.db, 16, 0).await.is_empty());
    assert_eq!(store::lanes::next_due(&fresh.db).await.unwrap(), Some(fresh.now().plus(FULL_PAUSE)));
    fresh.clock.advance(FULL_PAUSE);
    assert_eq!(claim(&fresh.db, 16, 1).await.len(), 1);
}

async fn a_claim_of_full_lanes_says_that_there_may_be_others(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    for _ in 0..20 {
        fresh.endpoint(&tenant).await;
    }
    assert_eq!(park(&fresh.db, &emit(&fresh, &tenant, 1).await).await, 20);
    let now = fresh.now();
    let claim = Claim { now, lease_until: now.plus(LEASE), lanes: CLAIM_LANES_MAX };
    for more in [true, false] {
        let claimed = fresh.db.system(Queue::Claims, async move |tx| dispatch::claim(tx, claim, |_| 0).await).await;
        let ClaimResult { leased, looked, more: others, .. } = claimed.unwrap();
        assert_eq!((leased, others), (Vec::new(), more));
        assert!(looked.iter().all(|it| it.more), "they are full");
    }
}

async fn nothing_is_claimed_while_an_endpoint_is_off_or_not_entitled(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let endpoint = fresh.endpoint(&tenant).await;
    let leased = emit(&fresh, &tenant, 1).await;
    park(&fresh.db, &leased).await;
    let switch = async |on: bool| {
        fresh
            .db
            .write(tenant.scope.clone(), async move |tx| {
                let old = store::endpoints::lock(tx, endpoint).await?.expect("the endpoint is there");
                store::endpoints::update(
                    tx,
                    &store::endpoints::Endpoint { enabled: on, version: old.version + 1, ..old },
                )
                .await
            })
            .await
            .unwrap();
    };
    switch(false).await;
    assert!(claim(&fresh.db, 16, 8).await.is_empty());
    assert_eq!(delivery(&fresh, &tenant, leased[0].delivery).await.0.shown(), Shown::Paused);
    assert!(emit(&fresh, &tenant, 1).await.is_empty(), "nothing is fanned out");
    switch(true).await;

    let id = tenant.id;
    let plan = async |plan| {
        fresh
            .db
            .system(Queue::Tenant(id), async move |tx| {
                let old = store::tenants::lock(tx, id).await?.expect("the tenant is there");
                store::tenants::update(tx, &store::tenants::Tenant { plan, ..old }).await
            })
            .await
            .unwrap();
    };
    plan(store::tenants::Plan::Free).await;
    assert!(claim(&fresh.db, 16, 8).await.is_empty());
    assert!(emit(&fresh, &tenant, 1).await.is_empty());
    plan(store::tenants::Plan::Enterprise).await;

    let off =
        async move |tx: &mut store::SystemTx<'_>| store::endpoints::disable(tx, endpoint, None, "gone", NOON).await;
    assert!(fresh.db.system(Queue::Outcomes, off).await.unwrap().is_some());
    assert!(claim(&fresh.db, 16, 8).await.is_empty());
    fresh
        .db
        .write(tenant.scope.clone(), async move |tx| {
            let old = store::endpoints::lock(tx, endpoint).await?.expect("the endpoint is there");
            assert_eq!(old.version, 4);
            assert_eq!(old.disabled_reason.as_deref(), Some("gone"));
            store::endpoints::update(tx, &store::endpoints::Endpoint { disabled_reason: None, ..old }).await
        })
        .await
        .unwrap();
    assert_eq!(claim(&fresh.db, 16, 8).await.len(), 1);
}

async fn health_counts_failures_in_a_row_and_forgets_them_at_a_success(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let endpoint = fresh.endpoint(&tenant).await;
    let leased = emit(&fresh, &tenant, 6).await;
    let retry = Next::Retry { due_at: fresh.now().plus(MINUTE), failures: 1 };
    let recorded = report(&fresh.db, leased[..2].iter().map(|it| sent(it, NOON, retry)).collect()).await;
    assert_eq!(recorded.health.len(), 1);
    assert_eq!(recorded.health[0].failures_in_row, 2);
    report(&fresh.db, vec![sent(&leased[2], NOON.plus(MINUTE), retry)]).await;
    let known = health(&fresh, &tenant, endpoint).await;
    assert_eq!(known.failures_in_row, 3);
    assert_eq!(known.failing_since, Some(NOON));
    assert_eq!(known.last_success_at, None);
    let later = NOON.plus(2 * MINUTE);
    report(&fresh.db, vec![sent(&leased[3], NOON.plus(MINUTE), Next::Delivered), sent(&leased[4], later, retry)]).await;
    let known = health(&fresh, &tenant, endpoint).await;
    assert_eq!(known.failures_in_row, 1);
    assert_eq!(known.failing_since, Some(later));
    assert!(known.last_success_at.is_some());
    report(&fresh.db, vec![sent(&leased[5], later, Next::Delivered)]).await;
    let known = health(&fresh, &tenant, endpoint).await;
    assert_eq!(known.failures_in_row, 0);
    assert_eq!(known.failing_since, None);
    assert_eq!(known.last.map(|last| (last.delivery, last.response_status)), Some((leased[5].delivery, Some(200))));
}

async fn a_delivery_is_sent_again_by_hand_unless_it_is_under_way(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    fresh.endpoint(&tenant).await;
    let leased = emit(&fresh, &tenant, 1).await.remove(0);
    let rearm = async || {
        let (id, now) = (leased.delivery, fresh.now());
        fresh
            .db
            .write(tenant.scope.clone(), async move |tx| {
                let row = store::deliveries::lock(tx, id).await?.expect("the delivery is there");
                store::deliveries::rearm(tx, &row, now).await
            })
            .await
            .unwrap()
    };
    assert!(!rearm().await, "it is leased");
    report(&fresh.db, vec![sent(&leased, fresh.now(), Next::Delivered)]).await;
    assert!(rearm().await);
    let again = claim(&fresh.db, 16, 8).await.remove(0);
    assert_eq!(again.attempt, 2);
    assert_eq!(again.failures, 0);
    let row = delivery(&fresh, &tenant, leased.delivery).await.0;
    assert_eq!((row.shown(), row.settled_at), (Shown::Retrying, None));
}

async fn a_deleted_endpoint_takes_its_deliveries_along(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let endpoint = fresh.endpoint(&tenant).await;
    let leased = emit(&fresh, &tenant, 5).await;
    report(&fresh.db, vec![sent(&leased[0], fresh.now(), Next::Delivered)]).await;
    let now = fresh.now();
    let delete = async || {
        fresh
            .db
            .write(tenant.scope.clone(), async move |tx| store::endpoints::delete(tx, endpoint, now).await)
            .await
            .unwrap()
    };
    assert!(delete().await);
    assert!(!delete().await);
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    assert_eq!(store::endpoints::get(&mut read, endpoint).await.unwrap(), None);
    assert_eq!(store::deliveries::get(&mut read, leased[0].delivery).await.unwrap(), None);
    drop(read);
    let delete_rows = async || {
        let now = fresh.now();
        fresh.db.system(Queue::Claims, async move |tx| store::endpoints::delete_rows(tx, now, 3).await).await.unwrap()
    };
    fresh.clock.advance(store::endpoints::ROWS_KEPT - Duration::from_micros(1));
    assert!(!delete_rows().await, "a request may be under way");
    let late = sent(&leased[1], fresh.now(), Next::Delivered);
    assert_eq!(report(&fresh.db, vec![late]).await.accepted, HashSet::from([leased[1].delivery]));
    fresh.clock.advance(Duration::from_micros(1));
    let mut rounds = 0;
    while delete_rows().await {
        rounds += 1;
        assert!(rounds < 10);
    }
    assert_eq!(rounds, 3);
    assert!(report(&fresh.db, vec![sent(&leased[2], fresh.now(), Next::Delivered)]).await.accepted.is_empty());
    for table in ["endpoints", "deliveries", "attempts", "lanes", "endpoint_health", "tallies"] {
        assert_eq!(fresh.count(table).await, 0, "{table}");
    }
}

async fn the_log_is_read_by_cursor_and_by_state(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let endpoint = fresh.endpoint(&tenant).await;
    let leased = emit(&fresh, &tenant, 7).await;
    report(&fresh.db, leased[..3].iter().map(|it| sent(it, NOON, Next::Delivered)).collect()).await;
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    let mut page = store::deliveries::Page::default();
    let mut seen = Vec::new();
    loop {
        let listed = store::deliveries::list(&mut read, &[endpoint], &page, 3).await.unwrap();
        seen.extend(listed.deliveries.iter().map(|row| row.id));
        page.before = listed.next;
        if page.before.is_none() {
            break;
        }
        assert_eq!(page.before, seen.last().copied());
    }
    let newest_first: Vec<_> = leased.iter().rev().map(|it| it.delivery).collect();
    assert_eq!(seen, newest_first);
    for (shown, count) in [(Shown::Delivered, 3), (Shown::Pending, 4), (Shown::Retrying, 0), (Shown::Paused, 0)] {
        let page = store::deliveries::Page { shown: vec![shown], ..Default::default() };
        let listed = store::deliveries::list(&mut read, &[endpoint], &page, 100).await.unwrap();
        assert_eq!((listed.deliveries.len(), listed.next), (count, None), "{shown:?}");
    }
}

on_both!(TestStore:
    due_work_is_taken_endpoint_by_endpoint_in_rotation,
    a_parked_delivery_is_claimed_as_the_attempt_it_was,
    a_report_counts_once_and_only_with_its_token,
    a_retry_waits_for_its_time,
    what_was_not_sent_is_no_attempt,
    a_lease_that_ends_is_an_attempt_lost_and_the_late_report_is_refused,
    a_start_takes_back_every_lease_of_its_predecessor,
    a_full_endpoint_is_looked_at_again_soon,
    a_claim_of_full_lanes_says_that_there_may_be_others,
    nothing_is_claimed_while_an_endpoint_is_off_or_not_entitled,
    health_counts_failures_in_a_row_and_forgets_them_at_a_success,
    a_delivery_is_sent_again_by_hand_unless_it_is_under_way,
    a_deleted_endpoint_takes_its_deliveries_along,
    the_log_is_read_by_cursor_and_by_state,
);
