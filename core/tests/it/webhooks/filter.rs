//! The filter by inbox: whose events an endpoint gets.

use super::{Changes, New, update};
use crate::support::{Came as _, Client, Desk, NOTHING, Workspace, new_endpoint, new_ticket, on_both, violations};
use inboxops_proto::{failure::Failure, internal::v1 as pb, v1};

async fn filtered(desk: &Desk, home: &Workspace, inboxes: &[&str]) -> v1::WebhookEndpoint {
    let inbox_ids = inboxes.iter().map(|inbox| (*inbox).to_owned()).collect();
    let request = New { inbox_ids, ..new_endpoint(&["*"]) };
    desk.webhooks().create_webhook_endpoint(home.key.ask(request)).await.answer().endpoint.expect("one")
}

/// Names of the events that an endpoint is sent.
async fn events(desk: &Desk, home: &Workspace, endpoint: &str) -> Vec<String> {
    desk.deliveries_of(&home.key, endpoint).await.into_iter().map(|delivery| delivery.event).collect()
}

async fn an_endpoint_gets_the_events_of_its_inboxes_only(desk: Desk) {
    let home = desk.workspace().await;
    let sales = desk.inbox(&home.id, "Sales").await;
    let (of_sales, of_support) =
        (filtered(&desk, &home, &[&sales]).await, filtered(&desk, &home, &[&home.inbox]).await);
    let of_all = filtered(&desk, &home, &[]).await;
    assert_eq!((of_sales.inbox_ids.clone(), of_all.inbox_ids.clone()), (vec![sales.clone()], vec![]));
    desk.opened(&home.key, new_ticket(&sales, "A sale")).await;
    desk.tick();
    let mail = pb::IngestInboundMessageRequest {
        tenant_id: home.id.clone(),
        inbox_id: sales.clone(),
        raw: b"From: ada@example.com\r\nMessage-ID: <1@example.com>\r\nSubject: Hello\r\n\r\nHi\r\n".to_vec().into(),
        ..Default::default()
    };
    desk.ingest().ingest_inbound_message(Client::operator().ask(mail)).await.answer();
    desk.tick();
    let error = pb::ReportInboxErrorRequest {
        tenant_id: home.id.clone(),
        inbox_id: sales.clone(),
        code: Some("auth_failed".to_owned()),
        message: Some("No.".to_owned()),
        ..Default::default()
    };
    desk.ingest().report_inbox_error(Client::operator().ask(error)).await.answer();
    let all = ["ticket.created", "ticket.created", "message.received", "inbox.error"];
    assert_eq!(events(&desk, &home, &of_sales.id).await, all);
    assert_eq!(events(&desk, &home, &of_all.id).await, all);
    assert_eq!(events(&desk, &home, &of_support.id).await, [""; 0]);

    let both =
        Changes { inbox_ids: vec![home.inbox.clone(), sales.to_uppercase(), sales.clone()], ..Default::default() };
    let shown = update(&desk, &home.key, &of_support.id, both).await.expect("a change");
    assert_eq!(shown.inbox_ids, [home.inbox.clone(), sales.clone()], "each once");
    desk.opened(&home.key, new_ticket(&sales, "Another")).await;
    assert_eq!(events(&desk, &home, &of_support.id).await, ["ticket.created"]);
}

async fn a_test_ignores_the_filter(desk: Desk) {
    let home = desk.workspace().await;
    let endpoint = filtered(&desk, &home, &[&home.inbox]).await.id;
    let request = v1::SendTestEventRequest { endpoint_id: endpoint.clone(), event: Some("inbox.error".to_owned()) };
    desk.webhooks().send_test_event(home.key.ask(request)).await.answer();
    assert_eq!(events(&desk, &home, &endpoint).await, ["inbox.error"]);
}

async fn an_inbox_that_the_tenant_does_not_have_is_refused(desk: Desk) {
    let (home, other) = (desk.workspace().await, desk.workspace().await);
    let id = desk.endpoint(&home.key, &["*"]).await.id;
    for unknown in [NOTHING, &other.inbox] {
        let inbox_ids = vec![home.inbox.clone(), unknown.to_owned()];
        let request = New { inbox_ids: inbox_ids.clone(), ..new_endpoint(&["*"]) };
        let failure = desk.webhooks().create_webhook_endpoint(home.key.ask(request)).await.refusal();
        assert_eq!(violations(&failure), [("inbox_ids[1]", "not_found")]);
        let failure =
            Failure::of(&update(&desk, &home.key, &id, Changes { inbox_ids, ..Default::default() }).await.unwrap_err());
        assert_eq!(violations(&failure), [("inbox_ids[1]", "not_found")]);
    }
    let request = New { inbox_ids: vec!["x".to_owned()], ..new_endpoint(&["*"]) };
    let failure = desk.webhooks().create_webhook_endpoint(home.key.ask(request)).await.refusal();
    assert_eq!(violations(&failure), [("inbox_ids[0]", "invalid_format")]);
    let many = New { inbox_ids: vec![home.inbox.clone(); 101], ..new_endpoint(&["*"]) };
    let failure = desk.webhooks().create_webhook_endpoint(home.key.ask(many)).await.refusal();
    assert_eq!(violations(&failure), [("inbox_ids", "limit_exceeded")]);
}

on_both!(Desk:
    an_endpoint_gets_the_events_of_its_inboxes_only,
    a_test_ignores_the_filter,
    an_inbox_that_the_tenant_does_not_have_is_refused,
);
