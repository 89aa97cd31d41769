//! Scopes of keys: what one of several is enough for, and what a key without the right to read messages is not shown.

use crate::tests::support::{Client, TestCore, on_both};
use inboxops_proto::{reason::Reason, services::RPCS};

const READ: &str = "webhooks:read";
const MANAGE: &str = "webhooks:manage";

async fn reading_webhooks_takes_either_scope_and_writing_the_greater(core: TestCore) {
    let tenant = core.tenant().await;
    let key = async |name: &str, scope: &str| Client::key(&core.key(&tenant.operator, name, &[scope]).await);
    let (reader, manager) = (key("Reader", READ).await, key("Manager", MANAGE).await);
    let other = key("Other", "tags:read").await;
    let (mut reads, mut writes) = (0, 0);
    for rpc in RPCS {
        let lacks = async |by: &Client| match core.call(rpc.path, by.ask(Vec::new())).await {
            Err(failure) if failure.reason == Reason::InsufficientScope => failure.facts,
            _ => Vec::new(),
        };
        match (rpc.policy.api_key, rpc.policy.or_api_key) {
            (Some(READ), or) => {
                reads += 1;
                assert_eq!(or, Some(MANAGE), "{}: existing keys go on reading", rpc.path);
                for by in [&reader, &manager] {
                    assert!(lacks(by).await.is_empty(), "{}", rpc.path);
                }
                assert_eq!(lacks(&other).await, [("scope", READ.to_owned())], "{}", rpc.path);
            }
            (Some(MANAGE), or) => {
                writes += 1;
                assert_eq!(or, None, "{}", rpc.path);
                assert!(lacks(&manager).await.is_empty(), "{}", rpc.path);
                assert_eq!(lacks(&reader).await, [("scope", MANAGE.to_owned())], "{}", rpc.path);
            }
            (_, or) => assert_eq!(or, None, "{}", rpc.path),
        }
    }
    assert!(reads > 5 && writes > 5, "{reads} and {writes}");
}

async fn a_payload_is_shown_to_who_manages_webhooks_or_reads_messages(core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["*"]).await.id;
    core.ticket(&tenant, "Hello").await;
    let id = core.deliveries_of(&tenant.key, &endpoint).await.remove(0).id;
    for (scopes, shown) in [
        (&[READ][..], false),
        (&[READ, "tickets:read", "events:read"], false),
        (&[READ, "messages:read"], true),
        (&[MANAGE], true),
    ] {
        let key = Client::key(&core.key(&tenant.operator, "One", scopes).await);
        let payload = core.delivery(&key, &id).await.payload;
        assert_eq!(payload.contains("\"Hello\""), shown, "{scopes:?}");
        assert_eq!(payload.is_empty(), !shown, "{scopes:?}");
    }
    assert!(core.delivery(&tenant.operator, &id).await.payload.contains("\"Hello\""), "scopes limit keys alone");
}

on_both!(TestCore:
    reading_webhooks_takes_either_scope_and_writing_the_greater,
    a_payload_is_shown_to_who_manages_webhooks_or_reads_messages,
);
