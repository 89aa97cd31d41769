//! Errors of inboxes: an event when one begins or ends, and none between.

use super::{TestMailbox, on_both};
use crate::tests::support::{Came as _, Client};
use inboxops_proto::{
    internal::v1::{ReportInboxErrorRequest, ResolveInboxErrorRequest},
    v1::{Inbox, InboxStatus},
};

async fn report(mailbox: &TestMailbox, code: &str) -> (Inbox, bool) {
    mailbox.tick();
    let request = ReportInboxErrorRequest {
        tenant_id: mailbox.tenant.id.clone(),
        inbox_address: "support@acme.example".to_owned(),
        code: Some(code.to_owned()),
        message: Some(format!("It fails: {code}.")),
        ..Default::default()
    };
    let got = mailbox.ingest().report_inbox_error(Client::operator().ask(request)).await.answer();
    (got.inbox.expect("an inbox"), got.changed)
}

async fn resolve(mailbox: &TestMailbox) -> (Inbox, bool) {
    mailbox.tick();
    let request = ResolveInboxErrorRequest {
        tenant_id: mailbox.tenant.id.clone(),
        inbox_id: mailbox.tenant.inbox.clone(),
        ..Default::default()
    };
    let got = mailbox.ingest().resolve_inbox_error(Client::operator().ask(request)).await.answer();
    (got.inbox.expect("an inbox"), got.changed)
}

async fn an_inbox_tells_of_its_error_at_the_edge_and_not_again(mailbox: TestMailbox) {
    let endpoint = mailbox.endpoint(&mailbox.tenant.key, &["inbox.error"]).await.id;
    assert!(!resolve(&mailbox).await.1, "it works");
    let (first, news) = report(&mailbox, "auth_failed").await;
    assert!(news);
    assert_eq!(first.status(), InboxStatus::Error);
    let (same, news) = report(&mailbox, "auth_failed").await;
    assert!(!news);
    assert_eq!(same, first, "a repeat changes nothing");
    let (other, news) = report(&mailbox, "timeout").await;
    assert!(news);
    let since = |inbox: &Inbox| inbox.error.as_ref().and_then(|error| error.since);
    assert_eq!(since(&other), since(&first), "it fails since it last worked");
    let (works, changed) = resolve(&mailbox).await;
    assert!(changed);
    assert_eq!((works.status(), works.error), (InboxStatus::Active, None));
    assert!(report(&mailbox, "timeout").await.1, "it worked between");
    let bodies = mailbox.bodies(&mailbox.tenant.operator, &endpoint).await;
    let codes: Vec<String> = bodies
        .iter()
        .map(|body| serde_json::from_str::<serde_json::Value>(body).expect("JSON"))
        .map(|event| event["data"]["error"]["code"].as_str().expect("a code").to_owned())
        .collect();
    assert_eq!(codes, ["auth_failed", "timeout", "timeout"]);
}

on_both!(TestMailbox: an_inbox_tells_of_its_error_at_the_edge_and_not_again);
