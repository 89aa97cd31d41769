//! Fan-out: which endpoints get a delivery, and that it commits with its change or not at all.

use crate::store::{self, Leased, NewEvent, deliveries::Shown, endpoints::Endpoint, events::delivery_id};
use crate::tests::support::{StoredTenant, TestStore, endpoint, on_both};
use inboxops_proto::{id::EndpointId, reason::Reason};

async fn emit(fresh: &TestStore, tenant: &StoredTenant, event: NewEvent) -> Vec<Leased> {
    fresh.leased.lock().unwrap().clear();
    fresh
        .db
        .write(tenant.scope.clone(), async move |tx| -> store::Result<_> {
            tx.emit(event.clone());
            Ok(())
        })
        .await
        .unwrap();
    std::mem::take(&mut *fresh.leased.lock().unwrap())
}

async fn add(fresh: &TestStore, tenant: &StoredTenant, endpoint: Endpoint) -> EndpointId {
    let id = endpoint.id;
    fresh.db.write(tenant.scope.clone(), async move |tx| store::endpoints::insert(tx, &endpoint).await).await.unwrap();
    id
}

async fn an_event_goes_to_each_enabled_endpoint_that_wants_it(fresh: TestStore) {
    let (tenant, stranger) = (fresh.tenant().await, fresh.tenant().await);
    let new = || endpoint(tenant.id, fresh.now());
    let all = add(&fresh, &tenant, new()).await;
    let kind = add(&fresh, &tenant, Endpoint { mask: 1 << 3, ..new() }).await;
    let inbox = add(&fresh, &tenant, Endpoint { inboxes: vec![tenant.inbox], ..new() }).await;
    add(&fresh, &tenant, Endpoint { inboxes: vec![stranger.inbox], ..new() }).await;
    add(&fresh, &tenant, Endpoint { mask: 1 << 4, ..new() }).await;
    add(&fresh, &tenant, Endpoint { enabled: false, ..new() }).await;
    add(&fresh, &tenant, Endpoint { disabled_reason: Some("gone".to_owned()), ..new() }).await;
    add(&fresh, &stranger, endpoint(stranger.id, fresh.now())).await;
    let event = NewEvent { kind: 3, ..tenant.event(fresh.now()) };
    let leased = emit(&fresh, &tenant, event.clone()).await;
    assert_eq!(leased.iter().map(|it| it.endpoint).collect::<Vec<_>>(), [all, kind, inbox]);
    for it in &leased {
        assert_eq!(it.delivery, delivery_id(event.id, it.endpoint));
        let mut read = fresh.db.peek(tenant.scope.clone()).await.unwrap();
        let row = store::deliveries::get(&mut read, it.delivery).await.unwrap().expect("it is written");
        assert_eq!((row.event, row.shown(), row.due_at), (event.id, Shown::Pending, it.lease_until));
    }
    let mut read = fresh.db.peek(stranger.scope.clone()).await.unwrap();
    assert_eq!(
        store::deliveries::get(&mut read, leased[0].delivery).await.unwrap(),
        None,
        "another tenant sees nothing"
    );
    assert_eq!(store::events::body(&mut read, event.id).await.unwrap(), None);
}

async fn a_test_goes_to_its_endpoint_alone_even_when_that_is_off(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    add(&fresh, &tenant, endpoint(tenant.id, fresh.now())).await;
    let off =
        add(&fresh, &tenant, Endpoint { enabled: false, mask: 0, version: 9, ..endpoint(tenant.id, fresh.now()) })
            .await;
    let event = NewEvent {
        test_of: Some(store::events::TestOf { endpoint: off, version: 9, thin: true }),
        ..tenant.event(fresh.now())
    };
    let leased = emit(&fresh, &tenant, event).await;
    assert_eq!(
        leased.iter().map(|it| (it.endpoint, it.endpoint_version, it.test)).collect::<Vec<_>>(),
        [(off, 9, true)]
    );
}

async fn a_refused_change_leaves_neither_event_nor_delivery(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let endpoint = add(&fresh, &tenant, endpoint(tenant.id, fresh.now())).await;
    let event = tenant.event(fresh.now());
    let (id, emitted) = (event.id, event.clone());
    let refused: store::Result<()> = fresh
        .db
        .write(tenant.scope.clone(), async move |tx| {
            tx.emit(emitted.clone());
            Err(Reason::Conflict.into())
        })
        .await;
    assert!(refused.is_err());
    let mut read = fresh.db.read(tenant.scope.clone()).await.unwrap();
    assert_eq!(store::events::body(&mut read, id).await.unwrap(), None);
    assert_eq!(
        store::deliveries::list(&mut read, &[endpoint], &Default::default(), 10).await.unwrap(),
        Default::default()
    );
}

async fn deliveries_of_one_event_have_ids_of_their_own(fresh: TestStore) {
    let tenant = fresh.tenant().await;
    let events: Vec<_> = (0..50).map(|_| tenant.event(fresh.now()).id).collect();
    let endpoints: Vec<_> = (0..50).map(|_| endpoint(tenant.id, fresh.now()).id).collect();
    let mut ids: Vec<_> = events.iter().flat_map(|event| endpoints.iter().map(|it| delivery_id(*event, *it))).collect();
    assert!(ids.iter().all(|id| id.0.get_version_num() == 7));
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 2500);
}

on_both!(TestStore:
    an_event_goes_to_each_enabled_endpoint_that_wants_it,
    a_test_goes_to_its_endpoint_alone_even_when_that_is_off,
    a_refused_change_leaves_neither_event_nor_delivery,
    deliveries_of_one_event_have_ids_of_their_own,
);
