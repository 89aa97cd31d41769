//! Endpoints that fail for long: one request at a time, warnings, switched off after five days, and back.

use super::Shop;
use crate::support::{Came as _, Desk, Taken, Worker, on_both, until};
use inboxops_proto::v1::{self, DeliveryStatus, EndpointStatus, FailureWarning};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

async fn get(shop: &Shop) -> v1::WebhookEndpoint {
    let request = v1::GetWebhookEndpointRequest { endpoint_id: shop.endpoint.id.clone() };
    shop.desk.webhooks().get_webhook_endpoint(shop.home.operator.ask(request)).await.answer().endpoint.expect("one")
}

async fn enable(shop: &Shop) -> v1::WebhookEndpoint {
    let request = v1::UpdateWebhookEndpointRequest {
        endpoint_id: shop.endpoint.id.clone(),
        endpoint: Some(v1::WebhookEndpointChanges { enabled: Some(true), ..Default::default() }),
        update_mask: None,
    };
    shop.desk.webhooks().update_webhook_endpoint(shop.home.operator.ask(request)).await.answer().endpoint.expect("one")
}

/// The next delivery. A lane that was full is looked at again after a moment, so moments pass.
async fn next(shop: &mut Shop) -> Taken {
    let (worker, clock) = (&mut shop.worker, &shop.desk.clock);
    let come = async || {
        clock.advance(Duration::from_millis(10));
        worker.try_next()
    };
    until("the next delivery", come).await
}

/// New deliveries that all fail.
async fn fail(shop: &mut Shop, times: usize) -> Vec<Taken> {
    let mut failed = Vec::new();
    for n in 0..times {
        shop.desk.ticket(&shop.home, &format!("Failure {n}")).await;
        let taken = next(shop).await;
        shop.report(&taken, 500).await;
        failed.push(taken);
    }
    failed
}

async fn after_twenty_failures_one_request_at_a_time_goes_out_in_due_order(desk: Desk) {
    let mut shop = Shop::open(desk, 100).await;
    let failed = fail(&mut shop, 20).await;
    let failing = get(&shop).await.failing.expect("a row of failures");
    assert_eq!((failing.failures_in_row, failing.warning()), (20, FailureWarning::None));
    // New ones and retries are due together: whatever was due first goes first.
    shop.desk.clock.advance(2 * HOUR);
    for n in 0..5 {
        shop.desk.ticket(&shop.home, &format!("New {n}")).await;
    }
    let mut order = Vec::new();
    for _ in 0..20 {
        let probe = next(&mut shop).await;
        assert!(shop.claimed().await.is_empty(), "one at a time");
        order.push(probe.id.clone());
        shop.report(&probe, 500).await;
    }
    let mut first: Vec<String> = failed.iter().map(|taken| taken.id.clone()).collect();
    let mut tried = order.clone();
    first.sort_unstable();
    tried.sort_unstable();
    assert_eq!(tried, first, "the retries were due before the new ones");
    let probe = next(&mut shop).await;
    assert!(probe.body.contains("New 0"), "{}", probe.body);
    shop.report(&probe, 200).await;
    for n in 1..5 {
        let next = next(&mut shop).await;
        assert!(next.body.contains(&format!("New {n}")), "one success lifts it: all at once");
    }
    assert_eq!(get(&shop).await.failing, None);
}

async fn a_new_process_knows_that_an_endpoint_is_dead(desk: Desk) {
    let mut shop = Shop::open(desk, 100).await;
    fail(&mut shop, 20).await;
    shop.desk.stop().await;
    shop.desk = shop.desk.again(|_| {}).await;
    shop.worker = Worker::join(&shop.desk, 100).await;
    shop.desk.run();
    for n in 0..5 {
        shop.desk.ticket(&shop.home, &format!("New {n}")).await;
    }
    let probe = next(&mut shop).await;
    assert!(probe.body.contains("New 0"));
    assert!(shop.claimed().await.is_empty(), "one at a time");
    shop.report(&probe, 200).await;
    for n in 1..5 {
        assert!(next(&mut shop).await.body.contains(&format!("New {n}")));
    }
}

async fn five_days_without_a_success_end_in_two_warnings_and_a_switch_off(desk: Desk) {
    let mut shop = Shop::open(desk, 100).await;
    let begin = shop.desk.clock.now();
    fail(&mut shop, 1).await;
    let since = get(&shop).await.failing.expect("failing").since.expect("a time");
    // One failure every six hours; its retries fail with it.
    let mut seen = Vec::new();
    loop {
        shop.desk.clock.advance(6 * HOUR);
        while let Some(taken) = next_due(&mut shop).await {
            // One that went out before the clock moved on has lost its lease by now, and comes again.
            let outcome = taken.answered(&shop.desk, 500);
            shop.worker.report(&shop.desk, vec![outcome]).await;
        }
        let shown = get(&shop).await;
        let hours = shop.desk.clock.now().since(begin).as_secs() / 3600;
        if shown.status() == EndpointStatus::Disabled {
            assert_eq!(hours, 120, "after five days and not before");
            let reason = shown.disabled_reason.expect("a reason");
            assert!(reason.contains("5 days") && reason.ends_with('.'), "{reason}");
            assert_eq!(shop.own_actions().await, [("endpoint.disabled".to_owned(), reason)]);
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
        shop.desk.ticket(&shop.home, &format!("After {hours} hours")).await;
    }
    assert_eq!(seen, [FailureWarning::None, FailureWarning::Half, FailureWarning::ThreeQuarters]);

    let waiting: Vec<_> = shop
        .desk
        .deliveries_of(&shop.home.operator, &shop.endpoint.id)
        .await
        .into_iter()
        .filter(|it| it.status() == DeliveryStatus::Paused)
        .map(|it| it.id)
        .collect();
    assert!(!waiting.is_empty(), "what waits is paused and visible");
    shop.desk.ticket(&shop.home, "Unheard").await;
    shop.desk.clock.advance(24 * HOUR);
    assert!(shop.claimed().await.is_empty());
    let shown = enable(&shop).await;
    assert_eq!((shown.status(), shown.disabled_reason, shown.failing), (EndpointStatus::Active, None, None));
    let mut again = Vec::new();
    while again.len() < waiting.len() {
        let taken = next(&mut shop).await;
        shop.report(&taken, 500).await;
        again.push(taken.id);
    }
    again.sort_unstable();
    let mut waiting = waiting;
    waiting.sort_unstable();
    assert_eq!(again, waiting, "what waited goes out, what happened meanwhile does not");
    let shown = get(&shop).await;
    assert_eq!(shown.status(), EndpointStatus::Failing, "failures of before the switch do not count");
    assert_eq!(shown.failing.expect("failing").failures_in_row as usize, waiting.len());
}

async fn few_attempts_do_not_switch_off_however_old(desk: Desk) {
    let mut shop = Shop::open(desk, 100).await;
    let taken = fail(&mut shop, 1).await.remove(0);
    shop.desk.clock.advance(24 * 30 * HOUR);
    let again = next(&mut shop).await;
    assert_eq!(again.id, taken.id);
    shop.report(&again, 500).await;
    let shown = get(&shop).await;
    assert_eq!(
        (shown.status(), shown.failing.expect("failing").warning()),
        (EndpointStatus::Failing, FailureWarning::ThreeQuarters)
    );
}

async fn a_success_starts_the_days_anew(desk: Desk) {
    let mut shop = Shop::open(desk, 100).await;
    fail(&mut shop, 19).await;
    shop.desk.clock.advance(24 * 4 * HOUR);
    let mut good = next(&mut shop).await;
    shop.report(&good, 200).await;
    for _ in 0..18 {
        good = next(&mut shop).await;
        shop.report(&good, 500).await;
    }
    shop.desk.clock.advance(24 * HOUR + HOUR);
    good = next(&mut shop).await;
    shop.report(&good, 500).await;
    let failing = get(&shop).await.failing.expect("failing");
    assert_eq!(failing.warning(), FailureWarning::None);
}

async fn tests_say_nothing_of_an_endpoint(desk: Desk) {
    let mut shop = Shop::open(desk, 100).await;
    for _ in 0..25 {
        let request =
            v1::SendTestEventRequest { endpoint_id: shop.endpoint.id.clone(), event: Some("ticket.closed".to_owned()) };
        shop.desk.webhooks().send_test_event(shop.home.key.ask(request)).await.answer();
        let taken = next(&mut shop).await;
        shop.report(&taken, 500).await;
    }
    assert_eq!(get(&shop).await.failing, None);
    for n in 0..8 {
        shop.desk.ticket(&shop.home, &format!("Order {n}")).await;
    }
    for _ in 0..8 {
        next(&mut shop).await;
    }
}

/// A delivery of the endpoint that is due now, or `None`; that is known by a claim that went by.
async fn next_due(shop: &mut Shop) -> Option<Taken> {
    let due = async || {
        let now = shop.desk.clock.now();
        let waits = shop.desk.deliveries_of(&shop.home.operator, &shop.endpoint.id).await.into_iter().any(|delivery| {
            let due = delivery.next_attempt_at.map(|at| inboxops_proto::clock::Timestamp::from(&at) <= now);
            due == Some(true)
                || (delivery.next_attempt_at.is_none() && delivery.status() == DeliveryStatus::Pending)
                || (delivery.next_attempt_at.is_none() && delivery.status() == DeliveryStatus::Retrying)
        });
        Some(waits)
    };
    if until("an answer", due).await { Some(next(shop).await) } else { None }
}

on_both!(Desk:
    after_twenty_failures_one_request_at_a_time_goes_out_in_due_order,
    a_new_process_knows_that_an_endpoint_is_dead,
    five_days_without_a_success_end_in_two_warnings_and_a_switch_off,
    few_attempts_do_not_switch_off_however_old,
    a_success_starts_the_days_anew,
    tests_say_nothing_of_an_endpoint,
);
