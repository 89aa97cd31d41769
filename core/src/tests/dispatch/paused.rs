//! Endpoints that are disabled or whose tenant has no webhooks: events are not sent, nothing is lost, and tests are
//! sent.

use super::TestDispatch;
use crate::tests::support::{ACCEPTED, Came as _, TestCore, on_both, until};
use inboxops_proto::v1::{self, DeliveryStatus, EndpointStatus, Plan};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

async fn switch(dispatch: &TestDispatch, on: bool) -> v1::WebhookEndpoint {
    let request = v1::UpdateWebhookEndpointRequest {
        endpoint_id: dispatch.endpoint.id.clone(),
        endpoint: Some(v1::WebhookEndpointChanges { enabled: Some(on), ..Default::default() }),
        update_mask: None,
    };
    dispatch
        .core
        .webhooks()
        .update_webhook_endpoint(dispatch.tenant.operator.ask(request))
        .await
        .answer()
        .endpoint
        .expect("one")
}

async fn what_waits_for_a_switched_off_endpoint_is_paused_until_it_is_on(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let taken = dispatch.delivery("Hello").await;
    dispatch.report(&taken, 500).await;
    switch(&dispatch, false).await;
    let one = dispatch.shown(&taken).await;
    assert_eq!((one.status(), one.next_attempt_at), (DeliveryStatus::Paused, None));
    dispatch.core.clock.advance(DAY);
    assert!(dispatch.claimed().await.is_empty());
    dispatch.core.ticket(&dispatch.tenant, "Unheard").await;
    switch(&dispatch, true).await;
    let again = dispatch.worker.next().await;
    assert_eq!(again.id, taken.id);
    assert_eq!(again.lease.attempt, 2);
    assert!(dispatch.claimed().await.is_empty(), "what happened meanwhile is not fanned out");
}

async fn a_lost_entitlement_pauses_and_a_regained_one_goes_on(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let taken = dispatch.delivery("Hello").await;
    dispatch.report(&taken, 500).await;
    dispatch.core.set_plan(&dispatch.tenant.id, Plan::Free).await;
    assert_eq!(dispatch.shown(&taken).await.status(), DeliveryStatus::Paused);
    dispatch.core.clock.advance(DAY);
    assert!(dispatch.claimed().await.is_empty());
    dispatch.core.set_plan(&dispatch.tenant.id, Plan::Business).await;
    assert_eq!(dispatch.worker.next().await.id, taken.id);
}

async fn what_waits_in_memory_stops_when_its_endpoint_is_switched_off(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 1).await;
    let first = dispatch.delivery("First").await;
    dispatch.core.ticket(&dispatch.tenant, "Second").await;
    switch(&dispatch, false).await;
    dispatch.report(&first, 200).await;
    let paused = async || {
        let deliveries = dispatch.core.deliveries_of(&dispatch.tenant.operator, &dispatch.endpoint.id).await;
        (deliveries.len() == 2 && deliveries[1].status() == DeliveryStatus::Paused).then_some(())
    };
    until("the second one paused", paused).await;
    assert!(dispatch.worker.at_hand().is_empty());
    switch(&dispatch, true).await;
    assert!(dispatch.worker.next().await.body.contains("Second"));
}

async fn a_test_goes_out_once_even_to_a_switched_off_endpoint(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    for (on, status) in [(false, EndpointStatus::Paused), (true, EndpointStatus::Active)] {
        switch(&dispatch, on).await;
        let request = v1::SendTestEventRequest {
            endpoint_id: dispatch.endpoint.id.clone(),
            event: Some("message.sent".to_owned()),
            data: None,
        };
        let made = dispatch.core.webhooks().send_test_event(dispatch.tenant.key.ask(request)).await.answer();
        let taken = dispatch.worker.next().await;
        assert_eq!((Some(&taken.id), taken.event.as_str()), (made.delivery.as_ref().map(|it| &it.id), "message.sent"));
        dispatch.report(&taken, 500).await;
        let one = dispatch.shown(&taken).await;
        assert_eq!(one.status(), DeliveryStatus::Failed);
        assert_eq!(one.attempt_count, 1);
        assert_eq!(one.next_attempt_at, None);
        let request = v1::GetWebhookEndpointRequest { endpoint_id: dispatch.endpoint.id.clone() };
        let shown = dispatch.core.webhooks().get_webhook_endpoint(dispatch.tenant.key.ask(request)).await.answer();
        let shown = shown.endpoint.expect("an endpoint");
        assert_eq!((shown.status(), shown.last_delivery), (status, None), "outside the health count");
    }
}

async fn a_test_waits_for_a_worker_even_at_a_switched_off_endpoint(mut core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["*"]).await.id;
    let off = v1::UpdateWebhookEndpointRequest {
        endpoint_id: endpoint.clone(),
        endpoint: Some(v1::WebhookEndpointChanges { enabled: Some(false), ..Default::default() }),
        update_mask: None,
    };
    core.webhooks().update_webhook_endpoint(tenant.key.ask(off)).await.answer();
    core.run();
    let request =
        v1::SendTestEventRequest { endpoint_id: endpoint.clone(), event: Some("ticket.closed".to_owned()), data: None };
    core.webhooks().send_test_event(tenant.key.ask(request)).await.answer();
    let parked = async || {
        let deliveries = core.deliveries_of(&tenant.key, &endpoint).await;
        deliveries[0].next_attempt_at.is_some().then(|| deliveries[0].clone())
    };
    let parked = until("a parked test", parked).await;
    assert_eq!(parked.status(), DeliveryStatus::Pending, "not paused: it goes out");
    let mut worker = crate::tests::support::Worker::join(&core, 10).await;
    let taken = worker.next().await;
    assert_eq!(taken.id, parked.id);
    assert_eq!(taken.lease.attempt, 1);
    assert_eq!(worker.report(&core, vec![taken.answered(&core, 200)]).await, ACCEPTED);
    assert_eq!(core.delivery(&tenant.key, &parked.id).await.status(), DeliveryStatus::Delivered);
}

async fn what_waits_in_memory_stops_when_the_entitlement_is_lost(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 1).await;
    let first = dispatch.delivery("First").await;
    dispatch.core.ticket(&dispatch.tenant, "Second").await;
    dispatch.core.set_plan(&dispatch.tenant.id, Plan::Free).await;
    dispatch.report(&first, 200).await;
    let paused = async || {
        let deliveries = dispatch.core.deliveries_of(&dispatch.tenant.operator, &dispatch.endpoint.id).await;
        (deliveries.len() == 2 && deliveries[1].status() == DeliveryStatus::Paused).then_some(())
    };
    until("the second one paused", paused).await;
    assert!(dispatch.worker.at_hand().is_empty());
    dispatch.core.set_plan(&dispatch.tenant.id, Plan::Business).await;
    assert!(dispatch.worker.next().await.body.contains("Second"));
}

async fn a_deleted_endpoint_gets_nothing_more(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let (waiting, held) = (dispatch.delivery("Waiting").await, dispatch.delivery("Held").await);
    dispatch.report(&waiting, 500).await;
    let request = v1::DeleteWebhookEndpointRequest { endpoint_id: dispatch.endpoint.id.clone() };
    dispatch.core.webhooks().delete_webhook_endpoint(dispatch.tenant.key.ask(request)).await.answer();
    // The request was in flight, so it counts; its rows are deleted later.
    dispatch.report(&held, 500).await;
    dispatch.core.clock.advance(DAY);
    assert!(dispatch.claimed().await.is_empty());
}

on_both!(TestCore:
    what_waits_for_a_switched_off_endpoint_is_paused_until_it_is_on,
    a_lost_entitlement_pauses_and_a_regained_one_goes_on,
    what_waits_in_memory_stops_when_its_endpoint_is_switched_off,
    a_test_goes_out_once_even_to_a_switched_off_endpoint,
    a_test_waits_for_a_worker_even_at_a_switched_off_endpoint,
    what_waits_in_memory_stops_when_the_entitlement_is_lost,
    a_deleted_endpoint_gets_nothing_more,
);
