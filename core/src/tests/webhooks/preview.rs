//! The preview: the sample as it would be sent, without secrets, and nothing is written.

use super::{New, headers::header, rotation::rotate};
use crate::tests::support::{Came as _, NOTHING, TestCore, new_endpoint, on_both};
use inboxops_proto::{reason::Reason, v1};

async fn a_preview_shows_body_and_headers_and_sends_nothing(core: TestCore) {
    let tenant = core.tenant().await;
    let request = New { headers: vec![header("Authorization", "Bearer s3cret")], ..new_endpoint(&["*"]) };
    let made = core.webhooks().create_webhook_endpoint(tenant.key.ask(request)).await.answer().endpoint.expect("one");
    let preview = |endpoint: Option<&str>, event: &str| v1::PreviewEventRequest {
        endpoint_id: endpoint.map(str::to_owned),
        event: Some(event.to_owned()),
    };
    for event in ["ticket.created", "ticket.status_changed", "message.received", "inbox.error"] {
        let shown = core.webhooks().preview_event(tenant.key.ask(preview(Some(&made.id), event))).await.answer();
        let body: serde_json::Value = serde_json::from_str(&shown.body).expect("JSON");
        assert_eq!((&body["event"], &body["data"]["test"]), (&event.into(), &true.into()));
        assert_eq!(body["tenant_id"], tenant.id);
        let find = |name: &str| shown.headers.iter().find(|it| it.name == name).map(|it| it.value.as_str());
        assert_eq!(find("webhook-id"), body["event_id"].as_str());
        assert_eq!(find("webhook-timestamp"), Some(core.clock.now().secs().to_string().as_str()));
        assert_eq!(find("content-length"), Some(shown.body.len().to_string().as_str()));
        assert_eq!((find("x-inboxops-event"), find("host")), (Some(event), Some("93.184.216.34")));
        assert_eq!((find("authorization"), find("webhook-signature")), (Some("***"), Some("v1,***")));
        assert_eq!(find("x-inboxops-signature"), Some("sha256=***"));
    }
    core.webhooks().rotate_secret(tenant.key.ask(rotate(&made.id))).await.answer();
    let shown = core.webhooks().preview_event(tenant.key.ask(preview(Some(&made.id), "ticket.closed"))).await.answer();
    assert!(shown.headers.iter().any(|it| it.value == "v1,*** v1,***"), "both secrets sign now");
    let plain = core.webhooks().preview_event(tenant.key.ask(preview(None, "ticket.closed"))).await.answer();
    assert!(plain.headers.iter().all(|it| it.name != "authorization"));
    let failure =
        core.webhooks().preview_event(tenant.key.ask(preview(Some(NOTHING), "ticket.closed"))).await.refusal();
    assert_eq!(failure.reason, Reason::EndpointNotFound);
    assert_eq!(core.deliveries_of(&tenant.key, &made.id).await, []);
}

on_both!(TestCore: a_preview_shows_body_and_headers_and_sends_nothing);
