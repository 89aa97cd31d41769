//! The optional rate of an endpoint: kept over new deliveries and retries, at nobody else's cost.

use super::Shop;
use crate::support::{Came as _, Desk, Taken, on_both};
use inboxops_proto::v1;
use std::time::Duration;

async fn limit(shop: &Shop, rate: Option<u32>) -> v1::WebhookEndpoint {
    let request = v1::UpdateWebhookEndpointRequest {
        endpoint_id: shop.endpoint.id.clone(),
        endpoint: Some(v1::WebhookEndpointChanges { rate_per_second: rate, ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["rate_per_second".to_owned()] }),
    };
    shop.desk.webhooks().update_webhook_endpoint(shop.home.key.ask(request)).await.answer().endpoint.expect("one")
}

/// Takes `count` deliveries and answers each with `status`, letting time pass in small steps, and when each came.
async fn timed(shop: &mut Shop, count: usize, status: u32) -> Vec<(Duration, Taken)> {
    let begin = shop.desk.clock.now();
    let mut came = Vec::new();
    while came.len() < count {
        // A probe of another tenant goes by each time: the limited endpoint delays nobody.
        for taken in shop.claimed().await {
            shop.report(&taken, status).await;
            came.push((shop.desk.clock.now().since(begin), taken));
        }
        if came.len() < count {
            shop.desk.clock.advance(Duration::from_millis(50));
        }
        assert!(shop.desk.clock.now().since(begin) < Duration::from_secs(60), "only {} came", came.len());
    }
    came
}

async fn no_more_than_the_rate_goes_out_in_any_second_retries_included(desk: Desk) {
    let mut shop = Shop::open(desk, 100).await;
    assert_eq!(limit(&shop, Some(4)).await.rate_per_second, Some(4));
    for n in 0..8 {
        shop.desk.ticket(&shop.home, &format!("Order {n}")).await;
    }
    let first = timed(&mut shop, 8, 500).await;
    let spread = |came: &[(Duration, Taken)]| {
        for (index, (at, _)) in came.iter().enumerate() {
            let within = came[index..].iter().take_while(|(it, _)| *it < *at + Duration::from_secs(1)).count();
            assert!(within <= 4, "{within} within a second: {:?}", came.iter().map(|it| it.0).collect::<Vec<_>>());
        }
        came[came.len() - 1].0
    };
    let took = spread(&first);
    assert!(took < Duration::from_secs(3), "and not much less: {took:?}");
    shop.desk.clock.advance(Duration::from_secs(120));
    let again = timed(&mut shop, 8, 200).await;
    spread(&again);
    assert!(again.iter().all(|(_, taken)| taken.lease.attempt == 2));
    assert_eq!(limit(&shop, None).await.rate_per_second, None);
    for n in 0..8 {
        shop.desk.ticket(&shop.home, &format!("Free {n}")).await;
    }
    for _ in 0..8 {
        let taken = shop.worker.next().await;
        shop.report(&taken, 200).await;
    }
}

async fn a_rate_is_from_one_to_a_thousand(desk: Desk) {
    let shop = Shop::open(desk, 10).await;
    for rate in [0, 1001] {
        let request = v1::UpdateWebhookEndpointRequest {
            endpoint_id: shop.endpoint.id.clone(),
            endpoint: Some(v1::WebhookEndpointChanges { rate_per_second: Some(rate), ..Default::default() }),
            update_mask: None,
        };
        let failure = shop.desk.webhooks().update_webhook_endpoint(shop.home.key.ask(request)).await.refusal();
        assert_eq!(crate::support::violations(&failure), [("rate_per_second", "out_of_range")]);
    }
    assert_eq!(limit(&shop, Some(1000)).await.rate_per_second, Some(1000));
}

on_both!(Desk: no_more_than_the_rate_goes_out_in_any_second_retries_included, a_rate_is_from_one_to_a_thousand);
