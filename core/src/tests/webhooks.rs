//! Webhook endpoints through the gate: the secret is shown once and sealed at rest, addresses are checked, changes take
//! effect, and each endpoint shows its state.

mod backlog;
mod filter;
mod headers;
mod preview;
pub(super) mod rotation;

use crate::tests::support::{Came as _, Client, HOOK, NOTHING, TestCore, new_endpoint, on_both, violations};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use inboxops_proto::{
    internal::v1 as internal,
    reason::Reason,
    v1::{self, EndpointStatus, Plan},
};

type New = v1::CreateWebhookEndpointRequest;
type Changes = v1::WebhookEndpointChanges;

async fn update(
    core: &TestCore,
    by: &Client,
    id: &str,
    changes: Changes,
) -> Result<v1::WebhookEndpoint, tonic::Status> {
    core.tick();
    let request =
        v1::UpdateWebhookEndpointRequest { endpoint_id: id.to_owned(), endpoint: Some(changes), update_mask: None };
    let answer = core.webhooks().update_webhook_endpoint(by.ask(request)).await?.into_inner();
    Ok(answer.endpoint.expect("an endpoint"))
}

async fn get(core: &TestCore, by: &Client, id: &str) -> v1::WebhookEndpoint {
    let request = v1::GetWebhookEndpointRequest { endpoint_id: id.to_owned() };
    core.webhooks().get_webhook_endpoint(by.ask(request)).await.answer().endpoint.expect("an endpoint")
}

fn switched(on: bool) -> Changes {
    Changes { enabled: Some(on), ..Default::default() }
}

async fn a_secret_is_shown_once_and_sealed_at_rest(core: TestCore) {
    let tenant = core.tenant().await;
    let at = core.clock.now();
    let request = New {
        events: ["ticket.closed", "message.*", "ticket.closed", "message.sent"].map(str::to_owned).to_vec(),
        description: Some(" CRM sync ".to_owned()),
        url: Some(" HTTPS://93.184.216.34:443/Hook?a=b ".to_owned()),
        ..Default::default()
    };
    let made = core.webhooks().create_webhook_endpoint(tenant.key.ask(request)).await.answer().endpoint.expect("one");
    let secret = made.secret.clone().expect("a secret");
    let plain = STANDARD.decode(secret.strip_prefix("whsec_").expect("a prefix")).expect("base64");
    assert_eq!((secret.len(), plain.len()), (38, 24));
    let expected = v1::WebhookEndpoint {
        id: made.id.clone(),
        url: "https://93.184.216.34/Hook?a=b".to_owned(),
        description: Some("CRM sync".to_owned()),
        events: vec!["message.*".to_owned(), "ticket.closed".to_owned()],
        enabled: true,
        status: EndpointStatus::Active.into(),
        secret: None,
        secret_hint: secret[34..].to_owned(),
        created_at: Some(at.into()),
        updated_at: Some(at.into()),
        backlog: Some(v1::EndpointBacklog::default()),
        payload: v1::EndpointPayload::Full.into(),
        ..Default::default()
    };
    assert_eq!(v1::WebhookEndpoint { secret: None, ..made.clone() }, expected);
    assert_eq!(get(&core, &tenant.key, &made.id).await, expected);
    let list = v1::ListWebhookEndpointsRequest::default();
    let answer = core.webhooks().list_webhook_endpoints(tenant.key.ask(list)).await.answer();
    assert_eq!(answer.endpoints, std::slice::from_ref(&expected));
    let changed = update(&core, &tenant.key, &made.id, switched(false)).await.expect("a change");
    assert_eq!(changed.secret, None);

    let rows = core.rows().await;
    assert!(rows.hold("/Hook?a=b"), "the search would find it");
    assert!(!rows.hold(&secret[6..]) && !rows.hold_bytes(&plain), "the secret is in the database");
    let second = core.endpoint(&tenant.key, &["*"]).await;
    assert_ne!(second.secret, Some(secret));
}

async fn an_address_that_leads_inside_is_refused_at_create_and_update(core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = core.endpoint(&tenant.key, &["*"]).await;
    let hostile = [
        "http://93.184.216.34/hook",
        "ftp://93.184.216.34/",
        "https://127.0.0.1/",
        "https://localhost/x",
        "https://10.0.0.1/",
        "https://192.168.1.1:8443/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://0/",
        "https://user:pass@93.184.216.34/",
        "https://93.184.216.34/#part",
        "https://93.184.216.34:22/",
        "https://93.184.216.34:5432/",
        "https://printer.local/",
        "https://metadata.google.internal/",
        "https://100.64.0.1/",
        "https://[fd00::1]/",
        "https://",
        "example.com",
        "javascript:alert(1)",
    ];
    for url in hostile {
        let request = New { url: Some(url.to_owned()), ..new_endpoint(&["*"]) };
        let failure = core.webhooks().create_webhook_endpoint(tenant.key.ask(request)).await.refusal();
        assert_eq!(
            (failure.reason, violations(&failure)),
            (Reason::ValidationFailed, vec![("url", "invalid_format")]),
            "{url}"
        );
        let changes = Changes { url: Some(url.to_owned()), ..Default::default() };
        let failure =
            inboxops_proto::failure::Failure::of(&update(&core, &tenant.key, &endpoint.id, changes).await.unwrap_err());
        assert_eq!(violations(&failure), [("url", "invalid_format")], "{url}");
    }
    assert_eq!(get(&core, &tenant.key, &endpoint.id).await.url, HOOK);
}

async fn loopback_and_http_are_open_where_the_operator_says_so(core: TestCore) {
    let core = core.again(|settings| settings.allow_private_targets = true).await;
    let tenant = core.tenant().await;
    let request = New { url: Some("http://127.0.0.1:8080/hook".to_owned()), ..new_endpoint(&["*"]) };
    core.webhooks().create_webhook_endpoint(tenant.key.ask(request)).await.answer();
    let request = New { url: Some("https://10.0.0.1/hook".to_owned()), ..new_endpoint(&["*"]) };
    let failure = core.webhooks().create_webhook_endpoint(tenant.key.ask(request)).await.refusal();
    assert_eq!(violations(&failure), [("url", "invalid_format")], "the network behind the machine stays closed");
}

async fn a_new_endpoint_breaks_no_rule(core: TestCore) {
    let tenant = core.tenant().await;
    let failure = core.webhooks().create_webhook_endpoint(tenant.key.ask(New::default())).await.refusal();
    assert_eq!(violations(&failure), [("url", "required"), ("events", "required")]);
    let odd = New { description: Some("x".repeat(256)), ..new_endpoint(&["ticket.created", "ticket.deleted"]) };
    let failure = core.webhooks().create_webhook_endpoint(tenant.key.ask(odd)).await.refusal();
    assert_eq!(violations(&failure), [("events[1]", "invalid_enum"), ("description", "too_long")]);
}

async fn a_change_keeps_the_rest_and_one_that_changes_nothing_leaves_no_trace(core: TestCore) {
    let tenant = core.tenant().await;
    let made = v1::WebhookEndpoint { secret: None, ..core.endpoint(&tenant.key, &["ticket.*"]).await };
    for same in [
        Changes::default(),
        Changes { url: Some(HOOK.to_owned()), events: vec!["ticket.*".to_owned()], ..switched(true) },
    ] {
        assert_eq!(update(&core, &tenant.key, &made.id, same).await.expect("an answer"), made);
    }
    let changes = Changes { description: Some("CRM".to_owned()), events: vec!["*".to_owned()], ..Default::default() };
    let new = update(&core, &tenant.key, &made.id, changes).await.expect("a change");
    let expected = v1::WebhookEndpoint {
        description: Some("CRM".to_owned()),
        events: vec!["*".to_owned()],
        updated_at: Some(core.clock.now().into()),
        ..made
    };
    assert_eq!(new, expected);
    let cleared = Changes { description: Some(String::new()), ..Default::default() };
    assert_eq!(update(&core, &tenant.key, &new.id, cleared).await.expect("a change").description, None);
    let masked = |paths: &[&str]| v1::UpdateWebhookEndpointRequest {
        endpoint_id: new.id.clone(),
        endpoint: Some(Changes::default()),
        update_mask: Some(prost_types::FieldMask { paths: paths.iter().map(|it| (*it).to_owned()).collect() }),
    };
    for name in ["url", "events", "enabled"] {
        let failure = core.webhooks().update_webhook_endpoint(tenant.key.ask(masked(&[name]))).await.refusal();
        assert_eq!(violations(&failure)[0].0, name, "cannot be null");
    }
    let failure = core.webhooks().update_webhook_endpoint(tenant.key.ask(masked(&["secret"]))).await.refusal();
    assert_eq!(violations(&failure), [("update_mask", "unknown_field")]);
}

async fn an_endpoint_says_how_it_stands(core: TestCore) {
    let tenant = core.tenant().await;
    let id = core.endpoint(&tenant.key, &["*"]).await.id;
    let status = async |by: &Client| get(&core, by, &id).await.status();
    assert_eq!(status(&tenant.key).await, EndpointStatus::Active);
    update(&core, &tenant.key, &id, switched(false)).await.expect("a change");
    assert_eq!(status(&tenant.key).await, EndpointStatus::Paused);
    core.set_plan(&tenant.id, Plan::Free).await;
    assert_eq!(status(&tenant.operator).await, EndpointStatus::NotEntitled);
    core.set_plan(&tenant.id, Plan::Enterprise).await;
    update(&core, &tenant.key, &id, switched(true)).await.expect("a change");
    assert_eq!(status(&tenant.key).await, EndpointStatus::Active, "an upgrade makes it work again at once");
}

async fn people_go_on_reading_what_a_smaller_plan_keeps_and_change_nothing(core: TestCore) {
    let tenant = core.tenant().await;
    let id = core.endpoint(&tenant.key, &["*"]).await.id;
    core.ticket(&tenant, "Hello").await;
    let agent = core.agent(&tenant.id, "ada@example.com").await.id;
    let role = Some(v1::Role::Admin.into());
    let promoted = internal::UpdateAgentRequest { agent_id: agent.clone(), role, ..Default::default() };
    core.tenants().update_agent(Client::operator().ask(promoted)).await.answer();
    let browser = core.signed_in(&agent).await;
    core.set_plan(&tenant.id, Plan::Starter).await;
    let list = v1::ListWebhookEndpointsRequest::default();
    let listed = core.webhooks().list_webhook_endpoints(browser.ask(list.clone())).await.answer().endpoints;
    assert_eq!(listed[0].status(), EndpointStatus::NotEntitled);
    let delivery_id = core.deliveries_of(&browser, &id).await[0].id.clone();
    let request = v1::GetDeliveryRequest { delivery_id: delivery_id.clone() };
    let shown = core.deliveries().get_delivery(browser.ask(request)).await.answer().delivery.expect("a delivery");
    assert!(shown.payload.contains("\"Hello\""));
    let endpoint = Some(switched(false));
    let change = v1::UpdateWebhookEndpointRequest { endpoint_id: id.clone(), endpoint, update_mask: None };
    let refused = [
        core.webhooks().update_webhook_endpoint(browser.ask(change)).await.refusal().reason,
        core.webhooks().list_webhook_endpoints(tenant.key.ask(list)).await.refusal().reason,
        core.deliveries()
            .resend_delivery(browser.ask(v1::ResendDeliveryRequest { delivery_id }))
            .await
            .refusal()
            .reason,
    ];
    assert_eq!(refused, [Reason::EntitlementRequired; 3]);
}

async fn nothing_is_fanned_out_while_the_tenant_is_not_entitled(core: TestCore) {
    let tenant = core.tenant().await;
    let id = core.endpoint(&tenant.key, &["*"]).await.id;
    core.set_plan(&tenant.id, Plan::Starter).await;
    core.opened(&tenant.operator, crate::tests::support::new_ticket(&tenant.inbox, "Unheard")).await;
    core.set_plan(&tenant.id, Plan::Business).await;
    core.ticket(&tenant, "Heard").await;
    let bodies = core.bodies(&tenant.key, &id).await;
    assert_eq!(bodies.len(), 1);
    assert!(bodies[0].contains("\"Heard\""));
}

async fn a_deleted_endpoint_is_gone_with_its_deliveries(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let id = core.endpoint(&tenant.key, &["*"]).await.id;
    core.ticket(&tenant, "Hello").await;
    let delivery = core.deliveries_of(&tenant.key, &id).await[0].id.clone();
    let delete = |id: &str| v1::DeleteWebhookEndpointRequest { endpoint_id: id.to_owned() };
    for (by, id) in [(&other.key, id.as_str()), (&tenant.key, NOTHING), (&tenant.key, "x")] {
        let failure = core.webhooks().delete_webhook_endpoint(by.ask(delete(id))).await.refusal();
        assert_eq!(failure.reason, Reason::EndpointNotFound);
    }
    core.webhooks().delete_webhook_endpoint(tenant.key.ask(delete(&id))).await.answer();
    let failure = core.webhooks().delete_webhook_endpoint(tenant.key.ask(delete(&id))).await.refusal();
    assert_eq!(failure.reason, Reason::EndpointNotFound);
    let request = v1::GetDeliveryRequest { delivery_id: delivery };
    let failure = core.deliveries().get_delivery(tenant.key.ask(request)).await.refusal();
    assert_eq!(failure.reason, Reason::DeliveryNotFound);
    core.ticket(&tenant, "After").await;
    let list = v1::ListWebhookEndpointsRequest::default();
    assert_eq!(core.webhooks().list_webhook_endpoints(tenant.key.ask(list)).await.answer().endpoints, []);
}

async fn a_tenant_has_at_most_a_hundred_endpoints(core: TestCore) {
    let tenant = core.tenant().await;
    for _ in 0..100 {
        core.endpoint(&tenant.key, &["*"]).await;
    }
    let request = tenant.key.ask(new_endpoint(&["*"]));
    let failure = core.webhooks().create_webhook_endpoint(request).await.refusal();
    assert_eq!(violations(&failure), [("url", "limit_exceeded")]);
    let list = v1::ListWebhookEndpointsRequest { per_page: Some(100), ..Default::default() };
    let answer = core.webhooks().list_webhook_endpoints(tenant.key.ask(list)).await.answer();
    assert_eq!((answer.endpoints.len(), answer.meta.expect("a meta").total), (100, 100));
}

async fn the_event_types_are_the_catalogue(core: TestCore) {
    let tenant = core.tenant().await;
    let answer = core.webhooks().list_event_types(tenant.key.ask(v1::ListEventTypesRequest {})).await.answer();
    let names: Vec<&str> = answer.event_types.iter().map(|it| it.name.as_str()).collect();
    let expected = [
        "ticket.created",
        "ticket.updated",
        "ticket.assigned",
        "ticket.status_changed",
        "ticket.closed",
        "message.received",
        "message.sent",
        "inbox.error",
    ];
    assert_eq!(names, expected);
    assert!(answer.event_types.iter().all(|it| it.name.starts_with(&it.group) && !it.description.is_empty()));
}

on_both!(TestCore:
    a_secret_is_shown_once_and_sealed_at_rest,
    an_address_that_leads_inside_is_refused_at_create_and_update,
    loopback_and_http_are_open_where_the_operator_says_so,
    a_new_endpoint_breaks_no_rule,
    a_change_keeps_the_rest_and_one_that_changes_nothing_leaves_no_trace,
    an_endpoint_says_how_it_stands,
    people_go_on_reading_what_a_smaller_plan_keeps_and_change_nothing,
    nothing_is_fanned_out_while_the_tenant_is_not_entitled,
    a_deleted_endpoint_is_gone_with_its_deliveries,
    a_tenant_has_at_most_a_hundred_endpoints,
    the_event_types_are_the_catalogue,
);
