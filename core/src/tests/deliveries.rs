//! Deliveries through the gate: listed by cursor, shown with payload and attempts, resent, tested.

mod own_data;
mod repair;
mod resend;
mod search;

use crate::tests::support::{Came as _, NOTHING, TestCore, on_both, violations};
use inboxops_proto::{
    reason::Reason,
    v1::{self, DeliveryStatus},
};
use serde_json::Value;

async fn a_cursor_walks_every_delivery_once(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let id = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    for n in 0..5 {
        core.ticket(&tenant, &format!("Order {n}")).await;
    }
    let list = async |cursor: Option<String>, status: &[DeliveryStatus]| {
        let request = v1::ListDeliveriesRequest {
            endpoint_id: id.clone(),
            status: status.iter().map(|it| (*it).into()).collect(),
            per_page: Some(2),
            cursor,
            ..Default::default()
        };
        core.deliveries().list_deliveries(tenant.key.ask(request)).await
    };
    let (mut walked, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let answer = list(cursor, &[]).await.answer();
        walked.extend(answer.deliveries.into_iter().map(|it| it.id));
        pages += 1;
        if pages == 1 {
            core.ticket(&tenant, "Meanwhile").await;
        }
        let meta = answer.meta.expect("a meta");
        assert_eq!(meta.has_more, meta.next_cursor.is_some());
        cursor = meta.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let mut newest_first: Vec<String> =
        core.deliveries_of(&tenant.key, &id).await.into_iter().map(|it| it.id).collect();
    newest_first.reverse();
    assert_eq!((pages, walked), (3, newest_first[1..].to_vec()), "what came meanwhile moves nothing");
    assert_eq!(list(Some("x".to_owned()), &[]).await.refusal().reason, Reason::InvalidCursor);
    assert_eq!(list(None, &[DeliveryStatus::Delivered]).await.answer().deliveries, []);
    assert_eq!(list(None, &[DeliveryStatus::Pending, DeliveryStatus::Failed]).await.answer().deliveries.len(), 2);
    let foreign = v1::ListDeliveriesRequest { endpoint_id: id.clone(), ..Default::default() };
    let failure = core.deliveries().list_deliveries(other.key.ask(foreign)).await.refusal();
    assert_eq!(failure.reason, Reason::EndpointNotFound);
}

async fn one_delivery_is_shown_whole(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let id = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    let at = core.clock.now();
    let ticket = core.ticket(&tenant, "Hello").await;
    let brief = core.deliveries_of(&tenant.key, &id).await.remove(0);
    let one = core.delivery(&tenant.key, &brief.id.to_uppercase()).await;
    let event: Value = serde_json::from_str(&one.payload).expect("JSON");
    let expected = v1::DeliveryDetail {
        id: brief.id.clone(),
        endpoint_id: id,
        event: "ticket.created".to_owned(),
        event_id: event["event_id"].as_str().expect("an id").to_owned(),
        status: DeliveryStatus::Pending.into(),
        attempt_count: 0,
        max_attempts: 10,
        test: false,
        created_at: Some(at.into()),
        payload: one.payload.clone(),
        ticket_id: Some(ticket.id),
        ticket_number: Some(1),
        subject: Some("Hello".to_owned()),
        ..Default::default()
    };
    assert_eq!(one, expected);
    for (by, id) in [(&other.key, brief.id.as_str()), (&tenant.key, NOTHING), (&tenant.key, "1")] {
        let request = v1::GetDeliveryRequest { delivery_id: id.to_owned() };
        let failure = core.deliveries().get_delivery(by.ask(request)).await.refusal();
        assert_eq!(failure.reason, Reason::DeliveryNotFound);
        let request = v1::ResendDeliveryRequest { delivery_id: id.to_owned() };
        let failure = core.deliveries().resend_delivery(by.ask(request)).await.refusal();
        assert_eq!(failure.reason, Reason::DeliveryNotFound);
    }
}

async fn a_test_is_a_delivery_with_one_attempt_to_this_endpoint_alone(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let id = core.endpoint(&tenant.key, &["inbox.error"]).await.id;
    let second = core.endpoint(&tenant.key, &["*"]).await.id;
    let test = async |by: &crate::tests::support::Client, id: &str, event: &str| {
        core.tick();
        let request =
            v1::SendTestEventRequest { endpoint_id: id.to_owned(), event: Some(event.to_owned()), data: None };
        core.webhooks().send_test_event(by.ask(request)).await
    };
    let types = core.webhooks().list_event_types(tenant.key.ask(v1::ListEventTypesRequest {})).await.answer();
    for kind in &types.event_types {
        let answered = test(&tenant.key, &id, &kind.name).await.answer().delivery.expect("a delivery");
        assert_eq!((answered.event.as_str(), answered.test, answered.max_attempts), (kind.name.as_str(), true, 1));
        let one = core.delivery(&tenant.key, &answered.id).await;
        assert_eq!((one.test, one.max_attempts, one.event.as_str()), (true, 1, kind.name.as_str()));
        let event: Value = serde_json::from_str(&one.payload).expect("JSON");
        assert_eq!((&event["event"], &event["data"]["test"]), (&Value::from(kind.name.as_str()), &Value::from(true)));
        assert_eq!(
            (&event["tenant_id"], &event["event_id"]),
            (&Value::from(tenant.id.as_str()), &Value::from(one.event_id))
        );
        let listed = core.deliveries_of(&tenant.key, &id).await.pop().expect("a delivery");
        assert_eq!(answered, listed, "the answer is what the log shows");
    }
    assert_eq!(core.deliveries_of(&tenant.key, &second).await, [], "not to others, whatever they subscribe to");
    assert_eq!(test(&other.key, &id, "ticket.created").await.refusal().reason, Reason::EndpointNotFound);
    for (event, code) in [("ticket.*", "invalid_enum"), ("", "invalid_enum")] {
        assert_eq!(violations(&test(&tenant.key, &id, event).await.refusal()), [("event", code)]);
    }
}

async fn a_delivery_whose_request_may_be_under_way_is_not_sent_again(core: TestCore) {
    let tenant = core.tenant().await;
    let id = core.endpoint(&tenant.key, &["*"]).await.id;
    core.ticket(&tenant, "Hello").await;
    let delivery = core.deliveries_of(&tenant.key, &id).await.remove(0);
    let request = v1::ResendDeliveryRequest { delivery_id: delivery.id };
    let failure = core.deliveries().resend_delivery(tenant.key.ask(request)).await.refusal();
    assert_eq!((failure.reason, failure.retry_after_secs), (Reason::Conflict, Some(1)));
}

on_both!(TestCore:
    a_cursor_walks_every_delivery_once,
    one_delivery_is_shown_whole,
    a_test_is_a_delivery_with_one_attempt_to_this_endpoint_alone,
    a_delivery_whose_request_may_be_under_way_is_not_sent_again,
);
