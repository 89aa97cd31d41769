//! The optional rate limit of an endpoint: it covers new deliveries and retries, and slows no other endpoint.

use super::TestDispatch;
use crate::tests::support::{Came as _, TakenDelivery, TestCore, on_both};
use inboxops_proto::v1;
use std::time::Duration;

async fn limit(dispatch: &TestDispatch, rate: Option<u32>) -> v1::WebhookEndpoint {
    let request = v1::UpdateWebhookEndpointRequest {
        endpoint_id: dispatch.endpoint.id.clone(),
        endpoint: Some(v1::WebhookEndpointChanges { rate_per_second: rate, ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["rate_per_second".to_owned()] }),
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

/// Takes `count` deliveries and answers each with `status`, moving the clock in small steps; returns when each arrived.
async fn timed(dispatch: &mut TestDispatch, count: usize, status: u32) -> Vec<(Duration, TakenDelivery)> {
    let begin = dispatch.core.clock.now();
    let mut came = Vec::new();
    while came.len() < count {
        // A probe of another tenant is delivered each time: the limited endpoint delays nobody.
        for taken in dispatch.claimed().await {
            dispatch.report(&taken, status).await;
            came.push((dispatch.core.clock.now().since(begin), taken));
        }
        if came.len() < count {
            dispatch.core.clock.advance(Duration::from_millis(50));
        }
        assert!(dispatch.core.clock.now().since(begin) < Duration::from_secs(60), "only {} came", came.len());
    }
    came
}

async fn no_more_than_the_rate_goes_out_in_any_second_retries_included(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 100).await;
    assert_eq!(limit(&dispatch, Some(4)).await.rate_per_second, Some(4));
    for n in 0..8 {
        dispatch.core.ticket(&dispatch.tenant, &format!("Order {n}")).await;
    }
    let first = timed(&mut dispatch, 8, 500).await;
    let spread = |came: &[(Duration, TakenDelivery)]| {
        for (index, (at, _)) in came.iter().enumerate() {
            let within = came[index..].iter().take_while(|(it, _)| *it < *at + Duration::from_secs(1)).count();
            assert!(within <= 4, "{within} within a second: {:?}", came.iter().map(|it| it.0).collect::<Vec<_>>());
        }
        came[came.len() - 1].0
    };
    let took = spread(&first);
    assert!(took < Duration::from_secs(3), "and not much less: {took:?}");
    dispatch.core.clock.advance(Duration::from_secs(120));
    let again = timed(&mut dispatch, 8, 200).await;
    spread(&again);
    assert!(again.iter().all(|(_, taken)| taken.lease.attempt == 2));
    assert_eq!(limit(&dispatch, None).await.rate_per_second, None);
    for n in 0..8 {
        dispatch.core.ticket(&dispatch.tenant, &format!("Free {n}")).await;
    }
    for _ in 0..8 {
        let taken = dispatch.worker.next().await;
        dispatch.report(&taken, 200).await;
    }
}

async fn a_rate_is_from_one_to_a_thousand(core: TestCore) {
    let dispatch = TestDispatch::open(core, 10).await;
    for rate in [0, 1001] {
        let request = v1::UpdateWebhookEndpointRequest {
            endpoint_id: dispatch.endpoint.id.clone(),
            endpoint: Some(v1::WebhookEndpointChanges { rate_per_second: Some(rate), ..Default::default() }),
            update_mask: None,
        };
        let failure =
            dispatch.core.webhooks().update_webhook_endpoint(dispatch.tenant.key.ask(request)).await.refusal();
        assert_eq!(crate::tests::support::violations(&failure), [("rate_per_second", "out_of_range")]);
    }
    assert_eq!(limit(&dispatch, Some(1000)).await.rate_per_second, Some(1000));
}

on_both!(TestCore: no_more_than_the_rate_goes_out_in_any_second_retries_included, a_rate_is_from_one_to_a_thousand);
