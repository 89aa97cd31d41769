//! Old rows are deleted, waiting ones stay, and nothing else has to wait.

use super::moves::{claim, emit, park, report, sent};
use crate::tests::support::{StoredTenant, TestStore, on_both};
use crate::{
    retention::{DeletedCounts, EVERY, Retention},
    store::{
        self, Leased,
        deliveries::{Page, Shown},
        dispatch::Next,
        retention::{BATCH_MAX, NEWEST_KEPT},
    },
    time_and_chance::{Chance, Stamps},
};
use inboxops_proto::{
    id::{EndpointId, EventId},
    limits::EVENTS_KEPT,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

async fn pass(fresh: &TestStore) -> Option<DeletedCounts> {
    let stamps = Stamps::new(fresh.clock.clone(), Chance::seeded(1));
    Retention::new(fresh.db.clone(), stamps).pass(&CancellationToken::new()).await.unwrap()
}

async fn deliver(fresh: &TestStore, leased: &[Leased]) {
    for chunk in leased.chunks(64) {
        report(&fresh.db, chunk.iter().map(|it| sent(it, fresh.now(), Next::Delivered)).collect()).await;
    }
}

async fn listed(fresh: &TestStore, tenant: &StoredTenant, endpoint: EndpointId) -> Vec<store::deliveries::Delivery> {
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    store::deliveries::list(&mut read, &[endpoint], &Page::default(), 1_000).await.unwrap().deliveries
}

async fn is_there(fresh: &TestStore, tenant: &StoredTenant, event: EventId) -> bool {
    let mut read = fresh.db.peek(tenant.scope.clone()).await.unwrap();
    store::events::body(&mut read, event).await.unwrap().is_some()
}

/// The number of delivered deliveries of an endpoint, as counted; retention must not change it.
async fn counted(fresh: &TestStore, tenant: &StoredTenant, endpoint: EndpointId) -> i64 {
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    store::tallies::of(&mut read, &[endpoint], 1)
        .await
        .unwrap()
        .remove(&endpoint)
        .expect("it is asked for")
        .ended
        .delivered
}

async fn old_deliveries_go_but_for_the_newest_and_those_that_wait(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let endpoint = fresh.endpoint(&tenant).await;
    let waiting = emit(&fresh, &tenant, 3).await;
    park(&fresh.db, &waiting).await;
    let old = emit(&fresh, &tenant, 150).await;
    deliver(&fresh, &old).await;
    assert_eq!(pass(&fresh).await, Some(DeletedCounts::default()), "nothing is old");
    fresh.clock.advance(EVENTS_KEPT / 2);
    let young = emit(&fresh, &tenant, 20).await;
    deliver(&fresh, &young).await;
    fresh.clock.advance(EVENTS_KEPT / 2 + Duration::from_secs(1));
    // Of the newest 100, 20 are young.
    let expected = 150 - (usize::try_from(NEWEST_KEPT).unwrap() - 20);
    let gone = pass(&fresh).await.expect("it is time");
    assert_eq!((gone.deliveries, gone.events), (expected, expected));
    let left: Vec<_> = listed(&fresh, &tenant, endpoint).await.into_iter().map(|it| it.id).collect();
    let kept = young.iter().rev().chain(old[expected..].iter().rev()).chain(waiting.iter().rev());
    assert_eq!(left, kept.map(|it| it.delivery).collect::<Vec<_>>());
    assert_eq!(counted(&fresh, &tenant, endpoint).await, 100);
    for (leased, there) in [(&old[0], false), (&old[expected - 1], false), (&old[expected], true), (&waiting[0], true)]
    {
        assert_eq!(is_there(&fresh, &tenant, leased.event).await, there);
        let mut read = fresh.db.peek(tenant.scope.clone()).await.unwrap();
        let attempts = store::deliveries::attempts(&mut read, leased.delivery).await.unwrap().len();
        assert_eq!(attempts, usize::from(there && leased.delivery != waiting[0].delivery));
    }
    let again = claim(&fresh.db, 16, 8).await;
    assert_eq!(
        again.iter().map(|it| it.delivery).collect::<Vec<_>>(),
        waiting.iter().map(|it| it.delivery).collect::<Vec<_>>()
    );
    assert!(again.iter().zip(&waiting).all(|(left, right)| left.body == right.body), "with its body");
    assert_eq!(pass(&fresh).await, None, "once in an hour");
    fresh.clock.advance(EVERY + Duration::from_secs(1));
    assert_eq!(pass(&fresh).await, Some(DeletedCounts::default()));
}

async fn what_was_sent_again_lately_is_young(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let endpoint = fresh.endpoint(&tenant).await;
    let old = emit(&fresh, &tenant, 120).await;
    deliver(&fresh, &old).await;
    fresh.clock.advance(EVENTS_KEPT + Duration::from_secs(1));
    let (again, waits) = (old[0].delivery, old[1].delivery);
    for id in [again, waits] {
        let now = fresh.now();
        fresh
            .db
            .write(tenant.scope.clone(), async move |tx| {
                let row = store::deliveries::lock(tx, id).await?.expect("the delivery is there");
                store::deliveries::rearm(tx, &row, now).await
            })
            .await
            .unwrap();
    }
    let taken = claim(&fresh.db, 16, 1).await.remove(0);
    report(&fresh.db, vec![sent(&taken, fresh.now(), Next::Delivered)]).await;
    let gone = pass(&fresh).await.expect("it is time");
    assert_eq!(gone.deliveries, 18);
    let left = listed(&fresh, &tenant, endpoint).await;
    assert_eq!(
        left.iter().rev().take(2).map(|it| (it.id, it.shown())).collect::<Vec<_>>(),
        [(again, Shown::Delivered), (waits, Shown::Retrying),]
    );
    assert_eq!(counted(&fresh, &tenant, endpoint).await, 101);
}

async fn an_event_without_an_endpoint_goes_after_its_time(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let old = tenant.event(fresh.now());
    fresh.clock.advance(Duration::from_secs(3600));
    let young = tenant.event(fresh.now());
    let (first, second) = (old.id, young.id);
    fresh
        .db
        .write(tenant.scope.clone(), async move |tx| -> store::Result<_> {
            [&old, &young].into_iter().for_each(|event| tx.emit(event.clone()));
            Ok(())
        })
        .await
        .unwrap();
    fresh.clock.advance(EVENTS_KEPT - Duration::from_secs(1));
    assert_eq!(pass(&fresh).await.expect("it is time").events, 1);
    assert!(!is_there(&fresh, &tenant, first).await);
    assert!(is_there(&fresh, &tenant, second).await);
}

async fn writes_go_on_while_much_is_deleted(fresh: TestStore) {
    let (tenant, busy) = (fresh.tenant().await, fresh.tenant().await);
    fresh.endpoint(&tenant).await;
    for _ in 0..20 {
        let leased = emit(&fresh, &tenant, 100).await;
        deliver(&fresh, &leased).await;
    }
    fresh.clock.advance(EVENTS_KEPT + Duration::from_secs(1));
    let stamps = Stamps::new(fresh.clock.clone(), Chance::seeded(1));
    let (retention, shutdown) = (Retention::new(fresh.db.clone(), stamps), CancellationToken::new());
    let mut writes = 0;
    let mut passing = std::pin::pin!(retention.pass(&shutdown));
    let gone = loop {
        let event = busy.event(fresh.now());
        let write = fresh.db.write(busy.scope.clone(), async move |tx| -> store::Result<_> {
            tx.emit(event.clone());
            Ok(())
        });
        tokio::select! {
            gone = &mut passing => break gone.unwrap().expect("it is time"),
            written = write => {
                written.unwrap();
                writes += 1;
            }
        }
    };
    assert_eq!(gone.deliveries, 1_900);
    assert_eq!(gone.events, 1_900);
    assert!(gone.at_once <= usize::try_from(BATCH_MAX).unwrap(), "{gone:?}");
    assert!(writes > 20, "{writes} writes while {gone:?}");
}

async fn what_has_expired_goes(fresh: TestStore) {
    let (now, day) = (fresh.now().micros(), 24 * 3_600_000_000_i64);
    let (id, bytes) = match fresh.postgres {
        Some(_) => ("gen_random_uuid()", "'\\x00'::bytea"),
        None => ("randomblob(16)", "x'00'"),
    };
    for at in [now - day - 1, now - day + 1] {
        fresh.run(&format!("INSERT INTO answers VALUES ({id}, 'k', {bytes}, {bytes}, NULL, {at})")).await;
    }
    for (at, done) in [(now - 30 * day - 1, "TRUE"), (now - 30 * day - 1, "FALSE"), (now - 30 * day + 1, "TRUE")] {
        fresh
            .run(&format!(
                "INSERT INTO recoveries (id, tenant_id, endpoint_id, since, until, after_seq, matched, created, done, \
                 created_at, updated_at) VALUES ({id}, {id}, {id}, 0, 0, 0, 0, 0, {done}, {at}, {at})"
            ))
            .await;
    }
    pass(&fresh).await;
    assert_eq!(fresh.count("answers").await, 1);
    assert_eq!(fresh.count("recoveries").await, 2);
}

on_both!(TestStore:
    old_deliveries_go_but_for_the_newest_and_those_that_wait,
    what_was_sent_again_lately_is_young,
    an_event_without_an_endpoint_goes_after_its_time,
    writes_go_on_while_much_is_deleted,
    what_has_expired_goes,
);
