//! Endpoints that fail for long: one request at a time, warnings, disabled after five days, and enabled again.

use super::TestDispatch;
use crate::tests::support::{Came as _, TakenDelivery, TestCore, Worker, on_both, until};
use inboxops_proto::v1::{self, DeliveryStatus, EndpointStatus, FailureWarning};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

async fn get(dispatch: &TestDispatch) -> v1::WebhookEndpoint {
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

async fn enable(dispatch: &TestDispatch) -> v1::WebhookEndpoint {
    let request = v1::UpdateWebhookEndpointRequest {
        endpoint_id: dispatch.endpoint.id.clone(),
        endpoint: Some(v1::WebhookEndpointChanges { enabled: Some(true), ..Default::default() }),
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

/// The next delivery. A lane that was full is due again after a moment, so moments pass.
async fn next(dispatch: &mut TestDispatch) -> TakenDelivery {
    let (worker, clock) = (&mut dispatch.worker, &dispatch.core.clock);
    let come = async || {
        clock.advance(Duration::from_millis(10));
        worker.try_next()
    };
    until("the next delivery", come).await
}

/// New deliveries that all fail.
async fn fail(dispatch: &mut TestDispatch, times: usize) -> Vec<TakenDelivery> {
    let mut failed = Vec::new();
    for n in 0..times {
        dispatch.core.ticket(&dispatch.tenant, &format!("Failure {n}")).await;
        let taken = next(dispatch).await;
        dispatch.report(&taken, 500).await;
        failed.push(taken);
    }
    failed
}

async fn after_twenty_failures_one_request_at_a_time_goes_out_in_due_order(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 100).await;
    let failed = fail(&mut dispatch, 20).await;
    let failing = get(&dispatch).await.failing.expect("a row of failures");
    assert_eq!(failing.failures_in_row, 20);
    assert_eq!(failing.warning(), FailureWarning::None);
    // New deliveries and retries are due together: the one that was due first goes first.
    dispatch.core.clock.advance(2 * HOUR);
    for n in 0..5 {
        dispatch.core.ticket(&dispatch.tenant, &format!("New {n}")).await;
    }
    let mut order = Vec::new();
    for _ in 0..20 {
        let probe = next(&mut dispatch).await;
        assert!(dispatch.claimed().await.is_empty(), "one at a time");
        order.push(probe.id.clone());
        dispatch.report(&probe, 500).await;
    }
    let mut first: Vec<String> = failed.iter().map(|taken| taken.id.clone()).collect();
    let mut tried = order.clone();
    first.sort_unstable();
    tried.sort_unstable();
    assert_eq!(tried, first, "the retries were due before the new ones");
    let probe = next(&mut dispatch).await;
    assert!(probe.body.contains("New 0"), "{}", probe.body);
    dispatch.report(&probe, 200).await;
    for n in 1..5 {
        let next = next(&mut dispatch).await;
        assert!(next.body.contains(&format!("New {n}")), "one success lifts it: all at once");
    }
    assert_eq!(get(&dispatch).await.failing, None);
}

async fn a_new_process_knows_that_an_endpoint_is_dead(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 100).await;
    fail(&mut dispatch, 20).await;
    dispatch.core.stop().await;
    dispatch.core = dispatch.core.again(|_| {}).await;
    dispatch.worker = Worker::join(&dispatch.core, 100).await;
    dispatch.core.run();
    for n in 0..5 {
        dispatch.core.ticket(&dispatch.tenant, &format!("New {n}")).await;
    }
    let probe = next(&mut dispatch).await;
    assert!(probe.body.contains("New 0"));
    assert!(dispatch.claimed().await.is_empty(), "one at a time");
    dispatch.report(&probe, 200).await;
    for n in 1..5 {
        assert!(next(&mut dispatch).await.body.contains(&format!("New {n}")));
    }
}

async fn five_days_without_a_success_end_in_two_warnings_and_a_switch_off(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 100).await;
    let begin = dispatch.core.clock.now();
    fail(&mut dispatch, 1).await;
    let since = get(&dispatch).await.failing.expect("failing").since.expect("a time");
    // One failure every six hours; its retries fail with it.
    let mut seen = Vec::new();
    loop {
        dispatch.core.clock.advance(6 * HOUR);
        while let Some(taken) = next_due(&mut dispatch).await {
            // The lease of one that was sent before the clock moved has expired, so it is sent again.
            let outcome = taken.answered(&dispatch.core, 500);
            dispatch.worker.report(&dispatch.core, vec![outcome]).await;
        }
        let shown = get(&dispatch).await;
        let hours = dispatch.core.clock.now().since(begin).as_secs() / 3600;
        if shown.status() == EndpointStatus::Disabled {
            assert_eq!(hours, 120, "after five days and not before");
            let reason = shown.disabled_reason.expect("a reason");
            assert!(reason.contains("5 days") && reason.ends_with('.'), "{reason}");
            assert_eq!(dispatch.own_actions().await, [("endpoint.disabled".to_owned(), reason)]);
            break;
        }
        assert!(hours < 120, "still on after {hours} hours");
        let failing = shown.failing.expect("failing");
        assert_eq!(failing.since, Some(since));
        assert_eq!(failing.disables_at.map(|at| at.seconds - since.seconds), Some(120 * 3600));
        if seen.last() != Some(&failing.warning()) {
            let expected = match hours {
                ..60 => FailureWarning::None,
                60..90 => FailureWarning::Half,
                _ => FailureWarning::ThreeQuarters,
            };
            assert_eq!(failing.warning(), expected, "after {hours} hours");
            seen.push(failing.warning());
        }
        dispatch.core.ticket(&dispatch.tenant, &format!("After {hours} hours")).await;
    }
    assert_eq!(seen, [FailureWarning::None, FailureWarning::Half, FailureWarning::ThreeQuarters]);

    let waiting: Vec<_> = dispatch
        .core
        .deliveries_of(&dispatch.tenant.operator, &dispatch.endpoint.id)
        .await
        .into_iter()
        .filter(|it| it.status() == DeliveryStatus::Paused)
        .map(|it| it.id)
        .collect();
    assert!(!waiting.is_empty(), "what waits is paused and visible");
    dispatch.core.ticket(&dispatch.tenant, "Unheard").await;
    dispatch.core.clock.advance(24 * HOUR);
    assert!(dispatch.claimed().await.is_empty());
    let shown = enable(&dispatch).await;
    assert_eq!((shown.status(), shown.disabled_reason, shown.failing), (EndpointStatus::Active, None, None));
    let mut again = Vec::new();
    while again.len() < waiting.len() {
        let taken = next(&mut dispatch).await;
        dispatch.report(&taken, 500).await;
        again.push(taken.id);
    }
    again.sort_unstable();
    let mut waiting = waiting;
    waiting.sort_unstable();
    assert_eq!(again, waiting, "what waited goes out, what happened meanwhile does not");
    let shown = get(&dispatch).await;
    assert_eq!(shown.status(), EndpointStatus::Failing, "failures of before the switch do not count");
    assert_eq!(shown.failing.expect("failing").failures_in_row as usize, waiting.len());
}

async fn few_attempts_do_not_switch_off_however_old(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 100).await;
    let taken = fail(&mut dispatch, 1).await.remove(0);
    dispatch.core.clock.advance(24 * 30 * HOUR);
    let again = next(&mut dispatch).await;
    assert_eq!(again.id, taken.id);
    dispatch.report(&again, 500).await;
    let shown = get(&dispatch).await;
    assert_eq!(
        (shown.status(), shown.failing.expect("failing").warning()),
        (EndpointStatus::Failing, FailureWarning::ThreeQuarters)
    );
}

async fn a_success_starts_the_days_anew(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 100).await;
    fail(&mut dispatch, 19).await;
    dispatch.core.clock.advance(24 * 4 * HOUR);
    let mut good = next(&mut dispatch).await;
    dispatch.report(&good, 200).await;
    for _ in 0..18 {
        good = next(&mut dispatch).await;
        dispatch.report(&good, 500).await;
    }
    dispatch.core.clock.advance(24 * HOUR + HOUR);
    good = next(&mut dispatch).await;
    dispatch.report(&good, 500).await;
    let failing = get(&dispatch).await.failing.expect("failing");
    assert_eq!(failing.warning(), FailureWarning::None);
}

async fn tests_say_nothing_of_an_endpoint(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 100).await;
    for _ in 0..25 {
        let request = v1::SendTestEventRequest {
            endpoint_id: dispatch.endpoint.id.clone(),
            event: Some("ticket.closed".to_owned()),
            data: None,
        };
        dispatch.core.webhooks().send_test_event(dispatch.tenant.key.ask(request)).await.answer();
        let taken = next(&mut dispatch).await;
        dispatch.report(&taken, 500).await;
    }
    assert_eq!(get(&dispatch).await.failing, None);
    for n in 0..8 {
        dispatch.core.ticket(&dispatch.tenant, &format!("Order {n}")).await;
    }
    for _ in 0..8 {
        next(&mut dispatch).await;
    }
}

/// A delivery of the endpoint that is due now, or `None`, which a claim proves.
async fn next_due(dispatch: &mut TestDispatch) -> Option<TakenDelivery> {
    let due = async || {
        let now = dispatch.core.clock.now();
        let waits =
            dispatch.core.deliveries_of(&dispatch.tenant.operator, &dispatch.endpoint.id).await.into_iter().any(
                |delivery| {
                    let due = delivery.next_attempt_at.map(|at| inboxops_proto::clock::Timestamp::from(&at) <= now);
                    due == Some(true)
                        || (delivery.next_attempt_at.is_none() && delivery.status() == DeliveryStatus::Pending)
                        || (delivery.next_attempt_at.is_none() && delivery.status() == DeliveryStatus::Retrying)
                },
            );
        Some(waits)
    };
    if until("an answer", due).await { Some(next(dispatch).await) } else { None }
}

on_both!(TestCore:
    after_twenty_failures_one_request_at_a_time_goes_out_in_due_order,
    a_new_process_knows_that_an_endpoint_is_dead,
    five_days_without_a_success_end_in_two_warnings_and_a_switch_off,
    few_attempts_do_not_switch_off_however_old,
    a_success_starts_the_days_anew,
    tests_say_nothing_of_an_endpoint,
);
