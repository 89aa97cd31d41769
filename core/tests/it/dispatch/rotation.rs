//! What a worker is given to sign with while a secret is changed: by calls, and by time alone.

use super::Shop;
use crate::support::{Came as _, Desk, on_both};
use inboxops_proto::v1;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// The secrets that the next request is signed with, the one of `X-InboxOps-Signature` first.
async fn secrets(shop: &mut Shop) -> Vec<String> {
    let taken = shop.delivery("Hello").await;
    shop.report(&taken, 200).await;
    taken.endpoint.secrets
}

async fn time_alone_promotes_and_expires_secrets_for_the_next_request(desk: Desk) {
    let mut shop = Shop::open(desk, 10).await;
    let old = shop.endpoint.secret.clone().expect("a secret");
    assert_eq!(secrets(&mut shop).await, std::slice::from_ref(&old));
    let request = v1::RotateSecretRequest {
        endpoint_id: shop.endpoint.id.clone(),
        keep_old_hours: Some(48),
        ..Default::default()
    };
    let answer = shop.desk.webhooks().rotate_secret(shop.home.key.ask(request)).await.answer();
    let new = answer.endpoint.expect("an endpoint").secret.expect("a secret");
    let begin = shop.desk.clock.now();
    let at = |shop: &Shop, after: Duration| {
        let now = shop.desk.clock.now();
        shop.desk.clock.advance(begin.plus(after).since(now));
    };
    assert_eq!(secrets(&mut shop).await, [old.clone(), new.clone()], "staged: both, the old one first");
    // Opening a ticket ticks the clock by a millisecond.
    let nearly = Duration::from_millis(1) + Duration::from_micros(1);
    at(&shop, 24 * HOUR - nearly);
    assert_eq!(secrets(&mut shop).await, [old.clone(), new.clone()]);
    at(&shop, 24 * HOUR);
    assert_eq!(secrets(&mut shop).await, [new.clone(), old.clone()], "promoted by itself");
    at(&shop, 72 * HOUR - nearly);
    assert_eq!(secrets(&mut shop).await, [new.clone(), old]);
    at(&shop, 72 * HOUR);
    assert_eq!(secrets(&mut shop).await, [new], "expired by itself");
}

async fn a_promotion_counts_from_the_next_request_on_and_for_retries_too(desk: Desk) {
    let mut shop = Shop::open(desk, 10).await;
    let id = shop.endpoint.id.clone();
    let old = shop.endpoint.secret.clone().expect("a secret");
    let first = shop.delivery("Retried").await;
    shop.report(&first, 500).await;
    let request = v1::RotateSecretRequest { endpoint_id: id.clone(), ..Default::default() };
    let answer = shop.desk.webhooks().rotate_secret(shop.home.key.ask(request)).await.answer();
    let new = answer.endpoint.expect("an endpoint").secret.expect("a secret");
    assert_eq!(secrets(&mut shop).await, [old.clone(), new.clone()]);
    let request = v1::PromoteSecretRequest { endpoint_id: id.clone(), ..Default::default() };
    shop.desk.webhooks().promote_secret(shop.home.key.ask(request)).await.answer();
    assert_eq!(secrets(&mut shop).await, [new.clone(), old]);
    shop.desk.clock.advance(Duration::from_secs(120));
    let again = shop.worker.next().await;
    assert_eq!((&again.id, &again.endpoint.secrets[0]), (&first.id, &new));
    shop.report(&again, 200).await;
    let request = v1::RotateSecretRequest { endpoint_id: id, immediate: Some(true), ..Default::default() };
    let answer = shop.desk.webhooks().rotate_secret(shop.home.key.ask(request)).await.answer();
    let only = answer.endpoint.expect("an endpoint").secret.expect("a secret");
    assert_eq!(secrets(&mut shop).await, [only]);
}

async fn custom_headers_go_to_the_worker_and_a_change_of_them_counts_at_once(desk: Desk) {
    let mut shop = Shop::open(desk, 10).await;
    for value in ["Bearer one", "Bearer two"] {
        let header = v1::NewEndpointHeader { name: Some("Authorization".to_owned()), value: Some(value.to_owned()) };
        let request = v1::UpdateWebhookEndpointRequest {
            endpoint_id: shop.endpoint.id.clone(),
            endpoint: Some(v1::WebhookEndpointChanges { headers: vec![header], ..Default::default() }),
            update_mask: None,
        };
        shop.desk.webhooks().update_webhook_endpoint(shop.home.key.ask(request)).await.answer();
        let taken = shop.delivery("Hello").await;
        let headers: Vec<_> = taken.endpoint.headers.iter().map(|it| (it.name.as_str(), it.value.as_str())).collect();
        assert_eq!(headers, [("Authorization", value)]);
        shop.report(&taken, 200).await;
    }
}

on_both!(Desk:
    time_alone_promotes_and_expires_secrets_for_the_next_request,
    a_promotion_counts_from_the_next_request_on_and_for_retries_too,
    custom_headers_go_to_the_worker_and_a_change_of_them_counts_at_once,
);
