//! Thin events: what an endpoint with small bodies gets, and that a request is repeated with the bytes that it had.

use super::Shop;
use crate::support::{Came as _, Desk, Taken, on_both};
use inboxops_proto::v1::{self, EndpointPayload};
use serde_json::{Value, json};
use std::time::Duration;

async fn set(shop: &Shop, payload: EndpointPayload) -> v1::WebhookEndpoint {
    let request = v1::UpdateWebhookEndpointRequest {
        endpoint_id: shop.endpoint.id.clone(),
        endpoint: Some(v1::WebhookEndpointChanges { payload: Some(payload.into()), ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["payload".to_owned()] }),
    };
    shop.desk.webhooks().update_webhook_endpoint(shop.home.key.ask(request)).await.answer().endpoint.expect("one")
}

fn read(taken: &Taken) -> Value {
    serde_json::from_str(&taken.body).expect("JSON")
}

fn is_thin(taken: &Taken) -> bool {
    read(taken)["data"]["ticket"].get("subject").is_none()
}

/// Takes what comes and says whether it is thin; its answer is `status`, and its log shows the bytes that went out.
async fn thin(shop: &mut Shop, status: u32) -> (Taken, bool) {
    let taken = shop.worker.next().await;
    shop.report(&taken, status).await;
    assert_eq!(shop.shown(&taken).await.payload, taken.body);
    let thin = is_thin(&taken);
    (taken, thin)
}

async fn resend(shop: &Shop, taken: &Taken) {
    let request = v1::ResendDeliveryRequest { delivery_id: taken.id.clone() };
    shop.desk.deliveries().resend_delivery(shop.home.key.ask(request)).await.answer();
}

async fn a_thin_event_has_ids_and_links_and_a_full_one_beside_it_has_all(desk: Desk) {
    let mut shop = Shop::open(desk, 100).await;
    assert_eq!(shop.endpoint.payload(), EndpointPayload::Full);
    assert_eq!(set(&shop, EndpointPayload::Thin).await.payload(), EndpointPayload::Thin);
    let full = shop.desk.endpoint(&shop.home.key, &["ticket.*"]).await;
    let ticket = shop.desk.ticket(&shop.home, "Order").await;
    let mut both = [shop.worker.next().await, shop.worker.next().await];
    both.sort_by_key(|taken| !is_thin(taken));
    let [small, whole] = both;
    assert_eq!(shop.desk.delivery(&shop.home.operator, &whole.id).await.endpoint_id, full.id);
    let mut expected = read(&whole);
    assert_eq!(expected["data"]["ticket"]["subject"], "Order");
    expected["data"]["ticket"] = json!({
        "id": ticket.id, "ticket_number": 1, "version": 1, "url": format!("/api/v1/tickets/{}", ticket.id),
    });
    assert_eq!(read(&small), expected);
    for taken in [&small, &whole] {
        assert_eq!(shop.shown(taken).await.payload, taken.body);
        shop.report(taken, 200).await;
    }
    let request = v1::ListEventsRequest::default();
    let listed = shop.desk.events().list_events(shop.home.key.ask(request)).await.answer().events;
    assert!(listed.iter().all(|event| !format!("{event:?}").contains("api/v1/tickets/")), "who reads events reads all");
}

async fn a_retry_repeats_its_bytes_and_who_sends_again_gets_the_form_of_then(desk: Desk) {
    let mut shop = Shop::open(desk, 100).await;
    set(&shop, EndpointPayload::Thin).await;
    shop.desk.ticket(&shop.home, "Order").await;
    let (first, was_thin) = thin(&mut shop, 500).await;
    assert!(was_thin);
    set(&shop, EndpointPayload::Full).await;
    shop.desk.clock.advance(Duration::from_secs(120));
    let (second, _) = thin(&mut shop, 200).await;
    assert_eq!((second.lease.attempt, &second.body), (2, &first.body));
    resend(&shop, &first).await;
    assert!(!thin(&mut shop, 200).await.1);
    set(&shop, EndpointPayload::Thin).await;
    resend(&shop, &first).await;
    let (again, was_thin) = thin(&mut shop, 200).await;
    assert!(was_thin && again.body == first.body);
}

async fn tests_and_previews_and_what_is_recovered_are_thin_too(desk: Desk) {
    let mut shop = Shop::open(desk, 100).await;
    let from = shop.desk.clock.now();
    set(&shop, EndpointPayload::Thin).await;
    let test =
        v1::SendTestEventRequest { endpoint_id: shop.endpoint.id.clone(), event: Some("message.received".to_owned()) };
    shop.desk.webhooks().send_test_event(shop.home.key.ask(test)).await.answer();
    let (sample, was_thin) = thin(&mut shop, 200).await;
    let message = &read(&sample)["data"]["message"];
    let ticket = read(&sample)["data"]["ticket"]["id"].as_str().map(|id| format!("/api/v1/tickets/{id}/messages"));
    assert_eq!((was_thin, message["url"].as_str().map(str::to_owned)), (true, ticket));
    assert_eq!(message.as_object().map(serde_json::Map::len), Some(2), "{message}");
    let preview = v1::PreviewEventRequest {
        endpoint_id: Some(shop.endpoint.id.clone()),
        event: Some("ticket.closed".to_owned()),
    };
    let shown = shop.desk.webhooks().preview_event(shop.home.key.ask(preview)).await.answer();
    assert!(!shown.body.contains("subject") && shown.body.contains("/api/v1/tickets/"), "{}", shown.body);

    // Of an event that nobody fanned out, a recovery makes the delivery.
    let off = |enabled| v1::UpdateWebhookEndpointRequest {
        endpoint_id: shop.endpoint.id.clone(),
        endpoint: Some(v1::WebhookEndpointChanges { enabled: Some(enabled), ..Default::default() }),
        update_mask: None,
    };
    shop.desk.webhooks().update_webhook_endpoint(shop.home.key.ask(off(false))).await.answer();
    shop.desk.ticket(&shop.home, "Missed").await;
    shop.desk.webhooks().update_webhook_endpoint(shop.home.key.ask(off(true))).await.answer();
    shop.desk.clock.advance(Duration::from_secs(120));
    let recover = v1::RecoverDeliveriesRequest {
        endpoint_id: shop.endpoint.id.clone(),
        since: Some(from.into()),
        ..Default::default()
    };
    shop.desk.webhooks().recover_deliveries(shop.home.key.ask(recover)).await.answer();
    assert!(thin(&mut shop, 200).await.1);
}

on_both!(Desk:
    a_thin_event_has_ids_and_links_and_a_full_one_beside_it_has_all,
    a_retry_repeats_its_bytes_and_who_sends_again_gets_the_form_of_then,
    tests_and_previews_and_what_is_recovered_are_thin_too,
);
