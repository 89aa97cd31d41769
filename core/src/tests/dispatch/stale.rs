//! Requests over connections that the receiver had closed: recorded under their own number, sent again at once and
//! before everything that waits, once for each attempt of the schedule, and counted as nobody's failure.

use super::TestDispatch;
use crate::tests::support::{ACCEPTED, Came as _, REFUSED, TakenDelivery, TestCore, Worker, on_both};
use inboxops_proto::{
    internal::v1::Outcome,
    v1::{self, DeliveryStatus},
};
use std::time::Duration;

fn stale(taken: &TakenDelivery, core: &TestCore) -> Outcome {
    Outcome {
        response_status: 0,
        response_body: None,
        error_code: "stale_connection".to_owned(),
        error: "The receiver had closed the connection.".to_owned(),
        ..taken.answered(core, 500)
    }
}

async fn report_stale(dispatch: &TestDispatch, taken: &TakenDelivery) {
    assert_eq!(dispatch.worker.report(&dispatch.core, vec![stale(taken, &dispatch.core)]).await, ACCEPTED);
}

fn codes(one: &v1::DeliveryDetail) -> Vec<(u32, Option<&str>)> {
    one.attempts.iter().map(|it| (it.number, it.error_code.as_deref())).collect()
}

async fn endpoint(dispatch: &TestDispatch) -> v1::WebhookEndpoint {
    let request = v1::GetWebhookEndpointRequest { endpoint_id: dispatch.endpoint.id.clone() };
    dispatch
        .core
        .webhooks()
        .get_webhook_endpoint(dispatch.tenant.operator.ask(request))
        .await
        .answer()
        .endpoint
        .expect("one")
}

async fn a_stale_request_is_sent_again_at_once_over_a_new_connection(core: TestCore) {
    // No loops run, and the clock is stopped, so no claim brings it.
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["*"]).await.id;
    let mut worker = Worker::join(&core, 10).await;
    core.ticket(&tenant, "Hello").await;
    let first = worker.next().await;
    assert!(!first.lease.fresh);
    assert_eq!(worker.report(&core, vec![stale(&first, &core)]).await, ACCEPTED);
    let second = worker.next().await;
    assert_eq!(second.id, first.id);
    assert_eq!(second.lease.attempt, 2);
    assert!(second.lease.fresh);
    assert_eq!((&second.body, second.lease.token), (&first.body, first.lease.token + 1));
    assert_eq!(second.lease.lease_until_us, core.clock.now().plus(Duration::from_secs(60)).micros());
    let one = core.delivery(&tenant.key, &first.id).await;
    assert_eq!(one.attempt_count, 0);
    assert_eq!(one.status(), DeliveryStatus::Retrying);
    assert_eq!(one.next_attempt_at, None);
    assert_eq!(codes(&one), [(1, Some("stale_connection"))]);

    assert_eq!(worker.report(&core, vec![stale(&first, &core)]).await, REFUSED, "its lease is over");
    assert_eq!(worker.report(&core, vec![second.answered(&core, 200)]).await, ACCEPTED);
    let one = core.delivery(&tenant.key, &first.id).await;
    assert_eq!(one.attempt_count, 1);
    assert_eq!(one.status(), DeliveryStatus::Delivered);
    assert_eq!(codes(&one), [(1, Some("stale_connection")), (2, None)]);
    assert_eq!(core.deliveries_of(&tenant.key, &endpoint).await[0].attempt_count, 1);
}

async fn a_second_such_end_is_one_of_the_ten_and_the_next_attempt_may_be_stale_again(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let mut taken = dispatch.delivery("Hello").await;
    for failures in 1..=10u32 {
        report_stale(&dispatch, &taken).await;
        let fresh = dispatch.worker.next().await;
        assert_eq!(fresh.lease.attempt, 2 * failures);
        assert!(fresh.lease.fresh);
        // A worker reports a fresh request as reset; a report that calls it stale is not accepted as such.
        report_stale(&dispatch, &fresh).await;
        let one = dispatch.shown(&fresh).await;
        assert_eq!(one.attempt_count, failures);
        let last = one.attempts.last().expect("it was tried");
        assert_eq!(last.error_code.as_deref(), Some("connection_reset"));
        if failures == 10 {
            assert_eq!(one.status(), DeliveryStatus::Failed);
            assert_eq!(one.attempts.len(), 20);
            break;
        }
        let due = super::time(one.next_attempt_at);
        assert!(due.since(dispatch.core.clock.now()) >= Duration::from_secs(60 << (failures - 1)));
        dispatch.core.clock.advance(due.since(dispatch.core.clock.now()));
        taken = dispatch.worker.next().await;
        assert_eq!(taken.lease.attempt, 2 * failures + 1);
        assert!(!taken.lease.fresh);
    }
}

async fn it_goes_out_before_all_that_waits(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 1).await;
    let first = dispatch.delivery("First").await;
    for n in 0..5 {
        dispatch.core.clock.advance(Duration::from_millis(1));
        dispatch.core.ticket(&dispatch.tenant, &format!("Later {n}")).await;
    }
    report_stale(&dispatch, &first).await;
    // The slot is free as soon as the worker reports, before that is recorded: another delivery takes it.
    let mut order = Vec::new();
    for _ in 0..6 {
        let taken = dispatch.worker.next().await;
        dispatch.report(&taken, 200).await;
        order.push((taken.id, taken.lease.attempt));
    }
    assert_eq!(order.remove(1), (first.id.clone(), 2));
    assert!(order.is_sorted() && order[0].0 > first.id, "in the order of events");
    assert!(order.iter().all(|(_, attempt)| *attempt == 1));
}

async fn it_is_no_failure_of_the_endpoint(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    for n in 0..25 {
        let taken = dispatch.delivery(&format!("Stale {n}")).await;
        report_stale(&dispatch, &taken).await;
        let again = dispatch.worker.next().await;
        assert_eq!(again.id, taken.id);
        assert_eq!(endpoint(&dispatch).await.failing, None);
        dispatch.report(&again, 200).await;
    }
    let request = v1::GetDeliveryStatsRequest { endpoint_id: None };
    let told = dispatch.core.deliveries().get_delivery_stats(dispatch.tenant.operator.ask(request)).await.answer();
    let day = told.total.expect("all of them").last_24_hours.expect("a day");
    assert_eq!(day.succeeded, 25);
    assert_eq!(day.failed, 0);
}

async fn a_test_is_sent_again_as_well_and_still_only_once(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let request = v1::SendTestEventRequest {
        endpoint_id: dispatch.endpoint.id.clone(),
        event: Some("ticket.created".to_owned()),
        data: None,
    };
    dispatch.core.webhooks().send_test_event(dispatch.tenant.operator.ask(request)).await.answer();
    let test = dispatch.worker.next().await;
    report_stale(&dispatch, &test).await;
    let again = dispatch.worker.next().await;
    assert_eq!(again.id, test.id);
    assert_eq!(again.lease.attempt, 2);
    assert!(again.lease.fresh);
    dispatch.report(&again, 500).await;
    let one = dispatch.shown(&again).await;
    assert_eq!(one.status(), DeliveryStatus::Failed);
    assert_eq!(one.attempt_count, 1);
    assert_eq!(one.max_attempts, 1);
}

async fn one_that_was_stopped_meanwhile_is_not_sent_again(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let taken = dispatch.delivery("Hello").await;
    let request = v1::CancelDeliveryRequest { delivery_id: taken.id.clone() };
    dispatch.core.deliveries().cancel_delivery(dispatch.tenant.operator.ask(request)).await.answer();
    report_stale(&dispatch, &taken).await;
    let one = dispatch.shown(&taken).await;
    assert_eq!(one.status(), DeliveryStatus::Canceled);
    assert_eq!(one.attempt_count, 0);
    assert_eq!(codes(&one), [(1, Some("stale_connection"))]);
    assert!(dispatch.claimed().await.is_empty());
    assert!(dispatch.worker.try_next().is_none());
}

async fn one_whose_worker_leaves_is_sent_again_by_the_next_over_a_new_connection(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let taken = dispatch.delivery("Hello").await;
    let TestDispatch { core, tenant, worker, .. } = dispatch;
    // The worker reports after its stream has ended.
    let outcome = stale(&taken, &core);
    let key = core.clock.now();
    drop(worker);
    let mut other = Worker::join(&core, 10).await;
    assert_eq!(other.report(&core, vec![outcome]).await, ACCEPTED);
    let again = other.next().await;
    assert_eq!(again.id, taken.id);
    assert_eq!(again.lease.attempt, 2);
    assert!(again.lease.fresh);
    assert_eq!(core.clock.now(), key, "at once");
    assert_eq!(other.report(&core, vec![again.answered(&core, 200)]).await, ACCEPTED);
    assert_eq!(core.delivery(&tenant.key, &taken.id).await.attempt_count, 1);
}

async fn a_lease_that_goes_on_and_ends_is_a_worker_lost_of_its_own_number(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let taken = dispatch.delivery("Hello").await;
    report_stale(&dispatch, &taken).await;
    let again = dispatch.worker.next().await;
    dispatch.core.clock.advance(Duration::from_secs(61));
    let third = dispatch.worker.next().await;
    assert_eq!(third.id, again.id);
    assert_eq!(third.lease.attempt, 3);
    dispatch.report(&third, 200).await;
    let one = dispatch.shown(&third).await;
    assert_eq!(codes(&one), [(1, Some("stale_connection")), (2, Some("worker_lost")), (3, None)]);
    assert_eq!(one.attempt_count, 2);
}

async fn a_stale_end_of_a_former_life_is_due_at_once(core: TestCore) {
    let tenant = core.tenant().await;
    core.endpoint(&tenant.key, &["ticket.created"]).await;
    let mut worker = Worker::join(&core, 4).await;
    core.ticket(&tenant, "Hello").await;
    let taken = worker.next().await;
    let mut core = core.again(|_| ()).await;
    let shared = core.postgres.is_some();
    let outcome = stale(&taken, &core);
    assert_eq!(worker.report(&core, vec![outcome]).await, if shared { ACCEPTED } else { REFUSED });
    core.run();
    let mut worker = Worker::join(&core, 4).await;
    let again = worker.next().await;
    // On SQLite the start has taken it back as lost.
    assert_eq!(again.id, taken.id);
    assert_eq!(again.lease.attempt, 2);
    assert_eq!(again.lease.fresh, shared);
    assert_eq!(worker.report(&core, vec![again.answered(&core, 200)]).await, ACCEPTED);
    assert_eq!(core.delivery(&tenant.key, &taken.id).await.attempt_count, if shared { 1 } else { 2 });
}

on_both!(TestCore:
    a_stale_request_is_sent_again_at_once_over_a_new_connection,
    a_second_such_end_is_one_of_the_ten_and_the_next_attempt_may_be_stale_again,
    it_goes_out_before_all_that_waits,
    it_is_no_failure_of_the_endpoint,
    a_test_is_sent_again_as_well_and_still_only_once,
    one_that_was_stopped_meanwhile_is_not_sent_again,
    one_whose_worker_leaves_is_sent_again_by_the_next_over_a_new_connection,
    a_lease_that_goes_on_and_ends_is_a_worker_lost_of_its_own_number,
    a_stale_end_of_a_former_life_is_due_at_once,
);
