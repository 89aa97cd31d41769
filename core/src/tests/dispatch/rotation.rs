//! The secrets that a worker signs with during a rotation, by calls and by time alone.

use super::TestDispatch;
use crate::tests::support::{Came as _, TestCore, on_both};
use inboxops_proto::v1;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// The secrets that the next request is signed with, the one of `X-InboxOps-Signature` first.
async fn secrets(dispatch: &mut TestDispatch) -> Vec<String> {
    let taken = dispatch.delivery("Hello").await;
    dispatch.report(&taken, 200).await;
    taken.endpoint.secrets
}

async fn time_alone_promotes_and_expires_secrets_for_the_next_request(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let old = dispatch.endpoint.secret.clone().expect("a secret");
    assert_eq!(secrets(&mut dispatch).await, std::slice::from_ref(&old));
    let request = v1::RotateSecretRequest {
        endpoint_id: dispatch.endpoint.id.clone(),
        keep_old_hours: Some(48),
        ..Default::default()
    };
    let answer = dispatch.core.webhooks().rotate_secret(dispatch.tenant.key.ask(request)).await.answer();
    let new = answer.endpoint.expect("an endpoint").secret.expect("a secret");
    let begin = dispatch.core.clock.now();
    let at = |dispatch: &TestDispatch, after: Duration| {
        let now = dispatch.core.clock.now();
        dispatch.core.clock.advance(begin.plus(after).since(now));
    };
    assert_eq!(secrets(&mut dispatch).await, [old.clone(), new.clone()], "staged: both, the old one first");
    // Opening a ticket moves the clock by a millisecond.
    let nearly = Duration::from_millis(1) + Duration::from_micros(1);
    at(&dispatch, 24 * HOUR - nearly);
    assert_eq!(secrets(&mut dispatch).await, [old.clone(), new.clone()]);
    at(&dispatch, 24 * HOUR);
    assert_eq!(secrets(&mut dispatch).await, [new.clone(), old.clone()], "promoted by itself");
    at(&dispatch, 72 * HOUR - nearly);
    assert_eq!(secrets(&mut dispatch).await, [new.clone(), old]);
    at(&dispatch, 72 * HOUR);
    assert_eq!(secrets(&mut dispatch).await, [new], "expired by itself");
}

async fn a_promotion_counts_from_the_next_request_on_and_for_retries_too(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    let id = dispatch.endpoint.id.clone();
    let old = dispatch.endpoint.secret.clone().expect("a secret");
    let first = dispatch.delivery("Retried").await;
    dispatch.report(&first, 500).await;
    let request = v1::RotateSecretRequest { endpoint_id: id.clone(), ..Default::default() };
    let answer = dispatch.core.webhooks().rotate_secret(dispatch.tenant.key.ask(request)).await.answer();
    let new = answer.endpoint.expect("an endpoint").secret.expect("a secret");
    assert_eq!(secrets(&mut dispatch).await, [old.clone(), new.clone()]);
    let request = v1::PromoteSecretRequest { endpoint_id: id.clone(), ..Default::default() };
    dispatch.core.webhooks().promote_secret(dispatch.tenant.key.ask(request)).await.answer();
    assert_eq!(secrets(&mut dispatch).await, [new.clone(), old]);
    dispatch.core.clock.advance(Duration::from_secs(120));
    let again = dispatch.worker.next().await;
    assert_eq!((&again.id, &again.endpoint.secrets[0]), (&first.id, &new));
    dispatch.report(&again, 200).await;
    let request = v1::RotateSecretRequest { endpoint_id: id, immediate: Some(true), ..Default::default() };
    let answer = dispatch.core.webhooks().rotate_secret(dispatch.tenant.key.ask(request)).await.answer();
    let only = answer.endpoint.expect("an endpoint").secret.expect("a secret");
    assert_eq!(secrets(&mut dispatch).await, [only]);
}

async fn custom_headers_go_to_the_worker_and_a_change_of_them_counts_at_once(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 10).await;
    for value in ["Bearer one", "Bearer two"] {
        let header = v1::NewEndpointHeader { name: Some("Authorization".to_owned()), value: Some(value.to_owned()) };
        let request = v1::UpdateWebhookEndpointRequest {
            endpoint_id: dispatch.endpoint.id.clone(),
            endpoint: Some(v1::WebhookEndpointChanges { headers: vec![header], ..Default::default() }),
            update_mask: None,
        };
        dispatch.core.webhooks().update_webhook_endpoint(dispatch.tenant.key.ask(request)).await.answer();
        let taken = dispatch.delivery("Hello").await;
        let headers: Vec<_> = taken.endpoint.headers.iter().map(|it| (it.name.as_str(), it.value.as_str())).collect();
        assert_eq!(headers, [("Authorization", value)]);
        dispatch.report(&taken, 200).await;
    }
}

on_both!(TestCore:
    time_alone_promotes_and_expires_secrets_for_the_next_request,
    a_promotion_counts_from_the_next_request_on_and_for_retries_too,
    custom_headers_go_to_the_worker_and_a_change_of_them_counts_at_once,
);
