//! Scopes of keys: what one of several is enough for, and what a key without the right to read messages is not shown.

use super::{LIST_TICKETS, knock, limits::limit};
use crate::tests::support::{Client, TestCore, on_both};
use inboxops_proto::{
    failure::{Failure, Violation},
    gate::Undecodable,
    reason::{DetailCode, Reason},
    services::RPCS,
    v1,
};
use prost::Message as _;

const EXPORT: &str = "/inboxops.v1.ExportService/Export";
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

/// A request that is also wrong in other ways.
fn with_messages() -> Vec<u8> {
    let include = vec!["messages".to_owned()];
    v1::ListTicketsRequest { include, per_page: Some(1000), ..Default::default() }.encode_to_vec()
}

fn export_of(types: &[&str]) -> Vec<u8> {
    let types = types.iter().map(|name| (*name).to_owned()).collect();
    v1::ExportRequest { types, after: Some(String::new()) }.encode_to_vec()
}

async fn what_a_request_asks_for_needs_its_scope_before_it_counts_or_is_read(core: TestCore) {
    let tenant = core.tenant().await;
    limit(&core, &tenant, Some(2)).await;
    let reader = Client::key(&core.key(&tenant.operator, "Reader", &["tickets:read"]).await);
    let other = Client::key(&core.key(&tenant.operator, "Other", &["events:read"]).await);
    let table = [
        (&reader, LIST_TICKETS, with_messages(), "messages:read"),
        (&reader, EXPORT, export_of(&["messages"]), "messages:read"),
        (&reader, EXPORT, export_of(&["tickets", "agents", "tags"]), "tags:read"),
        (&reader, EXPORT, export_of(&["mails", "inboxes"]), "inboxes:read"),
        (&other, LIST_TICKETS, with_messages(), "tickets:read"),
        (&other, EXPORT, export_of(&["agents"]), "tickets:read"),
        (&other, EXPORT, export_of(&[]), "tickets:read"),
    ];
    for (by, path, message, missing) in &table {
        let failure = core.call(path, by.ask(message.clone())).await.unwrap_err();
        let expected = (Reason::InsufficientScope, vec![("scope", (*missing).to_owned())]);
        assert_eq!((failure.reason, failure.facts), expected, "{path}");
    }
    let mut unreadable = reader.ask(with_messages());
    let unknown = Violation::new("colour", DetailCode::UnknownField, "is unknown");
    let failure = Failure::violations(Reason::UnknownParameter, vec![unknown]);
    unreadable.extensions_mut().insert(Undecodable(failure));
    assert_eq!(core.call(LIST_TICKETS, unreadable).await.unwrap_err().reason, Reason::InsufficientScope);
    // Whoever has the scopes is told what else is wrong, which counts; so there is room for one more.
    let failure = core.call(LIST_TICKETS, tenant.key.ask(with_messages())).await.unwrap_err();
    assert_eq!(failure.reason, Reason::InvalidParameter);
    assert_eq!(knock(&core, LIST_TICKETS, &reader).await, Ok(()));
    for (by, path, message, _) in &table {
        let failure = core.call(path, by.ask(message.clone())).await.unwrap_err();
        assert_eq!(failure.reason, Reason::RateLimited, "{path}: a full window is answered before the scope");
    }
    let browser = core.browser(&tenant.id, "ada@example.com", v1::Role::Agent).await;
    let failure = core.call(LIST_TICKETS, browser.ask(with_messages())).await.unwrap_err();
    assert_eq!(failure.reason, Reason::InvalidParameter, "scopes limit keys alone");
}

on_both!(TestCore:
    what_a_request_asks_for_needs_its_scope_before_it_counts_or_is_read,
    reading_webhooks_takes_either_scope_and_writing_the_greater,
    a_payload_is_shown_to_who_manages_webhooks_or_reads_messages,
);
