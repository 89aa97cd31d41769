//! The filter by inbox: which events an endpoint gets.

use super::{Changes, New, update};
use crate::tests::support::{
    Came as _, Client, NOTHING, TestCore, TestTenant, new_endpoint, new_ticket, on_both, violations,
};
use inboxops_proto::{failure::Failure, internal::v1 as pb, v1};

async fn filtered(core: &TestCore, tenant: &TestTenant, inboxes: &[&str]) -> v1::WebhookEndpoint {
    let inbox_ids = inboxes.iter().map(|inbox| (*inbox).to_owned()).collect();
    let request = New { inbox_ids, ..new_endpoint(&["*"]) };
    core.webhooks().create_webhook_endpoint(tenant.key.ask(request)).await.answer().endpoint.expect("one")
}

/// Names of the events that were sent to an endpoint.
async fn events(core: &TestCore, tenant: &TestTenant, endpoint: &str) -> Vec<String> {
    core.deliveries_of(&tenant.key, endpoint).await.into_iter().map(|delivery| delivery.event).collect()
}

async fn an_endpoint_gets_the_events_of_its_inboxes_only(core: TestCore) {
    let tenant = core.tenant().await;
    let sales = core.inbox(&tenant.id, "Sales").await;
    let (of_sales, of_support) =
        (filtered(&core, &tenant, &[&sales]).await, filtered(&core, &tenant, &[&tenant.inbox]).await);
    let of_all = filtered(&core, &tenant, &[]).await;
    assert_eq!((of_sales.inbox_ids.clone(), of_all.inbox_ids.clone()), (vec![sales.clone()], vec![]));
    core.opened(&tenant.key, new_ticket(&sales, "A sale")).await;
    core.tick();
    let mail = pb::IngestInboundMessageRequest {
        tenant_id: tenant.id.clone(),
        inbox_id: sales.clone(),
        raw: b"From: ada@example.com\r\nMessage-ID: <1@example.com>\r\nSubject: Hello\r\n\r\nHi\r\n".to_vec().into(),
        ..Default::default()
    };
    core.ingest().ingest_inbound_message(Client::operator().ask(mail)).await.answer();
    core.tick();
    let error = pb::ReportInboxErrorRequest {
        tenant_id: tenant.id.clone(),
        inbox_id: sales.clone(),
        code: Some("auth_failed".to_owned()),
        message: Some("No.".to_owned()),
        ..Default::default()
    };
    core.ingest().report_inbox_error(Client::operator().ask(error)).await.answer();
    let all = ["ticket.created", "ticket.created", "message.received", "inbox.error"];
    assert_eq!(events(&core, &tenant, &of_sales.id).await, all);
    assert_eq!(events(&core, &tenant, &of_all.id).await, all);
    assert_eq!(events(&core, &tenant, &of_support.id).await, [""; 0]);

    let both =
        Changes { inbox_ids: vec![tenant.inbox.clone(), sales.to_uppercase(), sales.clone()], ..Default::default() };
    let shown = update(&core, &tenant.key, &of_support.id, both).await.expect("a change");
    assert_eq!(shown.inbox_ids, [tenant.inbox.clone(), sales.clone()], "each once");
    core.opened(&tenant.key, new_ticket(&sales, "Another")).await;
    assert_eq!(events(&core, &tenant, &of_support.id).await, ["ticket.created"]);
}

async fn a_test_ignores_the_filter(core: TestCore) {
    let tenant = core.tenant().await;
    let endpoint = filtered(&core, &tenant, &[&tenant.inbox]).await.id;
    let request =
        v1::SendTestEventRequest { endpoint_id: endpoint.clone(), event: Some("inbox.error".to_owned()), data: None };
    core.webhooks().send_test_event(tenant.key.ask(request)).await.answer();
    assert_eq!(events(&core, &tenant, &endpoint).await, ["inbox.error"]);
}

async fn an_inbox_that_the_tenant_does_not_have_is_refused(core: TestCore) {
    let (tenant, other) = (core.tenant().await, core.tenant().await);
    let id = core.endpoint(&tenant.key, &["*"]).await.id;
    for unknown in [NOTHING, &other.inbox] {
        let inbox_ids = vec![tenant.inbox.clone(), unknown.to_owned()];
        let request = New { inbox_ids: inbox_ids.clone(), ..new_endpoint(&["*"]) };
        let failure = core.webhooks().create_webhook_endpoint(tenant.key.ask(request)).await.refusal();
        assert_eq!(violations(&failure), [("inbox_ids[1]", "not_found")]);
        let failure = Failure::of(
            &update(&core, &tenant.key, &id, Changes { inbox_ids, ..Default::default() }).await.unwrap_err(),
        );
        assert_eq!(violations(&failure), [("inbox_ids[1]", "not_found")]);
    }
    let request = New { inbox_ids: vec!["x".to_owned()], ..new_endpoint(&["*"]) };
    let failure = core.webhooks().create_webhook_endpoint(tenant.key.ask(request)).await.refusal();
    assert_eq!(violations(&failure), [("inbox_ids[0]", "invalid_format")]);
    let many = New { inbox_ids: vec![tenant.inbox.clone(); 101], ..new_endpoint(&["*"]) };
    let failure = core.webhooks().create_webhook_endpoint(tenant.key.ask(many)).await.refusal();
    assert_eq!(violations(&failure), [("inbox_ids", "limit_exceeded")]);
}

on_both!(TestCore:
    an_endpoint_gets_the_events_of_its_inboxes_only,
    a_test_ignores_the_filter,
    an_inbox_that_the_tenant_does_not_have_is_refused,
);
