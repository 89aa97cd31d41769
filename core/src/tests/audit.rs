//! The audit log: who did what, by pages, and never a secret.

use crate::tests::{
    dispatch::TestDispatch,
    support::{Came as _, Client, TestCore, on_both},
};
use inboxops_proto::{admin::v1 as admin, clock::Timestamp, internal::v1 as internal, reason::Reason, v1};
use std::collections::BTreeMap;

async fn entries(core: &TestCore, by: &Client) -> Vec<admin::AuditEntry> {
    let request = admin::ListAuditEntriesRequest { limit: Some(100), ..Default::default() };
    core.audits().list_audit_entries(by.ask(request)).await.answer().entries
}

fn facts(entry: &admin::AuditEntry) -> Vec<(&str, &str)> {
    entry.facts.iter().map(|fact| (fact.name.as_str(), fact.value.as_str())).collect()
}

async fn what_the_operator_does_to_a_workspace_is_on_record(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    core.tick();
    let key = core.key(&tenant.operator, "Zapier", &["tags:read"]).await;
    core.tick();
    core.set_plan(&tenant.id, v1::Plan::Enterprise).await;
    core.tick();
    let id = core.get_me(&tenant.key).await.key.expect("a key").id;
    let revoke = admin::RevokeApiKeyRequest { api_key_id: id.clone() };
    for _ in 0..2 {
        core.api_keys().revoke_api_key(tenant.operator.ask(revoke.clone())).await.answer();
    }
    core.tick();
    let mut found = entries(&core, &tenant.operator).await;
    let begin = found.split_off(3);
    let told: Vec<(&str, Vec<(&str, &str)>)> = found.iter().map(|it| (it.action.as_str(), facts(it))).collect();
    let all = "tickets:read tickets:write messages:read messages:write tags:read tags:write inboxes:read \
                   events:read webhooks:read webhooks:manage audit:read";
    assert_eq!(
        told,
        [
            ("api_key.revoked", vec![("name", "Sync job")]),
            ("tenant.plan_changed", vec![("to", "enterprise")]),
            ("api_key.created", vec![("name", "Zapier"), ("scopes", "tags:read")]),
        ]
    );
    // These happened at the same time.
    let begin: BTreeMap<&str, Vec<(&str, &str)>> = begin.iter().map(|it| (it.action.as_str(), facts(it))).collect();
    assert_eq!(
        begin,
        BTreeMap::from([
            ("tenant.created", vec![("name", "Acme"), ("plan", "business")]),
            ("api_key.created", vec![("name", "Sync job"), ("scopes", all)]),
            ("inbox.created", vec![("name", "Support"), ("address", ""), ("enabled", "true")]),
        ])
    );
    assert_eq!((found[0].actor_kind(), found[0].target_kind.as_str()), (admin::ActorKind::Operator, "api_key"));
    assert_eq!(found[0].target_id.as_ref(), Some(&id));
    assert_eq!(entries(&core, &other.operator).await.len(), 3, "each workspace has its own");
    assert!(!format!("{found:?}").contains(&key[8..]));
}

async fn agents_and_inboxes_are_on_record_from_their_beginning(core: TestCore) {
    let tenant = core.tenant().await;
    let ada = core.agent(&tenant.id, "ada@example.com").await;
    core.tick();
    let request = internal::UpdateInboxRequest {
        tenant_id: tenant.id.clone(),
        inbox_id: tenant.inbox.clone(),
        enabled: Some(false),
        ..Default::default()
    };
    for _ in 0..2 {
        core.tenants().update_inbox(Client::operator().ask(request.clone())).await.answer();
        core.tick();
    }
    let found = entries(&core, &tenant.operator).await;
    let told: Vec<_> = found.iter().take(2).map(|it| (it.action.as_str(), it.target_id.as_ref(), facts(it))).collect();
    assert_eq!(
        told,
        [
            ("inbox.updated", Some(&tenant.inbox), vec![("name", "Support"), ("address", ""), ("enabled", "false")]),
            ("agent.created", Some(&ada.id), vec![("email", "ada@example.com"), ("role", "agent")]),
        ]
    );
    assert!(found.iter().all(|it| it.actor_kind() == admin::ActorKind::Operator));
}

async fn logins_are_on_record_with_their_address(core: TestCore) {
    let tenant = core.tenant().await;
    let ada = core.agent(&tenant.id, "ada@example.com").await;
    core.tick();
    let request = internal::CreateLoginLinkRequest { agent_id: ada.id.clone() };
    let code = core.tenants().create_login_link(Client::operator().ask(request)).await.answer().code;
    core.tick();
    let browser = Client::browser(None).at([203, 0, 113, 9]);
    let login = admin::LoginRequest { code: Some(code.clone()), ..Default::default() };
    core.sessions().login(browser.ask(login)).await.answer();
    core.tick();
    let (email, password) = (Some("ADA@example.com".to_owned()), Some("a wrong password".to_owned()));
    let login = admin::LoginRequest { email, password, ..Default::default() };
    assert_eq!(core.sessions().login(browser.ask(login)).await.refusal().reason, Reason::InvalidCredentials);
    let found = entries(&core, &tenant.operator).await;
    let told: Vec<_> =
        found.iter().take(3).map(|it| (it.action.as_str(), it.actor_kind(), it.address.as_deref())).collect();
    assert_eq!(
        told,
        [
            ("session.login_failed", admin::ActorKind::Nobody, Some("203.0.113.9")),
            ("session.begun", admin::ActorKind::Agent, Some("203.0.113.9")),
            ("login_link.created", admin::ActorKind::Operator, Some("198.51.100.7")),
        ]
    );
    assert!(found.iter().take(3).all(|it| it.target_id.as_ref() == Some(&ada.id)));
    assert!(!format!("{found:?}").contains(&code) && !format!("{found:?}").contains("a wrong password"));
}

async fn pages_walk_the_log_without_gap_or_repeat(core: TestCore) {
    let tenant = core.tenant().await;
    for n in 0..5 {
        core.tick();
        core.key(&tenant.operator, &format!("Key {n}"), &[]).await;
    }
    let (mut cursor, mut walked) = (None, Vec::new());
    loop {
        let request = admin::ListAuditEntriesRequest { cursor, limit: Some(2) };
        let answer = core.audits().list_audit_entries(tenant.operator.ask(request)).await.answer();
        let meta = answer.meta.expect("a meta");
        walked.extend(answer.entries);
        assert_eq!(meta.has_more, meta.next_cursor.is_some());
        cursor = meta.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(walked, entries(&core, &tenant.operator).await);
    let odd = admin::ListAuditEntriesRequest { cursor: Some("x".to_owned()), limit: None };
    assert_eq!(
        core.audits().list_audit_entries(tenant.operator.ask(odd)).await.refusal().reason,
        Reason::InvalidCursor
    );
}

async fn what_happens_to_an_endpoint_is_on_record_without_its_path(core: TestCore) {
    let tenant = core.tenant().await;
    let ada = core.browser(&tenant.id, "ada@example.com", v1::Role::Admin).await;
    core.tick();
    let id = core.endpoint(&ada, &["*"]).await.id;
    for enabled in [false, true] {
        core.tick();
        let changes = v1::WebhookEndpointChanges { enabled: Some(enabled), ..Default::default() };
        let request =
            v1::UpdateWebhookEndpointRequest { endpoint_id: id.clone(), endpoint: Some(changes), update_mask: None };
        core.webhooks().update_webhook_endpoint(ada.ask(request)).await.answer();
    }
    core.tick();
    let request = v1::RotateSecretRequest { endpoint_id: id.clone(), ..Default::default() };
    core.webhooks().rotate_secret(ada.ask(request)).await.answer();
    core.tick();
    let request = v1::DeleteWebhookEndpointRequest { endpoint_id: id.clone() };
    core.webhooks().delete_webhook_endpoint(ada.ask(request)).await.answer();
    let found = entries(&core, &ada).await;
    let told: Vec<&str> = found.iter().take(5).map(|entry| entry.action.as_str()).collect();
    assert_eq!(
        told,
        ["endpoint.deleted", "endpoint.secret_rotated", "endpoint.enabled", "endpoint.disabled", "endpoint.created",]
    );
    assert_eq!(facts(&found[4]), [("host", "93.184.216.34")]);
    assert!(found.iter().take(5).all(|it| it.target_id.as_ref() == Some(&id) && it.actor_name == "ada"));
}

async fn whoever_cancels_or_resends_deliveries_is_on_record(core: TestCore) {
    let mut dispatch = TestDispatch::open(core, 16).await;
    let (canceled, resent) = (dispatch.delivery("One").await, dispatch.delivery("Two").await);
    dispatch.report(&canceled, 500).await;
    dispatch.report(&resent, 500).await;
    let core = &dispatch.core;
    let by = &dispatch.tenant.key;
    let (first, other) = (dispatch.endpoint.id.clone(), core.endpoint(by, &["inbox.error"]).await.id);
    core.tick();
    let request = v1::CancelDeliveryRequest { delivery_id: canceled.id.clone() };
    core.deliveries().cancel_delivery(by.ask(request.clone())).await.answer();
    assert_eq!(core.deliveries().cancel_delivery(by.ask(request)).await.refusal().reason, Reason::Conflict);
    core.tick();
    let request = v1::ResendDeliveryRequest { delivery_id: resent.id.clone() };
    core.deliveries().resend_delivery(by.ask(request)).await.answer();
    for dry_run in [Some(true), None] {
        core.tick();
        let request = v1::ResendDeliveriesRequest { endpoint_id: Some(first.clone()), dry_run, ..Default::default() };
        core.deliveries().resend_deliveries(dispatch.tenant.operator.ask(request)).await.answer();
    }
    for dry_run in [Some(true), None] {
        core.tick();
        let since = Some(Timestamp::from_micros(0).into());
        let request = v1::RecoverDeliveriesRequest { endpoint_id: other.clone(), since, dry_run, ..Default::default() };
        core.webhooks().recover_deliveries(by.ask(request)).await.answer();
    }
    let third = core.endpoint(by, &["inbox.error"]).await.id;
    core.tick();
    let status = vec![v1::DeliveryStatus::Failed.into()];
    let request = v1::ResendEndpointDeliveriesRequest { endpoint_id: third.clone(), status, ..Default::default() };
    core.webhooks().resend_endpoint_deliveries(by.ask(request)).await.answer();
    let mut found = entries(core, &dispatch.tenant.operator).await;
    found.retain(|it| it.action.starts_with("delivery.") || it.action.ends_with("_started"));
    let by_key = |it: &&admin::AuditEntry| it.actor_kind() == admin::ActorKind::ApiKey && it.actor_name == "Sync job";
    assert_eq!(found.iter().filter(by_key).count(), 4, "all but that of the operator");
    let told: Vec<_> = found.iter().map(|it| (it.action.as_str(), it.target_id.as_ref(), facts(it))).collect();
    assert_eq!(
        told,
        [
            ("endpoint.resend_started", Some(&third), vec![("matched", "0")]),
            ("endpoint.recovery_started", Some(&other), vec![("matched", "0")]),
            ("endpoint.resend_started", Some(&first), vec![("matched", "1")]),
            ("delivery.resent", Some(&resent.id), vec![("endpoint_id", first.as_str())]),
            ("delivery.canceled", Some(&canceled.id), vec![("endpoint_id", first.as_str())]),
        ]
    );
}

on_both!(TestCore:
    whoever_cancels_or_resends_deliveries_is_on_record,
    what_the_operator_does_to_a_workspace_is_on_record,
    agents_and_inboxes_are_on_record_from_their_beginning,
    logins_are_on_record_with_their_address,
    pages_walk_the_log_without_gap_or_repeat,
    what_happens_to_an_endpoint_is_on_record_without_its_path,
);
