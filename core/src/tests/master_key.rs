//! The change of the master key: every sealed value is unchanged, and opens with the new key only.

use crate::tests::{
    support::{Came as _, TestCore, Worker, new_endpoint, on_both},
    webhooks::rotation::rotate,
};
use crate::{
    Error,
    secrets::{
        MasterKey,
        rotation::{self, RotationOutcome},
    },
    store,
};
use inboxops_proto::v1;
use std::time::Duration;

fn key(byte: u8) -> MasterKey {
    MasterKey::new([byte; 32])
}

/// An endpoint with every kind of sealed value: two live secrets, which are returned, and a header.
async fn sealed(core: &TestCore) -> (crate::tests::support::TestTenant, String, [String; 2]) {
    let tenant = core.tenant().await;
    let header = v1::NewEndpointHeader { name: Some("Authorization".to_owned()), value: Some("Bearer one".to_owned()) };
    let request = v1::CreateWebhookEndpointRequest { headers: vec![header], ..new_endpoint(&["ticket.created"]) };
    let made = core.webhooks().create_webhook_endpoint(tenant.key.ask(request)).await.answer().endpoint.expect("one");
    let turned = core.webhooks().rotate_secret(tenant.key.ask(rotate(&made.id))).await.answer().endpoint.expect("one");
    (tenant, made.id, [made.secret.expect("a secret"), turned.secret.expect("a secret")])
}

async fn what_was_sealed_with_the_old_key_opens_with_the_new_one_alone(core: TestCore) {
    let (tenant, endpoint, secrets) = sealed(&core).await;
    let mut core = core
        .after(async |settings, stamps| {
            for (new, version) in [(key(8), 2), (key(9), 3)] {
                let done = rotation::rotate(settings, &new, stamps).await.expect("a change");
                assert_eq!(done, RotationOutcome::Done { endpoints: 1, version });
                let again = rotation::rotate(settings, &new, stamps).await.expect("no change");
                assert_eq!(again, RotationOutcome::Already);
                assert!(rotation::is_sealed_with(settings, &new, stamps).await.expect("an answer"));
                let old = crate::Core::open(settings.clone(), stamps.clone()).await;
                assert!(matches!(old, Err(Error::MasterKeyWrong)));
                let wrong = rotation::rotate(settings, &key(10), stamps).await;
                assert!(matches!(wrong, Err(Error::MasterKeyWrong)), "{wrong:?}");
                settings.master_key = new;
            }
        })
        .await;
    let mut worker = Worker::join(&core, 10).await;
    core.run();
    core.ticket(&tenant, "Hello").await;
    let taken = worker.next().await;
    assert_eq!(taken.endpoint.secrets, secrets);
    assert_eq!(taken.endpoint.headers[0].value, "Bearer one");
    let request = rotate(&endpoint);
    let third = core.webhooks().rotate_secret(tenant.key.ask(request)).await.answer().endpoint.expect("one").secret;
    core.ticket(&tenant, "Sealed later").await;
    assert_eq!(worker.next().await.endpoint.secrets, [secrets[0].clone(), third.expect("a secret")]);
}

async fn a_change_that_cannot_read_one_secret_changes_none(core: TestCore) {
    let (tenant, endpoint, secrets) = sealed(&core).await;
    core.tick();
    core.endpoint(&tenant.key, &["ticket.closed"]).await;
    // A value sealed for another purpose does not open here.
    let other = "SELECT headers FROM endpoints WHERE headers IS NOT NULL";
    core.run_sql(&format!("UPDATE endpoints SET secret = ({other}) WHERE headers IS NULL")).await;
    let mut core = core
        .after(async |settings, stamps| {
            let done = rotation::rotate(settings, &key(8), stamps).await;
            assert!(matches!(done, Err(Error::Unseal)), "{done:?}");
            assert!(!rotation::is_sealed_with(settings, &key(8), stamps).await.expect("an answer"));
        })
        .await;
    let mut worker = Worker::join(&core, 10).await;
    core.run();
    core.ticket(&tenant, "Hello").await;
    let taken = worker.next().await;
    assert_eq!(taken.endpoint.secrets, secrets, "{endpoint}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_not_changed_while_a_core_lives_that_knows_the_old_one() {
    let core = TestCore::postgres().await;
    let beside = core.beside().await;
    core.after(async |settings, stamps| {
        assert_eq!(rotation::rotate(settings, &key(8), stamps).await.expect("an answer"), RotationOutcome::InUse(1));
        // It ends without signing out, and counts as dead.
        drop(beside);
        stamps.clock().advance(store::cores::SILENCE + Duration::from_secs(1));
        let done = rotation::rotate(settings, &key(8), stamps).await.expect("a change");
        assert_eq!(done, RotationOutcome::Done { endpoints: 0, version: 2 });
        settings.master_key = key(8);
    })
    .await;
}

on_both!(TestCore:
    what_was_sealed_with_the_old_key_opens_with_the_new_one_alone,
    a_change_that_cannot_read_one_secret_changes_none,
);
