//! Endpoints that are switched off or whose tenant may not: nothing goes out, nothing is lost, and a test goes all
//! the same.

use super::Shop;
use crate::support::{Came as _, Desk, on_both, until};
use inboxops_proto::v1::{self, DeliveryStatus, EndpointStatus, Plan};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

async fn switch(shop: &Shop, on: bool) -> v1::WebhookEndpoint {
    let request = v1::UpdateWebhookEndpointRequest {
        endpoint_id: shop.endpoint.id.clone(),
        endpoint: Some(v1::WebhookEndpointChanges { enabled: Some(on), ..Default::default() }),
        update_mask: None,
    };
    shop.desk.webhooks().update_webhook_endpoint(shop.home.operator.ask(request)).await.answer().endpoint.expect("one")
}

async fn what_waits_for_a_switched_off_endpoint_is_paused_until_it_is_on(desk: Desk) {
    let mut shop = Shop::open(desk, 10).await;
    let taken = shop.delivery("Hello").await;
    shop.report(&taken, 500).await;
    switch(&shop, false).await;
    let one = shop.shown(&taken).await;
    assert_eq!((one.status(), one.next_attempt_at), (DeliveryStatus::Paused, None));
    shop.desk.clock.advance(DAY);
    assert!(shop.claimed().await.is_empty());
    shop.desk.ticket(&shop.home, "Unheard").await;
    switch(&shop, true).await;
    let again = shop.worker.next().await;
    assert_eq!((&again.id, again.lease.attempt), (&taken.id, 2));
    assert!(shop.claimed().await.is_empty(), "what happened meanwhile is not fanned out");
}

async fn a_lost_entitlement_pauses_and_a_regained_one_goes_on(desk: Desk) {
    let mut shop = Shop::open(desk, 10).await;
    let taken = shop.delivery("Hello").await;
    shop.report(&taken, 500).await;
    shop.desk.set_plan(&shop.home.id, Plan::Free).await;
    assert_eq!(shop.shown(&taken).await.status(), DeliveryStatus::Paused);
    shop.desk.clock.advance(DAY);
    assert!(shop.claimed().await.is_empty());
    shop.desk.set_plan(&shop.home.id, Plan::Business).await;
    assert_eq!(shop.worker.next().await.id, taken.id);
}

async fn what_waits_in_memory_stops_when_its_endpoint_is_switched_off(desk: Desk) {
    let mut shop = Shop::open(desk, 1).await;
    let first = shop.delivery("First").await;
    shop.desk.ticket(&shop.home, "Second").await;
    switch(&shop, false).await;
    shop.report(&first, 200).await;
    let paused = async || {
        let deliveries = shop.desk.deliveries_of(&shop.home.operator, &shop.endpoint.id).await;
        (deliveries.len() == 2 && deliveries[1].status() == DeliveryStatus::Paused).then_some(())
    };
    until("the second one paused", paused).await;
    assert!(shop.worker.at_hand().is_empty());
    switch(&shop, true).await;
    assert!(shop.worker.next().await.body.contains("Second"));
}

async fn a_test_goes_out_once_even_to_a_switched_off_endpoint(desk: Desk) {
    let mut shop = Shop::open(desk, 10).await;
    for (on, status) in [(false, EndpointStatus::Paused), (true, EndpointStatus::Active)] {
        switch(&shop, on).await;
        let request =
            v1::SendTestEventRequest { endpoint_id: shop.endpoint.id.clone(), event: Some("message.sent".to_owned()) };
        let made = shop.desk.webhooks().send_test_event(shop.home.key.ask(request)).await.answer();
        let taken = shop.worker.next().await;
        assert_eq!((Some(&taken.id), taken.event.as_str()), (made.delivery.as_ref().map(|it| &it.id), "message.sent"));
        shop.report(&taken, 500).await;
        let one = shop.shown(&taken).await;
        assert_eq!((one.status(), one.attempt_count, one.next_attempt_at), (DeliveryStatus::Failed, 1, None));
        let request = v1::GetWebhookEndpointRequest { endpoint_id: shop.endpoint.id.clone() };
        let shown = shop.desk.webhooks().get_webhook_endpoint(shop.home.key.ask(request)).await.answer();
        let shown = shown.endpoint.expect("an endpoint");
        assert_eq!((shown.status(), shown.last_delivery), (status, None), "outside the health count");
    }
}

async fn a_test_waits_for_a_worker_even_at_a_switched_off_endpoint(mut desk: Desk) {
    let home = desk.workspace().await;
    let endpoint = desk.endpoint(&home.key, &["*"]).await.id;
    let off = v1::UpdateWebhookEndpointRequest {
        endpoint_id: endpoint.clone(),
        endpoint: Some(v1::WebhookEndpointChanges { enabled: Some(false), ..Default::default() }),
        update_mask: None,
    };
    desk.webhooks().update_webhook_endpoint(home.key.ask(off)).await.answer();
    desk.run();
    let request = v1::SendTestEventRequest { endpoint_id: endpoint.clone(), event: Some("ticket.closed".to_owned()) };
    desk.webhooks().send_test_event(home.key.ask(request)).await.answer();
    let parked = async || {
        let deliveries = desk.deliveries_of(&home.key, &endpoint).await;
        deliveries[0].next_attempt_at.is_some().then(|| deliveries[0].clone())
    };
    let parked = until("a parked test", parked).await;
    assert_eq!(parked.status(), DeliveryStatus::Pending, "not paused: it goes out");
    let mut worker = crate::support::Worker::join(&desk, 10).await;
    let taken = worker.next().await;
    assert_eq!((&taken.id, taken.lease.attempt), (&parked.id, 1));
    assert_eq!(worker.report(&desk, vec![taken.answered(&desk, 200)]).await, (1, 0));
    assert_eq!(desk.delivery(&home.key, &parked.id).await.status(), DeliveryStatus::Delivered);
}

async fn what_waits_in_memory_stops_when_the_entitlement_is_lost(desk: Desk) {
    let mut shop = Shop::open(desk, 1).await;
    let first = shop.delivery("First").await;
    shop.desk.ticket(&shop.home, "Second").await;
    shop.desk.set_plan(&shop.home.id, Plan::Free).await;
    shop.report(&first, 200).await;
    let paused = async || {
        let deliveries = shop.desk.deliveries_of(&shop.home.operator, &shop.endpoint.id).await;
        (deliveries.len() == 2 && deliveries[1].status() == DeliveryStatus::Paused).then_some(())
    };
    until("the second one paused", paused).await;
    assert!(shop.worker.at_hand().is_empty());
    shop.desk.set_plan(&shop.home.id, Plan::Business).await;
    assert!(shop.worker.next().await.body.contains("Second"));
}

async fn a_deleted_endpoint_gets_nothing_more(desk: Desk) {
    let mut shop = Shop::open(desk, 10).await;
    let (waiting, held) = (shop.delivery("Waiting").await, shop.delivery("Held").await);
    shop.report(&waiting, 500).await;
    let request = v1::DeleteWebhookEndpointRequest { endpoint_id: shop.endpoint.id.clone() };
    shop.desk.webhooks().delete_webhook_endpoint(shop.home.key.ask(request)).await.answer();
    // The request was under way, so it counts; its rows go later.
    shop.report(&held, 500).await;
    shop.desk.clock.advance(DAY);
    assert!(shop.claimed().await.is_empty());
}

on_both!(Desk:
    what_waits_for_a_switched_off_endpoint_is_paused_until_it_is_on,
    a_lost_entitlement_pauses_and_a_regained_one_goes_on,
    what_waits_in_memory_stops_when_its_endpoint_is_switched_off,
    a_test_goes_out_once_even_to_a_switched_off_endpoint,
    a_test_waits_for_a_worker_even_at_a_switched_off_endpoint,
    what_waits_in_memory_stops_when_the_entitlement_is_lost,
    a_deleted_endpoint_gets_nothing_more,
);
