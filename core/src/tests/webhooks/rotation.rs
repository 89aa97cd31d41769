//! The rotation of a secret in two steps, as its tenant sees it.

use super::{get, update};
use crate::tests::support::{Came as _, Client, TestCore, on_both, violations};
use inboxops_proto::{
    clock::Timestamp,
    reason::Reason,
    v1::{self, SecretStage},
};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn rotate(id: &str) -> v1::RotateSecretRequest {
    v1::RotateSecretRequest { endpoint_id: id.to_owned(), ..Default::default() }
}

pub(crate) fn promote(id: &str) -> v1::PromoteSecretRequest {
    v1::PromoteSecretRequest { endpoint_id: id.to_owned(), ..Default::default() }
}

async fn rotated(core: &TestCore, by: &Client, request: v1::RotateSecretRequest) -> v1::WebhookEndpoint {
    core.webhooks().rotate_secret(by.ask(request)).await.answer().endpoint.expect("an endpoint")
}

async fn promoted(core: &TestCore, by: &Client, request: v1::PromoteSecretRequest) -> v1::WebhookEndpoint {
    core.webhooks().promote_secret(by.ask(request)).await.answer().endpoint.expect("an endpoint")
}

fn hint(endpoint: &v1::WebhookEndpoint) -> String {
    endpoint.secret.as_ref().expect("a secret")[34..].to_owned()
}

async fn a_rotation_shows_the_new_secret_once_and_where_it_stands(core: TestCore) {
    let tenant = core.tenant().await;
    let first = core.endpoint(&tenant.key, &["*"]).await;
    assert_eq!(first.rotation, None);
    core.tick();
    let at = core.clock.now();
    let staged = rotated(&core, &tenant.key, rotate(&first.id)).await;
    assert_ne!(staged.secret, first.secret);
    let rotation = v1::SecretRotation {
        stage: SecretStage::Staged.into(),
        new_secret_hint: hint(&staged),
        old_secret_hint: hint(&first),
        promotes_at: Some(at.plus(24 * HOUR).into()),
        old_expires_at: Some(at.plus(48 * HOUR).into()),
    };
    let expected =
        v1::WebhookEndpoint { secret: None, rotation: Some(rotation), updated_at: Some(at.into()), ..first.clone() };
    assert_eq!(get(&core, &tenant.key, &first.id).await, expected, "the secret is not shown again");
    let rows = core.rows().await;
    assert!(!rows.hold(&staged.secret.as_ref().expect("a secret")[6..]), "sealed at rest");

    core.clock.advance(HOUR);
    let at = core.clock.now();
    let request = v1::PromoteSecretRequest { keep_old_hours: Some(168), ..promote(&first.id) };
    let shown = promoted(&core, &tenant.key, request).await;
    assert_eq!((shown.secret.clone(), shown.secret_hint.clone()), (None, hint(&staged)));
    let rotation = v1::SecretRotation {
        stage: SecretStage::Promoted.into(),
        new_secret_hint: hint(&staged),
        old_secret_hint: hint(&first),
        promotes_at: None,
        old_expires_at: Some(at.plus(168 * HOUR).into()),
    };
    assert_eq!(shown.rotation, Some(rotation));
    core.clock.advance(168 * HOUR);
    let after = get(&core, &tenant.key, &first.id).await;
    assert_eq!((after.rotation, after.secret_hint), (None, hint(&staged)), "time alone ends it");
}

async fn at_most_two_secrets_live(core: TestCore) {
    let tenant = core.tenant().await;
    let first = core.endpoint(&tenant.key, &["*"]).await;
    let failure = core.webhooks().promote_secret(tenant.key.ask(promote(&first.id))).await.refusal();
    assert_eq!(failure.reason, Reason::Conflict, "nothing is staged");
    let lost = rotated(&core, &tenant.key, rotate(&first.id)).await;
    let second = rotated(&core, &tenant.key, rotate(&first.id)).await;
    let rotation = second.rotation.clone().expect("a rotation");
    assert_ne!(lost.secret, second.secret);
    assert_eq!((rotation.old_secret_hint, rotation.new_secret_hint), (hint(&first), hint(&second)), "staged anew");
    promoted(&core, &tenant.key, promote(&first.id)).await;
    let failure = core.webhooks().rotate_secret(tenant.key.ask(rotate(&first.id))).await.refusal();
    assert_eq!(failure.reason, Reason::Conflict, "the old one still signs");
    let at_once = v1::RotateSecretRequest { immediate: Some(true), ..rotate(&first.id) };
    let third = rotated(&core, &tenant.key, at_once).await;
    assert_eq!((third.rotation.clone(), third.secret_hint.clone()), (None, hint(&third)));
    rotated(&core, &tenant.key, rotate(&first.id)).await;
}

async fn a_change_of_other_settings_keeps_the_rotation(core: TestCore) {
    let tenant = core.tenant().await;
    let first = core.endpoint(&tenant.key, &["*"]).await;
    let staged =
        rotated(&core, &tenant.key, v1::RotateSecretRequest { keep_old_hours: Some(2), ..rotate(&first.id) }).await;
    core.clock.advance(25 * HOUR);
    let changes = v1::WebhookEndpointChanges { description: Some("CRM".to_owned()), ..Default::default() };
    let changed = update(&core, &tenant.key, &first.id, changes).await.expect("a change");
    let rotation = changed.rotation.expect("a rotation");
    assert_eq!((rotation.stage(), changed.secret_hint.clone()), (SecretStage::Promoted, hint(&staged)));
    let staged_at = Timestamp::from(&staged.updated_at.expect("a time"));
    assert_eq!(rotation.old_expires_at, Some(staged_at.plus(26 * HOUR).into()), "counted from when time did it");
    core.clock.advance(HOUR);
    assert_eq!(get(&core, &tenant.key, &first.id).await.rotation, None);
    rotated(&core, &tenant.key, rotate(&first.id)).await;
}

async fn an_old_secret_is_kept_for_a_week_at_most(core: TestCore) {
    let tenant = core.tenant().await;
    let id = core.endpoint(&tenant.key, &["*"]).await.id;
    let long = v1::RotateSecretRequest { keep_old_hours: Some(169), ..rotate(&id) };
    let failure = core.webhooks().rotate_secret(tenant.key.ask(long)).await.refusal();
    assert_eq!(violations(&failure), [("keep_old_hours", "out_of_range")]);
    rotated(&core, &tenant.key, rotate(&id)).await;
    let long = v1::PromoteSecretRequest { keep_old_hours: Some(169), ..promote(&id) };
    let failure = core.webhooks().promote_secret(tenant.key.ask(long)).await.refusal();
    assert_eq!(violations(&failure), [("keep_old_hours", "out_of_range")]);
    let none = promoted(&core, &tenant.key, v1::PromoteSecretRequest { keep_old_hours: Some(0), ..promote(&id) }).await;
    assert_eq!(none.rotation, None, "it ended with the promotion");
}

on_both!(TestCore:
    a_rotation_shows_the_new_secret_once_and_where_it_stands,
    at_most_two_secrets_live,
    a_change_of_other_settings_keeps_the_rotation,
    an_old_secret_is_kept_for_a_week_at_most,
);
