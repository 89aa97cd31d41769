//! The backlog of an endpoint, as its tenant sees it.

use super::{get, switched, update};
use crate::tests::support::{Came as _, TestCore, Worker, on_both};
use inboxops_proto::v1::{self, DeliveryStatus, EndpointBacklog, EndpointStatus};
use std::time::Duration;

/// The backlog in every call that shows the endpoint.
async fn backlog(core: &TestCore, by: &crate::tests::support::Client, id: &str) -> EndpointBacklog {
    let one = get(core, by, id).await.backlog.expect("a backlog");
    let list =
        core.webhooks().list_webhook_endpoints(by.ask(v1::ListWebhookEndpointsRequest::default())).await.answer();
    let listed = list.endpoints.into_iter().find(|it| it.id == id).and_then(|it| it.backlog);
    assert_eq!(listed, Some(one));
    one
}

async fn an_endpoint_says_what_waits_since_when_and_how_far_it_is_behind(core: TestCore) {
    let tenant = core.tenant().await;
    let id = core.endpoint(&tenant.key, &["ticket.created"]).await.id;
    assert_eq!(backlog(&core, &tenant.key, &id).await, EndpointBacklog::default());
    let mut worker = Worker::join(&core, 8).await;
    let first = core.clock.now();
    core.ticket(&tenant, "Order 1").await;
    core.ticket(&tenant, "Order 2").await;
    let test =
        v1::SendTestEventRequest { endpoint_id: id.clone(), event: Some("ticket.closed".to_owned()), data: None };
    core.webhooks().send_test_event(tenant.key.ask(test)).await.answer();
    let in_flight = EndpointBacklog { waiting: 2, oldest_at: Some(first.into()), ..Default::default() };
    assert_eq!(backlog(&core, &tenant.key, &id).await, in_flight, "what is in flight is not due, a test not counted");

    let failed = worker.next().await.answered(&core, 500);
    let delivered = worker.next().await.answered(&core, 200);
    let at = core.clock.now();
    worker.report(&core, vec![failed, delivered]).await;
    let waits = EndpointBacklog { waiting: 1, oldest_at: Some(first.into()), ..Default::default() };
    assert_eq!(backlog(&core, &tenant.key, &id).await, waits, "its time has not come");
    let stats = v1::GetDeliveryStatsRequest { endpoint_id: Some(id.clone()) };
    let stats = core.deliveries().get_delivery_stats(tenant.operator.ask(stats)).await.answer();
    let counts: Vec<_> = stats.total.expect("a total").counts.iter().map(|it| (it.status(), it.count)).collect();
    let open = [DeliveryStatus::Pending, DeliveryStatus::Retrying, DeliveryStatus::Delivered].map(|it| (it, 1));
    assert_eq!(counts, open, "the test is in flight, and counted here");

    // The first retry is due a minute after the attempt, or up to 6 s later.
    let due = core.deliveries_of(&tenant.key, &id).await.into_iter().find_map(|it| it.next_attempt_at).expect("a time");
    let due = inboxops_proto::clock::Timestamp::from(&due);
    core.clock.advance(due.since(at) + Duration::from_millis(59_999));
    assert_eq!(backlog(&core, &tenant.key, &id).await, EndpointBacklog { behind_seconds: 59, ..waits });
    core.clock.advance(Duration::from_millis(1));
    let behind = EndpointBacklog { behind_seconds: 60, behind: true, ..waits };
    assert_eq!(backlog(&core, &tenant.key, &id).await, behind);
    assert_eq!(get(&core, &tenant.key, &id).await.status(), EndpointStatus::Active, "behind is no status");

    let paused = update(&core, &tenant.key, &id, switched(false)).await.expect("a change").backlog;
    assert_eq!(paused, Some(waits), "nothing is due while nothing is sent");
    let on = update(&core, &tenant.key, &id, switched(true)).await.expect("a change").backlog.expect("a backlog");
    assert!(on.behind && on.waiting == 1, "{on:?}");
    let rotate = v1::RotateSecretRequest { endpoint_id: id.clone(), ..Default::default() };
    let rotated = core.webhooks().rotate_secret(tenant.key.ask(rotate)).await.answer();
    assert!(rotated.endpoint.and_then(|it| it.backlog).is_some_and(|it| it.behind));
    let promote = v1::PromoteSecretRequest { endpoint_id: id.clone(), ..Default::default() };
    let promoted = core.webhooks().promote_secret(tenant.key.ask(promote)).await.answer();
    assert!(promoted.endpoint.and_then(|it| it.backlog).is_some_and(|it| it.behind));
}

on_both!(TestCore: an_endpoint_says_what_waits_since_when_and_how_far_it_is_behind);
