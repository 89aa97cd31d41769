//! Thin events: what an endpoint with small bodies gets, and that a retry has the bytes of the first attempt.

use super::TestDispatch;
use crate::tests::support::{Came as _, TakenDelivery, TestCore, on_both};
use inboxops_proto::v1::{self, EndpointPayload};
use serde_json::{Value, json};
use std::time::Duration;

async fn set(dispatch: &TestDispatch, payload: EndpointPayload) -> v1::WebhookEndpoint {
    let request = v1::UpdateWebhookEndpointRequest {
        endpoint_id: dispatch.endpoint.id.clone(),
        endpoint: Some(v1::WebhookEndpointChanges { payload: Some(payload.into()), ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["payload".to_owned()] }),
    };
    dispatch
        .core
        .webhooks()
        .update_webhook_endpoint(dispatch.tenant.key.ask(request))
        .await
        .answer()
        .endpoint
        .expect("one")
}

fn read(taken: &TakenDelivery) -> Value {
    serde_json::from_str(&taken.body).expect("JSON")
}

fn is_thin(taken: &TakenDelivery) -> bool {
    read(taken)["data"]["ticket"].get("subject").is_none()
}

/// Takes the next delivery, answers with `status`, and returns whether it is thin; its log shows the bytes that were
/// sent.
async fn thin(dispatch: &mut TestDispatch, status: u32) -> (TakenDelivery, bool) {
    let taken = dispatch.worker.next().await;
    dispatch.report(&taken, status).await;
    assert_eq!(dispatch.shown(&taken).await.payload, taken.body);
    let thin = is_thin(&taken);
    (taken, thin)
}

async fn resend(dispatch: &TestDispatch, taken: &TakenDelivery) {
    let request = v1::ResendDeliveryRequest { delivery_id: taken.id.clone() };
    dispatch.core.deliveries().resend_delivery(dispatch.tenant.key.ask(request)).await.answer();
}

async fn a_thin_event_has_ids_and_links_and_a_full_one_beside_it_has_all(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 100).await;
    assert_eq!(dispatch.endpoint.payload(), EndpointPayload::Full);
    assert_eq!(set(&dispatch, EndpointPayload::Thin).await.payload(), EndpointPayload::Thin);
    let full = dispatch.core.endpoint(&dispatch.tenant.key, &["ticket.*"]).await;
    let ticket = dispatch.core.ticket(&dispatch.tenant, "Order").await;
    let mut both = [dispatch.worker.next().await, dispatch.worker.next().await];
    both.sort_by_key(|taken| !is_thin(taken));
    let [small, whole] = both;
    assert_eq!(dispatch.core.delivery(&dispatch.tenant.operator, &whole.id).await.endpoint_id, full.id);
    let mut expected = read(&whole);
    assert_eq!(expected["data"]["ticket"]["subject"], "Order");
    expected["data"]["ticket"] = json!({
        "id": ticket.id, "ticket_number": 1, "version": 1, "url": format!("/api/v1/tickets/{}", ticket.id),
    });
    assert_eq!(read(&small), expected);
    for taken in [&small, &whole] {
        assert_eq!(dispatch.shown(taken).await.payload, taken.body);
        dispatch.report(taken, 200).await;
    }
    let request = v1::ListEventsRequest::default();
    let listed = dispatch.core.events().list_events(dispatch.tenant.key.ask(request)).await.answer().events;
    assert!(listed.iter().all(|event| !format!("{event:?}").contains("api/v1/tickets/")), "who reads events reads all");
}

async fn a_retry_repeats_its_bytes_and_who_sends_again_gets_the_form_of_then(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 100).await;
    set(&dispatch, EndpointPayload::Thin).await;
    dispatch.core.ticket(&dispatch.tenant, "Order").await;
    let (first, was_thin) = thin(&mut dispatch, 500).await;
    assert!(was_thin);
    set(&dispatch, EndpointPayload::Full).await;
    dispatch.core.clock.advance(Duration::from_secs(120));
    let (second, _) = thin(&mut dispatch, 200).await;
    assert_eq!(second.lease.attempt, 2);
    assert_eq!(second.body, first.body);
    resend(&dispatch, &first).await;
    assert!(!thin(&mut dispatch, 200).await.1);
    set(&dispatch, EndpointPayload::Thin).await;
    resend(&dispatch, &first).await;
    let (again, was_thin) = thin(&mut dispatch, 200).await;
    assert!(was_thin && again.body == first.body);
}

async fn tests_and_previews_and_what_is_recovered_are_thin_too(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 100).await;
    let from = dispatch.core.clock.now();
    set(&dispatch, EndpointPayload::Thin).await;
    let test = v1::SendTestEventRequest {
        endpoint_id: dispatch.endpoint.id.clone(),
        event: Some("message.received".to_owned()),
        data: None,
    };
    dispatch.core.webhooks().send_test_event(dispatch.tenant.key.ask(test)).await.answer();
    let (sample, was_thin) = thin(&mut dispatch, 200).await;
    let message = &read(&sample)["data"]["message"];
    let ticket = read(&sample)["data"]["ticket"]["id"].as_str().map(|id| format!("/api/v1/tickets/{id}/messages"));
    assert!(was_thin);
    assert_eq!(message["url"].as_str().map(str::to_owned), ticket);
    assert_eq!(message.as_object().map(serde_json::Map::len), Some(2), "{message}");
    let preview = v1::PreviewEventRequest {
        endpoint_id: Some(dispatch.endpoint.id.clone()),
        event: Some("ticket.closed".to_owned()),
    };
    let shown = dispatch.core.webhooks().preview_event(dispatch.tenant.key.ask(preview)).await.answer();
    assert!(!shown.body.contains("subject") && shown.body.contains("/api/v1/tickets/"), "{}", shown.body);

    // A recovery makes the delivery of an event that was not fanned out.
    let off = |enabled| v1::UpdateWebhookEndpointRequest {
        endpoint_id: dispatch.endpoint.id.clone(),
        endpoint: Some(v1::WebhookEndpointChanges { enabled: Some(enabled), ..Default::default() }),
        update_mask: None,
    };
    dispatch.core.webhooks().update_webhook_endpoint(dispatch.tenant.key.ask(off(false))).await.answer();
    dispatch.core.ticket(&dispatch.tenant, "Missed").await;
    dispatch.core.webhooks().update_webhook_endpoint(dispatch.tenant.key.ask(off(true))).await.answer();
    dispatch.core.clock.advance(Duration::from_secs(120));
    let recover = v1::RecoverDeliveriesRequest {
        endpoint_id: dispatch.endpoint.id.clone(),
        since: Some(from.into()),
        ..Default::default()
    };
    dispatch.core.webhooks().recover_deliveries(dispatch.tenant.key.ask(recover)).await.answer();
    assert!(thin(&mut dispatch, 200).await.1);
}

on_both!(TestCore:
    a_thin_event_has_ids_and_links_and_a_full_one_beside_it_has_all,
    a_retry_repeats_its_bytes_and_who_sends_again_gets_the_form_of_then,
    tests_and_previews_and_what_is_recovered_are_thin_too,
);
