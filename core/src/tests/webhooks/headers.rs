//! Custom headers: which are accepted, what is shown, and where the values are stored.

use super::{Changes, New, get, update};
use crate::tests::support::{Came as _, TestCore, new_endpoint, on_both, violations};
use inboxops_proto::{failure::Failure, v1};

pub(super) fn header(name: &str, value: &str) -> v1::NewEndpointHeader {
    v1::NewEndpointHeader { name: Some(name.to_owned()), value: Some(value.to_owned()) }
}

fn names(endpoint: &v1::WebhookEndpoint) -> Vec<&str> {
    endpoint.headers.iter().map(|header| header.name.as_str()).collect()
}

async fn values_are_sealed_and_only_names_are_shown(core: TestCore) {
    let tenant = core.tenant().await;
    let request = New {
        headers: vec![header("Authorization", "Bearer s3cret-of-the-receiver"), header(" X-Team ", " blue sky ")],
        ..new_endpoint(&["*"])
    };
    let made = core.webhooks().create_webhook_endpoint(tenant.key.ask(request)).await.answer().endpoint.expect("one");
    assert_eq!(names(&made), ["Authorization", "X-Team"]);
    assert_eq!(names(&get(&core, &tenant.key, &made.id).await), ["Authorization", "X-Team"]);
    let rows = core.rows().await;
    assert!(!rows.hold("s3cret-of-the-receiver") && !rows.hold("X-Team"), "in plain text in the database");
}

async fn a_change_replaces_the_whole_list_and_only_when_it_names_it(core: TestCore) {
    let tenant = core.tenant().await;
    let id = core.endpoint(&tenant.key, &["*"]).await.id;
    let changes = Changes { headers: vec![header("X-A", "1"), header("X-B", "2")], ..Default::default() };
    update(&core, &tenant.key, &id, changes).await.expect("a change");
    let changes = Changes { description: Some("CRM".to_owned()), ..Default::default() };
    assert_eq!(names(&update(&core, &tenant.key, &id, changes).await.expect("a change")), ["X-A", "X-B"]);
    let changes = Changes { headers: vec![header("X-C", "3")], ..Default::default() };
    assert_eq!(names(&update(&core, &tenant.key, &id, changes).await.expect("a change")), ["X-C"]);
    let none = v1::UpdateWebhookEndpointRequest {
        endpoint_id: id.clone(),
        endpoint: Some(Changes::default()),
        update_mask: Some(prost_types::FieldMask { paths: vec!["headers".to_owned()] }),
    };
    let cleared = core.webhooks().update_webhook_endpoint(tenant.key.ask(none)).await.answer().endpoint.expect("one");
    assert_eq!(names(&cleared), [""; 0]);
}

async fn what_would_replace_ours_or_break_the_message_is_refused(core: TestCore) {
    let tenant = core.tenant().await;
    let id = core.endpoint(&tenant.key, &["*"]).await.id;
    let long = "x".repeat(1025);
    let cases = [
        (
            vec![header("Webhook-Id", "1"), header("X-InboxOps-Event", "x")],
            vec![("headers[0].name", "invalid_format"), ("headers[1].name", "invalid_format")],
        ),
        (
            vec![header("Host", "evil.example"), header("Cookie", "a=b")],
            vec![("headers[0].name", "invalid_format"), ("headers[1].name", "invalid_format")],
        ),
        (vec![header("X-A", "1"), header("x-a", "2")], vec![("headers[1].name", "invalid_format")]),
        (vec![header("X-A", "a\r\nHost: evil")], vec![("headers[0].value", "invalid_format")]),
        (
            vec![header("X A", "1"), header("X-Ü", "1")],
            vec![("headers[0].name", "invalid_format"), ("headers[1].name", "invalid_format")],
        ),
        (vec![header("X-A", "ä")], vec![("headers[0].value", "invalid_format")]),
        (vec![header("X-A", " ")], vec![("headers[0].value", "blank")]),
        (
            vec![v1::NewEndpointHeader::default()],
            vec![("headers[0].name", "required"), ("headers[0].value", "required")],
        ),
        (vec![header("X-A", &long)], vec![("headers[0].value", "too_long")]),
        ((0..7).map(|n| header(&format!("X-{n}"), &long[..1000])).collect(), vec![("headers", "limit_exceeded")]),
        ((0..21).map(|n| header(&format!("X-{n}"), "1")).collect(), vec![("headers", "limit_exceeded")]),
    ];
    for (headers, expected) in cases {
        let request = New { headers: headers.clone(), ..new_endpoint(&["*"]) };
        let failure = core.webhooks().create_webhook_endpoint(tenant.key.ask(request)).await.refusal();
        assert_eq!(violations(&failure), expected);
        assert!(!format!("{failure:?}").contains("evil"), "the value is not repeated");
        let changes = Changes { headers, ..Default::default() };
        let failure = Failure::of(&update(&core, &tenant.key, &id, changes).await.unwrap_err());
        assert_eq!(violations(&failure), expected);
    }
    let both =
        New { url: Some("https://10.0.0.1/".to_owned()), headers: vec![header("TE", "x")], ..new_endpoint(&["*"]) };
    let failure = core.webhooks().create_webhook_endpoint(tenant.key.ask(both)).await.refusal();
    assert_eq!(
        violations(&failure),
        [("url", "invalid_format"), ("headers[0].name", "invalid_format")],
        "all in one answer"
    );
    let most = New { headers: (0..20).map(|n| header(&format!("X-{n}"), "1")).collect(), ..new_endpoint(&["*"]) };
    core.webhooks().create_webhook_endpoint(tenant.key.ask(most)).await.answer();
}

on_both!(TestCore:
    values_are_sealed_and_only_names_are_shown,
    a_change_replaces_the_whole_list_and_only_when_it_names_it,
    what_would_replace_ours_or_break_the_message_is_refused,
);
