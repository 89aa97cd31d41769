//! Another tenant's id behaves exactly like an id that never existed, on every call that takes one.

use crate::PublicSite;
use crate::tests::support::{NOTHING, TestCore, new_ticket, on_both};
use inboxops_proto::{admin::v1 as admin, internal::v1 as internal, services::RPCS, v1};
use prost::Message;
use std::collections::BTreeSet;

/// Calls without an id of a tenant's resource.
const WITHOUT: &[&str] = &[
    "ListTickets",
    "ListTags",
    "ListInboxes",
    "ListAgents",
    "WhoAmI",
    "GetKeyScopes",
    "ListEventTypes",
    "ListEvents",
    "StreamEvents",
    "Export",
    "ListWebhookEndpoints",
    "CreateWebhookEndpoint",
    "CreateApiKey",
    "ListApiKeys",
    "Work",
    "Report",
    "CreateServiceToken",
    "ListServiceTokens",
    "RevokeServiceToken",
    "ListAuditEntries",
    "ListAuditLog",
    "SearchDeliveries",
    "Login",
    "Logout",
    "CurrentSession",
    "SetPassword",
];

/// A call with an id: its RPC, the foreign id, and the message that contains an id.
type Row<'a> = (&'a str, &'a str, Box<dyn Fn(&str) -> Vec<u8>>);

fn row<'a, M: Message>(rpc: &'a str, foreign: &'a str, make: impl Fn(String) -> M + 'static) -> Row<'a> {
    (rpc, foreign, Box::new(move |id| make(id.to_owned()).encode_to_vec()))
}

async fn a_foreign_id_is_answered_as_an_unknown_one(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let mine = core.ticket(&tenant, "Mine").await.id;
    let inbox = tenant.inbox.clone();
    let endpoint = core.endpoint(&other.key, &["*"]).await.id;
    let own_endpoint = core.endpoint(&tenant.key, &["inbox.error"]).await.id;
    let (own, second) = (own_endpoint.clone(), core.endpoint(&other.key, &["*"]).await.id);
    let ticket = core.ticket(&other, "Theirs").await.id;
    let since = Some(core.clock.now().into());
    let recover = v1::RecoverDeliveriesRequest { endpoint_id: endpoint.clone(), since, ..Default::default() };
    let recovery = core.webhooks().recover_deliveries(other.key.ask(recover)).await.expect("a job").into_inner();
    let recovery = recovery.recovery.and_then(|it| it.id).expect("an id");
    let resend = v1::ResendDeliveriesRequest {
        endpoint_id: Some(second.clone()),
        status: vec![v1::DeliveryStatus::Pending.into()],
        ..Default::default()
    };
    let resend = core.deliveries().resend_deliveries(other.operator.ask(resend)).await.expect("a job").into_inner();
    let resend = resend.resend.and_then(|it| it.id).expect("an id");
    let delivery = core.deliveries_of(&other.key, &endpoint).await.remove(0).id;
    let add =
        v1::AddTicketTagRequest { ticket_id: ticket.clone(), tag_name: Some("vip".to_owned()), ..Default::default() };
    let tag = core.tags().add_ticket_tag(other.key.ask(add)).await.expect("a tag").into_inner().tag.expect("a tag").id;
    let agent = core.agent(&other.id, "eve@example.com").await.id;
    let key = core.get_me(&other.key).await.key.expect("a key").id;

    let changes = |changes: v1::TicketChanges, of: String| v1::UpdateTicketRequest {
        ticket_id: of,
        ticket: Some(changes),
        update_mask: None,
    };
    let solved = || v1::TicketChanges { status: Some(3), ..Default::default() };
    let reply = |tenant_id, ticket_id, agent_id| internal::RecordSentReplyRequest {
        tenant_id,
        ticket_id,
        agent_id,
        provider_id: Some("reply-1".to_owned()),
        body_text: Some("Hi".to_owned()),
        ..Default::default()
    };
    let simulated = |ticket_id, inbox_id| admin::SimulateInboundMessageRequest {
        ticket_id,
        inbox_id,
        body_text: Some("Hi".to_owned()),
        ..Default::default()
    };
    let [m1, m2, m3, m4, m5] = std::array::from_fn(|_| mine.clone());
    let [t1, t2, t3, t4, t5] = std::array::from_fn(|_| tenant.id.clone());
    let rows: Vec<Row<'_>> = vec![
        row("GetTicket", &ticket, |ticket_id| v1::GetTicketRequest { ticket_id }),
        row("UpdateTicket", &ticket, move |id| changes(solved(), id)),
        row("UpdateTicket", &other.inbox, move |id| {
            changes(v1::TicketChanges { inbox_id: Some(id), ..Default::default() }, m1.clone())
        }),
        row("UpdateTicket", &agent, move |id| {
            changes(v1::TicketChanges { assignee_id: Some(id), ..Default::default() }, m2.clone())
        }),
        row("CreateTicket", &other.inbox, |id| new_ticket(&id, "Hello")),
        row("CreateTicket", &agent, move |id| v1::CreateTicketRequest {
            assignee_id: Some(id),
            ..new_ticket(&inbox, "Hello")
        }),
        row("ListTicketMessages", &ticket, |ticket_id| v1::ListTicketMessagesRequest {
            ticket_id,
            ..Default::default()
        }),
        row("CreateTicketNote", &ticket, |ticket_id| v1::CreateTicketNoteRequest {
            ticket_id,
            body_text: Some("Hi".to_owned()),
            ..Default::default()
        }),
        row("ListTicketTags", &ticket, |ticket_id| v1::ListTicketTagsRequest { ticket_id, ..Default::default() }),
        row("AddTicketTag", &ticket, |ticket_id| v1::AddTicketTagRequest {
            ticket_id,
            tag_name: Some("vip".to_owned()),
            ..Default::default()
        }),
        row("AddTicketTag", &tag, move |id| v1::AddTicketTagRequest {
            ticket_id: m3.clone(),
            tag_id: Some(id),
            ..Default::default()
        }),
        row("RemoveTicketTag", &ticket, |ticket_id| v1::RemoveTicketTagRequest {
            ticket_id,
            tag_id: NOTHING.to_owned(),
        }),
        row("RemoveTicketTag", &tag, move |tag_id| v1::RemoveTicketTagRequest { ticket_id: m4.clone(), tag_id }),
        row("GetInbox", &other.inbox, |inbox_id| v1::GetInboxRequest { inbox_id }),
        row("GetWebhookEndpoint", &endpoint, |endpoint_id| v1::GetWebhookEndpointRequest { endpoint_id }),
        row("UpdateWebhookEndpoint", &endpoint, |endpoint_id| v1::UpdateWebhookEndpointRequest {
            endpoint_id,
            endpoint: Some(v1::WebhookEndpointChanges { enabled: Some(false), ..Default::default() }),
            update_mask: None,
        }),
        row("DeleteWebhookEndpoint", &endpoint, |endpoint_id| v1::DeleteWebhookEndpointRequest { endpoint_id }),
        row("SendTestEvent", &endpoint, |endpoint_id| v1::SendTestEventRequest {
            endpoint_id,
            event: Some("ticket.created".to_owned()),
            data: None,
        }),
        row("RotateSecret", &endpoint, |endpoint_id| v1::RotateSecretRequest { endpoint_id, ..Default::default() }),
        row("PromoteSecret", &endpoint, |endpoint_id| v1::PromoteSecretRequest { endpoint_id, ..Default::default() }),
        row("PreviewEvent", &endpoint, |id| v1::PreviewEventRequest {
            endpoint_id: Some(id),
            event: Some("ticket.created".to_owned()),
        }),
        row("UpdateWebhookEndpoint", &other.inbox, move |id| v1::UpdateWebhookEndpointRequest {
            endpoint_id: own_endpoint.clone(),
            endpoint: Some(v1::WebhookEndpointChanges { inbox_ids: vec![id], ..Default::default() }),
            update_mask: None,
        }),
        row("ListDeliveries", &endpoint, |endpoint_id| v1::ListDeliveriesRequest { endpoint_id, ..Default::default() }),
        row("WatchDeliveries", &endpoint, |endpoint_id| v1::WatchDeliveriesRequest {
            endpoint_id: Some(endpoint_id),
            cursor: None,
        }),
        row("GetDelivery", &delivery, |delivery_id| v1::GetDeliveryRequest { delivery_id }),
        row("ResendDelivery", &delivery, |delivery_id| v1::ResendDeliveryRequest { delivery_id }),
        row("CancelDelivery", &delivery, |delivery_id| v1::CancelDeliveryRequest { delivery_id }),
        row("ResendDeliveries", &second, |id| v1::ResendDeliveriesRequest {
            endpoint_id: Some(id),
            ..Default::default()
        }),
        row("GetResend", &resend, |resend_id| v1::GetResendRequest { resend_id }),
        row("ListUndelivered", &endpoint, move |endpoint_id| v1::ListUndeliveredRequest {
            endpoint_id,
            since,
            ..Default::default()
        }),
        row("GetEndpointStats", &endpoint, |endpoint_id| v1::GetEndpointStatsRequest { endpoint_id }),
        row("ResendEndpointDeliveries", &second, |endpoint_id| v1::ResendEndpointDeliveriesRequest {
            endpoint_id,
            status: vec![v1::DeliveryStatus::Failed.into()],
            ..Default::default()
        }),
        row("GetDeliveryStats", &endpoint, |id| v1::GetDeliveryStatsRequest { endpoint_id: Some(id) }),
        row("RecoverDeliveries", &second, move |endpoint_id| v1::RecoverDeliveriesRequest {
            endpoint_id,
            since,
            ..Default::default()
        }),
        row("GetRecovery", &recovery, move |recovery_id| v1::GetRecoveryRequest {
            endpoint_id: own.clone(),
            recovery_id,
        }),
        row("IngestInboundMessage", &other.inbox, move |inbox_id| internal::IngestInboundMessageRequest {
            tenant_id: t1.clone(),
            inbox_id,
            raw: b"From: ada@example.com\r\nMessage-ID: <1@example.com>\r\nSubject: Hello\r\n\r\nHi\r\n"
                .to_vec()
                .into(),
            ..Default::default()
        }),
        row("RecordSentReply", &ticket, move |id| reply(t2.clone(), id, None)),
        row("RecordSentReply", &agent, move |id| reply(t3.clone(), m5.clone(), Some(id))),
        row("ReportInboxError", &other.inbox, move |inbox_id| internal::ReportInboxErrorRequest {
            tenant_id: t4.clone(),
            inbox_id,
            code: Some("auth_failed".to_owned()),
            message: Some("No.".to_owned()),
            ..Default::default()
        }),
        row("ResolveInboxError", &other.inbox, move |inbox_id| internal::ResolveInboxErrorRequest {
            tenant_id: t5.clone(),
            inbox_id,
            ..Default::default()
        }),
        row("UpdateApiKey", &key, |api_key_id| admin::UpdateApiKeyRequest {
            api_key_id,
            name: Some("Mine".to_owned()),
            ..Default::default()
        }),
        row("RotateApiKey", &key, |api_key_id| admin::RotateApiKeyRequest { api_key_id, grace_hours: None }),
        row("/inboxops.admin.v1.TicketDeskService/ListMessages", &ticket, |ticket_id| admin::ListMessagesRequest {
            ticket_id,
            ..Default::default()
        }),
        row("ListTicketEvents", &ticket, |ticket_id| admin::ListTicketEventsRequest {
            ticket_id,
            ..Default::default()
        }),
        row("SimulateInboundMessage", &ticket, move |id| simulated(Some(id), None)),
        row("SimulateInboundMessage", &other.inbox, move |id| simulated(None, Some(id))),
        row("RevokeApiKey", &key, |api_key_id| admin::RevokeApiKeyRequest { api_key_id }),
    ];
    core.inner.serves_at(PublicSite { url: None, development: true });
    let browser = core.browser(&tenant.id, "grace@example.com", v1::Role::Admin).await;
    let by_name = |name: &str| {
        let named = |path: &str| path == name || path.ends_with(&format!("/{name}"));
        RPCS.iter().find(|rpc| named(rpc.path)).expect("an RPC")
    };
    let before = core.get_ticket(&other.key, "1").await;
    for (name, foreign, make) in &rows {
        let rpc = by_name(name);
        // If no key may call, the operator calls for the same tenant, or a person does.
        let by = match &rpc.policy {
            policy if policy.api_key.is_some() => &tenant.key,
            policy if policy.service => &tenant.operator,
            _ => &browser,
        };
        let foreign = core.call(rpc.path, by.ask(make(foreign))).await.expect_err(name);
        let unknown = core.call(rpc.path, by.ask(make(NOTHING))).await.expect_err(name);
        assert_eq!(foreign, unknown, "{name}");
    }
    assert_eq!(core.get_ticket(&other.key, "1").await, before, "nothing of theirs changed");
    assert_eq!(core.deliveries_of(&other.key, &endpoint).await.len(), 2);

    let called: BTreeSet<&str> =
        rows.iter().filter_map(|(name, ..)| name.rsplit('/').next()).chain(WITHOUT.iter().copied()).collect();
    let all = RPCS.iter().filter(|rpc| !rpc.path.contains(".TenantService/"));
    let missing: Vec<&str> =
        all.filter_map(|rpc| rpc.path.rsplit('/').next()).filter(|name| !called.contains(name)).collect();
    assert_eq!(missing, [""; 0], "every call is in the table or takes no id");
}

on_both!(TestCore: a_foreign_id_is_answered_as_an_unknown_one);
