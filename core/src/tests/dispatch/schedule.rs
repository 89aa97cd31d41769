//! When a delivery is retried, and when it fails for good.

use super::{TestDispatch, time};
use crate::tests::support::{ACCEPTED, Came as _, TestCore, on_both};
use inboxops_proto::{
    internal::v1::Outcome,
    v1::{self, DeliveryStatus, EndpointStatus},
};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

async fn ten_attempts_in_eight_and_a_half_hours_and_then_no_more(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let begin = dispatch.core.clock.now();
    let mut taken = dispatch.delivery("Hello").await;
    let first = taken.clone();
    let mut most = Duration::ZERO;
    for (attempt, minutes) in (1..=9).zip([1, 2, 4, 8, 16, 32, 64, 128, 256]) {
        assert_eq!((taken.lease.attempt, &taken.id, &taken.body), (attempt, &first.id, &first.body));
        dispatch.report(&taken, 500).await;
        let one = dispatch.shown(&first).await;
        assert_eq!((one.status(), one.attempt_count), (DeliveryStatus::Retrying, attempt));
        assert_eq!(one.response_status, Some(500));
        assert_eq!(one.error_code.as_deref(), Some("http_5xx"));
        let (now, due) = (dispatch.core.clock.now(), time(one.next_attempt_at));
        let (wait, jitter) = (due.since(now), (MINUTE * minutes / 10).min(MINUTE));
        assert!(wait >= MINUTE * minutes && wait <= MINUTE * minutes + jitter, "attempt {attempt}: {wait:?}");
        most += jitter;
        if attempt == 1 {
            // A probe moves the clock by a millisecond.
            dispatch.core.clock.advance(wait - Duration::from_millis(1) - Duration::from_micros(1));
            assert!(dispatch.claimed().await.is_empty(), "a microsecond is missing");
        }
        dispatch.core.clock.advance(due.since(dispatch.core.clock.now()));
        taken = dispatch.worker.next().await;
    }
    let took = dispatch.core.clock.now().since(begin);
    let least = Duration::from_secs((8 * 60 + 31) * 60);
    assert!(took >= least && took <= least + most, "{took:?}");
    dispatch.report(&taken, 500).await;
    let one = dispatch.shown(&first).await;
    assert_eq!(one.status(), DeliveryStatus::Failed);
    assert_eq!(one.attempt_count, 10);
    assert_eq!(one.attempts.len(), 10);
    assert_eq!((one.next_attempt_at, one.delivered_at), (None, None));
    let numbers: Vec<u32> = one.attempts.iter().map(|it| it.number).collect();
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
    dispatch.core.clock.advance(MINUTE * 60 * 24 * 7);
    assert!(dispatch.claimed().await.is_empty(), "never again by itself");
}

async fn a_receiver_may_ask_for_more_time_and_not_for_less(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    for (asked, expected) in [(600, 600), (1_000_000, 256 * 60)] {
        let taken = dispatch.delivery(&format!("Ask {asked}")).await;
        let outcome = Outcome { retry_after_secs: asked, ..taken.answered(&dispatch.core, 429) };
        assert_eq!(dispatch.worker.report(&dispatch.core, vec![outcome]).await, ACCEPTED);
        let wait = time(dispatch.shown(&taken).await.next_attempt_at).since(dispatch.core.clock.now());
        assert_eq!(wait, Duration::from_secs(expected));
    }
    let taken = dispatch.delivery("Soon").await;
    let outcome = Outcome { retry_after_secs: 1, ..taken.answered(&dispatch.core, 503) };
    assert_eq!(dispatch.worker.report(&dispatch.core, vec![outcome]).await, ACCEPTED);
    assert!(time(dispatch.shown(&taken).await.next_attempt_at).since(dispatch.core.clock.now()) >= MINUTE);
}

async fn a_receiver_may_stop_one_delivery(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let taken = dispatch.delivery("Stop").await;
    let outcome = Outcome { abort: true, ..taken.answered(&dispatch.core, 500) };
    assert_eq!(dispatch.worker.report(&dispatch.core, vec![outcome]).await, ACCEPTED);
    let one = dispatch.shown(&taken).await;
    assert_eq!(one.status(), DeliveryStatus::Failed);
    assert_eq!(one.attempt_count, 1);
    assert_eq!(one.next_attempt_at, None);
    let next = dispatch.delivery("Next").await;
    dispatch.report(&next, 200).await;
}

async fn an_address_that_is_gone_for_good_is_switched_off(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let (taken, waiting) = (dispatch.delivery("Gone").await, dispatch.delivery("Waiting").await);
    dispatch.report(&waiting, 500).await;
    dispatch.report(&taken, 410).await;
    assert_eq!(dispatch.shown(&taken).await.status(), DeliveryStatus::Failed);
    let request = v1::GetWebhookEndpointRequest { endpoint_id: dispatch.endpoint.id.clone() };
    let shown = dispatch.core.webhooks().get_webhook_endpoint(dispatch.tenant.key.ask(request)).await.answer();
    let shown = shown.endpoint.expect("an endpoint");
    assert_eq!(shown.status(), EndpointStatus::Disabled);
    let reason = shown.disabled_reason.expect("a reason");
    assert!(reason.contains("410"), "{reason}");
    assert_eq!(dispatch.own_actions().await, [("endpoint.disabled".to_owned(), reason)]);
    assert_eq!(dispatch.shown(&waiting).await.status(), DeliveryStatus::Paused, "nothing that waits is lost");
    let request = v1::UpdateWebhookEndpointRequest {
        endpoint_id: dispatch.endpoint.id.clone(),
        endpoint: Some(v1::WebhookEndpointChanges { enabled: Some(true), ..Default::default() }),
        update_mask: None,
    };
    let on = dispatch.core.webhooks().update_webhook_endpoint(dispatch.tenant.key.ask(request)).await.answer();
    assert_eq!(on.endpoint.expect("an endpoint").disabled_reason, None);
    dispatch.core.clock.advance(MINUTE * 2);
    assert_eq!(dispatch.worker.next().await.id, waiting.id);
}

async fn a_410_of_an_address_that_was_changed_since_switches_nothing_off(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let taken = dispatch.delivery("Gone").await;
    let request = v1::UpdateWebhookEndpointRequest {
        endpoint_id: dispatch.endpoint.id.clone(),
        endpoint: Some(v1::WebhookEndpointChanges {
            url: Some("https://example.com/moved".to_owned()),
            ..Default::default()
        }),
        update_mask: None,
    };
    dispatch.core.webhooks().update_webhook_endpoint(dispatch.tenant.key.ask(request)).await.answer();
    dispatch.report(&taken, 410).await;
    assert_eq!(dispatch.shown(&taken).await.status(), DeliveryStatus::Failed);
    let request = v1::GetWebhookEndpointRequest { endpoint_id: dispatch.endpoint.id.clone() };
    let shown = dispatch.core.webhooks().get_webhook_endpoint(dispatch.tenant.key.ask(request)).await.answer();
    assert_eq!(shown.endpoint.expect("an endpoint").disabled_reason, None);
    assert!(dispatch.own_actions().await.is_empty());
    let next = dispatch.delivery("To the new address").await;
    dispatch.report(&next, 200).await;
}

async fn what_was_not_sent_spends_no_attempt(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let taken = dispatch.delivery("Hello").await;
    let outcome = Outcome { not_sent: true, ..taken.answered(&dispatch.core, 0) };
    assert_eq!(dispatch.worker.report(&dispatch.core, vec![outcome]).await, ACCEPTED);
    let one = dispatch.shown(&taken).await;
    assert_eq!(one.status(), DeliveryStatus::Pending);
    assert_eq!(one.attempt_count, 0);
    assert_eq!(one.attempts.len(), 0);
    dispatch.core.clock.advance(Duration::from_secs(1));
    let again = dispatch.worker.next().await;
    assert_eq!(again.id, taken.id);
    assert_eq!(again.lease.attempt, 1);
    assert!(again.lease.token > taken.lease.token);
    dispatch.report(&again, 200).await;
}

async fn an_endpoint_that_fails_says_so_until_it_answers(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let status = async |dispatch: &TestDispatch| {
        let request = v1::GetWebhookEndpointRequest { endpoint_id: dispatch.endpoint.id.clone() };
        let shown = dispatch.core.webhooks().get_webhook_endpoint(dispatch.tenant.key.ask(request)).await.answer();
        let shown = shown.endpoint.expect("an endpoint");
        (shown.status(), shown.last_delivery.map(|last| (last.status(), last.response_status)))
    };
    assert_eq!(status(&dispatch).await, (EndpointStatus::Active, None));
    let taken = dispatch.delivery("Hello").await;
    dispatch.report(&taken, 503).await;
    assert_eq!(status(&dispatch).await, (EndpointStatus::Failing, Some((DeliveryStatus::Retrying, Some(503)))));
    dispatch.core.clock.advance(MINUTE * 2);
    let again = dispatch.worker.next().await;
    dispatch.report(&again, 200).await;
    assert_eq!(status(&dispatch).await, (EndpointStatus::Active, Some((DeliveryStatus::Delivered, Some(200)))));
}

on_both!(TestCore:
    ten_attempts_in_eight_and_a_half_hours_and_then_no_more,
    a_receiver_may_ask_for_more_time_and_not_for_less,
    a_receiver_may_stop_one_delivery,
    an_address_that_is_gone_for_good_is_switched_off,
    a_410_of_an_address_that_was_changed_since_switches_nothing_off,
    what_was_not_sent_spends_no_attempt,
    an_endpoint_that_fails_says_so_until_it_answers,
);
